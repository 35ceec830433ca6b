"""One market and everybody who trades on it: time goes on here, for all accounts at once.

Lives here: letting the market advance, and showing each floor what happened, event by event, with the prices of each
event. Not here: what an account's orders make of it (`floor`). Everything happens on one thread, one thing after
another; accounts never meet each other's orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from tradewright.simulator.accounts.events import Moment
from tradewright.simulator.market import step_end_ms, still_until_ms
from tradewright.simulator.market.gone import Specs
from tradewright.simulator.market.model import (
    InstrumentSpec,
    Listing,
    Market,
    MarketBook,
    MarketEvent,
    MarketTrade,
)

STEP_MS = 2_000
MARK_STEP_MS = 1_000  # while a position is open, or a mark price is waited for
ORDER_STEP_MS = 60_000  # while an order may open one: funding times and deliveries are whole minutes
PREMIUM_S = 30  # what the premium of the price limits looks back on
SPOT_PREMIUM_S = 120


class Onlooker(Protocol):
    """An account's floor, as the venue sees it."""

    @property
    def marks_every_ms(self) -> int:
        """How often mark or index prices, funding, delivery or its margin concern it, in market time; 0: not at all.
        Then it is asked at each multiple of it.
        """
        ...

    def listings(self) -> set[Listing]:
        """Of its live orders."""
        ...

    def meet(self, event: MarketEvent, price: Decimal | None) -> None:
        """An event happened; `price` is the last price if the event moved it."""
        ...

    def settle_moment(self) -> None:
        """All events of one moment have been met: what they triggered goes to the market."""
        ...

    def settle_marks(self, *, since_ms: int) -> None:
        """The market has come from `since_ms` to a new second: marks, funding, delivery and liquidation."""
        ...


class Venue:
    """See the module. `wall_ms` is Unix milliseconds."""

    def __init__(self, market: Market, *, wall_ms: Callable[[], int]) -> None:
        self.market = market
        self.specs: dict[Listing, InstrumentSpec] = Specs({spec.listing: spec for spec in market.instruments})
        self._wall_ms = wall_ms
        self._floors: list[Onlooker] = []
        self._untold: list[MarketEvent] = []
        # While market events are looked at: the time of the one at hand, and what the market showed by then.
        self._event_ms: int | None = None
        self._books: dict[Listing, MarketBook] = {}
        self._last_prices: dict[Listing, Decimal] = {}
        self._premiums: dict[Listing, deque[tuple[int, Decimal]]] = {}  # second of market time, premium
        self._instruments = market.instruments
        self._traded: set[Listing] = set()  # listings that have traded once, as far as anybody asked
        self._untraded: set[Listing] = set()  # listings whose last price is still the middle of their book

    def join(self, floor: Onlooker) -> None:
        self._floors.append(floor)

    def catch_up(self) -> bool:
        """Let the market go on to this moment, fill what it went through and trigger what waited for it.

        Commands do so first: an order must never meet trades from before it came, nor a cancel overtake one.
        One call goes no further than `STEP_MS` of wall time and what `step_end_ms` allows, so that a machine that slept
        for hours answers meanwhile; the result says whether the market has arrived.
        """
        clock = self.market.clock
        target_ms = clock.market_ms(self._wall_ms())
        step_ms = step_end_ms(self.market, min(target_ms, self.market.now_ms + int(STEP_MS * clock.speed)))
        self.play_to(step_ms)
        return step_ms >= target_ms

    def play_to(self, market_ms: int) -> int:
        """The same up to a moment of the market's own time; returns how many events the market had until then."""
        told = len(self._untold)
        while True:
            slice_ms = market_ms
            every_ms = min((floor.marks_every_ms for floor in self._floors if floor.marks_every_ms), default=0)
            if every_ms:
                # The market tells mark and index prices only as of where it stands, and they move once a second; those
                # of a recording only with its rows.
                moves_ms = max(self.market.now_ms, still_until_ms(self.market) - 1)
                slice_ms = min(market_ms, (moves_ms // every_ms + 1) * every_ms)
            self._go_on(slice_ms)
            if slice_ms >= market_ms:
                return len(self._untold) - told

    def take_events(self) -> list[MarketEvent]:
        """What the market did since the last call, for the public streams."""
        happened, self._untold = self._untold, []
        return happened

    def tell(self, event: MarketEvent) -> None:
        """Something the exchange itself did that the public streams tell: a liquidation."""
        self._untold.append(event)

    def book(self, symbol: Listing) -> MarketBook:
        """The book, as of the market event at hand while events are looked at."""
        return self._books.get(symbol) or self.market.book(symbol)

    def last_price(self, symbol: Listing) -> Decimal:
        """The last price, as of the market event at hand while events are looked at."""
        return self._last_prices.get(symbol) or self.market.last_price(symbol)

    def premium(self, listing: Listing) -> Decimal:
        """How far the middle of the book was from the mark (spot: the index) of late, on the average of what was seen.

        Bybit takes a sample each second of half a minute, on spot of two minutes. Here a listing is watched from the
        first time somebody asks, at most once a market second and once each time the market is let go on.
        """
        samples = self._premiums.setdefault(listing, deque(maxlen=self._samples_of(listing)))
        if not samples:
            self._sample(listing)
        return sum((gap for _, gap in samples), Decimal(0)) / len(samples) if samples else Decimal(0)

    def _samples_of(self, listing: Listing) -> int:
        return SPOT_PREMIUM_S if self.specs[listing].is_spot else PREMIUM_S

    def _sample(self, listing: Listing) -> None:
        """One more sample, if a new second has begun; what is too old goes."""
        samples, second = self._premiums[listing], self.market.now_ms // 1_000
        if samples and samples[-1][0] == second:
            return
        book, is_spot = self.market.book(listing), self.specs[listing].is_spot
        if book.bids and book.asks:
            base = self.market.index_price(listing) if is_spot else self.market.mark_price(listing)
            samples.append((second, (book.bids[0][0] + book.asks[0][0]) / 2 - base))
        while samples and samples[0][0] <= second - self._samples_of(listing):
            samples.popleft()

    def moment(self) -> Moment:
        market_ms = self.market.now_ms if self._event_ms is None else self._event_ms
        return Moment(wall_ms=self._wall_ms(), market_ms=market_ms)

    def _go_on(self, to_ms: int) -> None:
        """Let the market advance and look at what happened, event by event, with the prices of each event.

        What happens at one moment is looked at together before anything triggers: a recording tells the trade before
        the book that it left, and a triggered order must meet the latter.
        """
        seen = {listing for floor in self._floors for listing in floor.listings()}
        self._books = {listing: self.market.book(listing) for listing in seen}
        self._last_prices = {listing: self.market.last_price(listing) for listing in seen}
        self._untraded = {listing for listing in seen - self._traded if not self.market.trades(listing, 1)}
        self._traded |= seen - self._untraded
        since_ms = self.market.now_ms
        looked = [floor for floor in self._floors if floor.marks_every_ms]
        happened = self.market.advance(to_ms)
        try:
            for event_ms, events in groupby(happened, key=lambda event: event.time_ms):
                concerned = [(floor, floor.listings()) for floor in self._floors]
                if not any(listings for _, listings in concerned):
                    break
                self._event_ms = event_ms
                self._show(list(events), [floor for floor, listings in concerned if listings])
        finally:
            self._event_ms = None
            self._books, self._last_prices = {}, {}
        self._untold += happened
        self._relist()
        for listing in self._premiums:
            self._sample(listing)
        for floor in self._floors:
            if floor.marks_every_ms or floor in looked:  # what it held may have been closed meanwhile
                floor.settle_marks(since_ms=since_ms)

    def _relist(self) -> None:
        """What was listed meanwhile can be traded, and what was delivered is known as such. Nothing is forgotten: an
        account may still hold it.
        """
        if self.market.instruments is not self._instruments:
            self._instruments = self.market.instruments
            self.specs.update({spec.listing: spec for spec in self._instruments})

    def _show(self, events: Sequence[MarketEvent], floors: Sequence[Onlooker]) -> None:
        """The events of one moment, oldest first, to everybody whose orders they may concern."""
        for event in events:
            if isinstance(event, MarketBook):
                self._books[event.symbol] = event
            price = self._price_by(event)
            if price is not None:
                self._last_prices[event.symbol] = price
            for floor in floors:
                floor.meet(event, price)
        for floor in floors:
            floor.settle_moment()

    def _price_by(self, event: MarketEvent) -> Decimal | None:
        """The last price if the event moves it: a trade does, and where there was none yet, a book does by its middle,
        as the market itself tells it.
        """
        if isinstance(event, MarketTrade):
            self._untraded.discard(event.symbol)
            return event.price
        if not isinstance(event, MarketBook) or event.symbol not in self._untraded:
            return None
        if not (event.bids and event.asks):
            return None
        tick = self.specs[event.symbol].tick_size
        return (event.bids[0][0] + event.asks[0][0]) / 2 // tick * tick
