"""Contracts beside the USDT perpetuals: inverse, settled in USDC, dated, and not launched yet."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from tradewright.simulator.market import BTCUSDT, ETHUSDT, MarketBook
from tradewright.simulator.market.instruments import INVERSE, PRE_LAUNCH, USDC_PERPETUALS, USDT_PERPETUALS
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS
from tradewright.simulator.market.model import Kline, MarketTrade
from tradewright.simulator.market.synthetic.dated import dated_contracts
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from unit.simulator_market.samples import MINUTE, NOON, aggregated, numbers, synthetic, trades_of

DELIVERY = 1_711_699_200_000  # 2024-03-29T08:00:00Z, the last Friday of March
LEADERS = USDT_PERPETUALS[:4]
FUTURE = "inverse:BTCUSDH24"


def market(start_ms: int = NOON, **wishes: int) -> SyntheticMarket:
    listed = (*LEADERS, *USDC_PERPETUALS, *INVERSE, PRE_LAUNCH)
    return synthetic(start_ms=start_ms, listed=listed, dated=True, **wishes)


def short(start_ms: int, *, speed: float = 1) -> SyntheticMarket:
    return synthetic(start_ms=start_ms, listed=(BTCUSDT, ETHUSDT), dated=True, speed=speed)


def test_two_quarters_are_listed_and_named_as_bybit_names_them() -> None:
    found = {spec.listing: spec for spec in dated_contracts(NOON, NOON)}

    assert set(found) == {
        f"{name}" for coin in ("BTC", "ETH") for name in (
            f"inverse:{coin}USDH24", f"{coin}USDT-29MAR24", f"{coin}-29MAR24",
            f"inverse:{coin}USDM24",
        )
    }  # fmt: skip
    assert found["inverse:ETHUSDM24"].settle_coin == "ETH"
    assert found["BTCUSDT-29MAR24"].settle_coin == "USDT"
    assert found["BTC-29MAR24"].settle_coin == "USDC"
    assert found[FUTURE].delivery_ms == DELIVERY


def test_quarters_end_on_last_fridays_at_eight_whatever_the_year() -> None:
    later = dated_contracts(NOON, NOON + 20 * 366 * DAY_MS)
    ends = sorted({spec.delivery_ms for spec in later})

    assert len({(spec.category, spec.symbol_id) for spec in later}) == len(later)
    assert len(ends) >= 80
    for end_ms in ends:
        end = datetime.fromtimestamp(end_ms / 1000, UTC)
        assert (end.weekday(), end.hour, end.minute, end.month % 3) == (4, 8, 0, 0)
        assert datetime.fromtimestamp((end_ms + 7 * DAY_MS) / 1000, UTC).month != end.month


@pytest.mark.parametrize("listing", ["BTCPERP", "SOLPERP", "inverse:BTCUSD", "inverse:XRPUSD", FUTURE, "ETH-29MAR24"])
def test_trades_and_books_fit_the_filters_and_make_the_candles(listing: str) -> None:
    made = market(NOON - 1)
    spec = next(spec for spec in made.instruments if spec.listing == listing)
    events = [event for event in made.advance(NOON + 3 * MINUTE + 20_000) if event.symbol == listing]

    trades = trades_of(events, listing)
    assert len(trades) >= 18
    for trade in trades:
        assert trade.price % spec.tick_size == 0
        assert trade.size % spec.qty_step == 0
        assert trade.size >= spec.min_qty
    for book in (event for event in events if isinstance(event, MarketBook)):
        assert book.bids[0][0] < book.asks[0][0]
        assert all(price % spec.tick_size == 0 for price, _ in book.bids[:5] + book.asks[:5])
        assert all(size % spec.qty_step == 0 for _, size in book.bids[:5] + book.asks[:5])
    found = {row.start_ms: row for row in made.klines(listing, "1", NOON, None, 10)}
    for start, expected in aggregated(trades, MINUTE).items():
        assert numbers(found[start])[:5] == expected[:5]
        turnover = sum(
            _turnover(trade, inverse=spec.is_inverse) for trade in trades if start <= trade.time_ms < start + MINUTE
        )
        assert found[start].turnover == pytest.approx(turnover, rel=Decimal("0.000005"))


@pytest.mark.parametrize("listing", ["inverse:BTCUSD", FUTURE, "BTCUSDT-29MAR24"])
@pytest.mark.parametrize("interval", ["120", "240", "D"])
def test_longer_candles_add_up_from_hours(listing: str, interval: str) -> None:
    made = market(history_minutes=3000)
    made.advance(NOON + 90_000)
    hours = {row.start_ms: row for row in made.klines(listing, "60", None, None, 200)}

    rows = made.klines(listing, interval, None, None, 1 if interval == "D" else 3)

    for row in rows:
        parts = [hours[ms] for ms in range(row.start_ms, row.end_ms, HOUR_MS) if ms in hours]
        assert (row.open, row.high, row.low, row.close, row.volume) == _joined(parts)
        assert row.confirm == (row.end_ms < made.now_ms)
    assert made.live_kline(listing, interval) == rows[0]
    (first,) = made.klines(listing, interval, rows[-1].start_ms, None, 1)
    assert first == rows[-1]
    closed = made.closed_klines(listing, interval, rows[-1].start_ms - 1)
    assert closed == [row for row in reversed(rows) if row.confirm]


def test_a_dated_contract_meets_the_index_at_its_end() -> None:
    made = market()
    basis = {}
    for end in ("H24", "M24"):
        listing = f"inverse:BTCUSD{end}"
        basis[end] = made.mark_price(listing) / made.index_price(listing) - 1
        assert Decimal(made.ticker(listing)["basisRate"]) == pytest.approx(basis[end], abs=Decimal("0.0000001"))
        assert made.funding_history(listing, None, None, 10) == []
        assert made.next_funding_ms(listing) == 0

    assert 0 < basis["H24"] < basis["M24"] < Decimal("0.04")
    near = short(DELIVERY - MINUTE)
    near.advance(DELIVERY - 1)
    assert abs(near.mark_price(FUTURE) / near.index_price(FUTURE) - 1) < Decimal("0.002")


def test_at_its_end_it_is_settled_at_the_mean_index_of_half_an_hour_and_closes() -> None:
    made = short(DELIVERY - 31 * MINUTE)
    assert made.settlement_price(FUTURE) is None
    assert made.settlement_price("BTCUSDT") is None
    made.advance(DELIVERY - 15 * MINUTE)
    predicted = made.settlement_price(FUTURE)
    assert made.ticker(FUTURE)["predictedDeliveryPrice"] == str(predicted)
    before = made.instruments

    events = made.advance(DELIVERY + MINUTE)

    assert max(event.time_ms for event in events if event.symbol == FUTURE) < DELIVERY
    rows = made.price_bars("index", FUTURE, "1", DELIVERY - 30 * MINUTE, None, 30)
    assert len(rows) == 30
    settled = made.settlement_price(FUTURE)
    assert settled is not None
    assert predicted is not None
    assert settled == pytest.approx(sum(row.close for row in rows) / 30, abs=BTCUSDT.tick_size)
    assert settled != predicted
    assert made.last_price(FUTURE) == made.mark_price(FUTURE) == settled
    assert made.trades(FUTURE, 10) == []
    assert made.book(FUTURE).bids[0][0] < made.book(FUTURE).asks[0][0]
    assert made.klines(FUTURE, "1", DELIVERY, None, 10) == []
    assert made.klines(FUTURE, "1", None, None, 1)[0].end_ms == DELIVERY - 1
    assert made.live_kline(FUTURE, "60") is None
    assert made.ticker(FUTURE)["lastPrice"] == str(settled)
    status = {spec.listing: spec.status for spec in made.instruments}
    assert (status[FUTURE], status["inverse:BTCUSDM24"], status["inverse:BTCUSDU24"]) == (
        "Closed",
        "Trading",
        "Trading",
    )
    assert made.instruments is not before
    assert made.instruments is made.instruments
    assert {event.symbol for event in made.advance(DELIVERY + 2 * MINUTE)} >= {"inverse:BTCUSDU24", "ETH-28JUN24"}


def test_what_has_ended_is_still_known_after_a_restart_half_a_year_later() -> None:
    made = short(DELIVERY - 2 * MINUTE)
    made.advance(DELIVERY + 1)
    settled = made.settlement_price(FUTURE)

    again = short(DELIVERY + 200 * DAY_MS)
    again.restore(json.loads(json.dumps(made.state())))

    status = {spec.listing: spec.status for spec in again.instruments if spec.category == "inverse"}
    assert status == {
        f"inverse:{coin}USD{code}24": "Closed" if code in "HMU" else "Trading"
        for coin in ("BTC", "ETH")
        for code in "HMUZ"
    } | {f"inverse:{coin}USDH25": "Trading" for coin in ("BTC", "ETH")}
    assert settled is not None
    assert again.settlement_price(FUTURE) == again.last_price(FUTURE) == settled
    assert again.settlement_price("inverse:BTCUSDM24") is not None  # ended while the market stood still
    assert again.last_price("inverse:BTCUSDH25") > 0


def test_a_contract_that_is_not_launched_has_a_row_and_nothing_else() -> None:
    made = market()
    name = PRE_LAUNCH.listing
    events = made.advance(NOON + MINUTE)

    assert [spec.listing for spec in made.instruments if spec.status == "PreLaunch"] == [name]
    assert name not in {event.symbol for event in events}
    assert (made.book(name).bids, made.trades(name, 5), made.klines(name, "1", None, None, 5)) == ((), [], [])
    ticker = made.ticker(name)
    assert (ticker["bid1Price"], ticker["curPreListingPhase"]) == ("", "NotStarted")


def test_contracts_of_one_coin_move_together_and_are_told_apart() -> None:
    made = market()
    names = ("BTCUSDT", "BTCPERP", "inverse:BTCUSD")
    moves = {name: [] for name in names}  # type: dict[str, list[Decimal]]
    for step in range(1, 6):
        made.advance(NOON + step * 10_000)
        for name in names:
            moves[name].append(made.mark_price(name))

    for name in names[1:]:
        assert [b - a for a, b in pairwise(moves[name])] == [b - a for a, b in pairwise(moves["BTCUSDT"])]
        assert moves[name][0] != moves["BTCUSDT"][0]
        assert made.book(name).bids[0][1] != made.book("BTCUSDT").bids[0][1]
    assert made.funding_rate("BTCPERP") != made.funding_rate("BTCUSDT")


def _turnover(trade: MarketTrade, *, inverse: bool) -> Decimal:
    return trade.size / trade.price if inverse else trade.size * trade.price


def _joined(rows: list[Kline]) -> tuple[Decimal, ...]:
    return (
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum((row.volume for row in rows), Decimal(0)),
    )


def test_contracts_of_the_next_quarter_begin_at_once_whatever_the_step() -> None:
    stepped, whole = short(DELIVERY - 5_000), short(DELIVERY - 5_000)
    events = [event for second in range(10) for event in stepped.advance(DELIVERY - 4_000 + second * 1000)]

    assert events == whole.advance(DELIVERY + 5_000)
    assert min(event.time_ms for event in events if event.symbol == "inverse:BTCUSDU24") == DELIVERY
    assert stepped.instruments == whole.instruments
