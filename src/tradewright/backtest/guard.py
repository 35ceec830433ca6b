"""The levels that protect a position, and which of them a bar reaches (contract, 3.6 "inside a bar").

Lives here: `Guard`: stop, trailing, liquidation and target as they stand, with thresholds that decide in doubles.
Not here: where the levels come from (`strategy.entries`, `signal`, `dca`), what closing does (`book`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tradewright.backtest.feed import Piece
from tradewright.backtest.touch import NEVER_HIGH, NEVER_LOW, touch_high, touch_low
from tradewright.strategy.prices import Direction, decimal_of

STOPS = ("stop_loss", "trailing", "liquidation")  # of equal levels the first named


class Hit(NamedTuple):
    """A level was reached: the price before slippage."""

    reason: str
    price: Decimal


class Guard:
    """`stop`, `trailing`, `liquidation`, `target`: set them, then call `refresh`. None: there is none."""

    __slots__ = ("_reason", "_stop", "above", "below", "direction", "liquidation", "stop", "target", "trailing")

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.stop: Decimal | None = None
        self.trailing: Decimal | None = None
        self.liquidation: Decimal | None = None
        self.target: Decimal | None = None
        self.below, self.above = NEVER_LOW, NEVER_HIGH

    def refresh(self) -> None:
        """The nearest of the stops is the one that counts; `below` and `above` are what a bar may not reach."""
        nearest: Decimal | None = None
        reason = ""
        for name, level in zip(STOPS, (self.stop, self.trailing, self.liquidation), strict=True):
            if level is not None and (nearest is None or (level - nearest) * self.direction > 0):
                nearest, reason = level, name
        self._stop, self._reason = nearest, reason
        if self.direction > 0:
            self.below = NEVER_LOW if nearest is None else touch_low(nearest)
            self.above = NEVER_HIGH if self.target is None else touch_high(self.target)
        else:
            self.below = NEVER_LOW if self.target is None else touch_low(self.target)
            self.above = NEVER_HIGH if nearest is None else touch_high(nearest)

    def at_open(self, piece: Piece) -> Hit | None:
        """The open at or beyond a level."""
        if self.below < piece.open < self.above:
            return None
        is_stop = piece.open <= self.below if self.direction > 0 else piece.open >= self.above
        return Hit(self._reason if is_stop else "take_profit", decimal_of(piece.open))

    def reaches_stop(self, piece: Piece) -> bool:
        return piece.low <= self.below if self.direction > 0 else piece.high >= self.above

    def reaches_target(self, piece: Piece) -> bool:
        return piece.high >= self.above if self.direction > 0 else piece.low <= self.below

    def stop_hit(self) -> Hit:
        assert self._stop is not None, "a stop that is not there cannot be reached"
        return Hit(self._reason, self._stop)

    def target_hit(self) -> Hit:
        assert self.target is not None, "a target that is not there cannot be reached"
        return Hit("take_profit", self.target)
