"""The ledger over HTTP: results, entries in pages, breaks; the account's worker is played by its real stores."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from integration.web.kit import Site, User
from integration.web.test_identity_api import problem
from sim.facts import after, fill, wallet
from tradewright.core.clock import milliseconds
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import Coins
from tradewright.core.tie_out import Break
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.ledger.posting import Moment, open_books, post_executions
from tradewright.trading.ledger.store import PostgresLedger
from tradewright.trading.model import AccountRef
from tradewright.trading.store import PostgresJournal
from tradewright.web.schemas.ledger import LedgerBreaks, LedgerPage, Results
from tradewright.web.schemas.problems import ProblemDocument

OPENED_MS = milliseconds(after(0))
DAY_MS = 86_400_000
SPAN = f"from_ms={OPENED_MS}&to_ms={OPENED_MS + 2 * DAY_MS}"


def coins_of(_instrument: InstrumentId) -> Coins:
    return Coins("BTC", "USDT")


async def keep_books(site: Site, user: User) -> PostgresLedger:
    """Bought and sold a contract on one day, paid funding for another on the next, sold some spot."""
    account = AccountRef(user.account_id, user.workspace_id, "sim", "1")
    journal = PostgresJournal(site.parts.engine, account, clock=SystemClock(), ids=SystemIds())
    store = PostgresLedger(site.parts.engine, account)
    await open_books(store, Moment(wallet=replace(wallet(), reported_at=after(0)), positions=[]), coins_of)
    next_day, eth = after(0) + timedelta(days=1), InstrumentId("linear", "ETHUSDT")
    await journal.book(
        [
            fill("e1", "1", price=Decimal(100), fee=Decimal("0.05"), executed_at=after(1)),
            fill("e2", "1", side="Sell", price=Decimal(110), fee=Decimal("0.06"), executed_at=after(2), order_id="x-2"),
            fill("e3", "2", exec_type="Funding", fee=Decimal("-0.5"), instrument=eth, executed_at=next_day),
        ],
        "stream",
    )
    await post_executions(store, coins_of)
    return store


async def test_a_fresh_account_has_an_empty_ledger_of_the_right_shape(ann: User) -> None:
    async with ann.http.get(f"{ann.account_path}/pnl") as response:
        assert response.status == 200, await response.text()
        results = Results.model_validate_json(await response.read())
    assert (results.by, results.rows, results.worth) == ("account", [], [])
    assert results.to_ms - results.from_ms == 30 * DAY_MS
    async with ann.http.get(f"{ann.account_path}/ledger") as response:
        assert LedgerPage.model_validate_json(await response.read()) == LedgerPage(sets=[], next=None)
    async with ann.http.get(f"{ann.account_path}/ledger/breaks") as response:
        breaks = LedgerBreaks.model_validate_json(await response.read())
    assert breaks == LedgerBreaks(opened_ms=None, checked_ms=None, tied_ms=None, breaks=[])


async def test_results_are_told_by_symbol_and_day_for_the_period_that_is_asked_for(site: Site, ann: User) -> None:
    await keep_books(site, ann)

    async def ask(query: str) -> Results:
        async with ann.http.get(f"{ann.account_path}/pnl?{query}") as response:
            assert response.status == 200, await response.text()
            return Results.model_validate_json(await response.read())

    (whole,) = (await ask(SPAN)).rows
    assert (whole.coin, whole.realised, whole.fees, whole.funding, whole.net) == ("USDT", "10", "0.11", "0.5", "10.39")
    symbols = [(row.symbol, row.net) for row in (await ask(f"by=symbol&{SPAN}")).rows]
    assert symbols == [("BTCUSDT", "9.89"), ("ETHUSDT", "0.5")]
    days = [(row.day, row.realised, row.funding) for row in (await ask(f"by=day&{SPAN}")).rows]
    assert days == [("2026-01-05", "10", "0"), ("2026-01-06", "0", "0.5")]
    (person,) = (await ask(f"by=person&{SPAN}")).rows
    assert (person.person_id, person.net) == (None, "10.39")
    (first_day,) = (await ask(f"from_ms={OPENED_MS}&to_ms={OPENED_MS + DAY_MS}")).rows
    assert first_day.net == "9.89"
    assert (await ask(f"from_ms={OPENED_MS + 3 * DAY_MS}&to_ms={OPENED_MS + 4 * DAY_MS}")).rows == []


async def test_entries_come_in_pages_newest_first_and_each_set_sums_to_zero(site: Site, ann: User) -> None:
    await keep_books(site, ann)
    sets, path = [], f"{ann.account_path}/ledger?limit=2"
    while path:
        async with ann.http.get(path) as response:
            assert response.status == 200, await response.text()
            page = LedgerPage.model_validate_json(await response.read())
        sets += page.sets
        path = "" if page.next is None else f"{ann.account_path}/ledger?limit=2&before={page.next}"
    assert [each.source for each in sets] == ["exec:e3", "exec:e2", "exec:e1", "opening:wallet"]
    for each in sets:
        for asset in {line.asset for line in each.lines}:
            assert sum(Decimal(line.amount) for line in each.lines if line.asset == asset) == 0


async def test_breaks_are_listed_open_ones_first(site: Site, ann: User) -> None:
    store = await keep_books(site, ann)
    first, second = Break("wallet", "wallet:USDT", "1", "2"), Break("closed_pnl", "x-1", "3", "4")
    await store.note_check([first], wallet())
    await store.note_check([second], wallet())
    async with ann.http.get(f"{ann.account_path}/ledger/breaks") as response:
        found = LedgerBreaks.model_validate_json(await response.read())
    assert [(each.kind, each.ours, each.theirs, each.cleared_ms is None) for each in found.breaks] == [
        ("closed_pnl", "3", "4", True),
        ("wallet", "1", "2", False),
    ]
    assert found.checked_ms is not None
    assert found.tied_ms is None


async def test_a_period_that_ends_before_it_begins_is_named_as_the_fault_that_it_is(ann: User) -> None:
    for query in (f"from_ms={OPENED_MS}&to_ms={OPENED_MS - 1}", "from_ms=-1", "by=bot", "to_ms=9999999999999999"):
        async with ann.http.get(f"{ann.account_path}/pnl?{query}") as response:
            assert response.status == 422, query
            document = ProblemDocument.model_validate_json(await response.read())
        assert document.problems, query


async def test_a_foreign_account_has_no_ledger(ann: User) -> None:
    for path in ("pnl", "ledger", "ledger/breaks"):
        async with ann.http.get(f"/api/v1/accounts/{uuid.uuid4()}/{path}") as response:
            await problem(response, 404, "not_found")
