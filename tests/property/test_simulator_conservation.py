"""Whatever is held and whatever the prices do, every coin of the simulated exchange is accounted for: contracts of all
kinds, options, both legs, isolated margin, funding, liquidation, delivery.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from support.scripted_market import BTCUSD, CALL, FUTURE, PRICES, SPOT, START_MS, USDC_PERP
from support.sim_bench import Bench
from tradewright.simulator.accounts import isolated
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.events import Funded, FundingPaid, OrderFilled
from tradewright.simulator.accounts.past import Movements
from tradewright.simulator.accounts.positions import PositionKey
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market.model import is_inverse, is_option
from tradewright.simulator.market.risk_tiers import tier_at
from tradewright.simulator.matching.commands import read_leverage, read_switch_mode

SECOND, MINUTE = 1_000, 60_000
DELIVERY = START_MS // MINUTE * MINUTE + 8 * MINUTE
SHORT_FUTURE, SHORT_CALL = replace(FUTURE, delivery_ms=DELIVERY), replace(CALL, delivery_ms=DELIVERY)
OTHERS = [USDC_PERP, BTCUSD, SHORT_FUTURE, SHORT_CALL]
COINS = {"USDC": Decimal(20_000), "BTC": Decimal(1)}
KINDS: dict[str, tuple[dict[str, str], Decimal]] = {  # what names it, and a quantity of about 6000 dollars
    "BTCUSDT": ({}, Decimal("0.100")),
    "BTCPERP": ({"symbol": "BTCPERP"}, Decimal("0.100")),
    "inverse:BTCUSD": ({"category": "inverse", "symbol": "BTCUSD"}, Decimal(6_000)),
    FUTURE.listing: ({"symbol": FUTURE.symbol}, Decimal("0.100")),
    CALL.listing: ({"category": "option", "symbol": CALL.symbol}, Decimal("1.00")),
    SPOT: ({"category": "spot"}, Decimal("0.050000")),
}
ORDERS = st.tuples(
    st.just("order"),
    st.sampled_from(list(KINDS)),
    st.sampled_from(["Buy", "Sell"]),
    st.integers(1, 30),
    st.sampled_from([None, None, None, -3, -1, 1, 3]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([1, 2]),
)
STEPS = st.one_of(
    ORDERS,
    ORDERS,
    ORDERS,
    ORDERS,
    st.tuples(st.just("jump"), st.sampled_from(list(PRICES)), st.integers(-30, 40)),
    st.tuples(st.just("all jump"), st.integers(-30, 40)),
    st.tuples(st.just("funding"), st.integers(-30, 30)),
    st.tuples(st.just("time"), st.integers(1, 100)),
    st.tuples(st.just("leverage"), st.sampled_from(["BTCUSDT", "BTCPERP", "inverse:BTCUSD"]), st.integers(1, 100)),
    st.tuples(st.just("add margin"), st.sampled_from([0, 1, 2]), st.integers(-100, 500)),
    st.tuples(st.just("auto margin"), st.sampled_from([0, 1, 2]), st.booleans()),
    st.tuples(st.just("cancel all")),
)
MODES = st.tuples(st.sampled_from(["REGULAR_MARGIN", "ISOLATED_MARGIN"]), st.booleans())


def price_of(bench: Bench, listing: str) -> Decimal:
    return bench.market.index if listing == SPOT else bench.market.marks[listing]


def move(bench: Bench, listing: str, percent: int) -> None:
    """The mark and the book around it; the last trade stays where it was, which is the harder case."""
    tick = bench.engine.specs[listing].tick_size
    price = bench.market.marks[listing] * (100 + percent) / 100
    price -= price % tick
    bench.market.marks[listing] = max(price, 2 * tick)
    price = bench.market.marks[listing]
    size = "100000" if is_inverse(listing) else "2.000"
    bench.market.quote(bid=str(price - tick), ask=str(price + tick), size=size, listing=listing)


def order(bench: Bench, listing: str, side: str, times: int, percent: int | None, reduce: bool, index: int) -> None:
    named, unit = KINDS[listing]
    spec = bench.engine.specs[listing]
    price = None
    if percent is not None or spec.is_option:
        wish = price_of(bench, listing) * (100 + (percent or 0)) / 100
        price = str(wish - wish % spec.tick_size)
    more: dict[str, Any] = dict(named)
    if listing == "BTCUSDT":
        more["positionIdx"] = index if bench.engine.floor.is_hedged(listing) else 0
    if spec.is_option:
        more["orderLinkId"] = f"option-{len(bench.log.entries)}"
    if spec.is_spot:
        more |= {"marketUnit": "baseCoin"} if price is None else {}
    else:
        more["reduceOnly"] = reduce
    before = bench.engine.margin_now()
    bench.accept(side, str(unit * times), price, **more)
    after = bench.engine.margin_now()
    settles = spec.settle_coin or spec.quote_coin
    grew = after.coin(settles).order_initial > before.coin(settles).order_initial
    if grew or spec.is_spot:
        assert after.free(settles if not spec.is_spot or side == "Buy" else spec.base_coin) >= 0
    bench.arrive()


def go_on(bench: Bench, seconds: int) -> None:
    bench.engine.venue.play_to((bench.market.now_ms // SECOND + seconds) * SECOND)


def play(bench: Bench, step: tuple[Any, ...]) -> None:
    """One step; a refusal changes nothing and is part of the game."""
    before = len(bench.log.entries)
    try:
        match step:
            case "order", listing, side, times, percent, reduce, index:
                order(bench, listing, side, times, percent, reduce, index)
            case "jump", listing, percent:
                if listing in bench.market.marks:
                    move(bench, listing, percent)
                    go_on(bench, 1)
            case "all jump", percent:
                for listing in bench.market.marks:
                    move(bench, listing, percent)
                go_on(bench, 1)
            case "funding", ten_thousandths:
                due = (bench.market.now_ms // MINUTE + 1) * MINUTE
                rate = Decimal(ten_thousandths) / 10_000
                bench.market.rates += [(listing, due, rate) for listing in bench.market.marks]
                bench.engine.venue.play_to(due)
            case "time", seconds:
                go_on(bench, seconds)
            case "leverage", listing, leverage:
                body = {"category": "linear", "symbol": "BTCUSDT", **KINDS[listing][0]}
                body |= {"buyLeverage": str(leverage), "sellLeverage": str(leverage)}
                bench.engine.set_leverage(read_leverage(body, bench.engine.specs))
            case "add margin", index, amount:
                bench.engine.add_margin("BTCUSDT", index, Decimal(amount))
            case "auto margin", index, on:
                bench.engine.set_auto_add_margin("BTCUSDT", index, on=on)
            case ("money",):
                bench.engine.fund([("USDT", Decimal(5_000)), ("USDC", Decimal(5_000)), ("BTC", Decimal("0.1"))])
            case _:
                for live in bench.engine.account.live_orders():
                    bench.cancel(live)
    except ApiError:
        assert len(bench.log.entries) == before or step[0] == "cancel all"


def played(steps: list[tuple[Any, ...]], modes: tuple[Any, bool]) -> Bench:
    bench = Bench(funds="20000", coins={coin: str(amount) for coin, amount in COINS.items()}, spot=True, others=OTHERS)
    bench.market.settled = {FUTURE.listing: Decimal("61000"), CALL.listing: Decimal("63000.50")}
    mode, hedge = modes
    bench.engine.set_margin_mode(mode)
    if hedge:
        body = {"category": "linear", "symbol": "BTCUSDT", "mode": "3"}
        bench.engine.set_position_mode(read_switch_mode(body, bench.engine.specs))
    for step in steps:
        kept = len(bench.log.entries)
        play(bench, step)
        check_no_debt_of_the_busted(bench, since=kept)
        if step[0] in ("jump", "all jump", "funding", "time"):
            check_backed(bench)
    bench.arrive()
    return bench


def check_backed(bench: Bench) -> None:
    """Right after marks were looked at nothing stands that should have been liquidated."""
    view, account = bench.engine.margin_now(), bench.engine.account
    if account.margin_mode == "REGULAR_MARGIN":
        assert not view.must_liquidate
        return
    for position in account.positions.values():
        terms = bench.engine.floor.terms(position.symbol)
        if position.size and terms.tiers:
            price = isolated.liquidation_price(position, tier_at(terms.tiers, position.cost))
            assert not isolated.is_reached(position, price, terms.mark_price)


def check_no_debt_of_the_busted(bench: Bench, *, since: int) -> None:
    """Whoever was taken over whole has nothing left, and owes no more than a rounding."""
    fresh = [entry.event for entry in bench.log.entries[since:]]
    view = bench.engine.margin_now()
    taken_over = any(isinstance(event, OrderFilled) and event.exec_type == "BustTrade" for event in fresh)
    if taken_over and view.mode == "REGULAR_MARGIN" and not view.maintenance:
        assert view.backing > Decimal("-0.01")


def coins_by_events(bench: Bench) -> dict[str, Decimal]:
    """What the account must have of each coin by the words of what happened, and by nothing else."""
    flows: dict[str, Decimal] = defaultdict(Decimal)
    for event in bench.events():
        match event:
            case Funded(coin=coin, amount=amount):
                flows[coin] += amount
            case FundingPaid(settle_coin=coin, fee=fee):
                flows[coin] -= fee
            case OrderFilled(base_coin=base, quote_coin=quote) if base:
                sign = 1 if event.side == "Buy" else -1
                flows[base] += sign * event.quantity
                flows[quote] -= sign * event.quantity * event.price
                flows[event.fee_coin] -= event.fee
            case OrderFilled(settle_coin=coin) if is_option(event.symbol):
                sign = 1 if event.side == "Buy" else -1
                flows[coin] -= sign * event.quantity * event.price + event.fee
            case OrderFilled(settle_coin=coin):
                flows[coin] += event.realised - event.fee
            case _:
                pass
    return dict(flows)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=40), MODES)
def test_every_coin_is_what_was_paid_in_won_paid_and_funded_and_positions_are_their_fills(
    steps: list[tuple[Any, ...]], modes: tuple[Any, bool]
) -> None:
    check_books(played(steps, modes))


def test_long_lives_add_up_too() -> None:
    """More orders, jumps and liquidations in one account than a list of drawn steps comes to."""
    kinds: Counter[str] = Counter()
    for seed in range(10):
        chance = random.Random(seed)
        modes = (("REGULAR_MARGIN", "ISOLATED_MARGIN")[seed % 2], seed % 4 > 1)
        bench = played([step_by(chance) for _ in range(200)], modes)
        check_books(bench)
        kinds.update(event.exec_type for event in bench.events() if isinstance(event, OrderFilled))
        kinds.update("Funding" for event in bench.events() if isinstance(event, FundingPaid))
    assert all(kinds[kind] >= 5 for kind in ("Trade", "BustTrade", "Delivery", "Funding")), kinds


def step_by(chance: random.Random) -> tuple[Any, ...]:
    what = chance.choices(
        ("order", "jump", "all jump", "funding", "time", "leverage", "cancel all", "money"), (60, 8, 4, 3, 5, 5, 3, 3)
    )
    match what[0]:
        case "order":
            listing, side = chance.choice(list(KINDS)), chance.choice(("Buy", "Sell"))
            percent = chance.choice((None, None, None, -3, -1, 1, 3))
            return "order", listing, side, chance.randint(1, 20), percent, chance.random() < 0.2, chance.choice((1, 2))
        case "jump":
            return "jump", chance.choice(list(PRICES)), chance.randint(-12, 14)
        case "all jump" | "funding" as name:
            return name, chance.randint(-8, 9)
        case "leverage":
            return "leverage", chance.choice(("BTCUSDT", "BTCPERP", "inverse:BTCUSD")), chance.choice((5, 10, 50, 100))
        case "time":
            return "time", chance.randint(1, 20)
        case name:
            return (name,)


def check_books(bench: Bench) -> None:
    account = bench.engine.account
    assert {coin: held.balance for coin, held in account.coins.items()} == coins_by_events(bench)
    told = {movement.coin: movement.balance for movement in Movements().read(bench.log.entries)}
    assert told == {coin: held.balance for coin, held in account.coins.items()}

    sizes: dict[PositionKey, Decimal] = defaultdict(Decimal)
    received: dict[PositionKey, Decimal] = defaultdict(Decimal)
    realised: dict[PositionKey, Decimal] = defaultdict(Decimal)
    fills: dict[PositionKey, int] = defaultdict(int)
    for event in bench.events():
        if isinstance(event, OrderFilled) and not event.base_coin:
            key: PositionKey = (event.symbol, event.position_index)
            sign = 1 if event.side == "Buy" else -1
            sizes[key] += sign * event.quantity
            received[key] -= sign * value_of(event.symbol, event.quantity, event.price)
            realised[key] += event.realised
            fills[key] += 1
    for key, size in sizes.items():
        position = account.positions[key]
        assert position.size == size
        signed_cost = position.cost if size >= 0 else -position.cost
        won = received[key] + signed_cost
        if is_inverse(key[0]):  # the value of each part is rounded to eight places
            assert abs(realised[key] + won) <= fills[key] * 2 * Decimal("0.00000001")
        else:
            assert realised[key] == won
    if bench.market.now_ms >= DELIVERY:
        assert not any(account.positions[key].size for key in sizes if key[0] in (FUTURE.listing, CALL.listing))


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=30), MODES)
def test_the_same_steps_write_the_same_bytes_and_the_log_alone_gives_the_same_account(
    steps: list[tuple[Any, ...]], modes: tuple[Any, bool]
) -> None:
    bench, other = played(steps, modes), played(steps, modes)
    written = [msgspec.json.encode(entry) for entry in bench.log.entries]
    assert written == [msgspec.json.encode(entry) for entry in other.log.entries]

    again = Account()
    for entry in bench.log.entries:
        again.apply(msgspec.json.decode(msgspec.json.encode(entry), type=type(entry)))
    account = bench.engine.account
    for name in ("coins", "orders", "positions", "funding", "funded_until", "margin_mode"):
        assert getattr(again, name) == getattr(account, name), name
