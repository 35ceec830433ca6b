"""A quiet listing of the synthetic market: books and trades that are a function of the seed and the time.

Lives here: `ComputedSymbol`, with the face of `SyntheticSymbol`. Not here: the prices (`paths`), the candles
(`computed_candles`). It keeps no history and saves nothing, so that dozens of them cost next to nothing. A book changes
every second, an event is made of it only before each of the six trades of a minute. While the exchange is down such a
market goes on, as a real one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Final

from tradewright.simulator.market.computed_candles import ComputedCandles
from tradewright.simulator.market.habits import Habits
from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.levels import DepthSide
from tradewright.simulator.market.model import InstrumentSpec, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.paths import SECONDS_PER_TRADE, TRADES, Minute, Path, PathTrade
from tradewright.simulator.market.walk import chance, funding_rate, open_interest, size_steps

TRADES_SHOWN: Final = 1000
_EVENTS: Final = 60 + TRADES  # per minute
_LEVEL_SIZES: Final = 64
_PREMIUM_RATIO: Final = 0.0002  # how far mark and index are apart at most


class ComputedSymbol:
    """Everything is as of the moment last given to `close_bar`."""

    def __init__(self, spec: InstrumentSpec, habits: Habits, *, seed: int, now_ms: int) -> None:
        self.spec = spec
        self._listing = spec.listing
        self._seed = seed
        self._interest_steps = habits.interest_steps(spec)
        base_ticks = habits.base_ticks(spec)
        self._path = Path(
            seed=seed,
            name=spec.listing,
            base_ticks=base_ticks,
            daily_volatility=habits.volatility,
            minute_steps=habits.minute_steps(spec),
        )
        rng = chance(seed, spec.listing, "book")
        self._salts = (rng.getrandbits(32), rng.getrandbits(32))
        median = habits.level_steps(spec)
        self._sizes = tuple(size_steps(rng, median) * spec.qty_step for _ in range(_LEVEL_SIZES))
        self._premium_ticks = round(rng.uniform(-_PREMIUM_RATIO, _PREMIUM_RATIO) * base_ticks)
        self.candles = ComputedCandles(spec, self._path)
        self._now_ms = now_ms
        self._open: tuple[int, Minute, tuple[PathTrade, ...]] | None = None

    @property
    def book(self) -> MarketBook:
        return self._book(self._now_ms // 1000)

    @property
    def last_price(self) -> Decimal:
        _, trade = next(self._trades_before())
        return trade.price * self.spec.tick_size

    def trades(self, limit: int) -> list[MarketTrade]:
        """The newest `limit` trades, newest first."""
        newest_first = islice(self._trades_before(), max(0, min(limit, TRADES_SHOWN)))
        return [self._trade(minute, trade) for minute, trade in newest_first]

    def mark_price(self) -> Decimal:
        return self._bid_ticks(self._now_ms // 1000) * self.spec.tick_size

    def index_price(self) -> Decimal:
        return (self._bid_ticks(self._now_ms // 1000) + self._premium_ticks) * self.spec.tick_size

    def funding_rate(self, funding_ms: int) -> Decimal:
        return funding_rate(self._seed, self.spec, funding_ms)

    def open_interest(self, now_ms: int) -> Decimal:
        return open_interest(self._seed, self.spec, self._interest_steps, now_ms)

    def second(self, second: int) -> list[MarketEvent]:
        """The trade of one second of market time with the book before it, if there is one.

        Between two trades the bid goes straight, so no book in between is beyond them: none is worth an event.
        """
        number, place = divmod(second, 60)
        trade = self._minute(number)[1][place // SECONDS_PER_TRADE]
        return [self._book(second), self._trade(number, trade)] if trade.second == place else []

    def apply(self, event: MarketEvent) -> None:
        """Nothing to remember: what has happened by now follows from the time."""

    def close_bar(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def _minute(self, number: int) -> tuple[Minute, tuple[PathTrade, ...]]:
        """A minute and its trades; the last one asked for is kept, because it is asked for again and again."""
        if self._open is None or self._open[0] != number:
            minute = self._path.minute(number)
            self._open = (number, minute, minute.trades())
        return self._open[1], self._open[2]

    def _trades_before(self) -> Iterator[tuple[int, PathTrade]]:
        """Trades up to and including now with the number of their minute, newest first, without end."""
        number, offset_ms = divmod(self._now_ms, MINUTE_MS)
        _, trades = self._minute(number)
        yield from ((number, trade) for trade in reversed(trades) if trade.second * 1000 + trade.offset_ms <= offset_ms)
        while True:
            number -= 1
            yield from ((number, trade) for trade in reversed(self._path.minute(number).trades()))

    def _bid_ticks(self, second: int) -> int:
        number, place = divmod(second, 60)
        minute, trades = self._minute(number)
        return _bid_and_count(minute, trades, place)[0]

    def _book(self, second: int) -> MarketBook:
        number, place = divmod(second, 60)
        minute, trades = self._minute(number)
        bid_ticks, traded = _bid_and_count(minute, trades, place)
        return MarketBook(
            symbol=self._listing,
            bids=self._side(bid_ticks, -1, self._salts[0], second),
            asks=self._side(bid_ticks + minute.spread, 1, self._salts[1], second),
            time_ms=second * 1000,
            update_id=second,
            seq=number * _EVENTS + place + traded,
        )

    def _side(self, best_ticks: int, direction: int, salt: int, epoch: int) -> DepthSide:
        return DepthSide(
            best_ticks=best_ticks,
            direction=direction,
            epoch=epoch,
            salt=salt,
            sizes=self._sizes,
            tick_size=self.spec.tick_size,
        )

    def _trade(self, number: int, trade: PathTrade) -> MarketTrade:
        """Numbers count the events of all minutes: a minute's trade comes right after the book of its second."""
        seq = number * _EVENTS + trade.second + 1 + trade.place
        return MarketTrade(
            symbol=self._listing,
            time_ms=number * MINUTE_MS + trade.second * 1000 + trade.offset_ms,
            price=trade.price * self.spec.tick_size,
            size=trade.size * self.spec.qty_step,
            side="Buy" if trade.buys else "Sell",
            trade_id=f"{self.spec.symbol_id:08x}-{self._path.minute(number).bits:016x}-{seq:08x}",
            seq=seq,
        )


def _bid_and_count(minute: Minute, trades: tuple[PathTrade, ...], place: int) -> tuple[int, int]:
    """The best bid (ticks) in second `place` of the minute, and how many trades came before that second.

    It goes on a straight line from trade to trade, so that each trade finds its price in the book.
    """
    since, bid, count = 0, minute.start, 0
    for trade in trades:
        if trade.second >= place:
            return bid + (trade.bid - bid) * (place - since) // (trade.second - since), count
        since, bid, count = trade.second, trade.bid, count + 1
    return bid, count
