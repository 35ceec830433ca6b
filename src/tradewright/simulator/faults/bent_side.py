"""One side of a book after a jump, computed when it is read.

Lives here: `BentSide`. Not here: the factor (`bends`).
Most books nobody reads beyond the best levels, as in the market behind (`market.levels`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import overload

from tradewright.simulator.market.model import Level


class BentSide(Sequence[Level]):
    """The levels of `behind` times `factor`, on whole ticks by `rounding`; those that fall onto one price are one."""

    __slots__ = ("_behind", "_factor", "_found", "_left", "_rounding", "_tick")

    def __init__(self, behind: Sequence[Level], *, factor: Decimal, tick: Decimal, rounding: str) -> None:
        self._behind = behind
        self._factor = factor
        self._tick = tick
        self._rounding = rounding
        self._found: list[Level] = []
        self._left: Iterator[Level] | None = None

    def __len__(self) -> int:
        self._read(len(self._behind))
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._behind)

    @overload
    def __getitem__(self, index: int) -> Level: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Level, ...]: ...

    def __getitem__(self, index: int | slice) -> Level | tuple[Level, ...]:
        stop = index.stop if isinstance(index, slice) else index + 1
        self._read(len(self._behind) if stop is None or stop <= 0 else stop)
        return tuple(self._found[index]) if isinstance(index, slice) else self._found[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BentSide) and self._makings() == other._makings():
            return True
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"BentSide(best={self[0] if self else None}, factor={self._factor})"

    def _makings(self) -> tuple[object, ...]:
        return self._factor, self._tick, self._rounding, self._behind

    def _read(self, count: int) -> None:
        """Have the best `count` levels ready, or all there are. The next one behind tells that a level is whole."""
        if self._left is None:
            self._left = iter(self._behind)
        while len(self._found) <= count:
            level = next(self._left, None)
            if level is None:
                return
            ticks = (level[0] * self._factor / self._tick).to_integral_value(self._rounding)
            price = max(ticks, Decimal(1)) * self._tick
            if self._found and self._found[-1][0] == price:
                self._found[-1] = (price, self._found[-1][1] + level[1])
            else:
                self._found.append((price, level[1]))
