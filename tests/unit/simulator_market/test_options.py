"""Options of the synthetic market: which there are, what they are worth, and that time and restarts change nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tradewright.simulator.market import BTCUSDT, ETHUSDT, MarketBook, MarketClock, MarketTrade
from tradewright.simulator.market.model import InstrumentSpec, MarketEvent, OptionType
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.market.synthetic.options_chain import expiries
from tradewright.simulator.market.synthetic.options_pricing import YEAR_S, implied_volatility, worth
from unit.simulator_market.samples import NOON

HOUR = 3_600_000
DAY = 24 * HOUR
THURSDAY = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1000)


def market(start_ms: int = NOON, seed: int = 7, history_minutes: int = 120) -> SyntheticMarket:
    return SyntheticMarket(
        seed=seed,
        clock=MarketClock(wall_ms=start_ms, market_ms=start_ms, speed=1),
        start_ms=start_ms,
        follows_wall=False,
        history_minutes=history_minutes,
        listed=(BTCUSDT, ETHUSDT),
        options=True,
    )


def traded(made: SyntheticMarket) -> list[InstrumentSpec]:
    return [spec for spec in made.instruments if spec.is_option and spec.status == "Trading"]


def of_options(events: list[MarketEvent]) -> list[MarketEvent]:
    return [event for event in events if event.symbol.startswith("option:")]


def test_options_expire_on_the_next_two_days_fridays_and_last_fridays() -> None:
    days = [datetime.fromtimestamp(each.at_ms / 1000, UTC) for each in expiries(THURSDAY)]

    # The 27th is tomorrow, a Friday, and the last one of November.
    assert [(day.month, day.day, day.hour) for day in days] == [(11, 27, 8), (11, 28, 8), (12, 4, 8), (12, 25, 8)]
    moment = THURSDAY
    for _ in range(100):
        now, later = expiries(moment), expiries(moment + DAY)
        assert {each for each in now if each.at_ms > moment + DAY} <= set(later), "a listed expiry stays"
        assert all(each.listed_ms <= moment < each.at_ms for each in now)
        moment += DAY


def test_symbols_name_day_strike_and_side() -> None:
    symbols = {spec.symbol for spec in traded(market(THURSDAY))}

    assert {"BTC-27NOV26-65000-C-USDT", "BTC-4DEC26-65000-P-USDT", "ETH-28NOV26-3200-P-USDT"} <= symbols


@pytest.mark.parametrize(("kind", "price"), [("Call", 10.4506), ("Put", 5.5735)])
def test_prices_are_those_of_the_textbook(kind: OptionType, price: float) -> None:
    """Black and Scholes' standard example (spot 100, strike 100, 5 % interest, 20 %, one year), as a forward's."""
    forward = 100 * math.exp(0.05)
    value = worth(kind, forward, 100, 1, 0.2)

    assert value.price * math.exp(-0.05) == pytest.approx(price, abs=1e-4)
    assert implied_volatility(kind, forward, 100, 1, value.price) == pytest.approx(0.2)


def test_greeks_are_slopes_of_the_price() -> None:
    def price(forward: float = 65_000, years: float = 0.05, volatility: float = 0.5) -> float:
        return worth("Put", forward, 66_000, years, volatility).price

    value = worth("Put", 65_000, 66_000, 0.05, 0.5)

    assert value.delta == pytest.approx((price(65_001) - price(64_999)) / 2, rel=1e-5)
    assert value.gamma == pytest.approx((price(65_010) + price(64_990) - 2 * price()) / 100, rel=1e-3)
    assert value.vega == pytest.approx((price(volatility=0.501) - price(volatility=0.499)) / 0.2, rel=1e-4)
    day = 1 / 365
    assert value.theta == pytest.approx((price(years=0.05 - day / 100) - price()) * 100, rel=1e-2)


def test_calls_and_puts_keep_parity_and_books_enclose_the_mark() -> None:
    made = market()
    made.advance(NOON + 90_000)
    specs = {spec.symbol: spec for spec in traded(made)}
    assert len(specs) > 100
    for symbol, spec in specs.items():
        book, mark = made.book(spec.listing), made.mark_price(spec.listing)
        assert book.asks[0][0] > mark - spec.tick_size
        assert not book.bids or book.bids[0][0] < mark + spec.tick_size
        for side in (book.bids, book.asks):
            assert all(not price % spec.tick_size and not size % spec.qty_step and size for price, size in side)
            assert all(abs(a - b) >= spec.tick_size for (a, _), (b, _) in pairwise(side))
        if spec.option_type == "Call":
            assert spec.strike is not None
            put = made.mark_price(specs[symbol.replace("-C-", "-P-")].listing)
            years = Decimal(spec.delivery_ms - NOON - 90_000) / 1000 / YEAR_S
            forward = made.index_price(spec.listing) * (1 + Decimal("0.05") * years)
            assert abs(mark - put - (forward - spec.strike)) < Decimal("0.01")


def test_the_ticker_is_whole_and_plain() -> None:
    made = market()
    for spec in traded(made)[::5]:
        row = made.ticker(spec.listing)
        assert len(row) == 25
        assert all(name == "symbol" or Decimal(value).is_finite() for name, value in row.items())
        assert "E" not in "".join(value for name, value in row.items() if name != "symbol")
        assert Decimal(row["bid1Iv"]) <= Decimal(row["markIv"]) <= Decimal(row["ask1Iv"])


def _stepped(made: SyntheticMarket, to_ms: int, step_ms: int) -> Iterator[MarketEvent]:
    while made.now_ms < to_ms:
        yield from made.advance(min(made.now_ms + step_ms, to_ms))


def test_the_size_of_the_steps_changes_no_event_and_events_come_before_they_are_history() -> None:
    end_ms = NOON + 6 * 60_000
    whole, stepped = market(history_minutes=400), market(history_minutes=400)
    at_once = of_options(whole.advance(end_ms))

    assert of_options(list(_stepped(stepped, end_ms, 1_870))) == at_once
    trades = [event for event in at_once if isinstance(event, MarketTrade)]
    assert trades
    for before, trade in pairwise(at_once):
        if isinstance(trade, MarketTrade):
            assert isinstance(before, MarketBook)
            assert (before.symbol, before.time_ms) == (trade.symbol, trade.time_ms)
    told = {trade.trade_id: trade for spec in traded(whole) for trade in whole.trades(spec.listing, 1000)}
    assert all(told[trade.trade_id] == trade for trade in trades)
    assert len(told) > 300, "trades of the hours before the start are told too"


def test_a_restart_finds_the_same_options_trades_and_books_again() -> None:
    made = market()
    made.advance(NOON + 150_500)
    state: dict[str, Any] = made.state()
    restored = market()
    restored.restore(state)

    assert restored.instruments == made.instruments
    for spec in traded(made)[::7]:
        assert restored.ticker(spec.listing) == made.ticker(spec.listing)
        assert restored.book(spec.listing) == made.book(spec.listing)
        assert restored.trades(spec.listing, 50) == made.trades(spec.listing, 50)
    assert of_options(restored.advance(NOON + 400_000)) == of_options(made.advance(NOON + 400_000))


def test_a_delivered_option_is_worth_what_it_paid_and_others_take_its_place() -> None:
    delivery_ms = THURSDAY + 20 * HOUR
    made = market(delivery_ms - 65_000, seed=3)
    before = made.instruments
    (call,) = (spec for spec in traded(made) if spec.symbol == "BTC-27NOV26-61000-C-USDT")
    predicted = Decimal(made.ticker(call.listing)["predictedDeliveryPrice"])

    made.advance(delivery_ms + 1_500)

    settled = made.settlement_price(call.listing)
    bars = made.price_bars("index", "BTCUSDT", "1", delivery_ms - 30 * 60_000, delivery_ms - 1, 30)
    closes = [bar.close for bar in bars]
    assert len(closes) == 30
    assert settled == (sum(closes, Decimal(0)) / 30).quantize(BTCUSDT.tick_size)
    assert abs(predicted - settled) < settled / 200
    assert made.mark_price(call.listing) == max(Decimal(0), settled - 61_000)
    assert made.instruments is not before
    assert call not in traded(made)
    (closed,) = (spec for spec in made.instruments if spec.symbol == call.symbol)
    assert closed.status == "Closed"
    assert {spec.delivery_ms for spec in traded(made)} == {each.at_ms for each in expiries(delivery_ms)}
    assert not made.book(call.listing).asks
    made.advance(delivery_ms + HOUR)
    assert made.settlement_price(call.listing) == settled


def test_mark_candles_follow_the_underlying() -> None:
    made = market()
    spec = next(spec for spec in traded(made) if spec.option_type == "Call" and spec.strike == 65_000)
    bars = made.price_bars("mark", spec.listing, "60", None, None, 5)

    assert [bar.start_ms for bar in bars] == sorted((bar.start_ms for bar in bars), reverse=True)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert bars[0].open == pytest.approx(bars[1].close, abs=Decimal(1))
    assert made.price_bars("premium", spec.listing, "60", None, None, 5) == []
