"""An account's request budget and its stop over HTTP; the owner's side is its real notes on PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import text

from integration.web.kit import Site, User
from tradewright.core.ids import WorkspaceId
from tradewright.exchange.ports import EndpointUse, RateBudget
from tradewright.trading.account_notes import PostgresNotes
from tradewright.trading.model import AccountRef
from tradewright.trading.stops import Stop
from tradewright.web.schemas.accounts import AccountList, ResumeAnswer
from tradewright.web.schemas.accounts import RateBudget as Shown

AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
AT_MS = 1_767_614_400_000


async def notes_of(site: Site, user: User) -> PostgresNotes:
    async with site.parts.engine.connect() as connection:
        row = (
            await connection.execute(
                text("SELECT workspace_id, uid FROM accounts WHERE id = :id"), {"id": user.account_id}
            )
        ).one()
    account = AccountRef(user.account_id, WorkspaceId(row.workspace_id), "sim", row.uid)
    return PostgresNotes(site.parts.engine, account)


async def test_the_budget_is_shown_as_the_owner_told_it_and_as_nothing_before(site: Site, ann: User) -> None:
    async with ann.http.get(f"{ann.account_path}/budget") as response:
        empty = Shown.model_validate_json(await response.read())
    assert (empty.told_ms, empty.endpoints, empty.silent_until_ms) == (None, [], None)
    use = EndpointUse(path="/v5/order/cancel", used=7, limit=10, waiting=2, is_closed=False, resets_at=AT)
    budget = RateBudget(endpoints=[use], address_used=31, address_limit=380, silent_until=AT)
    assert await (await notes_of(site, ann)).tell(budget)
    async with ann.http.get(f"{ann.account_path}/budget") as response:
        shown = Shown.model_validate_json(await response.read())
    assert shown.told_ms is not None
    assert (shown.address_used, shown.address_limit, shown.silent_until_ms) == (31, 380, AT_MS)
    [endpoint] = shown.endpoints
    assert (endpoint.path, endpoint.used, endpoint.limit, endpoint.waiting) == ("/v5/order/cancel", 7, 10, 2)
    assert endpoint.resets_ms == AT_MS


async def test_a_stop_is_shown_and_told_in_the_stream_and_a_trader_lifts_it_with_an_audit_row(
    site: Site, ann: User
) -> None:
    notes = await notes_of(site, ann)
    assert await notes.write(Stop(10003, "API key is invalid.", AT))
    async with ann.http.get("/api/v1/accounts") as response:
        [account] = AccountList.model_validate_json(await response.read()).accounts
    assert account.stopped is not None
    assert (account.stopped.exchange_code, account.stopped.exchange_text) == (10003, "API key is invalid.")
    assert account.stopped.since_ms == AT_MS
    assert await notes.read() == (True, Stop(10003, "API key is invalid.", AT))
    for was_stopped in (True, False):
        async with ann.http.post(f"{ann.account_path}/resume") as response:
            assert response.status == 200, await response.text()
            assert ResumeAnswer.model_validate_json(await response.read()).was_stopped is was_stopped
    assert await notes.read() == (True, None)
    assert await notes.tell_lifted()
    async with site.parts.engine.connect() as connection:
        told = await connection.execute(
            text("SELECT payload FROM account_events WHERE account_id = :id ORDER BY seq"), {"id": ann.account_id}
        )
        audited = await connection.scalar(text("SELECT count(*) FROM audit_entries WHERE action = 'account.resume'"))
    stops = [row.payload["account"]["stopped"] for row in told if row.payload["kind"] == "session"]
    assert [None if stop is None else stop["exchange_code"] for stop in stops[-2:]] == [10003, None]
    assert audited == 1


async def test_an_account_of_others_has_no_budget_and_is_not_resumed(ann: User) -> None:
    path = f"/api/v1/accounts/{uuid.uuid4()}"
    async with ann.http.get(f"{path}/budget") as response:
        assert response.status == 404
    async with ann.http.post(f"{path}/resume") as response:
        assert response.status == 404
