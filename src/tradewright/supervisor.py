"""The supervisor behind `tradewright run`: starts the parts in order, restarts what dies, takes everything down.

Lives here: `Supervisor` and the checks before anything is started (one run for a HOME, the port is free).
Not here: which parts there are and with which arguments (`tradewright.app`), one child's life (`process.keeper`).
Standard library only, and no secret: it must start at once and have nothing in it that can break.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

from tradewright.core.errors import StartError
from tradewright.process.keeper import Keeper
from tradewright.process.lines import LogSink
from tradewright.process.lock import FileLock
from tradewright.process.spec import POSTGRES, ChildSpec, Restart
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.embedded_cluster import prune_logs
from tradewright.storage.embedded_place import home_not_writable, make_directory

_PRUNE_EVERY_S = 60.0
_STARTING_POLL_S = 0.01
_POSTGRES_FAST_S = 2.0
_POSTGRES_IMMEDIATE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port that a child will listen on, and the setting that changes it."""

    host: str
    port: int
    setting: str


class Supervisor:
    """Runs PostgreSQL (None: a server elsewhere is used) and the children until SIGTERM, SIGINT or SIGHUP.

    `children` in the order of starting; they are stopped in the reverse order, PostgreSQL last. Each starts when what
    its `after` names is ready, so independent ones start side by side. `before_start` is called once HOME is
    ours and the ports are free, `on_ready` once all children that are needed are ready.
    `echo` gets the children's lines behind their names, besides HOME/log (None: the files alone).
    """

    def __init__(
        self,
        *,
        home: Path,
        children: Sequence[ChildSpec],
        postgres: EmbeddedPostgres | None,
        ports: Sequence[Port] = (),
        before_start: Callable[[], None] = lambda: None,
        on_ready: Callable[[], None] = lambda: None,
        echo: TextIO | None = sys.stderr,
        postgres_restart: Restart | None = None,
    ) -> None:
        names = [spec.name for spec in children]
        assert len(set(names)) == len(names), f"children need different names: {names}"
        known = {*names, POSTGRES}
        for spec in children:
            assert set(spec.after) <= known, f"{spec.name} waits for {spec.after}; known are {sorted(known)}"
        self._home = home
        self._specs = list(children)
        self._postgres = postgres
        self._ports = list(ports)
        self._before_start = before_start
        self._on_ready = on_ready
        self._echo = echo
        self._postgres_restart = postgres_restart or Restart()

    def run(self) -> None:
        """Block until stopped by a signal, then return. Main thread only.

        Raises `StartError`: 3 port in use, 4 HOME cannot be written, 8 another run owns this HOME, 9 PostgreSQL cannot
        be started, a child's own code when it cannot start, 1 when it ends again and again before it is ready.
        """
        lock = FileLock(self._home / "run.lock")
        try:
            make_directory(self._home, 0o700)
            make_directory(self._home / "log", 0o700)
            holder = lock.take()
        except OSError as error:
            raise home_not_writable(self._home, error) from error
        if holder is not None:
            raise StartError(
                f"another tradewright run (process {holder}) owns HOME {self._home}; stop it, or set TRADEWRIGHT_HOME "
                f"to another folder",
                exit_code=8,
            )
        try:
            for port in self._ports:
                _require_free(port)
            self._before_start()
            asyncio.run(_Run(self).main())
        finally:
            lock.release()


class _ChildEnds:
    """Wakes whoever waits when a child ended; one event a generation, so no end is missed between poll and wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()


class _Run:
    """One run on one event loop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._postgres = supervisor._postgres
        self._postgres_restart = supervisor._postgres_restart
        self._on_ready = supervisor._on_ready
        self._sink = LogSink(supervisor._home / "log", echo=supervisor._echo)
        self._ends = _ChildEnds()
        self._stop = asyncio.Event()
        self._hasten = asyncio.Event()
        self._database_ready = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._keepers = [
            Keeper(spec, ends=self._ends, log=self._log, lines=partial(self._sink.write, spec.name))
            for spec in supervisor._specs
        ]

    async def main(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._ends.tell)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked for a run that outlives its terminal
                loop.add_signal_handler(number, self._asked_to_stop, number.name)
        parts = [asyncio.create_task(self._keep_postgres(), name=POSTGRES)]
        parts += [asyncio.create_task(self._keep_child(keeper), name=keeper.spec.name) for keeper in self._keepers]
        parts.append(asyncio.create_task(self._announce(), name="announce"))
        asked = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            # Every part runs for ever; one that is done has failed for good.
            await asyncio.wait({asked, *parts}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            await self._take_down(parts)
            self._sink.close()
        for part in parts:
            if not part.cancelled() and (error := part.exception()) is not None:
                raise error

    def _asked_to_stop(self, name: str) -> None:
        if self._stop.is_set():
            self._log("supervisor.hastened", {"signal": name})
            self._hasten.set()
        else:
            self._log("supervisor.stopping", {"signal": name})
            self._stop.set()

    async def _keep_child(self, keeper: Keeper) -> None:
        for name in keeper.spec.after:
            await self._ready_event(name).wait()
        await keeper.keep()

    def _ready_event(self, name: str) -> asyncio.Event:
        if name == POSTGRES:
            return self._database_ready
        return next(keeper.was_ready for keeper in self._keepers if keeper.spec.name == name)

    async def _announce(self) -> None:
        needed = [keeper.was_ready for keeper in self._keepers if keeper.spec.is_needed]
        for event in [self._database_ready, *needed]:
            await event.wait()
        self._log("supervisor.ready", {})
        self._on_ready()
        await asyncio.Event().wait()

    async def _keep_postgres(self) -> None:
        server = self._postgres
        if server is None:
            self._database_ready.set()
            await asyncio.Event().wait()
            return
        # In a thread, so that signals are heard meanwhile; the server itself is launched from this, the main thread.
        self._preparing = asyncio.create_task(asyncio.to_thread(server.prepare))
        await asyncio.shield(self._preparing)
        failures = 0
        while True:
            began = time.monotonic()
            code = await self._run_postgres_once(server)
            if time.monotonic() - began >= self._postgres_restart.settled_s:
                failures = 0
            failures += 1
            pause_s = self._postgres_restart.pause_after(failures)
            self._log("supervisor.database_ended", {"exit_code": code, "ends_in_a_row": failures, "pause_s": pause_s})
            await asyncio.sleep(pause_s)

    async def _run_postgres_once(self, server: EmbeddedPostgres) -> str:
        """Launch it, wait until it ends, and say how. A server that never was ready in this run is a `StartError`."""
        try:
            server.launch()
            while not server.is_ready():  # noqa: ASYNC110 - another process changes it, no event of ours
                await asyncio.sleep(_STARTING_POLL_S)
        except StartError as error:
            if not self._database_ready.is_set():
                raise
            return str(error)
        if not self._database_ready.is_set():
            server.write_address()
            self._database_ready.set()
        self._log("supervisor.database_ready", {"pid": server.pid})
        while (code := server.poll()) is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PRUNE_EVERY_S):
                    await self._ends.wait()
            with contextlib.suppress(OSError):
                prune_logs(server.place.log)
        return str(code)

    async def _take_down(self, parts: Sequence[asyncio.Task[None]]) -> None:
        """Children in reverse order, one after the other, then PostgreSQL; nobody is restarted meanwhile."""
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)
        for keeper in reversed(self._keepers):
            await keeper.stop(hasten=self._hasten)
            self._log("supervisor.child_stopped", {"child": keeper.spec.name})
        if self._preparing is not None:  # a thread cannot be cut off; it is at most one initialisation
            await asyncio.wait({self._preparing})
        if self._postgres is not None:
            fast_s = 0.2 if self._hasten.is_set() else _POSTGRES_FAST_S
            await asyncio.to_thread(self._postgres.stop, fast_s=fast_s, immediate_s=_POSTGRES_IMMEDIATE_S)
        self._log("supervisor.stopped", {})

    def _log(self, event: str, fields: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._sink.write(
            "run", " ".join([at, event, *(f"{name}={_one_word(value)}" for name, value in fields.items())])
        )


def _one_word(value: object) -> str:
    """The value as it is, or quoted when it would break the line into more fields or more lines."""
    text = str(value)
    return json.dumps(text) if any(letter.isspace() for letter in text) else text


def _require_free(port: Port) -> None:
    """Raise `StartError` (exit code 3) if somebody listens there, or if none of the host's addresses is ours."""
    advice = f"set {port.setting} to a free port"
    try:
        found = socket.getaddrinfo(port.host, port.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"the host {port.host} to listen on is unknown: {error.strerror}", exit_code=3) from error
    refusals: list[str] = []
    for family, _, _, _, address in found:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # As servers do: connections of an earlier run that only wait for their end do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(
                    f"port {port.port} on {port.host} is in use by another program; stop that program, or {advice}",
                    exit_code=3,
                ) from error
            refusals.append(error.strerror or str(error))
    if len(refusals) == len(found):
        raise StartError(f"cannot listen on {port.host} port {port.port} ({refusals[0]}); {advice}", exit_code=3)
