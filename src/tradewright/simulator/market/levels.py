"""One side of a synthetic book, computed level by level when it is read.

Lives here: `DepthSide`. Not here: where the best price is (`synthetic_symbol`).
Most readers want the best few levels only, and most books nobody reads at all, so 200 levels are never built ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import overload

from tradewright.simulator.market.model import Level

DEPTH = 200
THINNEST = 3
_REFRESH_SLOTS = 64  # a level keeps its size for so many slots; each level turns at its own moment


class LevelSizes:
    """What sizes the levels of a book are drawn from: as usual, and halved up to `THINNEST` times."""

    __slots__ = ("_by_thinness",)

    def __init__(self, steps: Sequence[int], qty_step: Decimal) -> None:
        """`steps` is a power of two of sizes, in whole steps; none gets smaller than one step."""
        self._by_thinness = tuple(
            tuple(max(1, size >> thin) * qty_step for size in steps) for thin in range(THINNEST + 1)
        )

    def of(self, thin: int) -> tuple[Decimal, ...]:
        return self._by_thinness[thin]


class DepthSide(Sequence[Level]):
    """`DEPTH` levels from the best price outwards, one tick apart.

    The size of a level depends on its price and on time only: when the best price moves, the levels behind stay what
    they were, as in a real book, and a difference of two books is small.
    """

    __slots__ = ("_best_ticks", "_direction", "_epoch", "_salt", "_sizes", "_tick_size", "thin")

    def __init__(
        self,
        *,
        best_ticks: int,
        direction: int,
        epoch: int,
        salt: int,
        sizes: LevelSizes,
        tick_size: Decimal,
        thin: int = 0,
    ) -> None:
        self._best_ticks = best_ticks
        self._direction = direction  # -1 for bids, +1 for asks
        self._epoch = epoch
        self._salt = salt
        self._sizes = sizes.of(thin)
        self.thin = thin  # how often its sizes are halved
        self._tick_size = tick_size

    @property
    def best_ticks(self) -> int:
        return self._best_ticks

    def __len__(self) -> int:
        return DEPTH

    @overload
    def __getitem__(self, index: int) -> Level: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Level, ...]: ...

    def __getitem__(self, index: int | slice) -> Level | tuple[Level, ...]:
        if isinstance(index, slice):
            return self._levels(range(*index.indices(DEPTH)))
        place = index + DEPTH if index < 0 else index
        if not 0 <= place < DEPTH:
            raise IndexError(f"level {index} of a book of {DEPTH} levels")
        return self._levels((place,))[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DepthSide) and self._makings() == other._makings():
            return True
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"DepthSide(best={self[0]}, levels={DEPTH})"

    def _makings(self) -> tuple[object, ...]:
        """What decides every level: sides made of the same are equal without being computed."""
        return self._best_ticks, self._direction, self._epoch, self._salt, self._tick_size, self._sizes

    def _levels(self, places: Iterable[int]) -> tuple[Level, ...]:
        """In one go, because streams of deep books ask for hundreds of thousands a second."""
        best, direction, epoch, salt = self._best_ticks, self._direction, self._epoch, self._salt
        tick_size, sizes, mask = self._tick_size, self._sizes, len(self._sizes) - 1
        found: list[Level] = []
        for place in places:
            ticks = best + direction * place
            mixed = (ticks * 0x9E3779B1 + salt) & 0xFFFFFFFF
            turn = (epoch + (mixed >> 20) % _REFRESH_SLOTS) // _REFRESH_SLOTS
            draw = ((mixed ^ (turn * 0x85EBCA6B)) * 0xC2B2AE35 & 0xFFFFFFFF) >> 12
            found.append((ticks * tick_size, sizes[draw & mask]))
        return tuple(found)
