"""A process of its own that kills itself (SIGKILL) at a named point of its work."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

Reach = Callable[[str], None]


def killed_at(work: Callable[[Reach], Awaitable[object]], point: str, count: int) -> bool:
    """Whether it came to `point` for the `count`-th time, and so died there; else it has done its work to the end.

    It is a copy of this process: what `work` needs of the database it opens itself.
    """
    pid = os.fork()
    if pid == 0:
        left = count

        def reach(reached: str) -> None:
            nonlocal left
            left -= reached == point
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        async def working() -> None:
            await work(reach)

        code = 1
        try:
            asyncio.set_event_loop(None)
            asyncio.run(working())
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"{point} {count}: {code}"
    return code != 0
