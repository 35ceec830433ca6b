"""The worker's care for sessions: one for each account, started when it appears, started anew when it fails.

Lives here: `SessionKeeper`. Not here: which process may own accounts (`placement`), what a session does (`session`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock, Rng
from tradewright.core.errors import AppError
from tradewright.core.fault import Fault
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.storage.bus import Bus
from tradewright.storage.engine import reading
from tradewright.trading.asking import INTENTS_CHANNEL
from tradewright.trading.journal import Journal
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed, Placement, SoleOwner
from tradewright.trading.provision import ACCOUNTS_CHANNEL
from tradewright.trading.session import AccountSession
from tradewright.trading.wishes import WANTED_CHANNEL, parse_wish

log = structlog.get_logger()

_PAUSE_SECONDS_FIRST = 0.5
_PAUSE_SECONDS_MAX = 15.0

SessionFactory = Callable[[AccountRef], Awaitable[AccountSession]]
JournalFactory = Callable[[AccountRef], Journal]


@dataclass(frozen=True, slots=True)
class _Looked:
    """An account as the table has it, through which connection it is reached, and what its key may do there."""

    account: AccountRef
    connection_id: UUID | None
    categories: tuple[str, ...]
    read_only: bool
    way: int  # counts up with each other region or proxy; another key alone is handed to the session (`keys`)


class SessionKeeper:
    """Keeps a session running for every account that does not rest; hands each the hint that its intents changed.

    `placement` says when this process may own an account: each session begins with a claim and a new epoch, and is
    built anew when the account must be claimed anew.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        bus: Bus,
        open_session: SessionFactory,
        journal_of: JournalFactory,
        *,
        clock: Clock,
        rng: Rng,
        placement: Placement | None = None,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._open_session = open_session
        self._journal_of = journal_of
        self._clock = clock
        self._rng = rng
        self._placement = placement or SoleOwner()
        self._sessions: dict[AccountId, AccountSession] = {}
        self._kept: dict[AccountId, tuple[_Looked, asyncio.Task[None]]] = {}
        self._ending: set[AccountId] = set()
        self._epochs: dict[AccountId, int] = {}  # under which each account was claimed last

    async def run(self) -> None:
        """Until cancelled; then every session is closed before this returns. Raises `Dispossessed` (in a group) when
        another owns an account: then this process must end without another word."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._mind_standing_still())
            tasks.create_task(self._hand_out_hints())
            tasks.create_task(self._hand_out_wishes())
            accounts = self._bus.subscribe(ACCOUNTS_CHANNEL)
            while True:
                found = await self._accounts()
                if found is not None:  # else nothing is known, and every session goes on
                    self._follow(found, tasks)
                await accounts.get()

    def _follow(self, found: list[_Looked], tasks: asyncio.TaskGroup) -> None:
        """Starts a session for each account that has none; ends that of one that rests, is reached by another key,
        or by one that may do something else by now."""
        for account_id, (kept, _task) in self._kept.items():
            if kept not in found and account_id not in self._ending:
                self._ending.add(account_id)
                tasks.create_task(self._end(account_id, tasks))
        for looked in found:
            if looked.account.id not in self._kept:
                task = tasks.create_task(self._keep(looked.account))
                self._kept[looked.account.id] = (looked, task)

    async def _end(self, account_id: AccountId, tasks: asyncio.TaskGroup) -> None:
        kept, task = self._kept[account_id]
        task.cancel()
        await asyncio.wait([task])
        await self._tell_closed(kept.account, Fault("session.resting"))
        log.info("session.ended", account_id=str(account_id))
        del self._kept[account_id]
        self._ending.discard(account_id)
        found = await self._accounts()
        if found is not None:  # it may not rest at all, but be reached in another way
            self._follow(found, tasks)

    async def _mind_standing_still(self) -> None:
        """This process or its machine stood still: nothing that opens leaves before everything is read again."""
        while True:
            await self._placement.until_stood_still()
            for session in self._sessions.values():
                session.note_standstill()
            self._placement.go_on()

    async def _accounts(self) -> list[_Looked] | None:
        """Those that do not rest; None when the table could not be read."""
        try:
            async with reading(self._engine) as connection:
                found = await connection.execute(
                    text(
                        "SELECT id, workspace_id, environment, uid, connection_id, categories, read_only, way"
                        " FROM accounts WHERE NOT resting ORDER BY created_at"
                    )
                )
                return [
                    _Looked(
                        AccountRef(AccountId(row.id), WorkspaceId(row.workspace_id), row.environment, row.uid),
                        row.connection_id,
                        tuple(row.categories or ()),
                        row.read_only,
                        row.way,
                    )
                    for row in found
                ]
        except SQLAlchemyError as error:
            log.warning("worker.accounts_unread", error=type(error).__name__)
            return None

    async def _hand_out_hints(self) -> None:
        subscription = self._bus.subscribe(INTENTS_CHANNEL)
        while True:
            hint = await subscription.get()
            for account_id, session in self._sessions.items():
                if hint is None or hint == str(account_id):
                    session.wake()

    async def _hand_out_wishes(self) -> None:
        """What somebody wants read. A wish that is lost is one more reading later: nothing waits for it here."""
        subscription = self._bus.subscribe(WANTED_CHANNEL)
        while True:
            hint = await subscription.get()
            wish = None if hint is None else parse_wish(hint)
            session = None if wish is None else self._sessions.get(wish.account_id)
            if wish is None or session is None:
                continue
            if wish.whole:
                session.want_reconcile()
            if wish.instrument is not None:
                session.want_symbol(wish.instrument)

    async def _tell_closed(self, account: AccountRef, reason: Fault) -> None:
        """The page must not go on saying "ready" when nobody looks after the account."""
        try:
            account = replace(account, epoch=self._epochs.get(account.id, 0))
            await self._journal_of(account).set_session("closed", reason)
        except (SQLAlchemyError, OSError) as error:
            log.warning("session.state_unwritten", account_id=str(account.id), error=type(error).__name__)
        except Exception:
            log.exception("session.state_unwritten", account_id=str(account.id))

    async def _keep(self, account: AccountRef) -> None:
        pause_seconds = _PAUSE_SECONDS_FIRST
        while True:
            started, has_bug = self._clock.monotonic(), False
            try:
                epoch = await self._placement.claim(account.id)
                self._epochs[account.id] = epoch
                session = await self._open_session(replace(account, epoch=epoch))
                self._sessions[account.id] = session
                if await self._ran_until_over(session, account.id, epoch):
                    pause_seconds = _PAUSE_SECONDS_FIRST
                    continue
            except* Dispossessed:
                self._placement.give_up()  # nothing more leaves, while this process ends
                raise
            except* (AppError, SQLAlchemyError, OSError) as failures:
                reasons = [_reason(error) for error in failures.exceptions]
                log.error("session.failed", account_id=str(account.id), errors=[reason.as_json() for reason in reasons])
                await self._tell_closed(account, reasons[0])
            except* Exception as bugs:
                # The other accounts' sessions go on; this one waits as long as a session ever does.
                has_bug = True
                log.exception("session.bug", account_id=str(account.id))
                await self._tell_closed(account, Fault("session.bug", {"error": _kinds(bugs)}))
            finally:
                self._sessions.pop(account.id, None)
            if has_bug:
                pause_seconds = _PAUSE_SECONDS_MAX
            elif self._clock.monotonic() - started > _PAUSE_SECONDS_MAX:
                pause_seconds = _PAUSE_SECONDS_FIRST
            await self._clock.sleep(pause_seconds * (0.5 + self._rng.random()))
            pause_seconds = min(pause_seconds * 2, _PAUSE_SECONDS_MAX)

    async def _ran_until_over(self, session: AccountSession, account_id: AccountId, epoch: int) -> bool:
        """Runs the session; True when its epoch is over. Raises what the session raises."""
        running = asyncio.ensure_future(session.run())
        over = asyncio.ensure_future(self._placement.until_over(account_id, epoch))
        try:
            await asyncio.wait((running, over), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return False
            log.warning("session.epoch_over", account_id=str(account_id), epoch=epoch)
            return True
        finally:
            for task in (running, over):
                task.cancel()
            await asyncio.wait((running, over))


def _kinds(bugs: BaseException) -> str:
    """Of which kind a bug was. Its text, which may hold anything, is for the log, which has a redaction."""
    while isinstance(bugs, BaseExceptionGroup):
        bugs = bugs.exceptions[0]
    return type(bugs).__name__


def _reason(error: BaseException) -> Fault:
    """What a person may read. The text of a database error holds statements and values, so only its kind is told."""
    if isinstance(error, AppError):
        return Fault("session.failed", {"cause": error.code}, str(error))
    return Fault("session.database", detail=type(error).__name__)
