"""The one table of order status: intent state × order state × what was asked → the word for API, docs and page.

Lives here: `IntentState`, `Asked`, `OrderStatus`, `status_of`; docs and page are held against `STATUS_TABLE`.
An acknowledgement is not a fill: `acknowledged` says only that the exchange took the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from tradewright.core.order import LIVE_STATES, OrderState

IntentState = Literal[
    "proposed", "refused", "approved", "expired", "sending", "acknowledged", "rejected", "unknown", "not_placed"
]
# The moves of an intent. The report of an order is stronger than all of them: it acknowledges its intent whatever that
# state was, and where the intent had ended without an order, it is told as a difference.
INTENT_MOVES: dict[IntentState, frozenset[IntentState]] = {
    "proposed": frozenset({"refused", "approved", "expired", "sending"}),
    "approved": frozenset({"refused", "sending", "expired"}),
    "sending": frozenset({"acknowledged", "rejected", "unknown", "expired"}),
    "unknown": frozenset({"acknowledged", "not_placed"}),
    "refused": frozenset(),
    "expired": frozenset(),
    "acknowledged": frozenset(),
    "rejected": frozenset(),
    "not_placed": frozenset(),
}
UNSETTLED_INTENT_STATES: frozenset[IntentState] = frozenset({"proposed", "approved", "sending", "unknown"})

Asked = Literal["nothing", "cancel", "amend"]

OrderStatus = Literal[
    "sending",
    "refused",
    "not_sent",
    "acknowledged",
    "waiting_trigger",
    "working",
    "partially_filled",
    "filled",
    "cancel_requested",
    "cancelled",
    "amend_requested",
    "rejected",
    "expired",
    "unknown",
    "not_placed",
]


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status: whether it is the last one, and the colour role of its chip (words are in the page's catalogues)."""

    status: OrderStatus
    terminal: bool
    role: Literal["neutral", "warning", "info", "accent", "strong", "muted", "danger"]
    next: tuple[OrderStatus, ...]


STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow("sending", False, "neutral", ("acknowledged", "refused", "rejected", "unknown", "not_sent")),
    StatusRow("refused", True, "warning", ()),
    StatusRow("not_sent", True, "warning", ()),
    StatusRow(
        "acknowledged",
        False,
        "info",
        ("waiting_trigger", "working", "partially_filled", "filled", "cancelled", "expired", "rejected"),
    ),
    StatusRow("waiting_trigger", False, "info", ("working", "filled", "cancelled", "expired", "rejected")),
    StatusRow("working", False, "accent", ("partially_filled", "filled", "cancelled", "expired")),
    StatusRow("partially_filled", False, "accent", ("filled", "cancelled", "expired")),
    StatusRow("filled", True, "strong", ()),
    StatusRow("cancel_requested", False, "neutral", ("cancelled", "filled")),
    StatusRow("cancelled", True, "muted", ()),
    StatusRow(
        "amend_requested", False, "neutral", ("waiting_trigger", "working", "partially_filled", "filled", "cancelled")
    ),
    StatusRow("rejected", True, "danger", ()),
    StatusRow("expired", True, "muted", ()),
    StatusRow("unknown", False, "warning", ("acknowledged", "rejected", "not_placed")),
    StatusRow("not_placed", True, "muted", ()),
)


def states_before(state: IntentState) -> list[IntentState]:
    """The states that an intent may move to this one from."""
    return [before for before, moves in INTENT_MOVES.items() if state in moves]


def status_of(intent: IntentState, order: OrderState | None, asked: Asked = "nothing") -> OrderStatus:
    """The status of an order by what is known of its intent, of the order itself and of what was asked since.

    `order` is None while the exchange has not reported it. A report of the exchange is
    evidence: whoever books it moves an intent in `sending` or `unknown` to `acknowledged` in the same commit.
    """
    match intent:
        case "proposed" | "approved" | "sending":
            return "sending"
        case "refused":
            return "refused"
        case "expired":
            return "not_sent"
        case "rejected":
            return "rejected"
        case "unknown":
            return "unknown"
        case "not_placed":
            return "not_placed"
        case "acknowledged":
            return _status_of_order(order, asked)
        case _:
            assert_never(intent)


def _status_of_order(order: OrderState | None, asked: Asked) -> OrderStatus:
    if order is None:
        return "acknowledged"
    if order in LIVE_STATES and asked == "cancel":
        return "cancel_requested"
    if order in LIVE_STATES and asked == "amend":
        return "amend_requested"
    match order:
        case "waiting_trigger" | "working" | "partially_filled" | "filled" | "cancelled" | "rejected" | "expired":
            return order
        case "unrecognised":
            return "acknowledged"
        case _:
            assert_never(order)
