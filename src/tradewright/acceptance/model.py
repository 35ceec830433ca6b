"""What a step of acceptance finds: passed, differs from what we believed, failed, or skipped, with its measured facts.

Lives here: the outcomes, `Step`, `Finding`. Not here: the steps (`steps`), how a report looks (`report`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tradewright.acceptance.stage import Stage

Outcome = Literal["passed", "differs", "failed", "skipped"]
Facts = dict[str, str]


class Differs(Exception):
    """It works, and not as our reference says: the text tells both. Trading copes with either."""


class Failed(Exception):
    """What trading relies on does not hold."""


class Skipped(Exception):
    """It cannot be tried here; the text says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: `claim` is what we believe, `run` returns what was measured or raises one of the above."""

    number: int
    claim: str
    run: Callable[[Stage], Awaitable[Facts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    number: int
    claim: str
    outcome: Outcome
    text: str
    seconds: float
    facts: Facts = field(default_factory=dict)
