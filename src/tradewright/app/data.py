"""What `tradewright data` is made of: the store of this HOME, and public reads of an environment's exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tradewright import logs
from tradewright.app.exchanges import ExchangePlaces
from tradewright.cli.data import DownloadOptions
from tradewright.core.clock import milliseconds
from tradewright.exchange.bybit.archive import ARCHIVE_ADDRESS, BybitArchive
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.proxy import proxy_or_none
from tradewright.market.history.archive_download import download_archive
from tradewright.market.history.downloading import Downloaded, Progress, download
from tradewright.market.history.store import DataStore
from tradewright.settings import Settings, load
from tradewright.system import SystemClock, SystemRng


def data_store() -> DataStore:
    return DataStore(load().data_home, SystemClock())


def download_candles(options: DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
    """As `market.history.downloading.download`, or as `archive_download.download_archive`; the environment's address,
    proxy and budget of calls are those of the settings in force."""
    settings = load()
    logs.configure(process="data", level="warning", form=settings.log_format)
    if options.source == "archive":
        return asyncio.run(_download_archive(settings, options, tell))
    return asyncio.run(_download(settings, options, tell))


async def _download(settings: Settings, options: DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
    places, clock = ExchangePlaces(settings), SystemClock()
    endpoints, proxy = places.public_endpoints(options.environment), proxy_or_none(places.proxy(options.environment))
    market = BybitMarketGateway(
        endpoints,
        clock=clock,
        log=structlog.get_logger().bind(environment=options.environment),
        proxy=proxy,
        address=places.address(options.environment, proxy),
        rng=SystemRng(),
    )
    try:
        return await download(
            market,
            DataStore(settings.data_home, clock),
            options.series,
            from_ms=options.from_ms,
            to_ms=milliseconds(clock.now()) if options.to_ms is None else options.to_ms,
            source=endpoints().rest,
            clock=clock,
            tell=tell,
        )
    finally:
        await market.close()


async def _download_archive(
    settings: Settings, options: DownloadOptions, tell: Callable[[Progress], None]
) -> Downloaded:
    clock = SystemClock()
    proxy = proxy_or_none(ExchangePlaces(settings).proxy(options.environment))
    archive = BybitArchive(options.archive_address or ARCHIVE_ADDRESS, proxy)
    try:
        return await download_archive(
            archive,
            DataStore(settings.data_home, clock),
            options.series,
            from_ms=options.from_ms,
            to_ms=milliseconds(clock.now()) if options.to_ms is None else options.to_ms,
            clock=clock,
            tell=tell,
        )
    finally:
        await archive.close()
