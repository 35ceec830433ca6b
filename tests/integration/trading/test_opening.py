"""The one statement before an order's first byte against the long way, which is the measure of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from integration.trading.conftest import Desk
from tradewright.core.ids import IntentId, RequestId
from tradewright.core.order import Exit, Trigger
from tradewright.trading import queries
from tradewright.trading.model import PlaceIntent
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.store import PostgresJournal

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
