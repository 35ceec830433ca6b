"""The synthetic market: repeatable, plausible, on tick and step, and continuous with its own history.

What holds for everything listed is tried on everything; the depth of detail is that of BTCUSDT and ETHUSDT. What is
special about the others is in `test_quiet_listings`.
"""

from __future__ import annotations

import statistics
from decimal import Decimal
from itertools import pairwise

import pytest

from tradewright.simulator.market import MarketBook, MarketTrade, build_market
from tradewright.simulator.market.instruments import CONTRACTS, LISTED, PAIRS, PRE_LAUNCH, USDT_PERPETUALS
from tradewright.simulator.market.synthetic.habits import HABITS
from unit.simulator_market.samples import MINUTE, NOON, synthetic, trades_of

SYMBOLS = ("BTCUSDT", "ETHUSDT")
TRADING = [spec for spec in LISTED if spec is not PRE_LAUNCH]


def test_the_same_seed_makes_the_same_market() -> None:
    one, same, other = (synthetic(seed=seed) for seed in (7, 7, 8))

    first = one.advance(NOON + MINUTE)

    assert first == same.advance(NOON + MINUTE)
    assert one.ticker("BTCUSDT") == same.ticker("BTCUSDT")
    assert first != other.advance(NOON + MINUTE)


def test_events_come_in_time_order_and_are_numbered_upwards_without_holes_where_every_one_is_told() -> None:
    events = synthetic(listed=LISTED, dated=True).advance(NOON + MINUTE)

    assert all(before.time_ms <= after.time_ms for before, after in pairwise(events))
    for spec in TRADING:
        own = [event for event in events if event.symbol == spec.listing]
        assert all(after.seq > before.seq for before, after in pairwise(own))
        updates = [event.update_id for event in own if isinstance(event, MarketBook)]
        assert all(after > before for before, after in pairwise(updates))
        assert updates[0] != 1
        if spec.listing in SYMBOLS:
            assert all(after.seq == before.seq + 1 for before, after in pairwise(own))
            assert updates == list(range(updates[0], updates[0] + len(updates)))


def test_every_book_is_deep_ordered_uncrossed_on_tick_and_on_step() -> None:
    market = synthetic(listed=LISTED)
    specs = {spec.listing: spec for spec in market.instruments}
    books = [event for event in market.advance(NOON + 5_000) if isinstance(event, MarketBook)]

    for symbol in SYMBOLS:
        assert sum(book.symbol == symbol for book in books) == 5 * 5  # five a second, five seconds
    for book in books:
        spec = specs[book.symbol]
        bids, asks = tuple(book.bids), tuple(book.asks)
        assert len(bids) == len(asks) == 200
        assert bids[-1][0] > 0
        assert spec.tick_size <= asks[0][0] - bids[0][0] <= 4 * spec.tick_size
        assert all(better[0] > worse[0] for better, worse in pairwise(bids))
        assert all(better[0] < worse[0] for better, worse in pairwise(asks))
        assert all(
            price % spec.tick_size == 0 and size % spec.qty_step == 0 and size > 0 for price, size in bids + asks
        )


def test_a_slice_of_a_book_is_the_beginning_of_the_whole() -> None:
    book = synthetic().book("BTCUSDT")

    assert book.bids[:50] == tuple(book.bids)[:50]
    assert book.asks[-1] == tuple(book.asks)[199]
    with pytest.raises(IndexError):
        book.asks[200]


def test_two_books_in_a_row_share_most_of_their_levels() -> None:
    market = synthetic()
    books = [
        event for event in market.advance(NOON + 10_000) if isinstance(event, MarketBook) and event.symbol == "BTCUSDT"
    ]

    shared = [len(set(before.bids) & set(after.bids)) for before, after in pairwise(books)]

    assert statistics.median(shared) > 120


def test_trades_print_at_the_touch_or_a_few_ticks_beyond_it() -> None:
    market = synthetic(listed=[*USDT_PERPETUALS, *(spec for spec in PAIRS if spec.listing in HABITS)])
    specs = {spec.listing: spec for spec in market.instruments}
    books = {listing: market.book(listing) for listing in specs}
    sides: list[str] = []
    for event in market.advance(NOON + 5 * MINUTE):
        if isinstance(event, MarketBook):
            books[event.symbol] = event
        if not isinstance(event, MarketTrade):
            continue
        spec, book = specs[event.symbol], books[event.symbol]
        touch = book.asks[0][0] if event.side == "Buy" else book.bids[0][0]
        beyond = event.price - touch if event.side == "Buy" else touch - event.price
        assert 0 <= beyond <= 3 * spec.tick_size
        assert event.size >= spec.min_qty
        assert event.size % spec.qty_step == 0
        sides.append(event.side)
    assert 0.3 < sides.count("Buy") / len(sides) < 0.7


def test_several_trades_a_second_and_each_with_an_id_of_its_own() -> None:
    events = synthetic().advance(NOON + 5 * MINUTE)

    for symbol in SYMBOLS:
        trades = trades_of(events, symbol)
        assert 2 * 300 < len(trades) < 15 * 300
        assert len({trade.trade_id for trade in trades}) == len(trades)


def test_volatility_comes_in_clusters() -> None:
    market = build_market(["synthetic"], seed=7, speed=1, from_ms=None, wall_now_ms=NOON)
    closes = [float(kline.close) for day in range(3) for kline in market.klines("BTCUSDT", "1", *_day(day), 1440)]
    moves = [abs(after / before - 1) for before, after in pairwise(closes)]
    mean = statistics.fmean(moves)

    near = statistics.fmean((a - mean) * (b - mean) for a, b in pairwise(moves))

    assert near / statistics.pvariance(moves) > 0.05


def test_at_least_two_days_of_minutes_lead_up_to_the_start_without_a_hole() -> None:
    wall_ms = NOON + 12_345
    market = build_market(["synthetic"], seed=7, speed=1, from_ms=None, wall_now_ms=wall_ms)

    for symbol in SYMBOLS:
        newest_first = [kline for day in range(3) for kline in market.klines(symbol, "1", *_day(day), 1440)]
        newest_first = market.klines(symbol, "1", NOON, NOON, 1) + newest_first
        assert len(newest_first) >= 2 * 1440
        assert newest_first[0].start_ms == NOON  # the minute of the start is in the making
        assert not newest_first[0].confirm
        assert all(later.start_ms - earlier.start_ms == MINUTE for later, earlier in pairwise(newest_first))
        assert all(kline.confirm for kline in newest_first[1:])
        jump = abs(newest_first[0].open - newest_first[1].close)
        assert jump < newest_first[1].close * Decimal("0.002")


def test_prices_are_where_the_seed_says_wherever_the_market_starts() -> None:
    market = synthetic(start_ms=1_000_000_000_000)

    assert Decimal(50_000) < market.last_price("BTCUSDT") < Decimal(80_000)
    assert Decimal(2_500) < market.last_price("ETHUSDT") < Decimal(4_000)


def test_mark_and_index_stay_near_the_last_price_and_on_tick() -> None:
    market = synthetic(listed=LISTED)
    for second in range(1, 121):
        market.advance(NOON + second * 1000)
        for spec in market.instruments:
            last = market.last_price(spec.listing)
            for price in (market.mark_price(spec.listing), market.index_price(spec.listing)):
                assert price % spec.tick_size == 0
                assert abs(price - last) < last * Decimal("0.005")


def test_funding_is_within_the_contracts_bounds_and_due_on_the_grid() -> None:
    market = synthetic(listed=LISTED)
    for spec in CONTRACTS:
        assert spec.lower_funding_rate <= market.funding_rate(spec.listing) <= spec.upper_funding_rate
        assert market.next_funding_ms(spec.listing) == 1_709_308_800_000  # 16:00
    for spec in PAIRS:
        assert market.funding_rate(spec.listing) == market.next_funding_ms(spec.listing) == 0


def test_the_newest_trades_come_first_and_are_bounded() -> None:
    market = synthetic()
    trades = trades_of(market.advance(NOON + 10 * MINUTE), "BTCUSDT")

    assert market.trades("BTCUSDT", 5) == trades[:-6:-1]
    assert len(market.trades("BTCUSDT", 5000)) == 1000
    assert market.last_price("BTCUSDT") == trades[-1].price


def test_time_does_not_go_back() -> None:
    market = synthetic()
    market.advance(NOON + MINUTE)
    book = market.book("BTCUSDT")

    assert market.advance(NOON) == []
    assert market.now_ms == NOON + MINUTE
    assert market.book("BTCUSDT") == book


def test_a_jump_of_more_than_an_hour_is_a_standstill_with_a_gap_in_the_candles() -> None:
    market = synthetic()
    market.advance(NOON + MINUTE)
    price = market.last_price("BTCUSDT")
    back_ms = NOON + 3 * 60 * MINUTE

    events = market.advance(back_ms)

    assert {event.time_ms // 1000 for event in events} == {back_ms // 1000}
    starts = [kline.start_ms for kline in market.klines("BTCUSDT", "1", NOON, None, 1000)]
    assert all(start <= NOON + MINUTE or start >= back_ms for start in starts)
    assert abs(market.last_price("BTCUSDT") - price) < price * Decimal("0.002")


def test_everything_listed_trades() -> None:
    market = synthetic(listed=LISTED, dated=True)
    traded = {event.symbol for event in market.advance(NOON + MINUTE) if isinstance(event, MarketTrade)}

    assert traded == {spec.listing for spec in market.instruments if spec.status == "Trading"}
    assert len(traded) == len(market.instruments) - 1


def _day(days_back: int) -> tuple[int, int]:
    end_ms = NOON - days_back * 1440 * MINUTE
    return end_ms - 1440 * MINUTE, end_ms - 1


def test_funding_that_was_due_is_what_the_ticker_had_told() -> None:
    market = synthetic(speed=60)
    told = {}
    for hour in (0, 8, 16, 24):  # longer than it catches up: nothing is made up between
        market.advance(NOON + hour * 60 * MINUTE)
        told[market.next_funding_ms("BTCUSDT")] = market.funding_rate("BTCUSDT")

    due = market.funding_history("BTCUSDT", NOON, None, 200)

    assert [ms for ms, _ in due] == [NOON + hours * 60 * MINUTE for hours in (20, 12, 4)]
    assert due == [(ms, told[ms]) for ms, _ in due]
    assert market.funding_history("BTCUSDT", None, due[1][0], 1) == [due[1]]
