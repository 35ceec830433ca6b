"""The kill switch of one account: it carries out each latch that covers it, whatever its session does meanwhile.

Lives here: `AccountSwitch`, a task beside the account's session and longer than it: while the database is away there is
no session, and the switch goes on. Not here: the acts (`emergency`), the latches (`board`), who starts it (`care`).

A latch is carried out once for the account: pass after pass until nothing is open, and then for as long as a request
that was under way may still land. From then on, as long as it holds, only an opening order of our own that shows up
late is cancelled: what a person places at the exchange itself afterwards is theirs.

An owner that was replaced neither acts nor writes: each row is written under its epoch or not at all, what goes beside
the database only while the gate lets it (`may_act`), and whoever is refused by the epoch ends with `Dispossessed`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import AppError
from tradewright.core.ids import intent_of
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.account_book import AccountBook
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.emergency import CannotAct, Closing, Left, PositionKey, TakeDown, is_protecting, must_act
from tradewright.trading.kill.entries import Cause, TakenDown
from tradewright.trading.kill.latch import Latch
from tradewright.trading.kill.recorder import Recorder
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed

log = structlog.get_logger()

PASS_PAUSE_S = 0.25
LANDS_WITHIN_S = 6.0  # how long passes go on after one that found nothing: the validity of a request, and a second
_SLOW_AFTER = 200  # passes; then they come every few seconds, as long as the latch holds
_SLOW_PAUSE_S = 5.0
_LOOK_S = 1.0
_COMMAND_PASSES_MAX = 60
_CAUSES_KEPT = 100
_ROWS_LOOKS = 5

GatewaySource = Callable[[], OrderGateway]


@dataclass(frozen=True, slots=True)
class Way:
    """How the account is reached now. `open_gateway` makes a gateway of its own, which is closed by who asked.
    `may_write`: False where the key may only read; what is open is looked at then, and said to stay."""

    account: AccountRef
    open_gateway: GatewaySource
    book: AccountBook
    may_write: bool = True


@dataclass(slots=True)
class Progress:
    """What a person may be told: of the newest latch, or of what was asked last."""

    state: Literal["idle", "acting", "done", "failing"] = "idle"
    left: Left | None = None
    fault: str = ""  # a code
    detail: str = ""


@dataclass(slots=True)
class AccountSwitch:
    """`may_act` says whether this process may act for the account: False once somebody else may own it. `give_up` is
    called when it is certain that somebody does: nothing of this process may leave any more."""

    way: Way
    board: LatchBoard
    recorder: Recorder
    clock: Clock
    ids: Ids
    may_act: Callable[[], bool]
    reach: Reach = nowhere
    give_up: Callable[[], None] = lambda: None
    progress: Progress = field(default_factory=Progress)
    _gateway: OrderGateway | None = None
    _gateway_of: GatewaySource | None = None
    _loading: asyncio.Task[None] | None = None
    _closing: list[asyncio.Future[None]] = field(default_factory=list)
    _closings: dict[UUID, dict[PositionKey, Closing]] = field(default_factory=dict)
    _acting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _fenced_epoch: int | None = None  # it was refused, first at that second by the monotonic clock
    _fenced_s: float = 0.0

    @property
    def account(self) -> AccountRef:
        return self.way.account

    async def run(self) -> None:
        """Until cancelled. What fails is told and tried again: this is the last thing that may give up. Raises
        `Dispossessed` once another owns the account: then this process must end."""
        try:
            while True:
                seen = self.board.version
                for latch in self.board.covering(self.account):
                    await self._attempt(latch)
                await self._bring_spool()
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self.board.changed(seen)
                except TimeoutError:
                    pass
        finally:
            self.recorder.close()
            if self._loading is not None:
                self._loading.cancel()
            await self._drop_gateway()

    def note_claim(self, account: AccountRef) -> None:
        """This process has claimed the account anew: from here on under that epoch."""
        self.way = replace(self.way, account=account)
        self.recorder.account = account

    async def command(self, cause: Cause, *, close: bool) -> Left:
        """Cancels everything once, and where wanted closes, without a latch. What is left after at most
        a quarter of a minute's passes. Raises what the exchange and the spool raise."""
        async with self._acting:
            taking = self._take_down(cause)
            left = await taking.look(close=close)
            for _ in range(_COMMAND_PASSES_MAX):
                if not (left.orders or (close and left.positions)):
                    break
                await self.clock.sleep(PASS_PAUSE_S)
                left = await taking.look(close=close)
            return left

    async def load_spool(self) -> None:
        """Everything beside the database into it. Raises `SQLAlchemyError` or `OSError`; then it waits where it is."""
        await self._rows_first()
        await self.recorder.load()

    async def _rows_first(self) -> None:
        """Gives the latches' own rows a moment to be written. That one was carried out counts only beside its row, and
        a worker that did not find it written would take everything down once more."""
        for _ in range(_ROWS_LOOKS):
            if self.board.has_rows():
                return
            await self.clock.sleep(_LOOK_S)

    # A latch.

    async def _attempt(self, latch: Latch) -> None:
        try:
            async with self._acting:
                if not self.board.is_done(latch, self.account):
                    await self._carry_out(latch)
                elif self._has_late_order():
                    await self._take_down(_cause_of(latch)).look(close=False, only_ours=True)
        except Dispossessed as gone:
            self._note_fenced(gone)
        except CannotAct as cannot:
            self._failed(cannot.code, str(cannot))
            self.progress = replace(self.progress, left=cannot.left)
            await self.clock.sleep(_SLOW_PAUSE_S)  # until somebody has ended it at the exchange
        except AppError as error:
            self._failed(error.code, str(error))
        except (OSError, SQLAlchemyError) as error:
            self._failed("kill.failed", type(error).__name__)
        except Exception as bug:
            # Not left to end the task: the next try may do what this one could not.
            log.exception("kill.bug", account_id=str(self.account.id))
            self._failed("kill.bug", type(bug).__name__)

    async def _carry_out(self, latch: Latch) -> None:
        self.progress = Progress("acting")
        taking = self._take_down(_cause_of(latch))
        empty_since_s: float | None = None
        passes = 0
        log.warning("kill.carrying_out", account_id=str(self.account.id), latch=str(latch.id))
        while self._still_holds(latch):
            closes = self._closes(latch)
            left = await taking.look(close=closes)
            passes += 1
            self.progress = Progress("acting", left)
            now_s = self.clock.monotonic()
            if left.orders or (closes and left.positions):
                empty_since_s = None
                await self.clock.sleep(PASS_PAUSE_S if passes < _SLOW_AFTER else _SLOW_PAUSE_S)
                continue
            if empty_since_s is None:
                empty_since_s = now_s
                log.warning("kill.nothing_open", account_id=str(self.account.id), passes=passes)
            # What is written of it counts only beside the latch's own row: a little longer is waited for that.
            rows_s = 0.0 if self.board.has_rows() else _ROWS_LOOKS * _LOOK_S
            if now_s - empty_since_s >= LANDS_WITHIN_S + rows_s:
                await self._note_done(latch, closed=closes, left=left)
                return
            # Nothing is left to do but to watch: what waits beside the database need not wait for the end of that.
            await self._bring_spool()
            await self.clock.sleep(_LOOK_S)

    async def _note_done(self, latch: Latch, *, closed: bool, left: Left) -> None:
        must_act(self.may_act)
        done = TakenDown(
            id=self.ids.new(), at=self.clock.now(), account_id=self.account.id, latch_id=latch.id, closed=closed
        )
        await self.recorder.record([done])
        self.board.note_done(latch.id, self.account, closed=closed)
        self.progress = Progress("done", left)
        log.warning("kill.done", account_id=str(self.account.id), latch=str(latch.id), closed=closed)

    def _still_holds(self, latch: Latch) -> bool:
        return any(held.id == latch.id for held in self.board.covering(self.account))

    def _closes(self, latch: Latch) -> bool:
        """A latch may get to close positions while it is carried out."""
        return any(held.close_positions for held in self.board.covering(self.account) if held.id == latch.id)

    def _has_late_order(self) -> bool:
        """By the session's memory: an opening order of ours that was not there when everything was taken down."""
        positions = self.way.book.positions()
        return any(
            intent_of(order.link_id) is not None and not order.reduce_only and not is_protecting(order, positions)
            for order in self.way.book.orders()
        )

    def _failed(self, code: str, detail: str) -> None:
        self.progress = replace(self.progress, state="failing", fault=code, detail=detail)
        log.error("kill.failing", account_id=str(self.account.id), code=code, detail=detail)

    def _note_fenced(self, gone: Dispossessed) -> None:
        """Another owns the account by now, unless this very process has just claimed it anew and has not told: so the
        same epoch must be refused again a moment later. Raises it then."""
        self._failed(gone.code, str(gone))
        epoch, now_s = self.account.epoch, self.clock.monotonic()
        if self._fenced_epoch != epoch:
            self._fenced_epoch, self._fenced_s = epoch, now_s
        elif now_s - self._fenced_s >= _LOOK_S:
            self.give_up()
            raise gone

    async def _bring_spool(self) -> None:
        """As soon as the database answers, and has the latches; the switch does not wait for one that does not."""
        with contextlib.suppress(OSError):
            await self.recorder.look()
        if not self.recorder.has_spooled or not self.board.has_rows():
            return
        if self._loading is None or self._loading.done():
            self._loading = asyncio.ensure_future(self._load())
        await asyncio.wait({self._loading}, timeout=_LOOK_S)
        if self._loading.done() and isinstance(gone := self._loading.exception(), Dispossessed):
            self._note_fenced(gone)

    async def _load(self) -> None:
        try:
            await self.recorder.load()
        except Dispossessed:
            raise
        except (SQLAlchemyError, OSError, AppError) as error:
            log.warning("spool.waits", account_id=str(self.account.id), error=type(error).__name__)

    def _take_down(self, cause: Cause) -> TakeDown:
        if self._gateway is None or self._gateway_of is not self.way.open_gateway:
            old, self._gateway = self._gateway, self.way.open_gateway()
            self._gateway_of = self.way.open_gateway
            if old is not None:
                self._closing.append(asyncio.ensure_future(old.close()))
        return TakeDown(
            account=self.account,
            gateway=self._gateway,
            recorder=self.recorder,
            cause=cause,
            clock=self.clock,
            ids=self.ids,
            may_act=self.may_act,
            reach=self.reach,
            closing=self._closing_of(cause),
            may_write=self.way.may_write,
        )

    def _closing_of(self, cause: Cause) -> dict[PositionKey, Closing]:
        """How far each close on this cause is, also over tries that failed in the middle."""
        while len(self._closings) > _CAUSES_KEPT:
            self._closings.pop(next(iter(self._closings)))
        return self._closings.setdefault(cause.id, {})

    async def _drop_gateway(self) -> None:
        for closing in self._closing:
            closing.cancel()
        if self._gateway is not None:
            await self._gateway.close()


def _cause_of(latch: Latch) -> Cause:
    return Cause(id=latch.id, kind="latch", via=latch.via, user_id=latch.pulled_by, token_id=latch.token_id)
