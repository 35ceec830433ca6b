"""Types of connections: what is asked, what is held, and what may be wrong with it.

Lives here: `NewConnection`, `Connection`, `Credentials` and how they are written into a box; the errors. No I/O.
Not here: rows (`tables`), JSON shapes (`web.schemas.connections`), what an answer of the exchange means (`verdicts`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from tradewright.core.errors import Conflict, InvalidInput, Problem
from tradewright.core.fault import Fault
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.exchange.bybit.environments import ENVIRONMENTS, RemoteEnvironment
from tradewright.exchange.bybit.proxy import BadProxy, parse_proxy
from tradewright.exchange.ports import ApiKey
from tradewright.vault.digests import DigestKey

ConnectionState = Literal["checking", "ok", "refused", "removed"]
LIVE_CLOSED = Fault("connection.live_closed")  # while the installation does not allow real trading
ADDRESS_BLOCKED = "connection.address_blocked"  # by the exchange: nothing may be asked for a while
SIM_REFUSED = Fault("connection.sim_has_no_key")
_KEY = re.compile(r"[\x21-\x7e]{4,200}")  # it travels in a header
_SECRET = re.compile(r"[\x21-\x7e]{4,200}")
_SHOWN = 4


class ConnectionConflict(Conflict):
    """The connection's id was used for something else."""

    code = "connection.conflict"


class TooManyConnections(Conflict):
    """The workspace has as many connections as it may."""

    code = "connection.too_many"


class ConnectionRemoved(Conflict):
    """The connection was removed; its key is gone."""

    code = "connection.removed"


class KeyWiped(Conflict):
    """The key was refused for good and is gone; add it anew once it is another one."""

    code = "connection.key_wiped"


class AccountHeld(Conflict):
    """An acceptance uses the account now; it is not woken before that has ended."""

    code = "connection.account_held"


class AlreadyConnected(Conflict):
    """The exchange account is connected in this installation already."""

    code = "connection.already_connected"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is secret of a connection. The proxy is among it, because it may hold a password."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    proxy: str | None = field(repr=False)

    def api_key(self) -> ApiKey:
        return ApiKey(self.key, self.secret)

    def as_bytes(self) -> bytes:
        return json.dumps({"key": self.key, "secret": self.secret, "proxy": self.proxy}).encode()


def read_credentials(content: bytes) -> Credentials:
    """The credentials of an opened box; it was made here, so anything else is a bug."""
    fields = json.loads(content)
    return Credentials(fields["key"], fields["secret"], fields["proxy"])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnection:
    """A connection as asked; the id is made by who asks, once per connection."""

    id: UUID
    environment: str
    name: str
    region: str
    credentials: Credentials

    @property
    def key_shown(self) -> str:
        """The key's last four characters, or fewer of a short one, so that most of it stays unknown."""
        key = self.credentials.key
        return key[-min(_SHOWN, len(key) // 2) :]

    @property
    def proxy_shown(self) -> str | None:
        return None if self.credentials.proxy is None else parse_proxy(self.credentials.proxy).shown

    def digest(self, key: DigestKey) -> bytes:
        """What is compared when the same id comes again; it covers the secret."""
        said = [str(self.id), self.environment, self.name, self.region]
        return key.digest(json.dumps(said).encode() + b"\x00" + self.credentials.as_bytes())

    def checked_environment(self, *, real_trading: bool) -> RemoteEnvironment:
        """Raises `InvalidInput` with every fault of what was asked; no fault repeats a secret."""
        problems = [*self._environment_problems(real_trading), *self._credential_problems()]
        if problems:
            raise InvalidInput(problems)
        return cast(RemoteEnvironment, self.environment)

    def _environment_problems(self, real_trading: bool) -> list[Problem]:
        refusal = refusal_of(self.environment, real_trading=real_trading)
        if refusal is not None:
            return [Problem(refusal.code, "environment", refusal.params)]
        regions = ENVIRONMENTS[cast(RemoteEnvironment, self.environment)].regions
        if self.region in regions:
            return []
        return [Problem("connection.region_unknown", "region", {"value": self.region, "allowed": ", ".join(regions)})]

    def _credential_problems(self) -> list[Problem]:
        problems = []
        if not self.name.strip():
            problems.append(Problem("connection.name_empty", "name"))
        if not _KEY.fullmatch(self.credentials.key):
            problems.append(Problem("connection.key_text", "key"))
        if not _SECRET.fullmatch(self.credentials.secret):
            problems.append(Problem("connection.secret_text", "secret"))
        if self.credentials.proxy is not None:
            try:
                parse_proxy(self.credentials.proxy)
            except BadProxy as fault:
                problems.append(Problem("connection.proxy_invalid", "proxy", {"reason": str(fault)}))
        return problems


def refusal_of(environment: str, *, real_trading: bool) -> Fault | None:
    """Why no connection can be added in an environment now; None: it can. `real_trading`: whether the installation
    allows it."""
    if environment == "sim":
        return SIM_REFUSED
    return LIVE_CLOSED if environment == "live" and not real_trading else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFacts:
    """What the exchange said of the key, as far as a person needs it."""

    uid: str
    read_only: bool
    permissions: Mapping[str, tuple[str, ...]]
    ips: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection as it is held, without anything secret."""

    id: UUID
    workspace_id: WorkspaceId
    environment: RemoteEnvironment
    name: str
    state: ConnectionState
    reason: Fault | None
    account_id: AccountId | None
    key_shown: str
    region: str
    proxy_shown: str | None
    facts: ShownFacts | None
    created_at: datetime
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, for the audit trail."""

    user_id: UserId
    ip: str | None
