"""A recorded market played again: the recordings of one or several symbols on one clock.

Lives here: where to start, the merge of the tapes, the end, saving and restoring.
Not here: one symbol (`tape`), reading files (`recording`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import Any, Final, Protocol, runtime_checkable

from tradewright.simulator.market.clock import MarketClock, time_text
from tradewright.simulator.market.errors import MarketStateError, MarketTimeError
from tradewright.simulator.market.intervals import HOUR_MS
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Market,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.price_bars import traded_bars
from tradewright.simulator.market.recorded.recording import Recordings
from tradewright.simulator.market.recorded.tape import Tape
from tradewright.simulator.market.ticker import Quotes, next_funding_ms, ticker_row

_STATE_VERSION: Final = 1
_NO_FUNDING: Final = Decimal(0)  # where none is recorded, none is invented
_STEP_ROWS: Final = 1_000  # of each recording, in one step: a few hundredths of a second
# How many seconds, over all listings, a synthetic market is computed for in one step: about twenty milliseconds, as an
# answer to a request waits for several of them.
_STEP_SECONDS: Final = 2_000
_STEP_MS_MIN: Final = 500


@runtime_checkable
class StandsStill(Protocol):
    """A market that knows until when nothing happens."""

    @property
    def still_until_ms(self) -> int: ...


class ReplayMarket:
    """See `Market`. Only the recorded symbols exist; last, mark and index price are one."""

    def __init__(self, tapes: Sequence[Tape], *, clock: MarketClock) -> None:
        """Starts where `clock` starts; the clock is made to stand still at the end of the last recording."""
        self._tapes = {tape.spec.listing: tape for tape in tapes}
        self._clock = clock
        self._end_ms = max(tape.recordings.end_ms for tape in tapes)
        clock.first_ms = min(tape.recordings.first_ms for tape in tapes)
        clock.end_ms = self._end_ms
        for tape in tapes:
            tape.start_at(clock.start_ms)
        self._now_ms = clock.start_ms
        self._begun = False  # what is due at this very moment comes with the first `advance`

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        return tuple(tape.spec for tape in self._tapes.values())

    @property
    def clock(self) -> MarketClock:
        return self._clock

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @property
    def ended(self) -> bool:
        return self._begun and self._now_ms >= self._end_ms

    @property
    def link_lost(self) -> bool:
        return False

    @property
    def notice(self) -> str:
        if not self.ended:
            return ""
        names = ", ".join(
            f"{file.name} ({listing})" for listing, tape in self._tapes.items() for file in tape.recordings.files
        )
        return (
            f"The recording {names} ended at {time_text(self._end_ms)} market time; the market stands still at its "
            "last prices. To play it again, start with an empty state directory."
        )

    def advance(self, to_ms: int) -> list[MarketEvent]:
        now_ms = min(to_ms, self._end_ms)
        if now_ms < self._now_ms:
            return []
        events = [event for tape in self._tapes.values() for event in tape.advance(now_ms)]
        if len(self._tapes) > 1:
            events.sort(key=lambda event: event.time_ms)  # stable: trade before book, first symbol first
        self._now_ms = now_ms
        self._begun = True
        return events

    def moment_after(self, count: int) -> int:
        """Market time by which at least `count` more rows have happened (of candles: points of their path).

        A moment is never cut in two: all rows that share it happen together. The end when there are fewer.
        """
        ahead = list(islice(merge(*(tape.times_ahead(count) for tape in self._tapes.values())), count))
        return ahead[-1] if len(ahead) == count else self._end_ms

    def step_end_ms(self, to_ms: int) -> int:
        """How far one step towards `to_ms` should go, so that what is between two steps does not wait long."""
        ahead = min(tape.time_ahead(_STEP_ROWS) for tape in self._tapes.values())
        return min(to_ms, max(ahead, self._now_ms))

    @property
    def still_until_ms(self) -> int:
        """The next moment at which anything is recorded: until then prices stay and no funding is due."""
        rows = min(tape.due_ms for tape in self._tapes.values())
        fundings = (tape.recordings.funding for tape in self._tapes.values())
        due = [rate.time_ms for funding in fundings if funding and (rate := funding.after(self._now_ms)) is not None]
        return min([rows, *due])

    def book(self, symbol: str) -> MarketBook:
        return self._tapes[symbol].book

    def last_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def mark_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def index_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def funding_rate(self, symbol: str) -> Decimal:
        """As recorded; zero where no funding is."""
        funding = self._tapes[symbol].recordings.funding
        due = None if funding is None else funding.after(self._now_ms)
        return _NO_FUNDING if due is None else due.rate

    def next_funding_ms(self, symbol: str) -> int:
        tape = self._tapes[symbol]
        if tape.spec.is_spot:
            return 0
        due = None if tape.recordings.funding is None else tape.recordings.funding.after(self._now_ms)
        return next_funding_ms(tape.spec, self._now_ms) if due is None else due.time_ms

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        funding = self._tapes[symbol].recordings.funding
        if funding is None:
            return []
        newest_ms = self._now_ms if end_ms is None else min(end_ms, self._now_ms)
        first, last = funding.index_at(start_ms or 0), funding.index_at(newest_ms + 1)
        rows = map(funding.row, range(last - 1, max(first, last - limit) - 1, -1))
        return [(row.time_ms, row.rate) for row in rows]

    def ticker(self, symbol: str) -> dict[str, str]:
        tape = self._tapes[symbol]
        price = tape.last_price
        return ticker_row(
            tape.spec,
            Quotes(
                book=tape.book,
                last_price=price,
                mark_price=price,
                index_price=price,
                day=tape.candles.day(self._now_ms),
                price_1h_ago=tape.candles.price_at(self._now_ms - HOUR_MS),
                open_interest=None,
                funding_rate=self.funding_rate(symbol),
                next_funding_ms=self.next_funding_ms(symbol),
            ),
        )

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        return self._tapes[symbol].candles.klines(interval, start_ms, end_ms, limit, self._now_ms)

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        return self._tapes[symbol].candles.closed_klines(interval, after_ms, self._now_ms)

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        return self._tapes[symbol].candles.live_kline(interval, self._now_ms)

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        return list(islice(reversed(self._tapes[symbol].trades), max(0, limit)))

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        """See `Market.price_bars`. Mark and index are the price traded last, so their candles are the traded ones."""
        return traded_bars(kind, self.klines(symbol, interval, start_ms, end_ms, limit))

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        """None: no recording tells it, and none is invented."""
        return []

    def settlement_price(self, symbol: str) -> Decimal | None:
        """None: what is recorded never ends by delivery."""
        return None

    def state(self) -> dict[str, Any]:
        """Only where it stands: everything else is in the files."""
        return {
            "kind": "replay",
            "version": _STATE_VERSION,
            "market_ms": self._now_ms,
            "begun": self._begun,
            "files": {
                listing: "+".join(file.digest for file in tape.recordings.files)
                for listing, tape in self._tapes.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Market.restore`. A recording goes on exactly where it was: no gap."""
        kind, version, market_ms = (state.get(key) for key in ("kind", "version", "market_ms"))
        if kind != "replay":
            raise MarketStateError(
                f"the saved state is of a market of kind {kind!r}, but the market asked for is 'replay'; "
                "ask for the same market again or use another state directory"
            )
        if version != _STATE_VERSION or not isinstance(market_ms, int):
            raise MarketStateError(
                f"the saved state has version {version!r} and market time {market_ms!r}; this program reads version "
                f"{_STATE_VERSION} with whole milliseconds; start with an empty state directory"
            )
        if state.get("files") != self.state()["files"]:
            raise MarketStateError(
                f"the saved state is of a recording with other rows or symbols than {', '.join(self._tapes)} of now; "
                "give the same files again or use another state directory"
            )
        self._begun = state.get("begun") is not False
        for tape in self._tapes.values():
            if self._begun:
                tape.resume_after(market_ms)
            else:
                tape.start_at(market_ms)
        self._now_ms = market_ms
        self._clock.start_from(market_ms)


def step_end_ms(market: Market, to_ms: int) -> int:
    """The same for every market. A recording says how much there is to do; a synthetic one computes every second of
    each listing, so the more are listed the shorter are its steps: no call takes long, however fast the market is.
    """
    replay = recording_behind(market)
    if replay is not None:
        return replay.step_end_ms(to_ms)
    return min(to_ms, market.now_ms + max(_STEP_SECONDS * 1000 // len(market.instruments), _STEP_MS_MIN))


def still_until_ms(market: Market) -> int:
    """The first moment to come at which a mark or index price may move or funding may be due. Of a market that does not
    know it that is any moment.
    """
    inner = getattr(market, "inner", market)
    return inner.still_until_ms if isinstance(inner, StandsStill) else market.now_ms


def recording_behind(market: Market) -> ReplayMarket | None:
    """The recording that a market is, or that stands behind it (`inner`) where faults bend what it tells."""
    inner = getattr(market, "inner", market)
    return inner if isinstance(inner, ReplayMarket) else None


def start_of(recordings: Sequence[Recordings], from_ms: int | None) -> int:
    """Market time of the first row to play: `from_ms` or later; by default after 1,500 rows or half of a shorter file.

    Several symbols start together where the last of them starts. Raises `MarketTimeError` when outside of one.
    """
    wanted_ms = max(each.default_start_ms for each in recordings) if from_ms is None else from_ms
    for each in recordings:
        if not each.first_ms <= wanted_ms <= each.latest_start_ms:
            said = (
                f"from is {time_text(wanted_ms)}"
                if from_ms is not None
                else (f"the recordings would start together at {time_text(wanted_ms)}")
            )
            raise MarketTimeError(f"{said}, outside of {each.names}, whose rows are from {each.span}")
    return min(each.row_at(wanted_ms) for each in recordings)
