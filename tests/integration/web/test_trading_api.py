"""Accounts, orders and intents over HTTP; the account's worker is played by its real journal."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.web.kit import Site, User, place_body, running_owner
from integration.web.test_identity_api import problem
from tradewright.trading import intent_queries
from tradewright.trading.model import Reason
from tradewright.web import intents
from tradewright.web.schemas.accounts import AccountList
from tradewright.web.schemas.holdings import BalancesAnswer, FillPage, PositionList
from tradewright.web.schemas.intent_answers import IntentAnswer, IntentHistory
from tradewright.web.schemas.orders import OrderPage

KEYS = int(os.environ.get("KEYS", "5"))


async def test_a_fresh_account_reads_as_empty_lists_of_the_right_shape(ann: User) -> None:
    for path, shape in (
        ("/api/v1/accounts", AccountList),
        (f"{ann.account_path}/orders", OrderPage),
        (f"{ann.account_path}/orders?scope=open&limit=5", OrderPage),
        (f"{ann.account_path}/positions", PositionList),
        (f"{ann.account_path}/fills", FillPage),
        (f"{ann.account_path}/balances", BalancesAnswer),
    ):
        async with ann.http.get(path) as response:
            assert response.status == 200, await response.text()
            assert response.headers["cache-control"] == "no-store"
            shape.model_validate_json(await response.read())


async def test_an_acknowledged_order_is_answered_200_as_soon_as_the_worker_says_so(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "WAIT_S", 60.0)  # a busy machine may need longer than a person is to wait
    async with running_owner(site, ann):
        body = place_body(note="по плану")
        began = time.monotonic()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200, await response.text()
            answer = IntentAnswer.model_validate_json(await response.read())
        assert time.monotonic() - began < intents.WAIT_S  # it did not wait the time out
    assert (str(answer.intent_id), answer.kind, answer.status) == (body["id"], "place", "acknowledged")
    assert answer.order is not None
    assert (answer.order.quantity, answer.order.price, answer.order.note) == ("0.01", "59000", "по плану")
    async with ann.http.get(f"{ann.account_path}/intents/{body['id']}") as response:
        history = IntentHistory.model_validate_json(await response.read())
    assert [step.status for step in history.history] == ["sending", "acknowledged"]


async def test_without_a_worker_the_answer_is_202_sending_after_two_seconds(ann: User) -> None:
    began = time.monotonic()
    async with ann.http.post(f"{ann.account_path}/intents", json=place_body()) as response:
        assert response.status == 202
        answer = IntentAnswer.model_validate_json(await response.read())
    assert answer.status == "sending"
    assert time.monotonic() - began >= 1.9


async def test_an_intent_is_told_as_of_one_moment(site: Site, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents, "WAIT_S", 0.1)
    body = place_body()
    async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 202
    order_view_of = intent_queries.order_view_of

    async def refused_meanwhile(connection: AsyncConnection, *about: Any) -> Any:
        async with site.parts.engine.begin() as other:
            reason = json.dumps(Reason("kill.latched").as_json())
            await other.execute(
                text("UPDATE intents SET state = 'refused', reason = CAST(:reason AS jsonb)"), {"reason": reason}
            )
        return await order_view_of(connection, *about)

    monkeypatch.setattr(intent_queries, "order_view_of", refused_meanwhile)
    told = []
    for _ in range(2):
        async with ann.http.get(f"{ann.account_path}/intents/{body['id']}") as response:
            answer = IntentHistory.model_validate_json(await response.read())
        told.append((answer.status, None if answer.reason is None else answer.reason.code))
    assert told == [("sending", None), ("refused", "kill.latched")]


async def test_an_unknown_outcome_is_202_unknown(site: Site, ann: User) -> None:
    async with (
        running_owner(site, ann, answer="unknown"),
        ann.http.post(f"{ann.account_path}/intents", json=place_body()) as response,
    ):
        assert response.status == 202
        assert IntentAnswer.model_validate_json(await response.read()).status == "unknown"


async def test_the_same_intent_twenty_times_at_once_is_one_intent(site: Site, ann: User) -> None:
    """Promise A5, for each of KEYS ids; `make keys` takes five hundred."""

    async def post(body: dict[str, Any]) -> tuple[int, str]:
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            return response.status, (await response.json()).get("intent_id", "")

    async with running_owner(site, ann):
        for _ in range(KEYS):
            body = place_body()
            answers = await asyncio.gather(*(post(body) for _ in range(20)))
            assert {intent_id for _, intent_id in answers} == {body["id"]}
            assert {status for status, _ in answers} <= {200, 202}  # 202: the owner had not said so within two seconds
            assert (await post(body | {"quantity": "0.02"}))[0] == 409
        deadline = time.monotonic() + 60
        while await site.count("requests") < KEYS and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
    assert await site.count("intents") == KEYS
    assert await site.count("requests") == KEYS
    async with site.parts.engine.connect() as connection:
        asked = "SELECT count(*) FROM audit_entries WHERE action = 'order.place' AND outcome = 'asked'"
        assert await connection.scalar(text(asked)) == KEYS
    print(f"keys={KEYS} posts={KEYS * 20} effects={KEYS} extra=0")


async def test_numbers_written_otherwise_are_the_same_body_and_another_number_is_not(site: Site, ann: User) -> None:
    body = place_body(quantity="0.01")
    async with running_owner(site, ann):
        for quantity, status in (("0.01", 200), ("0.0100", 200), ("0.011", 409)):
            async with ann.http.post(f"{ann.account_path}/intents", json={**body, "quantity": quantity}) as response:
                assert response.status == status, await response.text()
        async with ann.http.post(f"{ann.account_path}/intents", json={**body, "side": "Sell"}) as response:
            await problem(response, 409, "intent.conflict")
    assert await site.count("intents") == 1


async def test_a_working_order_can_be_cancelled_and_an_ended_one_cannot(site: Site, ann: User) -> None:
    async with running_owner(site, ann):
        body = place_body()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200
        cancel = {"id": str(site.parts.ids.new()), "kind": "cancel", "order_id": body["id"]}
        async with ann.http.post(f"{ann.account_path}/intents", json=cancel) as response:
            assert response.status == 200, await response.text()
            answer = IntentAnswer.model_validate_json(await response.read())
        assert answer.kind == "cancel"
        assert answer.order is not None
        assert answer.order.cancel is not None
        assert str(answer.order.cancel.intent_id) == cancel["id"]
        async with site.parts.engine.begin() as connection:
            await connection.execute(text("UPDATE intents SET state = 'rejected' WHERE kind = 'place'"))
        again = {**cancel, "id": str(site.parts.ids.new())}
        async with ann.http.post(f"{ann.account_path}/intents", json=again) as response:
            await problem(response, 409, "order.ended")


async def test_bad_orders_name_field_code_and_numbers_and_write_nothing(site: Site, ann: User) -> None:
    for changed, field, code in (
        ({"quantity": "0.0005"}, "quantity", "order.quantity_min"),
        ({"quantity": "0.0015"}, "quantity", "order.quantity_step"),
        ({"quantity": "0"}, "quantity", "order.quantity_positive"),
        ({"quantity": "-1"}, "quantity", "order.quantity_positive"),
        ({"price": None}, "price", "order.price_required"),
        ({"price": "59000.05"}, "price", "order.price_tick"),
        ({"order_type": "Market", "time_in_force": "IOC"}, "price", "order.price_not_allowed"),
        ({"symbol": "NOPEUSDT"}, "symbol", "order.instrument_unknown"),
        ({"quantity": "0.001", "price": "100"}, "quantity", "order.notional_min"),
        ({"quantity": "1e3"}, "quantity", "input.format"),
        ({"quantity": "NaN"}, "quantity", "input.format"),
        ({"quantity": 1}, "quantity", "input.type"),
        ({"quantity": "1" * 30}, "quantity", "input.format"),
        ({"side": "buy"}, "side", "input.not_allowed"),
        ({"reduce_only": "false"}, "reduce_only", "input.type"),
        ({"note": "x" * 65}, "note", "input.too_long"),
        ({"note": "line\nbreak"}, "note", "input.format"),
        ({"note": "nul\0"}, "note", "input.format"),
        ({"id": "not-a-uuid"}, "id", "input.format"),
        ({"extra": 1}, "extra", "input.unknown_field"),
        ({"kind": "withdraw"}, "", "input.not_allowed"),
    ):
        async with ann.http.post(f"{ann.account_path}/intents", json=place_body(**changed)) as response:
            found = await problem(response, 422, "input.invalid")
            assert (found.problems[0].field, found.problems[0].code) == (field, code), changed
    assert await site.count("intents") == 0
    async with site.parts.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM audit_entries WHERE action = 'order.place'")) == 0


async def test_a_market_order_is_valued_at_the_last_price(site: Site, ann: User) -> None:
    body = place_body(order_type="Market", time_in_force="IOC", price=None, quantity="0.001")
    async with running_owner(site, ann), ann.http.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 200  # 0.001 × 60,000 = 60 USDT, above the 5 USDT minimum


async def test_pages_follow_their_cursor_without_loss_or_repeat(site: Site, ann: User) -> None:
    bodies = [place_body() for _ in range(7)]
    async with running_owner(site, ann):
        for body in bodies:
            async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
                assert response.status == 200
    seen: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    for _ in range(3):
        async with ann.http.get(f"{ann.account_path}/orders", params=query) as response:
            page = OrderPage.model_validate_json(await response.read())
        seen += [str(order.id) for order in page.orders]
        query = {"limit": "3", "before": page.next or ""}
    assert page.next is None
    assert seen == [body["id"] for body in reversed(bodies)]


async def test_a_cursor_that_is_not_one_is_refused(ann: User) -> None:
    for cursor in ("x", "2024-01-01~x", "2024-01-01T00:00:00+00:00~not-a-uuid", "9999-12-31T23:59:59-23:59~1", "а"):
        async with ann.http.get(f"{ann.account_path}/orders", params={"before": cursor}) as response:
            assert response.status == 422, (cursor, await response.text())
    for cursor in ("x", "0001-01-01T00:00:00+23:59~x"):
        async with ann.http.get(f"{ann.account_path}/fills", params={"before": cursor}) as response:
            assert response.status in (200, 422), await response.text()


async def test_foreign_accounts_orders_and_intents_are_as_if_they_did_not_exist(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    body = place_body()
    async with running_owner(site, ann), ann.http.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 200
    nowhere = f"/api/v1/accounts/{uuid.uuid4()}"
    for tail in ("orders", "positions", "fills", "balances", f"intents/{body['id']}"):
        answers = []
        for base in (ann.account_path, nowhere):
            async with bob.http.get(f"{base}/{tail}") as response:
                found = await problem(response, 404, "not_found")
                answers.append(found.detail.replace(base.rpartition("/")[2], "ID"))
        assert answers[0] == answers[1]
    async with bob.http.post(f"{ann.account_path}/intents", json=place_body()) as response:
        await problem(response, 404, "not_found")
    async with bob.http.get(f"{bob.account_path}/intents/{body['id']}") as response:
        await problem(response, 404, "not_found")
    cancel = {"id": str(site.parts.ids.new()), "kind": "cancel", "order_id": body["id"]}
    async with bob.http.post(f"{bob.account_path}/intents", json=cancel) as response:
        await problem(response, 404, "not_found")
    async with bob.http.post(f"{bob.account_path}/intents", json=body) as response:
        await problem(response, 409, "intent.conflict")
    assert await site.count("intents") == 1


async def test_a_viewer_reads_and_may_not_write(site: Site, ann: User) -> None:
    eve = await site.second_user("viewer", workspace=ann.workspace_id, username="Eve")
    async with eve.http.get(f"{ann.account_path}/orders") as response:
        assert response.status == 200
    async with eve.http.post(f"{ann.account_path}/intents", json=place_body()) as response:
        found = await problem(response, 403, "role.insufficient")
        assert "viewer" in found.detail
    assert await site.count("intents") == 0
