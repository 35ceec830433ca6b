"""What the kill switch writes down is found again: its entries by the next worker, its unknowns by the session."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from sim.exchange_ports import GatewayTwin
from sim.exchange_twin import ExchangeTwin
from sim.memory_kill import KeptKill, MemoryKillRows
from sim.test_kill_scenarios import ACCOUNT, Scene, Tables
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId, RequestId
from tradewright.core.order import Execution, NewOrder, RemotePosition
from tradewright.exchange.ports import OrderGateway
from tradewright.lab.memory_database import RequestRow
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.trading.bodies import CloseBody
from tradewright.trading.kill.entries import Cause, CloseBegun, Entry, TakenDown
from tradewright.trading.model import AccountRef
from tradewright.trading.proposals import close_order
from tradewright.trading.reconciliation import reconcile


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


@contextmanager
def _unlisted(world: World, order: NewOrder) -> Iterator[None]:
    """The exchange lists and tells nothing of that order; what it moves is moved."""
    with pytest.MonkeyPatch.context() as patched:
        rest: Callable[[ExchangeTwin], list[Execution]] = lambda exchange: [  # noqa: E731
            fill for _, fill in exchange.fills if fill.link_id != order.link_id
        ]
        patched.setattr(type(world.exchange), "visible_fills", rest)
        patched.setattr(type(world.exchange), "visible_orders", lambda self: [])
        patched.setattr(world.exchange, "publish", lambda fact: None)
        yield


async def _alive(_point: str) -> None:
    return None


async def _read_whole(world: World) -> None:
    assert world.process is not None
    before = world.database.reconciled_at
    world.process.session.want_reconcile()
    await world.until(lambda: world.database.reconciled_at != before, "everything is read")


async def _with_long_position() -> World:
    """Whose size is compared from here on."""
    world = World(1)
    world.start()
    await world.ready()
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    await world.seconds(1)
    await _read_whole(world)
    return world


def _close_begun(world: World, act: IntentId) -> CloseBegun:
    return CloseBegun(
        id=world.ids.new(),
        at=world.clock.now(),
        account_id=ACCOUNT.id,
        act_id=act,
        req_id=world.ids.new(),
        cause=Cause(id=world.ids.new(), kind="latch", via="page"),
        category="linear",
        symbol="BTCUSDT",
        side="Buy",
        size=Decimal("0.5"),
        position_index=0,
    )


@in_virtual_time
async def test_a_close_of_the_kill_switch_whose_fill_is_not_listed_yet_is_no_break_of_its_position() -> None:
    """The session does not send it: that it is under way stands in the journal alone."""
    world = await _with_long_position()
    act = IntentId(world.ids.new())
    rows = MemoryKillRows(world.database, KeptKill(), now=world.clock.now)
    await rows.write(ACCOUNT, [_close_begun(world, act)])
    close = world.database.intents[act].order
    assert close is not None
    with _unlisted(world, close):
        world.exchange.place(close, world.exchange.clock.now())
        await world.until(lambda: world.exchange.positions() == [], "it is closed")
        await _read_whole(world)
        assert world.database.positions["linear", "BTCUSDT", 0].position.size == 0
        assert world.database.differences == []
    await _read_whole(world)
    assert world.database.differences == []
    assert world.database.status(act) == "filled"


@in_virtual_time
async def test_while_a_close_of_the_kill_switch_waits_beside_the_database_sizes_are_not_compared() -> None:
    """Not even the journal knows of it yet."""
    world = await _with_long_position()
    await world.kill()
    body = CloseBody(
        id=IntentId(world.ids.new()), category="linear", symbol="BTCUSDT", side="Buy",
        percent=Decimal(100), price=None, slippage_percent=None,
    )  # fmt: skip
    close = close_order(body, Decimal("0.5"), 0)
    gateway = GatewayTwin(world.wire, _alive)
    journal = MemoryJournal(world.database, clock=world.clock, ids=world.ids)
    with _unlisted(world, close):
        world.exchange.place(close, world.exchange.clock.now())
        await world.until(lambda: world.exchange.positions() == [], "it is closed")
        assert await reconcile(gateway, journal, world.clock, waits_beside=lambda: True) == []
        found = await reconcile(gateway, journal, world.clock)
        assert [(drift.kind, drift.ours, drift.theirs) for drift in found] == [("position.size", "0.5", "0")]


@in_virtual_time
async def test_sizes_are_compared_once_positions_stood_still_between_three_looks_and_not_before() -> None:
    """Each look at them is held against the one before; after three that differ the next reading has its turn."""
    world = await _with_long_position()
    assert world.process is not None
    await world.kill()
    journal = MemoryJournal(world.database, clock=world.clock, ids=world.ids)
    gateway = _MovingGateway(GatewayTwin(world.wire, _alive), moves=2)
    assert await reconcile(cast(OrderGateway, gateway), journal, world.clock) != []  # they differ from what is booked
    assert gateway.looks == 8  # and twice more, before a size that differs is believed
    gateway = _MovingGateway(GatewayTwin(world.wire, _alive), moves=3)
    assert await reconcile(cast(OrderGateway, gateway), journal, world.clock) == []
    assert gateway.looks == 4


class _MovingGateway:
    """Whose positions are of another size at each of so many looks after the first. A fill of this moment is listed,
    so that one look is not enough."""

    def __init__(self, gateway: GatewayTwin, moves: int) -> None:
        self._gateway = gateway
        self._moves = moves
        self.looks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def positions(self) -> Sequence[RemotePosition]:
        self.looks += 1
        by = min(self.looks - 1, self._moves)
        return [replace(held, size=held.size + by) for held in await self._gateway.positions()]

    async def executions(self, since: datetime) -> Sequence[Execution]:
        now = await self._gateway.server_time()
        return [replace(fill, executed_at=now) for fill in await self._gateway.executions(since)]


@in_virtual_time
async def test_while_something_waits_beside_the_database_nothing_is_called_not_placed() -> None:
    """What waits may be another attempt of the same order, of which the journal knows nothing yet."""
    world = World(1)
    world.start()
    await world.ready()
    assert world.process is not None
    waits = [True]
    session = world.process.session
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(session, "_parts", replace(session._parts, waits_beside=lambda: waits[0]))
        world.wire.next_command = ["request_lost"]
        lost = world.place()
        await world.until_status(lost, "unknown")
        await world.seconds(60)
        assert world.database.status(lost) == "unknown"
        waits[0] = False
        await world.until_status(lost, "not_placed", within_s=5)
