"""What must hold, by the exchange's own log against our tables and what left us.

Lives here: `Findings`, sentences by the word under which `make sim` counts them, and `check`.
- duplicates: the exchange accepted more than one order of an intent, or an order without a request of ours
- lost: an order that we call placed and that the exchange never took; a fill that we do not have
- orphans: an order of ours that the exchange has and we call ended, or hold as nobody's
- diverged: orders, positions, wallet, fills, events or changes that are not as the exchange has them
- breaches: sent before it was written down; called not placed too early; limits of the exchange exceeded; a foreign
  order touched
- naked: a position without the stop of its plan for longer than was promised
- stuck: what reaches no final state; a session that is not ready or died of a mistake of ours
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from sim.whole.deciding import closed_by_hand, judge_differences
from sim.whole.killing import judge_kill
from sim.whole.owning import of_the_past
from sim.whole.people import Stranger
from sim.whole.world import World
from tradewright.core.ids import IntentId, LinkId, intent_of, link_id_of
from tradewright.simulator.accounts.events import CancelAccepted, OrderAccepted, PositionIndex
from tradewright.simulator.accounts.orders import Order, OrderStatus

WORDS: Final = ("duplicates", "lost", "orphans", "diverged", "breaches", "naked", "stuck")
EVIDENCE_S: Final = 21.0
_ENDED_WITHOUT_ORDER: Final = ("refused", "expired", "rejected", "not_placed")
_UNSETTLED: Final = ("proposed", "approved", "sending", "unknown")
_STATES: Final = {
    OrderStatus.NEW: "working",
    OrderStatus.TRIGGERED: "working",
    OrderStatus.UNTRIGGERED: "waiting_trigger",
    OrderStatus.PARTIALLY_FILLED: "partially_filled",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.PARTIALLY_FILLED_CANCELLED: "cancelled",
    OrderStatus.DEACTIVATED: "cancelled",
}
Findings = dict[str, list[str]]


def nothing_found() -> Findings:
    return {word: [] for word in WORDS}


def unsettled(world: World) -> list[str]:
    return [f"{row.id} is {row.state}" for row in world.database.intents.values() if row.state in _UNSETTLED]


def check(world: World, stranger: Stranger) -> Findings:
    found = nothing_found()
    found["duplicates"] += _duplicates(world)
    found["lost"] += _lost(world)
    found["orphans"] += _orphans(world)
    for part in (_orders, _fills, _position, _wallet, _changes, _events):
        found["diverged"] += part(world)
    found["diverged"] += _drifts(world, stranger)
    found["breaches"] += [*world.violations, *_evidence(world), *_limits(world), *_strangers(world, stranger)]
    found["breaches"] += of_the_past(world)
    found["stuck"] += [*unsettled(world), *judge_kill(world), *judge_differences(world)]
    return found


def accepted(world: World) -> list[OrderAccepted]:
    """The orders of ours that the exchange accepted, by its log."""
    events = [entry.event for entry in world.entries]
    return [event for event in events if isinstance(event, OrderAccepted) and _is_ours(event)]


def _is_ours(event: OrderAccepted) -> bool:
    return bool(event.link_id) and not event.link_id.startswith("by-hand-") and not event.parent_id


def _creates(world: World, intent_id: IntentId | None) -> list[Any]:
    return [] if intent_id is None else [row for row in world.database.requests_of(intent_id) if row.kind == "place"]


def _duplicates(world: World) -> Iterator[str]:
    taken = accepted(world)
    by_intent = Counter(intent_of(event.link_id) for event in taken)
    yield from (f"{key}: {count} orders on the exchange" for key, count in by_intent.items() if count > 1)
    for event in taken:
        if not _creates(world, intent_of(event.link_id)):
            yield f"{event.link_id} of the exchange belongs to no request of ours"


def _lost(world: World) -> Iterator[str]:
    taken = {intent_of(event.link_id) for event in accepted(world)}
    for row in world.database.intents.values():
        if row.order is not None and row.state == "acknowledged" and row.id not in taken:
            yield f"{row.id} is called acknowledged, and the exchange never accepted it"
    for request in world.database.requests.values():
        if request.kind == "place" and request.outcome == "acknowledged" and request.intent_id not in taken:
            yield f"request {request.req_id} is called acknowledged, and the exchange never accepted it"
    theirs = {execution.fill.exec_id for execution in world.engine.account.executions}
    yield from (f"fill {key} is not ours" for key in sorted(theirs - set(world.database.executions)))


def _orphans(world: World) -> Iterator[str]:
    for event in accepted(world):
        row = world.database.intents.get(intent_of(event.link_id) or IntentId(world.ids.new()))
        if row is None:
            yield f"{event.link_id} of the exchange has no intent"
        elif row.state in _ENDED_WITHOUT_ORDER:
            yield f"{row.id} is called {row.state}, and the exchange accepted it"
        elif world.database.order_of(row.id) is None:
            yield f"{row.id} has an order on the exchange and none with us"


def _orders(world: World) -> Iterator[str]:
    """Each order of the exchange is in our table as the exchange has it."""
    ours = dict(world.database.orders)
    for order_id, order in world.engine.account.orders.items():
        row = ours.pop(order_id, None)
        if row is None:
            yield f"order {order_id} ({order.status}, {order.stop_kind or 'plain'}) is not in our table"
            continue
        held = row.tracked
        ours_shown = (held.state, held.filled_quantity, held.quantity, held.price, held.trigger_price)
        if ours_shown != _shown(order):
            yield f"order {order_id}: we hold {ours_shown}, the exchange {_shown(order)}"
        legs = (held.take_profit, held.stop_loss)
        if order.protection is not None and order.is_live and legs != _legs(order):
            yield f"order {order_id}: we hold exits {legs}, the exchange {_legs(order)}"
        intent = intent_of(order.link_id)
        if row.intent_id != (intent if intent in world.database.intents else None):
            yield f"order {order_id} belongs to {row.intent_id} with us, its client id says {order.link_id!r}"
    yield from (f"order {key}: the exchange has none such" for key in ours)


def _shown(order: Order) -> tuple[Any, ...]:
    state = _STATES.get(order.status, order.status)
    price = None if order.order_type == "Market" else order.price
    return state, order.filled_quantity, order.quantity, price, None if order.trigger is None else order.trigger.price


def _legs(order: Order) -> tuple[Decimal | None, Decimal | None]:
    protection = order.protection
    if protection is None:
        return None, None
    return (
        None if protection.take_profit is None else protection.take_profit.price,
        None if protection.stop_loss is None else protection.stop_loss.price,
    )


def _fills(world: World) -> Iterator[str]:
    theirs = {execution.fill.exec_id: execution.fill for execution in world.engine.account.executions}
    for key, row in world.database.executions.items():
        fill = theirs.get(str(key))
        if fill is None:
            yield f"fill {key}: the exchange has none such"
            continue
        held = row.execution
        shown, real = (held.price, held.quantity, held.fee, held.side), (fill.price, fill.quantity, fill.fee, fill.side)
        if shown != real:
            yield f"fill {key}: we hold {shown}, the exchange {real}"
        order = world.database.orders.get(held.exchange_order_id)
        if order is None or row.order_id != order.id:
            yield f"fill {key} is booked to {row.order_id}, not to its order"
    told = Counter(
        event.payload["id"]
        for event in world.database.events
        if event.kind == "fill" and not event.payload.get("again")  # once more with the order that came after it
    )
    yield from (f"fill {key} was told {count} times" for key, count in told.items() if count != 1)


def _position(world: World) -> Iterator[str]:
    for leg in world.legs:
        yield from _leg(world, leg)


def _leg(world: World, leg: PositionIndex) -> Iterator[str]:
    account = world.engine.account
    theirs = account.position("BTCUSDT", leg)
    row = world.database.positions.get(("linear", "BTCUSDT", leg))
    if row is None:
        if theirs.size:
            yield f"position: we hold none, the exchange {theirs.size}"
        return
    held = row.position
    size = -held.size if held.side == "Sell" else held.size
    if size != theirs.size:
        yield f"position: we hold {size}, the exchange {theirs.size}"
    if theirs.size and held.leverage != theirs.leverage:
        yield f"leverage: we hold {held.leverage}, the exchange {theirs.leverage}"
    waiting = [order for order in account.live_orders("BTCUSDT") if order.position_index == leg]
    exits = {order.stop_kind: order.trigger.price for order in waiting if order.trigger}
    ours, real = (held.take_profit, held.stop_loss), (exits.get("TakeProfit"), exits.get("StopLoss"))
    if theirs.size and ours != real:
        yield f"exits of the position: we hold {ours}, the exchange {real}"


def _wallet(world: World) -> Iterator[str]:
    account = world.engine.account
    ours = {coin: balance.wallet_balance for coin, balance in world.database.balances.items()}
    for coin in ours.keys() | account.coins.keys():
        if ours.get(coin, Decimal(0)) != account.coin(coin).balance:
            yield f"wallet: we hold {ours.get(coin)} {coin}, the exchange {account.coin(coin).balance}"


def _changes(world: World) -> Iterator[str]:
    """What was acknowledged is read back."""
    yield from (
        f"{row.kind} {row.id} was acknowledged and never read back"
        for row in world.database.intents.values()
        if row.kind in ("amend", "leverage", "exits") and row.state == "acknowledged" and not row.is_read_back
    )


def _events(world: World) -> Iterator[str]:
    sequences = [event.seq for event in world.database.events]
    if sequences != list(range(1, len(sequences) + 1)):
        yield "the event sequence has gaps"


def _drifts(world: World, stranger: Stranger) -> Iterator[str]:
    """Only what is foreign is told as a difference."""
    for event in world.database.events:
        payload = event.payload
        if event.kind != "drift":
            continue
        is_foreign = payload["kind"] == "order.foreign" and payload["subject"] in stranger.orders
        if not is_foreign and not _is_spooled_close(world, payload):
            yield f"a difference was told that was none: {payload}"


def _is_spooled_close(world: World, payload: dict[str, Any]) -> bool:
    """A close of the kill switch that the exchange reported while it waited beside the database: foreign until then."""
    order = world.engine.account.orders.get(payload["subject"])
    return (
        payload["kind"] == "order.foreign"
        and order is not None
        and bool(world.kill.spool.ever)
        and intent_of(LinkId(order.link_id)) in world.kill.closes
    )


def _evidence(world: World) -> Iterator[str]:
    """Nothing is called not placed before its last request could no longer become an order (promise A7). Where the
    exchange's clock was off, time is its own: two readings of it may be as much apart as it was off.
    """
    off_s = max((abs(fault_s) for fault_s in world.skews_s), default=0.0)
    for (intent_id, _), moment_s in world.not_placed_s.items():
        link = link_id_of(intent_id)
        # What certainly did not happen may be sent anew, by the same id.
        # A request that stood still between its signature and the wire dies by its signature.
        calls = [call for call in world.wire.creates_of(link) if call.at_s <= moment_s]
        sent = [min(call.at_s, call.signed_s + off_s) for call in calls]
        if sent and moment_s - sent[-1] < EVIDENCE_S - off_s:
            yield f"{intent_id} was called not placed {moment_s - sent[-1]:.1f} s after it was sent"


class _Reply(msgspec.Struct):
    what: str
    code: int | None = None
    processed: bool = False


def _limits(world: World) -> Iterator[str]:
    """The exchange itself never had to refuse us for a limit: what was injected was not processed."""
    yield from world.wire.refusals
    for raw in world.exchange.truth.after(0, limit=1_000_000):
        if b'"code":10006' in bytes(raw):
            reply = msgspec.json.decode(bytes(raw), type=_Reply)
            if reply.what == "reply" and reply.processed:
                yield f"a limit of the exchange was exceeded: {bytes(raw).decode()}"


def _strangers(world: World, stranger: Stranger) -> Iterator[str]:
    """What was placed elsewhere is never touched (promise B5)."""
    touchable = stranger.cancelled | world.kill.cancels | closed_by_hand(world)
    foreign = set(stranger.orders) - touchable
    for entry in world.entries:
        event = entry.event
        if isinstance(event, CancelAccepted) and event.order_id in foreign:
            yield f"the foreign order {event.order_id} was cancelled by us"
