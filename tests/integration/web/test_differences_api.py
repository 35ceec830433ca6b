"""Differences over HTTP: how they are shown, decided on with an audit row, and told in the account's events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from integration.web.kit import Site, User, running_owner
from sim.facts import order_report
from tradewright.trading.differences.store import PostgresDifferences
from tradewright.trading.journal import Drift
from tradewright.web.schemas.accounts import AccountList
from tradewright.web.schemas.differences import Difference, DifferenceList
from tradewright.web.schemas.orders import OrderPage
from tradewright.web.schemas.stream import DifferenceEvent, DriftEvent

SIZE = Drift("position.size", "linear:BTCUSDT:long", "1", "1.5")


async def shown(user: User, state: str | None = None) -> list[Difference]:
    query = "" if state is None else f"?state={state}"
    async with user.http.get(f"{user.account_path}/differences{query}") as response:
        assert response.status == 200, await response.text()
        return DifferenceList.model_validate_json(await response.read()).differences


async def decided(user: User, one: Difference, status: int = 200, **body: Any) -> Any:
    url = f"{user.account_path}/differences/{one.id}/decide"
    async with user.http.post(url, json={"version": one.version} | body) as response:
        assert response.status == status, await response.text()
        if status == 200:
            return Difference.model_validate_json(await response.read())
        return (await response.json())["code"]


async def rows(site: Site, sql: str, **values: Any) -> list[Any]:
    async with site.parts.engine.connect() as connection:
        return list((await connection.execute(text(sql), values)).all())


async def test_a_foreign_order_is_shown_with_what_it_is_and_adopted_it_is_ours(site: Site, ann: User) -> None:
    async with running_owner(site, ann) as owner:
        await owner.journal.book([order_report(link_id="by-hand")], "stream")
        [one] = await shown(ann, "open")
        assert (one.kind, one.symbol, one.blocks, one.before) == ("order.foreign", "BTCUSDT", True, None)
        assert one.after is not None
        assert (one.after.state, one.after.side, one.after.quantity, one.after.price) == ("New", "Buy", "0.5", "60000")
        assert one.choices == ["adopt", "ignore", "close"]
        adopted = await decided(ann, one, decision="adopt")
        assert (adopted.state, adopted.blocks, adopted.choices) == ("adopted", False, [])
        assert str(adopted.decided_by) == ann.session["user"]["id"]
        assert await decided(ann, one, decision="adopt") == adopted, "asked again it answers the same"
        assert await decided(ann, one, 409, decision="close") == "difference.changed"
        async with ann.http.get(f"{ann.account_path}/orders") as response:
            [order] = OrderPage.model_validate_json(await response.read()).orders
        assert (order.source, order.id) == ("adopted", one.order_id)
        await PostgresDifferences(site.parts.engine, owner.journal._account).tell_decided()
        audit = await rows(site, "SELECT action, outcome FROM audit_entries WHERE object_id = :id", id=str(one.id))
        assert [tuple(row) for row in audit] == [("difference.adopt", "done")]
        told = await rows(site, "SELECT kind, payload FROM account_events ORDER BY seq")
        assert [row.kind for row in told] == ["order", "drift", "difference", "order"]
        assert DriftEvent.model_validate(told[1].payload).drift_count == 1
        assert DifferenceEvent.model_validate(told[2].payload).difference == adopted
        async with ann.http.get("/api/v1/accounts") as response:
            [account] = AccountList.model_validate_json(await response.read()).accounts
        assert account.drift_count == 0


async def test_a_size_is_shown_before_and_after_and_closed_by_the_owner(site: Site, ann: User) -> None:
    async with running_owner(site, ann) as owner:
        await owner.journal.record_drift([SIZE])
        [one] = await shown(ann)
        assert (one.category, one.symbol, one.position_index, one.foreign) == ("linear", "BTCUSDT", 1, "0.5")
        assert one.before is not None
        assert one.after is not None
        assert (one.before.size, one.after.size) == ("1", "1.5")
        assert await decided(ann, one, 422, decision="forget") == "input.invalid"
        closing = await decided(ann, one, decision="close")
        assert (closing.state, closing.blocks, closing.version) == ("closing", True, 2)
        assert await shown(ann, "open") == []


async def test_where_the_exchange_has_less_than_we_had_there_is_nothing_to_close(site: Site, ann: User) -> None:
    async with running_owner(site, ann) as owner:
        await owner.journal.record_drift([Drift("position.size", "linear:BTCUSDT", "1.5", "1")])
        [one] = await shown(ann)
        assert (one.choices, one.foreign) == (["adopt", "ignore"], "-0.5")
        assert await decided(ann, one, 409, decision="close") == "difference.changed"


async def test_of_an_account_of_another_workspace_nothing_is_shown_or_decided(site: Site, ann: User) -> None:
    async with running_owner(site, ann) as owner:
        await owner.journal.record_drift([SIZE])
        [one] = await shown(ann)
        bob = await site.second_user("owner", username="Bob")
        async with bob.http.get(f"{ann.account_path}/differences") as response:
            assert response.status == 404
        url = f"{ann.account_path}/differences/{one.id}/decide"
        async with bob.http.post(url, json={"version": 1, "decision": "adopt"}) as response:
            assert response.status == 404
        async with ann.http.post(
            f"{bob.account_path}/differences/{one.id}/decide", json={"version": 1, "decision": "adopt"}
        ) as response:
            assert response.status == 404
        assert (await shown(ann))[0].state == "open"
