"""The accounts of one exchange: each with its keys, its log, its engine and its endpoints.

Lives here: `Member` and finding one by a key. Not here: how one is made (`server`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tradewright.simulator.accounts.keys import ApiKey, KeyRing
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Endpoint, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One account. `endpoints` are its private ones."""

    keys: KeyRing
    log: EventLog
    engine: Engine
    endpoints: dict[Route, Endpoint]

    @property
    def uid(self) -> str:
        return self.keys.uid


class Members:
    """All accounts, in the order they joined; there is always the first."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Member] = {}

    def add(self, member: Member) -> None:
        assert member.uid not in self._by_uid, f"uid {member.uid} is taken"
        self._by_uid[member.uid] = member

    def __iter__(self) -> Iterator[Member]:
        return iter(self._by_uid.values())

    @property
    def first(self) -> Member:
        """The account that the exchange was started with."""
        return next(iter(self._by_uid.values()))

    def find(self, key: str) -> ApiKey | None:
        """The key pair with this public half, of whatever account."""
        return next((found for member in self if (found := member.keys.find(key)) is not None), None)

    def of(self, key: ApiKey) -> Member:
        """The account that a key of `find` belongs to."""
        return self._by_uid[key.uid]

    def by_uid(self, uid: str) -> Member | None:
        return self._by_uid.get(uid)

    def serves(self, route: Route) -> bool:
        """Whether there is such a private endpoint: all accounts have the same."""
        return route in self.first.endpoints

    def endpoint(self, route: Route, key: ApiKey | None) -> Endpoint:
        """The account's own endpoint; without a key the first one's, which says the same of itself."""
        return (self.first if key is None else self.of(key)).endpoints[route]

    def as_rows(self) -> list[dict[str, Any]]:
        return [{"uid": member.uid, "entries": len(member.log.entries)} for member in self]
