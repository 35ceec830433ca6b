"""The public market without a network: topics fed by hand, endpoints called directly, and a client that keeps books."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tradewright.simulator.frames import Frame
from tradewright.simulator.market import BTCUSDT, ETHUSDT, Market, MarketClock
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.model import InstrumentSpec, MarketEvent
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.rest.calls import Answer, Call
from tradewright.simulator.rest.market import MarketEndpoints
from tradewright.simulator.rows.told_books import ToldBooks
from tradewright.simulator.streams.public import by_hearer
from tradewright.simulator.streams.topics import Sources, Topic, topic_of
from unit.simulator_market.samples import NOON

TICK_MS = 50
FEW = (
    BTCUSDT,
    ETHUSDT,
    *(
        spec
        for spec in LISTED
        if spec.listing in ("SOLUSDT", "spot:BTCUSDT", "spot:USDCUSDT", "spot:SOLUSDT")
        or (spec.category == "inverse" and spec.base_coin == "BTC")
        or (spec.category == "linear" and (spec.symbol == "BTCPERP" or spec.status == "PreLaunch"))
    ),
)


def synthetic(start_ms: int = NOON, *, seed: int = 7, history_minutes: int = 120) -> SyntheticMarket:
    """A few listings of every category, options and dated contracts with them."""
    return SyntheticMarket(
        seed=seed,
        clock=MarketClock(wall_ms=start_ms, market_ms=start_ms, speed=1),
        start_ms=start_ms,
        follows_wall=False,
        history_minutes=history_minutes,
        listed=FEW,
        dated=True,
        options=True,
    )


def an_option(market: Market, base_coin: str = "BTC") -> InstrumentSpec:
    """The nearest one that costs something and whose bids are whole."""
    return next(
        spec
        for spec in market.instruments
        if spec.is_option
        and spec.status == "Trading"
        and spec.base_coin == base_coin
        and market.mark_price(spec.listing) > 50 * spec.tick_size
    )


class Exchange:
    """Topics and endpoints of one market, which goes on tick by tick."""

    def __init__(self, market: Market, *, notices: list[Frame] | None = None) -> None:
        self.market = market
        self.notices = notices if notices is not None else []
        self.now_ms = market.now_ms
        self.venue = Venue(market, wall_ms=lambda: self.now_ms)
        self.told = ToldBooks()
        self.sources = Sources(market, self.venue.specs, self.told, lambda: list(self.notices), self.venue.premium)
        endpoints = MarketEndpoints(self.venue, self.told, notices=lambda: list(self.notices)).all()
        self._handlers = {endpoint.path: endpoint.handle for endpoint in endpoints}
        self._topics: dict[tuple[str, str], Topic] = {}
        self.asked = 0  # topics that were asked in all ticks

    def topic(self, name: str, category: str = "linear") -> Topic:
        made = topic_of(name, self.sources, category=category)
        assert made is not None, f"there is no {name} on {category}"
        self._topics[category, name] = made
        return made

    def ask(self, path: str, **params: Any) -> dict[str, Any]:
        """The result of a GET below /v5. Raises `ApiError`."""
        result = self.answer(path, **params).result
        assert isinstance(result, dict)
        return result

    def answer(self, path: str, **params: Any) -> Answer:
        handle = self._handlers[f"/v5/{path}"]
        found = handle(Call(params={k: str(v) for k, v in params.items()}, now_ms=self.now_ms, key=None))
        return found if isinstance(found, Answer) else Answer(found, {})

    def rows(self, path: str, **params: Any) -> list[Any]:
        return list(self.ask(path, **params)["list"])

    def tick(self, step_ms: int = TICK_MS, also: tuple[MarketEvent, ...] = ()) -> list[Frame]:
        """The market goes on by `step_ms` in one tick of the wall; what all topics say to it."""
        self.now_ms += TICK_MS
        heard = by_hearer([*self.market.advance(self.market.now_ms + step_ms), *also])
        frames: list[Frame] = []
        for topic in self._topics.values():
            happened = heard.get(topic.hears, ())
            if happened or self.now_ms >= topic.wakes_ms:
                self.asked += 1
                frames += topic.tick(happened, now_ms=self.now_ms)
        return frames

    def run(self, ticks: int, step_ms: int = TICK_MS) -> Iterator[Frame]:
        for _ in range(ticks):
            yield from self.tick(step_ms)


class KeptBook:
    """A client's order book. It breaks on what breaks real clients: unknown deletions, gaps, a first delta."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, list[str]]] = {}
        self.update = 0
        self.seq = 0
        self.deleted = 0

    def start(self, data: Frame) -> None:
        self.sides = {side: {row[0]: row[1:] for row in data[side]} for side in ("b", "a")}
        self.update, self.seq = data["u"], data["seq"]

    def take(self, frame: Frame) -> None:
        data = frame["data"]
        assert data["u"] != 1, "1 means a restart"
        if frame["type"] == "snapshot":
            assert data["u"] - self.update in (0, 1) or not self.update
            self.start(data)
            return
        assert self.sides, "a delta before any snapshot"
        assert data["u"] == self.update + 1, "a gap"
        assert data["seq"] >= self.seq
        assert data["b"] or data["a"], "a delta of nothing"
        for side in ("b", "a"):
            for price, *sizes in data[side]:
                if sizes[0] == "0":
                    del self.sides[side][price]  # an unknown level breaks known clients, and this one
                    self.deleted += 1
                else:
                    self.sides[side][price] = sizes
        self.update, self.seq = data["u"], data["seq"]

    def levels(self) -> tuple[list[list[str]], list[list[str]]]:
        """Bids and asks, best first, as REST shows them."""
        bids, asks = (
            sorted(([price, *sizes] for price, sizes in self.sides[side].items()), key=lambda row: float(row[0]))
            for side in ("b", "a")
        )
        return bids[::-1], asks
