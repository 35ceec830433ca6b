"""Which sets of values a search tries: all of a grid, or so many drawn from it. Numbered, so that the order is the same
however the work is shared out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.strategy.check.binding import Range

SETS_MAX = 100_000  # of one search
_DRAWS_PER_SET = 20  # tried before a drawn search gives up finding one more that it has not yet


class BadSearch(ValueError):
    """A search that cannot be made; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Space:
    """`chosen`: numbers within the grid, in order; None: all of it."""

    ranges: tuple[Range, ...]
    chosen: Sequence[int] | None = None

    def __len__(self) -> int:
        return grid_size(self.ranges) if self.chosen is None else len(self.chosen)

    def values(self, number: int) -> dict[str, Decimal]:
        """Set `number`, from 0. In a grid the last param moves first."""
        place = number if self.chosen is None else self.chosen[number]
        found: dict[str, Decimal] = {}
        for each in reversed(self.ranges):
            place, step = divmod(place, each.count)
            found[each.name] = each.value(step)
        return {each.name: found[each.name] for each in self.ranges}


def grid_size(ranges: Sequence[Range]) -> int:
    return math.prod(each.count for each in ranges)


def whole_grid(ranges: Sequence[Range]) -> Space:
    """Raises `BadSearch` without a range, and for more than SETS_MAX sets."""
    size = _checked_size(ranges)
    if size > SETS_MAX:
        raise BadSearch(
            f"the grid has {size} sets of values, at most {SETS_MAX} are tried; take larger steps, fix a param with "
            "--set name=value, or try some of them with --random N"
        )
    return Space(tuple(ranges))


def drawn(ranges: Sequence[Range], sets: int, seed: int) -> Space:
    """`sets` different ones of the grid, by chance; all of it where it has no more. The same seed draws the same.

    Raises `BadSearch` without a range, and for less than 1 or more than SETS_MAX.
    """
    size = _checked_size(ranges)
    if not 1 <= sets <= SETS_MAX:
        raise BadSearch(f"--random is {sets}; it must be from 1 to {SETS_MAX}")
    if sets >= size:
        return whole_grid(ranges)
    chance = random.Random(seed)  # noqa: S311 (nothing secret is drawn)
    if size <= 4 * sets:
        return Space(tuple(ranges), sorted(chance.sample(range(size), sets)))
    found: dict[int, None] = {}
    for _ in range(sets * _DRAWS_PER_SET):  # a grid may have more sets than `sample` can count
        found[chance.randrange(size)] = None
        if len(found) == sets:
            break
    return Space(tuple(ranges), sorted(found))


def _checked_size(ranges: Sequence[Range]) -> int:
    if not ranges:
        raise BadSearch(
            "no param of the strategy has a range to vary; give one min, max and step under `params`, "
            "and do not --set all of them"
        )
    return grid_size(ranges)
