"""Prices after a jump: how what one listing tells differs from the market behind it.

Lives here: `Bend`, the arithmetic of one listing. Not here: when it jumps (`desk`), the market's face (`bent_market`).
From each jump on all prices are those of the market behind times a factor, on the tick grid: trades and candles by
rounding half even, bids down and asks up, so that the book never crosses. The candle that a jump falls into is made of
what was told; after a restart, which forgets that, it is bounded by both factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from tradewright.simulator.faults.bent_side import BentSide
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Level,
    MarketBook,
    MarketEvent,
    MarketTrade,
)

ONE: Final = Decimal(1)
MONEY: Final = Decimal("0.00000001")
RATIO: Final = Decimal("0.000001")
EVENTS: Final = 2  # that a jump tells beside those of the market behind: a book and a trade


@dataclass(slots=True)
class _Broken:
    """A candle that a jump fell into: extremes as they were told, and the turnover before the jump."""

    end_ms: int
    high: Decimal
    low: Decimal
    turnover: Decimal
    behind: Decimal  # the same turnover as the market behind has it


class Bend:
    """Everything is as of the last jump; `spec` is the listing's."""

    def __init__(self, spec: InstrumentSpec) -> None:
        self.spec = spec
        self._steps: list[tuple[int, Decimal]] = []  # a factor holds for what is later than its moment
        self._own: list[MarketTrade] = []
        self._broken: dict[tuple[str, int], _Broken] = {}
        self._day: tuple[Decimal, Decimal] | None = None  # extremes of the last day as they were told

    @property
    def factor(self) -> Decimal:
        return self._steps[-1][1] if self._steps else ONE

    def jump(
        self,
        fraction: Decimal,
        *,
        now_ms: int,
        book: MarketBook,
        last_price: Decimal,
        newest: MarketTrade | None,
        day: tuple[Decimal, Decimal],
        live: Mapping[str, Kline],
    ) -> list[MarketEvent]:
        """Bend further; the book and the trade that tell it at once. All arguments but `day` (highest and lowest price
        so far) are of the market behind.
        """
        for interval, candle in live.items():
            told = self.candle(interval, candle)
            whole = _Broken(candle.end_ms, told.high, told.low, told.turnover, candle.turnover)
            self._broken[interval, candle.start_ms] = whole
        self._day = day
        self._steps.append((now_ms, self.factor * (ONE + fraction)))
        seq = max(book.seq, newest.seq if newest is not None else 0) + EVENTS * len(self._steps)
        quote = replace(self.book(book), time_ms=now_ms, seq=seq - 1)
        trade = MarketTrade(
            symbol=self.spec.listing,
            time_ms=now_ms,
            price=self.price(last_price),
            size=self.spec.min_qty,
            side="Buy" if fraction > 0 else "Sell",
            trade_id=str(uuid5(NAMESPACE_OID, f"{self.spec.listing}:jump:{seq}")),
            seq=seq,
        )
        self._own.append(trade)
        self.note(trade)
        return [quote, trade]

    def note(self, trade: MarketTrade) -> None:
        """A trade was told: the candles that are broken now take it in."""
        for candle in self._broken.values():
            if trade.time_ms <= candle.end_ms:
                candle.high, candle.low = max(candle.high, trade.price), min(candle.low, trade.price)
        if self._day is not None:
            self._day = max(self._day[0], trade.price), min(self._day[1], trade.price)

    def price(self, price: Decimal, *, at_ms: int | None = None) -> Decimal:
        """A price of the market behind, as of now or of an earlier moment of the market."""
        return self._on_tick(price * (self.factor if at_ms is None else self._factor_at(at_ms)), ROUND_HALF_EVEN)

    def event(self, event: MarketEvent) -> MarketEvent:
        """An event of the market behind as it is told."""
        if isinstance(event, MarketBook):
            return self.book(event)
        return replace(event, price=self.price(event.price), seq=event.seq + EVENTS * len(self._steps))

    def book(self, book: MarketBook) -> MarketBook:
        return replace(
            book,
            bids=self._side(book.bids, ROUND_FLOOR),
            asks=self._side(book.asks, ROUND_CEILING),
            update_id=book.update_id + len(self._steps),
            seq=book.seq + EVENTS * len(self._steps),
        )

    def trades(self, behind: Sequence[MarketTrade], limit: int) -> list[MarketTrade]:
        """Newest first; each with the price it was told with."""
        told = [
            replace(
                trade,
                price=self.price(trade.price, at_ms=trade.time_ms),
                seq=trade.seq + EVENTS * self._steps_by(trade.time_ms),
            )
            for trade in behind
        ]
        return sorted([*told, *self._own], key=lambda trade: trade.seq, reverse=True)[:limit]

    def candle(self, interval: str, candle: Kline) -> Kline:
        broken = self._broken.get((interval, candle.start_ms))
        prices = self._bar(candle.start_ms, candle.end_ms, candle.open, candle.high, candle.low, candle.close, broken)
        if broken is None:
            turnover = self._money(candle.turnover, self._factor_at(candle.start_ms))
        else:
            turnover = broken.turnover + self._money(candle.turnover - broken.behind, self._factor_at(candle.end_ms))
        opened, high, low, close = prices
        return replace(candle, open=opened, high=high, low=low, close=close, turnover=turnover)

    def bar(self, bar: Bar, end_ms: int) -> Bar:
        """A candle of marks or index prices, which ends before `end_ms`."""
        opened, high, low, close = self._bar(bar.start_ms, end_ms, bar.open, bar.high, bar.low, bar.close, None)
        return replace(bar, open=opened, high=high, low=low, close=close)

    def ticker(self, row: Mapping[str, str], book: MarketBook, *, now_ms: int) -> dict[str, str]:
        """The ticker of the market behind, with the bent book. Turnover of the day is as if the jump were older."""
        told = dict(row)
        self._each(
            told, ("lastPrice", "markPrice", "indexPrice", "usdIndexPrice", "predictedDeliveryPrice"), self.price
        )
        self._each(told, ("prevPrice24h",), lambda price: self.price(price, at_ms=now_ms - DAY_MS))
        self._each(told, ("prevPrice1h",), lambda price: self.price(price, at_ms=now_ms - HOUR_MS))
        self._each(told, ("highPrice24h", "lowPrice24h"), self.price)
        if self._day is not None and self._steps and now_ms - self._steps[-1][0] < DAY_MS:
            told["highPrice24h"], told["lowPrice24h"] = _text(self._day[0]), _text(self._day[1])
        money = ("turnover24h", "openInterestValue", "singleOpenInterestValue")
        self._each(told, money, lambda value: self._money(value, self.factor))
        for name, side in (("bid1", book.bids), ("ask1", book.asks)):
            if side:
                told[f"{name}Price"], told[f"{name}Size"] = _text(side[0][0]), _text(side[0][1])
        first = Decimal(told.get("prevPrice24h") or 0)
        if first and "price24hPcnt" in told:
            told["price24hPcnt"] = _text((Decimal(told["lastPrice"]) / first - 1).quantize(RATIO, ROUND_HALF_EVEN))
        if told.get("basis"):
            told["basis"] = _text(Decimal(told["lastPrice"]) - Decimal(told["indexPrice"]))
        return told

    def state(self) -> dict[str, Any]:
        broken = [
            [*place, candle.end_ms, *map(str, (candle.high, candle.low, candle.turnover, candle.behind))]
            for place, candle in self._broken.items()
        ]
        return {
            "steps": [[moment_ms, str(factor)] for moment_ms, factor in self._steps],
            "broken": broken,
            "own": [[t.time_ms, str(t.price), str(t.size), t.side, t.trade_id, t.seq] for t in self._own],
            "day": None if self._day is None else [str(price) for price in self._day],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises `KeyError`, `TypeError`, `ValueError` or `ArithmeticError` for what is no state."""
        self._steps = [(int(moment_ms), Decimal(factor)) for moment_ms, factor in state["steps"]]
        # States of earlier versions have only the steps.
        for interval, start_ms, end_ms, *figures in state.get("broken", ()):
            high, low, turnover, behind = map(Decimal, figures)
            self._broken[str(interval), int(start_ms)] = _Broken(int(end_ms), high, low, turnover, behind)
        for time_ms, price, size, side, trade_id, seq in state.get("own", ()):
            trade = MarketTrade(
                symbol=self.spec.listing,
                time_ms=int(time_ms),
                price=Decimal(price),
                size=Decimal(size),
                side="Buy" if side == "Buy" else "Sell",
                trade_id=str(trade_id),
                seq=int(seq),
            )
            self._own.append(trade)
        if state.get("day") is not None:
            high, low = map(Decimal, state["day"])
            self._day = high, low

    def _bar(
        self,
        start_ms: int,
        end_ms: int,
        opened: Decimal,
        high: Decimal,
        low: Decimal,
        close: Decimal,
        broken: _Broken | None,
    ) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Open, high, low, close as they were told."""
        first, last = self._factor_at(start_ms), self._factor_at(end_ms)
        if first == last:
            one, two, three, four = (self._on_tick(price * first) for price in (opened, high, low, close))
            return one, two, three, four
        begun, ended = self._on_tick(opened * first), self._on_tick(close * last)
        if broken is not None:
            return begun, max(broken.high, begun, ended), min(broken.low, begun, ended), ended
        highest, lowest = (self._on_tick(high * max(first, last)), self._on_tick(low * min(first, last)))
        return begun, max(highest, begun, ended), min(lowest, begun, ended), ended

    def _factor_at(self, market_ms: int) -> Decimal:
        passed = self._steps_by(market_ms)
        return self._steps[passed - 1][1] if passed else ONE

    def _steps_by(self, market_ms: int) -> int:
        """How many jumps came before what happened at a moment: a jump comes after all else of its own."""
        return sum(market_ms > moment_ms for moment_ms, _ in self._steps)

    def _on_tick(self, price: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        tick = self.spec.tick_size
        ticks = (price / tick).to_integral_value(rounding)
        return max(ticks, ONE) * tick

    def _side(self, levels: Sequence[Level], rounding: str) -> BentSide:
        return BentSide(levels, factor=self.factor, tick=self.spec.tick_size, rounding=rounding)

    def _money(self, value: Decimal, factor: Decimal) -> Decimal:
        """An amount of settle coin, which of inverse contracts falls as the price rises."""
        return (value / factor if self.spec.is_inverse else value * factor).quantize(MONEY, ROUND_HALF_EVEN).normalize()

    @staticmethod
    def _each(row: dict[str, str], names: Iterable[str], change: Callable[[Decimal], Decimal]) -> None:
        for name in names:
            if row.get(name) and (value := Decimal(row[name])):
                row[name] = _text(change(value))


def _text(value: Decimal) -> str:
    return format(value, "f")
