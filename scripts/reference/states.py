"""`states.md`: intents, orders, sessions, runs, and the status that a person sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

from reference.text import page, table, words
from tradewright.bots.model import RUN_MOVES
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FINAL_STATES, OrderState, RemoteOrder, TrackedOrder, apply
from tradewright.core.order_status import INTENT_MOVES, STATUS_TABLE, UNSETTLED_INTENT_STATES, Asked, status_of
from tradewright.trading.model import SESSION_MOVES

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def states() -> str:
    orders = get_args(OrderState)
    return page(
        "States and their moves",
        "An intent is what somebody asked for; an order is what the exchange holds. An acknowledgement is not a fill.",
        "## Intents",
        table(
            ("State", "may become", "settled"),
            (
                (f"`{state}`", words(sorted(moves)), "no" if state in UNSETTLED_INTENT_STATES else "yes")
                for state, moves in INTENT_MOVES.items()
            ),
        ),
        "`unknown` is left by evidence alone, and counts as exposure until then. The report of an order acknowledges"
        " its intent whatever that state was.",
        "## Orders",
        "Which report of the exchange moves an order on, tried with every pair of states. A report of a later time is"
        " meant; an older one moves nothing but to a final state.",
        table(
            ("State", "may become", "final"),
            ((f"`{state}`", words(order_moves(state)), "yes" if state in FINAL_STATES else "no") for state in orders),
        ),
        "`unrecognised` is a status that we do not know: it counts as live.",
        "## Sessions",
        table(("State", "may become"), ((f"`{state}`", words(moves)) for state, moves in SESSION_MOVES.items())),
        "Before `ready` nothing is sent; while `degraded` only what takes exposure off or protects.",
        "## Runs of bots",
        table(
            ("State", "may become", "ended"),
            (
                (f"`{state}`", words(each for each in RUN_MOVES if each in moves), "no" if moves else "yes")
                for state, moves in RUN_MOVES.items()
            ),
        ),
        "`starting` after another state than `queued`: its account has another owner, which takes it over.",
        "## The status that is shown",
        table(
            ("Status", "may become", "last"),
            ((f"`{row.status}`", words(row.next), "yes" if row.terminal else "no") for row in STATUS_TABLE),
        ),
        "By intent, order and what was asked since:",
        table(
            ("Intent", "Order", *(f"asked: {asked}" for asked in get_args(Asked))),
            (
                (f"`{intent}`", "–" if order is None else f"`{order}`", *shown(intent, order))
                for intent in INTENT_MOVES
                for order in ((None, *orders) if intent == "acknowledged" else (None,))
            ),
        ),
    )


def shown(intent: str, order: str | None) -> list[str]:
    return [f"`{status_of(intent, order, asked)}`" for asked in get_args(Asked)]  # type: ignore[arg-type]


def order_moves(known: OrderState) -> list[str]:
    """By asking the tracker itself."""
    held = TrackedOrder(
        state=known,
        quantity=Decimal(2),
        price=Decimal(1),
        filled_quantity=Decimal(1),
        average_price=None,
        reject_reason="",
        updated_at=_AT,
    )
    found = []
    for state in get_args(OrderState):
        after = apply(held, replace(_report(state), updated_at=_AT + timedelta(seconds=1)))
        if after is not None and after.state == state != known:
            found.append(state)
    return found


def _report(state: OrderState) -> RemoteOrder:
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId("x"),
        link_id="",
        instrument=InstrumentId("linear", "BTCUSDT"),
        side="Buy",
        order_type="Limit",
        time_in_force="GTC",
        quantity=Decimal(2),
        price=Decimal(1),
        state=state,
        filled_quantity=Decimal(1),
        average_price=None,
        reduce_only=False,
        reject_reason="",
        cancel_type="",
        raw_status=state,
        created_at=_AT,
        updated_at=_AT,
    )
