"""Shapes of exchange connections. No answer ever holds a secret: a key is shown by its last four characters."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from tradewright.web.schemas.accounts import Capabilities
from tradewright.web.schemas.base import DecimalText, Environment, Fault, IdText, Input, Output, PlainText, UnixMs

SecretText = Annotated[SecretStr, Field(min_length=1, max_length=4_096, strict=False)]


class Region(Output):
    """A regional host of an environment. `id` "global" is the usual one."""

    id: str
    rest: str


class EnvironmentFacts(Output):
    """What an environment is and can do. `refusal` says why no connection can be added there now; null: it can."""

    environment: Environment
    refusal: Fault | None
    capabilities: Capabilities
    regions: list[Region]
    uncertain: list[str] = Field(description="Capabilities that the exchange's documentation leaves open, by name")


class EnvironmentList(Output):
    environments: list[EnvironmentFacts]


class NewConnection(Input):
    """Adds an account by its API key. Key, secret and proxy are sealed before they are stored."""

    id: IdText = Field(description="Made by the caller; the same id and body again is the same connection")
    environment: Environment
    name: Annotated[PlainText, Field(min_length=1)]
    key: SecretText
    secret: SecretText
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "global"
    proxy: SecretText | None = Field(
        None, description="http://…, https://…, socks5://… or socks5h://…, may hold user and password; null: direct"
    )


class KeyFacts(Output):
    uid: str
    read_only: bool
    permissions: dict[str, list[str]]
    ips: list[str]
    expires_ms: UnixMs | None


class ConnectionChange(Output):
    """Another key, region or proxy that was asked for; until it is found good, what was in force stays."""

    id: UUID
    state: Literal["checking", "refused"]
    reason: Fault | None
    key_shown: str | None = Field(description="The last four characters of the new key; null: the key stays")
    region: str
    created_ms: UnixMs


class TopUp(Output):
    """Play money of a demo account. `unknown`: nobody knows whether it came; the balance says it."""

    id: UUID
    coin: str
    amount: DecimalText
    state: Literal["asked", "sending", "done", "refused", "unknown"]
    reason: Fault | None
    created_ms: UnixMs


class Connection(Output):
    id: UUID
    environment: Environment
    name: str
    state: Literal["checking", "ok", "refused", "removed"]
    reason: Fault | None = Field(description="Why it was refused, or why it cannot be checked now")
    account_id: UUID | None = Field(description="Its account, once the key was found good")
    key_shown: str = Field(description="The last four characters of the key")
    region: str
    host: str = Field(description="Where its requests go")
    proxy_shown: str | None = Field(description="The proxy without user and password")
    key_facts: KeyFacts | None
    warnings: list[Fault] = Field(description="What could be safer, or will end, of a key that is taken")
    change: ConnectionChange | None
    created_ms: UnixMs
    checked_ms: UnixMs | None


class ConnectionList(Output):
    connections: list[Connection]


class ConnectionAnswer(Output):
    connection: Connection


class RenameConnection(Input):
    name: Annotated[PlainText, Field(min_length=1)]


class ChangeConnection(Input):
    """Another key of the same exchange account, another region, another proxy, or several of them.

    What is not given stays. It is sealed before it is stored, and the old one holds until the exchange has said that
    the new one is good.
    """

    id: IdText = Field(description="Made by the caller; the same id again is the same change")
    key: SecretText | None = None
    secret: SecretText | None = None
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] | None = None
    keep_proxy: bool = Field(True, description="False: `proxy` holds from then on, null for none")
    proxy: SecretText | None = None


class AskTopUp(Input):
    """At most 100000 USDT or USDC, 15 BTC or 200 ETH at once, once a minute."""

    id: IdText = Field(description="Made by the caller; the same id again is the same asking")
    coin: Literal["USDT", "USDC", "BTC", "ETH"]
    amount: DecimalText


class TopUpAnswer(Output):
    top_up: TopUp | None


class RemoveConnection(Input):
    """The name typed once more. The key is wiped; orders and positions at the exchange stay as they are."""

    name: Annotated[PlainText, Field(min_length=1)]
