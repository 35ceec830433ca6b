"""A run of kind `signal`: the bars in the order of the contract's section 3.1.

Lives here: what is decided and what fills. A stretch in which nothing can happen (flat and no rule true; or a position
that no price reaches and no rule closes) is skipped to its end, so that the cost is that of the bars that matter.
Not here: sizes and levels of an order (`strategy.entries`), protection inside a bar (`guard`), brakes, books.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.brakes import Brakes
from tradewright.backtest.feed import Feed, Piece
from tradewright.backtest.guard import Guard, Hit
from tradewright.backtest.run import WATCHED_EVERY, Run, Watch, opposite
from tradewright.backtest.settings import Settings
from tradewright.backtest.touch import pass_high, pass_low
from tradewright.strategy.entries import (
    Entry,
    Measured,
    Refused,
    levels,
    plan_entry,
    reference_price,
    trailing_level,
)
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import Level, LimitEntry, Signal, Strategy
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of

_STRETCH_MAX = 16 * WATCHED_EVERY  # held without a look at who watches
_LONG, _SHORT = 1, 2  # bits of an entry flag


@dataclass(slots=True)
class _Open:
    lot: Lot
    guard: Guard
    price: Decimal
    price_mark: float
    best: Decimal  # the most favourable of the entry and the ranges of completed bars
    best_reach: float  # a high (short: a low) beyond it is a new best
    activation: Decimal | None  # the trailing stop waits until best is there; None: it is active, or there is none
    exit_reason: str | None = None  # decided, fills at the next open


@dataclass(slots=True)
class _Resting:
    entry: Entry
    reach: float  # a low (of a sell a high) that far passes through its price
    last_bar: int


class SignalRun(Run):
    def __init__(self, strategy: Strategy, plan: Signal, feed: Feed, settings: Settings, watch: Watch | None) -> None:
        super().__init__(strategy, feed, settings, watch)
        self.plan, self.protect = plan, plan.protect
        self.brakes = Brakes(plan.limits, int(feed.times[feed.first]), settings.equity)
        self._entries = _entry_flags(strategy, feed)
        outputs = strategy.program.outputs
        self._exits = {side: f"rules.exit_{name}" for side, name in ((1, "long"), (-1, "short"))}
        self._exits = {side: rule for side, rule in self._exits.items() if rule in outputs}
        self._exit_flags = {side: feed.flags(rule) for side, rule in self._exits.items()}
        self._moves = [
            (kind, f"protect.{kind}.price")
            for kind, level in (("stop_loss", self.protect.stop_loss), ("take_profit", self.protect.take_profit))
            if level is not None and level.by == "price"
        ]
        # Flags that hang on the position are asked at each close, and so are levels that may move at each.
        self._asks_each_close = bool(self._moves) or None in self._exit_flags.values()
        self._follows_best = self.protect.trailing is not None or self._asks_each_close
        self._position: _Open | None = None
        self._market_entry: Entry | None = None
        self._resting: _Resting | None = None

    def go(self) -> None:
        bar = self.feed.first
        while bar <= self.last:
            self.look(bar)
            if self._position is None and self._market_entry is None and self._resting is None:
                bar = self._next_signal(bar)
                if bar >= self.last:  # at the last close nothing is decided
                    return
                self._decide(bar)
            else:
                if self._position is not None and self._market_entry is None:
                    bar = self._hold(self._position, bar)
                if self._play(bar):
                    return
            bar += 1

    def _next_signal(self, bar: int) -> int:
        """The first bar from this one on at whose close an entry rule is true."""
        found = self._entries.any.find(1, bar, self.last)
        return self.last if found < 0 else found

    def _hold(self, position: _Open, bar: int) -> int:
        """The first bar from this one on in which something may happen to the position; those before are held."""
        if position.exit_reason is not None or self._asks_each_close:
            return bar
        side, lot = position.lot.direction, position.lot
        limit = min(self.last, self.feed.funding.bar, bar + _STRETCH_MAX)
        if self.protect.max_bars is not None:
            limit = min(limit, bar + self.protect.max_bars - lot.bars - 1)
        flags = self._exit_flags.get(side)
        if flags is not None:
            found = flags.find(1, bar, limit)
            limit = limit if found < 0 else found
        if self.brakes.watches_equity:
            limit = min(limit, self.feed.first_closing_at(self.brakes.next_day_ms))
        below, above = self._thresholds(position)
        until = self.feed.ranges.first(bar, limit, below, above) if limit > bar else bar
        lot.bars += until - bar
        return until

    def _thresholds(self, position: _Open) -> tuple[float, float]:
        """A bar whose low stays above the first and whose high stays below the second changes nothing."""
        guard = position.guard
        below, above = guard.below, guard.above
        if self.protect.trailing is not None:
            if position.lot.direction > 0:
                above = min(above, position.best_reach)
            else:
                below = max(below, position.best_reach)
        least = self.brakes.least  # 0 without a daily loss: then it is ruin
        price = self.book.price_of(least)
        if price is not None:
            # No close gets there unless the range does; a bar too many is looked at rather than one too few.
            if position.lot.direction > 0:
                below = max(below, price + abs(price) * 1e-9)
            else:
                above = min(above, price - abs(price) * 1e-9)
        return below, above

    # One bar, in the order of 3.1.

    def _play(self, bar: int) -> bool:
        """True when it was the last."""
        feed = self.feed
        rate = feed.funding.due(bar)
        if rate is not None and self._position is not None:
            self.book.pay_funding(self._position.lot, rate, decimal_of(feed.close[bar - 1]))
            self.book.mark(bar)
        for piece in feed.pieces(bar):
            self._inside(bar, piece)
        position = self._position
        if position is not None:
            position.lot.bars += 1
            self._bring_up_to_date(position, bar)
        is_end = self.is_ruined(bar) or bar == self.last
        if is_end:
            self._end(bar)
        else:
            self._decide(bar)
        return is_end

    def _inside(self, bar: int, piece: Piece) -> None:
        """Steps b to d."""
        if self._position is not None and self._position.exit_reason is not None:
            self._close(bar, piece.time_ms, Hit(self._position.exit_reason, decimal_of(piece.open)))
        entered_inside = False
        opened_beyond = False
        if self._market_entry is not None:
            entry, self._market_entry = self._market_entry, None
            self._open(bar, piece.time_ms, entry, self.slipped(decimal_of(piece.open), entry.direction), self.taker)
        elif self._resting is not None:
            resting = self._resting
            is_buy = resting.entry.direction > 0
            opened_beyond = piece.open <= resting.reach if is_buy else piece.open >= resting.reach
            entered_inside = not opened_beyond and (
                piece.low <= resting.reach if is_buy else piece.high >= resting.reach
            )
            if opened_beyond or entered_inside:
                self._resting = None
                self._open(bar, piece.time_ms, resting.entry, resting.entry.reference, self.maker)
        if self._position is not None:
            self._guarded(bar, piece, self._position, opened_beyond=opened_beyond, entered_inside=entered_inside)

    def _guarded(self, bar: int, piece: Piece, position: _Open, *, opened_beyond: bool, entered_inside: bool) -> None:
        """Step d."""
        guard = position.guard
        if entered_inside:
            # The stop lies beyond the entry, so the price came to it later; on which side of the entry the target was
            # touched nobody knows.
            position.lot.is_ambiguous |= guard.reaches_target(piece)
            if guard.reaches_stop(piece):
                self._close(bar, piece.time_ms, guard.stop_hit())
            return
        hit = guard.at_open(piece)
        if hit is not None:
            position.lot.is_ambiguous |= opened_beyond and hit.reason != "take_profit"
            self._close(bar, piece.time_ms, hit)
        elif guard.reaches_stop(piece):
            position.lot.is_ambiguous |= guard.reaches_target(piece)
            self._close(bar, piece.time_ms, guard.stop_hit())
        elif guard.reaches_target(piece):
            self._close(bar, piece.time_ms, guard.target_hit())

    def _open(self, bar: int, time_ms: int, entry: Entry, price: Decimal, rate: Decimal) -> None:
        side = entry.direction
        reason = "enter_long" if side > 0 else "enter_short"
        lot = self.book.open(side, entry.quantity, price, rate, time_ms, reason)
        placed = levels(self.protect, side, price, entry.measured, self.filters)
        assert placed is not None, "a level that was known at the decision is known at the fill"
        guard = Guard(side)
        guard.stop, guard.target, guard.trailing = placed.stop, placed.target, placed.trailing
        if self.liquidation_ratios:
            guard.liquidation = price * self.liquidation_ratios[side]
        guard.refresh()
        trailing = self.protect.trailing
        waits = trailing is not None and bool(trailing.activate_pct)
        self._position = _Open(
            lot=lot,
            guard=guard,
            price=price,
            price_mark=float(price),
            best=price,
            best_reach=pass_high(price) if side > 0 else pass_low(price),
            activation=price * (1 + side * trailing.activate_pct / HUNDRED) if trailing and waits else None,
        )
        self.brakes.entered(time_ms)
        self.book.mark(bar)

    def _close(self, bar: int, time_ms: int, hit: Hit, *, is_end: bool = False) -> None:
        position = self._position
        assert position is not None, "only an open position is closed"
        is_slipped = not is_end and hit.reason != "liquidation"
        price = self.slipped(hit.price, opposite(position.lot.direction)) if is_slipped else hit.price
        self.book.close(position.lot, price, self.taker, time_ms, hit.reason)
        self.book.mark(bar)
        self.brakes.exited(bar)
        self._position = None

    # The close.

    def _bring_up_to_date(self, position: _Open, bar: int) -> None:
        """Step e1: best, then the levels, which hold from the next bar on."""
        feed, guard, side = self.feed, position.guard, position.lot.direction
        is_changed = False
        if self._follows_best:
            extreme = feed.high[bar] if side > 0 else feed.low[bar]
            is_best = extreme >= position.best_reach if side > 0 else extreme <= position.best_reach
            if is_best:
                position.best = decimal_of(extreme)
                position.best_reach = pass_high(position.best) if side > 0 else pass_low(position.best)
                is_changed = self._trail(position)
        if self._moves:
            held = _held(position, feed.close[bar])
            for kind, output in self._moves:
                is_changed |= self._move(guard, kind, feed.at(output, bar, held))
        if is_changed:
            guard.refresh()

    def _trail(self, position: _Open) -> bool:
        trailing, side = self.protect.trailing, position.lot.direction
        if trailing is None:
            return False
        if position.activation is not None:
            if (position.best - position.activation) * side < 0:
                return False
            position.activation = None
        level = trailing_level(trailing.pct, side, position.best, self.filters)
        guard = position.guard
        if guard.trailing is not None and (level - guard.trailing) * side <= 0:
            return False
        guard.trailing = level
        return True

    def _move(self, guard: Guard, kind: str, value: float) -> bool:
        """A `price` level's new value: a stop moves in the position's favour only, a target freely."""
        level = self._level_of(value, guard.direction)
        if level is None:
            return False
        if kind == "take_profit":
            is_new = level != guard.target
            guard.target = level
            return is_new
        if guard.stop is not None and (level - guard.stop) * guard.direction <= 0:
            return False
        guard.stop = level
        return True

    def _level_of(self, value: float, side: Direction) -> Decimal | None:
        """Rounded; None when unknown, or not positive: no order could stand there."""
        if value != value:
            return None
        level = self.filters.protective_price(side, decimal_of(value))
        return level if level > 0 else None

    def _decide(self, bar: int) -> None:
        """Steps e2 to e5."""
        feed, position = self.feed, self._position
        time_ms, close = feed.close_ms(bar), feed.close[bar]
        self.brakes.look(self.book, time_ms, close)
        if position is not None:
            position.exit_reason = self._exit_reason(position, bar, close)
        if self._resting is not None and self._is_cancelled(self._resting, bar):
            self._resting = None
        is_exit_decided = position is not None and position.exit_reason is not None
        if (position is None or is_exit_decided) and self._resting is None:
            flags = self._entries.sides[bar]
            if flags and not self.brakes.hold(bar, time_ms, is_exit_decided=is_exit_decided):
                self._enter(bar, time_ms, close, flags)

    def _exit_reason(self, position: _Open, bar: int, close: float) -> str | None:
        side = position.lot.direction
        if self.brakes.is_tripped:
            return "daily_loss"
        if self._is_exit(side, bar, lambda: _held(position, close)):
            return "exit_long" if side > 0 else "exit_short"
        most = self.protect.max_bars
        return "max_bars" if most is not None and position.lot.bars >= most else None

    def _is_exit(self, side: Direction, bar: int, held: Callable[[], Position]) -> bool:
        rule = self._exits.get(side)
        if rule is None:
            return False
        flags = self._exit_flags[side]
        return self.feed.at(rule, bar, held()) == 1.0 if flags is None else flags[bar] == 1

    def _is_cancelled(self, resting: _Resting, bar: int) -> bool:
        if self.brakes.is_tripped or bar >= resting.last_bar:
            return True
        return self._is_exit(resting.entry.direction, bar, lambda: FLAT)

    def _enter(self, bar: int, time_ms: int, close: float, flags: int) -> None:
        if flags == _LONG | _SHORT:
            self.notes.add("entry_conflict", time_ms)
            return
        side: Direction = 1 if flags == _LONG else -1
        reference = reference_price(self.plan, side, decimal_of(close), self.filters)
        planned = plan_entry(
            self.plan,
            self.strategy.leverage,
            side,
            reference,
            self.book.equity(close),
            self._measured(bar, side, reference),
            self.filters,
            self.taker,
        )
        if planned.is_capped:
            self.notes.add("size_capped", time_ms)
        if isinstance(planned, Refused):
            self.notes.add(planned.code, time_ms)
        elif isinstance(self.plan.entry, LimitEntry):
            reach = pass_low(reference) if side > 0 else pass_high(reference)
            self._resting = _Resting(planned, reach, bar + self.plan.entry.expire_bars)
        else:
            self._market_entry = planned

    def _measured(self, bar: int, side: Direction, reference: Decimal) -> Measured:
        """What the levels need of this close; the position is what it is about to be."""
        held = Position(float(side), float(reference), 0.0, 0.0, 0.0)
        return Measured(
            stop=self._measured_level("stop_loss", self.protect.stop_loss, bar, held),
            target=self._measured_level("take_profit", self.protect.take_profit, bar, held),
        )

    def _measured_level(self, kind: str, level: Level | None, bar: int, held: Position) -> Decimal | None:
        if level is None or level.by not in ("atr", "price"):
            return None
        value = self.feed.at(f"protect.{kind}.{level.by}", bar, held)
        if value != value:
            return None
        measured = decimal_of(value)
        side: Direction = 1 if held.side > 0 else -1
        return measured if level.by == "atr" else self.filters.protective_price(side, measured)

    def _end(self, bar: int) -> None:
        self.last = bar
        if self._position is not None:
            close = decimal_of(self.feed.close[bar])
            self._close(bar, self.feed.close_ms(bar), Hit("end_of_data", close), is_end=True)


@dataclass(frozen=True, slots=True)
class _EntryFlags:
    any: bytes  # 1 where a rule is true
    sides: bytes  # which: bits


def _entry_flags(strategy: Strategy, feed: Feed) -> _EntryFlags:
    import numpy as np

    sides = np.zeros(feed.last + 1, dtype=np.uint8)
    for bit, rule in ((_LONG, "rules.enter_long"), (_SHORT, "rules.enter_short")):
        if rule in strategy.program.outputs:
            flags = feed.flags(rule)
            assert flags is not None, "a checked spec's entry rules know nothing of the position"
            sides |= np.frombuffer(flags, dtype=np.uint8)[: feed.last + 1] * np.uint8(bit)
    return _EntryFlags((sides > 0).tobytes(), sides.tobytes())


def _held(position: _Open, close: float) -> Position:
    side, price = position.lot.direction, position.price_mark
    return Position(
        float(side),
        price,
        float(position.lot.bars),
        side * (close / price - 1.0) * 100.0,
        side * (float(position.best) / price - 1.0) * 100.0,
    )
