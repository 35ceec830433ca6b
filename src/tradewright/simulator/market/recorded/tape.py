"""One recorded listing while it is played: its recordings merged, in the order of their moments.

Lives here: what is known of the listing at one moment: last price, book, candles, funding.
Not here: single recordings (`candle_track`, `trade_track`, `book_track`), several listings and the clock (`replay`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from heapq import merge
from itertools import islice

from tradewright.simulator.market.bars import BarRing
from tradewright.simulator.market.candles import CandleView
from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.recorded.book_track import BookTrack
from tradewright.simulator.market.recorded.candle_track import CandleTrack
from tradewright.simulator.market.recorded.place import Covered, PriceTrack, Track
from tradewright.simulator.market.recorded.recording import Recordings
from tradewright.simulator.market.recorded.trade_track import TradeTrack


class Tape:
    """A listing's recordings with their needles: what is before them has been played."""

    def __init__(self, spec: InstrumentSpec, recordings: Recordings) -> None:
        self.spec = spec
        self.recordings = recordings
        self._price = self._price_track()
        self._quotes = self._book_track()
        self._tracks: tuple[Track, ...] = tuple(track for track in (self._price, self._quotes) if track is not None)
        assert self._tracks, "a listing has a recording of prices or of books"
        self.start_at(recordings.first_ms)

    @property
    def trades(self) -> deque[MarketTrade]:
        return self._price.trades if self._price is not None else deque()

    @property
    def last_price(self) -> Decimal:
        """Of the last trade; where there is none yet, the middle of the book, rounded down to the tick."""
        if self._price is not None and (self._price.needle or self._quotes is None or not self._quotes.needle):
            return self._price.last_price
        middle = (self.book.bids[0][0] + self.book.asks[0][0]) / 2
        return middle // self.spec.tick_size * self.spec.tick_size

    def start_at(self, ms: int) -> None:
        """What was due before `ms` is history; what is due at `ms` is still to be played."""
        self._put(ms, ms)

    def resume_after(self, ms: int) -> None:
        """As `advance` to `ms` would have left it."""
        self._put(ms + 1, ms)

    def advance(self, to_ms: int) -> Iterator[MarketEvent]:
        """Play up to and including `to_ms`. Of one moment, trades come before the book."""
        while True:
            track = min(self._tracks, key=_due)
            if track.due_ms > to_ms:
                break
            for event in track.play():
                if isinstance(event, MarketBook):
                    self.book = event
                yield event
        if self._price is not None:
            self._price.settle(to_ms)

    @property
    def due_ms(self) -> int:
        """Time of the next row; `place.NEVER` when there is none."""
        return min(track.due_ms for track in self._tracks)

    def times_ahead(self, count: int) -> list[int]:
        """Times of at most `count` rows to come (of candles: of the points of their path)."""
        return list(islice(merge(*(track.times_ahead(count) for track in self._tracks)), count))

    def time_ahead(self, count: int) -> int:
        """Time by which one of the recordings has had `count` more rows; `NEVER` when none has as many."""
        return min(track.time_ahead(count) for track in self._tracks)

    def _put(self, due_ms: int, now_ms: int) -> None:
        for track in self._tracks:
            track.put(due_ms, now_ms)
        self.book = self._told().book
        if self._price is None:
            self.candles = CandleView(BarRing(0), MINUTE_MS, lambda: None)
        else:
            self.candles = CandleView(self._price.bars, self._price.base_ms, self._price.live)

    def _told(self) -> Track:
        """Whose book it is now: the recorded one's while there is one."""
        if self._price is not None and self._price.needle > self._price.own_books.start:
            return self._price
        begun = [track for track in reversed(self._tracks) if track.needle]
        return begun[0] if begun else min(self._tracks, key=lambda track: track.first_ms)

    def _price_track(self) -> PriceTrack | None:
        given = self.recordings
        covered = Covered()
        if given.book is not None:
            covered = Covered(given.book.first_ms, given.book.last_ms, len(given.book))
        if given.trades is not None:
            bars = given.candles or given.trades.minutes
            return TradeTrack(self.spec, given.trades, bars, covered=covered, beside=self._quotes_used)
        if given.candles is not None:
            return CandleTrack(self.spec, given.candles, covered=covered, beside=self._quotes_used)
        return None

    def _book_track(self) -> BookTrack | None:
        if self.recordings.book is None:
            return None
        before = 0 if self._price is None else self._price.own_books.until
        return BookTrack(self.spec, self.recordings.book, updates_before=before, beside=self._prices_used)

    def _quotes_used(self, ms: int) -> int:
        return 0 if self._quotes is None else self._quotes.used_before(ms)

    def _prices_used(self, ms: int) -> int:
        return 0 if self._price is None else self._price.used_before(ms)


def _due(track: Track) -> int:
    return track.due_ms
