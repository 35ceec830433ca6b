"""Whatever is traded, the books of the simulated exchange add up, to the last digit, and survive a restart."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.sim_bench import Bench
from tradewright.simulator.errors import ApiError
from tradewright.simulator.events import OrderClosed, OrderFilled

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
            case "cancel", place:
                orders = list(bench.engine.account.orders.values())
                if orders:
                    bench.cancel(orders[place % len(orders)])
            case _:
                bench.arrive()
    except ApiError:
        assert len(bench.log.entries) == before


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=12, max_size=40), st.booleans())
def test_money_and_positions_are_the_sum_of_the_fills(steps: list[tuple[Any, ...]], partial_fills: bool) -> None:
    bench = Bench(partial_fills=partial_fills)
    for step in steps:
        play(bench, step)
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


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=12, max_size=40), st.booleans())
def test_no_order_is_overfilled_or_filled_after_its_end_or_beyond_its_price(
    steps: list[tuple[Any, ...]], partial_fills: bool
) -> None:
    bench = Bench(partial_fills=partial_fills)
    for step in steps:
        play(bench, step)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    ended: set[str] = set()
    for event in bench.events():
        if isinstance(event, OrderClosed):
            assert event.order_id not in ended
            ended.add(event.order_id)
        if isinstance(event, OrderFilled):
            order = bench.engine.account.orders[event.order_id]
            assert event.order_id not in ended
            filled[event.order_id] += event.quantity
            assert filled[event.order_id] <= order.quantity
            assert event.price <= order.price if order.side == "Buy" else event.price >= order.price
            if order.reduce_only:
                assert event.closed_quantity == event.quantity
            if order.time_in_force == "PostOnly":
                assert event.is_maker


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=8, max_size=25), st.data())
def test_a_restart_after_a_crash_at_any_byte_agrees_with_the_log(
    steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = Bench(folder)
        for step in steps:
            play(before, step)
        before.log.close()
        path = folder / "log.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)), label="bytes that reached the disk")])

        after = Bench(folder, fund=False)
        assert after.log.entries == before.log.entries[: len(after.log.entries)]
        after.engine.resume()
        fills = [event for event in after.events() if isinstance(event, OrderFilled)]
        paid_in = Decimal(100_000 if after.log.entries else 0)
        assert after.wallet == paid_in + sum((f.realised - f.fee for f in fills), Decimal(0))
        waiting = list(after.engine.account.live_orders())
        assert all(order.is_resting and order.time_in_force in ("GTC", "PostOnly") for order in waiting)
        after.log.close()
