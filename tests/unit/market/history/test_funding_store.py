"""Funding rates of our own: merged, never contradicted, and fetched page by page from the newest back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import FundingRate
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.funding_download import PAGE_RATES, download_funding
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.series import Series
from tradewright.market.history.store import StoreBusy
from tradewright.process.lock import FileLock

BTC = Series(category="linear", symbol="BTCUSDT", timeframe="1m")
EIGHT_HOURS = 8 * 3_600_000


class Stopped:
    """Nobody waits; `slept` says for how long they would have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 26, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Exchange:
    """Has a rate every eight hours from 0 on; `failures` come first."""

    def __init__(self, now_ms: int, *, failures: int = 0) -> None:
        self.now_ms = now_ms
        self.failures = failures
        self.pages = 0

    async def funding_rates(
        self, instrument: InstrumentId, *, start_ms: int, end_ms: int, limit: int
    ) -> Sequence[FundingRate]:
        assert instrument == InstrumentId("linear", "BTCUSDT")
        if self.failures:
            self.failures -= 1
            raise ExchangeUnavailable("not now")
        self.pages += 1
        first = -(-start_ms // EIGHT_HOURS) * EIGHT_HOURS
        due = range(first, min(end_ms, self.now_ms) + 1, EIGHT_HOURS)
        return [FundingRate(due_at_ms=at, rate=Decimal(at // EIGHT_HOURS) / 10**6) for at in due][-limit:]

    async def market_now_ms(self) -> int:
        return self.now_ms


def test_what_is_added_is_what_a_backtest_reads_digit_for_digit(tmp_path: Path) -> None:
    store = FundingStore(tmp_path / "data")
    assert store.read(BTC) is None
    assert store.add(BTC, [(0, Decimal("0.0001")), (EIGHT_HOURS, Decimal("-0.00001234"))]) == 2
    assert store.add(BTC, [(EIGHT_HOURS, Decimal("-0.00001234")), (2 * EIGHT_HOURS, Decimal(0))]) == 1
    assert store.path(BTC).read_text().splitlines() == [
        "funding_time_ms,funding_rate",
        "0,0.0001",
        "28800000,-0.00001234",
        "57600000,0",
    ]
    found = store.read(BTC)
    assert found is not None
    assert found.rate_ratio.tolist() == [0.0001, -0.00001234, 0.0]


def test_a_rate_that_contradicts_the_one_that_is_there_changes_nothing(tmp_path: Path) -> None:
    store = FundingStore(tmp_path)
    store.add(BTC, [(0, Decimal("0.0001"))])
    with pytest.raises(BadCandles) as caught:
        store.add(BTC, [(0, Decimal("0.0002")), (EIGHT_HOURS, Decimal(0))])
    assert caught.value.faults[0].code == "conflict"
    found = store.read(BTC)
    assert found is not None
    assert len(found) == 1


def test_a_file_that_somebody_broke_is_told_and_not_added_to(tmp_path: Path) -> None:
    store = FundingStore(tmp_path)
    store.add(BTC, [(0, Decimal("0.0001"))])
    store.path(BTC).write_text("funding_time_ms,funding_rate\n5,1\n5,1\n")
    with pytest.raises(BadCandles):
        store.read(BTC)
    with pytest.raises(BadCandles):
        store.add(BTC, [(EIGHT_HOURS, Decimal(0))])


def test_writers_exclude_each_other(tmp_path: Path) -> None:
    store = FundingStore(tmp_path)
    store.add(BTC, [(0, Decimal(0))])
    lock = FileLock(store.path(BTC).parent / ".funding.lock")
    assert lock.take() is None
    try:
        with pytest.raises(StoreBusy):
            store.add(BTC, [(EIGHT_HOURS, Decimal(0))])
    finally:
        lock.release()


async def test_pages_go_back_to_the_begin_of_the_span_and_what_fails_is_asked_again(tmp_path: Path) -> None:
    store, clock = FundingStore(tmp_path), Stopped()
    exchange = Exchange(now_ms=1_000 * EIGHT_HOURS, failures=2)
    done = await download_funding(
        exchange, store, BTC, from_ms=100 * EIGHT_HOURS, to_ms=2_000 * EIGHT_HOURS, clock=clock
    )
    assert (done.found, done.added) == (901, 901)  # up to the market's now, both ends included
    assert exchange.pages == 901 // PAGE_RATES + 1
    assert clock.slept == [1.0, 2.0]
    again = await download_funding(exchange, store, BTC, from_ms=0, to_ms=200 * EIGHT_HOURS, clock=clock)
    assert (again.found, again.added) == (200, 100)
    found = store.read(BTC)
    assert found is not None
    assert found.time_ms.tolist() == [number * EIGHT_HOURS for number in range(1_001)]


async def test_a_span_that_is_empty_or_a_pair_without_funding_is_refused(tmp_path: Path) -> None:
    store = FundingStore(tmp_path)
    with pytest.raises(ValueError, match="after its begin"):
        await download_funding(Exchange(0), store, BTC, from_ms=5, to_ms=5, clock=Stopped())
    spot = Series(category="spot", symbol="BTCUSDT", timeframe="1m")
    with pytest.raises(ValueError, match="only linear"):
        await download_funding(Exchange(0), store, spot, from_ms=0, to_ms=5, clock=Stopped())
