"""What every `Journal` promises, run on the in-memory twin and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from contract.journal_worlds import JournalWorld, MemoryWorld, PostgresWorld
from sim.facts import fill, order_report, position, wallet
from tradewright.core.errors import Trace
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, IntentId, OrderId, RequestId, link_id_of, made_id
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import (
    AccountModes,
    CoinBalance,
    Exit,
    FeeRates,
    OrderChange,
    PositionExits,
    SymbolMode,
    Trigger,
)
from tradewright.storage.engine import create_engine
from tradewright.trading.bodies import CancelBody, CloseBody, ExitsBody
from tradewright.trading.journal import (
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    Drift,
    Listed,
    OpenedRequest,
)
from tradewright.trading.model import AmendIntent, CancelIntent, ExitsIntent, Intent, PlaceIntent, Reason, SymbolFacts
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.ownership import Dispossessed

SIGNED = datetime(2026, 1, 5, 12, 0, 1, tzinfo=UTC)
TRACE = Trace(signed_at=SIGNED, answered_at=SIGNED, http_status=200, ret_code=0, ret_msg="OK", trace_id="t")
WHY = Reason("exchange.refused", {"value": "1"}, 110007, "not enough")


@pytest.fixture(scope="module")
def shared_url(postgres: Any) -> Iterator[str]:
    """One database for all of these tests, each with an account of its own: quicker than a database for each."""
    url: str = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[JournalWorld]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = request.getfixturevalue("shared_url")
    engine = create_engine(url, pool_size=4)
    opened = await PostgresWorld.open(engine, url)
    yield opened
    await opened.close()
    await engine.dispose()


async def the_proposed(world: JournalWorld, intent_id: IntentId) -> Intent:
    return next(intent for intent in await world.journal.proposed() if intent.id == intent_id)


async def opened(world: JournalWorld, **changes: Any) -> tuple[Intent, OpenedRequest]:
    """A place whose request is committed and may be sent."""
    intent = await the_proposed(world, await world.place(**changes))
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    return intent, request


async def answered(world: JournalWorld, answer: Answer) -> Intent:
    intent, request = await opened(world)
    await world.journal.answer(intent, request, answer)
    return intent


def report_of(intent: Intent, state: Any = "working", **changes: Any) -> Any:
    return order_report(state, link_id=link_id_of(intent.id), **changes)


async def test_what_was_asked_is_proposed_with_everything_that_an_order_needs(world: JournalWorld) -> None:
    intent_id = await world.place(quantity=Decimal("0.123"), price=Decimal("60412.5"), side="Sell")
    intent = await the_proposed(world, intent_id)
    assert isinstance(intent, PlaceIntent)
    order = intent.order
    assert (order.side, order.quantity, order.price) == ("Sell", Decimal("0.123"), Decimal("60412.5"))
    assert order.link_id == link_id_of(intent_id)
    assert intent.valid_until is not None


async def test_proposals_come_oldest_first(world: JournalWorld) -> None:
    asked = [await world.place() for _ in range(5)]
    assert [intent.id for intent in await world.journal.proposed()] == asked


async def test_a_hundred_waiting_openings_do_not_hide_what_reduces(world: JournalWorld) -> None:
    openings = [await world.place() for _ in range(101)]
    cancel, close = await world.cancel(openings[0]), await world.place(reduce_only=True)
    assert [intent.id for intent in await world.journal.proposed()] == [close, cancel, *openings[:98]]


async def test_opening_a_request_commits_the_request_and_the_intent_in_sending(world: JournalWorld) -> None:
    intent, request = await opened(world)
    assert request.attempt == 1
    assert await world.state(intent.id) == "sending"
    assert await world.requests(intent.id) == [(1, None)]
    assert await world.journal.proposed() == []


async def test_an_overdue_place_cannot_be_opened(world: JournalWorld) -> None:
    intent = await the_proposed(world, await world.place())
    await world.make_overdue(intent.id)
    assert await world.journal.open_request(intent, RequestId(uuid4())) is None
    assert await world.state(intent.id) == "expired"
    assert await world.requests(intent.id) == []


async def test_a_settled_intent_cannot_be_opened_and_stays_as_it_is(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    assert await world.journal.open_request(intent, RequestId(uuid4())) is None
    assert await world.state(intent.id) == "acknowledged"


async def test_who_has_lost_the_account_writes_nothing_any_more(world: JournalWorld) -> None:
    """Every kind of transaction: with events and without, of one that asks and of one that reports."""
    waiting, sent = await world.place(), await world.place()
    intent, being_sent = await the_proposed(world, waiting), await the_proposed(world, sent)
    request = await world.journal.open_request(being_sent, RequestId(uuid4()))
    assert request is not None
    before = await world.events()
    newer = await world.claimed()
    for lost in (
        world.journal.open_request(intent, RequestId(uuid4())),
        world.journal.answer(being_sent, request, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE)),
        world.journal.refuse(intent, Reason("order.notional_min")),
        world.journal.book([order_report("working", exchange_order_id="x-9", link_id="")], "stream"),
        world.journal.note_executions_read(datetime(2026, 1, 1, tzinfo=UTC)),
        world.journal.expire_overdue(),
        world.journal.set_session("ready", None),
        world.journal.take_over(),
    ):
        with pytest.raises(Dispossessed):
            await lost
    assert (await world.state(waiting), await world.state(sent)) == ("proposed", "sending")
    assert await world.order("x-9") is None
    assert await world.events() == before
    assert await newer.executions_read_until() is None
    assert len(await world.journal.proposed()) == 1, "it may still read"
    await newer.take_over()
    assert (await world.state(waiting), await world.state(sent)) == ("expired", "unknown")


async def test_each_owner_is_outdone_by_the_next_also_when_it_is_the_same_process(world: JournalWorld) -> None:
    first = await world.claimed()
    await first.set_session("ready", None)
    second = await world.claimed()
    with pytest.raises(Dispossessed):
        await first.set_session("closed", None)
    await second.set_session("ready", None)


async def test_attempts_are_counted(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredAgainLater(WHY, TRACE))
    second = await world.journal.open_request(intent, RequestId(uuid4()))
    assert second is not None
    assert second.attempt == 2
    assert await world.requests(intent.id) == [(1, "refused"), (2, None)]


@pytest.mark.parametrize(
    ("answer", "state", "outcome", "reason"),
    [
        (AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE), "acknowledged", "acknowledged", None),
        (AnsweredRefused(WHY, TRACE), "rejected", "refused", "exchange.refused"),
        (AnsweredNotSent(WHY, Trace(), retry=True), "sending", "not_sent", None),
        (AnsweredNotSent(WHY, Trace(), retry=False), "expired", "not_sent", "exchange.refused"),
        (AnsweredAgainLater(WHY, TRACE), "sending", "refused", None),
        (AnsweredUnknown(WHY, TRACE), "unknown", "unknown", "exchange.refused"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | None) else str(value),
)
async def test_each_answer_moves_the_intent_and_closes_the_request(
    world: JournalWorld, answer: Answer, state: str, outcome: str, reason: str | None
) -> None:
    intent = await answered(world, answer)
    assert await world.state(intent.id) == state
    assert await world.requests(intent.id) == [(1, outcome)]
    assert await world.reason(intent.id) == reason


async def test_an_order_seen_before_the_lost_answer_keeps_the_intent_acknowledged(world: JournalWorld) -> None:
    intent, request = await opened(world)
    await world.journal.book([report_of(intent)], "stream")
    await world.journal.answer(intent, request, AnsweredUnknown(WHY, TRACE))
    assert await world.state(intent.id) == "acknowledged"
    assert await world.requests(intent.id) == [(1, "unknown")]


async def test_a_refusal_ends_the_intent_with_its_reason(world: JournalWorld) -> None:
    intent = await the_proposed(world, await world.place())
    await world.journal.refuse(intent, Reason("order.quantity_max", {"maximum": "1"}))
    assert await world.state(intent.id) == "refused"
    assert await world.reason(intent.id) == "order.quantity_max"


async def test_a_cancel_of_what_was_not_sent_withdraws_it(world: JournalWorld) -> None:
    place = await the_proposed(world, await world.place())
    cancel = await the_proposed(world, await world.cancel(place.id))
    assert isinstance(place, PlaceIntent)
    assert isinstance(cancel, CancelIntent)
    await world.journal.withdraw(place, cancel)
    assert (await world.state(place.id), await world.reason(place.id)) == ("expired", "order.withdrawn")
    assert (await world.state(cancel.id), await world.reason(cancel.id)) == ("refused", "order.already_final")


async def test_what_was_sent_cannot_be_withdrawn(world: JournalWorld) -> None:
    place, _ = await opened(world)
    cancel = await the_proposed(world, await world.cancel(place.id))
    assert isinstance(place, PlaceIntent)
    assert isinstance(cancel, CancelIntent)
    await world.journal.withdraw(place, cancel)
    assert await world.state(place.id) == "sending"
    assert await world.state(cancel.id) == "proposed"


async def test_overdue_places_expire_and_others_do_not(world: JournalWorld) -> None:
    old, fresh = await world.place(), await world.place()
    reducing = await world.place(reduce_only=True)
    await world.make_overdue(old)
    await world.journal.expire_overdue()
    assert [await world.state(intent) for intent in (old, fresh, reducing)] == ["expired", "proposed", "proposed"]


async def test_taking_over_ends_unsent_openings_and_makes_sent_ones_unknown(world: JournalWorld) -> None:
    sent, _ = await opened(world)
    unsent = await world.place()
    reducing = await world.place(reduce_only=True)
    cancel = await world.cancel(sent.id)
    await world.journal.take_over()
    assert await world.state(sent.id) == "unknown"
    assert await world.state(unsent) == "expired"
    assert await world.state(reducing) == "proposed"
    assert await world.state(cancel) == "proposed"
    assert await world.requests(sent.id) == [(1, "unknown")]


async def test_taking_over_makes_a_sent_cancel_unknown(world: JournalWorld) -> None:
    target = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    cancel = await the_proposed(world, await world.cancel(target.id))
    assert await world.journal.open_request(cancel, RequestId(uuid4())) is not None
    await world.journal.take_over()
    assert await world.state(cancel.id) == "unknown"
    assert await world.state(target.id) == "acknowledged"


async def test_taking_over_a_quiet_account_tells_nothing(world: JournalWorld) -> None:
    await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    before = await world.events()
    await world.journal.take_over()
    assert await world.events() == before


async def test_an_unknown_knows_until_when_it_was_signed(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredUnknown(WHY, TRACE))
    (unknown,) = await world.journal.unknowns()
    assert (unknown.intent.id, unknown.signed_by, unknown.last_signed) == (intent.id, SIGNED, SIGNED)
    assert (unknown.attempts, unknown.is_being_sent) == (1, False)


async def test_an_unknown_of_which_another_attempt_was_begun_since_it_was_looked_at_stays_unknown(
    world: JournalWorld,
) -> None:
    intent = await answered(world, AnsweredUnknown(WHY, TRACE))
    (looked_at,) = await world.journal.unknowns()
    await world.begin_again(intent.id)
    assert not await world.journal.resolve(intent, happened=False, attempts=looked_at.attempts)
    assert await world.state(intent.id) == "unknown"
    (unknown,) = await world.journal.unknowns()
    assert (unknown.attempts, unknown.is_being_sent) == (2, True)
    assert await world.journal.resolve(intent, happened=False, attempts=2)
    assert await world.state(intent.id) == "not_placed"
    assert not await world.journal.resolve(intent, happened=False, attempts=2), "it is resolved once"


async def test_when_a_request_of_an_earlier_owner_was_signed_is_not_known(world: JournalWorld) -> None:
    """Our own clock cannot stand for the exchange's: whoever resolves it must ask the exchange for the time."""
    await opened(world)
    await world.journal.take_over()
    (unknown,) = await world.journal.unknowns()
    assert (unknown.signed_by, unknown.last_signed) == (None, None)


@pytest.mark.parametrize(("happened", "state"), [(True, "acknowledged"), (False, "not_placed")])
async def test_an_unknown_is_resolved_by_evidence(world: JournalWorld, happened: bool, state: str) -> None:
    intent = await answered(world, AnsweredUnknown(WHY, TRACE))
    await world.journal.resolve(intent, happened=happened)
    assert await world.state(intent.id) == state
    assert await world.journal.unknowns() == []


@pytest.mark.parametrize("happened", [True, False])
async def test_only_an_unknown_can_be_resolved(world: JournalWorld, happened: bool) -> None:
    sending, _ = await opened(world)
    proposed = await the_proposed(world, await world.place())
    rejected = await answered(world, AnsweredRefused(WHY, TRACE))
    for intent in (sending, proposed, rejected):
        await world.journal.resolve(intent, happened=happened)
    assert [await world.state(i.id) for i in (sending, proposed, rejected)] == ["sending", "proposed", "rejected"]


@pytest.mark.parametrize("sent", ["sending", "unknown"])
async def test_an_order_of_the_exchange_acknowledges_its_intent(world: JournalWorld, sent: str) -> None:
    intent, request = await opened(world)
    if sent == "unknown":
        await world.journal.answer(intent, request, AnsweredUnknown(WHY, TRACE))
    await world.journal.book([report_of(intent)], "stream")
    assert await world.state(intent.id) == "acknowledged"
    assert await world.reason(intent.id) is None
    assert await world.order("x-1") == (intent.id, intent.id, "working", Decimal(0))
    assert await world.drifts() == (0, [])


async def test_a_report_booked_twice_changes_nothing_and_tells_nothing(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    facts = [report_of(intent), fill("e-1", "0.1"), position("0.1"), wallet()]
    await world.journal.book(facts, "stream")
    before = await world.events()
    await world.journal.book(facts, "reconciliation")
    assert await world.events() == before


async def test_a_stale_report_changes_nothing_and_tells_nothing(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent, "partially_filled", at=5, filled="0.2")], "stream")
    before = await world.events()
    await world.journal.book([report_of(intent, "working", at=4)], "stream")
    assert await world.events() == before
    assert await world.order("x-1") == (intent.id, intent.id, "partially_filled", Decimal("0.2"))


async def test_a_final_state_is_never_left(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent, "cancelled", at=5, filled="0.2")], "stream")
    await world.journal.book([report_of(intent, "working", at=9, filled="0.2")], "stream")
    assert await world.order("x-1") == (intent.id, intent.id, "cancelled", Decimal("0.2"))


async def test_each_execution_is_booked_once(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent), fill("e-1", "0.1"), fill("e-2", "0.4"), fill("e-1", "0.1")], "stream")
    await world.journal.book([fill("e-2", "0.4"), fill("e-1", "0.1")], "reconciliation")
    assert await world.fills() == {"e-1": intent.id, "e-2": intent.id}
    assert [event.kind for event in await world.events()].count("fill") == 2


async def test_a_fill_before_its_order_finds_it_later(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([fill("e-1"), fill("e-2", order_id="elsewhere")], "stream")
    await world.journal.book([report_of(intent, "filled", filled="0.5")], "stream")
    await world.journal.book([order_report("filled", order_id="elsewhere", filled="0.5")], "stream")
    foreign = await world.order("elsewhere")
    assert foreign is not None
    assert await world.fills() == {"e-1": intent.id, "e-2": foreign[0]}


async def test_a_foreign_order_is_marked_once_and_belongs_to_nobody(world: JournalWorld) -> None:
    await world.journal.book([order_report(order_id="elsewhere")], "stream")
    await world.journal.book([order_report("cancelled", order_id="elsewhere", at=2)], "stream")
    row = await world.order("elsewhere")
    assert row is not None
    assert row[1:] == (None, "cancelled", Decimal(0))
    assert await world.drifts() == (1, ["order.foreign"])


async def test_an_order_with_a_client_id_like_ours_that_nobody_asked_for_is_foreign(world: JournalWorld) -> None:
    stranger = IntentId(uuid4())
    link = link_id_of(stranger)
    await world.journal.book([fill("e-1", link_id=link), order_report("working", link_id=link, filled="0.1")], "stream")
    row = await world.order("x-1")
    assert row is not None
    assert row[1] is None
    assert await world.fills() == {"e-1": row[0]}
    assert await world.drifts() == (1, ["order.foreign"])


async def test_an_order_after_not_placed_is_shown_as_ours_and_as_a_difference(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredUnknown(WHY, TRACE))
    await world.journal.resolve(intent, happened=False)
    await world.journal.book([report_of(intent)], "stream")
    assert await world.state(intent.id) == "acknowledged"
    assert await world.order("x-1") == (intent.id, intent.id, "working", Decimal(0))
    assert await world.drifts() == (1, ["order.unexpected"])


async def test_a_second_order_of_one_intent_is_told_and_does_not_stop_the_account(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent)], "stream")
    await world.journal.book([report_of(intent, order_id="x-2")], "stream")
    first, second = await world.order("x-1"), await world.order("x-2")
    assert first is not None
    assert second is not None
    assert (first[1], second[1]) == (intent.id, None)
    assert await world.drifts() == (1, ["order.duplicate"])


async def test_a_cancel_names_the_order_as_well_as_it_is_known(world: JournalWorld) -> None:
    target, _ = await opened(world)
    asked = await world.cancel(target.id)
    early = await the_proposed(world, asked)
    await world.journal.book([report_of(target)], "stream")
    known = await the_proposed(world, asked)
    await world.journal.book([report_of(target, "filled", at=2, filled="0.5")], "stream")
    late = await the_proposed(world, asked)
    assert isinstance(early, CancelIntent)
    assert isinstance(known, CancelIntent)
    assert isinstance(late, CancelIntent)
    assert (early.target_link_id, early.target_exchange_order_id) == (link_id_of(target.id), None)
    assert (known.target_link_id, known.target_exchange_order_id) == (link_id_of(target.id), "x-1")
    assert (early.target_final, known.target_final, late.target_final) == (False, False, True)


async def test_a_cancel_of_a_foreign_order_names_it_by_the_exchanges_id(world: JournalWorld) -> None:
    await world.journal.book([order_report(order_id="elsewhere")], "stream")
    row = await world.order("elsewhere")
    assert row is not None
    cancel = await the_proposed(world, await world.cancel(row[0]))
    assert isinstance(cancel, CancelIntent)
    assert (cancel.target_link_id, cancel.target_exchange_order_id) == (None, "elsewhere")


async def test_a_cancel_before_the_first_report_names_the_order_by_the_acknowledged_id(world: JournalWorld) -> None:
    target = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    cancel = await the_proposed(world, await world.cancel(target.id))
    assert isinstance(cancel, CancelIntent)
    assert (cancel.target_link_id, cancel.target_exchange_order_id) == (link_id_of(target.id), "x-1")
    assert not cancel.target_final


async def test_a_cancel_of_what_never_became_an_order_has_nothing_to_cancel(world: JournalWorld) -> None:
    target, request = await opened(world)
    asked = await world.cancel(target.id)
    await world.journal.answer(target, request, AnsweredRefused(WHY, TRACE))
    cancel = await the_proposed(world, asked)
    assert isinstance(cancel, CancelIntent)
    assert cancel.target_final


async def test_only_live_orders_are_to_be_found_again(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent), order_report("filled", order_id="done", filled="0.5")], "stream")
    assert [order.exchange_order_id for order in await world.journal.live_orders()] == ["x-1"]


async def test_an_acknowledged_order_that_is_not_reported_is_to_be_found_too_once_its_report_is_due(
    world: JournalWorld,
) -> None:
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    assert await world.journal.live_orders() == []
    await world.make_report_due(intent.id)
    (live,) = await world.journal.live_orders()
    assert (live.exchange_order_id, live.link_id, live.state) == ("x-1", link_id_of(intent.id), "acknowledged")
    await world.journal.book([report_of(intent, "filled", filled="0.5")], "stream")
    assert await world.journal.live_orders() == []


async def test_a_live_order_is_fresh_until_every_read_should_show_what_was_reported(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    await world.journal.book([report_of(intent)], "stream")
    assert [order.is_fresh for order in await world.journal.live_orders()] == [True]
    await world.make_report_due(intent.id)
    assert [order.is_fresh for order in await world.journal.live_orders()] == [False]
    await world.journal.book([report_of(intent, "partially_filled", filled="0.1", at=2)], "stream")
    assert [order.is_fresh for order in await world.journal.live_orders()] == [True]


async def test_until_when_executions_are_known_is_not_told_by_the_newest_of_them(world: JournalWorld) -> None:
    """A look-up books the fills of one order; those of others that came before may still be unread."""
    assert await world.journal.executions_read_until() is None
    await world.journal.book([replace(fill("e-1"), executed_at=datetime(2026, 2, 1, tzinfo=UTC))], "reconciliation")
    assert await world.journal.executions_read_until() is None
    await world.journal.note_executions_read(SIGNED)
    await world.journal.note_executions_read(SIGNED - timedelta(hours=1))
    assert await world.journal.executions_read_until() == SIGNED


async def test_the_answer_to_a_request_is_written_once(world: JournalWorld) -> None:
    intent, request = await opened(world)
    await world.journal.answer(intent, request, AnsweredAgainLater(WHY, TRACE))
    await world.journal.answer(intent, request, AnsweredNotSent(WHY, TRACE, retry=False))
    assert await world.requests(intent.id) == [(1, "refused")]
    assert await world.state(intent.id) == "expired"


async def test_what_is_read_again_changes_nothing_and_what_is_new_among_it_is_booked(world: JournalWorld) -> None:
    """A reading lists all that is open or ended lately; nearly all of it is known."""
    known = [order_report(order_id=f"x-{number}") for number in range(4)]
    fills = [fill(f"e-{number}", order_id="x-0") for number in range(4)]
    await world.journal.book([*known, *fills], "stream")
    before = await world.events()
    await world.journal.book([*known, *fills], "reconciliation")
    assert await world.events() == before

    moved = order_report(order_id="x-2", at=2, price=Decimal(61000))
    back = order_report(order_id="x-2", at=3)
    ended = order_report("cancelled", order_id="x-1", at=2)
    late = order_report(order_id="x-1", at=3)
    new = [order_report(order_id="x-9"), fill("e-9", order_id="x-9")]
    await world.journal.book([*known, moved, back, ended, late, *fills, *new], "reconciliation")
    told = [event.kind for event in (await world.events())[len(before) :]]
    assert (told.count("order"), told.count("fill")) == (4, 1), "moved, back, ended, new; of the fills the new one"
    states = {name: order[2] for name in ("x-0", "x-1", "x-9") if (order := await world.order(name)) is not None}
    assert states == {"x-0": "working", "x-1": "cancelled", "x-9": "working"}
    assert (await world.terms("x-2"))[1] == Decimal(60000)


async def test_an_older_position_report_changes_nothing(world: JournalWorld) -> None:
    await world.journal.book([position("0.5", sequence=7, at=7)], "stream")
    before = await world.events()
    await world.journal.book([position("0.2", sequence=6, at=7), position("0.3", sequence=7, at=6)], "stream")
    assert await world.size() == Decimal("0.5")
    assert await world.events() == before


async def test_a_position_that_was_asked_for_while_flat_does_not_hide_the_fill_that_came_before(
    world: JournalWorld,
) -> None:
    """The answer bears the time of the question; the fill was earlier, and its report comes after it."""
    await world.journal.book([position("0", side=None, sequence=1, at=9)], "reconciliation")
    await world.journal.book([position("0.5", sequence=2, at=5)], "stream")
    assert await world.size() == Decimal("0.5")


async def test_positions_absent_from_a_whole_list_are_flat(world: JournalWorld) -> None:
    held = position("0.5")
    await world.journal.book([held], "stream")
    await world.journal.flatten_absent([held])
    assert await world.size() == Decimal("0.5")
    await world.journal.flatten_absent([])
    assert await world.size() == Decimal(0)
    before = await world.events()
    await world.journal.flatten_absent([])
    assert await world.events() == before


async def test_the_first_look_at_a_position_sets_its_base_and_fills_must_add_up_from_there(world: JournalWorld) -> None:
    old = position("2", sequence=1)
    await world.journal.book([old], "reconciliation")
    assert await world.journal.position_breaks([old]) == []

    grown = position("2.5", sequence=2, at=2)
    await world.journal.book([grown], "reconciliation")
    assert await world.journal.position_breaks([grown]) == [Drift("position.size", "linear:BTCUSDT", "2", "2.5")]

    await world.journal.book([fill("e-1", "0.5")], "reconciliation")
    assert await world.journal.position_breaks([grown]) == []

    short = position("0.5", side="Sell", sequence=3, at=3)
    await world.journal.book([fill("e-2", "3", side="Sell"), short], "reconciliation")
    assert await world.journal.position_breaks([short]) == []


async def test_fills_of_a_position_that_a_whole_list_does_not_name_must_add_up_to_nothing(world: JournalWorld) -> None:
    held = position("0.5")
    await world.journal.book([fill("e-1", "0.5"), held], "reconciliation")
    assert await world.journal.position_breaks([held]) == []
    assert await world.journal.position_breaks([]) == [Drift("position.size", "linear:BTCUSDT", "0.5", "0")]
    await world.journal.book([fill("e-2", "0.5", side="Sell")], "reconciliation")
    assert await world.journal.position_breaks([]) == []


async def test_positions_are_not_compared_while_a_fill_is_booked_that_was_not_read_with_them(
    world: JournalWorld,
) -> None:
    """Something else found it while the reading was under way: a base that was set now would be wrong for ever."""
    held, grown = position("0.5"), position("0.8", sequence=2, at=2)
    read, found = fill("e-1", "0.5"), fill("e-2", "0.3")
    await world.journal.book([read, held, found], "reconciliation")
    since = min(read.executed_at, found.executed_at)
    assert await world.journal.position_breaks([held], Listed.of([read], since)) is None
    assert await world.journal.position_breaks([grown], Listed.of([read, found], since)) == []
    assert await world.journal.position_breaks([held], Listed.of([read, found], since)) == [
        Drift("position.size", "linear:BTCUSDT", "0.8", "0.5")
    ]
    # What is older than what was read cannot be missing from it, and neither can a spot fill move a contract.
    later = max(read.executed_at, found.executed_at) + timedelta(seconds=1)
    assert await world.journal.position_breaks([grown], Listed.of([], later)) == []


async def test_legs_are_not_compared_while_a_fill_waits_for_its_order_to_say_of_which_it_is(
    world: JournalWorld,
) -> None:
    """Read between the lists of orders and of fills, somebody else's comes alone: a base that was set then counted it
    twice once its order was known."""
    short = position("0.5", side="Sell", position_index=2)
    alone = fill("e-1", "0.5", side="Sell")
    await world.journal.book([alone, short], "reconciliation")
    read = Listed.of([alone], alone.executed_at)
    assert await world.journal.position_breaks([short], read) is None
    await world.journal.book([order_report("filled", filled="0.5", side="Sell", position_index=2)], "reconciliation")
    assert await world.journal.position_breaks([short], read) == []
    assert await world.journal.position_breaks([], read) == [
        Drift("position.size", "linear:BTCUSDT:short", "-0.5", "0")
    ]


async def test_positions_are_not_compared_while_an_order_of_a_contract_is_under_way(world: JournalWorld) -> None:
    """It may have moved a position with a fill that is not listed yet, whoever sent it."""
    held, nothing = position("0.5"), Listed.of([], SIGNED)
    await world.journal.book([held], "reconciliation")
    assert await world.journal.position_breaks([held], nothing) == []
    spot, _ = await opened(world, category="spot")
    assert await world.journal.position_breaks([held], nothing) == []

    sent, request = await opened(world)
    assert await world.journal.position_breaks([held], nothing) is None
    await world.journal.answer(sent, request, AnsweredUnknown(WHY, TRACE))
    assert await world.journal.position_breaks([held], nothing) is None
    await world.journal.resolve(sent, happened=True)
    assert await world.journal.position_breaks([held], nothing) is None, "it is not reported yet"
    await world.journal.book([report_of(sent)], "stream")
    assert await world.journal.position_breaks([held], nothing) == []

    never = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-2"), TRACE))
    assert await world.journal.position_breaks([held], nothing) is None
    await world.make_report_due(never.id)
    assert await world.journal.position_breaks([held], nothing) == [], "it is missing, which is told"
    assert await world.state(spot.id) == "sending"


async def test_funding_moves_no_quantity(world: JournalWorld) -> None:
    held = position("0.5")
    await world.journal.book([held], "reconciliation")
    assert await world.journal.position_breaks([held]) == []
    await world.journal.book([fill("f-1", "0.5", exec_type="Funding")], "reconciliation")
    assert await world.journal.position_breaks([held]) == []


async def test_a_difference_is_told_once(world: JournalWorld) -> None:
    drift = Drift("order.missing", "x-9", "working", "")
    await world.journal.record_drift([drift])
    await world.journal.record_drift([drift])
    assert await world.drifts() == (1, ["order.missing"])


async def test_the_wallet_is_taken_and_told_when_it_changes(world: JournalWorld) -> None:
    await world.journal.book([wallet("100000")], "stream")
    await world.journal.book([wallet("100000")], "reconciliation")
    await world.journal.book([wallet("99999.5")], "stream")
    assert await world.wallet_balance() == Decimal("99999.5")
    assert [event.kind for event in await world.events()] == ["balances", "balances"]


async def test_an_older_report_of_the_wallet_changes_nothing(world: JournalWorld) -> None:
    await world.journal.book([wallet("90000", at=5)], "stream")
    before = await world.events()
    await world.journal.book([wallet("100000", at=4)], "reconciliation")
    assert await world.wallet_balance() == Decimal("90000")
    assert await world.events() == before
    await world.journal.book([wallet("80000", at=5)], "stream")
    assert await world.wallet_balance() == Decimal("80000")


async def test_a_wallet_that_was_asked_for_later_is_newer_though_the_clock_of_the_exchange_was_put_back(
    world: JournalWorld,
) -> None:
    await world.journal.book([wallet("90000", at=5)], "stream")
    reading = await world.journal.begin_reading()
    assert reading.wallet_at == wallet(at=5).reported_at
    await world.journal.book([replace(wallet("80000", at=4), read_after=reading.wallet_at)], "reconciliation")
    assert await world.wallet_balance() == Decimal("80000")
    await world.journal.book([wallet("70000", at=4.5)], "stream")
    assert await world.wallet_balance() == Decimal("70000"), "from here on that clock counts"
    await world.journal.book([replace(wallet("60000", at=4), read_after=reading.wallet_at)], "reconciliation")
    assert await world.wallet_balance() == Decimal("70000"), "the stream told another meanwhile"


async def test_the_sessions_state_is_told_when_it_changes(world: JournalWorld) -> None:
    await world.journal.set_session("reconciling", None)
    await world.journal.set_session("reconciling", None)
    await world.journal.set_session("degraded", Fault("session.stream_down", {"cause": "link.closed"}, "closed"))
    await world.journal.set_session("degraded", Fault("session.stream_down", {"cause": "link.silent"}, "silent"))
    assert [event.kind for event in await world.events()] == ["session"] * 3


async def test_events_are_numbered_without_gaps_and_told_once_a_transaction(world: JournalWorld) -> None:
    intent, request = await opened(world)
    await world.journal.answer(intent, request, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    await world.journal.book([report_of(intent, filled="0.2"), fill("e-1", "0.2"), position("0.2"), wallet()], "stream")
    await world.journal.book([report_of(intent, filled="0.2"), wallet()], "stream")
    events = await world.events()
    assert [event.seq for event in events] == list(range(1, 7))
    assert [event.kind for event in events] == ["order", "order", "order", "fill", "position", "balances"]
    assert [event.source for event in events] == ["owner", "rest", "stream", "stream", "stream", "stream"]
    assert [event.ref for event in events[:3]] == [intent.id] * 3
    assert await world.notifications() == [1, 2, 6]


async def test_events_that_nobody_resumes_from_are_dropped_and_what_they_alone_keep_stays(world: JournalWorld) -> None:
    intent, _ = await opened(world)
    for number in range(1, 5):
        await world.journal.book([wallet(str(1000 + number))], "stream")
    await world.journal.record_drift([Drift("order.missing", "x-9", "working", "")])
    await world.journal.book([wallet("2000"), fill("e-1", link_id=link_id_of(intent.id))], "stream")
    await world.journal.forget_events(keep=3)
    left = [(event.seq, event.kind) for event in await world.events()]
    assert left == [(1, "order"), (6, "drift"), (7, "balances"), (8, "fill")]
    await world.journal.book([report_of(intent)], "stream")
    assert (await world.events())[-1].seq == 9
    assert (await world.notifications())[-1] == 9


async def test_what_is_told_of_a_cancel_is_told_of_its_order(world: JournalWorld) -> None:
    target = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    cancel = await the_proposed(world, await world.cancel(target.id))
    await world.journal.open_request(cancel, RequestId(uuid4()))
    last = (await world.events())[-1]
    assert (last.kind, last.ref) == ("order", UUID(str(target.id)))


# Changes of what is there: amends, leverage, exits, reverses.


async def working_place(world: JournalWorld, **changes: Any) -> Intent:
    """An order that the exchange took and reported as `x-1`."""
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    await world.journal.book([report_of(intent, **changes)], "stream")
    return intent


async def any_proposed(world: JournalWorld, intent_id: IntentId) -> Any:
    """Of whatever kind it is."""
    return await the_proposed(world, intent_id)


async def acknowledged_change(world: JournalWorld, intent_id: IntentId) -> Any:
    intent = await the_proposed(world, intent_id)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    about_order = isinstance(intent, AmendIntent)
    order_id = ExchangeOrderId("x-1") if about_order else None
    await world.journal.answer(intent, request, AnsweredAcknowledged(order_id, TRACE))
    return intent


async def test_an_order_of_every_part_is_held_as_it_was_asked(world: JournalWorld) -> None:
    trigger = Trigger(price=Decimal(61000), by="MarkPrice", rises=True)
    take_profit = Exit(trigger_price=Decimal(65000), trigger_by="IndexPrice", limit_price=Decimal("64999.5"))
    asked = await world.place(
        trigger=trigger, take_profit=take_profit, stop_loss=Exit(trigger_price=Decimal(59000)), price=Decimal(61100)
    )
    intent = await the_proposed(world, asked)
    assert isinstance(intent, PlaceIntent)
    order = intent.order
    assert (order.trigger, order.take_profit, order.stop_loss) == (
        trigger,
        take_profit,
        Exit(trigger_price=Decimal(59000)),
    )
    assert (order.quantity_unit, order.slippage_percent, intent.reduces) == ("base", None, False)


async def test_an_amend_names_its_order_and_only_what_differs(world: JournalWorld) -> None:
    target = await working_place(world)
    amend = await any_proposed(world, await world.amend(target.id, price=Decimal(60000), quantity=Decimal("0.7")))
    assert (amend.target_link_id, amend.target_exchange_order_id) == (link_id_of(target.id), "x-1")
    assert amend.asked == OrderChange(price=Decimal(60000), quantity=Decimal("0.7"))
    assert amend.change == OrderChange(quantity=Decimal("0.7"))
    assert (amend.reduces, amend.is_behind, amend.target_final) == (False, False, False)
    assert amend.valid_until is not None


async def test_an_amend_that_only_takes_quantity_off_reduces_and_goes_before_openings(world: JournalWorld) -> None:
    target = await working_place(world)
    await world.place()
    less = await world.amend(target.id, quantity=Decimal("0.1"))
    await world.amend(target.id, quantity=Decimal("0.1"), price=Decimal(59000))
    proposed = await world.journal.proposed()
    assert proposed[0].id == less
    assert [intent.reduces for intent in proposed] == [True, False, False]
    spans = [intent.valid_until for intent in proposed]
    assert spans[0] > spans[1] + timedelta(minutes=4), "it waits for a worker that starts anew"  # type: ignore[operator]


async def test_an_amend_is_behind_an_earlier_one_until_that_is_read_back(world: JournalWorld) -> None:
    target = await working_place(world)
    first = await any_proposed(world, await world.amend(target.id, price=Decimal(59000)))
    second = await world.amend(target.id, price=Decimal(58000))
    seen = [(await any_proposed(world, second)).is_behind]
    request = await world.journal.open_request(first, RequestId(uuid4()))
    assert request is not None
    seen.append((await any_proposed(world, second)).is_behind)
    await world.journal.answer(first, request, AnsweredUnknown(WHY, TRACE))
    seen.append((await any_proposed(world, second)).is_behind)
    await world.journal.resolve(first, happened=True)
    seen.append((await any_proposed(world, second)).is_behind)
    await world.journal.confirm(first, [report_of(target, at=2, price=Decimal(59000))], "reconciliation")
    seen.append((await any_proposed(world, second)).is_behind)
    assert seen == [False, True, True, True, False]
    other = await any_proposed(world, await world.amend(target.id, price=Decimal(57000)))
    assert not other.is_behind, "one that is only proposed has overtaken nobody"


async def test_a_leverage_is_behind_an_earlier_one_until_its_outcome_is_known(world: JournalWorld) -> None:
    first = await any_proposed(world, await world.leverage("5"))
    second = await world.leverage("6")
    request = await world.journal.open_request(first, RequestId(uuid4()))
    assert request is not None
    seen = [(await any_proposed(world, second)).is_behind]
    await world.journal.answer(first, request, AnsweredAcknowledged(None, TRACE))
    seen.append((await any_proposed(world, second)).is_behind)
    assert seen == [True, False]


@pytest.mark.parametrize("kind", ["position_mode", "margin_mode"])
async def test_a_mode_is_held_as_it_was_asked_behind_an_earlier_one_until_its_outcome_is_known(
    world: JournalWorld, kind: str
) -> None:
    asked = (
        [await world.position_mode(hedge=hedge) for hedge in (True, False)]
        if kind == "position_mode"
        else [await world.margin_mode("ISOLATED_MARGIN"), await world.margin_mode("REGULAR_MARGIN")]
    )
    first, second = [await any_proposed(world, one) for one in asked]
    if kind == "position_mode":
        assert (first.instrument, first.hedge, second.hedge) == (position("0").instrument, True, False)
    else:
        assert (first.mode, second.mode) == ("ISOLATED_MARGIN", "REGULAR_MARGIN")
    assert (first.kind, first.reduces, first.is_behind, first.valid_until is None) == (kind, False, False, False)
    assert first.subject == second.subject
    request = await world.journal.open_request(first, RequestId(uuid4()))
    assert request is not None
    seen = [(await any_proposed(world, second.id)).is_behind]
    await world.journal.answer(first, request, AnsweredUnknown(WHY, TRACE))
    seen.append((await any_proposed(world, second.id)).is_behind)
    (unknown,) = await world.journal.unknowns()
    assert (unknown.intent.id, unknown.signed_by) == (first.id, SIGNED)
    await world.journal.resolve(first, happened=True)
    seen.append((await any_proposed(world, second.id)).is_behind)
    assert seen == [True, True, False]
    (unread,) = (await world.journal.begin_reading()).unread
    assert unread.id == first.id


async def test_modes_that_were_read_are_marked_kept_and_told_once(world: JournalWorld) -> None:
    legs = [position("0", side=None, position_index=1), position("0", side=None, position_index=2)]
    mode = SymbolMode(instrument=legs[0].instrument, hedge=True)
    switch = await acknowledged_change(world, await world.position_mode(hedge=True))
    margin = await acknowledged_change(world, await world.margin_mode("ISOLATED_MARGIN"))
    told = len(await world.events())
    for _ in range(2):
        await world.journal.confirm(switch, [mode, *legs], "reconciliation")
        await world.journal.confirm(margin, [AccountModes(margin_mode="ISOLATED_MARGIN")], "reconciliation")
    assert [event.kind for event in (await world.events())[told:]] == ["session", "session"]
    assert await world.is_read_back(switch.id)
    assert await world.is_read_back(margin.id)
    assert (await world.hedged("BTCUSDT"), await world.hedged("ETHUSDT")) == (True, None)
    assert (await world.reconciled())[1] == "ISOLATED_MARGIN"
    await world.journal.book([replace(mode, hedge=False)], "reconciliation")
    assert await world.hedged("BTCUSDT") is False
    assert [event.kind for event in (await world.events())[told:]] == ["session"] * 3


async def test_at_a_take_over_a_mode_that_was_not_sent_expires(world: JournalWorld) -> None:
    asked = [await world.position_mode(hedge=True), await world.margin_mode("ISOLATED_MARGIN")]
    await world.journal.take_over()
    assert [await world.state(one) for one in asked] == ["expired", "expired"]


async def test_an_order_and_exits_keep_their_leg(world: JournalWorld) -> None:
    await world.journal.book([position("0.5", position_index=1)], "stream")
    order = await any_proposed(world, await world.place(position_index=1))
    assert order.order.position_index == 1
    exits = await any_proposed(
        world,
        await world.exits(
            trailing_stop=Decimal(500), trailing_active_price=Decimal(70000), stop_loss=Decimal(1), position_index=1
        ),
    )
    assert exits.exits == PositionExits(
        trailing_stop=Decimal(500), trailing_active_price=Decimal(70000), stop_loss=Decimal(1), position_index=1
    )
    await world.journal.book([position("0.5", side="Sell", position_index=2, at=2, sequence=7)], "stream")
    assert not (await any_proposed(world, exits.id)).is_outdated, "the other leg is none of theirs"
    await world.journal.book([position("0.5", side="Sell", position_index=1, at=3, sequence=8)], "stream")
    assert (await any_proposed(world, exits.id)).is_outdated


async def test_each_leg_is_held_against_the_fills_of_its_own_orders(world: JournalWorld) -> None:
    long, short = position("0.5", position_index=1), position("0.3", side="Sell", position_index=2)
    await world.journal.book([fill("e-1", order_id="s", side="Sell", quantity=Decimal("0.3"))], "stream")
    await world.journal.book(
        [
            order_report("filled", order_id="l", position_index=1, filled="0.5"),
            order_report("filled", order_id="s", side="Sell", position_index=2, filled="0.3"),
            fill("e-2", order_id="l", quantity=Decimal("0.5")),
            long,
            short,
        ],
        "stream",
    )
    assert await world.legs_of_fills() == {"e-1": 2, "e-2": 1}
    assert await world.journal.position_breaks([long, short]) == []
    more, less = replace(long, size=Decimal("0.6")), replace(short, size=Decimal("0.4"))
    assert [(one.subject, one.ours, one.theirs) for one in await world.journal.position_breaks([more, less])] == [
        ("linear:BTCUSDT:long", "0.5", "0.6"),
        ("linear:BTCUSDT:short", "-0.3", "-0.4"),
    ]


async def test_what_the_owner_closes_is_the_leg_of_that_side(world: JournalWorld) -> None:
    legs = [position("0.5", position_index=1), position("0.3", side="Sell", position_index=2)]
    await world.journal.book(legs, "stream")
    body = close_body(str(uuid4()), side="Sell")
    assert await world.journal.propose(body, source="kill", reason=NAKED) == "proposed"
    order = (await any_proposed(world, body.id)).order
    assert (order.side, order.quantity, order.position_index) == ("Buy", Decimal("0.3"), 2)


async def test_an_order_of_the_kill_switch_is_expected_also_after_its_first_attempt_was_refused(
    world: JournalWorld,
) -> None:
    """It is sent again by its own id, and its order may be told before that attempt has come out of the spool."""
    await world.journal.book([position("0.5")], "stream")
    body = close_body(str(uuid4()))
    assert await world.journal.propose(body, source="kill", reason=NAKED) == "proposed"
    intent = await any_proposed(world, body.id)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(intent, request, AnsweredRefused(WHY, TRACE))
    assert await world.state(intent.id) == "rejected"
    await world.journal.book([report_of(intent, "filled", filled="0.5")], "stream")
    assert await world.state(intent.id) == "acknowledged"
    assert await world.drifts() == (0, [])


async def test_what_an_acknowledged_change_came_to_is_booked_and_marked_in_one(world: JournalWorld) -> None:
    target = await working_place(world)
    amend = await acknowledged_change(world, await world.amend(target.id, price=Decimal(59000)))
    assert not await world.is_read_back(amend.id)
    unread = (await world.journal.begin_reading()).unread
    assert [intent.id for intent in unread] == [amend.id]
    await world.journal.confirm(amend, [report_of(target, at=2, price=Decimal(59000))], "reconciliation")
    assert await world.is_read_back(amend.id)
    assert (await world.terms("x-1"))[1] == Decimal(59000)
    assert (await world.journal.begin_reading()).unread == []
    last = (await world.events())[-1]
    assert (last.kind, last.source, last.ref) == ("order", "reconciliation", target.id)
    before = await world.events()
    await world.journal.confirm(amend, [], "reconciliation")
    assert await world.events() == before


async def test_what_is_not_acknowledged_is_not_marked_as_read_back(world: JournalWorld) -> None:
    target = await working_place(world)
    amend = await any_proposed(world, await world.amend(target.id, price=Decimal(59000)))
    await world.journal.confirm(amend, [report_of(target, at=2, quantity=Decimal("0.4"))], "reconciliation")
    assert not await world.is_read_back(amend.id)
    assert (await world.terms("x-1"))[0] == Decimal("0.4"), "what was read is booked all the same"


async def test_leverage_and_exits_tell_no_order_and_whoever_waits_is_told_to_look(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    told = len(await world.events())
    leverage = await acknowledged_change(world, await world.leverage("25"))
    exits = await acknowledged_change(world, await world.exits(stop_loss=Decimal(58000)))
    assert (await world.notifications())[1:] == [told] * 4
    assert len(await world.events()) == told
    read = position("0.5", leverage=Decimal(25), stop_loss=Decimal(58000))
    await world.journal.confirm(leverage, [read], "reconciliation")
    await world.journal.confirm(exits, [read], "reconciliation")
    assert await world.stops() == (None, Decimal(58000), Decimal(25))
    assert [event.kind for event in (await world.events())[told:]] == ["position"]
    assert await world.is_read_back(leverage.id)
    assert await world.is_read_back(exits.id)


async def test_exits_that_remove_one_do_not_protect_whatever_else_they_set(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    protects = await any_proposed(world, await world.exits(stop_loss=Decimal(58000)))
    removes = await any_proposed(world, await world.exits(stop_loss=Decimal(0), take_profit=Decimal(65000)))
    assert (protects.reduces, removes.reduces) == (True, False)
    assert protects.valid_until > removes.valid_until + timedelta(minutes=4)
    await world.journal.take_over()
    assert [intent.id for intent in await world.journal.proposed()] == [protects.id]


async def test_exits_wait_for_earlier_ones_that_may_still_arrive_and_no_longer(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    first = await any_proposed(world, await world.exits(stop_loss=Decimal(58000)))
    second = await world.exits(stop_loss=Decimal(59000))
    seen = [(await any_proposed(world, second)).is_behind]
    request = await world.journal.open_request(first, RequestId(uuid4()))
    assert request is not None
    seen.append((await any_proposed(world, second)).is_behind)
    await world.journal.answer(first, request, AnsweredUnknown(WHY, TRACE))
    seen.append((await any_proposed(world, second)).is_behind)
    await world.make_report_due(first.id)  # 30 s later
    seen.append((await any_proposed(world, second)).is_behind)
    assert seen == [False, True, True, False]


@pytest.mark.parametrize("state", ["sending", "unknown", "acknowledged", "working", "filled"])
async def test_a_reverse_stands_behind_what_may_move_its_position(world: JournalWorld, state: str) -> None:
    """Sent now, it could turn a position that is another one already."""
    await world.journal.book([position("0.5")], "stream")
    turn = await world.reverse()
    other = await the_proposed(
        world, await world.place(order_type="Market", price=None, time_in_force="IOC", slippage_percent=Decimal(1))
    )
    request = await world.journal.open_request(other, RequestId(uuid4()))
    assert request is not None
    if state == "unknown":
        await world.journal.answer(other, request, AnsweredUnknown(WHY, TRACE))
    elif state != "sending":
        await world.journal.answer(other, request, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    if state in ("working", "filled"):
        market = {"order_type": "Market", "time_in_force": "IOC", "filled": "0.5" if state == "filled" else "0.1"}
        await world.journal.book([report_of(other, state, at=5, **market)], "stream")
    intent = await any_proposed(world, turn)
    assert (intent.is_behind, intent.is_outdated) == (True, False)
    assert await world.journal.open_request(intent, RequestId(uuid4())) is None
    assert (await world.state(turn), await world.reason(turn)) == ("refused", "position.changed")
    assert await world.requests(turn) == []


async def test_a_reverse_does_not_wait_for_orders_that_rest_and_for_what_the_position_was_told_after(
    world: JournalWorld,
) -> None:
    resting = await working_place(world)
    await world.journal.book([report_of(resting, "partially_filled", at=5, filled="0.2")], "stream")
    await world.journal.book([position("0.2", at=5)], "stream")
    intent = await any_proposed(world, await world.reverse())
    assert (intent.is_behind, intent.is_outdated) == (False, False)
    assert await world.journal.open_request(intent, RequestId(uuid4())) is not None


async def test_each_attempt_of_a_reverse_is_judged_by_the_position_of_its_moment(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    intent = await the_proposed(world, await world.reverse())
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(intent, request, AnsweredAgainLater(WHY, TRACE))
    await world.journal.flatten_absent([])
    assert await world.journal.open_request(intent, RequestId(uuid4())) is None
    assert (await world.state(intent.id), await world.reason(intent.id)) == ("expired", "position.changed")
    assert await world.requests(intent.id) == [(1, "refused")]


async def test_exits_are_not_meant_for_a_position_that_was_turned(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    exits = await any_proposed(world, await world.exits(stop_loss=Decimal(58000)))
    await world.journal.book([position("0.5", side="Sell", at=2)], "stream")
    assert await world.journal.open_request(exits, RequestId(uuid4())) is None
    assert (await world.state(exits.id), await world.reason(exits.id)) == ("refused", "position.changed")


async def test_an_amend_that_was_to_take_off_never_makes_an_order_larger(world: JournalWorld) -> None:
    target = await working_place(world)
    less = await any_proposed(world, await world.amend(target.id, quantity=Decimal("0.3")))
    await world.journal.book([report_of(target, at=2, quantity=Decimal("0.1"))], "stream")
    now = await any_proposed(world, less.id)
    assert (less.reduces, less.is_outdated, now.reduces, now.is_outdated) == (True, False, False, True)
    assert await world.journal.open_request(less, RequestId(uuid4())) is None
    assert (await world.state(less.id), await world.reason(less.id)) == ("refused", "order.changed")


async def test_a_cancel_is_early_while_nobody_knows_whether_there_is_an_order(world: JournalWorld) -> None:
    target, request = await opened(world)
    cancel = await world.cancel(target.id)
    seen = [(await any_proposed(world, cancel)).is_early]
    await world.journal.answer(target, request, AnsweredUnknown(WHY, TRACE))
    seen.append((await any_proposed(world, cancel)).is_early)
    await world.journal.book([report_of(target)], "stream")
    found = await any_proposed(world, cancel)
    assert [*seen, found.is_early] == [True, True, False]
    assert found.target_exchange_order_id == "x-1"


async def test_a_cancel_whose_order_is_gone_is_rejected_and_one_whose_order_ended_is_not_sent_again(
    world: JournalWorld,
) -> None:
    target = await working_place(world)
    gone, late = [await any_proposed(world, await world.cancel(target.id)) for _ in range(2)]
    for cancel in (gone, late):
        request = await world.journal.open_request(cancel, RequestId(uuid4()))
        assert request is not None
        await world.journal.answer(cancel, request, AnsweredAgainLater(WHY, TRACE))
    await world.journal.reject(gone, WHY)
    await world.journal.book([report_of(target, "filled", at=2, filled="0.5")], "stream")
    assert await world.journal.open_request(late, RequestId(uuid4())) is None
    assert (await world.state(gone.id), await world.reason(gone.id)) == ("rejected", WHY.code)
    assert (await world.state(late.id), await world.reason(late.id)) == ("expired", "order.already_final")


@pytest.mark.parametrize(("code", "is_duplicate"), [("exchange.duplicate", True), ("exchange.unknown", False)])
async def test_an_unknown_says_whether_the_exchange_called_it_a_duplicate(
    world: JournalWorld, code: str, is_duplicate: bool
) -> None:
    await answered(world, AnsweredUnknown(Reason(code), TRACE))
    (unknown,) = await world.journal.unknowns()
    assert unknown.is_duplicate is is_duplicate


async def test_at_a_take_over_what_opens_expires_and_what_was_sent_is_unknown(world: JournalWorld) -> None:
    target = await working_place(world)
    leverage = await world.leverage("5")
    less, waiting = (
        await world.amend(target.id, quantity=Decimal("0.1")),
        await world.amend(target.id, price=Decimal(59000)),
    )
    more = await world.amend(target.id, quantity=Decimal("0.3"))  # less than there is, and more than was just asked
    sent = await any_proposed(world, await world.leverage("6"))
    assert await world.journal.open_request(sent, RequestId(uuid4())) is not None
    await world.journal.take_over()
    states = [await world.state(intent_id) for intent_id in (leverage, waiting, more, less, sent.id)]
    assert states == ["expired", "expired", "expired", "proposed", "unknown"]


async def test_a_reverse_is_outdated_once_the_position_is_another(world: JournalWorld) -> None:
    await world.journal.book([position("0.5")], "stream")
    turn = await world.reverse()
    intent = await the_proposed(world, turn)
    assert isinstance(intent, PlaceIntent)
    assert (intent.order.side, intent.order.quantity, intent.order.reduce_only) == ("Sell", Decimal("1.0"), False)
    seen = [intent.is_outdated]
    for changed in (position("0.6", at=2), position("0.5", at=3), position("0.5", side="Sell", at=4)):
        await world.journal.book([changed], "stream")
        found = await the_proposed(world, turn)
        assert isinstance(found, PlaceIntent)
        seen.append(found.is_outdated)
    await world.journal.flatten_absent([])
    gone = await the_proposed(world, turn)
    assert isinstance(gone, PlaceIntent)
    assert [*seen, gone.is_outdated] == [False, True, False, True, True]


async def test_an_amended_order_is_told_with_its_new_terms(world: JournalWorld) -> None:
    target = await working_place(world)
    changed = report_of(target, at=2, price=Decimal(59000), trigger_price=Decimal(1), stop_loss=Decimal(50000))
    await world.journal.book([changed], "stream")
    assert await world.terms("x-1") == (Decimal("0.5"), Decimal(59000), Decimal(1), Decimal(50000))
    before = await world.events()
    await world.journal.book([report_of(target, at=1)], "reconciliation")
    assert await world.events() == before, "what came before the amend changes nothing any more"


@pytest.mark.parametrize("named", [{"stop_order_type": "StopLoss"}, {"parent_link_id": "tw-anything"}])
async def test_an_exit_that_the_exchange_made_belongs_to_nobody_and_is_no_difference(
    world: JournalWorld, named: dict[str, str]
) -> None:
    await world.journal.book([order_report("waiting_trigger", order_id="leg", reduce_only=True, **named)], "stream")
    row = await world.order("leg")
    assert row is not None
    assert row[1] is None
    assert await world.drifts() == (0, [])


async def test_spot_coins_are_locked_and_no_position_is_missed(world: JournalWorld) -> None:
    spot = InstrumentId("spot", "BTCUSDT")
    zero = Decimal(0)
    coin = CoinBalance(
        coin="BTC", wallet_balance=Decimal(2), equity=Decimal(2), order_margin=zero, position_margin=zero,
        unrealised_pnl=zero, locked=Decimal("0.5"), usd_value=Decimal(120000),
    )  # fmt: skip
    held = replace(wallet(), coins={**wallet().coins, "BTC": coin})
    await world.journal.book([fill("e-1", "2", instrument=spot), held], "stream")
    assert (await world.locked("BTC"), await world.locked("USDT")) == (Decimal("0.5"), zero)
    assert await world.journal.position_breaks([]) == []
    before = await world.events()
    await world.journal.book([held], "reconciliation")
    assert await world.events() == before
    await world.journal.book([replace(held, coins={"BTC": replace(coin, locked=zero)})], "stream")
    assert [event.kind for event in (await world.events())[len(before) :]] == ["balances"]


async def test_when_everything_was_read_is_kept_and_told_only_with_another_margin_mode(world: JournalWorld) -> None:
    assert await world.reconciled() == (False, None)
    reading = await world.journal.begin_reading()
    await world.journal.note_reconciled(reading.began_at, AccountModes(margin_mode="REGULAR_MARGIN"))
    assert await world.reconciled() == (True, "REGULAR_MARGIN")
    assert [event.kind for event in await world.events()] == ["session"]
    await world.journal.note_reconciled(reading.began_at, AccountModes(margin_mode="REGULAR_MARGIN"))
    assert [event.kind for event in await world.events()] == ["session"]
    assert await world.notifications() == [1, 1]


async def test_what_the_exchange_says_of_a_symbol_is_kept_and_replaced(world: JournalWorld) -> None:
    btc = InstrumentId("linear", "BTCUSDT")
    assert await world.symbol("BTCUSDT") is None
    for leverage, rates in (
        ("10", FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"), assumed=True)),
        ("25", FeeRates(maker=Decimal("0.0001"), taker=Decimal("0.0004"))),
    ):
        await world.journal.note_symbol(SymbolFacts(instrument=btc, leverage=Decimal(leverage), rates=rates))
        assert await world.symbol("BTCUSDT") == (Decimal(leverage), rates.taker, rates.assumed)
    assert await world.events() == []
    assert await world.notifications() == [0, 0]


async def test_a_position_that_goes_flat_has_no_stops_any_more(world: JournalWorld) -> None:
    await world.journal.book([position("0.5", take_profit=Decimal(65000), stop_loss=Decimal(58000))], "stream")
    await world.journal.flatten_absent([])
    assert (await world.stops())[:2] == (None, None)


async def test_an_opened_request_says_for_how_long_it_may_still_be_sent(world: JournalWorld) -> None:
    _, request = await opened(world)
    assert request.left_s is not None
    assert 0 < request.left_s <= 10


async def test_an_order_that_nobody_shows_any_more_ends_as_unseen_and_comes_back_if_it_is_shown(
    world: JournalWorld,
) -> None:
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    await world.journal.book([report_of(intent, exchange_order_id="x-1")], "stream")
    (live,) = await world.journal.live_orders()
    await world.journal.end_unseen(live)
    ended = await world.order("x-1")
    assert ended is not None
    assert ended[2] == "cancelled"
    assert await world.journal.live_orders() == []
    told = len(await world.events())
    await world.journal.end_unseen(live)
    assert len(await world.events()) == told, "it ends once"
    await world.journal.book([report_of(intent, exchange_order_id="x-1")], "reconciliation")
    back = await world.order("x-1")
    assert back is not None
    assert back[2] == "working"


async def test_what_the_exchange_has_ended_is_not_ended_as_unseen(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    await world.journal.book([report_of(intent, exchange_order_id="x-1")], "stream")
    (live,) = await world.journal.live_orders()
    filled = report_of(intent, "filled", exchange_order_id="x-1", filled_quantity=Decimal("0.5"), at=2)
    await world.journal.book([filled], "stream")
    await world.journal.end_unseen(live)
    row = await world.order("x-1")
    assert row is not None
    assert (row[2], row[3]) == ("filled", Decimal("0.5"))


async def test_coins_that_a_whole_wallet_does_not_name_are_none_and_one_of_the_stream_leaves_them(
    world: JournalWorld,
) -> None:
    usdt = wallet(at=1)
    bitcoin = CoinBalance(
        coin="BTC",
        wallet_balance=Decimal(1),
        equity=Decimal(1),
        order_margin=Decimal(0),
        position_margin=Decimal(0),
        unrealised_pnl=Decimal(0),
        locked=Decimal("0.25"),
    )
    await world.journal.book([replace(usdt, coins={**usdt.coins, "BTC": bitcoin}, is_whole=True)], "reconciliation")
    await world.journal.book([wallet("90000", at=2)], "stream")
    assert await world.locked("BTC") == Decimal("0.25")
    told = len(await world.events())
    await world.journal.book([replace(wallet("90000", at=3), is_whole=True)], "reconciliation")
    assert (await world.locked("BTC"), await world.wallet_balance()) == (Decimal(0), Decimal(90000))
    assert len(await world.events()) == told + 1
    await world.journal.book([replace(wallet("90000", at=4), is_whole=True)], "reconciliation")
    assert len(await world.events()) == told + 1, "it went to nothing once"
    await world.journal.book([replace(wallet("80000", at=2), is_whole=True)], "reconciliation")
    assert await world.wallet_balance() == Decimal(90000), "an older one changes nothing"


async def test_an_order_of_others_that_had_ended_before_it_was_known_is_no_difference(world: JournalWorld) -> None:
    await world.journal.book([order_report("cancelled", exchange_order_id="f-1", link_id="")], "reconciliation")
    await world.journal.book([order_report("filled", exchange_order_id="f-2", link_id="theirs")], "reconciliation")
    assert await world.drifts() == (0, [])
    assert await world.order("f-1") is not None


async def test_fills_of_a_hedged_symbol_are_compared_with_neither_leg(world: JournalWorld) -> None:
    legs = [position("0.3", position_index=1), position("0.2", side="Sell", position_index=2)]
    await world.journal.book(legs, "reconciliation")
    assert await world.journal.position_breaks(legs) == []
    await world.journal.book([fill("e-1", "0.1")], "stream")
    assert await world.journal.position_breaks(legs) == []


async def test_an_unknown_that_nobody_can_read_ends_with_the_reason(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredUnknown(WHY, TRACE))
    await world.journal.resolve(intent, happened=False, reason=Reason("change.unreadable"))
    assert (await world.state(intent.id), await world.reason(intent.id)) == ("not_placed", "change.unreadable")


async def test_a_spot_order_that_goes_on_under_another_id_once_it_is_set_off_stays_one_order(
    world: JournalWorld,
) -> None:
    pair = InstrumentId("spot", "BTCUSDT")
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    waiting = report_of(intent, "waiting_trigger", instrument=pair, trigger_price=Decimal(61000))
    await world.journal.book([waiting], "stream")
    set_off = report_of(intent, "working", instrument=pair, order_id="x-2", at=2)
    await world.journal.book([set_off, set_off], "stream")
    row = await world.order("x-2")
    assert row is not None
    assert (row[1], row[2]) == (intent.id, "working")
    assert await world.order("x-1") is None
    assert await world.drifts() == (0, [])
    assert [live.exchange_order_id for live in await world.journal.live_orders()] == ["x-2"]


async def test_a_contract_keeps_its_id_and_another_order_of_its_name_is_told(world: JournalWorld) -> None:
    intent = await answered(world, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    await world.journal.book([report_of(intent, "waiting_trigger", trigger_price=Decimal(61000))], "stream")
    await world.journal.book([report_of(intent, "working", order_id="x-2", at=2)], "stream")
    assert await world.drifts() == (1, ["order.duplicate"])


async def test_a_cancel_that_did_not_end_its_order_is_read_back_and_over(world: JournalWorld) -> None:
    target, other = await working_place(world), await opened(world)
    await world.journal.book([report_of(other[0], order_id="x-2")], "stream")
    without, ended = [await any_proposed(world, await world.cancel(intent.id)) for intent in (target, other[0])]
    for cancel in (without, ended):
        request = await world.journal.open_request(cancel, RequestId(uuid4()))
        assert request is not None
        await world.journal.answer(cancel, request, AnsweredAcknowledged(ExchangeOrderId("x"), TRACE))
    await world.journal.book([report_of(other[0], "cancelled", order_id="x-2", at=2)], "stream")
    (unread,) = (await world.journal.begin_reading()).unread
    assert unread.id == without.id
    await world.journal.confirm(unread, [], "reconciliation")
    assert await world.is_read_back(without.id)
    assert (await world.journal.begin_reading()).unread == []


async def test_a_fill_that_came_before_its_order_is_told_once_more_with_it(world: JournalWorld) -> None:
    await world.journal.book([fill("e-1", order_id="leg", side="Sell"), fill("e-2", order_id="other")], "stream")
    leg = order_report("filled", order_id="leg", side="Sell", stop_order_type="StopLoss", filled="0.5")
    await world.journal.book([leg], "stream")
    await world.journal.book([leg], "reconciliation")
    assert [event.kind for event in await world.events()] == ["fill", "fill", "order", "fill"]


NAKED = Reason("protection.naked")


def close_body(subject: str, **changes: Any) -> CloseBody:
    """Of an id that says what it is about: `subject` has to be unique among these tests."""
    fields: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "percent": Decimal(100)}
    fields |= {"price": None, "slippage_percent": None}
    return CloseBody(id=IntentId(made_id("close", subject)), **(fields | changes))


async def test_what_the_owner_wants_closed_is_a_reduce_only_market_order_of_the_whole_position(
    world: JournalWorld,
) -> None:
    await world.journal.book([position("0.3")], "stream")
    body = close_body(str(uuid4()))
    assert await world.journal.propose(body, source="guardian", reason=NAKED) == "proposed"
    intent = await the_proposed(world, body.id)
    assert isinstance(intent, PlaceIntent)
    order = intent.order
    assert (order.side, order.order_type, order.quantity) == ("Sell", "Market", Decimal("0.3"))
    assert (order.reduce_only, intent.closes_all, intent.reduces) == (True, True, True)
    assert order.link_id == link_id_of(body.id)
    assert intent.valid_until is None, "it never expires"
    assert [(event.kind, event.ref) for event in await world.events()][-1] == ("order", body.id)


async def test_what_the_owner_wants_is_written_down_once(world: JournalWorld) -> None:
    await world.journal.book([position("0.3")], "stream")
    body = close_body(str(uuid4()))
    await world.journal.propose(body, source="guardian", reason=NAKED)
    told = await world.events()
    assert await world.journal.propose(body, source="guardian", reason=NAKED) == "known"
    assert [intent.id for intent in await world.journal.proposed()] == [body.id]
    assert await world.events() == told
    await world.journal.refuse(await the_proposed(world, body.id), WHY)
    assert await world.journal.propose(body, source="guardian", reason=NAKED) == "known", "also once it has ended"


@pytest.mark.parametrize(("size", "side"), [("0", None), ("0.3", "Sell")])
async def test_a_position_that_is_not_there_any_more_is_not_closed(world: JournalWorld, size: str, side: Any) -> None:
    await world.journal.book([position(size, side=side)], "stream")
    body = close_body(str(uuid4()))
    assert await world.journal.propose(body, source="kill", reason=NAKED) == "moot"
    assert await world.journal.proposed() == []


@pytest.mark.parametrize("other", [{"percent": Decimal(50)}, {"price": Decimal("60000")}])
async def test_the_owner_closes_whole_positions_at_market_and_nothing_else(
    world: JournalWorld, other: dict[str, Any]
) -> None:
    await world.journal.book([position("0.3")], "stream")
    with pytest.raises(ValueError, match="give percent 100"):
        await world.journal.propose(close_body(str(uuid4()), **other), source="kill", reason=NAKED)


async def test_what_the_owner_wants_cancelled_is_cancelled_once_whoever_asked_first(world: JournalWorld) -> None:
    await world.journal.book([order_report("working", exchange_order_id="x-1", link_id="")], "stream")
    row = await world.order("x-1")
    assert row is not None
    body = CancelBody(id=IntentId(made_id("cancel", str(uuid4()))), order_id=OrderId(row[0]))
    again = CancelBody(id=IntentId(made_id("cancel", str(uuid4()))), order_id=OrderId(row[0]))
    assert await world.journal.propose(body, source="kill", reason=NAKED) == "proposed"
    assert await world.journal.propose(again, source="kill", reason=NAKED) == "known"
    intent = await the_proposed(world, body.id)
    assert isinstance(intent, CancelIntent)
    assert intent.target_exchange_order_id == "x-1"


async def test_an_order_that_has_ended_is_not_cancelled_by_the_owner(world: JournalWorld) -> None:
    await world.journal.book([order_report("filled", exchange_order_id="x-1", link_id="")], "stream")
    row = await world.order("x-1")
    assert row is not None
    for target in (row[0], uuid4()):
        body = CancelBody(id=IntentId(made_id("cancel", str(uuid4()))), order_id=OrderId(target))
        assert await world.journal.propose(body, source="kill", reason=NAKED) == "moot"


async def test_exits_that_the_owner_wants_are_for_the_side_that_the_position_has(world: JournalWorld) -> None:
    exits = PositionExits(stop_loss=Decimal("59000"), stop_loss_by="MarkPrice")
    body = ExitsBody(id=IntentId(made_id("exits", str(uuid4()))), category="linear", symbol="BTCUSDT", exits=exits)
    assert await world.journal.propose(body, source="guardian", reason=NAKED) == "moot", "there is no position"
    await world.journal.book([position("0.3")], "stream")
    within = timedelta(seconds=5)
    assert await world.journal.propose(body, source="guardian", reason=NAKED, validity=within) == "proposed"
    intent = await the_proposed(world, body.id)
    assert isinstance(intent, ExitsIntent)
    assert (intent.exits, intent.reduces, intent.is_outdated) == (exits, True, False)
    assert intent.valid_until is not None
    await world.journal.book([position("0.3", side="Sell", sequence=9, at=2)], "stream")
    again = await the_proposed(world, body.id)
    assert isinstance(again, ExitsIntent)
    assert again.is_outdated


def own_order(world: JournalWorld, **changes: Any) -> tuple[OwnOrder, PlaceIntent]:
    """What the owner itself wants to open, and as it would leave."""
    own = OwnOrder(
        body=world.new_place(**changes), source="drift", reason=Reason("order.own"), validity=timedelta(seconds=10)
    )
    return own, own.intent(SIGNED)


async def test_an_own_order_is_born_in_sending_with_its_request_and_told_once(world: JournalWorld) -> None:
    own, intent = own_order(world)
    told, notified = len(await world.events()), len(await world.notifications())
    request = await world.journal.open_own(own, intent, RequestId(uuid4()))
    assert request is not None
    assert request.attempt == 1
    assert request.left_s is not None
    assert 0 < request.left_s <= 10
    assert await world.state(intent.id) == "sending"
    assert await world.requests(intent.id) == [(1, None)]
    assert await world.journal.proposed() == []
    news = (await world.events())[told:]
    assert [(event.kind, event.source, event.ref) for event in news] == [("order", "owner", intent.id)]
    assert len(await world.notifications()) == notified + 1
    await world.journal.answer(intent, request, AnsweredAcknowledged(ExchangeOrderId("x-1"), TRACE))
    assert await world.state(intent.id) == "acknowledged"
    assert await world.requests(intent.id) == [(1, "acknowledged")]


async def test_an_own_order_whose_id_is_known_writes_nothing(world: JournalWorld) -> None:
    """It was sent before, somebody proposed it, or an order of that id was placed elsewhere."""
    own, intent = own_order(world)
    assert await world.journal.open_own(own, intent, RequestId(uuid4())) is not None
    proposed = await world.place()
    await world.journal.book([order_report("working", exchange_order_id="x-9", link_id="")], "stream")
    foreign = await world.order("x-9")
    assert foreign is not None
    told = await world.events()
    for known in (intent.id, proposed, IntentId(foreign[0])):
        again, as_sent = own_order(world, id=known)
        assert await world.journal.open_own(again, as_sent, RequestId(uuid4())) is None
    assert await world.requests(intent.id) == [(1, None)]
    assert (await world.state(proposed), await world.requests(proposed)) == ("proposed", [])
    assert await world.events() == told


async def test_an_own_order_of_an_owner_who_lost_the_account_is_not_born(world: JournalWorld) -> None:
    newer = await world.claimed()
    told = await world.events()
    own, intent = own_order(world)
    with pytest.raises(Dispossessed):
        await world.journal.open_own(own, intent, RequestId(uuid4()))
    assert await world.events() == told
    assert await newer.open_own(own, intent, RequestId(uuid4())) is not None


async def test_an_own_order_is_attempted_again_and_left_unknown_like_any_other(world: JournalWorld) -> None:
    own, intent = own_order(world)
    first = await world.journal.open_own(own, intent, RequestId(uuid4()))
    assert first is not None
    await world.journal.answer(intent, first, AnsweredAgainLater(WHY, TRACE))
    second = await world.journal.open_request(intent, RequestId(uuid4()))
    assert second is not None
    assert second.attempt == 2
    await world.journal.take_over()
    assert await world.state(intent.id) == "unknown"
    assert await world.requests(intent.id) == [(1, "refused"), (2, "unknown")]
    (unknown,) = await world.journal.unknowns()
    assert isinstance(unknown.intent, PlaceIntent)
    assert unknown.intent.order == intent.order


async def test_what_takes_off_is_no_own_order(world: JournalWorld) -> None:
    with pytest.raises(ValueError, match="propose it"):
        own_order(world, reduce_only=True)
