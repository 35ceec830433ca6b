"""The kill switch in a run: the real board and switch of each process, who pulls and releases it, and what must hold.

Lives here: `KillBench`, one process's, `KillNight`, what is kept and seen of a night's kill, and `Killer`, the person
who stops everything. Not here: folder, spool and rows (`sim.memory_kill`), when it is pulled (`nights`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from sim.memory_kill import KeptKill, MemoryFolder, MemoryKillRows, MemorySpool
from sim.whole.faults import SAFETY_S
from sim.whole.nights import Pull
from sim.whole.setting import ACCOUNT, DatabaseAway, Killed
from sim.whole.wire import Call
from tradewright.core.errors import NotReady
from tradewright.core.ids import LinkId, intent_of
from tradewright.simulator.accounts.events import OrderAccepted
from tradewright.simulator.accounts.orders import Order
from tradewright.trading.kill.board import LatchBoard, LatchRule
from tradewright.trading.kill.entries import CancelBegun, CloseBegun, Entry, TakenDown
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.recorder import Recorder
from tradewright.trading.kill.switch import AccountSwitch, Way

if TYPE_CHECKING:
    from sim.whole.process import Process
    from sim.whole.world import World

_T = TypeVar("_T")
SCOPE: Final = Scope("account", ACCOUNT.id)
_ANSWERS_WITHIN_S: Final = 2.0  # a worker that does not is dead to whoever pulls, and the file is written
_SEEN_WITHIN_S: Final = 1.5  # a file that a running worker did not write itself
_AGAIN_S: Final = 0.5
_TRIES_MAX: Final = 120
# What came in while the last pass read is not there for it: two questions, whose answers may be up to 7 s late each.
_UNSEEN_S: Final = 16.0


class KillNight:
    """Folder, spool and rows, which outlive every process. `asked` is the latch as a person wants it, None once it is
    released; `blocks_from_s` is when everybody who may send knows of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.folder = MemoryFolder()
        self.spool = MemorySpool(self._spooled)
        self.rows = KeptKill()
        self.asked: Latch | None = None
        self.was_asked = False
        self.blocks_from_s: float | None = None
        self.away_until_s = 0.0
        self.cancels: set[str] = set()  # the exchange's ids of orders whose cancel is written down
        self.closes: set[UUID] = set()  # acts
        # With positions closed or not: how long the exchange's log was when the last pass may have begun to read.
        self.done_at: dict[bool, int] = {}

    def _spooled(self, entry: Entry) -> None:
        self._world.struck["kill_spooled"] += 1
        self.note(entry)

    def note(self, entry: Entry) -> None:
        """It is durable now."""
        match entry:
            case CancelBegun():
                self.cancels.add(entry.exchange_order_id)
                self._must_spare(entry)
            case CloseBegun():
                self.closes.add(entry.act_id)
            case TakenDown():
                if entry.closed not in self.done_at:
                    self.done_at[entry.closed] = self._world.log_length(_UNSEEN_S)
                    self._world.violations += _left_open(self._world, closed=entry.closed)
            case _:
                pass

    def _must_spare(self, entry: CancelBegun) -> None:
        order = self._world.engine.account.orders.get(entry.exchange_order_id)
        if order is not None and order.is_live and _protects(self._world, order):
            self._world.violations.append(f"a kill cancels {order.stop_kind} {order.order_id} of an open position")


class KillBench:
    """Of one process: `start` before its session, `run` beside it."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        kept = world.kill
        rows = MemoryKillRows(world.database, kept.rows, now=world.clock.now, point=self._at_database, watch=kept.note)
        self.board = LatchBoard(
            kept.folder,  # type: ignore[arg-type]
            rows,
            world.machine_clock,
            reach=process.reach,
            blocking=self._on_disk,
        )
        self.recorder = Recorder(
            process.account,
            rows.write,
            kept.spool,  # type: ignore[arg-type]
            world.machine_clock,
            blocking=self._on_disk,
        )
        self.switch = AccountSwitch(
            way=Way(process.account, partial(process.open_gateway, is_kill=True), process.book),
            board=self.board,
            recorder=self.recorder,
            clock=world.machine_clock,
            ids=world.ids,
            may_act=lambda: process.owning.lets_reduce,
            reach=process.reach,
        )
        self.rule = LatchRule(partial(self.board.blocks, ACCOUNT))
        self.is_open = False

    async def _at_database(self, point: str) -> None:
        if self._world.loop.time() < self._world.kill.away_until_s:
            self._world.struck["kill_away"] += 1
            raise DatabaseAway(point)
        await self._process.database_point(point)

    async def _on_disk(self, call: Callable[..., _T], *arguments: Any) -> _T:
        await self._process.disk()
        return call(*arguments)

    async def start(self) -> None:
        await self.board.start()
        await self.recorder.load()
        self.is_open = True

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.board.run())
            tasks.create_task(self.switch.run())


class Killer:
    """Pulls, may pull once more for the positions, and may release: as the page does, by the worker or its files."""

    def __init__(self, world: World, plan: Pull) -> None:
        self._world = world
        self._plan = plan

    async def live(self) -> None:
        plan = self._plan
        await self._until(plan.at_s)
        self._world.kill.away_until_s = min(plan.at_s + plan.away_for_s, SAFETY_S)
        await self._pull(close=plan.closes)
        if plan.closes_at_s is not None:
            await self._until(plan.closes_at_s)
            await self._pull(close=True)
        if plan.released_at_s is not None:
            await self._until(plan.released_at_s)
            await self._release()

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._world.loop.time()))

    async def _pull(self, *, close: bool) -> None:
        world, kill = self._world, self._world.kill
        latch = Latch(
            id=world.ids.new(),
            scope=SCOPE,
            close_positions=close,
            pulled_at=world.clock.now(),
            pulled_by=None,
            via="page",
        )
        world.struck["kill_pulled"] += 1
        world.struck["kill_closes"] += close
        is_told = await self._tell(latch)
        if not is_told:
            kill.folder.write(latch)
            world.struck["kill_by_file"] += 1
        now_s = world.loop.time()
        if kill.blocks_from_s is None:
            kill.blocks_from_s = now_s if is_told else max(now_s, world.frozen_until_s) + _SEEN_WITHIN_S
        kill.asked = latch if close or kill.asked is None else kill.asked
        kill.was_asked = True

    async def _tell(self, latch: Latch) -> bool:
        """Whether the worker said that it holds."""
        process = self._world.process
        if process is None or process.bench is None or not (process.answers and process.bench.is_open):
            return False
        if self._plan.crash is not None and self._world.loop.time() < SAFETY_S:
            process.doom(self._plan.crash)
        return await self._asked(process, process.bench.board.pull(latch)) is not None

    async def _release(self) -> None:
        world, kill = self._world, self._world.kill
        for _ in range(_TRIES_MAX):
            process = world.process
            if process is not None and process.bench is not None and process.answers and process.bench.is_open:
                kill.blocks_from_s = None  # from here on it may be released at any moment
                if await self._asked(process, process.bench.board.release(SCOPE, None)) is not None:
                    kill.asked = None
                    world.struck["kill_released"] += 1
                    return
            await asyncio.sleep(_AGAIN_S)
        world.violations.append("a kill could not be released")

    async def _asked(self, process: Process, work: Any) -> Any:
        """What the process answers; None when it does not, or cannot."""
        task = process.spawn(work)
        await asyncio.wait([task], timeout=_ANSWERS_WITHIN_S)
        if not task.done() or not process.answers:
            task.cancel()
            await asyncio.wait([task])
        if task.cancelled():
            return None
        try:
            return task.result()
        except (Killed, NotReady, OSError):
            return None


def _protects(world: World, order: Order) -> bool:
    held = world.engine.account.position(order.symbol, order.position_index)
    return order.is_protective and held.size != 0


def _left_open(world: World, *, closed: bool) -> Iterator[str]:
    """What is there although a process says that everything was taken down: older than its last look, and shown."""
    account, now_s = world.engine.account, world.loop.time()
    if now_s - world.stranger_s < _UNSEEN_S:
        return
    for order in account.live_orders():
        if intent_of(LinkId(order.link_id)) is None and not _protects(world, order):
            yield f"a kill is called done, and the order {order.order_id} ({order.stop_kind or 'plain'}) is open"
    sizes = [held.size for held in account.positions.values() if held.size]
    if closed and sizes and not world.filled_within(_UNSEEN_S):
        yield f"a kill is called done with everything closed, and {sizes} is held"


def breaks_kill(world: World, call: Call) -> str | None:
    """Why an opening order must not have left."""
    from_s = world.kill.blocks_from_s
    if from_s is None or world.loop.time() < from_s or call.body.get("reduceOnly"):
        return None
    return f"an opening order left {world.loop.time() - from_s:.1f} s after a kill"


def judge_kill(world: World) -> Iterator[str]:
    """Once the faults are over: the latch is as it was asked, and what it had to take down is gone."""
    kill, process = world.kill, world.process
    if not kill.was_asked:
        return
    if kill.spool.names():
        yield f"the spool still holds {kill.spool.names()}"
    board = None if process is None or process.bench is None else process.bench.board
    held = [list(kill.rows.held.values()), kill.folder.read(), [] if board is None else board.covering(ACCOUNT)]
    wanted = [] if kill.asked is None else [(kill.asked.scope, kill.asked.close_positions)]
    for where, latches in zip(("its row", "its file", "the worker's memory"), held, strict=True):
        if [(latch.scope, latch.close_positions) for latch in latches] != wanted:
            yield f"a kill was asked as {wanted}, and {where} has {latches}"
    yield from _opened_by_closes(world)
    if kill.asked is not None:
        yield from _not_taken_down(world, kill.asked)


def _opened_by_closes(world: World) -> Iterator[str]:
    for entry in world.entries:
        event = entry.event
        if not isinstance(event, OrderAccepted) or event.reduce_only:
            continue
        if intent_of(LinkId(event.link_id)) in world.kill.closes:
            yield f"the close {event.link_id} of a kill could open a position"


def _not_taken_down(world: World, latch: Latch) -> Iterator[str]:
    kill, account = world.kill, world.engine.account
    done_at = kill.done_at.get(latch.close_positions)
    if done_at is None or not any(closed >= latch.close_positions for closed in kill.rows.done.values()):
        yield f"a kill is not carried out: {kill.rows.done}"
        return
    later = {entry.event.order_id for entry in world.entries[done_at:] if isinstance(entry.event, OrderAccepted)}
    for order in account.live_orders():
        is_ours = intent_of(LinkId(order.link_id)) is not None and not order.reduce_only
        if not _protects(world, order) and (is_ours or order.order_id not in later):
            yield f"the order {order.order_id} ({order.stop_kind or 'plain'}) is open under a kill"
    sizes = [held.size for held in account.positions.values() if held.size]
    if latch.close_positions and sizes and not any(one.seq > done_at for one in account.executions):
        yield f"{sizes} is held under a kill that closes"
