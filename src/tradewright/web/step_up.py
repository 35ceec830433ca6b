"""What needs a fresh proof of who asks: adding keys, going live, loosening limits, factors, exports, tokens, roles.

Lives here: `require_step_up`, which a route calls once it knows who asks, and `step_up_mark`, the mark of such a route
in the contract document, by which the tests know them. Not here: what a proof is (`identity.step_up`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tradewright.identity.model import Principal, StepUpRequired
from tradewright.identity.step_up import is_proved
from tradewright.web.parts import WebParts

MARK = "x-step-up"


def step_up_mark(when: Literal["always", "sometimes"] = "always") -> dict[str, Any]:
    """For a route's `openapi_extra`: it calls `require_step_up`, always or for some of what may be asked of it."""
    return {MARK: when}


async def require_step_up(parts: WebParts, principal: Principal) -> None:
    """Raises `StepUpRequired` unless this session proved its password or factor within the last ten minutes, and asks
    with the cookie that it has had since.

    Call it after the checks of role and existence that cost nothing, and before anything is done.
    """
    if not principal.is_replaced:
        async with parts.engine.connect() as connection:
            if await is_proved(connection, principal.session_id, parts.clock.now()):
                return
    raise StepUpRequired("confirm that it is you, with POST /api/v1/session/step-up, and send this again")


def stepped_up_operations(document: Mapping[str, Any]) -> dict[str, str]:
    """`operationId` → `always` or `sometimes`, of the contract document."""
    return {
        operation["operationId"]: operation[MARK]
        for methods in document["paths"].values()
        for operation in methods.values()
        if MARK in operation
    }
