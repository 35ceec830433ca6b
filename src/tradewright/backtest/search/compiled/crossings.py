"""Crossings over whole columns, as `strategy.evaluate.crossings` has them, to the same bits.

numpy goes through each column several times, and these stand in the rules themselves, so no two sets share them.
To be compiled (`machine`); runs as it stands too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


def crossed_above(a: Doubles, b: Doubles, found: Doubles) -> None:
    """Writes 1.0, 0.0, or NaN by Kleene's logic: `a > b and a[1] <= b[1]`."""
    was_above, was_not = False, False  # before the first bar nothing is known
    for bar in range(len(found)):
        x, y = a[bar], b[bar]
        is_above, is_not = x > y, x <= y
        if is_not or was_above:
            found[bar] = 0.0
        elif is_above and was_not:
            found[bar] = 1.0
        else:
            found[bar] = math.nan
        was_above, was_not = is_above, is_not
