"""A test installation's wish to be killed, or stopped, at a named point; see `trading.crash_points`.

Lives here: `crash_reach`, which reads the wish, and `require_no_money`, which refuses it beside any real account.
`TRADEWRIGHT_CRASH_AT=request.committed:3` ends the worker with SIGKILL when it is there for the third time,
`TRADEWRIGHT_STOP_AT` stops it with SIGSTOP. Neither is set anywhere but in tests. They are wishes for one life: `run`
hands them to the first worker alone, so that the next one can show what becomes of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.errors import StartError
from tradewright.settings import Settings
from tradewright.trading.crash_points import CRASH_AT, CRASH_POINTS, RUN_POINTS, STOP_AT, Reach, nowhere

_SIGNALS = {CRASH_AT: signal.SIGKILL, STOP_AT: signal.SIGSTOP}
_HERE = ("127.0.0.1", "localhost", "::1")


def crash_reach(environment: Mapping[str, str]) -> Reach:
    """Raises `StartError` (exit code 2) for a wish that names no point or no number."""
    wishes = [(*_parsed(name, environment[name]), number) for name, number in _SIGNALS.items() if environment.get(name)]
    if not wishes:
        return nowhere
    left = {(point, number): count for point, count, number in wishes}

    def reach(point: str) -> None:
        for wished, number in list(left):
            if wished == point:
                left[wished, number] -= 1
                if left[wished, number] == 0:
                    os.kill(os.getpid(), number)

    return reach


async def require_no_money(engine: AsyncEngine, reach: Reach, settings: Settings) -> None:
    """Raises `StartError` (exit code 2) when this installation has an account that is not simulated:
    neither by its environment, nor because that one's host is set to this machine."""
    if reach is nowhere:
        return
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT environment FROM accounts"))
        others = sum(not _is_simulated(environment, settings) for environment in found.scalars())
    if others:
        raise StartError(
            f"{' and '.join(_SIGNALS)} are for tests, and this installation has {others} accounts that are not"
            " simulated; unset them",
            exit_code=2,
        )


def _is_simulated(environment: str, settings: Settings) -> bool:
    if environment == "sim":
        return True
    address = getattr(settings.hosts, environment).rest
    return address is not None and urlsplit(address).hostname in _HERE


def _parsed(name: str, wish: str) -> tuple[str, int]:
    point, _, count = wish.partition(":")
    allowed = (*CRASH_POINTS, *RUN_POINTS)
    if point not in allowed or not (count or "1").isdecimal() or int(count or "1") < 1:
        raise StartError(f"{name} is {wish!r}; allowed is POINT or POINT:N with {', '.join(allowed)}", exit_code=2)
    return point, int(count or "1")
