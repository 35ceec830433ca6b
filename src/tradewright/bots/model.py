"""What a bot and its runs are: states and the moves between them, limits, ends, kinds of events, as values.

Lives here: `RUN_MOVES`, `Limits`, `BotSettings`, the names that rows, API and page share. Not here: rows (`tables`),
what a caller is refused with (`refusals`), who may start when (`admission`), the loop itself (`runner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from tradewright.core.money import plain

RUNS_CHANNEL = "runs"  # payload: the id of a run whose row a command or admission changed
RUN_EVENTS_CHANNEL = "run_events"  # payload: `<run id>:<seq>`, the newest event that its owner wrote

BotState = Literal["draft", "ready", "archived"]
RunState = Literal["queued", "starting", "running", "paused", "stopping", "finished", "stopped", "failed", "halted"]
AtEnd = Literal["keep", "close"]  # of positions; orders are always cancelled
StopHow = Literal["gentle", "now", "close"]
AuthorKind = Literal["user", "template", "assistant"]
EventLevel = Literal["info", "warning", "error"]
EventKind = Literal[
    "lifecycle",
    "wish",
    "bar",
    "signal",
    "intent",
    "risk",
    "refused",
    "order",
    "fill",
    "position",
    "stop",
    "trade",
    "link",
    "sleep",
    "takeover",
    "limit",
    "note",
    "error",
]

HOLDING: tuple[RunState, ...] = ("starting", "running", "paused", "stopping")  # a slot, and the symbol of its account
ENDED: tuple[RunState, ...] = ("finished", "stopped", "failed", "halted")
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

# From each state to those that may follow. `starting` after another than `queued`: its account has a new owner, which
# takes it over. A queued run is stopped or failed by whoever stops it there, for it has no owner yet.
RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    "queued": frozenset({"starting", "stopped", "failed"}),
    "starting": frozenset({"starting", "running", "paused", "stopping", *ENDED}),
    "running": frozenset({"starting", "paused", "stopping", *ENDED}),
    "paused": frozenset({"starting", "running", "stopping", *ENDED}),
    "stopping": frozenset({"starting", *ENDED}),
    "finished": frozenset(),
    "stopped": frozenset(),
    "failed": frozenset(),
    "halted": frozenset(),
}

DURATION_MS_MIN = 60_000
DURATION_MS_MAX = 10_080 * 60_000  # a week
ORDERS_A_MINUTE_MAX = 600
NAME_LENGTH_MAX = 80
MESSAGE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What stops a run or holds it back. `max_loss` is in quote coin: its equity is at least capital − max_loss.

    `max_position` is the value of its position at most (quote coin); None: as its strategy sizes it.
    """

    max_loss: Decimal
    max_position: Decimal | None = None
    max_orders_a_minute: int = 60

    def row(self) -> dict[str, Any]:
        """As `bot_versions.limits` keeps it."""
        return {
            "max_loss": plain(self.max_loss),
            "max_position": None if self.max_position is None else plain(self.max_position),
            "max_orders_a_minute": self.max_orders_a_minute,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Limits:
        """Raises `KeyError` or `ValueError` for a row without a maximum loss: such a bot is never run."""
        max_position = row["max_position"]
        limits = cls(
            max_loss=Decimal(row["max_loss"]),
            max_position=None if max_position is None else Decimal(max_position),
            max_orders_a_minute=int(row["max_orders_a_minute"]),
        )
        if not limits.max_loss > 0 or limits.max_orders_a_minute < 1:
            raise ValueError(f"limits of a run are {row}: the maximum loss and the orders a minute are above zero")
        return limits


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """What a bot version says. `params` are those that differ from the spec's own."""

    spec_version_id: UUID
    account_id: UUID
    category: Literal["linear", "spot"]
    symbol: str
    capital: Decimal  # quote coin
    limits: Limits
    duration_ms: int
    at_end: AtEnd
    params: Mapping[str, Decimal] = field(default_factory=dict)
