"""Whether a change of limits allows more than before, which asks for a proof of who changes it. No I/O.

Lives here: `loosened`. Every limit allows more when it is higher. Not here: limits themselves (`risk`).
"""

from __future__ import annotations

from typing import Any

from tradewright.core.risk import LIMIT_NAMES, LimitName, Limits


def loosened(before: Limits, after: Limits) -> list[LimitName]:
    """What a level allows more of after than before: a higher limit or none, a symbol that it did not allow."""
    return [name for name in LIMIT_NAMES if _is_looser(getattr(before, name), getattr(after, name))]


def _is_looser(before: Any, after: Any) -> bool:
    if before is None or after is None:
        return before is not None
    return not after <= before
