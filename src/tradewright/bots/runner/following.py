"""What became of what a run asked, as events, and whether it is over. Pure: rows in, news out.

Lives here: `followed`. Not here: where outcomes are read (`rows`, `keeper`), what follows from an end (`run`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from tradewright.bots.model import EventKind, EventLevel
from tradewright.bots.runner.asking import Ask
from tradewright.bots.runner.rows import Outcome
from tradewright.core.order import FINAL_STATES, OrderState
from tradewright.core.order_status import UNSETTLED_INTENT_STATES, IntentState, status_of

_FILLS_DUE_S: Final = 10.0  # fills of an order that has ended come within that, or it is let go with those there are
_ACKNOWLEDGED: Final = "acknowledged"
_DONE_WELL: Final = frozenset({"filled", "cancelled", "working", "partially_filled", "acknowledged"})


@dataclass(slots=True)
class Followed:
    """`is_over`: nothing more will come of it. `failed`: it did not do what it was to do."""

    events: list[tuple[EventKind, Mapping[str, Any], EventLevel]] = field(default_factory=list)
    is_over: bool = False
    failed: bool = False


def followed(ask: Ask, outcome: Outcome, now_s: float) -> Followed:
    """What is new of an intent, going by what was told of it before; `ask` keeps what is told now."""
    news = Followed()
    if outcome.verdict is not None and not ask.has_verdict:
        ask.has_verdict = True
        news.events.append(("risk", {"verdict": list(outcome.verdict)}, "info"))
    if ask.kind in ("place", "close"):
        _order(ask, outcome, news, now_s)
    else:
        _change(ask, outcome, news)
    return news


def _order(ask: Ask, outcome: Outcome, news: Followed, now_s: float) -> None:
    order_state = cast("OrderState | None", outcome.order_state)
    status = status_of(cast("IntentState", outcome.state), order_state)
    if status != ask.status:
        ask.status = status
        payload: dict[str, Any] = {"status": status}
        if outcome.reason is not None:
            payload["reason"] = dict(outcome.reason)
        elif outcome.reject_reason and order_state in FINAL_STATES:
            payload["reason"] = {"code": "exchange.order_ended", "exchange_text": outcome.reject_reason}
        news.events.append(("order", payload, "info" if status in (*_DONE_WELL, "sending") else "warning"))
    if outcome.state != _ACKNOWLEDGED:
        news.is_over = news.failed = outcome.state not in UNSETTLED_INTENT_STATES
        return
    if order_state not in FINAL_STATES:
        return
    ask.ended_s = now_s if ask.ended_s is None else ask.ended_s
    are_told = ask.filled >= outcome.filled_quantity
    news.is_over = are_told or now_s - ask.ended_s > _FILLS_DUE_S
    news.failed = ask.kind == "close" and order_state != "filled"


def _change(ask: Ask, outcome: Outcome, news: Followed) -> None:
    """A cancel or a position's exits: over once read back, or refused."""
    if outcome.state in UNSETTLED_INTENT_STATES:
        return
    went_through = outcome.state == _ACKNOWLEDGED
    if went_through and ask.kind == "exits" and not outcome.is_applied:
        return
    news.is_over, news.failed = True, not went_through
    if ask.kind == "exits":
        state = "placed" if went_through else "refused"
        payload: dict[str, Any] = {"state": state}
        if outcome.reason is not None:
            payload["reason"] = dict(outcome.reason)
        news.events.append(("stop", payload, "info" if went_through else "warning"))
    elif not went_through:
        reason = {} if outcome.reason is None else dict(outcome.reason)
        news.events.append(("refused", {"code": reason.get("code", outcome.state), "params": {}}, "info"))
