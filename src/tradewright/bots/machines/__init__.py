"""Machines: what a run of each kind decides, as values in and values out. They know no clock and talk to nobody.

`RUNNABLE_KINDS` are the kinds of strategies that have one; a bot of any other is refused before it starts.
"""

from __future__ import annotations

from typing import Final

RUNNABLE_KINDS: Final[frozenset[str]] = frozenset({"dca", "grid", "signal"})
RUNNABLE_CATEGORIES: Final[frozenset[str]] = frozenset({"linear"})
