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

from tradewright.core.environment import Environment
from tradewright.core.errors import Conflict, InvalidInput, Problem
from tradewright.core.fault import Fault
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.secret import SecretText
from tradewright.exchange.bybit.environments import ENVIRONMENTS, USUAL_REGION
from tradewright.exchange.bybit.proxy import BadProxy, parse_proxy
from tradewright.exchange.ports import ApiKey
from tradewright.vault.digests import DigestKey

ConnectionState = Literal["checking", "ok", "refused", "removed"]
LIVE_CLOSED = Fault("connection.live_closed")  # while the installation does not allow real trading
READ_ONLY = "connection.read_only"  # the account is watched, and nothing is sent for it
ADDRESS_BLOCKED = "connection.address_blocked"  # by the exchange: nothing may be asked for a while
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


class AlreadyOwned(Conflict):
    """The exchange account is connected in this installation already; by whom is nobody's business."""

    code = "connection.already_owned"


class OtherAccount(Conflict):
    """The new key is of another account of the exchange than the connection's."""

    code = "connection.other_account"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is secret of a connection. The proxy is among it, because it may hold a password."""

    key: str = field(repr=False)
    secret: SecretText
    proxy: SecretText | None

    @classmethod
    def of(cls, key: str, secret: str, proxy: str | None) -> Credentials:
        return cls(key, SecretText(secret), None if proxy is None else SecretText(proxy))

    @property
    def proxy_text(self) -> str | None:
        return None if self.proxy is None else self.proxy.reveal()

    def api_key(self) -> ApiKey:
        return ApiKey(self.key, self.secret.reveal())

    def as_bytes(self) -> bytes:
        return json.dumps({"key": self.key, "secret": self.secret.reveal(), "proxy": self.proxy_text}).encode()


def read_credentials(content: bytes) -> Credentials:
    """The credentials of an opened box; it was made here, so anything else is a bug."""
    fields = json.loads(content)
    return Credentials.of(fields["key"], fields["secret"], fields["proxy"])


def key_shown(key: str) -> str:
    """The key's last four characters, or fewer of a short one, so that most of it stays unknown."""
    return key[-min(_SHOWN, len(key) // 2) :]


def credential_problems(key: str, secret: str) -> list[Problem]:
    """What is wrong with a key as it was typed; no fault repeats it."""
    problems = []
    if not _KEY.fullmatch(key):
        problems.append(Problem("connection.key_text", "key"))
    if not _SECRET.fullmatch(secret):
        problems.append(Problem("connection.secret_text", "secret"))
    return problems


def proxy_problems(proxy: str | None) -> list[Problem]:
    if proxy is not None:
        try:
            parse_proxy(proxy)
        except BadProxy as fault:
            return [Problem("connection.proxy_invalid", "proxy", {"reason": str(fault)})]
    return []


def proxy_shown(proxy: str | None) -> str | None:
    """Without user and password."""
    return None if proxy is None else parse_proxy(proxy).shown


def region_problems(environment: Environment, region: str) -> list[Problem]:
    regions = regions_of(environment)
    if region in regions:
        return []
    return [Problem("connection.region_unknown", "region", {"value": region, "allowed": ", ".join(regions)})]


def regions_of(environment: Environment) -> tuple[str, ...]:
    return (USUAL_REGION,) if environment == "sim" else tuple(ENVIRONMENTS[environment].regions)


def name_problems(name: str) -> list[Problem]:
    return [] if name.strip() else [Problem("connection.name_empty", "name")]


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
        return key_shown(self.credentials.key)

    @property
    def proxy_shown(self) -> str | None:
        return proxy_shown(self.credentials.proxy_text)

    def digest(self, key: DigestKey) -> bytes:
        """What is compared when the same id comes again; it covers the secret."""
        said = [str(self.id), self.environment, self.name, self.region]
        return key.digest(json.dumps(said).encode() + b"\x00" + self.credentials.as_bytes())

    def checked_environment(self, *, real_trading: bool) -> Environment:
        """Raises `InvalidInput` with every fault of what was asked; no fault repeats a secret."""
        secret = self.credentials.secret.reveal()
        problems = [
            *self._environment_problems(real_trading),
            *name_problems(self.name),
            *credential_problems(self.credentials.key, secret),
            *proxy_problems(self.credentials.proxy_text),
        ]
        if problems:
            raise InvalidInput(problems)
        return cast(Environment, self.environment)

    def _environment_problems(self, real_trading: bool) -> list[Problem]:
        refusal = refusal_of(self.environment, real_trading=real_trading)
        if refusal is not None:
            return [Problem(refusal.code, "environment", refusal.params)]
        return region_problems(cast(Environment, self.environment), self.region)


def refusal_of(environment: str, *, real_trading: bool) -> Fault | None:
    """Why no connection can be added in an environment now; None: it can. `real_trading`: whether the installation
    allows it."""
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
class ShownChange:
    """Another key, region or proxy that was asked for: until the exchange has said that it is good, the old one holds.

    `key_shown` is None where the key stays.
    """

    id: UUID
    state: Literal["checking", "refused"]
    reason: Fault | None
    key_shown: str | None
    region: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection as it is held, without anything secret."""

    id: UUID
    workspace_id: WorkspaceId
    environment: Environment
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
    change: ShownChange | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, for the audit trail."""

    user_id: UserId
    ip: str | None
