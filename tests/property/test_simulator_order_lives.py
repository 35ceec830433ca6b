"""Whatever orders, changes, stops and prices come together: orders move as documented, stops stay in step with their
positions, and a log that is cut anywhere gives an exchange that goes on.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from support.sim_bench import Bench
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.orders import OrderStatus as Status
from tradewright.simulator.errors import ApiError
from tradewright.simulator.matching.commands import read_switch_mode

ENDS: Final = {Status.FILLED, Status.CANCELLED}
NEXT: Final = {
    None: {Status.ACCEPTED, Status.UNTRIGGERED},  # an exit is accepted and armed at once
    Status.ACCEPTED: {Status.NEW, Status.PARTIALLY_FILLED, Status.UNTRIGGERED, Status.DEACTIVATED, *ENDS},
    Status.NEW: {Status.PARTIALLY_FILLED, *ENDS},
    Status.PARTIALLY_FILLED: ENDS,
    Status.UNTRIGGERED: {Status.TRIGGERED, Status.DEACTIVATED},
    Status.TRIGGERED: {Status.NEW, Status.PARTIALLY_FILLED, *ENDS},
}
TICK: Final = Decimal("0.10")


def near(bench: Bench, chance: random.Random, reach: int) -> str:
    price = bench.market.last_price("BTCUSDT") * (10_000 + chance.randint(-reach, reach)) / 10_000
    return str(price - price % TICK)


def order(bench: Bench, chance: random.Random) -> None:
    price = near(bench, chance, 40) if chance.random() < 0.7 else None
    more: dict[str, Any] = {
        "timeInForce": chance.choice(["GTC", "GTC", "IOC", "FOK", "PostOnly"]),
        "smpType": chance.choice(["None", "None", "CancelMaker", "CancelTaker", "CancelBoth"]),
        "reduceOnly": chance.random() < 0.4,
        "tpslMode": chance.choice(["Full", "Partial"]),
        "positionIdx": chance.choice([1, 2]) if bench.engine.floor.is_hedged("BTCUSDT") else 0,
    }
    if chance.random() < 0.2:
        trigger = near(bench, chance, 100)
        rises = Decimal(trigger) > bench.market.last_price("BTCUSDT")
        more |= {"triggerPrice": trigger, "triggerDirection": 1 if rises else 2}
    if not more["reduceOnly"]:
        wanted = chance.choice([(), ("takeProfit",), ("stopLoss",), ("takeProfit", "stopLoss")])
        more |= {name: near(bench, chance, 100) for name in wanted}
    bench.accept(chance.choice(["Buy", "Sell"]), str(Decimal(chance.randint(1, 900)) / 1_000), price, **more)


def stops(bench: Bench, chance: random.Random) -> None:
    index = chance.choice([1, 2]) if bench.engine.floor.is_hedged("BTCUSDT") else 0
    wanted = {name: near(bench, chance, 100) for name in ("takeProfit", "stopLoss") if chance.random() < 0.5}
    bench.trading_stop(positionIdx=index, trailingStop=str(TICK * chance.randint(0, 400)), **wanted)


def change(bench: Bench, chance: random.Random) -> None:
    live = list(bench.engine.account.live_orders())
    if live and chance.random() < 0.4:
        bench.cancel(chance.choice(live))
    elif live:
        quantity = str(Decimal(chance.randint(1, 900)) / 1_000)
        bench.amend(chance.choice(live), qty=quantity, price=near(bench, chance, 40))


def move(bench: Bench, chance: random.Random) -> None:
    price = Decimal(near(bench, chance, 150 if chance.random() < 0.2 else 15))
    size = str(Decimal(chance.randint(1, 1_500)) / 1_000)
    bench.market.quote(bid=str(price - TICK), ask=str(price + TICK), size=size)
    bench.market.trade(str(price), size, side=chance.choice(["Buy", "Sell"]))
    bench.market.mark = price
    bench.engine.venue.play_to(bench.market.now_ms + chance.choice([10, 1_000]))


def check_stops(bench: Bench) -> None:
    account = bench.engine.account
    for index in (0, 1, 2):
        position = bench.engine.floor.leg("BTCUSDT", index)
        legs = [one for one in account.live.followers("BTCUSDT") if one.position_index == index]
        guards = [one for one in legs if one.is_protective and one.is_dormant]
        assert all(position.reducible(one.side) for one in guards)
        assert all(position.reducible(one.side) for one in legs if one.is_resting and one.reduce_only)
        whole = Counter(one.stop_kind for one in guards if one.follows_position)
        assert all(count == 1 for count in whole.values())
        assert all(one.quantity == abs(position.size) for one in guards if one.follows_position)
    assert not account.unprotected_orders("BTCUSDT")


def check_lives(bench: Bench) -> Counter[Status]:
    """Each order's way through its states, by the log alone; no fill beyond a limit or, reduce-only, a position."""
    account, before, ends = Account(), dict[str, Status | None](), Counter[Status]()
    for entry in bench.log.entries:
        if isinstance(entry.event, OrderFilled):
            one, fill = account.orders[entry.event.order_id], entry.event
            assert (fill.price <= one.price) if one.side == "Buy" else (fill.price >= one.price)
            assert not one.reduce_only or fill.closed_quantity == fill.quantity
            assert one.time_in_force != "PostOnly" or fill.is_maker
        account.apply(entry)
        for one in list(account.orders.values()):
            was = before.get(one.order_id)
            if one.status is not was:
                assert one.status in NEXT.get(was, set()), (was, one.status)
                before[one.order_id] = one.status
                ends[one.status] += 1
    assert account.orders == bench.engine.account.orders
    return ends


def played(seed: int, chance: random.Random, shape: dict[str, Any], folder: Path) -> Bench:
    bench = Bench(folder, **shape)
    if seed % 4 > 1:
        body = {"category": "linear", "symbol": "BTCUSDT", "mode": "3"}
        bench.engine.set_position_mode(read_switch_mode(body, bench.engine.specs))
    for _ in range(260):
        with contextlib.suppress(ApiError):
            chance.choices((order, stops, change, move), (4, 1, 1, 7))[0](bench, chance)
        if chance.random() < 0.8:
            bench.arrive()
            check_stops(bench)
    bench.log.close()
    return bench


def test_orders_live_as_documented_and_a_log_that_is_cut_anywhere_goes_on(tmp_path: Path) -> None:
    ends = Counter[Status]()
    for seed in range(16):
        chance = random.Random(seed)
        shape: dict[str, Any] = {"partial_fills": seed % 3 == 0, "queue": "queue" if seed % 2 else "through"}
        folder = tmp_path / str(seed)
        folder.mkdir()
        ends += check_lives(played(seed, chance, shape, folder))
        path = folder / "log.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        for length in chance.sample(range(3, len(lines) + 1), 6):
            path.write_bytes(b"".join(lines[:length]))
            again = Bench(folder, fund=False, **shape)
            again.engine.resume()
            check_stops(again)
            check_lives(again)
            assert all(one.status is not Status.ACCEPTED for one in again.engine.account.live_orders())
            again.log.close()
    assert all(ends[status] >= 20 for status in (Status.TRIGGERED, Status.DEACTIVATED, *ENDS)), ends
