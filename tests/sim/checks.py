"""What must hold when a run is over, by the exchange's own log against our tables.

Lives here: `faults_found`, one sentence for each thing that is not as promised (PROMISES: A1, A2, A7, B1, C1, H6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from sim.world import World
from tradewright.core.ids import ExchangeOrderId, intent_of

EVIDENCE_SPAN = timedelta(seconds=21)
_HELD_OF_ORDERS = (
    "state", "filled_quantity", "average_price", "quantity", "price", "trigger_price", "take_profit", "stop_loss",
)  # fmt: skip
_ENDED_WITHOUT_ORDER = frozenset({"refused", "expired", "rejected", "not_placed"})


def unsettled(world: World) -> list[str]:
    return [
        f"{row.id} is {row.state}"
        for row in world.database.intents.values()
        if row.state in ("proposed", "approved", "sending", "unknown")
    ]


def faults_found(world: World) -> list[str]:
    return [
        *world.violations,
        *unsettled(world),
        *_orders(world),
        *_intents(world),
        *_fills(world),
        *_position_and_wallet(world),
        *_changes(world),
        *_evidence(world),
        *_events(world),
    ]


def _orders(world: World) -> Iterator[str]:
    """Each order of the exchange is in our table as the exchange has it; ours belong to one intent each."""
    by_link = Counter(order.asked.link_id for order in world.exchange.orders.values() if order.asked.link_id)
    yield from (f"{link}: {count} orders on the exchange" for link, count in by_link.items() if count > 1)
    for order_id, order in world.exchange.orders.items():
        ours = world.database.orders.get(order_id)
        theirs = order.report()
        if ours is None:
            yield f"{order_id} of the exchange is not in our table"
            continue
        held, real = (tuple(getattr(order, name) for name in _HELD_OF_ORDERS) for order in (ours.tracked, theirs))
        if held != real:
            yield f"{order_id}: we hold {held}, the exchange {real}"
        if ours.intent_id != intent_of(order.asked.link_id):
            yield f"{order_id} belongs to {ours.intent_id} with us, its client id says {order.asked.link_id!r}"
    yield from (
        f"{key}: the exchange has no such order" for key in world.database.orders.keys() - world.exchange.orders
    )


def _intents(world: World) -> Iterator[str]:
    """An intent called ended without an order has none in the exchange's log; an acknowledged one has one."""
    accepted = {entry.link_id for entry in world.exchange.log if entry.what == "accepted"}
    for row in world.database.intents.values():
        if row.order is None:
            continue
        has_order = any(intent_of(link) == row.id for link in accepted if link)
        if row.state in _ENDED_WITHOUT_ORDER and has_order:
            yield f"{row.id} is called {row.state}, and the exchange accepted it"
        if row.state == "acknowledged" and not has_order:
            yield f"{row.id} is called acknowledged, and the exchange never accepted it"


def _fills(world: World) -> Iterator[str]:
    theirs = {fill.exec_id: fill for _, fill in world.exchange.fills}
    ours = {key: row.execution for key, row in world.database.executions.items()}
    if theirs != ours:
        yield f"fills differ: only ours {sorted(ours.keys() - theirs)}, only theirs {sorted(theirs.keys() - ours)}"
    for key, row in world.database.executions.items():
        order = world.database.orders.get(row.execution.exchange_order_id)
        if order is None or row.order_id != order.id:
            yield f"{key} is booked to {row.order_id}, not to its order"
    told = Counter(
        event.payload["id"]
        for event in world.database.events
        if event.kind == "fill" and not event.payload.get("again")  # once more with the order that came after it
    )
    yield from (f"{key} was told {count} times" for key, count in told.items() if count != 1)


def _position_and_wallet(world: World) -> Iterator[str]:
    theirs = {(position.instrument, position.position_index): position for position in world.exchange.positions()}
    for row in world.database.positions.values():
        held, real = row.position, theirs.pop((row.position.instrument, row.position.position_index), None)
        shown = (held.side, held.size, held.take_profit, held.stop_loss)
        theirs_shown = (None, Decimal(0), None, None)
        if real is not None:
            theirs_shown = (real.side, real.size, real.take_profit, real.stop_loss)
        if shown != theirs_shown:
            yield f"position: we hold {shown}, the exchange {real}"
        if real is not None and held.leverage != real.leverage:
            yield f"leverage: we hold {held.leverage}, the exchange {real.leverage}"
    yield from (f"position {index} of {instrument.symbol} is missing" for instrument, index in theirs)
    if world.database.balances != world.exchange.wallet().coins:
        yield f"wallet: we hold {world.database.balances}, the exchange {world.exchange.wallet().coins}"


def _changes(world: World) -> Iterator[str]:
    """What was acknowledged is read back, and of two changes of one thing the one asked first never arrives last."""
    yield from (
        f"{row.kind} {row.id} was acknowledged and never read back"
        for row in world.database.intents.values()
        if row.kind not in ("place", "cancel") and row.state == "acknowledged" and not row.is_read_back
    )
    newest: dict[tuple[str, str], str] = {}
    for entry in world.exchange.log:
        if entry.what in ("amended", "leverage", "exits"):
            subject, _, signed = entry.detail.rpartition(" signed ")
            key = (entry.what, subject.split()[0])
            if signed < newest.get(key, ""):
                yield f"{entry.what} of {subject}: one signed {signed} overtook one signed {newest[key]}"
            newest[key] = max(signed, newest.get(key, ""))


def _evidence(world: World) -> Iterator[str]:
    """Nothing is called not placed before its last request could no longer become an order (promise A7)."""
    for intent_id, moment in world.not_placed_at.items():
        for sent in world.wire.sent:
            its_own = sent.kind == "place" and intent_of(sent.link_id) == intent_id
            if its_own and moment <= sent.at + EVIDENCE_SPAN:
                yield f"{intent_id} was called not placed {moment - sent.at} after it was sent"


def _events(world: World) -> Iterator[str]:
    sequences = [event.seq for event in world.database.events]
    if sequences != list(range(1, len(sequences) + 1)):
        yield "the event sequence has gaps"
    foreign = {
        order_id
        for order_id, order in world.exchange.orders.items()
        if not order.asked.link_id and order.stop_order_type in ("", "Stop")
    }
    for event in world.database.events:
        if event.kind != "drift":
            continue
        if event.payload["kind"] != "order.foreign" or ExchangeOrderId(event.payload["subject"]) not in foreign:
            yield f"a difference was told that was none: {event.payload}"
