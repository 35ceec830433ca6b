"""What the simulated exchange keeps of its live orders, as they come, change and go, is what one finds who looks at all
of them: margin, locks, queues, caps.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from support.scripted_market import BTCUSD, CALL, SPOT, USDC_PERP
from support.sim_bench import Bench
from tradewright.simulator.accounts import margin, spot
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.listed import Listed
from tradewright.simulator.accounts.needs import option_order_need
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import Position, PositionKey
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market.risk_tiers import tier_at
from tradewright.simulator.matching.commands import read_leverage

ZERO = Decimal(0)
KINDS: dict[str, tuple[dict[str, str], Decimal]] = {  # what names it, and a quantity
    "BTCUSDT": ({}, Decimal("0.010")),
    "BTCPERP": ({"symbol": "BTCPERP"}, Decimal("0.010")),
    "inverse:BTCUSD": ({"category": "inverse", "symbol": "BTCUSD"}, Decimal(100)),
    CALL.listing: ({"category": "option", "symbol": CALL.symbol}, Decimal("0.01")),
    SPOT: ({"category": "spot"}, Decimal("0.001000")),
}
CONTRACTS = ["BTCUSDT", "BTCPERP", "inverse:BTCUSD"]
SEEDS = 8
STEPS = 120
TRIED = 3  # of the live orders after each step: what would be without it, or with another in its place


def drawn(rng: random.Random) -> tuple[Any, ...]:
    """The next step."""
    match rng.choice(["order"] * 6 + ["cancel", "amend", "amend", "trade", "trade", "mark", "leverage"]):
        case "order":
            kinds = ["", "", "", "", "reduce", "stop", "stop by mark", "guarded"]
            percent = rng.choice([None, -3, -2, -1, 1, 2, 3])
            listing, side = rng.choice([*KINDS, "BTCUSDT"]), rng.choice(["Buy", "Sell"])
            return "order", listing, side, rng.randint(1, 9), percent, rng.choice(kinds)
        case "cancel":
            return "cancel", rng.randrange(99)
        case "amend":
            return "amend", rng.randrange(99), rng.randint(1, 9), rng.choice([-2, -1, 1, 2])
        case "trade":
            return "trade", rng.choice([*CONTRACTS, SPOT]), rng.randint(-2, 2)
        case "mark":
            return "mark", rng.choice(CONTRACTS), rng.randint(-2, 2)
        case _:
            return "leverage", rng.randint(1, 20)


def price_near(bench: Bench, listing: str, percent: int) -> Decimal:
    price = bench.market.last_price(listing) * (100 + percent) / 100
    return price - price % bench.engine.specs[listing].tick_size


def place(bench: Bench, listing: str, side: str, times: int, percent: int | None, kind: str) -> None:
    named, unit = KINDS[listing]
    spec = bench.engine.specs[listing]
    more: dict[str, Any] = dict(named)
    price = None if percent is None and not spec.is_option else str(price_near(bench, listing, percent or 0))
    if spec.is_option:
        more["orderLinkId"] = f"option-{len(bench.log.entries)}"
    if spec.is_spot and price is None:
        more["marketUnit"] = "baseCoin"
    rises = side == "Buy"
    beyond = str(price_near(bench, listing, 5 if rises else -5))
    if kind.startswith("stop") and not spec.is_option:
        if spec.is_spot:
            more |= {"orderFilter": "StopOrder" if times % 2 else "tpslOrder", "triggerPrice": beyond}
        else:
            more |= {"triggerPrice": beyond, "triggerDirection": 1 if rises else 2}
            more |= {"triggerBy": "MarkPrice"} if kind == "stop by mark" else {}
    elif kind == "reduce" and not spec.is_spot:
        more["reduceOnly"] = True
    elif kind == "guarded" and not spec.is_option and price is not None:
        more |= {"takeProfit" if rises else "stopLoss": str(price_near(bench, listing, 20))}
    bench.accept(side, str(unit * times), price, **more)
    agree(bench, random.Random(0))
    bench.arrive()


def play(bench: Bench, step: tuple[Any, ...]) -> None:
    """One step; a refusal changes nothing and is part of the game."""
    live = list(bench.engine.account.live_orders())
    try:
        match step:
            case "order", listing, side, times, percent, kind:
                place(bench, listing, side, times, percent, kind)
            case "cancel", which if live:
                bench.cancel(live[which % len(live)])
            case "amend", which, times, percent if live:
                order = live[which % len(live)]
                quantity = str(KINDS[order.symbol][1] * times)
                bench.amend(order, qty=quantity, price=str(price_near(bench, order.symbol, percent)))
            case "trade", listing, percent:
                bench.trade(str(price_near(bench, listing, percent)), listing=listing)
            case "mark", listing, percent:
                bench.market.marks[listing] = price_near(bench, listing, percent)
                bench.engine.venue.play_to(bench.market.now_ms + 1_000)
            case "leverage", leverage:
                body = {"category": "linear", "symbol": "BTCUSDT"}
                body |= {"buyLeverage": str(leverage), "sellLeverage": str(leverage)}
                bench.engine.set_leverage(read_leverage(body, bench.engine.specs))
    except ApiError:
        pass


def opens(orders: Iterable[Order], position: Position, side: str) -> Decimal:
    """What one side's orders would open, oldest first, by the definition."""
    closes = max(ZERO, -position.size if side == "Buy" else position.size)
    value = ZERO
    for order in orders:
        if order.side == side:
            value += value_of(order.symbol, max(ZERO, order.leaves - closes), order.price)
            closes = max(ZERO, closes - order.leaves)
    return value


def need(bench: Bench, key: PositionKey, orders: list[Order]) -> Decimal:
    """What orders of one position bind, by the definition."""
    floor = bench.engine.floor
    position = bench.engine.account.positions.get(key) or Position(symbol=key[0], index=key[1])
    terms = floor.terms(key[0])
    if terms.spec.is_option:
        in_turn = (replace(order, number=place) for place, order in enumerate(orders))
        return option_order_need(Listed(in_turn), position, terms)
    opening = max(opens(orders, position, "Buy"), opens(orders, position, "Sell"))
    leverage = min(position.leverage, tier_at(terms.tiers, opening).max_leverage)
    return (opening / leverage + 2 * opening * terms.spec.taker_fee_rate).quantize(Decimal("0.00000001"))


def looked_through(bench: Bench, orders: list[Order]) -> margin.MarginView:
    """The margin with these live orders, each asked anew."""
    floor, account = bench.engine.floor, bench.engine.account
    binding: dict[PositionKey, list[Order]] = {}
    for order in orders:
        if not (order.is_spot or order.is_dormant or order.reduce_only):
            binding.setdefault((order.symbol, order.position_index), []).append(order)
    return margin.view(
        mode=account.margin_mode,
        balances={coin: held.balance for coin, held in account.coins.items()},
        locked=spot.locked(orders, bench.engine.specs),
        positions=account.positions.values(),
        bound=[(bench.engine.specs[key[0]].settle_coin, need(bench, key, found)) for key, found in binding.items()],
        terms=floor.terms,
        price=floor.usd_price,
        ratio=floor.collateral_ratio,
    )


def agree(bench: Bench, rng: random.Random) -> None:
    account, live = bench.engine.account, bench.engine.account.live
    orders = [order for order in account.orders.values() if order.is_live]
    assert list(account.live_orders()) == orders
    assert bench.engine.margin_now() == looked_through(bench, orders)
    assert account.held == {key: position for key, position in account.positions.items() if position.size}
    assert (live.spot, live.contracts) == (
        sum(order.is_spot for order in orders),
        sum(not order.is_spot for order in orders),
    )
    assert live.listings == {order.symbol for order in orders}
    assert live.by_marks() == [order for order in orders if order.looks_at_marks]
    for order in rng.sample(orders, min(TRIED, len(orders))):
        rest = [other for other in orders if other is not order]
        if order.is_spot:
            locked = spot.locked(rest, bench.engine.specs)
            assert live.locked(bench.engine.specs, without=order.order_id) == locked
        elif not order.is_dormant:
            assert bench.engine.floor.margin_if(None, instead_of=order) == looked_through(bench, rest)
            twice = replace(order, quantity=order.quantity * 2)
            assert bench.engine.floor.margin_if(twice, instead_of=order) == looked_through(bench, [*rest, twice])
    for listing in bench.engine.specs:
        here = [order for order in orders if order.symbol == listing]
        assert list(account.live_orders(listing)) == here
        assert live.dormant(listing) == [order for order in here if order.is_dormant]
        assert live.active(listing) == sum(not order.is_dormant for order in here)
        assert live.followers(listing) == [order for order in here if order.reduce_only or order.is_protective]
        for side in ("Buy", "Sell"):
            sign = -1 if side == "Buy" else 1
            resting = [order for order in here if order.is_resting and order.side == side]
            resting.sort(key=lambda order: (sign * order.price, order.queued))
            assert list(live.resting(listing, side)) == resting


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_kept_of_live_orders_is_what_all_of_them_say(seed: int) -> None:
    rng = random.Random(seed)
    bench = Bench(funds="100000", coins={"USDC": "50000", "BTC": "1"}, spot=True, others=[USDC_PERP, BTCUSD, CALL])
    most = 0
    for _ in range(STEPS):
        play(bench, drawn(rng))
        agree(bench, rng)
        most = max(most, len(bench.engine.account.live))
    assert most > 10, "the orders of this seed rest beside each other"
    again = Account()
    for entry in bench.log.entries:
        again.apply(entry)
    assert list(again.live_orders()) == list(bench.engine.account.live_orders())
