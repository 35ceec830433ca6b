"""Stops meet recorded markets: at the recording's own moment, whether the market is stepped or jumps past it."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradewright.simulator.accounts.events import Event, OrderFilled, OrderTriggered, Together
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.market import build_market
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Surroundings
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.venue import Venue

DATA = Path(__file__).parents[2] / "data"
CANDLES, QUOTES = DATA / "btcusdt-linear-1m-sample.csv.gz", DATA / "btcusdt-linear-bbo-sample.csv.gz"
MARKET_BUY = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.010"}


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


class Replayed:
    """An engine on a recording; time stands still but for `play_to`."""

    def __init__(self, path: Path, from_ms: int) -> None:
        market = build_market([f"replay:{path}@linear:BTCUSDT"], seed=1, speed=1, from_ms=from_ms, wall_now_ms=from_ms)
        self.log = EventLog(None)
        waiting: list[Callable[[], None]] = []
        ids = itertools.count(1)
        around = Surroundings(
            wall_ms=lambda: from_ms,
            new_id=lambda: f"id-{next(ids)}",
            later=lambda delay_ms, call: waiting.append(call),
            tell=lambda outcome: None,
        )
        self._waiting = waiting
        venue = Venue(market, wall_ms=lambda: from_ms)
        self.engine = Engine(venue=venue, log=self.log, around=around, order_delay_ms=0, partial_fills=False)
        self.engine.fund([("USDT", Decimal(100_000))])

    def place(self, **more: Any) -> None:
        self.engine.place(read_create({**MARKET_BUY, **more}, self.engine.specs))
        while self._waiting:
            self._waiting.pop()()

    def moments(self) -> list[tuple[type[Event], int, Decimal]]:
        """What triggered and filled, at which moment of the market, at which price."""
        found: list[tuple[type[Event], int, Decimal]] = []
        for entry in self.log.entries:
            for event in entry.event.moves if isinstance(entry.event, Together) else (entry.event,):
                if isinstance(event, OrderTriggered | OrderFilled):
                    found.append((type(event), event.at.market_ms, event.price))
        return found


def test_a_jump_triggers_at_the_bar_that_came_there_and_pays_its_price() -> None:
    rows = rows_of(CANDLES)
    start = int(rows[100]["open_time_ms"])
    entry = Decimal(rows[100]["open"])
    stop = (entry * Decimal("0.99")).quantize(Decimal("0.1"))
    bar = next(row for row in rows[100:] if Decimal(row["low"]) <= stop)
    jumped = Replayed(CANDLES, start)
    jumped.place(stopLoss=str(stop))
    opened = int(bar["open_time_ms"])
    jumped.engine.venue.play_to(opened + 3_600_000)
    _, triggered, filled = jumped.moments()
    assert opened <= triggered[1] < opened + 60_000
    assert (filled[0], filled[1]) == (OrderFilled, triggered[1])
    assert Decimal(bar["low"]) <= filled[2] <= stop
    assert not jumped.engine.account.position("BTCUSDT").size


@pytest.mark.parametrize("by", ["LastPrice", "MarkPrice"])
def test_steps_and_a_jump_come_to_the_same(by: str) -> None:
    rows = rows_of(CANDLES)
    start, end = int(rows[100]["open_time_ms"]), int(rows[300]["open_time_ms"])
    entry = Decimal(rows[100]["open"])
    stops = {"takeProfit": entry * Decimal("1.004"), "stopLoss": entry * Decimal("0.996")}
    stops = {name: price.quantize(Decimal("0.1")) for name, price in stops.items()}
    ways = []
    for step_ms in (end - start, 7_000):
        replayed = Replayed(CANDLES, start)
        replayed.place(tpTriggerBy=by, slTriggerBy=by, **{name: str(price) for name, price in stops.items()})
        for moment_ms in range(start + step_ms, end + step_ms, step_ms):
            replayed.engine.venue.play_to(min(moment_ms, end))
        ways.append(replayed.moments())
    assert ways[0] == ways[1]
    assert [kind for kind, _, _ in ways[0]] == [OrderFilled, OrderTriggered, OrderFilled]


def test_where_only_quotes_are_recorded_the_middle_of_the_book_is_the_last_price() -> None:
    rows = rows_of(QUOTES)
    middles = [(Decimal(row["bid"]) + Decimal(row["ask"])) / 2 for row in rows]
    began = middles[0] // Decimal("0.1") * Decimal("0.1")
    place = next(place for place, middle in enumerate(middles) if middle >= began + 5)
    replayed = Replayed(QUOTES, int(rows[0]["time_ms"]))
    replayed.place(triggerPrice=str(began + 5), triggerDirection=1)
    replayed.engine.venue.play_to(int(rows[-1]["time_ms"]))
    triggered, filled = replayed.moments()
    assert (triggered[1], filled[1]) == (int(rows[place]["time_ms"]),) * 2
    assert filled[2] == Decimal(rows[place]["ask"])
