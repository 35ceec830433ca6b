"""One recorded symbol while it is played: which price it is at, and the candles so far.

Lives here: the path of prices inside a bar, and what is known at one place of it.
Not here: reading the file (`candle_file`), several tapes and the clock (`replay`).

The path of a bar is open, then low and high if it closed at or above its open (else high and low), then close; the
four points are spread evenly over the bar. A candle tells no more, and this order never flatters a strategy's stop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from uuid import NAMESPACE_OID, uuid5

from tradewright.simulator.market.candle_file import CandleFile
from tradewright.simulator.market.candles import CandleView
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketBook, MarketEvent, MarketTrade

POINTS = 4
TRADES_KEPT = 1000


class PlayedRows:
    """The rows whose bars are over, as closed bars."""

    __slots__ = ("_file", "count")

    def __init__(self, file: CandleFile, count: int) -> None:
        self._file = file
        self.count = count

    def __len__(self) -> int:
        return self.count

    def bar(self, index: int) -> Kline:
        return self._file.bar(index)

    def index_at(self, ms: int) -> int:
        return min(self._file.index_at(ms), self.count)


class Tape:
    """A recording with a needle: points before it are played. A point is row times 4 plus its place in the bar."""

    def __init__(self, spec: InstrumentSpec, file: CandleFile) -> None:
        self.spec = spec
        self.file = file
        self._ample = spec.max_limit_qty
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.played = PlayedRows(file, 0)
        self.candles = CandleView(self.played, file.base_ms, self._live)
        self._needle = 0
        self._row: tuple[int, Kline, tuple[Decimal, ...]] | None = None
        self.start_at(file.first_ms)

    def start_at(self, ms: int) -> None:
        """What was due before `ms` is history; what is due at `ms` is still to be played."""
        self._put(ms, ms)

    def resume_after(self, ms: int) -> None:
        """As `advance` to `ms` would have left it."""
        self._put(ms + 1, ms)

    def advance(self, to_ms: int) -> Iterator[MarketEvent]:
        """Play up to and including `to_ms`."""
        last = len(self.file) * POINTS
        while self._needle < last and self._time_ms(self._needle) <= to_ms:
            point = self._needle
            self._needle += 1
            trade = self._trade(point)
            if trade is not None:
                self.trades.append(trade)
                yield trade
            yield self._book(point)
        self._close_rows(to_ms)

    @property
    def last_price(self) -> Decimal:
        """The price of the point played last; before the first one, the open of the file."""
        return self._price(max(0, self._needle - 1))

    @property
    def book(self) -> MarketBook:
        return self._book(max(0, self._needle - 1))

    def _put(self, due_ms: int, now_ms: int) -> None:
        """The needle goes to the first point due at or after `due_ms`; bars that are over at `now_ms` are closed."""
        row = self.file.index_at(due_ms)
        self._needle = max(0, row - 1) * POINTS
        while self._needle < row * POINTS and self._time_ms(self._needle) < due_ms:
            self._needle += 1
        self.trades.clear()
        for point in range(max(0, self._needle - POINTS), self._needle):
            self.trades.extend(trade for trade in [self._trade(point)] if trade is not None)
        self._close_rows(now_ms)
        self.candles = CandleView(self.played, self.file.base_ms, self._live)

    def _close_rows(self, now_ms: int) -> None:
        started = (self._needle + POINTS - 1) // POINTS
        over = started and self._needle % POINTS == 0 and now_ms >= self.file.open_ms(started - 1) + self.file.base_ms
        self.played.count = started if over else max(0, started - 1)

    def _live(self) -> Kline | None:
        """The bar in the making: what the points played so far have made of it."""
        row = self.played.count
        shown = self._needle - row * POINTS
        if shown <= 0:
            return None
        whole, path = self._parsed(row)
        if shown == POINTS:
            return replace(whole, confirm=False)
        return replace(
            whole,
            high=max(path[:shown]),
            low=min(path[:shown]),
            close=path[shown - 1],
            volume=_share(whole.volume) * shown,
            turnover=_share(whole.turnover) * shown,
            confirm=False,
        )

    def _time_ms(self, point: int) -> int:
        row, place = divmod(point, POINTS)
        return self.file.open_ms(row) + place * self.file.base_ms // POINTS

    def _price(self, point: int) -> Decimal:
        row, place = divmod(point, POINTS)
        return self._parsed(row)[1][place]

    def _parsed(self, row: int) -> tuple[Kline, tuple[Decimal, ...]]:
        """A row and its path; the last one asked for is kept, because it is asked for again and again."""
        if self._row is None or self._row[0] != row:
            bar = self.file.bar(row)
            turns = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
            self._row = (row, bar, (bar.open, *turns, bar.close))
        return self._row[1], self._row[2]

    def _trade(self, point: int) -> MarketTrade | None:
        """A quarter of the bar's volume at the point's price, the last one with what is left; None for nothing."""
        row, place = divmod(point, POINTS)
        before = self._price(point - 1) if point else None
        bar, path = self._parsed(row)
        quarter = _share(bar.volume)
        size = bar.volume - quarter * (POINTS - 1) if place == POINTS - 1 else quarter
        if size == 0:
            return None
        return MarketTrade(
            symbol=self.spec.symbol,
            time_ms=self._time_ms(point),
            price=path[place],
            size=size,
            side="Sell" if before is not None and path[place] < before else "Buy",
            trade_id=str(uuid5(NAMESPACE_OID, f"{self.spec.symbol}:{self._time_ms(point)}")),
            seq=2 * point + 1,
        )

    def _book(self, point: int) -> MarketBook:
        """No spread: a recording of candles knows one price at a time."""
        level = (self._price(point), self._ample)
        return MarketBook(
            symbol=self.spec.symbol,
            bids=(level,),
            asks=(level,),
            time_ms=self._time_ms(point),
            update_id=point + 2,  # never 1, which on Bybit's streams means that the service was restarted
            seq=2 * point + 2,
        )


def _share(total: Decimal) -> Decimal:
    """A quarter, rounded down to the decimals of the total."""
    return (total / POINTS).quantize(total, ROUND_DOWN)


def fitted(spec: InstrumentSpec, file: CandleFile) -> InstrumentSpec:
    """The contract with its own filters if the recorded prices fit its tick, else with the file's decimals as tick."""
    exponent = spec.tick_size.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a tick is a finite number"
    if file.price_decimals <= -exponent:
        return spec
    tick = Decimal(1).scaleb(-file.price_decimals)
    return replace(spec, tick_size=tick, min_price=min(tick, spec.min_price), price_scale=file.price_decimals)
