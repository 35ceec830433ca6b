"""A recorded market played again: one or several files of candles on one clock.

Lives here: where to start, the merge of the tapes, the end, saving and restoring.
Not here: the path inside a bar (`tape`), reading files (`candle_file`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from tradewright.simulator.market.candle_file import CandleFile
from tradewright.simulator.market.clock import MarketClock, time_text
from tradewright.simulator.market.errors import MarketStateError, MarketTimeError
from tradewright.simulator.market.intervals import HOUR_MS
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.tape import Tape
from tradewright.simulator.market.ticker import Quotes, linear_ticker, next_funding_ms

HISTORY_ROWS: Final = 1500  # served as history unless `--from` says where to start
_STATE_VERSION: Final = 1
_NO_FUNDING: Final = Decimal(0)  # a recording of candles has no funding, and none is invented


class ReplayMarket:
    """See `Market`. Only the recorded symbols exist; last, mark and index price are one."""

    def __init__(self, tapes: Sequence[Tape], *, clock: MarketClock) -> None:
        """Starts where `clock` starts; the clock is made to stand still at the end of the last recording."""
        self._tapes = {tape.spec.symbol: tape for tape in tapes}
        self._clock = clock
        self._end_ms = max(tape.file.end_ms for tape in tapes)
        clock.end_ms = self._end_ms
        for tape in tapes:
            tape.start_at(clock.start_ms)
        self._now_ms = clock.start_ms  # what is due at this very moment comes with the first `advance`

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
        return self._now_ms >= self._end_ms

    @property
    def notice(self) -> str:
        if not self.ended:
            return ""
        names = ", ".join(f"{tape.file.name} ({symbol})" for symbol, tape in self._tapes.items())
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
        return events

    def book(self, symbol: str) -> MarketBook:
        return self._tapes[symbol].book

    def last_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def mark_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def index_price(self, symbol: str) -> Decimal:
        return self._tapes[symbol].last_price

    def funding_rate(self, symbol: str) -> Decimal:
        """Zero: a recording of candles has no funding."""
        assert symbol in self._tapes, "callers ask for listed symbols"
        return _NO_FUNDING

    def next_funding_ms(self, symbol: str) -> int:
        return next_funding_ms(self._tapes[symbol].spec, self._now_ms)

    def ticker(self, symbol: str) -> dict[str, str]:
        tape = self._tapes[symbol]
        price = tape.last_price
        return linear_ticker(
            tape.spec,
            Quotes(
                book=tape.book,
                last_price=price,
                mark_price=price,
                index_price=price,
                day=tape.candles.day(self._now_ms),
                price_1h_ago=tape.candles.price_at(self._now_ms - HOUR_MS),
                open_interest=None,
                funding_rate=_NO_FUNDING,
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

    def state(self) -> dict[str, Any]:
        """Only where it stands: everything else is in the files."""
        return {
            "kind": "replay",
            "version": _STATE_VERSION,
            "market_ms": self._now_ms,
            "files": {symbol: tape.file.digest for symbol, tape in self._tapes.items()},
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
        for tape in self._tapes.values():
            tape.resume_after(market_ms)
        self._now_ms = market_ms
        self._clock.start_from(market_ms)


def start_of(files: Sequence[CandleFile], from_ms: int | None) -> int:
    """Market time of the first row to play: `from_ms` or later; by default after 1,500 rows or half of a shorter file.

    Several files start together where the last of them starts. Raises `MarketTimeError` when outside of a file.
    """
    if from_ms is None:
        wanted_ms = max(file.open_ms(HISTORY_ROWS if len(file) > HISTORY_ROWS else len(file) // 2) for file in files)
    else:
        wanted_ms = from_ms
    for file in files:
        if not file.first_ms <= wanted_ms < file.end_ms:
            raise MarketTimeError(
                f"from is {time_text(wanted_ms)}, outside of {file.name}, whose rows open from {file.span}"
            )
    return min(file.open_ms(min(file.index_at(wanted_ms), len(file) - 1)) for file in files)
