"""How an account is reached: with which key, where, and through what.

Lives here: `Way`, `way_to` for the simulated exchange's own account and for those of connections. Not here: what goes
that way (`sessions`, `key_checks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.connections.boxes import Access, access_of
from tradewright.connections.model import Connection, Credentials
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import CATEGORIES, Category
from tradewright.exchange.bybit.errors import ProxyUnavailable
from tradewright.exchange.bybit.proxy import BadProxy, Proxy, proxy_or_none
from tradewright.exchange.ports import ApiKey, EndpointSource
from tradewright.installation import read_private
from tradewright.settings import Settings
from tradewright.storage.engine import reading
from tradewright.trading.model import AccountRef
from tradewright.vault.opening import Opener


@dataclass(frozen=True, slots=True)
class Way:
    """To one account: where, with which key, through what, and what may be traded there. `access` is None for the
    simulated exchange's own account, which has no connection."""

    endpoints: EndpointSource
    key: ApiKey
    proxy: Proxy | None
    categories: Sequence[Category]
    access: Access | None = None

    @property
    def is_read_only(self) -> bool:
        """By what the exchange said last of the connection's key."""
        facts = None if self.access is None else self.access.connection.facts
        return facts is not None and facts.read_only


async def way_to(ground: Ground, places: ExchangePlaces, keyring: Opener, account: AccountRef) -> Way:
    """Raises `ExchangeUnavailable`, `NotFound`, `Unopenable`, `StartError`."""
    if account.environment == "sim" and not await _is_connected(ground, account):
        return _simulated_way(ground.settings, places, account)
    async with reading(ground.engine) as connection:
        access = await access_of(connection, keyring, account.workspace_id, account.id)
    return Way(
        endpoints=places.endpoints(access.connection.environment, access.connection.region),
        key=access.credentials.api_key(),
        proxy=proxy_of(places, access.connection, access.credentials),
        categories=access.categories,
        access=access,
    )


async def _is_connected(ground: Ground, account: AccountRef) -> bool:
    """Whether it was added by a key, or is the simulated exchange's own."""
    async with reading(ground.engine) as connection:
        return bool(
            await connection.scalar(
                text("SELECT connection_id IS NOT NULL FROM accounts WHERE id = :id AND workspace_id = :workspace"),
                {"id": account.id, "workspace": account.workspace_id},
            )
        )


def _simulated_way(settings: Settings, places: ExchangePlaces, account: AccountRef) -> Way:
    keys = _sim_keys(settings)
    if keys["uid"] != account.uid:
        raise ExchangeUnavailable(
            f"the simulated exchange that runs has the account {keys['uid']}, not {account.uid}; it rests until its"
            f" own market runs again"
        )
    key = ApiKey(keys["trading"]["key"], keys["trading"]["secret"])
    return Way(places.endpoints("sim"), key, None, CATEGORIES)


def _sim_keys(settings: Settings) -> dict[str, Any]:
    """The running simulated exchange's keys and UID. Raises `StartError` while it has not said where they are."""
    ready = read_private(settings.exchange_ready_file, "the simulated exchange's address")
    return read_private(Path(ready["keys_file"]), "the simulated exchange's key file")


def proxy_of(places: ExchangePlaces, connection: Connection, credentials: Credentials) -> Proxy | None:
    """The connection's own proxy, else its environment's. Raises `ProxyUnavailable` for an address that is none."""
    try:
        return proxy_or_none(credentials.proxy_text or places.proxy(connection.environment))
    except BadProxy as fault:  # it was one when it was added, by the rules of another version
        raise ProxyUnavailable(f"the connection's proxy: {fault}; change it on the page of accounts") from fault
