"""One child, kept running: started, awaited until ready, started again when it ends, stopped when asked.

Lives here: `Keeper` and how readiness is seen. Not here: the order among children and signals to ourselves
(`tradewright.supervisor`), the database (`tradewright.supervisor` drives `storage.embedded`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol

from tradewright.core.errors import StartError
from tradewright.process.beats import BEAT_FD, Listener
from tradewright.process.child import spawn
from tradewright.process.lines import read_lines
from tradewright.process.spec import ChildSpec, ReadyAtOnce, ReadyHttp, ReadyLine

if TYPE_CHECKING:
    import ssl

START_ERROR_CODES = frozenset({2, 3, 4, 5, 9, 10, 11})  # the documented ones that a child can start with
_USAGE = 2  # what it was told is wrong, and it will be told the same again
_LAST_LINES = 5
_NOT_STARTED = 127  # as a shell says it
_PROBE_EVERY_S = 0.05
_PROBE_TIMEOUT_S = 2.0


class ChildEnds(Protocol):
    """Who tells that some child of this process has ended (SIGCHLD)."""

    async def wait(self) -> None:
        """Return at the next end of any child."""
        ...


class Keeper:
    """Runs one `ChildSpec`. `log(event, fields)` gets what happens, `lines(text)` what the child prints."""

    def __init__(
        self,
        spec: ChildSpec,
        *,
        ends: ChildEnds,
        log: Callable[[str, Mapping[str, object]], None],
        lines: Callable[[str], None],
    ) -> None:
        self.spec = spec
        self.was_ready = asyncio.Event()
        self._ends = ends
        self._log = log
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._has_been_started = False
        self._has_proven_itself = not spec.is_needed  # then nothing hangs on it
        self._ready_line: Mapping[str, Any] | None = None
        self._last_words: deque[str] = deque(maxlen=_LAST_LINES)
        self._readers: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    async def keep(self) -> None:
        """Run until cancelled. Raises `StartError` when it ends again and again before it ever proved itself."""
        failures = 0
        while True:
            code, ready_s = await self._run_once()
            has_settled = ready_s is not None and ready_s >= self.spec.restart.settled_s
            # To be ready at once proves nothing; such a child has to live for a while.
            says_when_ready = not isinstance(self.spec.ready, ReadyAtOnce)
            self._has_proven_itself |= has_settled or (says_when_ready and ready_s is not None)
            failures = 1 if has_settled else failures + 1
            self._give_up_if_hopeless(code, failures)
            pause_s = self.spec.restart.pause_after(failures)
            self._log(
                "supervisor.child_ended",
                {"child": self.spec.name, "exit_code": code, "ends_in_a_row": failures, "pause_s": pause_s},
            )
            await asyncio.sleep(pause_s)

    async def stop(self, *, hasten: asyncio.Event) -> None:
        """Ask it to end; after its time, or when `hasten` is set, make it end with all that is in its group."""
        self._stopping = True
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self.spec.stop_signal)
            gone = asyncio.create_task(self._ended(process))
            hurry = asyncio.create_task(hasten.wait())
            await asyncio.wait({gone, hurry}, timeout=self.spec.stop_timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if process.poll() is None:
                self._log("supervisor.child_killed", {"child": self.spec.name, "pid": process.pid})
                _kill_group(process)
            await gone
            hurry.cancel()
        if self._readers:  # its last lines; a grandchild that kept the pipe open does not hold us up
            await asyncio.wait(self._readers, timeout=0.5)
        for reader in self._readers:
            reader.cancel()

    async def _run_once(self) -> tuple[int, float | None]:
        """Start it and wait for its end: exit code, and for how long it had been ready (None: it never was)."""
        if self._stopping:
            raise asyncio.CancelledError
        line_seen: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        listener = None if self.spec.silent_s is None else Listener()
        try:
            process = self._start(line_seen, listener)
        except OSError as error:  # no memory, no descriptors, a program that is just being replaced
            self._last_words.append(str(error))
            self._log("supervisor.child_not_started", {"child": self.spec.name, "error": str(error)})
            if listener is not None:
                listener.close()
            return _NOT_STARTED, None
        ended = asyncio.create_task(self._ended(process))
        ready = asyncio.create_task(self._ready(line_seen))
        watched = asyncio.create_task(self._kill_when_silent(process, listener))
        ready_at: float | None = None
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and process.poll() is None:
                if ready.result():
                    ready_at = time.monotonic()
                    self._log("supervisor.child_ready", {"child": self.spec.name, "pid": process.pid})
                    self.was_ready.set()
                else:
                    self._log("supervisor.child_never_ready", {"child": self.spec.name, "pid": process.pid})
                    _kill_group(process)
            await ended
        finally:
            ready.cancel()
            ended.cancel()
            watched.cancel()
            if listener is not None:
                listener.close()
        _kill_group(process)  # whatever it had started itself
        if self._readers:
            await asyncio.wait(self._readers, timeout=0.5)
        return process.returncode, None if ready_at is None else time.monotonic() - ready_at

    async def _kill_when_silent(self, process: subprocess.Popen[bytes], listener: Listener | None) -> None:
        """A child that does not beat any more is as good as dead, and holds what another one could do."""
        if listener is None or self.spec.silent_s is None:
            return
        await listener.silence(self.spec.silent_s)
        self._log(
            "supervisor.child_silent",
            {"child": self.spec.name, "pid": process.pid, "silent_s": self.spec.silent_s},
        )
        _kill_group(process)  # SIGKILL, which also ends one that was stopped

    def _start(
        self, line_seen: asyncio.Future[Mapping[str, Any]], listener: Listener | None
    ) -> subprocess.Popen[bytes]:
        argv = self.spec.argv
        if self._ready_line is not None and self.spec.argv_again is not None:
            argv = self.spec.argv_again(self._ready_line)
        env = dict(self.spec.env)
        if not self._has_been_started:
            env.update(self.spec.env_once)
        if listener is not None:
            env[BEAT_FD] = str(listener.writing)
        self._last_words.clear()
        try:
            process = spawn(
                argv,
                env=env,
                death_signal=self.spec.death_signal,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=() if listener is None else (listener.writing,),
            )
        finally:
            if listener is not None:
                os.close(listener.writing)
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._has_been_started = process, True
        self._readers = [
            asyncio.create_task(self._read_stdout(process.stdout, line_seen)),
            asyncio.create_task(self._read_stderr(process.stderr)),
        ]
        return process

    async def _read_stdout(self, pipe: IO[bytes], line_seen: asyncio.Future[Mapping[str, Any]]) -> None:
        waits_for_line = isinstance(self.spec.ready, ReadyLine)
        async for line in read_lines(pipe):
            found = _json_object(line) if waits_for_line and not line_seen.done() else None
            if found is None:
                self._lines(line)
            else:
                line_seen.set_result(found)

    async def _read_stderr(self, pipe: IO[bytes]) -> None:
        async for line in read_lines(pipe):
            self._last_words.append(line)
            self._lines(line)

    async def _ready(self, line_seen: asyncio.Future[Mapping[str, Any]]) -> bool:
        match self.spec.ready:
            case ReadyAtOnce():
                return True
            case ReadyLine(took=took, timeout_s=timeout_s):
                try:
                    async with asyncio.timeout(timeout_s):
                        line = await line_seen
                except TimeoutError:
                    return False
                try:
                    took(line)
                except Exception as error:
                    if not self._has_proven_itself:
                        raise
                    # A full disk, say: one more restart is better than the end of a run that trades.
                    self._log("supervisor.ready_line_not_taken", {"child": self.spec.name, "error": repr(error)})
                    return False
                self._ready_line = line
                return True
            case ReadyHttp() as probe:
                until = time.monotonic() + probe.timeout_s
                while time.monotonic() < until:
                    if await _answers(probe):
                        return True
                    await asyncio.sleep(_PROBE_EVERY_S)
                return False

    async def _ended(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            await self._ends.wait()

    def _give_up_if_hopeless(self, code: int, failures: int) -> None:
        if self._has_proven_itself:
            return
        restart = self.spec.restart
        words = "\n".join(self._last_words).strip()
        if code == _USAGE or (code in START_ERROR_CODES and failures >= restart.start_errors_max):
            sentence = words.rpartition("\n")[2]  # a command says why it cannot start in its last line
            raise StartError(sentence or f"{self.spec.name} cannot start (exit code {code})", exit_code=code)
        if failures >= restart.failures_max:
            raise StartError(
                f"{self.spec.name} ended {failures} times before it was ready, the last time with {code}; "
                f"its last words:\n{words}",
                exit_code=1,
            )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the group that the child leads (it began a session, so the group's number is its pid)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _json_object(line: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def unverified_tls() -> ssl.SSLContext:
    """To ask our own child whether it answers: its certificate is for a name, and it is asked by an address."""
    import ssl  # not before it is wanted

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _answers(probe: ReadyHttp) -> bool:
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            secured = unverified_tls() if probe.is_tls else None
            reader, writer = await asyncio.open_connection(probe.host, probe.port, ssl=secured)
            try:
                request = f"GET {probe.path} HTTP/1.1\r\nHost: localhost:{probe.port}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
