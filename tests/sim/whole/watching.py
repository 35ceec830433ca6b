"""What must hold at each step, while a run goes on.

Lives here: at the moment the bytes of a command leave, its intent and an open request of it are committed (promise A2),
and what may have happened is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from sim.whole.deciding import breaks_block
from sim.whole.guards import overexposed
from sim.whole.killing import breaks_kill
from sim.whole.wire import Call
from sim.whole.world import World
from tradewright.core.ids import IntentId, LinkId, intent_of, link_id_of

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
    if kind is not None and _is_of_kill(world, kind, call.body):
        return
    if call.path == "/v5/order/cancel-batch":
        _check_batch(world, call.body)
    elif call.path == "/v5/order/cancel-all":
        if not world.kill.cancels:
            world.violations.append(f"{call.path} {call.body} left, and no cancel is written down")
    elif kind is None:
        world.violations.append(f"{call.path} is no command that we know")
    elif kind == "place":
        _check_place(world, call.body)
        broken = (breaks_kill(world, call), breaks_block(world, call))
        world.violations += [text for text in broken if text is not None]
    elif not any(row.kind == kind and _is_open(world, row.id) for row in world.database.intents.values()):
        world.violations.append(f"{kind} {call.body} left before it was committed")


def _is_of_kill(world: World, kind: str, body: dict[str, Any]) -> bool:
    """Written down by the kill switch, in the database or beside it; whoever repeats it repeats the same order."""
    if kind == "cancel":
        return body.get("orderId") in world.kill.cancels
    act = intent_of(LinkId(str(body.get("orderLinkId", ""))))
    return kind == "place" and act in world.kill.closes and body.get("reduceOnly") is True


def _check_batch(world: World, body: dict[str, Any]) -> None:
    """Each of its items is a cancel that is written down."""
    world.struck["batched"] += 1
    under_way = [row for row in world.database.intents.values() if row.kind == "cancel" and _is_open(world, row.id)]
    names = {name for row in under_way for name in _names_of(world, row.target_id)} | world.kill.cancels
    for item in body["request"]:
        if item.get("orderId") not in names and item.get("orderLinkId") not in names:
            world.violations.append(f"a batch cancels {item}, and no such cancel was committed")


def _names_of(world: World, order_id: UUID | None) -> Iterator[str]:
    """What the exchange may be told of an order: its own id, as far as we know it, or ours."""
    row, intent = world.database.order_by_id(order_id), world.database.intents.get(IntentId(order_id or UUID(int=0)))
    if row is not None:
        yield row.report.exchange_order_id
    if intent is not None:
        yield link_id_of(intent.id)
        if intent.exchange_order_id is not None:
            yield intent.exchange_order_id


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
