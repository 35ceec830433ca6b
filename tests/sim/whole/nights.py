"""What else a seed's night has beside orders and faults: a kill, a process that stands still, books, hedged positions.

Lives here: `Night`, what is drawn, and the names under which what happened is counted. Not here: what each part does
(`killing`, `owning`, `bookkeeping`, `deciding`), faults (`faults`).
Each part is there in a share of the nights only, so that most stay cheap; every number is drawn also of what is off.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

from sim.whole.faults import SAFETY_S, FaultPlan, Kill
from sim.whole.setting import KILL_POINTS, LEDGER_POINTS
from tradewright.simulator.faults.kinds import ClockSkew

KILLED_SHARE: Final = 0.2
STANDS_STILL_SHARE: Final = 0.15
BOOKS_SHARE: Final = 0.12
DECIDES_SHARE: Final = 0.12
SWEEPS_SHARE: Final = 0.12
# Longer than an owner's lease: whoever is away for so long is replaced.
REPLACED_AFTER_S: Final = 12.0
# Often where there must be something open for it to be met.
_DEATHS: Final = (*KILL_POINTS, *("kill.cancelled", "kill.closing") * 2)
# What each part counts as, in the line of a campaign.
PARTS: Final = (
    "kill_pulled", "kill_closes", "kill_released", "kill_by_file", "kill_away", "kill_spooled",
    "stood_still", "replaced", "books", "adopted", "ignored", "closed", "batched",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The kill switch is pulled at this virtual second, pulled once more `closes_at_s` to close positions too, and
    released; None: it is not. For so long from then on the database answers the kill switch nothing. The process that
    acts on it may die at a point of its own."""

    at_s: float
    closes: bool
    closes_at_s: float | None
    released_at_s: float | None
    away_for_s: float
    crash: Kill | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """The process stands still, as by SIGSTOP or a machine's sleep, for so long. Where that is longer than a lease,
    another owner takes over meanwhile."""

    at_s: float
    for_s: float

    @property
    def is_replaced(self) -> bool:
        return self.for_s > REPLACED_AFTER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    pull: Pull | None = None
    standstill: Standstill | None = None
    books_crash: Kill | None = None
    keeps_books: bool = False
    hedged: bool = False  # the contract is held in two legs: never drawn, for nights of their own (`hedged`)
    sweeps: bool = False  # many cancels at once, which go in batches
    decides: bool = False  # of what is foreign, which there is more of, and which blocks its symbol until then


def draw_night(rng: random.Random) -> Night:
    pull, standstill = _pull(rng), _standstill(rng)
    is_killed, stands_still, keeps_books, dies = (rng.random() for _ in range(4))
    decides, sweeps = rng.random() < DECIDES_SHARE, rng.random() < SWEEPS_SHARE
    books_crash = Kill(rng.choice(LEDGER_POINTS), rng.choice((1, 1, 2)))
    return Night(
        pull=pull if is_killed < KILLED_SHARE else None,
        standstill=standstill if stands_still < STANDS_STILL_SHARE else None,
        keeps_books=keeps_books < BOOKS_SHARE,
        books_crash=books_crash if dies < 0.4 and keeps_books < BOOKS_SHARE else None,
        decides=decides,
        sweeps=sweeps,
    )


def _pull(rng: random.Random) -> Pull:
    at_s = rng.uniform(3, SAFETY_S - 2)
    again_s, held_s, late_s = rng.uniform(0.2, 12), rng.uniform(0.5, 25), rng.uniform(SAFETY_S + 2, SAFETY_S + 6)
    closes, closes_later, dies, is_away = (rng.random() < share for share in (0.5, 0.3, 0.7, 0.35))
    away_s = rng.uniform(0.5, 8)
    ends = rng.random()
    return Pull(
        at_s=at_s,
        closes=closes,
        closes_at_s=at_s + again_s if closes_later and not closes else None,
        released_at_s=at_s + held_s if ends < 0.35 else late_s if ends < 0.55 else None,
        away_for_s=away_s if is_away else 0.0,
        crash=Kill(rng.choice(_DEATHS), rng.choice((1, 1, 1, 2))) if dies else None,
    )


def _standstill(rng: random.Random) -> Standstill:
    at_s = rng.uniform(2, SAFETY_S - 22)
    short_s, long_s = rng.uniform(1, 9), rng.uniform(REPLACED_AFTER_S + 0.5, SAFETY_S - 1 - at_s)
    return Standstill(at_s=at_s, for_s=long_s if rng.random() < 0.7 else short_s)


def fitting(plan: FaultPlan, night: Night) -> FaultPlan:
    """The plan without what the night's promise does not cover: an owner that is replaced is harmless as long as the
    exchange's clock goes at the pace of ours."""
    if night.standstill is None:
        return plan
    return replace(plan, moments=[one for one in plan.moments if not isinstance(one.effect, ClockSkew)])
