"""Whatever is traded, the books of the simulated exchange add up, to the last digit, and survive a restart."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.scripted_market import SPOT
from support.sim_bench import Bench
from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import Event, OrderClosed, OrderFilled, Together
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.accounts.past import Movements, closed_orders
from tradewright.simulator.errors import ApiError

QUANTITIES = st.integers(1, 2_000).map(lambda steps: str(Decimal(steps) * Decimal("0.001")))
PRICES = st.integers(-300, 300).map(lambda ticks: str(Decimal("60000.00") + Decimal(ticks) * Decimal("0.10")))
SIDES = st.sampled_from(["Buy", "Sell"])
STEPS = st.one_of(
    st.tuples(st.just("market"), SIDES, QUANTITIES, st.booleans()),
    st.tuples(
        st.just("limit"), SIDES, QUANTITIES, PRICES, st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"]), st.booleans()
    ),
    st.tuples(st.just("trade"), PRICES, QUANTITIES),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("arrive")),
)
STOPS = st.one_of(
    st.tuples(st.just("stop"), SIDES, QUANTITIES, st.none() | PRICES, PRICES, st.booleans()),
    st.tuples(st.just("entry"), SIDES, QUANTITIES, st.none() | PRICES, PRICES, PRICES, st.booleans()),
    st.tuples(st.just("amend"), st.integers(0, 30), QUANTITIES, PRICES),
    st.tuples(st.just("trading stop"), PRICES, PRICES, st.none() | QUANTITIES),
)
SPOT_QUANTITIES = st.integers(1, 2_000_000).map(lambda steps: str(Decimal(steps) * Decimal("0.000001")))
SPOT_PRICES = st.integers(-3_000, 3_000).map(lambda ticks: str(Decimal("60050.00") + Decimal(ticks) * Decimal("0.01")))
AMOUNTS = st.integers(4_000_000, 2_000_000_000_000).map(lambda steps: str(Decimal(steps) * Decimal("0.0000001")))
SPOT_STEPS = st.one_of(
    st.tuples(st.just("spot market"), SIDES, AMOUNTS, st.just("quoteCoin")),
    st.tuples(st.just("spot market"), SIDES, SPOT_QUANTITIES, st.just("baseCoin")),
    st.tuples(
        st.just("spot limit"), SIDES, SPOT_QUANTITIES, SPOT_PRICES, st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"])
    ),
    st.tuples(st.just("spot trade"), SPOT_PRICES, SPOT_QUANTITIES),
    st.tuples(
        st.just("spot stop"),
        SIDES,
        SPOT_QUANTITIES,
        st.none() | SPOT_PRICES,
        SPOT_PRICES,
        st.sampled_from(["tpslOrder", "StopOrder"]),
    ),
    st.tuples(st.just("spot entry"), SIDES, SPOT_QUANTITIES, SPOT_PRICES, SPOT_PRICES, SPOT_PRICES),
    st.tuples(st.just("spot amend"), st.integers(0, 30), SPOT_QUANTITIES, SPOT_PRICES),
)


def play(bench: Bench, step: tuple[Any, ...]) -> None:
    """One step; a refusal changes nothing and is part of the game."""
    before = len(bench.log.entries)
    try:
        match step:
            case "market", side, quantity, reduce_only:
                bench.accept(side, quantity, reduceOnly=reduce_only)
            case "limit", side, quantity, price, time_in_force, reduce_only:
                bench.accept(side, quantity, price, timeInForce=time_in_force, reduceOnly=reduce_only)
            case "trade", price, size:
                bench.trade(price, size)
            case "stop", side, quantity, price, trigger, reduce_only:
                direction = 1 if Decimal(trigger) > bench.market.last_price("BTCUSDT") else 2
                waits = {"triggerPrice": trigger, "triggerDirection": direction, "reduceOnly": reduce_only}
                bench.accept(side, quantity, price, **waits)
            case "entry", side, quantity, price, one, other, whole:
                gains, loses = max(one, other), min(one, other)  # of one length, so text compares as numbers do
                stops = {"takeProfit": gains, "stopLoss": loses, "tpslMode": "Full" if whole else "Partial"}
                if side == "Sell":
                    stops |= {"takeProfit": loses, "stopLoss": gains}
                bench.accept(side, quantity, price, **stops)
            case "amend", place, quantity, price:
                live = [order for order in bench.engine.account.live_orders() if not order.is_spot]
                if live:
                    order = live[place % len(live)]
                    changes = {"qty": quantity} if order.order_type == "Market" else {"qty": quantity, "price": price}
                    bench.amend(order, **changes)
            case "trading stop", one, other, size:
                gains, loses = (
                    (max(one, other), min(one, other)) if bench.size > 0 else (min(one, other), max(one, other))
                )
                parts = {} if size is None else {"tpslMode": "Partial", "tpSize": size, "slSize": size}
                bench.trading_stop(takeProfit=gains, stopLoss=loses, **parts)
            case "spot market", side, quantity, unit:
                bench.accept(side, quantity, category="spot", marketUnit=unit)
            case "spot limit", side, quantity, price, time_in_force:
                bench.accept(side, quantity, price, category="spot", timeInForce=time_in_force)
            case "spot trade", price, size:
                bench.trade(price, size, listing=SPOT)
            case "spot stop", side, quantity, price, trigger, kind:
                unit = {} if price else {"marketUnit": "baseCoin"}
                bench.accept(side, quantity, price, category="spot", triggerPrice=trigger, orderFilter=kind, **unit)
            case "spot entry", side, quantity, price, one, other:
                gains, loses = (
                    (max(one, other), min(one, other)) if side == "Buy" else (min(one, other), max(one, other))
                )
                bench.accept(side, quantity, price, category="spot", takeProfit=gains, stopLoss=loses)
            case "spot amend", place, quantity, price:
                waiting = [order for order in bench.engine.account.live_orders() if order.is_spot]
                if waiting:
                    bench.amend(waiting[place % len(waiting)], qty=quantity, price=price)
            case "cancel", place:
                orders = list(bench.engine.account.orders.values())
                if orders:
                    bench.cancel(orders[place % len(orders)])
            case _:
                bench.arrive()
    except ApiError:
        assert len(bench.log.entries) == before


def coins_by_fills(bench: Bench) -> dict[str, Decimal]:
    """What the account must have of each coin: what was paid in, and what every fill moved by its own words."""
    flows = {"USDT": Decimal(100_000), "BTC": Decimal(3)}
    for fill in (event for event in bench.events() if isinstance(event, OrderFilled)):
        value, of_pair = fill.quantity * fill.price, fill.symbol == SPOT
        match fill.side:
            case "Buy" if of_pair:
                flows["USDT"] -= value
                flows["BTC"] += fill.quantity - fill.quantity * fill.fee_rate
            case "Sell" if of_pair:
                flows["BTC"] -= fill.quantity
                flows["USDT"] += value - value * fill.fee_rate
            case _:
                flows["USDT"] += fill.realised - fill.fee
    return flows


def check_stops(bench: Bench) -> None:
    """The stops that wait close the position there is; those of all of it are of its size, one of each kind."""
    position = bench.engine.account.position("BTCUSDT")
    whole: list[str] = []
    for order in bench.engine.account.live_orders("BTCUSDT"):
        if order.is_protective and order.is_dormant:
            assert position.reducible(order.side) > 0
            if order.follows_position:
                assert order.quantity == abs(position.size)
                whole.append(order.stop_kind)
    assert len(whole) == len(set(whole))
    assert not bench.engine.account.unprotected_orders("BTCUSDT")
    assert not bench.engine.account.unprotected_orders(SPOT)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS | STOPS, min_size=12, max_size=40), st.booleans())
def test_money_and_positions_are_the_sum_of_the_fills(steps: list[tuple[Any, ...]], partial_fills: bool) -> None:
    bench = Bench(partial_fills=partial_fills)
    for step in steps:
        play(bench, step)
        check_stops(bench)
    bench.arrive()
    fills = [event for event in bench.events() if isinstance(event, OrderFilled)]

    assert bench.wallet - 100_000 == sum((f.realised - f.fee for f in fills), Decimal(0))
    signed = [f.quantity if f.side == "Buy" else -f.quantity for f in fills]
    assert bench.size == sum(signed, Decimal(0))
    # The same another way: all that was paid and received, plus what the open part cost, is the profit.
    received = sum((-q * f.price for q, f in zip(signed, fills, strict=True)), Decimal(0))
    position = bench.engine.account.position("BTCUSDT")
    signed_cost = position.cost if position.size >= 0 else -position.cost
    assert received + signed_cost == sum((f.realised for f in fills), Decimal(0))
    assert (position.cost == 0) == (position.size == 0)
    # And as its holder is told: profits order by order, and every movement of the coin.
    if not position.size:
        closed = closed_orders(bench.engine.account.executions)
        assert sum((one.profit for one in closed), Decimal(0)) == bench.wallet - 100_000
    assert Movements().read(bench.log.entries)[-1].balance == bench.wallet


@settings(max_examples=100, deadline=None)
@given(st.lists(SPOT_STEPS | STEPS | STOPS, min_size=12, max_size=40), st.booleans())
def test_every_coin_is_the_sum_of_its_flows_and_nothing_is_spent_twice(
    steps: list[tuple[Any, ...]], partial_fills: bool
) -> None:
    bench = Bench(partial_fills=partial_fills, spot=True, coins={"BTC": "3"})
    account, specs = bench.engine.account, bench.engine.specs
    for step in steps:
        play(bench, step)
        check_stops(bench)
        locked = spot.locked(account.live_orders(), specs)
        assert Decimal(0) <= locked.get("BTC", Decimal(0)) <= bench.coin("BTC")
        assert locked.get("USDT", Decimal(0)) >= 0
    bench.arrive()

    assert {coin: held.balance for coin, held in account.coins.items()} == coins_by_fills(bench)
    assert not account.position(SPOT).size
    # Every order got and gave exactly what its fills say, and no more than it was for.
    for order in account.orders.values():
        done = order.filled_value if order.in_quote else order.filled_quantity
        assert done <= order.quantity
        assert order.is_live or not order.leaves

    again = Account()
    for entry in bench.log.entries:
        again.apply(entry)
    assert (again.coins, again.orders) == (account.coins, account.orders)


@settings(max_examples=150, deadline=None)
@given(st.lists(SPOT_STEPS | STEPS | STOPS, min_size=12, max_size=40), st.booleans())
def test_no_order_is_overfilled_or_filled_after_its_end_or_beyond_its_price(
    steps: list[tuple[Any, ...]], partial_fills: bool
) -> None:
    bench = Bench(partial_fills=partial_fills, spot=True, coins={"BTC": "3"})
    for step in steps:
        play(bench, step)
    executions = iter(bench.engine.account.executions)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    ended: set[str] = set()
    for event in all_events(bench):
        if isinstance(event, OrderClosed):
            assert event.order_id not in ended
            ended.add(event.order_id)
        if isinstance(event, OrderFilled):
            order = next(executions).order  # as it was then: it may have been amended since
            assert event.order_id == order.order_id
            assert event.order_id not in ended
            filled[event.order_id] += event.quantity * event.price if order.in_quote else event.quantity
            assert filled[event.order_id] <= order.quantity
            assert event.price <= order.price if order.side == "Buy" else event.price >= order.price
            if order.reduce_only:
                assert event.closed_quantity == event.quantity
            if order.time_in_force == "PostOnly":
                assert event.is_maker


def all_events(bench: Bench) -> Iterator[Event]:
    """What happened one by one, with what was written down together taken apart."""
    for event in bench.events():
        yield event
        if isinstance(event, Together):
            yield from event.moves


@settings(max_examples=25, deadline=None)
@given(st.lists(SPOT_STEPS | STEPS | STOPS, min_size=8, max_size=25), st.data())
def test_a_restart_after_a_crash_at_any_byte_agrees_with_the_log(
    steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = Bench(folder, spot=True, coins={"BTC": "3"})
        for step in steps:
            play(before, step)
        before.log.close()
        path = folder / "log.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)), label="bytes that reached the disk")])

        after = Bench(folder, fund=False, spot=True)
        assert after.log.entries == before.log.entries[: len(after.log.entries)]
        after.engine.resume()
        if len(after.log.entries) > 1:  # both coins were paid in
            held = after.engine.account.coins
            assert {coin: balance.balance for coin, balance in held.items()} == coins_by_fills(after)
        for order in after.engine.account.live_orders():
            assert order.is_dormant or order.time_in_force in ("GTC", "PostOnly")
            assert order.status is not OrderStatus.ACCEPTED
            assert order.amend_requested is None
            assert not order.cancel_requested
        check_stops(after)
        after.log.close()
