"""The one statement before an order's first byte, and the one after its answer, against the long way, which is the
measure of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from integration.trading.conftest import Desk
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId
from tradewright.core.order import Exit, Trigger
from tradewright.trading import queries
from tradewright.trading.journal import AnsweredAcknowledged, AnsweredRefused, OpenedRequest
from tradewright.trading.model import PlaceIntent, Reason
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.store import PostgresJournal

_RUN = UUID("0192f000-0000-7000-8000-000000000001")
_VERDICT: Any = [{"limit": "order_notional", "value": "30000", "allowed": "50000", "level": "account"}]
_ORDERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "market": {"order_type": "Market", "price": None, "time_in_force": "IOC", "slippage_percent": Decimal("0.5")},
    "with everything": {
        "note": "why",
        "trigger": Trigger(price=Decimal("61000"), rises=True, by="LastPrice"),
        "take_profit": Exit(trigger_price=Decimal("65000"), trigger_by="MarkPrice"),
        "stop_loss": Exit(trigger_price=Decimal("59000"), trigger_by="LastPrice"),
    },
}


async def waiting(desk: Desk, intent_id: IntentId) -> PlaceIntent:
    # A loaded machine may take longer than an order by hand is meant to wait.
    await _run(desk, "UPDATE intents SET valid_until = valid_until + interval '45 seconds' WHERE state = 'proposed'")
    found = next(intent for intent in await desk.journal.proposed() if intent.id == intent_id)
    assert isinstance(found, PlaceIntent)
    return found


async def last_event(desk: Desk) -> dict[str, Any]:
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM account_events ORDER BY seq DESC LIMIT 1"))
        return dict(found.mappings().one())


async def rows(desk: Desk) -> tuple[int, int, int]:
    async with desk.engine.connect() as connection:
        sequence = await connection.scalar(text("SELECT event_seq FROM accounts"))
    return int(sequence), await desk.count("account_events"), await desk.count("requests")


@pytest.mark.parametrize("changes", _ORDERS.values(), ids=_ORDERS)
async def test_what_is_told_at_once_is_the_order_as_it_then_stands(desk: Desk, changes: dict[str, Any]) -> None:
    intent = await waiting(desk, await desk.place(**changes))
    before = await rows(desk)
    opened = await desk.journal._open_at_once(replace(intent, verdict=_VERDICT), RequestId(uuid4()))
    assert opened is not None
    assert opened.attempt == 1
    assert opened.left_s is not None
    assert 0 < opened.left_s <= 60
    event = await last_event(desk)
    async with desk.engine.connect() as connection:
        stands = await queries.order_view_of(connection, desk.account_id, intent.id)
        kept = (await connection.execute(text("SELECT state, verdict FROM intents"))).one()
    assert event["payload"] == {"kind": "order", "order": stands}
    assert (event["kind"], event["source"], event["ref"]) == ("order", "owner", intent.id)
    assert stands is not None
    assert stands["status"] == "sending"
    assert tuple(kept) == ("sending", _VERDICT)
    assert await rows(desk) == tuple(number + 1 for number in before)


async def _expires(desk: Desk, intent: PlaceIntent) -> None:
    await _run(desk, "UPDATE intents SET valid_until = clock_timestamp()")


async def _is_cancelled(desk: Desk, intent: PlaceIntent) -> None:
    await desk.cancel(intent.id)


async def _changes(desk: Desk, intent: PlaceIntent) -> None:
    await _run(desk, "UPDATE intents SET version = version + 1")


async def _is_being_sent(desk: Desk, intent: PlaceIntent) -> None:
    await _run(desk, "UPDATE intents SET state = 'sending'")


async def _is_there_already(desk: Desk, intent: PlaceIntent) -> None:
    await desk.order(intent.id)


async def _is_another_account(desk: Desk, intent: PlaceIntent) -> None:
    await _run(desk, "INSERT INTO worker VALUES (gen_random_uuid(), '', '', '', 1, now(), now())")
    await _run(desk, "INSERT INTO account_owner SELECT a.id, w.id, 1, now() FROM accounts a, worker w")


async def _run(desk: Desk, statement: str) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    "meanwhile", [_expires, _is_cancelled, _changes, _is_being_sent, _is_there_already, _is_another_account]
)
async def test_nothing_is_written_at_once_of_what_is_not_as_it_was_read(
    desk: Desk, meanwhile: Callable[[Desk, PlaceIntent], Awaitable[None]]
) -> None:
    intent = await waiting(desk, await desk.place())
    await meanwhile(desk, intent)
    before = await rows(desk)
    assert await desk.journal._open_at_once(intent, RequestId(uuid4())) is None
    assert await rows(desk) == before


async def test_a_reduce_only_order_and_one_nobody_read_take_the_long_way(desk: Desk) -> None:
    intent = await waiting(desk, await desk.place())
    closing = replace(intent, order=replace(intent.order, reduce_only=True))
    assert await desk.journal._open_at_once(closing, RequestId(uuid4())) is None
    again = PostgresJournal(desk.engine, desk.home.account, clock=desk.journal._clock, ids=desk.journal._ids)
    assert await again._open_at_once(intent, RequestId(uuid4())) is None
    assert await again.open_request(intent, RequestId(uuid4())) is not None


async def test_an_older_owner_opens_nothing(desk: Desk) -> None:
    intent = await waiting(desk, await desk.place())
    await _is_another_account(desk, intent)
    before = await rows(desk)
    with pytest.raises(Dispossessed):
        await desk.journal.open_request(intent, RequestId(uuid4()))
    assert await rows(desk) == before


def own_order(desk: Desk, **changes: Any) -> tuple[OwnOrder, PlaceIntent]:
    own = OwnOrder(
        body=desk.body(**changes),
        source="bot",
        reason=Reason("order.own"),
        validity=timedelta(seconds=10),
        run_id=_RUN,
    )
    return own, replace(own.intent(desk.journal._clock.now()), verdict=_VERDICT)


async def audited(desk: Desk) -> list[dict[str, Any]]:
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM audit_entries ORDER BY at, id"))
        return [dict(row) for row in found.mappings()]


@pytest.mark.parametrize("changes", _ORDERS.values(), ids=_ORDERS)
async def test_an_own_order_is_written_as_one_that_was_asked_and_told_as_it_stands(
    desk: Desk, changes: dict[str, Any]
) -> None:
    own, intent = own_order(desk, **changes)
    before = await rows(desk)
    assert await desk.journal.open_own(own, intent, RequestId(uuid4())) is not None
    event = await last_event(desk)
    (entry,) = await audited(desk)
    asked = await desk.place(**changes)
    async with desk.engine.connect() as connection:
        stands = await queries.order_view_of(connection, desk.account_id, intent.id)
        both = {row["id"]: dict(row) for row in (await connection.execute(text("SELECT * FROM intents"))).mappings()}
    assert event["payload"] == {"kind": "order", "order": stands}
    assert (event["kind"], event["source"], event["ref"]) == ("order", "owner", intent.id)
    assert await rows(desk) == tuple(number + 1 for number in before)
    written, like = both[intent.id], both[asked]
    apart = {
        "id",
        "link_id",
        "state",
        "verdict",
        "valid_until",
        "created_by",
        "source",
        "run_id",
        "created_at",
        "updated_at",
    }
    assert {name: written[name] for name in written.keys() - apart} == {
        name: like[name] for name in like.keys() - apart
    }
    assert (written["state"], written["source"], written["verdict"]) == ("sending", "bot", _VERDICT)
    assert (written["run_id"], stands["run_id"]) == (_RUN, str(_RUN))
    assert (entry["action"], entry["actor_kind"], entry["outcome"]) == ("order.place", "system", "asked")
    assert entry["object_id"] == str(intent.id)
    assert entry["after"] == {
        **own.body.canonical(),
        "source": "bot",
        "reason": own.reason.as_json(),
        "run_id": str(_RUN),
    }


_ANSWER = AnsweredAcknowledged(
    ExchangeOrderId("x-1"), Trace(signed_at=datetime(2026, 1, 5, tzinfo=UTC), http_status=200, ret_code=0, ret_msg="OK")
)
_OF_TIME = frozenset({"id", "req_id", "intent_id", "at", "created_at", "object_id", "link_id"})


async def _opened(desk: Desk) -> tuple[PlaceIntent, OpenedRequest]:
    intent = await waiting(desk, await desk.place())
    opened = await desk.journal.open_request(intent, RequestId(uuid4()))
    assert opened is not None
    return intent, opened


async def _request_row(desk: Desk, request: OpenedRequest) -> dict[str, Any]:
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM requests WHERE req_id = :id"), {"id": request.req_id})
        return dict(found.mappings().one())


def _but_for_times(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OF_TIME}


async def test_an_answer_at_once_writes_what_the_long_way_writes_and_tells_the_order_as_it_stands(desk: Desk) -> None:
    quick, quick_request = await _opened(desk)
    slow, slow_request = await _opened(desk)
    before = await rows(desk)
    assert await desk.journal._answer_at_once(quick, quick_request, _ANSWER)
    event = await last_event(desk)
    after = await rows(desk)
    async with desk.engine.connect() as connection:
        stands = await queries.order_view_of(connection, desk.account_id, quick.id)
    assert event["payload"] == {"kind": "order", "order": stands}
    assert (event["kind"], event["source"], event["ref"]) == ("order", "rest", quick.id)
    assert (after[0], after[1]) == (before[0] + 1, before[1] + 1)
    longer = replace(_ANSWER, exchange_order_id=ExchangeOrderId("x-2"))
    await desk.journal._answer_step_by_step(slow, slow_request, longer)
    rows_of = [_but_for_times(await _request_row(desk, request)) for request in (quick_request, slow_request)]
    assert rows_of[0] == rows_of[1]
    entries = [_but_for_times(row) for row in await audited(desk) if row["outcome"] == "acknowledged"]
    assert len(entries) == 2
    assert entries[0] == entries[1]
    kept = await desk.journal.unknowns()
    assert kept == []


async def _is_reported(desk: Desk, intent: PlaceIntent) -> None:
    await desk.order(intent.id)


@pytest.mark.parametrize("meanwhile", [_is_cancelled, _changes, _is_reported, _is_another_account])
async def test_an_answer_at_once_writes_nothing_of_what_somebody_touched_meanwhile(
    desk: Desk, meanwhile: Callable[[Desk, PlaceIntent], Awaitable[None]]
) -> None:
    intent, request = await _opened(desk)
    await meanwhile(desk, intent)
    before, entries = await rows(desk), len(await audited(desk))
    assert not await desk.journal._answer_at_once(intent, request, _ANSWER)
    assert await rows(desk) == before
    assert len(await audited(desk)) == entries
    assert (await _request_row(desk, request))["outcome"] is None


async def test_an_answer_that_is_no_acknowledgement_takes_the_long_way(desk: Desk) -> None:
    intent, request = await _opened(desk)
    refused = AnsweredRefused(Reason("exchange.refused"), Trace())
    assert not await desk.journal._answer_at_once(intent, request, refused)
    await desk.journal.answer(intent, request, refused)
    assert (await _request_row(desk, request))["outcome"] == "refused"
