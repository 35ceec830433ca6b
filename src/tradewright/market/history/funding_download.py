"""Funding rates of an exchange into the store.

Lives here: which pages are asked for, newest first, as the exchange tells them. Not here: the call
(`exchange.bybit.market_data`), the file (`funding_store`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import FundingRate
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.series import Series

PAGE_RATES: Final = 200
PAGES_MAX: Final = 1_000  # two hundred thousand rates: longer than any contract has been there
_TRIES: Final = 4  # of one page
_FIRST_WAIT_S: Final = 1.0  # doubled after each failed try


class FundingGateway(Protocol):
    """What a download needs of an exchange."""

    async def funding_rates(
        self, instrument: InstrumentId, *, start_ms: int, end_ms: int, limit: int
    ) -> Sequence[FundingRate]:
        """The newest of those due in [start, end], oldest first."""
        ...

    async def market_now_ms(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFunding:
    """`found` rates of the span the exchange has, `added` of them were not stored."""

    found: int
    added: int


async def download_funding(
    market: FundingGateway, store: FundingStore, series: Series, *, from_ms: int, to_ms: int, clock: Clock
) -> DownloadedFunding:
    """The rates due in [from, to) and up to now. Raises `ValueError` for an empty span or a category without funding,
    `ReadRefused`, `ExchangeUnavailable`, and what `FundingStore.add` raises."""
    if not 0 <= from_ms < to_ms:
        raise ValueError(f"the span is from {from_ms} to {to_ms}; its end must be after its begin")
    if series.category != "linear":
        raise ValueError(f"the category is {series.category}; only linear contracts pay funding")
    instrument = InstrumentId(series.category, series.symbol)
    end_ms = min(to_ms - 1, await market.market_now_ms())
    found: dict[int, Decimal] = {}
    for _ in range(PAGES_MAX):
        if end_ms < from_ms:
            break
        page = await _page(market, instrument, from_ms, end_ms, clock)
        found |= {one.due_at_ms: one.rate for one in page if from_ms <= one.due_at_ms <= end_ms}
        if len(page) < PAGE_RATES:
            break
        end_ms = min(page[0].due_at_ms, end_ms) - 1
    added = await asyncio.to_thread(store.add, series, sorted(found.items()))
    return DownloadedFunding(found=len(found), added=added)


async def _page(
    market: FundingGateway, instrument: InstrumentId, start_ms: int, end_ms: int, clock: Clock
) -> Sequence[FundingRate]:
    wait_s = _FIRST_WAIT_S
    for _ in range(_TRIES - 1):
        try:
            return await market.funding_rates(instrument, start_ms=start_ms, end_ms=end_ms, limit=PAGE_RATES)
        except ReadRefused:
            raise  # asking again brings the same
        except ExchangeUnavailable:
            await clock.sleep(wait_s)
            wait_s *= 2
    return await market.funding_rates(instrument, start_ms=start_ms, end_ms=end_ms, limit=PAGE_RATES)
