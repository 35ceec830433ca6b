"""Pulling and releasing from outside of the worker: by its control socket, and by the latch's file where it is dead.

Lives here: `KillDesk`, for the command line and the API. Not here: rows (the API writes them itself when the database
is there), the worker's side (`care`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import NotFound, NotReady
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.trading.kill.control import ControlRefused, NotReached, ask
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Latch, Scope, Way, latch_of_json
from tradewright.trading.watching import OnlyWatched

_WITHIN_S = 2.0  # a worker that lives answers within milliseconds
_COMMAND_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of it. `reached`: the worker acts on it now; else (a file here, or a row) whoever owns the accounts
    next does, before all else."""

    latch: Latch
    reached: Literal["worker", "file", "row"]
    accounts: Sequence[dict[str, Any]]
    is_durable: bool = True


@dataclass(frozen=True, slots=True)
class KillDesk:
    folder: LatchFolder
    socket: Path
    clock: Clock
    ids: Ids

    async def pull(
        self,
        scope: Scope,
        *,
        close_positions: bool,
        by: UserId | None,
        via: Way,
        workspace_id: WorkspaceId | None = None,
        token_id: UUID | None = None,
    ) -> Pulled:
        """`token_id`: of the API token that it was asked with, if any. Raises `NotFound` for an account that the
        worker does not look after, `NotReady` where neither the worker answers nor the file can be written."""
        latch = Latch(
            id=self.ids.new(),
            scope=scope,
            close_positions=close_positions,
            pulled_at=self.clock.now(),
            pulled_by=by,
            via=via,
            workspace_id=workspace_id,
            token_id=token_id,
        )
        try:
            answer = await ask(self.socket, {"op": "kill", "latch": latch.as_json()}, within_s=_WITHIN_S)
            return Pulled(latch_of_json(answer["latch"]), "worker", answer["accounts"], bool(answer["durable"]))
        except ControlRefused as refusal:
            raise _as_ours(refusal) from refusal
        except NotReached:
            pass
        try:
            return Pulled(await asyncio.to_thread(self.folder.write, latch), "file", [])
        except OSError as error:
            raise NotReady(
                f"the kill was not written down: no worker answers, and HOME/kill cannot be written ({error.strerror});"
                " cancel at the exchange itself"
            ) from error

    async def release(self, scope: Scope, *, by: UserId | None, token_id: UUID | None = None) -> list[Latch]:
        """Raises `NotReady` where the worker or its database does not answer: it stays, then."""
        try:
            answer = await ask(
                self.socket,
                {"op": "release", "scope": scope.name, "by": _text(by), "token_id": _text(token_id)},
                within_s=_COMMAND_WITHIN_S,
            )
        except ControlRefused as refusal:
            raise _as_ours(refusal) from refusal
        except NotReached as error:
            raise NotReady(f"the kill stays: only a running worker releases it, and {error}") from error
        return [latch_of_json(one) for one in answer["released"]]

    async def take_down(
        self,
        account_id: UUID,
        command_id: UUID,
        *,
        close: bool,
        by: UserId | None,
        via: Way,
        workspace_id: WorkspaceId | None = None,
        token_id: UUID | None = None,
    ) -> dict[str, Any]:
        """Cancels everything of an account once, and with `close` closes too, without a latch: what is left, as
        `{"orders": 0, "positions": 0, "kept": 0}`. Raises `NotReady` without a worker."""
        request = {
            "op": "close" if close else "cancel_all",
            "id": str(command_id),
            "account": str(account_id),
            "by": _text(by),
            "token_id": _text(token_id),
            "workspace_id": _text(workspace_id),
            "via": via,
        }
        try:
            answer = await ask(self.socket, request, within_s=_COMMAND_WITHIN_S)
        except ControlRefused as refusal:
            raise _as_ours(refusal) from refusal
        except NotReached as error:
            raise NotReady(f"{error}; a kill is acted on by the next worker: tradewright kill") from error
        return {name: answer[name] for name in ("orders", "positions", "kept")}

    async def status(self) -> dict[str, Any]:
        """`{"worker": bool, "latches": […], "accounts": […]}`; without a worker what the files say."""
        try:
            answer = await ask(self.socket, {"op": "status"}, within_s=_WITHIN_S)
            return {"worker": True, "latches": answer["latches"], "accounts": answer["accounts"]}
        except (NotReached, ControlRefused):
            latches = await asyncio.to_thread(self.folder.read)
            return {"worker": False, "latches": [latch.as_json() for latch in latches], "accounts": []}


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _as_ours(refusal: ControlRefused) -> NotFound | OnlyWatched | NotReady:
    match refusal.told:
        case NotFound.code:
            return NotFound(str(refusal))
        case OnlyWatched.code:
            return OnlyWatched(str(refusal))
        case _:
            return NotReady(str(refusal))
