"""What market data are made of in any process: gateways and streams of each environment, at the place it is.

Lives here: `follow_markets` (for the API), `instrument_refresher` (for the worker). Not here: what they do (`market`).
"""

from __future__ import annotations

import structlog

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.core.environment import Environment
from tradewright.core.errors import StartError
from tradewright.core.instrument import CATEGORIES
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.proxy import BadProxy, Proxy, proxy_or_none
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.market.instrument_refresher import InstrumentRefresher
from tradewright.market.instruments import InstrumentLists
from tradewright.market.markets import MarketData, Markets, market_data
from tradewright.trading.environments import environments_with_accounts
from tradewright.trading.provision import ACCOUNTS_CHANNEL


def follow_markets(ground: Ground, places: ExchangePlaces, lists: InstrumentLists) -> Markets:
    """The market of each environment that is wanted."""

    def open_market(environment: Environment) -> MarketData:
        log = structlog.get_logger()
        endpoints, proxy = places.public_endpoints(environment), _proxy(places, environment)
        streams = {
            category: BybitPublicStream(
                endpoints,
                category,
                clock=ground.clock,
                rng=ground.rng,
                log=log.bind(environment=environment),
                proxy=proxy,
                address=places.address(environment, proxy),
            )
            for category in CATEGORIES
        }
        market = market_gateway(ground, places, environment)
        return market_data(environment, market, streams, lists.of(environment), clock=ground.clock, log=log)

    return Markets(open_market, lambda: _wanted(ground), ground.bus.subscribe(ACCOUNTS_CHANNEL))


def instrument_refresher(ground: Ground, places: ExchangePlaces) -> InstrumentRefresher:
    """Reads the instruments of each environment that is wanted, for every process."""
    return InstrumentRefresher(
        ground.engine,
        ground.bus,
        lambda environment: market_gateway(ground, places, environment),
        lambda: _wanted(ground),
        accounts_channel=ACCOUNTS_CHANNEL,
        clock=ground.clock,
    )


def market_gateway(ground: Ground, places: ExchangePlaces, environment: Environment) -> BybitMarketGateway:
    """The public REST side of an environment, through its proxy where it has one."""
    log = structlog.get_logger().bind(environment=environment)
    endpoints, proxy = places.public_endpoints(environment), _proxy(places, environment)
    address = places.address(environment, proxy)
    return BybitMarketGateway(endpoints, clock=ground.clock, log=log, proxy=proxy, address=address, rng=ground.rng)


async def _wanted(ground: Ground) -> set[Environment]:
    """Those with an account, and the simulated one, which needs nobody's key and is there before the first account."""
    return {"sim", *await environments_with_accounts(ground.engine)}


def _proxy(places: ExchangePlaces, environment: Environment) -> Proxy | None:
    try:
        return proxy_or_none(places.proxy(environment))
    except BadProxy as error:
        raise StartError(f"TRADEWRIGHT_PROXY__{environment.upper()}: {error}", exit_code=2) from error
