"""What reading an account again costs the database, counted in statements: twenty accounts do it at each start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from integration.trading.conftest import Desk
from sim.facts import fill, order_report, position, wallet
from tradewright.core.order import AccountModes
from tradewright.storage.lines import Lines
from tradewright.trading.journal import Listed

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
MODES = AccountModes(margin_mode="REGULAR_MARGIN")


@contextmanager
def counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements of an engine and its lines, as they are asked."""
    asked: list[str] = []

    def ask(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    fetch = Lines.fetch

    async def fetched(self: Lines, statement: Any, values: Any) -> Any:
        asked.append(statement.sql.decode())
        return await fetch(self, statement, values)

    engine = desk.engine.sync_engine
    event.listen(engine, "before_cursor_execute", ask)
    with monkeypatch.context() as patched:
        patched.setattr(Lines, "fetch", fetched)
        yield asked
    event.remove(engine, "before_cursor_execute", ask)


async def test_however_much_is_known_to_read_it_again_costs_as_many_statements(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for known in (5, 50):
        orders = [order_report(order_id=f"x-{number}") for number in range(known)]
        fills = [fill(f"e-{number}", order_id="x-0") for number in range(known)]
        await desk.journal.book([*orders, *fills], "stream")
        with counted(desk, monkeypatch) as asked:
            await desk.journal.book([*orders, *fills], "reconciliation")
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 3


async def test_what_a_reading_notes_of_a_quiet_account_is_a_statement_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, listed = position("0.5"), Listed.of([fill("e-1")], SINCE)
    await desk.journal.book([fill("e-1"), held, wallet()], "stream")

    async def read_whole() -> None:
        reading = await desk.journal.begin_reading()
        await desk.journal.note_executions_read(SINCE)
        await desk.journal.flatten_absent([held])
        assert await desk.journal.live_orders() == []
        assert await desk.journal.position_breaks([held], listed) == []
        await desk.journal.record_drift([], compared=["position.size"])
        await desk.journal.note_reconciled(reading.began_at, MODES)
        await desk.journal.forget_events(keep=100)

    await read_whole()
    with counted(desk, monkeypatch) as asked:
        await read_whole()
    assert len(asked) == 10, "three to begin with, one for each of the others"
