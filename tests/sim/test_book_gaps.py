"""A book that lost a message is whole again within three seconds, and what is published was the exchange's book (C4).

The product's own stream and the real simulated exchange on the network of `sim.whole`, in virtual time: a span here is
what the exchange, the network and the stream's own pauses take, whatever the machine is busy with.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

import pytest
import structlog

from sim.whole.setting import BEGAN
from support.scripted_market import START_MS, ScriptedMarket
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Book, Endpoints
from tradewright.lab.network import PORT, End, Link, run_networked
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.market.model import Level
from tradewright.simulator.server import serve

WHOLE_WITHIN_S = 3.0
MINUTES = 2
STEP_S = 0.1
_SEEDS = 2
_TOPIC = "orderbook.50.BTCUSDT"
_BTC = InstrumentId("linear", "BTCUSDT")
_LEVELS = 60  # more than are told, so that some fall out of the depth and come back
Sides = tuple[tuple[Level, ...], tuple[Level, ...]]


class BusyMarket(ScriptedMarket):
    """Sizes change, levels come and go, and the best prices move, ten times a second."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._tick = 600_000  # of 0.1 USDT
        self.was: set[Sides] = set()

    def step(self) -> None:
        rng = self._rng
        self._tick += rng.randrange(-2, 3)
        bids, asks = (self._side(sign) for sign in (-1, 1))
        self.was.add((bids[:50], asks[:50]))
        self.show(bids, asks)

    def _side(self, sign: int) -> tuple[Level, ...]:
        at = (self._tick + sign * (1 + number) for number in range(_LEVELS) if number == 0 or self._rng.random() < 0.9)
        return tuple((Decimal(tick) / 10, Decimal(self._rng.randrange(1, 9))) for tick in at)


class LossyWire:
    """Up to 300 ms one way. Of the book's deltas it loses some, alone or with all that follow for up to half a second,
    and brings some twice; snapshots arrive. `broken_since_s` is when the first was lost since the last whole book."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lost_until_s = 0.0
        self.struck: Counter[str] = Counter()
        self.broken_since_s: float | None = None
        self.is_calm = False

    def connecting(self) -> float:
        return 0.05

    def opened(self, link: Link) -> None:
        return None

    def delay_s(self) -> float:
        return self._rng.uniform(0.005, 0.3)

    def carries(self, end: End, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        if end.is_client or self.is_calm or _TOPIC.encode() not in data or b'"type":"delta"' not in data:
            end.deliver(data, self.delay_s())
            return
        assert data.count(b'"topic"') == 1, "one message is lost, not its neighbours"
        chance = self._rng.random()
        if chance < 0.03:
            self._lost_until_s = now_s + self._rng.choice((0.0, 0.5))
        if now_s <= self._lost_until_s:
            self.struck["lost"] += 1
            if self.broken_since_s is None:
                self.broken_since_s = now_s
            return
        end.deliver(data, self.delay_s())
        if chance > 0.98:
            self.struck["twice"] += 1
            if self.broken_since_s is None:
                self.broken_since_s = now_s
            end.deliver(data, self.delay_s())


async def _watch(wire: LossyWire, market: BusyMarket) -> tuple[list[float], list[Book]]:
    """(for how long the book was not whole, each time; every book that was published)"""
    loop = asyncio.get_running_loop()
    clock = VirtualClock(loop, BEGAN)
    exchange = await serve(
        SimulatorConfig(tick_ms=int(STEP_S * 1000)),
        wall_ms=lambda: START_MS + int(loop.time() * 1000),
        market=market,
        new_id=lambda: "1",
    )
    place = f"127.0.0.1:{PORT}/v5"
    ends = Endpoints(f"http://127.0.0.1:{PORT}", f"ws://{place}/public", f"ws://{place}/private")
    silent = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))
    stream = BybitPublicStream(
        lambda: ends, "linear", clock=clock, rng=random.Random(1), log=silent, use_aiofastnet=False
    )
    stream.subscribe(_TOPIC)
    spans: list[float] = []
    books: list[Book] = []

    async def read() -> None:
        async for event in stream.events():
            if isinstance(event, Book):
                books.append(event)
                # One that was on its way when the loss happened says nothing of what came after it.
                since_s = wire.broken_since_s
                if since_s is not None and event.exchange_time_ms - START_MS > since_s * 1000:
                    spans.append(loop.time() - since_s)
                    wire.broken_since_s = None

    reading = asyncio.create_task(read())
    try:
        for _ in range(int(MINUTES * 60 / STEP_S)):
            market.step()
            await asyncio.sleep(STEP_S)
        wire.is_calm = True
        for _ in range(int(WHOLE_WITHIN_S / STEP_S)):  # the last one too
            market.step()
            await asyncio.sleep(STEP_S)
    finally:
        await stream.close()
        await reading
        await exchange.close()
    return spans, books


def _levels(sides: Iterable[Iterable[Level]]) -> Sides:
    bids, asks = (tuple(side) for side in sides)
    return bids, asks


@pytest.mark.parametrize("seed", range(_SEEDS))
def test_a_book_with_a_gap_is_whole_again_within_three_seconds_and_never_one_that_was_not(seed: int) -> None:
    wire, market = LossyWire(random.Random(f"{seed}:wire")), BusyMarket(random.Random(f"{seed}:market"))
    market.was.add(_levels((market.book("BTCUSDT").bids, market.book("BTCUSDT").asks)))
    spans, books = run_networked(_watch(wire, market), wire)
    print(f"gaps={len(spans)} longest={max(spans):.2f} s, struck={dict(wire.struck)}, books={len(books)}")
    assert len(spans) > 10
    assert wire.struck["lost"] > len(spans) / 2
    assert wire.struck["twice"]
    assert wire.broken_since_s is None, "the last gap was closed"
    assert max(spans) <= WHOLE_WITHIN_S
    assert all(_levels((book.bids, book.asks)) in market.was for book in books)
