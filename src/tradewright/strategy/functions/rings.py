"""What windows are made of: the last n values, their sum, their extreme, and sums that do not drift.

Each is a step or a part of one (`steps`), with its cells counted beside it. A ring of n holds bar t in cell t % n.
"""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN

_RESUM_WINDOWS = 32
_DWARFS = 1e3


def cells_before(n: int) -> int:
    return n


def before(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """x of n bars ago. Cells: ring."""
    cell = o + t % n
    oldest = s[cell]
    s[cell] = x
    return oldest if t >= n else NAN


def cells_total(n: int) -> int:
    return 1 + n


def total(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Sum of the last n, the newest added before the oldest is taken off. Cells: sum of the n - 1 before, ring."""
    s[o + 1 + t % n] = x
    summed = s[o] + x
    if t < n - 1:
        s[o] = summed
        return NAN
    s[o] = summed - s[o + 1 + (t + 1) % n]
    return summed


def cells_highest(n: int) -> int:
    return 1 + n


def highest(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Highest of the last n, by blocks of n (van Herk): what is highest of the block so far, and of the rest of the
    block before, whose cells are made to say so when it is full. A pass over n every n bars, however the values run.

    Cells: highest of this block; ring, of this block the values, of the one before the highest from there to its end.
    """
    at = t % n
    here = s[o]
    if at == 0 or x > here:
        here = x
        s[o] = x
    cell = o + 1 + at
    s[cell] = x
    if at == n - 1:
        later = x
        for earlier in range(cell - 1, o, -1):
            if s[earlier] < later:
                s[earlier] = later
            else:
                later = s[earlier]
        return here
    if t < n:
        return NAN
    before_it = s[cell + 1]
    return here if here > before_it else before_it


def lowest(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """As `highest`, written out upside down: `stoch_*` and `willr` ask for both at each bar."""
    at = t % n
    here = s[o]
    if at == 0 or x < here:
        here = x
        s[o] = x
    cell = o + 1 + at
    s[cell] = x
    if at == n - 1:
        later = x
        for earlier in range(cell - 1, o, -1):
            if s[earlier] > later:
                s[earlier] = later
            else:
                later = s[earlier]
        return here
    if t < n:
        return NAN
    before_it = s[cell + 1]
    return here if here < before_it else before_it


def cells_latest_highest(n: int) -> int:
    return 2 + 2 * n


def age_of_highest(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """How many bars ago the highest of the last n was; of equals it is the latest.

    A queue of falling values: each bar enters and leaves it once, so it costs the same however long the window.
    Cells: slots of the first and the last in the queue, ring of values, ring of their bars.
    """
    values = o + 2
    first = int(s[o])
    if t > 0 and x < s[values + first] and s[values + n + first] <= t - n:
        first = first + 1 if first + 1 < n else 0
        s[o] = first
    if t == 0 or x >= s[values + first]:  # higher than all
        s[o] = 0
        s[o + 1] = 0
        s[values] = x
        s[values + n] = t
        return 0.0
    last = int(s[o + 1])
    while s[values + last] <= x:
        last = last - 1 if last > 0 else n - 1
    last = last + 1 if last + 1 < n else 0
    s[o + 1] = last
    s[values + last] = x
    s[values + n + last] = t
    return t - s[values + n + first]


def cells_exact() -> int:
    return 2


def add_exactly(s: list[float], o: int, x: float) -> float:
    """Adds x and says the sum: what the addition rounds off is kept beside it (Knuth's two-sum), so that what goes in
    and comes out again leaves nothing behind, however large it was. Cells: sum, what was rounded off."""
    summed = s[o]
    after = summed + x
    shown = after - summed
    s[o + 1] += (summed - (after - shown)) + (x - shown)
    s[o] = after
    return after + s[o + 1]


def cells_ratio(n: int) -> int:
    return 1 + 2 * cells_exact() + 2 * n


def ratio(s: list[float], o: int, n: int, t: int, a: float, b: float) -> float:
    """Sum of the last n of a / sum of the last n of b, unknown when all b are zero.

    Cells: how many b are not zero, both sums, both rings.
    """
    cell_a = o + 5 + t % n
    cell_b = cell_a + n
    sum_a = add_exactly(s, o + 1, a)
    sum_b = add_exactly(s, o + 3, b)
    if t >= n:
        sum_a = add_exactly(s, o + 1, -s[cell_a])
        sum_b = add_exactly(s, o + 3, -s[cell_b])
        if s[cell_b] != 0.0:
            s[o] -= 1.0
    if b != 0.0:
        s[o] += 1.0
    s[cell_a] = a
    s[cell_b] = b
    if t < n - 1 or s[o] == 0.0:
        return NAN
    return sum_a / sum_b


def cells_aged(n: int) -> int:
    return 2 + n


def aged(s: list[float], o: int, n: int, t: int, x: float) -> bool:
    """Keeps the sum of the last n in `s[o]` and their sum weighted with age, 0 the newest, in `s[o + 1]`; false until
    there are n.

    Both run along and are made anew every 32 windows, and when the value that leaves dwarfs all that stay, so that
    rounding does not add up. Cells: both sums, ring.
    """
    at = t % n
    ring = o + 2
    oldest = s[ring + at]
    s[ring + at] = x
    if t < n:
        s[o + 1] += s[o]
        s[o] += x
        return t == n - 1
    remaining = s[o] - oldest
    s[o + 1] += remaining - (n - 1.0) * oldest
    s[o] = remaining + x
    if t % (_RESUM_WINDOWS * n) == 0 or abs(oldest) > _DWARFS * abs(s[o]):
        s[o] = 0.0
        s[o + 1] = 0.0
        for step in range(1, n + 1):
            s[o + 1] += s[o]
            s[o] += s[ring + (at + step) % n]
    return True
