"""The kill switch from outside of the worker: the desk of API and command line, and `tradewright kill`.

Lives here: `kill_desk`, `run_kill`. Not here: the worker's part (`kill`), what is done (`trading.kill`), options and
words (`cli.kill`). Nothing heavy is imported, because whoever pulls it should not wait.
"""

from __future__ import annotations

import asyncio
from typing import Any, assert_never

from tradewright.audit.spool import Spool
from tradewright.cli.kill import KillOptions, KillReport
from tradewright.core.errors import AppError, StartError
from tradewright.settings import Settings, load
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Scope
from tradewright.trading.kill.pulling import KillDesk

_LOOK_S = 0.1


def kill_desk(settings: Settings) -> KillDesk:
    folder = LatchFolder(settings.kill_home, Spool(settings.spool_home).give_room)
    return KillDesk(folder, settings.control_socket, SystemClock(), SystemIds())


def run_kill(options: KillOptions) -> KillReport:
    """`tradewright kill`. Raises `StartError` (exit code 1) where it could not be written down or released."""
    try:
        return asyncio.run(_kill(kill_desk(load()), options))
    except AppError as error:
        if isinstance(error, StartError):
            raise
        raise StartError(str(error), exit_code=1) from error


async def _kill(desk: KillDesk, options: KillOptions) -> KillReport:
    scope = Scope(options.scope, options.scope_id)
    match options.what:
        case "status":
            status = await desk.status()
            held = f"{len(status['latches'])} kills hold" if status["latches"] else "no kill holds"
            sentence = f"{held}." if status["worker"] else f"{held}, by their files; no worker answers."
            return _report(status, is_done=True, sentence=sentence)
        case "release":
            released = await desk.release(scope, by=None)
            sentence = f"{scope.name} is released." if released else f"{scope.name} was not stopped."
            return _report(await desk.status(), is_done=True, sentence=sentence)
        case "cancel" | "close":
            assert options.scope_id is not None, "it is of one account"
            close = options.what == "close"
            left = await desk.take_down(options.scope_id, desk.ids.new(), close=close, by=None, via="cli")
            is_done = not left["orders"] and not (close and left["positions"])
            sentence = f"{left['orders']} orders and {left['positions']} positions are left."
            return _report(await desk.status(), is_done=is_done, sentence=sentence)
        case "pull":
            pulled = await desk.pull(scope, close_positions=options.close_positions, by=None, via="cli")
            if pulled.reached == "file":
                sentence = (
                    f"{scope.name} is stopped, by a file: no worker answers, and the next one cancels before all else."
                )
                return _report(await desk.status(), is_done=False, sentence=sentence)
            return await _until_down(desk, scope, options)
        case _:
            assert_never(options.what)


async def _until_down(desk: KillDesk, scope: Scope, options: KillOptions) -> KillReport:
    """Once the worker has found nothing open any more, or the time is over."""
    deadline = desk.clock.monotonic() + options.wait_s
    while True:
        status = await desk.status()
        mine = [one for one in status["accounts"] if _is_of(one, scope)]
        is_down = status["worker"] and all(_is_down(one, close=options.close_positions) for one in mine)
        if is_down or desk.clock.monotonic() >= deadline:
            break
        await desk.clock.sleep(_LOOK_S)
    sentence = f"{scope.name} is stopped." if is_down else f"{scope.name} is stopped; something is open still."
    if not mine:
        sentence = f"{scope.name} is stopped. The worker looks after no account of it right now."
    return _report({**status, "accounts": mine}, is_done=is_down, sentence=sentence)


def _is_of(shown: dict[str, Any], scope: Scope) -> bool:
    match scope.kind:
        case "installation":
            return True
        case "workspace":
            return bool(shown["workspace_id"] == str(scope.id))
        case "account":
            return bool(shown["account_id"] == str(scope.id))


def _is_down(shown: dict[str, Any], *, close: bool) -> bool:
    if shown["state"] == "done":
        return True
    return shown["state"] == "acting" and shown["orders"] == 0 and not (close and shown["positions"])


def _report(status: dict[str, Any], *, is_done: bool, sentence: str) -> KillReport:
    return KillReport(
        reached="worker" if status["worker"] else "file",
        latches=status["latches"],
        accounts=status["accounts"],
        is_done=is_done,
        sentence=sentence,
    )
