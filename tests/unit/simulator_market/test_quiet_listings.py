"""The listings beside BTCUSDT and ETHUSDT: many, cheap, plausible, and the same wherever one looks from."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from itertools import pairwise

import pytest

from tradewright.simulator.market import InstrumentSpec, Kline, MarketBook
from tradewright.simulator.market.instruments import CONTRACTS, LISTED, PAIRS
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, INTERVALS, bucket_end, bucket_start
from tradewright.simulator.market.risk_tiers import risk_tiers
from tradewright.simulator.market.synthetic.habits import HABITS
from tradewright.simulator.market.synthetic.listings import leader_of
from tradewright.simulator.market.synthetic.walk import PROFILES
from unit.simulator_market.samples import FEW, MINUTE, NOON, aggregated, numbers, synthetic, trades_of

QUIET = tuple(spec for spec in LISTED if spec.listing not in PROFILES)
COMPUTED = [spec for spec in FEW if spec.listing in HABITS]
# Of BTCUSDT and ETHUSDT with seed 7 from noon on, as the version made them that listed nothing else.
FORMER_DIGEST = "44d0880a329dcf827e5ce630bbc307717185671711fc70c57301c42efd71fe0d"


def test_more_listings_change_nothing_of_the_first_two_where_there_is_no_weather() -> None:
    digest = hashlib.sha256()
    for event in synthetic(history_minutes=30, weather=False).advance(NOON + 30_000):
        if event.symbol in PROFILES:
            best = (event.bids[:2], event.asks[:2]) if isinstance(event, MarketBook) else (event.price, event.size)
            digest.update(f"{event.symbol} {event.time_ms} {event.seq} {best}\n".encode())

    assert digest.hexdigest() == FORMER_DIGEST


def test_there_are_many_contracts_and_pairs_of_all_prices() -> None:
    market = synthetic(listed=LISTED)
    prices = [market.last_price(spec.listing) for spec in LISTED]

    assert len(CONTRACTS) >= 20
    assert len(PAIRS) >= 10
    assert len({spec.listing for spec in LISTED}) == len({(spec.category, spec.symbol_id) for spec in LISTED})
    assert max(prices) / min(prices) > 10**9
    assert {*HABITS, *PROFILES} < {spec.listing for spec in LISTED}


@pytest.mark.parametrize("spec", LISTED, ids=lambda spec: spec.listing)
def test_filters_agree_with_each_other(spec: InstrumentSpec) -> None:
    market = synthetic(listed=_with_leader(spec))
    price = market.last_price(spec.listing)
    coin_price = 1 if spec.is_inverse else price  # an inverse contract is worth a dollar

    assert 0 < spec.min_qty <= spec.max_market_qty <= spec.max_limit_qty
    for size in (spec.min_qty, spec.max_market_qty, spec.max_limit_qty):
        assert size % spec.qty_step == 0
    assert spec.min_price < price < spec.max_price
    assert spec.tick_size / price < Decimal("0.0005")  # a chart is no staircase
    assert spec.min_notional < 100_000 < spec.max_market_qty * coin_price
    if spec.is_spot:
        assert spec.settle_coin == ""
        assert spec.max_leverage == 1
        assert spec.funding_interval_min == 0
        assert spec.quote_precision is not None
        assert not risk_tiers(spec)
    else:
        assert spec.maintenance_margin_rate < 1 / spec.max_leverage
        tiers = risk_tiers(spec)
        assert (tiers[0].maintenance_rate, tiers[0].max_leverage) == (spec.maintenance_margin_rate, spec.max_leverage)
        for below, above in pairwise(tiers):
            value = below.value_max
            assert value * below.maintenance_rate - below.deduction == value * above.maintenance_rate - above.deduction
            assert below.max_leverage > above.max_leverage


def test_a_listing_nobody_asks_for_costs_six_trades_a_minute_and_shows_another_book_every_second() -> None:
    market = synthetic()
    for spec in COMPUTED:
        events = [event for event in market.advance(market.now_ms + MINUTE) if event.symbol == spec.listing]
        trades = trades_of(events, spec.listing)
        assert (len(events), len(trades)) == (12, 6)
        seen = []
        for _ in range(10):
            market.advance(market.now_ms + 1000)
            seen.append(market.book(spec.listing))
        assert all(after.update_id == before.update_id + 1 for before, after in pairwise(seen))
        assert len({tuple(book.bids[:20]) for book in seen}) > 1


def test_no_book_between_two_events_is_beyond_them() -> None:
    """An order that rests is met by events; what only a look at the book would show must not be missed."""
    market = synthetic()
    for spec in COMPUTED:
        for _ in range(3):
            begun = market.book(spec.listing)
            looks: list[MarketBook] = []
            told: list[MarketBook] = [begun]
            while len(told) < 5:
                events = market.advance(market.now_ms + 1000)
                told += [event for event in events if event.symbol == spec.listing and isinstance(event, MarketBook)]
                looks.append(market.book(spec.listing))
            bids = [book.bids[0][0] for book in told]
            assert all(min(bids) <= book.bids[0][0] <= max(bids) for book in looks if book.seq <= told[-1].seq)


def test_every_listing_is_the_same_whenever_the_market_began() -> None:
    early, late = synthetic(start_ms=NOON - 90 * MINUTE + 777), synthetic()
    early.advance(NOON)

    for spec in COMPUTED:
        name = spec.listing
        assert early.ticker(name) == late.ticker(name)
        assert early.book(name) == late.book(name)
        assert early.trades(name, 100) == late.trades(name, 100)
        assert early.klines(name, "5", None, None, 50) == late.klines(name, "5", None, None, 50)
    after = [market.advance(NOON + 5_000) for market in (early, late)]
    names = {spec.listing for spec in COMPUTED}
    assert len({tuple(event for event in events if event.symbol in names) for events in after}) == 1


def test_candles_of_all_intervals_add_up_from_the_trades() -> None:
    market = synthetic(start_ms=NOON - 1, history_minutes=60)
    events = market.advance(NOON + 7 * MINUTE + 31_000)
    for spec in FEW:
        name = spec.listing
        minutes = {row.start_ms: row for row in market.klines(name, "1", None, None, 1000)}
        traded = aggregated(trades_of(events, name), MINUTE)
        assert len(traded) == 8
        assert {start: numbers(minutes[start]) for start in traded} == traded
        for interval in ("3", "15"):
            row = market.klines(name, interval, None, None, 2)[1]
            assert row.confirm
            assert numbers(row) == merged([minutes[ms] for ms in range(row.start_ms, row.end_ms, MINUTE)])


def test_longer_candles_of_a_computed_listing_add_up_from_its_hours() -> None:
    market = synthetic()
    name = "spot:USDCUSDT"
    hours = {row.start_ms: row for row in market.klines(name, "60", None, None, 1000)}
    for interval, length in (("120", 2), ("240", 4), ("720", 12), ("D", 24), ("W", 168)):
        row = market.klines(name, interval, None, None, 2)[1]
        assert row.confirm
        assert row.end_ms - row.start_ms == length * HOUR_MS - 1
        assert numbers(row) == merged([hours[ms] for ms in range(row.start_ms, row.end_ms, HOUR_MS)])
    month = market.klines(name, "M", NOON - 40 * DAY_MS, NOON, 9)
    assert [(row.start_ms, row.confirm) for row in month] == [
        (bucket_start("M", NOON), False), (bucket_start("M", NOON - 5 * DAY_MS), True),
    ]  # fmt: skip
    day = market.ticker(name)
    assert Decimal(day["volume24h"]) == sum(row.volume for start, row in hours.items() if NOON - DAY_MS <= start < NOON)
    assert Decimal(day["prevPrice24h"]) == hours[NOON - DAY_MS].open


@pytest.mark.parametrize("interval", INTERVALS)
def test_ranges_of_a_computed_listing_are_cut_as_those_of_a_lived_one(interval: str) -> None:
    """The same questions to both ways of answering; where candles go back differs, so only recent ones are compared."""
    market = synthetic(history_minutes=1500)
    since = NOON - 2 * bucket_length(interval) if bucket_length(interval) < DAY_MS else NOON
    for start, end in ((since, None), (since + 1, NOON), (since, since), (None, NOON), (NOON + 1, None), (None, None)):
        lived, computed = (market.klines(name, interval, start, end, 2) for name in ("BTCUSDT", "SOLUSDT"))
        known = {row.start_ms for row in lived} if len(lived) == 2 or start is not None else set()
        assert known <= {row.start_ms for row in computed}, (start, end)
        assert [row.start_ms for row in computed] == sorted({row.start_ms for row in computed}, reverse=True)
    assert market.klines("SOLUSDT", interval, None, None, 0) == []


def test_a_candle_is_confirmed_once_and_then_never_changes() -> None:
    market = synthetic(start_ms=NOON - 30_000)
    names = ("SOLUSDT", "spot:SOLUSDT")
    open_before = [market.live_kline(name, "1") for name in names]
    market.advance(NOON + 500)
    closed = [row for name in names for row in market.closed_klines(name, "1", NOON - MINUTE - 1)]

    assert [row.start_ms for row in closed] == [NOON - MINUTE] * 2
    assert [row.open for row in closed] == [row.open for row in open_before if row is not None]
    assert all(row.confirm for row in closed)
    assert [market.live_kline(name, "1") for name in names] == [None, None]  # nothing traded in the new minute yet
    market.advance(NOON + 5 * MINUTE)
    for name, row in zip(names, closed, strict=True):
        assert market.klines(name, "1", row.start_ms, row.start_ms, 1) == [row]


def test_prices_move_like_a_market_and_stay_near_their_base() -> None:
    market = synthetic(seed=11, listed=CONTRACTS[2:8])
    for spec in market.instruments:
        closes = [float(row.close) for row in market.klines(spec.listing, "15", None, None, 96)]
        moves = [abs(after / before - 1) for before, after in pairwise(closes)]
        assert 0.0005 < sum(moves) / len(moves) < 0.01
        base = float(HABITS[spec.listing].price)
        assert base / 3 < closes[0] < base * 3


def test_a_spot_pair_follows_the_index_of_its_coin_within_a_small_basis() -> None:
    market = synthetic()
    bases: dict[str, set[Decimal]] = {}
    for step in range(1, 20):
        market.advance(NOON + step * 17_000)
        for spec in (one for one in FEW if one.is_spot and one.listing not in HABITS):
            index = market.index_price(spec.listing)
            book = market.book(spec.listing)
            assert abs(book.bids[0][0] / index - 1) < Decimal("0.001")
            assert abs(market.last_price(spec.listing) / index - 1) < Decimal("0.005")
            leader = market.book(leader_of(spec))
            scale = 1000 if spec.base_coin == "PEPE" else 1
            bases.setdefault(spec.listing, set()).add(book.bids[0][0] - leader.bids[0][0] / scale)
            assert book.bids[0][1] != leader.bids[0][1]
    assert all(len(seen) == 1 for seen in bases.values())
    assert any(basis != 0 for seen in bases.values() for basis in seen)


def _with_leader(spec: InstrumentSpec) -> list[InstrumentSpec]:
    return [one for one in LISTED if one.listing in (spec.listing, leader_of(spec))]


def merged(rows: list[Kline]) -> tuple[Decimal, ...]:
    return (
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum((row.volume for row in rows), Decimal(0)),
        sum((row.turnover for row in rows), Decimal(0)),
    )


def bucket_length(interval: str) -> int:
    start = bucket_start(interval, NOON)
    return bucket_end(interval, start) - start
