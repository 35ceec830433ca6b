"""What `tradewright data` is made of: the store of this HOME, and public reads of an environment's exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tradewright import logs
from tradewright.app.exchanges import ExchangePlaces
from tradewright.cli.data import DownloadOptions
from tradewright.cli.data_funding import FundingOptions
from tradewright.core.clock import milliseconds
from tradewright.core.environment import Environment
from tradewright.exchange.bybit.archive import ARCHIVE_ADDRESS, BybitArchive
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.proxy import proxy_or_none
from tradewright.market.history.archive_download import download_archive
from tradewright.market.history.downloading import Downloaded, Progress, download
from tradewright.market.history.funding_download import DownloadedFunding, download_funding
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.store import DataStore
from tradewright.settings import Settings, load
from tradewright.system import SystemClock, SystemRng

_LATEST_MS = 4_102_444_800_000  # 2100-01-01


def data_store() -> DataStore:
    return DataStore(load().data_home, SystemClock())


def funding_store() -> FundingStore:
    return FundingStore(load().data_home)


def download_funding_rates(options: FundingOptions) -> DownloadedFunding:
    """As `market.history.funding_download.download_funding`, by the settings in force."""
    settings = load()
    logs.configure(process="data", level="warning", form=settings.log_format)
    return asyncio.run(_download_funding(settings, options))


async def _download_funding(settings: Settings, options: FundingOptions) -> DownloadedFunding:
    clock = SystemClock()
    market = _market(settings, options.environment, clock)
    try:
        return await download_funding(
            market,
            FundingStore(settings.data_home),
            options.series,
            from_ms=options.from_ms,
            # Up to the market's own now, which may be of another year than ours.
            to_ms=_LATEST_MS if options.to_ms is None else options.to_ms,
            clock=clock,
        )
    finally:
        await market.close()


def download_candles(options: DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
    """As `market.history.downloading.download`, or as `archive_download.download_archive`; the environment's address,
    proxy and budget of calls are those of the settings in force."""
    settings = load()
    logs.configure(process="data", level="warning", form=settings.log_format)
    if options.source == "archive":
        return asyncio.run(_download_archive(settings, options, tell))
    return asyncio.run(_download(settings, options, tell))


async def _download(settings: Settings, options: DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
    clock = SystemClock()
    market = _market(settings, options.environment, clock)
    try:
        return await download(
            market,
            DataStore(settings.data_home, clock),
            options.series,
            from_ms=options.from_ms,
            to_ms=milliseconds(clock.now()) if options.to_ms is None else options.to_ms,
            source=ExchangePlaces(settings).public_endpoints(options.environment)().rest,
            clock=clock,
            tell=tell,
        )
    finally:
        await market.close()


def _market(settings: Settings, environment: Environment, clock: SystemClock) -> BybitMarketGateway:
    places = ExchangePlaces(settings)
    proxy = proxy_or_none(places.proxy(environment))
    return BybitMarketGateway(
        places.public_endpoints(environment),
        clock=clock,
        log=structlog.get_logger().bind(environment=environment),
        proxy=proxy,
        address=places.address(environment, proxy),
        rng=SystemRng(),
    )


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
