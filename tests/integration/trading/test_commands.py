"""Commands on PostgreSQL: the same id is one intent, another body is a conflict, and what is refused writes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES, make_home
from integration.trading.conftest import Desk
from sim.facts import order_report
from tradewright.core.errors import Conflict, InvalidInput, NotFound
from tradewright.core.ids import IntentId, WorkspaceId
from tradewright.system import SystemClock, SystemIds


async def rows(desk: Desk, sql: str, **parameters: Any) -> list[Any]:
    async with desk.engine.connect() as connection:
        return list((await connection.execute(text(sql), parameters)).all())


async def test_an_order_is_an_intent_with_its_audit_row_and_a_notification(desk: Desk, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute("LISTEN intents")
        body = desk.body()
        submitted = await desk.submit(body)
        assert submitted.created
        heard = [notification.payload async for notification in listener.notifies(timeout=60, stop_after=1)]
        assert heard == [str(desk.account_id)]
    (entry,) = await rows(desk, "SELECT action, actor_id, object_id, after, ip, outcome, account_id FROM audit_entries")
    assert entry.action == "order.place"
    assert (entry.actor_id, entry.account_id) == (desk.home.user_id, desk.account_id)
    assert (entry.object_id, entry.ip, entry.outcome) == (str(body.id), "127.0.0.1", "asked")
    assert (entry.after["quantity"], entry.after["price"]) == ("0.5", "60000")


async def test_an_opening_order_is_valid_for_ten_seconds_and_a_reducing_one_for_five_minutes(desk: Desk) -> None:
    opening, reducing = await desk.place(), await desk.place(reduce_only=True)
    found = await rows(desk, "SELECT id, valid_until - created_at AS span FROM intents")
    spans = {row.id: row.span for row in found}
    assert abs(spans[reducing] - timedelta(minutes=5)) < timedelta(milliseconds=100)
    assert abs(spans[opening] - timedelta(seconds=10)) < timedelta(milliseconds=100)


async def test_the_same_id_and_body_is_the_same_intent(desk: Desk) -> None:
    body = desk.body()
    assert (await desk.submit(body)).created
    again = replace(body, quantity=Decimal("0.5"), price=Decimal("6E+4"))  # the same numbers, written otherwise
    assert not (await desk.submit(again)).created
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (1, 1)


async def test_the_same_id_and_body_is_the_same_intent_even_when_it_would_not_be_accepted_now(desk: Desk) -> None:
    body = desk.body()
    await desk.submit(body)
    halted = replace(BTC_RULES, status="PreLaunch")
    assert not (await desk.submit(body, instrument=halted)).created


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("0.6")},
        {"price": Decimal(60001)},
        {"side": "Sell"},
        {"reduce_only": True},
        {"time_in_force": "IOC"},
        {"note": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing(
    desk: Desk, change: dict[str, Any]
) -> None:
    body = desk.body()
    await desk.submit(body)
    with pytest.raises(Conflict):
        await desk.submit(replace(body, **change))
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (1, 1)


async def test_twenty_at_once_with_the_same_id_have_one_effect(desk: Desk) -> None:
    for _ in range(10):
        body = desk.body()
        submitted = await asyncio.gather(*(desk.submit(body) for _ in range(20)))
        assert [one.created for one in submitted].count(True) == 1
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (10, 10)


async def test_the_id_of_an_order_that_is_not_ours_is_no_id_for_an_intent(desk: Desk) -> None:
    """It would be a second order with that id, and whoever looks for one would find two."""
    await desk.journal.book([order_report(order_id="by-hand")], "stream")
    ((external,),) = await rows(desk, "SELECT id FROM orders")
    with pytest.raises(Conflict):
        await desk.place(id=IntentId(external))
    with pytest.raises(Conflict):
        await desk.cancel(external, intent_id=IntentId(external))
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (0, 0)


async def test_two_bodies_at_once_with_the_same_id_are_one_effect_and_one_conflict(desk: Desk) -> None:
    for _ in range(10):
        body = desk.body()
        answers = await asyncio.gather(
            desk.submit(body), desk.submit(replace(body, side="Sell")), return_exceptions=True
        )
        assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (10, 10)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"quantity": Decimal("0.0005")}, {"order.quantity_min"}),
        ({"quantity": Decimal("-1")}, {"order.quantity_positive"}),
        ({"price": None}, {"order.price_required"}),
        ({"price": Decimal("60000.05"), "quantity": Decimal("0.0015")}, {"order.price_tick", "order.quantity_step"}),
        ({"order_type": "Market", "price": None}, {"order.market_is_ioc", "order.slippage_required"}),
        ({"note": "n" * 65}, {"order.note_too_long"}),
    ],
)
async def test_what_breaks_a_rule_names_every_fault_and_writes_nothing(
    desk: Desk, change: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await desk.submit(desk.body(**change))
    assert {problem.code for problem in refused.value.problems} == codes
    assert (await desk.count("intents"), await desk.count("audit_entries")) == (0, 0)


async def test_a_market_order_below_the_least_notional_is_refused_by_the_last_price(desk: Desk) -> None:
    market: dict[str, Any] = {"order_type": "Market", "price": None, "time_in_force": "IOC"}
    small = desk.body(**market, quantity=Decimal("0.001"), slippage_percent=Decimal("0.5"))
    with pytest.raises(InvalidInput) as refused:
        await desk.submit(small, reference_price=Decimal(4000))
    assert [problem.code for problem in refused.value.problems] == ["order.notional_min"]
    assert (await desk.submit(small, reference_price=Decimal(5000))).created


async def test_an_unlisted_instrument_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as refused:
        await desk.submit(desk.body(symbol="NOSUCHUSDT"), instrument=None)
    assert [(problem.code, problem.field) for problem in refused.value.problems] == [
        ("order.instrument_unknown", "symbol")
    ]
    assert await desk.count("intents") == 0


async def test_an_account_of_another_workspace_does_not_exist(desk: Desk) -> None:
    stranger = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    for workspace_id in (stranger.workspace_id, WorkspaceId(uuid4())):
        with pytest.raises(NotFound):
            await desk.submit(desk.body(), workspace_id=workspace_id)
    assert await desk.count("intents") == 0


async def test_a_cancel_is_an_intent_about_the_order(desk: Desk) -> None:
    target = await desk.place()
    await desk.acknowledge(target)
    intent_id = IntentId(uuid4())
    await desk.cancel(target, intent_id)
    await desk.cancel(target, intent_id)
    other = await desk.place()
    with pytest.raises(Conflict):
        await desk.cancel(other, intent_id)
    found = await rows(desk, "SELECT kind, target_id, symbol, valid_until FROM intents WHERE id = :id", id=intent_id)
    assert [tuple(row) for row in found] == [("cancel", target, "BTCUSDT", None)]
    audited = await rows(desk, "SELECT object_id FROM audit_entries WHERE action = 'order.cancel'")
    assert [row.object_id for row in audited] == [str(target)]


async def test_an_order_that_has_ended_cannot_be_cancelled(desk: Desk) -> None:
    target = await desk.place()
    await desk.order(target, "filled", filled="0.5")
    with pytest.raises(Conflict):
        await desk.cancel(target)
    with pytest.raises(NotFound):
        await desk.cancel(uuid4())
    assert await desk.count("intents") == 1


async def test_every_verdict_and_answer_of_the_owner_is_audited(desk: Desk) -> None:
    target = await desk.place()
    await desk.acknowledge(target)
    overdue = await desk.place()
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE intents SET valid_until = now() WHERE id = :id"), {"id": overdue})
    await desk.journal.expire_overdue()
    unsent = await desk.place()
    await desk.journal.take_over()
    seen = await desk.place()
    await desk.order(seen, order_id="x-2")
    found = await rows(
        desk, "SELECT object_id, actor_kind, outcome FROM audit_entries WHERE actor_kind <> 'user' ORDER BY at"
    )
    assert [tuple(row) for row in found] == [
        (str(target), "system", "acknowledged"),
        (str(overdue), "system", "expired"),
        (str(unsent), "system", "expired"),
        (str(seen), "exchange", "acknowledged"),
    ]
