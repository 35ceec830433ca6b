"""Workspaces and quotas over HTTP: counted exactly, also by many at once, and never what takes exposure off."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from integration.web.kit import Site, User, place_body, running_owner
from integration.web.people_kit import invited, joined, told

TAKEN = (200, 202)  # the second where the owner's answer takes longer than a request waits


async def set_quota(ann: User, name: str, value: str | None, *, scope: str = "workspace") -> Any:
    path = f"installation/workspaces/{ann.workspace_id}/quota"
    status, said = await told(ann.http, "PUT", path, scope=scope, name=name, value=value)
    assert status == 200, said
    return {(each["scope"], each["name"]): each for each in said["quotas"]}


async def used(user: User) -> dict[tuple[str, str], str | None]:
    _, said = await told(user.http, "GET", "workspace/quotas")
    return {(each["scope"], each["name"]): each["used"] for each in said["quotas"]}


async def test_of_ten_orders_at_once_exactly_the_quota_is_taken(site: Site, ann: User) -> None:
    await set_quota(ann, "notional_usd_a_day", "2400")  # four of 590

    async def place(n: int) -> tuple[int, Any]:
        return await told(ann.http, "POST", f"accounts/{ann.account['id']}/intents", **place_body())

    async with running_owner(site, ann):
        answers = await asyncio.gather(*(place(n) for n in range(10)))
    refused = [said for status, said in answers if status == 429]
    assert sorted(200 if status in TAKEN else status for status, _ in answers) == [200] * 4 + [429] * 6
    assert {(each["code"], each["params"]["limit"], each["params"]["used"]) for each in refused} == {
        ("quota.notional_a_day", "2400", "2360")
    }
    assert await site.count("intents") == 4
    assert (await used(ann))["workspace", "notional_usd_a_day"] == "2360"


async def test_a_quota_of_orders_says_when_the_next_minute_begins(site: Site, ann: User) -> None:
    await set_quota(ann, "orders_a_minute", "0")
    status, said = await told(ann.http, "POST", f"accounts/{ann.account['id']}/intents", **place_body())
    assert (status, said["code"], said["params"]["limit"]) == (429, "quota.orders_a_minute", "0")
    assert 1 <= int(said["params"]["retry_after_s"]) <= 60


async def test_what_reduces_and_what_cancels_is_never_counted(site: Site, ann: User) -> None:
    path = f"accounts/{ann.account['id']}"
    async with running_owner(site, ann):
        body = place_body()
        assert (await told(ann.http, "POST", f"{path}/intents", **body))[0] in TAKEN
        await set_quota(ann, "orders_a_minute", "0")
        await set_quota(ann, "notional_usd_a_day", "0")
        assert (await told(ann.http, "POST", f"{path}/intents", **place_body()))[0] == 429
        _, found = await told(ann.http, "GET", f"{path}/orders")
        cancel = {"id": str(uuid.uuid4()), "kind": "cancel", "order_id": found["orders"][0]["id"]}
        assert (await told(ann.http, "POST", f"{path}/intents", **cancel))[0] in TAKEN
        await a_position(site, ann)
        close = place_body(side="Sell", order_type="Market", price=None, time_in_force="IOC", reduce_only=True)
        status, said = await told(ann.http, "POST", f"{path}/intents", **close, slippage_percent="1")
        assert status in TAKEN, said
        assert (await told(ann.http, "POST", "kill", scope="workspace"))[0] == 200


async def test_the_days_notional_is_counted_in_money_and_so_is_what_an_order_grows_by(site: Site, ann: User) -> None:
    path = f"accounts/{ann.account['id']}/intents"
    await set_quota(ann, "notional_usd_a_day", "1500")
    async with running_owner(site, ann):
        body = place_body(quantity="0.010", price="59000.0")
        assert (await told(ann.http, "POST", path, **body))[0] in TAKEN
        status, said = await told(ann.http, "POST", path, **place_body(quantity="0.020", price="59000.0"))
        assert (status, said["code"]) == (429, "quota.notional_a_day")
        assert (said["params"]["used"], said["params"]["asked"]) == ("590", "1180")
        _, found = await told(ann.http, "GET", f"accounts/{ann.account['id']}/orders")
        grow = {"id": str(uuid.uuid4()), "kind": "amend", "order_id": found["orders"][0]["id"], "quantity": "0.030"}
        status, said = await told(ann.http, "POST", path, **grow)
        assert (status, said["code"]) == (429, "quota.notional_a_day"), said
        grow |= {"id": str(uuid.uuid4()), "quantity": "0.020"}
        assert (await told(ann.http, "POST", path, **grow))[0] in TAKEN
    assert (await used(ann))["workspace", "notional_usd_a_day"] == "1180"


async def test_one_person_uses_up_their_part_and_another_goes_on(site: Site, ann: User) -> None:
    http, session = await joined(site, await invited(ann), "Bob")
    bob = User(http, "", session, ann.workspace_id, ann.account)
    await set_quota(ann, "notional_usd_a_day", "600", scope="user")
    path = f"accounts/{ann.account['id']}/intents"
    async with running_owner(site, ann):
        assert [(await told(ann.http, "POST", path, **place_body()))[0] for _ in range(2)][1] == 429
        assert (await told(bob.http, "POST", path, **place_body()))[0] in TAKEN
    assert (await used(bob))["workspace", "notional_usd_a_day"] == "1180"
    assert (await used(bob))["user", "notional_usd_a_day"] == "590"


async def test_the_same_order_again_is_counted_once(site: Site, ann: User) -> None:
    path, body = f"accounts/{ann.account['id']}/intents", place_body()
    async with running_owner(site, ann):
        for _ in range(3):
            assert (await told(ann.http, "POST", path, **body))[0] in TAKEN
    assert (await used(ann))["workspace", "notional_usd_a_day"] == "590"


async def test_only_the_operator_sets_a_quota_and_takes_it_back(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    path = f"installation/workspaces/{bob.workspace_id}/quota"
    body = {"scope": "user", "name": "connections", "value": "3"}
    assert (await told(bob.http, "PUT", path, **body))[1]["code"] == "operator.required"
    status, said = await told(ann.http, "PUT", path, **body)
    found = {(each["scope"], each["name"]): each for each in said["quotas"]}
    assert (status, found["user", "connections"]["limit"], found["user", "connections"]["default"]) == (200, "3", "50")
    assert not found["workspace", "assistant_usd_a_month"]["held"]
    assert (found["workspace", "bots_running"]["held"], found["workspace", "bots_running"]["used"]) == (True, "0")
    _, said = await told(ann.http, "PUT", path, **{**body, "value": None})
    found = {(each["scope"], each["name"]): each for each in said["quotas"]}
    assert found["user", "connections"]["limit"] == "50"
    for value in ("-1", "2.5"):
        status, said = await told(ann.http, "PUT", path, **{**body, "value": value})
        assert (status, said["problems"][0]["code"]) == (422, "quota.value")
    async with site.parts.engine.connect() as connection:
        entries = await connection.execute(
            text("SELECT workspace_id, before, after FROM audit_entries WHERE action = 'quota.set' ORDER BY at, id")
        )
        assert [tuple(row) for row in entries] == [
            (bob.workspace_id, {"value": "50"}, {"value": "3"}),
            (bob.workspace_id, {"value": "3"}, {"value": None}),
        ]


async def test_a_quota_of_backtests_holds_where_the_operator_set_one(site: Site, ann: User) -> None:
    await set_quota(ann, "backtests_waiting", "0", scope="user")
    from tradewright.backtests.model import Quota
    from tradewright.identity.quotas import said
    from tradewright.web.backtests import quota_with

    async with site.parts.engine.connect() as connection:
        quota = quota_with(Quota(), await said(connection, ann.workspace_id))
    assert (quota.waiting_of_user, quota.waiting_of_workspace) == (0, 20)


async def test_a_person_makes_workspaces_up_to_the_installations_number(site: Site, ann: User) -> None:
    async def make(number: str, name: str) -> tuple[int, Any]:
        return await told(ann.http, "POST", "workspaces", id=number, name=name)

    ids = [str(uuid.uuid4()) for _ in range(8)]
    answers = await asyncio.gather(*(make(each, f"Nr {n}") for n, each in enumerate(ids)))
    assert sorted(status for status, _ in answers) == [201] * 5 + [409] * 3
    assert {said["code"] for status, said in answers if status == 409} == {"workspace.too_many"}
    made = next(said for status, said in answers if status == 201)
    assert (await make(made["id"], made["name"]))[0] == 201  # the same again
    assert (await make(made["id"], "Another name"))[1]["code"] == "workspace.id_used"
    status, state = await told(ann.http, "POST", "session/workspace", workspace_id=made["id"])
    assert (status, state["workspace"]["role"]) == (200, "owner")
    assert (await told(ann.http, "GET", "accounts"))[1]["accounts"] == []
    assert (await told(ann.http, "PUT", "workspace", name="Better"))[1]["name"] == "Better"


async def a_position(site: Site, user: User) -> None:
    """As the owner would have read it from the exchange."""
    async with site.parts.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO positions (account_id, workspace_id, category, symbol, position_index, side, size,"
                " unrealised_pnl, realised_pnl, initial_margin, sequence, exchange_updated_at, updated_at) VALUES"
                " (:account, :workspace, 'linear', 'BTCUSDT', 0, 'Buy', :size, 0, 0, 0, 1, now(), now())"
            ),
            {"account": user.account_id, "workspace": user.workspace_id, "size": Decimal("0.5")},
        )
