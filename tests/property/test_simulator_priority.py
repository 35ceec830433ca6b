"""No fill comes outside of price-time priority, judged from the log and the market's events alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import (
    Entry,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderOpened,
)
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market import MarketBook, MarketTrade
from tradewright.simulator.market.model import Level

ZERO = Decimal(0)
TICK, STEP, MIDDLE = Decimal("0.10"), Decimal("0.001"), Decimal("60000.00")
SMP_TYPES = ("None", "None", "CancelMaker", "CancelTaker", "CancelBoth")
KINDS = ("GTC", "GTC", "GTC", "GTC", "IOC", "FOK", "PostOnly")
RUNS, STEPS = 25, 60  # of each model


def next_step(chance: random.Random) -> tuple[Any, ...]:
    side, size, ticks = chance.choice(("Buy", "Sell")), chance.randint(1, 1_200), chance.randint(-4, 4)
    match chance.choices(("limit", "market", "trade", "book", "amend", "cancel"), (8, 1, 5, 2, 2, 1))[0]:
        case "limit":
            return "limit", side, size, ticks, chance.choice(KINDS), chance.choice(SMP_TYPES)
        case "market":
            return "market", side, size, chance.choice(SMP_TYPES)
        case "trade":
            return "trade", side, size, ticks
        case "book":
            return "book", ticks // 2, [chance.randint(1, 1_500) for _ in range(6)]
        case "amend":
            return "amend", chance.randrange(30), size, ticks
        case _:
            return "cancel", chance.randrange(30)


def price_of(ticks: int) -> Decimal:
    return MIDDLE + ticks * TICK


def book_of(middle: int, sizes: Sequence[int]) -> tuple[list[Level], list[Level]]:
    bids = [(price_of(middle - 1 - place), size * STEP) for place, size in enumerate(sizes[:3])]
    asks = [(price_of(middle + 1 + place), size * STEP) for place, size in enumerate(sizes[3:])]
    return bids, asks


@dataclass(frozen=True)
class Seen:
    """An order as the log tells it. `ahead` is the most that may stand before it, None while that is not known."""

    side: str
    price: Decimal
    quantity: Decimal
    place: tuple[int, int]
    filled: Decimal = ZERO
    ahead: Decimal | None = None

    @property
    def priority(self) -> tuple[Decimal, tuple[int, int]]:
        return (-self.price if self.side == "Buy" else self.price), self.place

    def crosses(self, price: Decimal) -> bool:
        """Whether `price` is strictly beyond what the order asks for."""
        return price < self.price if self.side == "Buy" else price > self.price


@dataclass
class Referee:
    """Reads the log after each command and each market event, and fails the test at what must not be."""

    book: MarketBook
    has_queues: bool
    partial_fills: bool
    orders: dict[str, Seen] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)
    count: int = 0
    fills: int = 0

    def fold(self, seq: int, event: Event) -> None:
        match event:
            case OrderAccepted():
                self.count += 1
                self.orders[event.order_id] = Seen(event.side, event.price, event.quantity, (self.count, 0))
            case OrderOpened():
                self.resting.add(event.order_id)
            case OrderFilled():
                before = self.orders[event.order_id]
                self.orders[event.order_id] = replace(before, filled=before.filled + event.quantity)
                if before.filled + event.quantity == before.quantity:
                    self.resting.discard(event.order_id)
            case OrderClosed():
                self.resting.discard(event.order_id)
            case OrderAmended():
                before = self.orders[event.order_id]
                place = (self.count, seq) if event.requeued else before.place
                ahead = None if event.requeued else before.ahead
                after = replace(before, price=event.price, quantity=event.quantity, place=place, ahead=ahead)
                self.orders[event.order_id] = after
            case _:
                pass

    def shown(self, order: Seen) -> Decimal | None:
        levels = self.book.bids if order.side == "Buy" else self.book.asks
        inside = [price for price, _ in levels if price == order.price or not order.crosses(price)]
        sizes = dict(levels)
        if order.price in sizes:
            return sizes[order.price]
        return None if len(inside) == len(levels) else ZERO

    def after_command(self, entries: Sequence[Entry]) -> None:
        stood = {order_id: self.orders[order_id] for order_id in self.resting}
        fills = [entry.event for entry in entries if isinstance(entry.event, OrderFilled)]
        self.fills += len(fills)
        for entry in entries:
            self.fold(entry.seq, entry.event)
        if fills:
            self._judge_taker(fills, stood)
        for order_id in self.resting:
            order = self.orders[order_id]
            if order.ahead is None and (order_id not in stood or stood[order_id].place != order.place):
                self.orders[order_id] = replace(order, ahead=self.shown(order))

    def _judge_taker(self, fills: list[OrderFilled], stood: dict[str, Seen]) -> None:
        taker = fills[-1]
        takes = [fill for fill in fills if not fill.is_maker]
        makers = [fill for fill in fills if fill.is_maker]
        assert {fill.order_id for fill in takes} == {taker.order_id}
        assert sum((one.quantity for one in makers), ZERO) <= sum((one.quantity for one in takes), ZERO)
        prices = [fill.price for fill in takes]
        assert prices == sorted(prices, reverse=taker.side == "Sell"), "from the best price on"
        limit = self.orders[taker.order_id].price
        assert prices[-1] <= limit if taker.side == "Buy" else prices[-1] >= limit
        # Own orders: whoever stood before the last one that was met is gone.
        met = [stood[fill.order_id].priority for fill in makers]
        assert met == sorted(met)
        worst = prices[-1]
        for order_id, order in stood.items():
            before = order.price < worst if taker.side == "Buy" else order.price > worst
            if (
                order.side != taker.side
                and order_id != taker.order_id
                and (before or order.priority < max(met, default=order.priority))
            ):
                assert order_id not in self.resting, "a better own order was passed over"
        self._judge_same_price(fills, stood, taker)
        # The market: a level before the worst price taken is taken whole, and none gives more than it has.
        by_own = {price: sum((f.quantity for f in makers if f.price == price), ZERO) for price in prices}
        for price, size in self.book.asks if taker.side == "Buy" else self.book.bids:
            taken = sum((fill.quantity for fill in takes if fill.price == price), ZERO) - by_own.get(price, ZERO)
            assert ZERO <= taken <= size
            if price < worst if taker.side == "Buy" else price > worst:
                assert taken == size, "a better level was passed over"

    def _judge_same_price(self, fills: list[OrderFilled], stood: dict[str, Seen], taker: OrderFilled) -> None:
        """At one price an own order is met after what stands before it, and not later."""
        if not self.has_queues:
            return
        book = dict(self.book.asks if taker.side == "Buy" else self.book.bids)
        for order_id, order in stood.items():
            if order.side == taker.side or order.price not in book or order.ahead is None:
                continue
            here = [fill for fill in fills if fill.price == order.price]
            own = [fill for fill in here if fill.is_maker]
            first = next((place for place, fill in enumerate(here) if fill.order_id == order_id), len(here))
            before = sum((fill.quantity for fill in here[:first] if not fill.is_maker), ZERO)
            before -= sum((fill.quantity for fill in here[:first] if fill.is_maker), ZERO)
            ahead = min(order.ahead, book[order.price])
            if first < len(here):
                assert before == ahead, "an own order was met at another place than its own"
            elif order_id in self.resting and own == []:
                assert before <= ahead, "an own order was passed over"

    def after_market(self, event: MarketTrade | MarketBook, entries: Sequence[Entry]) -> None:
        stood = {order_id: self.orders[order_id] for order_id in self.resting}
        fills = [entry.event for entry in entries if isinstance(entry.event, OrderFilled)]
        self.fills += len(fills)
        for entry in entries:
            self.fold(entry.seq, entry.event)
        assert all(fill.is_maker and fill.price == stood[fill.order_id].price for fill in fills)
        served = [stood[fill.order_id].priority for fill in fills if stood[fill.order_id].side == "Buy"]
        assert served == sorted(served)
        if self.partial_fills:
            assert sum((fill.quantity for fill in fills), ZERO) <= getattr(event, "size", ZERO)
        beyond = event.price if isinstance(event, MarketTrade) else None
        for order_id, order in stood.items():
            if isinstance(event, MarketBook):
                levels = event.asks if order.side == "Buy" else event.bids
                beyond = levels[0][0]
            assert beyond is not None
            filled = self.orders[order_id].filled - order.filled
            if order.crosses(beyond) and not self.partial_fills:
                assert order_id not in self.resting, "the market went through it"
            elif filled and not order.crosses(beyond):
                assert isinstance(event, MarketTrade), "a book at the price fills nothing"
                self._judge_touch(event, order, filled)
            if filled:
                better = [
                    other for other, one in stood.items() if one.side == order.side and one.priority < order.priority
                ]
                assert not self.resting.intersection(better), "a better own order was passed over"
        if isinstance(event, MarketBook):
            self.book = event
        self._move_up(event, stood)

    def _judge_touch(self, trade: MarketTrade, order: Seen, filled: Decimal) -> None:
        assert self.has_queues, "without queues a touch fills nothing"
        assert (trade.price, trade.side != order.side) == (order.price, True)
        assert order.ahead is not None, "who is not in sight yet is behind all that will be"
        assert filled + order.ahead <= trade.size, "those ahead were passed over"

    def _move_up(self, event: MarketTrade | MarketBook, stood: dict[str, Seen]) -> None:
        for order_id in self.resting:
            order = self.orders[order_id]
            if isinstance(event, MarketTrade):
                if order.ahead is not None and event.price == order.price and event.side != order.side:
                    self.orders[order_id] = replace(order, ahead=max(ZERO, order.ahead - event.size))
            else:
                shown = self.shown(order)
                known = [size for size in (order.ahead, shown) if size is not None]
                self.orders[order_id] = replace(order, ahead=min(known, default=None))


def play(bench: Bench, step: tuple[Any, ...]) -> None:
    """One command; a refusal is part of the game."""
    try:
        match step:
            case "limit", side, size, ticks, kind, smp_type:
                price = str(price_of(ticks))
                bench.place(side, str(size * STEP), price, timeInForce=kind, smpType=smp_type)
            case "market", side, size, smp_type:
                bench.place(side, str(size * STEP), smpType=smp_type)
            case "amend", place, size, ticks:
                live = list(bench.engine.account.live_orders())
                if live:
                    bench.amend(live[place % len(live)], qty=str(size * STEP), price=str(price_of(ticks)))
            case "cancel", place:
                live = list(bench.engine.account.live_orders())
                if live:
                    bench.cancel(live[place % len(live)])
            case _:
                raise AssertionError(step)
    except ApiError:
        pass


@pytest.mark.parametrize("model", ["queue", "through", "partly"])
def test_no_fill_comes_before_one_that_has_priority(model: str) -> None:
    fills = 0
    for seed in range(RUNS):
        chance = random.Random(f"{model} {seed}")
        fills += play_all([next_step(chance) for _ in range(STEPS)], model, note=f"{model}, seed {seed}")
    assert fills > RUNS * 10, "a judge must have something to judge"


def play_all(steps: list[tuple[Any, ...]], model: str, *, note: str) -> int:
    """Returns how many fills there were."""
    has_queues, partly = model == "queue", model == "partly"
    bench = Bench(funds="100000000", queue="queue" if has_queues else "through", partial_fills=partly)
    bench.market.show(*book_of(0, [500] * 6))
    bench.engine.catch_up()
    referee = Referee(bench.market.book("BTCUSDT"), has_queues, partly)
    for number, step in enumerate(steps):
        before = len(bench.log.entries)
        try:
            match step:
                case "trade", side, size, ticks:
                    bench.market.trade(str(price_of(ticks)), str(size * STEP), side=side)
                    referee.after_market(*happened(bench, before))
                case "book", middle, sizes:
                    bench.market.show(*book_of(middle, sizes))
                    referee.after_market(*happened(bench, before))
                case _:
                    play(bench, step)
                    referee.after_command(bench.log.entries[before:])
        except AssertionError as wrong:
            wrong.add_note(f"{note}, step {number}: {step}")
            raise
    assert {order.order_id for order in bench.engine.account.live_orders()} == referee.resting
    return referee.fills


def happened(bench: Bench, before: int) -> tuple[MarketTrade | MarketBook, Sequence[Entry]]:
    """The market's next event, which happens now, and what the log says of it."""
    event = bench.market._queue[-1]
    assert isinstance(event, MarketTrade | MarketBook)
    bench.engine.catch_up()
    return event, bench.log.entries[before:]
