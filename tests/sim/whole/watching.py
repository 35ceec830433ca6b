"""What must hold at each step, while a run goes on.

Lives here: at the moment the bytes of a command leave, its intent and an open request of it are committed (promise A2),
and what may have happened is not sent again.
"""

from __future__ import annotations

from typing import Any, Final

from sim.whole.guards import overexposed
from sim.whole.wire import Call
from sim.whole.world import World
from tradewright.core.ids import IntentId, LinkId, intent_of

_KINDS: Final = {
    "/v5/order/create": "place",
    "/v5/order/cancel": "cancel",
    "/v5/order/amend": "amend",
    "/v5/position/set-leverage": "leverage",
    "/v5/position/trading-stop": "exits",
}


def watch_sends(world: World) -> None:
    world.wire.watch = lambda call: _check(world, call)


def _check(world: World, call: Call) -> None:
    if call.method != "POST":
        return
    kind = _KINDS.get(call.path)
    if kind is None:
        world.violations.append(f"{call.path} is no command that we know")
    elif kind == "place":
        _check_place(world, call.body)
    elif not any(row.kind == kind and _is_open(world, row.id) for row in world.database.intents.values()):
        world.violations.append(f"{kind} {call.body} left before it was committed")


def _check_place(world: World, body: dict[str, Any]) -> None:
    link = LinkId(str(body.get("orderLinkId", "")))
    intent_id = intent_of(link)
    if intent_id is None or not _is_open(world, intent_id):
        world.violations.append(f"place {link} left before it was committed")
        return
    row = world.database.intents[intent_id]
    beyond = None if row.order is None else overexposed(world, row.order)
    if beyond is not None:
        world.violations.append(f"place {link} left although {beyond}")
    earlier = [row.outcome for row in world.database.requests_of(intent_id)]
    if "unknown" in earlier or "acknowledged" in earlier:
        world.violations.append(f"place {link} was sent again although it may have happened")


def _is_open(world: World, intent_id: IntentId) -> bool:
    intent = world.database.intents.get(intent_id)
    outcomes = [row.outcome for row in world.database.requests_of(intent_id)]
    return intent is not None and intent.state in ("sending", "acknowledged") and None in outcomes
