"""What the kill switch writes down is found again: its entries by the next worker, its unknowns by the session."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from sim.memory_database import RequestRow
from sim.test_kill_scenarios import Scene, Tables
from sim.virtual_loop import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId, RequestId
from tradewright.trading.kill.entries import Entry, TakenDown
from tradewright.trading.model import AccountRef


class StrictTables(Tables):
    """As PostgreSQL: that a latch was carried out counts only beside the latch's own row."""

    async def write(self, account: AccountRef, entries: Sequence[Entry]) -> None:
        await super().write(account, entries)
        for entry in entries:
            if isinstance(entry, TakenDown) and entry.latch_id not in self.held:
                del self.entries[entry.id]


@pytest.mark.parametrize("away_s", [9.0, 9.3, 9.6, 9.9, 20.0, 20.3, 20.6, 20.9])
def test_that_a_kill_was_carried_out_is_in_the_tables_however_long_they_were_away(
    away_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    @in_virtual_time
    async def run() -> None:
        now = Scene(World(1), Path(tempfile.mkdtemp(prefix="tw-kill-")), tables=StrictTables())
        now.start()
        await now.world.seconds(0.1)
        now.tables.away = True
        latch = await now.board.pull(now.latch())
        await now.world.seconds(away_s)
        now.tables.away = False
        await now.until_done(latch)
        await now.world.until(lambda: len(now.of(TakenDown)) == 1, "it is written down", 10.0)
        await now.end()

    run()


@in_virtual_time
async def test_an_unknown_outcome_that_the_kill_switch_wrote_down_is_looked_for_by_the_session_that_runs() -> None:
    world = World(1)
    world.start()
    await world.ready()
    resting = world.place(price=Decimal(50000))
    await world.until_status(resting, "working")
    await world.seconds(30)
    key, now = IntentId(world.ids.new()), world.clock.now()
    world.database.propose_cancel(key, resting, BTC, now)
    row = world.database.intents[key]
    row.state, row.source = "unknown", "kill"
    req_id = RequestId(world.ids.new())
    world.database.requests[req_id] = RequestRow(
        req_id=req_id, intent_id=key, attempt=1, kind="cancel", created_at=now, signed_at=now, outcome="unknown"
    )
    await world.until(lambda: world.database.intents[key].state == "not_placed", "it is looked for", 40.0)
