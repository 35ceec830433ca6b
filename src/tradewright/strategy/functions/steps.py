"""How a function is defined: one step a bar over explicit memory, the only definition there is of it.

`step(s, o, constants…, t, inputs…)` takes one bar's inputs (in the order of `program.Step.arguments`) and gives the
value of that bar, NaN until it has enough. `t` counts the bars before this one, of the stretch in which all inputs are
known. What a step remembers lies in the cells `s[o]`, `s[o + 1]`, …: zeros before the first bar of a stretch, its own
afterwards. Lengths are ints, multipliers and inputs doubles.
Steps are plain arithmetic, so that one runs interpreted over a list (`evaluate.bars`, `evaluate.stretches`) and
compiles unchanged over an array (`evaluate.compiled`), to the same bits; and because it is given one bar at a time, no
function can look ahead. Steps built of steps give each of them cells of its own, by offset, and its own count of bars.

Order of sums: where TA-Lib has the function, sums are made and unmade in TA-Lib's order, so that its rounding is ours,
but for `wma` and `linreg*`, whose sums drift there. Sums of functions of our own do not drift.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

NAN = math.nan
DAY_MS = 86_400_000.0
FLAT = 1e-14  # TA-Lib's: a difference of less than so much of what it is taken from is rounding


@dataclass(frozen=True, slots=True)
class Definition:
    """`cells` takes the constants and says how much memory a step needs. `afresh`: unknown where an input is, and begun
    anew behind it; otherwise the step is given unknown inputs and has its own word on them."""

    step: Callable[..., float]
    cells: Callable[..., int]
    afresh: bool = True
