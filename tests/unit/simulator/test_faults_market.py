"""The market under faults: a jump shows everywhere and stays; a halt stands still and ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from support.scripted_market import START_MS, ScriptedMarket
from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.market import BTCUSDT, ETHUSDT, INTERVALS, MarketClock, MarketStateError
from tradewright.simulator.market.model import Kline, Market, MarketBook, MarketTrade
from tradewright.simulator.market.synthetic.market import SyntheticMarket

BEGIN_MS = 1_800_000_000_000
TICK = Decimal("0.10")


def synthetic(*, seed: int = 7) -> BentMarket:
    market = behind(seed)
    market.advance(BEGIN_MS + 90_000)
    return BentMarket(market)


def behind(seed: int) -> SyntheticMarket:
    clock = MarketClock(wall_ms=BEGIN_MS, market_ms=BEGIN_MS, speed=1.0)
    listed = (BTCUSDT, ETHUSDT)
    return SyntheticMarket(
        seed=seed, clock=clock, start_ms=BEGIN_MS, follows_wall=False, listed=listed, history_minutes=5
    )


def test_without_a_fault_everything_is_that_of_the_market_behind() -> None:
    bent, plain = synthetic(), synthetic().inner
    assert bent.advance(BEGIN_MS + 120_000) == plain.advance(BEGIN_MS + 120_000)
    assert bent.state() == plain.state()
    assert bent.ticker("BTCUSDT") == plain.ticker("BTCUSDT")


def test_a_jump_is_told_at_once_by_a_book_and_a_trade() -> None:
    market = BentMarket(ScriptedMarket())
    seen = market.book("BTCUSDT")
    market.jump("BTCUSDT", Decimal("0.1"))
    book, trade = market.advance(market.now_ms)
    assert isinstance(book, MarketBook)
    assert isinstance(trade, MarketTrade)
    assert (book.bids[0], book.asks[0]) == (
        (Decimal("65999.8"), Decimal("1.000")),  # 59999.90 and 60000.10, a tenth higher, away from each other
        (Decimal("66000.2"), Decimal("1.000")),
    )
    assert (trade.price, trade.side) == (Decimal("66000.0"), "Buy")
    assert seen.seq < book.seq < trade.seq
    assert book.update_id == seen.update_id + 1
    assert {market.last_price("BTCUSDT"), market.mark_price("BTCUSDT"), market.index_price("BTCUSDT")} == {
        Decimal(66_000)
    }
    assert market.trades("BTCUSDT", 5)[0] == trade
    assert market.ticker("BTCUSDT")["lastPrice"] == "66000.00"


def test_after_a_jump_the_market_goes_on_in_proportion_and_in_sequence() -> None:
    bent, plain = synthetic(), synthetic().inner
    bent.jump("BTCUSDT", Decimal("-0.25"))
    told = [event for event in bent.advance(BEGIN_MS + 180_000) if event.symbol == "BTCUSDT"]
    behind = [event for event in plain.advance(BEGIN_MS + 180_000) if event.symbol == "BTCUSDT"]
    assert [event.time_ms for event in told[2:]] == [event.time_ms for event in behind]
    seqs = [event.seq for event in told]
    assert seqs == sorted(set(seqs))
    books = [event for event in told if isinstance(event, MarketBook)]
    assert [book.update_id for book in books] == sorted({book.update_id for book in books})
    for event, original in zip(told[2:], behind, strict=True):
        if isinstance(event, MarketTrade) and isinstance(original, MarketTrade):
            assert abs(event.price - original.price * Decimal("0.75")) <= TICK / 2
        elif isinstance(event, MarketBook) and isinstance(original, MarketBook):
            assert event.bids[0][0] < event.asks[0][0]
            prices = [price for price, _ in event.bids[:50]]
            assert prices == sorted(set(prices), reverse=True)
            assert all(price % TICK == 0 for price in prices)
            assert sum(size for _, size in event.bids) == sum(size for _, size in original.bids)
    other = list(bent.trades("ETHUSDT", 50))
    assert other == plain.trades("ETHUSDT", 50)


def told_extremes(trades: list[MarketTrade], candle: Kline) -> tuple[Decimal, Decimal]:
    prices = [trade.price for trade in trades if candle.start_ms <= trade.time_ms <= candle.end_ms]
    return max(prices), min(prices)


def test_candles_are_those_of_the_trades_that_were_told_also_where_a_jump_fell_into_them() -> None:
    market = synthetic()
    market.jump("BTCUSDT", Decimal("0.02"))
    trades = [event for event in market.advance(BEGIN_MS + 130_000) if isinstance(event, MarketTrade)]
    market.jump("BTCUSDT", Decimal("-0.01"))
    trades += [event for event in market.advance(BEGIN_MS + 260_000) if isinstance(event, MarketTrade)]
    mine = [trade for trade in trades if trade.symbol == "BTCUSDT"]
    broken, second, whole = reversed(market.klines("BTCUSDT", "1", BEGIN_MS + 60_000, BEGIN_MS + 180_000, 10))
    high, low = told_extremes(mine, broken)
    assert broken.high == high  # the jump upwards fell into it
    assert broken.low < low  # before it
    assert broken.high / broken.open > Decimal("1.015")
    for candle in (second, whole):
        assert (candle.high, candle.low) == told_extremes(mine, candle)
        assert candle.low <= min(candle.open, candle.close)
        assert candle.high >= max(candle.open, candle.close)
    live = market.live_kline("BTCUSDT", "D")
    assert live is not None
    assert live.high == max(broken.high, second.high)
    assert live.close == market.last_price("BTCUSDT")
    ticker = market.ticker("BTCUSDT")
    assert Decimal(ticker["highPrice24h"]) >= live.high
    assert Decimal(ticker["bid1Price"]) < Decimal(ticker["ask1Price"])


def test_a_jump_outlives_a_restart() -> None:
    market = synthetic()
    market.jump("BTCUSDT", Decimal("0.5"))
    market.advance(BEGIN_MS + 100_000)
    saved = msgspec.json.decode(msgspec.json.encode(market.state()))
    again = BentMarket(behind(7))
    again.restore(saved)
    assert again.last_price("BTCUSDT") == market.last_price("BTCUSDT")
    assert again.book("BTCUSDT") == market.book("BTCUSDT")
    assert again.ticker("BTCUSDT") == market.ticker("BTCUSDT")  # with the extremes of the day from before the jump
    broken = BEGIN_MS + 60_000
    assert again.klines("BTCUSDT", "1", broken, broken, 1) == market.klines("BTCUSDT", "1", broken, broken, 1)
    jumped = [one for one in market.trades("BTCUSDT", 100) if one.time_ms == BEGIN_MS + 90_000]
    assert jumped
    assert [one for one in again.trades("BTCUSDT", 100) if one.time_ms == BEGIN_MS + 90_000] == jumped
    assert again.advance(BEGIN_MS + 110_000) == market.advance(BEGIN_MS + 110_000)
    with pytest.raises(MarketStateError, match="saved jumps"):
        again.restore({**saved, "bent": {"BTCUSDT": {"steps": [["x", "y"]]}}})


def asked(market: Market) -> list[object]:
    """What can be read of a listing's market."""
    questions: list[Callable[[], object]] = [
        lambda: market.book("BTCUSDT"),
        lambda: market.last_price("BTCUSDT"),
        lambda: market.mark_price("BTCUSDT"),
        lambda: market.index_price("BTCUSDT"),
        lambda: market.ticker("BTCUSDT"),
        lambda: market.trades("BTCUSDT", 100),
        *(lambda interval=interval: market.live_kline("BTCUSDT", interval) for interval in INTERVALS),
        *(lambda interval=interval: market.klines("BTCUSDT", interval, None, None, 5) for interval in ("1", "5", "D")),
        lambda: market.closed_klines("BTCUSDT", "1", BEGIN_MS),
    ]
    return [question() for question in questions]


def test_a_halted_listing_stands_still_while_the_others_go_on() -> None:
    market = synthetic()
    before = asked(market)
    market.halt(frozenset({"BTCUSDT"}))
    assert {spec.listing: spec.status for spec in market.instruments}["BTCUSDT"] == "Closed"
    happened = market.advance(BEGIN_MS + 300_000)
    assert happened
    assert "BTCUSDT" not in {event.symbol for event in happened}
    assert asked(market) == before

    market.halt(frozenset())
    assert market.instruments == market.inner.instruments
    assert asked(market) == asked(market.inner)
    assert "BTCUSDT" in {event.symbol for event in market.advance(BEGIN_MS + 310_000)}


def test_a_jump_during_a_halt_shows_when_it_ends() -> None:
    market = BentMarket(ScriptedMarket())
    market.halt(frozenset({"BTCUSDT"}))
    market.jump("BTCUSDT", Decimal("0.1"))
    assert market.advance(START_MS + 1) == []
    assert market.last_price("BTCUSDT") == 60_000
    market.halt(frozenset())
    assert market.last_price("BTCUSDT") == 66_000
