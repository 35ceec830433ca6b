"""One coin's options: what they are quoted at, and the rare trades in them.

Lives here: `CoinDesk`. Not here: the options one by one (`options`).
Trades happen in the first seconds of a minute, at prices that follow from the last traded price of the minute before.
So every trade of a day can be told again from the candles of the underlying, and none is stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec, Level, Listing, MarketTrade, OptionQuote, Side
from tradewright.simulator.market.synthetic.listed import Listed
from tradewright.simulator.market.synthetic.options_chain import Coin, chain, expiries, next_expiry_ms
from tradewright.simulator.market.synthetic.options_pricing import CARRY_RATIO, YEAR_S, Worth, exact, smile, worth
from tradewright.simulator.market.synthetic.walk import chance, size_steps

DAY_MINUTES: Final = DAY_MS // MINUTE_MS
_TRADING_S: Final = 5  # of each minute
_LEVELS: Final = 5
_LEVEL_SIZES: Final = 64
_REFRESH_S: Final = 64  # a level keeps its size for so long
_MEDIAN_STEPS: Final = 40.0
_LEVEL_STEPS: Final = 300.0
_INTEREST_STEPS: Final = 4_000.0
_SPREAD_RATIO: Final = 0.025  # between the mark and either side of the book, of the mark
_SPREAD_POINTS: Final = 1.5  # the same in percent of volatility: whichever is less
_MOOD_MS: Final = HOUR_MS // 6
_MOOD_SPREAD: Final = 0.05
_COUNTS: Final = (0, 1, 1, 2, 2, 2, 3, 5)
SEQ_PER_SECOND: Final = 16  # numbers of one option's events within a second: a book and a trade take two
_CLOSES_PER_CALL: Final = 1000


@dataclass(frozen=True, slots=True)
class Quote:
    """One option at one moment."""

    forward: float
    strike: float
    years: float
    volatility: float
    worth: Worth


@dataclass(frozen=True, slots=True)
class Day:
    """An option's last 24 hours. Turnover is the value of the underlying, as on Bybit."""

    window: Window
    last: Decimal


class CoinDesk:
    """Quotes and trades as of `second` (the last that began) and `now_ms`."""

    def __init__(self, coin: Coin, leader: Listed, *, seed: int, now_ms: int) -> None:
        self.coin = coin
        self.leader = leader
        self.now_ms = now_ms
        self.second = now_ms // 1000
        self.index = leader.index_price()
        self._seed = seed
        rng = chance(seed, coin.base, "options", "book")
        self._sizes = tuple(size_steps(rng, _LEVEL_STEPS) * coin.qty_step for _ in range(_LEVEL_SIZES))
        self._moods: dict[int, float] = {}
        self._chains: dict[int, tuple[InstrumentSpec, ...]] = {}
        self._minutes: dict[int, tuple[MarketTrade, ...]] = {}
        self._traded: dict[Listing, list[MarketTrade]] = {}
        self._traded_at = (-1, -1)
        self._days: dict[Listing, Day] = {}
        self._days_of = self._traded

    def begin(self, second: int) -> None:
        """A new second: its books are quoted from the index of this moment."""
        self.second = second
        self.index = self.leader.index_price()

    def quote(self, spec: InstrumentSpec, price: Decimal, at_ms: int) -> Quote:
        """What an option is worth while its underlying costs `price`."""
        assert spec.strike is not None, f"{spec.symbol} is an option"
        years = max(0, spec.delivery_ms - at_ms) / 1000 / YEAR_S
        forward, strike = float(price) * (1 + CARRY_RATIO * years), float(spec.strike)
        volatility = smile(forward, strike, years, at_the_money=self._at_the_money(at_ms))
        return Quote(forward, strike, years, volatility, worth(spec.option_type, forward, strike, years, volatility))

    def sides(self, quote: Quote, salt: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Bids and asks, a few levels each, best first; there are none of those below one tick."""
        bid, ask, stride = self._best(quote.worth)
        bids = (bid - stride * place for place in range(_LEVELS))
        asks = (ask + stride * place for place in range(_LEVELS))
        return (
            tuple(self._level(ticks, salt) for ticks in bids if ticks >= 1),
            tuple(self._level(ticks, salt + 1) for ticks in asks),
        )

    def trades_of_second(self, second: int) -> list[MarketTrade]:
        """To be asked when the minute before is over."""
        minute, place = divmod(second, 60)
        if place >= _TRADING_S:
            return []
        return [trade for trade in self._trades(minute) if trade.time_ms // 1000 == second]

    def newest(self, limit: int, listing: Listing) -> list[MarketTrade]:
        """Trades of the last day in one of the coin's options, newest first."""
        return self._day_by_listing().get(listing, [])[: max(0, limit)]

    def days(self) -> dict[Listing, Day]:
        """The last 24 hours (to the minute) of every option that traded in them."""
        traded = self._day_by_listing()
        if self._days_of is not traded:
            self._days_of = traded
            self._days = {listing: _day(trades) for listing, trades in traded.items()}
        return self._days

    def _day_by_listing(self) -> dict[Listing, list[MarketTrade]]:
        """All trades of the last day by option, newest first. Nothing changes once the trading of a minute is over."""
        minute, rest_ms = divmod(self.now_ms, MINUTE_MS)
        moment = (minute, min(rest_ms, _TRADING_S * 1000))
        if self._traded_at != moment:
            self._traded_at, self._traded = moment, {}
            for trade in self._newest_first():
                self._traded.setdefault(trade.symbol, []).append(trade)
        return self._traded

    def interest(self, spec: InstrumentSpec, now_ms: int) -> Decimal:
        draw = chance(self._seed, spec.symbol, "interest", now_ms // HOUR_MS)
        level = size_steps(chance(self._seed, spec.symbol, "interest"), _INTEREST_STEPS)
        return level * (1000 + draw.randrange(-20, 21)) // 1000 * spec.qty_step

    def _newest_first(self) -> Iterator[MarketTrade]:
        newest = self.now_ms // MINUTE_MS
        self._tell(newest - DAY_MINUTES + 1, newest)
        for minute in range(newest, newest - DAY_MINUTES, -1):
            yield from (trade for trade in reversed(self._minutes[minute]) if trade.time_ms <= self.now_ms)

    def _trades(self, minute: int) -> tuple[MarketTrade, ...]:
        self._tell(minute, minute)
        return self._minutes[minute]

    def _tell(self, first: int, last: int) -> None:
        """Make the trades of these minutes, and forget those of more than a day before."""
        missing = [minute for minute in range(first, last + 1) if minute not in self._minutes]
        if not missing:
            return
        closes = self._closes(missing[0], missing[-1])
        for minute in missing:
            close = closes.get(minute)
            self._minutes[minute] = () if close is None else tuple(self._made(minute, close))
        for minute in [known for known in self._minutes if known <= last - DAY_MINUTES]:
            del self._minutes[minute]

    def _closes(self, first: int, last: int) -> dict[int, Decimal]:
        """What the underlying cost when each of these minutes began. Nothing before its own history."""
        candles, end_ms = self.leader.candles, last * MINUTE_MS
        closes: dict[int, Decimal] = {}
        before_ms = end_ms
        while True:  # pages go back to the beginning of the first minute or of the history
            rows = candles.klines("1", None, before_ms - 1, min(_CLOSES_PER_CALL, last - first + 1), end_ms)
            closes.update((row.start_ms // MINUTE_MS + 1, row.close) for row in rows)
            if not rows or rows[-1].start_ms < first * MINUTE_MS:
                break
            before_ms = rows[-1].start_ms
        known: Decimal | None = next((close for at, close in sorted(closes.items(), reverse=True) if at <= first), None)
        found: dict[int, Decimal] = {}
        for minute in range(first, last + 1):
            known = closes.get(minute, known)
            if known is not None:
                found[minute] = known
        return found

    def _made(self, minute: int, close: Decimal) -> Iterator[MarketTrade]:
        rng = chance(self._seed, self.coin.base, "options", minute)
        offsets = sorted(rng.randrange(_TRADING_S * 1000) for _ in range(rng.choice(_COUNTS)))
        for number, offset_ms in enumerate(offsets):
            yield self._trade(rng, rng.choice(self._chain(minute)), close, minute * MINUTE_MS + offset_ms, number)

    def _trade(self, rng: Random, spec: InstrumentSpec, close: Decimal, at_ms: int, number: int) -> MarketTrade:
        quote = self.quote(spec, close, at_ms - at_ms % 1000)
        bid, ask, _ = self._best(quote.worth)
        side: Side = "Buy" if rng.random() < 0.5 or bid < 1 else "Sell"
        price = (ask if side == "Buy" else bid) * spec.tick_size
        seq = at_ms // 1000 * SEQ_PER_SECOND + 2 * number + 2
        return MarketTrade(
            symbol=spec.listing,
            time_ms=at_ms,
            price=price,
            size=size_steps(rng, _MEDIAN_STEPS) * spec.qty_step,
            side=side,
            trade_id=f"{spec.symbol_id:08x}-{rng.getrandbits(64):016x}-{seq:012x}",
            seq=seq,
            option=OptionQuote(
                mark_price=exact(quote.worth.price),
                index_price=close,
                mark_iv=exact(quote.volatility),
                iv=exact(_volatility_near(quote, float(price))),
            ),
        )

    def _best(self, value: Worth) -> tuple[int, int, int]:
        """Best bid and ask, and the way between levels, in ticks. A bid below 1 is none."""
        tick = float(self.coin.tick_size)
        ticks = value.price / tick
        half = max(1.0, min(ticks * _SPREAD_RATIO, 1 + _SPREAD_POINTS * value.vega / tick))
        bid = math.floor(ticks - half + 0.5)
        return bid, max(bid, 0) + max(1, round(2 * half)), max(1, round(half / 2))

    def _level(self, ticks: int, salt: int) -> Level:
        mixed = (ticks * 0x9E3779B1 + salt) & 0xFFFFFFFF
        turn = (self.second + (mixed >> 20)) // _REFRESH_S
        draw = ((mixed ^ (turn * 0x85EBCA6B)) * 0xC2B2AE35 & 0xFFFFFFFF) >> 12
        return ticks * self.coin.tick_size, self._sizes[draw % _LEVEL_SIZES]

    def _chain(self, minute: int) -> Sequence[InstrumentSpec]:
        """All options of the coin that traded in a minute."""
        until_ms = next_expiry_ms(minute * MINUTE_MS)
        known = self._chains.get(until_ms)
        if known is None:
            if len(self._chains) > 3:
                self._chains.clear()
            known = self._chains[until_ms] = tuple(
                spec for expiry in expiries(minute * MINUTE_MS) for spec in chain(self.coin, expiry)
            )
        return known

    def _at_the_money(self, at_ms: int) -> float:
        """It drifts around its usual value, in straight lines of ten minutes."""
        number, rest_ms = divmod(at_ms, _MOOD_MS)
        share = rest_ms / _MOOD_MS
        mood = self._mood(number) * (1 - share) + self._mood(number + 1) * share
        return self.coin.volatility * math.exp(mood)

    def _mood(self, number: int) -> float:
        known = self._moods.get(number)
        if known is None:
            if len(self._moods) > DAY_MINUTES:
                self._moods.clear()
            rng = chance(self._seed, self.coin.base, "volatility", number)
            known = self._moods[number] = rng.gauss(0.0, _MOOD_SPREAD)
        return known


def _day(newest_first: Sequence[MarketTrade]) -> Day:
    prices = [trade.price for trade in newest_first]
    values = (trade.size * trade.option.index_price for trade in newest_first if trade.option is not None)
    return Day(
        window=Window(
            open=prices[-1],
            high=max(prices),
            low=min(prices),
            volume=sum((trade.size for trade in newest_first), Decimal(0)),
            turnover=sum(values, Decimal(0)),
        ),
        last=prices[0],
    )


def _volatility_near(quote: Quote, price: float) -> float:
    """The volatility at which the option costs `price`, to first order from the mark."""
    if quote.worth.vega < 1e-6:
        return quote.volatility
    return min(max(quote.volatility + (price - quote.worth.price) / (100 * quote.worth.vega), 0.0), 5.0)
