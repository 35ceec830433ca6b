"""Sends through a child process, within a time.

Lives here: `Sending`. Not here: what the child does (`child`), what is sent (`dispatching`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence

import structlog

from tradewright.notify.messages import Failure, Message, Outcome, read_outcome, written

log = structlog.get_logger(__name__)

START_S = 15.0  # on a machine that is busy, the child's imports take a while
EACH_S = 20.0
AT_ONCE = 3
_LINE_BYTES_MAX = 65_536
_KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "TZDIR")


class Sending:
    """`allowed` is the operator's `TRADEWRIGHT_OUTBOUND_ALLOW`, as it stands. At most three children at once."""

    def __init__(self, allowed: str, *, start_s: float = START_S, each_s: float = EACH_S) -> None:
        self._allowed, self._start_s, self._each_s = allowed, start_s, each_s
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def send(self, messages: Sequence[Message]) -> Mapping[str, Outcome]:
        """The outcome of each by its id. Of a message that the child said nothing of before its time was up nobody
        knows whether it arrived; it counts as not sent (`channel.slow`)."""
        outcomes: dict[str, Outcome] = {each.id: Failure("channel.slow") for each in messages}
        async with self._slots:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tradewright.notify.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": os.devnull},
                start_new_session=True,
                limit=_LINE_BYTES_MAX,
            )
            try:
                async with asyncio.timeout(self._start_s + self._each_s * len(messages)):
                    await self._talk(child, messages, outcomes)
            except TimeoutError:
                log.warning("notify.child_slow", messages=len(messages))
            finally:
                await _end(child)
        return outcomes

    async def _talk(
        self, child: asyncio.subprocess.Process, messages: Sequence[Message], outcomes: dict[str, Outcome]
    ) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            child.stdin.write(written(list(messages), self._allowed))
            await child.stdin.drain()
            child.stdin.close()
        waiting = {each.id for each in messages}
        while waiting:
            line = await child.stdout.readline()
            if not line:  # it ended: whatever it had not said failed
                log.error("notify.child_ended", code=await child.wait(), untold=len(waiting))
                outcomes.update(dict.fromkeys(waiting, Failure("channel.sender")))
                return
            with contextlib.suppress(ValueError, KeyError, TypeError):
                message_id, outcome = read_outcome(line)
                if message_id in waiting:
                    waiting.discard(message_id)
                    outcomes[message_id] = outcome


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    await child.wait()
