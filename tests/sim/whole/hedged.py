"""Nights in which the contract is held in two legs, a long and a short one, with all that a seed draws beside.

Lives here: `HedgedWorld`. They are nights of their own (`make sim-hedged`), so that the others stay what they were.
Not here: what is done otherwise with two legs (`people`, `guards`, `checkers` ask the world's `legs`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.whole.world import World


class HedgedWorld(World):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.night = replace(self.night, hedged=True)
