"""What windows are made of: the last n values, their sum, their extreme, and sums that do not drift.

Each is a step or a part of one (`steps`), with its cells counted beside it.
"""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN

_CELLS_EXTREME = 3
_RESUM_WINDOWS = 32.0
_DWARFS = 1e3


def cells_before(n: int) -> int:
    return 2 + n


def before(s: list[float], o: int, n: float, x: float) -> float:
    """x of n bars ago. Cells: bars seen up to n, slot of the oldest, ring."""
    at = int(s[o + 1])
    oldest = s[o + 2 + at]
    s[o + 2 + at] = x
    at += 1
    s[o + 1] = at if at < n else 0
    if s[o] < n:
        s[o] += 1.0
        return NAN
    return oldest


def cells_total(n: int) -> int:
    return 3 + n


def total(s: list[float], o: int, n: float, x: float) -> float:
    """Sum of the last n, the newest added before the oldest is taken off, as TA-Lib does.

    Cells: bars seen up to n, sum of the n - 1 before, slot of the oldest, ring.
    """
    at = int(s[o + 2])
    s[o + 3 + at] = x
    at += 1
    if at >= n:
        at = 0
    s[o + 2] = at
    summed = s[o + 1] + x
    if s[o] < n:
        s[o] += 1.0
        if s[o] < n:
            s[o + 1] = summed
            return NAN
    s[o + 1] = summed - s[o + 3 + at]
    return summed


def cells_extreme(n: int) -> int:
    return _CELLS_EXTREME + 2 * n


def extreme(s: list[float], o: int, n: float, x: float) -> int:
    """Takes x in and says in which cell the highest of the last n stands; of equals it is the latest. The cell n
    further on holds the number of its bar, `s[o]` that of this one.

    A queue of falling values: each bar enters and leaves it once, so it costs the same however long the window.
    Cells: bars seen, where the queue begins, its length, ring of values, ring of their bars.
    """
    bar = s[o] + 1.0
    s[o] = bar
    size = int(n)
    first = int(s[o + 1])
    length = int(s[o + 2])
    values = o + 3
    if length > 0 and s[values + size + first] <= bar - n:
        first += 1
        if first >= size:
            first = 0
        length -= 1
    last = first + length - 1
    while length > 0:
        if last >= size:
            last -= size
        if s[values + last] > x:
            break
        length -= 1
        last = first + length - 1
    last = first + length
    if last >= size:
        last -= size
    s[values + last] = x
    s[values + size + last] = bar
    s[o + 1] = first
    s[o + 2] = length + 1
    return values + first


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
    return 3 + 2 * cells_exact() + 2 * n


def ratio(s: list[float], o: int, n: float, a: float, b: float) -> float:
    """Sum of the last n of a / sum of the last n of b, unknown when all b are zero.

    Cells: bars seen up to n, slot of the oldest, how many b are not zero, both sums, both rings.
    """
    at = int(s[o + 1])
    ring_a = o + 7 + at
    ring_b = ring_a + int(n)
    sum_a = add_exactly(s, o + 3, a)
    sum_b = add_exactly(s, o + 5, b)
    if s[o] < n:
        s[o] += 1.0
    else:
        sum_a = add_exactly(s, o + 3, -s[ring_a])
        sum_b = add_exactly(s, o + 5, -s[ring_b])
        if s[ring_b] != 0.0:
            s[o + 2] -= 1.0
    if b != 0.0:
        s[o + 2] += 1.0
    s[ring_a] = a
    s[ring_b] = b
    at += 1
    s[o + 1] = at if at < n else 0
    if s[o] < n or s[o + 2] == 0.0:
        return NAN
    return sum_a / sum_b


def cells_aged(n: int) -> int:
    return 5 + n


def aged(s: list[float], o: int, n: float, x: float) -> bool:
    """Keeps the sum of the last n in `s[o + 2]` and their sum weighted with age, 0 the newest, in `s[o + 3]`; false
    until there are n.

    Both run along and are made anew every 32 windows, and when the value that leaves dwarfs all that stay, so that
    rounding does not add up. Cells: bars seen up to n, slot of the oldest, both sums, bars until they are made anew,
    ring.
    """
    size = int(n)
    at = int(s[o + 1])
    ring = o + 5
    oldest = s[ring + at]
    s[ring + at] = x
    at += 1
    if at >= size:
        at = 0
    s[o + 1] = at
    if s[o] < n:
        s[o + 3] += s[o + 2]
        s[o + 2] += x
        s[o] += 1.0
        s[o + 4] = _RESUM_WINDOWS * n
        return s[o] >= n
    remaining = s[o + 2] - oldest
    s[o + 3] += remaining - (n - 1.0) * oldest
    s[o + 2] = remaining + x
    s[o + 4] -= 1.0
    if s[o + 4] <= 0.0 or abs(oldest) > _DWARFS * abs(s[o + 2]):
        s[o + 4] = _RESUM_WINDOWS * n
        s[o + 2] = 0.0
        s[o + 3] = 0.0
        for step in range(size):
            s[o + 3] += s[o + 2]
            s[o + 2] += s[ring + (at + step) % size]
    return True
