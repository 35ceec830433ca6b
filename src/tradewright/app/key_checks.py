"""The checks of keys that were added, or shall take another's place, put together.

Lives here: `key_checker`, `change_checker`, `top_ups`. Not here: their rounds (`connections`), sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.ways import proxy_of
from tradewright.connections.asking import CheckParts
from tradewright.connections.change_checks import ChangeChecker
from tradewright.connections.checks import KeyChecker
from tradewright.connections.model import AlreadyOwned, Connection, Credentials
from tradewright.connections.store import GoodKey, Provision
from tradewright.connections.top_up_rounds import TopUps
from tradewright.core.ids import AccountId
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.trading.provision import connect_account, reroute_account, rest_account_of
from tradewright.vault.opening import Opener


def key_checker(ground: Ground, places: ExchangePlaces, keyring: Opener) -> KeyChecker:
    """The check of keys that were added; an account is made here of what was found good."""
    return KeyChecker(_parts(ground, places, keyring), rest_account=rest_account_of)


def change_checker(ground: Ground, places: ExchangePlaces, keyring: Opener) -> ChangeChecker:
    """The check of what shall take the place of a key, a region or a proxy."""
    return ChangeChecker(_parts(ground, places, keyring), reroute=reroute_account)


def top_ups(ground: Ground, places: ExchangePlaces, keyring: Opener) -> TopUps:
    """Asks for play money for demo accounts."""
    return TopUps(
        ground.engine,
        ground.bus,
        keyring,
        open_reader(ground, places),
        clock=ground.clock,
        rng=ground.rng,
        ids=ground.ids,
    )


def open_reader(ground: Ground, places: ExchangePlaces) -> Callable[[Connection, Credentials], BybitOrderGateway]:
    def opened(connection: Connection, credentials: Credentials) -> BybitOrderGateway:
        proxy = proxy_of(places, connection, credentials)
        return BybitOrderGateway(
            places.endpoints(connection.environment, connection.region),
            credentials.api_key(),
            clock=ground.clock,
            log=structlog.get_logger().bind(connection_id=str(connection.id)),
            proxy=proxy,
            address=places.address(connection.environment, proxy),
            rng=ground.rng,
        )

    return opened


def _parts(ground: Ground, places: ExchangePlaces, keyring: Opener) -> CheckParts:
    return CheckParts(
        engine=ground.engine,
        bus=ground.bus,
        keyring=keyring,
        open_reader=open_reader(ground, places),
        provision=_provision(ground),
        clock=ground.clock,
        rng=ground.rng,
        ids=ground.ids,
    )


def _provision(ground: Ground) -> Provision:
    async def provision(transaction: AsyncConnection, good: GoodKey, now: datetime) -> AccountId:
        account_id = await connect_account(
            transaction,
            connection_id=good.connection.id,
            workspace_id=good.connection.workspace_id,
            environment=good.connection.environment,
            uid=good.facts.uid,
            name=good.connection.name,
            categories=good.categories,
            read_only=good.facts.read_only,
            now=now,
            ids=ground.ids,
        )
        if account_id is None:
            raise AlreadyOwned("this exchange account is connected in this installation already")
        return account_id

    return provision
