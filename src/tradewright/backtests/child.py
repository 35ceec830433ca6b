"""One process that works for a backtest, from outside: started, read line by line, killed, and what it took.

Lives here: `Child`. Not here: what it does (`player`, `fetching`). It cannot outlive the process that started it, where
the system can see to that (`process.child`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from tradewright.core.clock import Clock
from tradewright.process.child import spawn
from tradewright.process.priority import stand_last

_LOOK_S = 0.02
_CLOSES_S = 5.0  # after it has closed its output it has nothing left to do
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
# One backtest is one core: libraries that would start a thread for each core of the machine are told so.
_ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Gone:
    """`code` is negative for a signal. `cpu_ms` is all that the process took."""

    code: int
    cpu_ms: int


class Child:
    """Start it from the main thread. `given` is its standard input, `line_bytes_max` the longest line it may say.

    `is_last`: it has the processor only while nobody else wants it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        given: bytes,
        clock: Clock,
        line_bytes_max: int,
        is_last: bool,
    ) -> None:
        self._clock = clock
        self._line_bytes_max = line_bytes_max
        self._gone: Gone | None = None
        with tempfile.TemporaryFile() as file:
            file.write(given)
            file.seek(0)
            # From its first instruction: twenty that import their libraries are as much in the way as twenty that run.
            self._process = spawn(
                argv,
                env=env,
                death_signal=signal.SIGKILL,
                stdin=file,
                stdout=subprocess.PIPE,
                before_exec=stand_last if is_last else None,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def lines(self) -> AsyncIterator[bytes]:
        """What it says, until it closes its output. A line that is too long is its end: it is killed."""
        assert self._process.stdout is not None, "it was started with a pipe"
        reader = asyncio.StreamReader(limit=self._line_bytes_max)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        try:
            while line := await reader.readline():
                yield line
        except ValueError:
            self.kill()
        finally:
            transport.close()

    def kill(self) -> None:
        """It and all that it started: it leads a group of its own."""
        if self._gone is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def gone(self) -> Gone:
        """Waits for its end; one that has closed its output and lingers is killed."""
        lingers_from_s = self._clock.monotonic()
        while self._gone is None:
            pid, status, used = os.wait4(self._process.pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._process.returncode = code  # it was waited for here, where its times can be had
                self._gone = Gone(code, round(1_000 * (used.ru_utime + used.ru_stime)))
                break
            if self._clock.monotonic() - lingers_from_s > _CLOSES_S:
                self.kill()
            await self._clock.sleep(_LOOK_S)
        return self._gone


def plain_environment(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """What a child has of ours: where programs and libraries are, and nothing that says where the database is."""
    kept = {name: value for name, value in environment.items() if name in _KEPT or name.startswith("PYTHON")}
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), **more}
