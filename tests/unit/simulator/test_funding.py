"""Funding is paid once for each funding time, by what is held then, and told as Bybit tells it."""

from __future__ import annotations

import gzip
import itertools
from decimal import Decimal
from pathlib import Path

from support.scripted_market import BTCUSD, FUTURE, START_MS, USDC_PERP
from support.sim_bench import Bench
from tradewright.simulator.accounts.events import FundingPaid
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.past import Movements
from tradewright.simulator.market.build import build_market
from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.model import Market
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Surroundings
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.rows.trading import funding_row
from tradewright.simulator.streams.telling import messages_of

D = Decimal
DATA = Path(__file__).parents[2] / "data"
MINUTE = 60_000
EIGHT_HOURS = 8 * 60 * MINUTE
DUE = START_MS // MINUTE * MINUTE + 10 * MINUTE
RATE = D("0.0001")


def paid(bench: Bench) -> list[FundingPaid]:
    return [event for event in bench.events() if isinstance(event, FundingPaid)]


def go_to(bench: Bench, market_ms: int) -> None:
    bench.engine.venue.play_to(market_ms)


def engine_on(market: Market, now_ms: int) -> Engine:
    ids = itertools.count(1)
    around = Surroundings(
        wall_ms=lambda: now_ms,
        new_id=lambda: f"id-{next(ids)}",
        later=lambda delay_ms, call: None,
        tell=lambda outcome: None,
    )
    venue = Venue(market, wall_ms=lambda: now_ms)
    engine = Engine(venue=venue, log=EventLog(None), around=around, order_delay_ms=0, partial_fills=False)
    engine.fund([("USDT", D(100_000))])
    return engine


def test_longs_pay_and_shorts_receive_a_positive_rate_and_the_other_way_round() -> None:
    bench = Bench(coins={"USDC": "10000", "BTC": "1"}, others=[USDC_PERP, BTCUSD, FUTURE])
    bench.place("Buy", "0.500")
    bench.place("Sell", "0.250", symbol="BTCPERP")
    bench.place("Buy", "60000", category="inverse", symbol="BTCUSD")
    bench.place("Buy", "0.500", symbol=FUTURE.symbol)
    before = {coin: bench.coin(coin) for coin in ("USDT", "USDC", "BTC")}
    rates = {"BTCUSDT": RATE, "BTCPERP": RATE, "inverse:BTCUSD": -2 * RATE, FUTURE.listing: RATE}
    bench.market.rates = [(listing, DUE, rate) for listing, rate in rates.items()]
    bench.market.marks["BTCUSDT"] = D("50000.00")
    bench.market.marks["inverse:BTCUSD"] = D("50000.00")
    go_to(bench, DUE + 5)

    # 0.5 x 50000 x 0.0001 paid, 0.25 x 60000 x 0.0001 received, 60000 / 50000 x 0.0002 received; a dated one has none.
    change = {coin: bench.coin(coin) - amount for coin, amount in before.items()}
    assert change == {"USDT": D("-2.5"), "USDC": D("1.5"), "BTC": D("0.00024")}
    assert [(event.symbol, event.fee, event.at.market_ms) for event in paid(bench)] == [
        ("BTCPERP", D("-1.5"), DUE),
        ("BTCUSDT", D("2.5"), DUE),
        ("inverse:BTCUSD", D("-0.00024"), DUE),
    ]
    position = bench.engine.account.position("BTCUSDT")
    assert position.holding_realised == D("-2.5") - D("16.5000275")  # and the fee of the entry


def test_only_what_is_open_at_the_moment_pays_and_never_twice() -> None:
    bench = Bench()
    bench.market.rates = [("BTCUSDT", DUE + place * 6 * MINUTE, RATE) for place in range(5)]
    go_to(bench, DUE + MINUTE)  # nothing is held
    bench.place("Buy", "0.010")
    for market_ms in (DUE + 6 * MINUTE - 1, DUE + 6 * MINUTE, DUE + 6 * MINUTE + 1, DUE + 13 * MINUTE):
        go_to(bench, market_ms)
    bench.place("Sell", "0.010")
    go_to(bench, DUE + 20 * MINUTE)
    order = bench.place("Buy", "0.010", "59000.00")  # fills in the middle of a long step
    bench.market.trade("58999.90")
    go_to(bench, DUE + 30 * MINUTE)
    assert not bench.order(order).is_live
    assert [event.due_ms for event in paid(bench)] == [DUE + place * 6 * MINUTE for place in (1, 2, 4)]


def test_a_moment_between_the_seconds_asks_what_was_held_then() -> None:
    """Recordings have such moments. What was closed after it in the same second pays, what was opened does not."""
    due = DUE + 403
    for held_before in (True, False):
        bench = Bench()
        bench.market.rates = [("BTCUSDT", due, RATE)]
        if held_before:
            bench.place("Buy", "0.010")
        order = bench.place("Sell", "0.010", "61000.00")
        go_to(bench, DUE)
        bench.market.now_ms = due + 1
        bench.market.trade("61000.10")  # comes after the moment, in the same second
        bench.market.now_ms = DUE
        go_to(bench, DUE + MINUTE)
        assert not bench.order(order).is_live
        assert [(event.size, event.fee) for event in paid(bench)] == [(D("0.010"), D("0.06"))] * held_before


def test_a_crash_between_a_fill_and_the_payment_of_its_moment_loses_nothing(tmp_path: Path) -> None:
    for lines_lost, folder in enumerate((tmp_path / "whole", tmp_path / "torn")):
        folder.mkdir()
        bench = Bench(folder)
        bench.market.rates = [("BTCUSDT", DUE, RATE)]
        go_to(bench, DUE - 1_000)
        bench.place("Buy", "0.010", "59000.00")
        bench.market.now_ms = DUE - 500
        bench.market.trade("58999.90")
        go_to(bench, DUE)
        assert len(paid(bench)) == 1
        bench.log.close()
        path = folder / "log.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) - lines_lost]))

        after = Bench(folder, fund=False)
        after.market.rates = [("BTCUSDT", DUE, RATE)]
        after.market.now_ms = DUE
        after.engine.resume()
        go_to(after, DUE + 1_000)
        assert [(event.due_ms, event.fee) for event in paid(after)] == [(DUE, D("0.06"))]
        after.log.close()


def test_a_position_is_held_and_pays_while_the_exchange_is_not_running(tmp_path: Path) -> None:
    """A market whose time is wall time goes on meanwhile; it comes back later than it was left."""
    bench = Bench(tmp_path)
    go_to(bench, DUE - 1_000)
    bench.place("Buy", "0.010")
    bench.log.close()
    for _ in range(2):
        after = Bench(tmp_path, fund=False)
        after.market.rates = [("BTCUSDT", DUE - MINUTE, RATE), ("BTCUSDT", DUE, RATE), ("BTCUSDT", DUE + MINUTE, -RATE)]
        after.market.now_ms = DUE + 5 * MINUTE
        after.engine.resume()
        go_to(after, DUE + 6 * MINUTE)
        assert [(event.due_ms, event.fee) for event in paid(after)] == [(DUE, D("0.06")), (DUE + MINUTE, D("-0.06"))]
        after.log.close()


def test_the_synthetic_market_pays_at_its_own_funding_times_whatever_the_steps() -> None:
    totals = []
    due_ms = (START_MS // EIGHT_HOURS + 1) * EIGHT_HOURS
    start_ms, end_ms = due_ms - 2 * MINUTE, due_ms + MINUTE
    for step_ms in (7_000, 10 * MINUTE):
        clock = MarketClock(wall_ms=START_MS, market_ms=start_ms, speed=1)
        market = SyntheticMarket(seed=7, clock=clock, start_ms=start_ms, follows_wall=False)
        assert market.next_funding_ms("BTCUSDT") == due_ms
        engine = engine_on(market, START_MS)
        order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.100"}
        placed = engine.place(read_create(order, engine.specs))
        engine.floor.arrive(placed.order_id, delay_ms=0)
        while market.now_ms < end_ms:
            engine.venue.play_to(min(end_ms, market.now_ms + step_ms))
        (payment,) = engine.account.funding
        (due,) = market.funding_history("BTCUSDT", start_ms, end_ms, 200)
        assert (payment.paid.due_ms, payment.paid.rate) == due
        assert payment.paid.fee == round(D("0.1") * payment.paid.mark_price * payment.paid.rate, 8)
        totals.append(engine.account.coin("USDT").balance)
    assert len(set(totals)) == 1


def test_a_replay_pays_what_its_funding_file_says(tmp_path: Path) -> None:
    candles = DATA / "btcusdt-linear-1m-sample.csv.gz"
    with gzip.open(candles, "rt") as file:
        start_ms = int(file.readlines()[1].split(",")[0])
    due = {start_ms + 5 * MINUTE: RATE, start_ms + 8 * MINUTE + 17: -2 * RATE, start_ms + 12 * MINUTE: 3 * RATE}
    funding = tmp_path / "funding.csv.gz"
    rows = "".join(f"{ms},{rate}\n" for ms, rate in due.items())
    funding.write_bytes(gzip.compress(f"funding_time_ms,funding_rate\n{rows}".encode()))
    market = build_market(
        [f"replay:{path}@linear:BTCUSDT" for path in (candles, funding)],
        seed=1,
        speed=1,
        from_ms=start_ms,
        wall_now_ms=start_ms,
    )
    engine = engine_on(market, start_ms)
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market", "qty": "0.100"}
    placed = engine.place(read_create(order, engine.specs))
    engine.floor.arrive(placed.order_id, delay_ms=0)
    for _ in range(4):
        engine.venue.play_to(market.now_ms + 170_000)
    paid = [(payment.paid.due_ms, payment.paid.rate, payment.paid.fee < 0) for payment in engine.account.funding]
    assert paid == [(ms, rate, rate > 0) for ms, rate in due.items() if ms <= market.now_ms]
    assert len(paid) == 2


def test_it_is_told_as_an_execution_a_settlement_and_a_new_wallet() -> None:
    bench = Bench()
    bench.place("Sell", "0.010")
    bench.market.rates = [("BTCUSDT", DUE, RATE)]
    bench.told.clear()
    go_to(bench, DUE)
    (outcome,) = bench.told
    told = {message.topic: message.rows for message in messages_of(outcome, bench.engine, dict, uid="1", is_heard=bool)}
    assert set(told) == {"execution", "position", "wallet"}
    (row,) = told["execution"]
    assert (row["execType"], row["orderType"], row["execFee"], row["execQty"]) == (
        "Funding",
        "UNKNOWN",
        "-0.06",
        "0.010",
    )
    (payment,) = bench.engine.account.funding
    assert funding_row(payment, bench.engine.specs["BTCUSDT"])["feeCurrency"] == "USDT"
    movement = Movements().read(bench.log.entries)[-1]
    assert (movement.funding_received, movement.change, movement.balance) == (D("0.06"), D("0.06"), bench.wallet)
