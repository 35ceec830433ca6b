"""The watchdog: a child that does not beat any more is killed and started anew, with real processes and signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tradewright.process.beats import Listener
from tradewright.process.inspect import is_alive
from tradewright.process.keeper import Keeper
from tradewright.process.spec import ChildSpec, ReadyLine, Restart

SILENT_S = 2.5
WITHIN_S = 30.0

CHILD = textwrap.dedent("""
    import asyncio, json, os, sys, time
    from tradewright.process.beats import BEAT_FD, Beats

    async def main() -> None:
        beating = asyncio.create_task(Beats(os.environ.get(BEAT_FD)).run())
        await asyncio.sleep(0.05)
        print(json.dumps({"pid": os.getpid(), "once": os.environ.get("ONCE")}), flush=True)
        await asyncio.sleep(0.2)
        if os.path.exists(sys.argv[1]):
            os.unlink(sys.argv[1])
            time.sleep(600)  # the loop is stuck, the process lives
        await asyncio.Event().wait()

    asyncio.run(main())
""")


class Watched:
    def __init__(self, stuck_once: Path) -> None:
        self.pids: asyncio.Queue[int] = asyncio.Queue()
        self.events: list[str] = []
        self.once: list[str | None] = []
        spec = ChildSpec(
            name="worker",
            argv=[sys.executable, "-c", CHILD, str(stuck_once)],
            env=dict(os.environ),
            env_once={"ONCE": "of the first life"},
            ready=ReadyLine(took=self._took),
            restart=Restart(pause_s=0.05),
            silent_s=SILENT_S,
        )
        self.keeper = Keeper(spec, ends=_Ends(), log=self._log, lines=print)

    def _took(self, line: Mapping[str, Any]) -> None:
        self.once.append(line["once"])
        self.pids.put_nowait(line["pid"])

    def _log(self, event: str, _fields: Mapping[str, object]) -> None:
        self.events.append(event)


class _Ends:
    async def wait(self) -> None:
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def watched(stuck_once: Path) -> AsyncIterator[Watched]:
    child = Watched(stuck_once)
    task = asyncio.create_task(child.keeper.keep())
    try:
        async with asyncio.timeout(WITHIN_S):
            yield child
    finally:
        task.cancel()
        await asyncio.wait([task])
        hasten = asyncio.Event()
        hasten.set()
        await child.keeper.stop(hasten=hasten)


async def test_a_stopped_child_is_killed_and_started_anew(tmp_path: Path) -> None:
    async with watched(tmp_path / "no") as child:
        first = await child.pids.get()
        os.kill(first, signal.SIGSTOP)
        second = await child.pids.get()
        assert second != first
        assert not is_alive(first)
        assert child.events.count("supervisor.child_silent") == 1
        assert child.once == ["of the first life", None]


async def test_a_child_whose_event_loop_is_stuck_is_killed_though_it_lives(tmp_path: Path) -> None:
    stuck_once = tmp_path / "stuck"
    stuck_once.touch()
    async with watched(stuck_once) as child:
        first = await child.pids.get()
        second = await child.pids.get()
        assert (second != first, is_alive(first)) == (True, False)
        assert "supervisor.child_silent" in child.events


async def test_a_child_that_beats_is_left_alone(tmp_path: Path) -> None:
    async with watched(tmp_path / "no") as child:
        first = await child.pids.get()
        await asyncio.sleep(SILENT_S + 1.5)
        assert is_alive(first)
        assert child.events == ["supervisor.child_ready"]


@pytest.mark.parametrize("jump_s", [5.0, 3600.0])
async def test_a_parent_that_stood_still_itself_does_not_kill_its_child_for_it(jump_s: float) -> None:
    """Between two looks of the listener passes what it was stopped for; the child beats again right afterwards."""
    now_s = 0.0

    def monotonic() -> float:
        nonlocal now_s
        now_s += jump_s
        return now_s

    listener = Listener(monotonic=monotonic)
    os.write(listener.writing, b".")
    silent = asyncio.create_task(listener.silence(SILENT_S))
    await asyncio.sleep(0.7)
    os.write(listener.writing, b".")
    await asyncio.sleep(0.7)
    assert not silent.done()
    silent.cancel()
    os.close(listener.writing)
    listener.close()
