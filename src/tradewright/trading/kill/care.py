"""A worker's care for kill switches: one for each account it has ever opened a session of, and what may be asked of it.

Lives here: `KillCare`: attaching an account, answering one request of the control socket. Not here: the socket
(`control`), one account's switch (`switch`), how an account is reached (`app.sessions`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from tradewright.audit.model import acting_with
from tradewright.audit.spool import Spool
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import AppError, NotFound
from tradewright.core.ids import AccountId, UserId
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.entries import Cause
from tradewright.trading.kill.latch import Latch, Scope, latch_of_json
from tradewright.trading.kill.recorder import Recorder, Write
from tradewright.trading.kill.switch import AccountSwitch, Way
from tradewright.trading.model import AccountRef

log = structlog.get_logger()


class BadRequest(AppError):
    """What came through the control socket is no request."""

    code = "control.malformed"


def _always() -> bool:
    return True


@dataclass(slots=True)
class KillCare:
    """One for a worker. `run` keeps the switches going; `attach` may be called before it."""

    board: LatchBoard
    write: Write
    spool: Spool
    clock: Clock
    ids: Ids
    may_act: Callable[[], bool] = _always
    reach: Reach = nowhere
    give_up: Callable[[], None] = lambda: None
    _switches: dict[AccountId, AccountSwitch] = field(default_factory=dict)
    _running: dict[AccountId, asyncio.Task[None]] = field(default_factory=dict)
    _attached: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until cancelled. Raises `Dispossessed` (in a group) when another owns an account."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.board.run())
                while True:
                    self._attached.clear()
                    for account_id, switch in self._switches.items():
                        if account_id not in self._running:
                            self._running[account_id] = tasks.create_task(switch.run())
                    await self._attached.wait()
        finally:
            self._running.clear()

    async def attach(self, way: Way) -> AccountSwitch:
        """The account is reached in this way from now on. Its spool is loaded: a session that is opened after this
        finds everything in the database. Raises `SQLAlchemyError` or `OSError` while it cannot be loaded."""
        switch = self._switches.get(way.account.id)
        if switch is None:
            switch = AccountSwitch(
                way=way,
                board=self.board,
                recorder=Recorder(way.account, self.write, self.spool, self.clock),
                clock=self.clock,
                ids=self.ids,
                may_act=self.may_act,
                reach=self.reach,
                give_up=self.give_up,
            )
            self._switches[way.account.id] = switch
            self._attached.set()
        else:
            switch.way = way
            switch.note_claim(way.account)
        await switch.load_spool()
        return switch

    def claimed(self, account: AccountRef) -> None:
        """The account has a new epoch of ours, also where no session can be opened under it: its kill switch goes on in
        the way that it knows."""
        switch = self._switches.get(account.id)
        if switch is not None:
            switch.note_claim(account)

    # What may be asked.

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request of the control socket. Raises `AppError`s, whose code and text are the answer then."""
        match request.get("op"):
            case "kill":
                return await self._kill(request)
            case "release":
                scope, by = Scope.of_name(str(request.get("scope"))), _id_or_none(request, "by")
                with acting_with(_id_or_none(request, "token_id")):
                    released = await self.board.release(scope, None if by is None else UserId(by))
                return {"released": [latch.as_json() for latch in released]}
            case "cancel_all" | "close" as op:
                return await self._command(request, close=op == "close")
            case "status":
                return self._status()
            case other:
                allowed = "kill, release, cancel_all, close, status"
                raise BadRequest(f"op is {str(other)[:40]!r}; allowed are {allowed}")

    async def _kill(self, request: Mapping[str, Any]) -> dict[str, Any]:
        latch = latch_of_json(request.get("latch"))
        known = self._switches.get(AccountId(latch.scope.id)) if latch.scope.id is not None else None
        if known is not None and not latch.covers(known.account):
            raise NotFound(f"this worker looks after no account {latch.scope.id}")
        try:
            held, is_durable = await self.board.pull(latch), True
        except OSError as error:
            log.error("kill.not_durable", error=str(error))
            held, is_durable = latch, False
        return {"latch": held.as_json(), "durable": is_durable, "accounts": self._accounts(held)}

    async def _command(self, request: Mapping[str, Any], *, close: bool) -> dict[str, Any]:
        account_id, workspace_id = _id_or_none(request, "account"), _id_or_none(request, "workspace_id")
        switch = None if account_id is None else self._switches.get(AccountId(account_id))
        if switch is None or workspace_id not in (None, switch.account.workspace_id):
            raise NotFound(f"this worker looks after no account {account_id}")
        cause = Cause(
            id=_id_or_none(request, "id") or self.ids.new(),
            kind="command",
            via=str(request.get("via", "socket"))[:20],
            user_id=_id_or_none(request, "by"),
            token_id=_id_or_none(request, "token_id"),
        )
        left = await switch.command(cause, close=close)
        return {"orders": left.orders, "positions": left.positions, "kept": left.kept}

    def _status(self) -> dict[str, Any]:
        return {
            "latches": [latch.as_json() for latch in self.board.latches()],
            "accounts": self._accounts(None),
        }

    def _accounts(self, latch: Latch | None) -> list[dict[str, Any]]:
        return [
            _shown(switch, self.board)
            for switch in self._switches.values()
            if latch is None or latch.covers(switch.account)
        ]


def _shown(switch: AccountSwitch, board: LatchBoard) -> dict[str, Any]:
    progress, left = switch.progress, switch.progress.left
    covering = board.covering(switch.account)
    is_done = bool(covering) and all(board.is_done(latch, switch.account) for latch in covering)
    return {
        "account_id": str(switch.account.id),
        "workspace_id": str(switch.account.workspace_id),
        "blocked": board.blocks(switch.account),
        "state": "done" if is_done else progress.state,
        "orders": None if left is None else left.orders,
        "positions": None if left is None else left.positions,
        "kept": None if left is None else left.kept,
        "fault": progress.fault,
        "detail": progress.detail[:300],
        "spooled": switch.recorder.has_spooled,
    }


def _id_or_none(request: Mapping[str, Any], name: str) -> UUID | None:
    value = request.get(name)
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError:
        raise BadRequest(f"{name} is {str(value)[:40]!r}; expected a UUID") from None
