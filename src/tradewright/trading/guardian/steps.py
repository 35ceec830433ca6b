"""What is done about a position that has no stop: wait, ask for its stop again, or close it.

Lives here: `step`, which decides, and the pauses between tries. Not here: asking and reading (`guardian`), whether a
position is protected (`core.protection`). No I/O and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tradewright.core.order_status import IntentState
from tradewright.trading.guardian.model import Guarded, GuardSettings

Step = Literal["wait", "repair", "close"]

# Trigger on the wrong side of the price: the stop would have been set off already.
PASSED_CODES = frozenset({110092, 110093})
_REPAIR_PAUSES_S = (2.0, 4.0, 8.0)  # after a repair that came to nothing
_CLOSE_PAUSES_S = (2.0, 2.0, 4.0, 8.0)  # after a close that left something: its position may be told late
_LATER_CLOSE_PAUSE_S = 60.0  # for as long as the position is there


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an intent of the guardian's has got to. `is_open`: it may still come to something, or is not read back.

    `ended_for_s`: for how long it has been seen as not open any more.
    """

    state: IntentState
    is_open: bool
    reason: str | None = None
    exchange_code: int | None = None
    ended_for_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a step is decided by. `repair`, `close`: the newest of this time without a stop, None before the first.

    `is_passed`: the price is where the planned stop would have been set off. `others_open`: somebody else's exits of
    this position are on their way.
    """

    naked_for_s: float
    is_passed: bool
    others_open: bool
    repair: Outcome | None
    close: Outcome | None


def step(guarded: Guarded, standing: Standing, settings: GuardSettings) -> Step:
    """One thing at a time. An open repair does not hold a close up: the time goes on whatever becomes of it."""
    if standing.close is not None:
        return "close" if _has_rested(standing.close, _close_pause_s(guarded.closes)) else "wait"
    if standing.naked_for_s < settings.grace_s:
        return "wait"
    if standing.naked_for_s >= settings.flatten_after_s or is_hopeless(guarded, standing):
        return "close"
    if standing.others_open or guarded.repairs >= settings.repairs_max:
        return "wait"
    if standing.repair is not None and not _has_rested(standing.repair, _repair_pause_s(guarded.repairs)):
        return "wait"
    return "repair"


def is_hopeless(guarded: Guarded, standing: Standing) -> bool:
    """The price has passed the stop: it would have taken the position off. By the mark price alone that is certain for
    a stop that watches the mark; for another one only once the exchange did not take it."""
    repair = standing.repair
    if repair is not None and (repair.exchange_code in PASSED_CODES or repair.reason == "exchange.trigger_passed"):
        return True
    return standing.is_passed and (guarded.stop.by == "MarkPrice" or (repair is not None and not repair.is_open))


def _has_rested(outcome: Outcome, pause_s: float) -> bool:
    return not outcome.is_open and outcome.ended_for_s >= pause_s


def _repair_pause_s(number: int) -> float:
    return _REPAIR_PAUSES_S[min(number, len(_REPAIR_PAUSES_S)) - 1]


def _close_pause_s(number: int) -> float:
    return _CLOSE_PAUSES_S[number - 1] if number <= len(_CLOSE_PAUSES_S) else _LATER_CLOSE_PAUSE_S
