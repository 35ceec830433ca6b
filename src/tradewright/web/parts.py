"""What the web needs from the composition root, in one typed bundle.

Lives here: `WebParts`, `WebSettings`, and how a request reaches them. Nothing is built here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from tradewright.backtests.model import Quota
from tradewright.bots.admission import Slots
from tradewright.core.clock import Clock, Ids
from tradewright.core.environment import Environment
from tradewright.identity.passwords import Passwords
from tradewright.identity.quota_model import QuotaDefaults
from tradewright.identity.sessions import SessionLimits
from tradewright.market.history.store import DataStore
from tradewright.market.markets import Markets
from tradewright.notify.sending import Sending
from tradewright.storage.bus import Bus
from tradewright.trading.kill.pulling import KillDesk
from tradewright.vault.digests import DigestKey
from tradewright.vault.sealing import SealingKey
from tradewright.vault.service import LiveServiceKeyring
from tradewright.web.proxied import Network
from tradewright.web.remembered import Remembered
from tradewright.web.specs import SpecDesk
from tradewright.web.token_guard import TokenGuard


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The settings that the web reads.

    `hosts` are names the server answers to beside localhost, 127.0.0.1 and [::1] (no port); `origins` are origins that
    may write beside the request's own (`https://trade.example.org`), for a proxy that changes the scheme or the port.
    With `proxies` it is only reached through one of them; `is_insecure`: in plain http over a network, as wished.
    `real_trading`: whether who runs the machine allows it; each account is armed beside that.
    """

    version: str
    port: int
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    proxies: tuple[Network, ...] = ()
    is_insecure: bool = False
    real_trading: bool = False


@dataclass(frozen=True, slots=True)
class SimAccount:
    """The account on the simulated exchange that runs: its UID there, and the name of its market."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything the application uses; it starts and stops none of them.

    `sealing_key` gives what seals an exchange key, `digest_key` what a request that brings one is known again by; both
    raise `vault.sealing.VaultNotReady` while there is none; `service_keyring` wraps and unwraps what this process must
    open itself (second factors, webhooks) and knows nothing of exchange keys;
    `kill` stops accounts, also without the database; `sending` tries a person's channels; `remembered` is who was seen
    signed in lately, for that alone.
    `specs` reads strategies beside the loop; `candles` are those of backtests, `backtest_quota` how many there may be,
    `run_slots` how many runs at once.
    `session_limits` is how long a session lasts; `quotas` what holds where the operator has said nothing;
    `workspaces_of_user` how many a person may make.
    `rest_address` says where the requests of an environment's region go.
    `sim_account` tells the account on the simulated exchange, which a claim connects; it raises
    `web.errors.NotReady` while the simulated exchange has not said. None: no simulated exchange, no account is made.
    """

    engine: AsyncEngine
    bus: Bus
    markets: Markets
    clock: Clock
    ids: Ids
    passwords: Passwords
    settings: WebSettings
    sim_account: Callable[[], Awaitable[SimAccount]] | None
    sealing_key: Callable[[], SealingKey]
    digest_key: Callable[[], DigestKey]
    service_keyring: LiveServiceKeyring
    rest_address: Callable[[Environment, str], str]
    kill: KillDesk
    sending: Sending
    candles: DataStore
    backtest_quota: Quota = field(default_factory=Quota)
    run_slots: Slots = field(default_factory=lambda: Slots(defaults=QuotaDefaults()))
    session_limits: SessionLimits = field(default_factory=SessionLimits)
    quotas: QuotaDefaults = field(default_factory=QuotaDefaults)
    workspaces_of_user: int = 5
    remembered: Remembered = field(default_factory=Remembered)
    token_guard: TokenGuard = field(default_factory=TokenGuard)
    specs: SpecDesk = field(default_factory=SpecDesk)


def parts_of(connection: HTTPConnection) -> WebParts:
    return cast("WebParts", connection.app.state.parts)


Parts = Annotated[WebParts, Depends(parts_of)]
