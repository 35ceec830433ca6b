"""The one table of order status, against UX.md §4 written out: every intent state × order state × what was asked."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from tradewright.core.order import FINAL_STATES, LIVE_STATES, OrderState
from tradewright.core.order_status import (
    INTENT_MOVES,
    STATUS_TABLE,
    UNSETTLED_INTENT_STATES,
    Asked,
    IntentState,
    OrderStatus,
    states_before,
    status_of,
)

ORDERS: tuple[OrderState | None, ...] = (None, *get_args(OrderState))
ASKED: tuple[Asked, ...] = get_args(Asked)

# The words of an intent that has no acknowledged order, whatever else is known.
WITHOUT_ORDER: dict[IntentState, OrderStatus] = {
    "proposed": "sending",
    "approved": "sending",
    "sending": "sending",
    "refused": "refused",
    "expired": "not_sent",
    "rejected": "rejected",
    "unknown": "unknown",
    "not_placed": "not_placed",
}

# acknowledged · order · asked, row by row.
ACKNOWLEDGED: dict[tuple[OrderState | None, Asked], OrderStatus] = {
    (None, "nothing"): "acknowledged",
    (None, "cancel"): "acknowledged",
    (None, "amend"): "acknowledged",
    ("waiting_trigger", "nothing"): "waiting_trigger",
    ("waiting_trigger", "cancel"): "cancel_requested",
    ("waiting_trigger", "amend"): "amend_requested",
    ("working", "nothing"): "working",
    ("working", "cancel"): "cancel_requested",
    ("working", "amend"): "amend_requested",
    ("partially_filled", "nothing"): "partially_filled",
    ("partially_filled", "cancel"): "cancel_requested",
    ("partially_filled", "amend"): "amend_requested",
    ("filled", "nothing"): "filled",
    ("filled", "cancel"): "filled",
    ("filled", "amend"): "filled",
    ("cancelled", "nothing"): "cancelled",
    ("cancelled", "cancel"): "cancelled",
    ("cancelled", "amend"): "cancelled",
    ("rejected", "nothing"): "rejected",
    ("rejected", "cancel"): "rejected",
    ("rejected", "amend"): "rejected",
    ("expired", "nothing"): "expired",
    ("expired", "cancel"): "expired",
    ("expired", "amend"): "expired",
    # A word of the exchange that we do not know counts as live, and claims nothing.
    ("unrecognised", "nothing"): "acknowledged",
    ("unrecognised", "cancel"): "cancel_requested",
    ("unrecognised", "amend"): "amend_requested",
}


@pytest.mark.parametrize(("order", "asked"), list(itertools.product(ORDERS, ASKED)))
def test_an_acknowledged_intent_has_the_status_of_its_order(order: OrderState | None, asked: Asked) -> None:
    assert status_of("acknowledged", order, asked) == ACKNOWLEDGED[order, asked]


@pytest.mark.parametrize("intent", list(WITHOUT_ORDER))
def test_any_other_intent_has_a_word_of_its_own_whatever_the_order(intent: IntentState) -> None:
    for order, asked in itertools.product(ORDERS, ASKED):
        assert status_of(intent, order, asked) == WITHOUT_ORDER[intent]


def test_no_state_is_left_out() -> None:
    assert {*WITHOUT_ORDER, "acknowledged"} == set(get_args(IntentState)) == set(INTENT_MOVES)
    assert {row.status for row in STATUS_TABLE} == set(get_args(OrderStatus))
    assert set(get_args(OrderState)) == LIVE_STATES | FINAL_STATES
    assert not LIVE_STATES & FINAL_STATES


def test_a_terminal_status_leads_nowhere_and_every_other_somewhere() -> None:
    for row in STATUS_TABLE:
        assert row.terminal == (row.next == ()), row.status
        assert set(row.next) <= {other.status for other in STATUS_TABLE}


def test_an_unsettled_intent_still_moves_and_unknown_leaves_by_evidence_only() -> None:
    for state in get_args(IntentState):
        if state in UNSETTLED_INTENT_STATES:
            assert INTENT_MOVES[state], state
        else:
            assert not INTENT_MOVES[state], state
    assert INTENT_MOVES["unknown"] == {"acknowledged", "not_placed"}
    assert states_before("acknowledged") == ["sending", "unknown"]
    assert states_before("expired") == ["proposed", "approved", "sending"]
    assert all("not_placed" not in moves for state, moves in INTENT_MOVES.items() if state != "unknown")
