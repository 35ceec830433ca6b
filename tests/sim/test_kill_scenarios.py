"""The kill switch against the exchange twin, in virtual time: each scene is named by what it promises.

The exchange's own log is the truth: what is open there, and how often a position was closed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sim.exchange_ports import GatewayTwin
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.audit.spool import Spool
from tradewright.core.ids import AccountId, LinkId, UserId, WorkspaceId
from tradewright.core.order import Exit, NewOrder, Trigger
from tradewright.trading.account_book import AccountBook
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.emergency import CannotAct, Left
from tradewright.trading.kill.entries import Answered, CancelBegun, Cause, CloseBegun, Entry, TakenDown, as_plain
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.recorder import Recorder
from tradewright.trading.kill.store import Standing
from tradewright.trading.kill.switch import AccountSwitch, Way
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed

ACCOUNT = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
OTHER = AccountRef(AccountId(UUID(int=7)), WorkspaceId(UUID(int=8)), "sim", "2")


class Killed(BaseException):
    """The process ends here, as by SIGKILL."""


async def inline(call: Any, *arguments: Any) -> Any:
    """In virtual time there are no threads."""
    return call(*arguments)


@dataclass
class Tables:
    """The rows of latches and entries, with a database that may be away."""

    away: bool = False
    frozen: bool = False
    flaps: bool = False  # away at every second write
    epoch: int = 0  # of the account's newest owner
    held: dict[UUID, Latch] = field(default_factory=dict)
    released: set[UUID] = field(default_factory=set)
    entries: dict[UUID, Entry] = field(default_factory=dict)

    async def _answers(self) -> None:
        if self.frozen:
            await asyncio.Event().wait()
        if self.away:
            raise OSError("the database is away")

    async def standing(self) -> Standing:
        await self._answers()
        done = {(e.latch_id, e.account_id): e.closed for e in self.entries.values() if isinstance(e, TakenDown)}
        return Standing(list(self.held.values()), frozenset(self.released), done)

    async def pull(self, latch: Latch, *, ip: str | None = None) -> None:
        await self._answers()
        if latch.id not in self.released:
            self.held[latch.id] = latch

    async def release(
        self, scope: Scope, by: UserId | None, *, also: Sequence[Latch] = (), ip: str | None = None
    ) -> Sequence[Latch]:
        for latch in also:
            await self.pull(latch)
        await self._answers()
        gone = [latch for latch in self.held.values() if latch.scope == scope]
        for latch in gone:
            del self.held[latch.id]
            self.released.add(latch.id)
        return gone

    async def write(self, account: AccountRef, entries: Sequence[Entry]) -> None:
        if self.flaps:
            self.away = not self.away
        await self._answers()
        if account.epoch != self.epoch:
            raise Dispossessed(f"the account has a newer owner than epoch {account.epoch}")
        for entry in entries:
            begun = {each.req_id for each in self.entries.values() if isinstance(each, CancelBegun | CloseBegun)}
            assert not isinstance(entry, Answered) or entry.req_id in begun, "an answer came before its act"
            self.entries.setdefault(entry.id, entry)


@dataclass
class Scene:
    """An account with an exchange, a folder of its own, and one life of the process that looks after it."""

    world: World
    home: Path
    tables: Tables = field(default_factory=Tables)
    kill_at: str = ""
    reached: list[str] = field(default_factory=list)
    on_read: Callable[[str], None] = lambda _name: None
    gate_is_open: bool = True
    may_write: bool = True  # False: the account's key may only read
    gave_up: bool = False
    task: asyncio.Task[None] | None = None

    def start(self, *, kill_at: str = "") -> None:
        self.kill_at = kill_at
        self.board = LatchBoard(
            LatchFolder(self.home / "kill"), self.tables, self.world.clock, reach=self.reach, blocking=inline
        )
        self.recorder = Recorder(
            ACCOUNT, self.tables.write, Spool(self.home / "spool"), self.world.clock, blocking=inline
        )
        self.switch = AccountSwitch(
            way=Way(ACCOUNT, self._gateway, AccountBook(), may_write=self.may_write),
            board=self.board,
            recorder=self.recorder,
            clock=self.world.clock,
            ids=self.world.ids,
            may_act=lambda: self.gate_is_open and not self.gave_up,
            reach=self.reach,
            give_up=self._give_up,
        )
        self.task = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        with_rows = asyncio.ensure_future(self.board.run())
        try:
            await self.board.start()
            if not self.tables.away:
                await self.recorder.load()
            await self.switch.run()
        except Killed:
            pass
        except BaseExceptionGroup as group:
            if group.split(Killed)[1] is not None:
                raise
        finally:
            with_rows.cancel()

    def _give_up(self) -> None:
        self.gave_up = True

    def _gateway(self) -> GatewayTwin:
        async def alive(name: str) -> None:
            self.on_read(name)

        return GatewayTwin(self.world.wire, alive)

    def reach(self, point: str) -> None:
        self.reached.append(point)
        if point == self.kill_at:
            self.kill_at = ""
            raise Killed(point)

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    def latch(self, *, close: bool = False, scope: Scope | None = None) -> Latch:
        return Latch(
            id=self.world.ids.new(),
            scope=scope or Scope("account", ACCOUNT.id),
            close_positions=close,
            pulled_at=self.world.clock.now(),
            pulled_by=None,
            via="cli",
        )

    # The exchange.

    def order(self, price: str = "50000", **changes: Any) -> str:
        fields: dict[str, Any] = {
            "link_id": LinkId(""),
            "instrument": BTC,
            "side": "Buy",
            "order_type": "Limit",
            "quantity": Decimal("0.1"),
            "price": Decimal(price),
            "time_in_force": "GTC",
        }
        return self.world.exchange.place(NewOrder(**(fields | changes)), self.world.exchange.clock.now())

    async def position(self, quantity: str = "0.3") -> None:
        self.order(order_type="Market", price="0", time_in_force="IOC", quantity=Decimal(quantity))
        await self.world.seconds(1)

    def live(self) -> list[str]:
        return [order.order_id for order in self.world.exchange.visible_orders() if not order.ended]

    def size(self) -> Decimal:
        return sum((held.size for held in self.world.exchange.positions()), Decimal(0))

    def closes(self) -> int:
        """How many orders of the kill switch the exchange accepted."""
        return len([entry for entry in self.world.exchange.log if entry.what == "accepted" and entry.link_id])

    async def until_done(self, latch: Latch, within_s: float = 60.0) -> None:
        await self.world.until(lambda: self.board.is_done(latch, ACCOUNT), "the latch is carried out", within_s)

    def of(self, kind: type[Any]) -> list[Any]:
        return [entry for entry in self.tables.entries.values() if isinstance(entry, kind)]


@pytest.fixture(autouse=True)
def _folders_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def scene(seed: int = 1) -> Scene:
    return Scene(World(seed), Path(tempfile.mkdtemp(prefix="tw-kill-")))


@in_virtual_time
async def test_a_kill_cancels_every_order_ours_foreign_and_conditional() -> None:
    now = scene()
    ours = replace_link(now)
    foreign = now.order("51000")
    conditional = now.order("70000", trigger=Trigger(price=Decimal(69000), by="LastPrice", rises=True))
    await now.world.seconds(1)
    assert set(now.live()) == {ours, foreign, conditional}
    now.start()
    latch = await now.board.pull(now.latch())
    await now.until_done(latch)
    assert now.live() == []
    assert len(now.of(CancelBegun)) == 3
    assert {entry.outcome for entry in now.of(Answered)} == {"acknowledged"}
    assert now.reached.count("kill.latched") == 1
    await now.end()


def replace_link(now: Scene) -> str:
    return now.order("50500", link_id=LinkId("tw" + UUID(int=99).hex))


@in_virtual_time
async def test_the_stop_of_a_position_that_stays_open_is_kept_and_goes_with_it_when_it_is_closed() -> None:
    now = scene()
    await now.position()
    stop = now.order(
        "0",
        order_type="Market",
        time_in_force="IOC",
        side="Sell",
        reduce_only=True,
        quantity=Decimal("0.3"),
        trigger=Trigger(price=Decimal(55000), by="LastPrice", rises=False),
    )
    opening = now.order("50000")
    await now.world.seconds(1)
    now.start()
    latch = await now.board.pull(now.latch())
    await now.until_done(latch)
    assert now.live() == [stop]
    assert opening not in now.live()
    assert now.size() == Decimal("0.3")
    latch = await now.board.pull(now.latch(close=True))
    await now.until_done(latch)
    assert (now.live(), now.size(), now.closes()) == ([], Decimal(0), 1)
    await now.end()


@in_virtual_time
async def test_with_a_key_that_may_only_read_a_kill_says_what_it_leaves_and_is_done_once_that_has_ended() -> None:
    now = scene()
    now.may_write = False
    await now.position()
    resting = now.order("50000")
    await now.world.seconds(1)
    now.start()
    latch = await now.board.pull(now.latch(close=True))
    await now.world.seconds(30)
    told = now.switch.progress
    assert (told.state, told.fault, told.left) == ("failing", "connection.read_only", Left(1, 1, 0))
    assert not now.board.is_done(latch, ACCOUNT)
    with pytest.raises(CannotAct, match="orders to cancel: 1, positions: 1"):
        await now.switch.command(Cause(id=now.world.ids.new(), kind="command", via="socket", user_id=None), close=True)
    assert (now.live(), now.size(), now.of(CancelBegun), now.of(CloseBegun)) == ([resting], Decimal("0.3"), [], [])
    # By the person's own app: then nothing is left to do.
    now.world.exchange.cancel(now.world.exchange.clock.now(), link_id=None, order_id=resting)
    now.order("0", order_type="Market", time_in_force="IOC", side="Sell", reduce_only=True, quantity=Decimal("0.3"))
    await now.until_done(latch)
    await now.end()


@pytest.mark.parametrize(
    "between", ["read.open_orders", "read.open_orders.told", "read.positions", "read.positions.told"]
)
def test_the_stop_of_an_entry_that_fills_while_a_kill_reads_is_kept(between: str) -> None:
    @in_virtual_time
    async def run() -> None:
        now = scene()
        stop = Exit(trigger_price=Decimal(50000))
        now.order("59000", stop_loss=stop)
        await now.world.seconds(1)

        def fill(name: str) -> None:
            if name == between and not now.world.exchange.fills:
                now.world.exchange.move_price(Decimal(58900))

        now.on_read = fill
        now.start()
        await now.until_done(await now.board.pull(now.latch()))
        assert now.size() == Decimal("0.1")
        assert now.world.exchange.stop_of(BTC) == stop.trigger_price
        assert [entry.what for entry in now.world.exchange.log if entry.what == "cancelled"] == []
        await now.end()

    run()


@pytest.mark.parametrize("point", ["kill.latched", "kill.cancelled", "kill.closing"])
@pytest.mark.parametrize("away", [False, True])
def test_a_kill_that_is_cut_off_anywhere_goes_on_after_a_restart_and_closes_each_position_once(
    point: str, away: bool
) -> None:
    @in_virtual_time
    async def run() -> None:
        now = scene()
        await now.position()
        now.order("50000")
        await now.world.seconds(1)
        now.start(kill_at=point)
        await now.world.seconds(0.1)
        now.tables.away = away
        latch = now.latch(close=True)
        try:
            latch = await now.board.pull(latch)
        except Killed:
            latch = LatchFolder(now.home / "kill").read()[0]
            await now.end()
        assert now.task is not None
        await asyncio.wait([now.task], timeout=30)
        assert now.task.done(), f"{point} was not reached"
        now.tables.away = False  # a worker starts only when its database is there
        now.start()
        await now.until_done(latch)
        assert (now.live(), now.size(), now.closes()) == ([], Decimal(0), 1)
        assert len({entry.act_id for entry in now.of(CloseBegun)}) == 1
        assert not Spool(now.home / "spool").names()
        await now.end()

    run()


@pytest.mark.parametrize("how", ["away", "frozen"])
def test_with_the_database_away_or_stuck_everything_is_cancelled_and_written_down_beside_it_first(how: str) -> None:
    @in_virtual_time
    async def run() -> None:
        now = scene()
        await now.position()
        for price in range(50000, 50020):
            now.order(str(price))
        await now.world.seconds(1)
        now.start()
        await now.world.seconds(0.1)
        setattr(now.tables, how, True)
        began_s = now.world.clock.monotonic()
        latch = await now.board.pull(now.latch(close=True))
        await now.world.until(lambda: not now.live() and not now.size(), "nothing is open", 5.0)
        assert now.world.clock.monotonic() - began_s <= 5.0
        assert now.of(CancelBegun) == []
        await now.until_done(latch)
        assert now.recorder.has_spooled
        setattr(now.tables, how, False)
        await now.world.until(lambda: not now.recorder.has_spooled, "the spool is loaded")
        assert len(now.of(CancelBegun)) == 20
        assert len({entry.act_id for entry in now.of(CloseBegun)}) == 1
        assert len(now.of(TakenDown)) == 1
        await now.world.until(lambda: list(now.tables.held) == [latch.id], "the latch has its row")
        await now.end()

    run()


@in_virtual_time
async def test_what_cannot_be_written_down_anywhere_is_not_done() -> None:
    now = scene()
    now.order("50000")
    await now.world.seconds(1)
    (now.home / "spool").write_text("a file where the folder should be")
    now.start()
    await now.world.seconds(0.1)
    now.tables.away = True
    latch = await now.board.pull(now.latch())
    await now.world.seconds(20)
    assert len(now.live()) == 1
    assert (now.switch.progress.state, now.switch.progress.fault) == ("failing", "spool.unwritable")
    (now.home / "spool").unlink()  # somebody makes room: nothing else is needed
    await now.until_done(latch)
    assert now.live() == []
    await now.end()


@in_virtual_time
async def test_an_order_that_was_under_way_when_the_kill_came_is_cancelled_too() -> None:
    now = scene()
    now.start()
    await now.world.seconds(0.1)
    latch = await now.board.pull(now.latch())
    await now.world.seconds(3)
    late = now.order("50000")  # accepted within the validity of its signature
    await now.until_done(latch)
    assert late not in now.live()
    await now.end()


@in_virtual_time
async def test_lost_replies_and_failed_reads_only_make_a_kill_slower() -> None:
    for seed in range(1, 16):
        now = scene(seed)
        await now.position()
        for price in range(50000, 50005):
            now.order(str(price))
        await now.world.seconds(1)
        now.world.set_faults(
            Faults(reply_lost=0.3, request_lost=0.3, server_error=0.3, rate_limited=0.2, read_failed=0.2)
        )
        now.start()
        latch = await now.board.pull(now.latch(close=True))
        await now.world.seconds(20)
        now.world.set_faults()
        await now.until_done(latch, 120)
        assert (now.live(), now.size()) == ([], Decimal(0)), seed
        filled = [entry for entry in now.world.exchange.log if entry.what == "filled" and entry.link_id]
        assert len({entry.link_id for entry in filled}) == 1, f"seed {seed}: one order closed it"
        await now.end()


@in_virtual_time
async def test_a_kill_of_another_account_or_workspace_touches_nothing_here() -> None:
    now = scene()
    order = now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.board.pull(now.latch(scope=Scope("account", OTHER.id)))
    await now.board.pull(now.latch(scope=Scope("workspace", OTHER.workspace_id)))
    foreign = replace(now.latch(), workspace_id=OTHER.workspace_id)  # an account named from another workspace
    await now.board.pull(foreign)
    await now.world.seconds(10)
    assert now.live() == [order]
    assert not now.board.blocks(ACCOUNT)
    await now.end()


@in_virtual_time
async def test_after_it_was_carried_out_what_a_person_places_at_the_exchange_is_theirs() -> None:
    now = scene()
    now.start()
    latch = await now.board.pull(now.latch())
    await now.until_done(latch)
    theirs = now.order("50000")
    await now.world.seconds(30)
    assert now.live() == [theirs]
    await now.board.release(latch.scope, None)
    assert not now.board.blocks(ACCOUNT)
    assert LatchFolder(now.home / "kill").read() == []
    await now.end()


@in_virtual_time
async def test_what_is_left_or_opened_again_while_a_kill_is_carried_out_is_closed_by_another_order() -> None:
    now = scene()
    await now.position()
    now.start()
    latch = await now.board.pull(now.latch(close=True))
    await now.world.until(lambda: not now.size(), "the position is closed")
    await now.position("0.2")  # an order of somebody's that was under way
    await now.until_done(latch)
    assert (now.size(), now.closes()) == (Decimal(0), 2)
    assert len({entry.act_id for entry in now.of(CloseBegun)}) == 2
    await now.end()


@in_virtual_time
async def test_what_waits_in_the_spool_is_loaded_while_the_switch_still_watches_for_late_orders() -> None:
    now = scene()
    for price in range(50000, 50005):
        now.order(str(price))
    await now.world.seconds(1)
    now.start()
    await now.world.seconds(0.1)
    now.tables.away = True
    latch = await now.board.pull(now.latch())
    await now.world.until(lambda: not now.live(), "nothing is open", 5.0)
    assert now.recorder.has_spooled
    now.tables.away = False
    await now.world.until(lambda: not now.recorder.has_spooled, "the spool is loaded", 4.0)
    assert not now.board.is_done(latch, ACCOUNT), "it still watches"
    assert len(now.of(CancelBegun)) == len(now.of(Answered)) == 5
    await now.until_done(latch)
    assert len(now.of(TakenDown)) == 1
    await now.end()


@in_virtual_time
async def test_what_an_owner_before_wrote_beside_the_database_too_late_is_brought_without_a_new_claim() -> None:
    now = scene()
    now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.world.until(lambda: now.board.has_rows(), "the switch runs")
    late = Spool(now.home / "spool")
    entry = TakenDown(
        id=now.world.ids.new(),
        at=now.world.clock.now(),
        account_id=ACCOUNT.id,
        latch_id=now.world.ids.new(),
        closed=False,
    )
    late.append(str(ACCOUNT.id), [as_plain(entry)])
    assert not now.recorder.has_spooled
    await now.world.until(lambda: not late.names(), "the folder is empty", 10.0)
    assert now.of(TakenDown) == [entry]
    await now.end()


@in_virtual_time
async def test_a_database_that_comes_and_goes_gets_each_act_before_its_answer() -> None:
    now = scene()
    await now.position()
    for price in range(50000, 50005):
        now.order(str(price))
    await now.world.seconds(1)
    now.tables.flaps = True
    now.start()
    latch = await now.board.pull(now.latch(close=True))
    await now.until_done(latch)
    now.tables.flaps = now.tables.away = False
    await now.world.until(lambda: not now.recorder.has_spooled, "the spool is loaded")
    assert len(now.of(Answered)) == len(now.of(CancelBegun)) + len(now.of(CloseBegun)) == 6
    await now.end()


@in_virtual_time
async def test_an_owner_that_was_replaced_carries_out_no_kill_and_ends() -> None:
    """Its gate does not know yet; the epoch in the transaction does."""
    now = scene()
    await now.position()
    now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.world.seconds(0.1)
    now.tables.epoch = 1
    await now.board.pull(now.latch(close=True))
    assert now.task is not None
    await asyncio.wait([now.task], timeout=10)
    assert isinstance(now.task.exception(), Dispossessed)
    assert now.gave_up
    assert (len(now.live()), now.closes(), now.tables.entries) == (1, 0, {})
    assert not now.recorder.has_spooled


@in_virtual_time
async def test_a_replaced_owner_whose_acts_wait_in_the_spool_ends_as_soon_as_the_database_says_so() -> None:
    now = scene()
    now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.world.seconds(0.1)
    now.tables.away = True
    latch = await now.board.pull(now.latch())
    await now.until_done(latch)
    now.tables.epoch, now.tables.away = 1, False
    assert now.task is not None
    await asyncio.wait([now.task], timeout=10)
    assert isinstance(now.task.exception(), Dispossessed)
    assert now.gave_up
    assert now.tables.entries == {}
    assert Spool(now.home / "spool").take(str(ACCOUNT.id)), "what was done waits for the owner that there is"


@in_virtual_time
async def test_with_the_gate_shut_a_kill_neither_acts_nor_writes_and_goes_on_when_it_opens() -> None:
    """The database is away, so only the gate can say that another may own the account."""
    now = scene()
    now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.world.seconds(0.1)
    now.tables.away, now.gate_is_open = True, False
    latch = await now.board.pull(now.latch())
    await now.world.seconds(20)
    assert (len(now.live()), now.recorder.has_spooled) == (1, False)
    assert not now.board.is_done(latch, ACCOUNT)
    assert now.switch.progress.state == "failing"
    now.gate_is_open = True
    await now.until_done(latch)
    assert now.live() == []
    await now.end()


@in_virtual_time
async def test_an_account_that_this_process_claimed_anew_is_taken_down_under_the_new_epoch() -> None:
    """Also where no session could be opened under it."""
    now = scene()
    now.order("50000")
    await now.world.seconds(1)
    now.start()
    await now.world.seconds(0.1)
    now.tables.epoch = 1  # committed, and the answer is under way
    latch = await now.board.pull(now.latch())
    await now.world.seconds(0.5)
    now.switch.note_claim(replace(ACCOUNT, epoch=1))
    await now.until_done(latch)
    assert (now.live(), now.gave_up) == ([], False)
    assert len(now.of(TakenDown)) == 1
    await now.end()
