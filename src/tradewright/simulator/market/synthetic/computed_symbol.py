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

from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.levels import THINNEST, DepthSide, LevelSizes
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    MarketBook,
    MarketEvent,
    MarketLiquidation,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.synthetic.computed_candles import ComputedCandles
from tradewright.simulator.market.synthetic.computed_price_bars import ComputedPriceBars
from tradewright.simulator.market.synthetic.habits import Habits
from tradewright.simulator.market.synthetic.liquidations import drawn
from tradewright.simulator.market.synthetic.listed import Moment
from tradewright.simulator.market.synthetic.paths import SECONDS_PER_TRADE, TRADES, Minute, Path, PathTrade, bid_at
from tradewright.simulator.market.synthetic.walk import chance, funding_rate, open_interest, size_steps
from tradewright.simulator.market.synthetic.weather import Weather

TRADES_SHOWN: Final = 1000
_EVENTS: Final = 4  # numbers per second
# A minute in 64 has somebody liquidated at this trade: where the highest bits of its chance are all zero.
_HURT_PLACE: Final = 3
_HURT_BITS: Final = 58
_LEVEL_SIZES: Final = 64


_OpenMinute = tuple[int, Minute, tuple[PathTrade, ...], int]  # its number, what it is, its trades, how thin its books


class ComputedSymbol:
    """See `Maker`. Everything is as of the moment that it shares with all others."""

    def __init__(self, spec: InstrumentSpec, habits: Habits, *, seed: int, now: Moment, weather: Weather) -> None:
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
            weather=weather,
        )
        self._weather = weather
        rng = chance(seed, spec.listing, "book")
        self._salts = (rng.getrandbits(32), rng.getrandbits(32))
        median = habits.level_steps(spec)
        self._sizes = LevelSizes([size_steps(rng, median) for _ in range(_LEVEL_SIZES)], spec.qty_step)
        self._trade_steps = habits.minute_steps(spec) / TRADES
        self._prices = ComputedPriceBars(
            self._path,
            tick_size=spec.tick_size,
            seed=seed,
            name=spec.listing,
            base_ticks=base_ticks,
            level=rng.uniform(-1.0, 1.0),
        )
        self.candles = ComputedCandles(spec, self._path)
        self._now = now
        self._open: _OpenMinute | None = None  # the minute that is asked for again and again
        self._next: _OpenMinute | None = None  # looked through already, and not begun

    @property
    def book(self) -> MarketBook:
        return self._book(self._now.ms // 1000)

    @property
    def last_price(self) -> Decimal:
        _, _, trade = next(self._trades_before())
        return trade.price * self.spec.tick_size

    def trades(self, limit: int) -> list[MarketTrade]:
        """The newest `limit` trades, newest first."""
        newest_first = islice(self._trades_before(), max(0, min(limit, TRADES_SHOWN)))
        return [self._trade(number, trade, minute) for number, minute, trade in newest_first]

    def mark_price(self) -> Decimal:
        return self._bid_ticks(self._now.ms // 1000) * self.spec.tick_size

    def index_price(self) -> Decimal:
        second = self._now.ms // 1000
        return (self._bid_ticks(second) + self._prices.index_offset(second // 3600)) * self.spec.tick_size

    def funding_rate(self, funding_ms: int) -> Decimal:
        return funding_rate(self._seed, self.spec, funding_ms)

    def open_interest(self, now_ms: int) -> Decimal:
        return open_interest(self._seed, self.spec, self._interest_steps, now_ms)

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        return self._prices.bars(kind, interval, start_ms, end_ms, limit, now_ms)

    def busy_seconds(self, number: int) -> list[int]:
        """The seconds of a minute since the epoch in which something happens: of one that is to come, once."""
        self._next = self._made(number)
        return [trade.second for trade in self._next[2]]

    def second(self, second: int) -> list[MarketEvent]:
        """The trade of one second of market time with the book before it, if there is one.

        Between two trades the bid goes straight, so no book in between is beyond them: none is worth an event.
        """
        number, place = divmod(second, 60)
        minute, trades, thin = self._minute(number)
        trade = trades[place // SECONDS_PER_TRADE]
        if trade.second != place:
            return []
        made: list[MarketEvent] = [self._made_book(second, minute, trade.bid, thin), self._trade(number, trade, minute)]
        if thin or (trade.place == _HURT_PLACE and not minute.bits >> _HURT_BITS):
            made.extend(self._liquidation(second, trade, minute, thin))
        return made

    def _minute(self, number: int) -> tuple[Minute, tuple[PathTrade, ...], int]:
        """A minute, its trades and how thin its books are."""
        if self._open is None or self._open[0] != number:
            ready = self._next
            self._open = ready if ready is not None and ready[0] == number else self._made(number)
        return self._open[1:]

    def _made(self, number: int) -> _OpenMinute:
        minute = self._path.minute(number)
        return number, minute, minute.trades(), self._weather.sky(number * 60 + 59).thin

    def _trades_before(self) -> Iterator[tuple[int, Minute, PathTrade]]:
        """Trades up to and including now with their minute and its number, newest first, without end."""
        number, offset_ms = divmod(self._now.ms, MINUTE_MS)
        minute, trades, _ = self._minute(number)
        for trade in reversed(trades):
            if trade.second * 1000 + trade.offset_ms <= offset_ms:
                yield number, minute, trade
        while True:
            number -= 1
            minute = self._path.minute(number)
            yield from ((number, minute, trade) for trade in reversed(minute.trades()))

    def _bid_ticks(self, second: int) -> int:
        number, place = divmod(second, 60)
        minute, trades, _ = self._minute(number)
        return bid_at(minute, trades, place)

    def _book(self, second: int) -> MarketBook:
        number, place = divmod(second, 60)
        minute, trades, thin = self._minute(number)
        return self._made_book(second, minute, bid_at(minute, trades, place), thin)

    def _made_book(self, second: int, minute: Minute, bid_ticks: int, thin: int) -> MarketBook:
        return MarketBook(
            symbol=self._listing,
            bids=self._side(bid_ticks, -1, self._salts[0], second, thin),
            asks=self._side(bid_ticks + minute.spread, 1, self._salts[1], second, thin),
            time_ms=second * 1000,
            update_id=second,
            seq=second * _EVENTS,
        )

    def _side(self, best_ticks: int, direction: int, salt: int, epoch: int, thin: int) -> DepthSide:
        return DepthSide(
            best_ticks=best_ticks,
            direction=direction,
            epoch=epoch,
            salt=salt,
            sizes=self._sizes,
            tick_size=self.spec.tick_size,
            thin=thin,
        )

    def _liquidation(self, second: int, trade: PathTrade, minute: Minute, thin: int) -> Iterator[MarketLiquidation]:
        """Who is liquidated with this trade, if anybody: right after a jump mostly, and on the side it hurt."""
        if not self._weather.hurts():
            return
        rng = chance(self._seed, self._listing, "hurt", second)
        if thin and rng.random() * THINNEST > thin:
            return
        hurt = drawn(rng)
        falls = minute.end < minute.start
        beyond = max(1, round(trade.bid * hurt.distance))
        yield MarketLiquidation(
            symbol=self._listing,
            time_ms=second * 1000 + trade.offset_ms + 1,
            side="Buy" if falls else "Sell",
            size=max(1, round(self._trade_steps * hurt.size)) * self.spec.qty_step,
            price=(trade.bid - beyond if falls else trade.bid + beyond) * self.spec.tick_size,
            seq=second * _EVENTS + 2,
        )

    def _trade(self, number: int, trade: PathTrade, minute: Minute) -> MarketTrade:
        """Every second has a few numbers: its book the first, its trade the next, and a liquidation the one after."""
        seq = (number * 60 + trade.second) * _EVENTS + 1
        return MarketTrade(
            symbol=self._listing,
            time_ms=number * MINUTE_MS + trade.second * 1000 + trade.offset_ms,
            price=trade.price * self.spec.tick_size,
            size=trade.size * self.spec.qty_step,
            side="Buy" if trade.buys else "Sell",
            trade_id=f"{self.spec.symbol_id:08x}-{minute.bits:016x}-{seq:08x}",
            seq=seq,
        )
