"""When an unknown may be called not placed: never before the evidence is complete, never from a failed read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from contract.journal_worlds import MemoryWorld
from sim.facts import START, fill, order_report, position
from tradewright.core.errors import ExchangeUnavailable, Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, LinkId, RequestId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Execution, RemoteOrder, RemotePosition
from tradewright.trading.journal import AnsweredAcknowledged, AnsweredUnknown
from tradewright.trading.looks import Looks
from tradewright.trading.model import Reason
from tradewright.trading.resolution import EvidenceRule, note_unknowns, resolve_unknowns

SPAN = timedelta(seconds=21)


class Answers:
    """What the exchange knows. `broken` names the read that fails."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.order: RemoteOrder | None = None
        self.held = position("0.5")
        self.fills: list[Execution] = []
        self.broken = ""
        self.asked: list[str] = []
        self.named: list[tuple[LinkId | None, ExchangeOrderId | None]] = []

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name == self.broken:
            raise ExchangeUnavailable(f"{name} failed")

    async def server_time(self) -> datetime:
        self._ask("server_time")
        return self.now

    async def find_order(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> RemoteOrder | None:
        self._ask("find_order")
        self.named.append((link_id, exchange_order_id))
        return self.order

    async def legs(self, instrument: InstrumentId) -> Sequence[RemotePosition]:
        self._ask("position")
        return [self.held]

    async def open_orders(self) -> Sequence[RemoteOrder]:
        self._ask("open_orders")
        return [] if self.order is None else [self.order]

    async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]:
        self._ask("executions_of")
        return self.fills


async def unknown_place(world: MemoryWorld, *, signed: bool = True) -> IntentId:
    intent_id = await world.place()
    intent = next(one for one in await world.journal.proposed() if one.id == intent_id)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    if signed:
        await world.journal.answer(intent, request, AnsweredUnknown(Reason("x"), Trace(signed_at=START)))
    else:
        await world.journal.take_over()
    return intent_id


async def look(world: MemoryWorld, answers: Answers, looks: Looks | None = None) -> int:
    return await resolve_unknowns(answers, world.journal, EvidenceRule(), looks or Looks())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after_s", "state"),
    [(0.0, "unknown"), (5.0, "unknown"), (20.999, "unknown"), (21.0, "unknown"), (21.001, "not_placed")],
)
async def test_absence_counts_only_after_window_skew_and_settling(after_s: float, state: str) -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    waiting = await look(world, Answers(START + timedelta(seconds=after_s)))
    assert await world.state(intent_id) == state
    assert waiting == (1 if state == "unknown" else 0)


async def test_the_time_is_asked_before_anything_else() -> None:
    """Otherwise an order could be accepted between an empty answer and the time that makes it count."""
    world = MemoryWorld()
    await unknown_place(world)
    answers = Answers(START)
    await look(world, answers)
    assert answers.asked[0] == "server_time"


@pytest.mark.parametrize("broken", ["server_time", "find_order", "executions_of"])
async def test_a_failed_read_is_no_evidence(broken: str) -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    answers = Answers(START + timedelta(hours=1))
    answers.broken = broken
    assert await look(world, answers) == 1
    assert await world.state(intent_id) == "unknown"


async def test_an_order_that_is_found_settles_it_at_once_with_its_fills() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    answers = Answers(START)
    answers.order = order_report("partially_filled", link_id=link_id_of(intent_id), filled="0.1")
    answers.fills = [fill("e-1", "0.1", link_id=link_id_of(intent_id))]
    assert await look(world, answers) == 0
    assert await world.state(intent_id) == "acknowledged"
    assert await world.fills() == {"e-1": intent_id}
    assert (await world.drifts())[0] == 0


async def test_a_fill_alone_is_evidence_enough() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    answers = Answers(START + timedelta(hours=1))
    answers.fills = [fill("e-1", "0.1", link_id=link_id_of(intent_id))]
    await look(world, answers)
    assert await world.state(intent_id) == "acknowledged"


async def test_without_a_time_of_signing_the_exchanges_clock_counts_from_the_first_look() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world, signed=False)
    looks = Looks()
    begun = START + timedelta(days=400)  # wherever our own clock may be
    for after, state in ((timedelta(0), "unknown"), (SPAN, "unknown"), (SPAN + timedelta(seconds=1), "not_placed")):
        await look(world, Answers(begun + after), looks)
        assert await world.state(intent_id) == state
    await look(world, Answers(begun), looks)
    assert looks.first_seen == {}


async def test_it_is_asked_for_ever_more_seldom_until_its_absence_counts() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    looks = Looks()
    asked = []
    for after_s in range(0, 22, 1):
        answers = Answers(START + timedelta(seconds=after_s, milliseconds=1))
        await look(world, answers, looks)
        if "find_order" in answers.asked:
            asked.append(after_s)
    assert asked == [0, 2, 6, 14, 21]
    assert await world.state(intent_id) == "not_placed"


async def test_what_the_owner_before_left_is_asked_for_after_the_reading_that_a_session_begins_with() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world, signed=False)
    looks = Looks()
    await note_unknowns(Answers(START), world.journal, looks)  # type: ignore[arg-type]
    early, put_back, later = Answers(START + timedelta(seconds=3)), Answers(START - SPAN), Answers(START + 2 * SPAN)
    await look(world, early, looks)
    assert early.asked == ["server_time"]
    await look(world, put_back, looks)
    assert "find_order" in put_back.asked, "the exchange's clock was put back, and nobody waits until it is there again"
    await look(world, later, looks)
    assert await world.state(intent_id) == "not_placed", "its time counts from when it was noted"


async def test_an_attempt_that_was_signed_after_the_first_look_is_given_all_its_time() -> None:
    """The kill switch tries again what nobody knows the outcome of, while it is being looked for."""
    world = MemoryWorld()
    intent_id = await unknown_place(world, signed=False)
    looks = Looks()
    await look(world, Answers(START), looks)
    again = START + timedelta(seconds=4)
    [first] = [row for row in world._db.requests.values() if row.intent_id == intent_id]
    world._db.requests[RequestId(uuid4())] = replace(first, attempt=2, signed_at=again)
    await look(world, Answers(again + SPAN), looks)
    assert await world.state(intent_id) == "unknown"
    await look(world, Answers(again + SPAN + timedelta(milliseconds=1)), looks)
    assert await world.state(intent_id) == "not_placed"


async def test_while_another_attempt_is_on_its_way_nothing_is_called_not_placed() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)
    await world.begin_again(intent_id)
    late = Answers(START + 2 * SPAN)
    await look(world, late)
    assert await world.state(intent_id) == "unknown"
    [_, again] = world._db.requests_of(intent_id)
    again.outcome, again.signed_at = "unknown", START + SPAN
    await look(world, late)
    assert await world.state(intent_id) == "unknown", "not before that one could have become an order"
    await look(world, Answers(late.now + timedelta(milliseconds=1)))
    assert await world.state(intent_id) == "not_placed"


async def test_an_attempt_that_is_begun_while_the_questions_are_asked_counts_too() -> None:
    world = MemoryWorld()
    intent_id = await unknown_place(world)

    class Slow(Answers):
        async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]:
            await world.begin_again(intent_id)
            return []

    await look(world, Slow(START + 2 * SPAN))
    assert await world.state(intent_id) == "unknown"


async def unknown_cancel(world: MemoryWorld) -> tuple[IntentId, IntentId]:
    """(the place, its cancel in unknown)."""
    target = await world.place()
    intent = next(one for one in await world.journal.proposed() if one.id == target)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(intent, request, AnsweredAcknowledged(order_report().exchange_order_id, Trace()))
    await world.journal.book([order_report(link_id=link_id_of(target))], "stream")
    cancel_id = await world.cancel(target)
    cancel = next(one for one in await world.journal.proposed() if one.id == cancel_id)
    asked = await world.journal.open_request(cancel, RequestId(uuid4()))
    assert asked is not None
    await world.journal.answer(cancel, asked, AnsweredUnknown(Reason("x"), Trace(signed_at=START)))
    return target, cancel_id


@pytest.mark.parametrize(
    ("order_state", "after_s", "cancel_state"),
    [
        ("working", 1, "unknown"),
        ("working", 22, "not_placed"),
        ("cancelled", 1, "acknowledged"),
        ("filled", 1, "acknowledged"),
        (None, 1, "unknown"),
        (None, 22, "not_placed"),
    ],
)
async def test_an_unknown_cancel_is_settled_by_what_became_of_its_order(
    order_state: str | None, after_s: float, cancel_state: str
) -> None:
    world = MemoryWorld()
    target, cancel_id = await unknown_cancel(world)
    answers = Answers(START + timedelta(seconds=after_s))
    if order_state is not None:
        filled = "0.5" if order_state == "filled" else "0"
        answers.order = order_report(order_state, at=5, filled=filled, link_id=link_id_of(target))  # type: ignore[arg-type]
    await look(world, answers)
    assert await world.state(cancel_id) == cancel_state
    row = await world.order("x-1")
    assert row is not None
    assert row[2] == (order_state or "working")


async def test_an_unknown_cancel_of_an_order_placed_elsewhere_looks_for_it_by_the_exchanges_id() -> None:
    """It has no client id, and once it has ended it is not among the open orders any more."""
    world = MemoryWorld()
    await world.journal.book([order_report(order_id="elsewhere")], "stream")
    row = await world.order("elsewhere")
    assert row is not None
    cancel_id = await world.cancel(row[0])
    (cancel,) = await world.journal.proposed()
    request = await world.journal.open_request(cancel, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(cancel, request, AnsweredUnknown(Reason("x"), Trace(signed_at=START)))
    answers = Answers(START + timedelta(seconds=1))
    answers.order = order_report("cancelled", at=5, order_id="elsewhere")
    assert await look(world, answers) == 0
    assert answers.named == [(None, "elsewhere")]
    assert await world.state(cancel_id) == "acknowledged"


async def test_one_unread_unknown_does_not_keep_the_others_waiting() -> None:
    world = MemoryWorld()
    await unknown_place(world)
    second = await unknown_place(world)
    answers = Answers(START + timedelta(hours=1))
    answers.broken = "find_order"
    assert await look(world, answers) == 2
    answers.broken = ""
    assert await look(world, answers) == 0
    assert await world.state(second) == "not_placed"


async def unknown_change(world: MemoryWorld, kind: str) -> tuple[IntentId, IntentId]:
    """(the order that is there, an unknown change of this kind): to a price of 59000, 25×, a stop at 58000."""
    target = await world.place()
    order = next(one for one in await world.journal.proposed() if one.id == target)
    request = await world.journal.open_request(order, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(order, request, AnsweredAcknowledged(order_report().exchange_order_id, Trace()))
    await world.journal.book([order_report(link_id=link_id_of(target)), position("0.5")], "stream")
    match kind:
        case "amend":
            change_id = await world.amend(target, price=Decimal(59000))
        case "leverage":
            change_id = await world.leverage("25")
        case _:
            change_id = await world.exits(stop_loss=Decimal(58000))
    change = next(one for one in await world.journal.proposed() if one.id == change_id)
    asked = await world.journal.open_request(change, RequestId(uuid4()))
    assert asked is not None
    await world.journal.answer(change, asked, AnsweredUnknown(Reason("x"), Trace(signed_at=START)))
    return target, change_id


AS_ASKED: dict[str, dict[str, Any]] = {
    "amend": {"price": Decimal(59000)},
    "leverage": {"leverage": Decimal(25)},
    "exits": {"stop_loss": Decimal(58000)},
}


@pytest.mark.parametrize("kind", ["amend", "leverage", "exits"])
@pytest.mark.parametrize(
    ("as_asked", "after_s", "state"),
    [(True, 22, "acknowledged"), (False, 1, "unknown"), (False, 21, "unknown"), (False, 22, "not_placed")],
)
async def test_an_unknown_change_has_happened_once_the_thing_is_as_it_was_asked_to_become(
    kind: str, as_asked: bool, after_s: float, state: str
) -> None:
    world = MemoryWorld()
    target, change_id = await unknown_change(world, kind)
    answers = Answers(START + timedelta(seconds=after_s))
    shown = AS_ASKED[kind] if as_asked else {}
    if kind == "amend":
        answers.order = order_report(at=5, link_id=link_id_of(target), **shown)
    else:
        answers.held = position("0.5", sequence=2, at=5, **shown)
    waiting = await look(world, answers)
    assert (await world.state(change_id), waiting) == (state, int(state == "unknown"))
    assert await world.is_read_back(change_id) is as_asked
    if kind == "amend":
        assert (await world.terms("x-1"))[1] == Decimal(59000 if as_asked else 60000)


@pytest.mark.parametrize(("kind", "state"), [("amend", "acknowledged"), ("leverage", "unknown"), ("exits", "unknown")])
async def test_what_may_have_been_so_before_proves_nothing_while_the_request_can_still_arrive(
    kind: str, state: str
) -> None:
    """A leverage of 10 that was 10 already: called set at once, it let the next one go and then arrived behind it."""
    world = MemoryWorld()
    target, change_id = await unknown_change(world, kind)
    answers = Answers(START + timedelta(seconds=1))
    if kind == "amend":  # it asks for something else than what was: that it is so is its doing
        answers.order = order_report(at=5, link_id=link_id_of(target), **AS_ASKED[kind])
    else:
        answers.held = position("0.5", sequence=2, at=5, **AS_ASKED[kind])
    await look(world, answers)
    assert await world.state(change_id) == state


@pytest.mark.parametrize(("watches", "state"), [("MarkPrice", "not_placed"), ("LastPrice", "acknowledged")])
async def test_exits_have_happened_only_once_they_watch_the_price_that_was_asked_for(watches: str, state: str) -> None:
    world = MemoryWorld()
    _, change_id = await unknown_change(world, "exits")
    answers = Answers(START + timedelta(seconds=22))
    answers.held = position("0.5", sequence=2, at=5, stop_loss=Decimal(58000))
    answers.order = order_report(
        "waiting_trigger", order_id="sl", stop_order_type="StopLoss", trigger_price=Decimal(58000), trigger_by=watches
    )
    await look(world, answers)
    assert await world.state(change_id) == state


async def test_an_unknown_amend_of_an_order_that_has_ended_otherwise_is_over_at_once() -> None:
    """What has ended is not changed any more, however late the request arrives."""
    world = MemoryWorld()
    target, change_id = await unknown_change(world, "amend")
    answers = Answers(START + timedelta(seconds=1))
    answers.order = order_report("filled", at=5, filled="0.5", link_id=link_id_of(target))
    assert await look(world, answers) == 0
    assert await world.state(change_id) == "not_placed"
    row = await world.order("x-1")
    assert row is not None
    assert row[2] == "filled"


@pytest.mark.parametrize(("kind", "broken"), [("amend", "find_order"), ("leverage", "position"), ("exits", "position")])
async def test_a_failed_read_is_no_evidence_of_a_change(kind: str, broken: str) -> None:
    world = MemoryWorld()
    _, change_id = await unknown_change(world, kind)
    answers = Answers(START + timedelta(hours=1))
    answers.broken = broken
    assert await look(world, answers) == 1
    assert await world.state(change_id) == "unknown"
