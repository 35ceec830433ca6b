"""The supervisor with real children and a real PostgreSQL: order, restarts, exits, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from integration import supervised
from integration.storage.helpers import PATIENCE_S, wait_until
from tradewright.process.inspect import is_alive

_numbers = itertools.count(1)
USUAL: dict[str, Any] = {
    "exchange": {"ready": "line", "after": []},
    "worker": {"after": ["postgres", "exchange"]},
    "api": {"after": ["postgres"]},
}


def heeds_ctrl_c() -> None:
    """What a shell starts in the background ignores it, and so would all that is started from there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """One supervisor process and what is known of it."""

    def __init__(self, folder: Path, home: Path, base: Path, plan: dict[str, Any]) -> None:
        folder.mkdir()
        self.home = home
        self.plan_file = folder / "plan.json"
        self.plan_file.write_text(json.dumps(plan))
        self.output = folder / "output"
        self._began = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, supervised.__file__, "run", home, base, self.plan_file],
                stdout=output,
                stderr=output,
                preexec_fn=heeds_ctrl_c,
            )

    def events(self) -> list[str]:
        return supervised.events_of(self.plan_file)

    def pids(self, name: str) -> list[int]:
        return [int(line.split()[2]) for line in self.events() if line.startswith(f"started {name} ")]

    def wait_for(self, event: str) -> float:
        def seen() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return any(line.startswith(event) for line in self.events())

        return wait_until(seen, what=event)

    def wait_until_ready(self) -> None:
        """All are ready, and their programs have begun: one that is ready at once may still be loading."""
        self.wait_for("ready all")
        for name in json.loads(self.plan_file.read_text())["children"]:
            self.wait_for(f"started {name}")

    def postmaster(self) -> int:
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):  # others come and go meanwhile
                if not folder.name.isdigit():
                    continue
                name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
                if name == "postgres" and int(rest.split()[1]) == self.process.pid:
                    return int(folder.name)
        raise AssertionError("the run has no PostgreSQL")

    def ended(self) -> int:
        return self.process.wait(PATIENCE_S)

    def everything(self) -> list[int]:
        """Every process that was started from this run, found by what it was started with."""
        marks = (os.fsencode(self.plan_file), os.fsencode(self.home))
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                except OSError:
                    continue
                if any(mark in words for mark in marks) and is_alive(int(folder.name)):
                    found.append(int(folder.name))
        return [pid for pid in found if pid != os.getpid()]

    def require_nothing_left(self) -> None:
        try:
            wait_until(lambda: not self.everything(), what="nothing is left of a run")
        except AssertionError as error:
            for pid in self.everything():
                with contextlib.suppress(OSError):
                    words = (Path(f"/proc/{pid}/cmdline").read_bytes()).replace(b"\0", b" ").decode(errors="replace")
                    error.add_note(f"process {pid}: {words}\n{Path(f'/proc/{pid}/status').read_text()}")
            error.add_note("\n".join(self.events()))
            error.add_note(self.said())
            raise

    def said(self) -> str:
        return self.output.read_text()


@pytest.fixture(scope="module")
def home(open_folder: Path) -> Path:
    """One HOME that the module's tests use one after the other; reachable, so that PostgreSQL's files name it."""
    made = open_folder / f"supervised-{next(_numbers)}"
    made.mkdir()
    made.chmod(0o755)
    return made


@pytest.fixture
def start(tmp_path: Path, home: Path, open_folder: Path) -> Iterator[Any]:
    runs: list[Run] = []

    def begin(children: dict[str, Any] | None = None, *, at: Path | None = None, **plan: Any) -> Run:
        plan["children"] = USUAL if children is None else children
        runs.append(Run(tmp_path / f"run-{len(runs)}", at or home, open_folder / "base", plan))
        return runs[-1]

    yield begin
    for one in runs:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(PATIENCE_S)
    for one in runs:
        one.require_nothing_left()


def test_parts_start_in_order_and_are_stopped_in_the_opposite_one(start):
    run = start()
    run.wait_until_ready()
    words = [tuple(line.split()[:2]) for line in run.events()]
    assert words.index(("started", "exchange")) < words.index(("line", "exchange")) < words.index(("started", "worker"))
    with psycopg.connect(json.loads((run.home / "database.json").read_text())["url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    postmaster = run.postmaster()
    assert stat.S_IMODE((run.home / "database.json").stat().st_mode) == 0o600
    began = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert time.monotonic() - began < 30  # against hanging
    stops = [tuple(line.split()[:2]) for line in run.events() if line.split()[0] in {"SIGTERM", "ended"}]
    assert stops == [(what, name) for name in ("api", "worker", "exchange") for what in ("SIGTERM", "ended")]
    assert not is_alive(postmaster)
    assert [len(run.pids(name)) for name in USUAL] == [1, 1, 1]
    assert run.everything() == []


def test_ctrl_c_reaches_the_supervisor_alone_and_stops_everything(start):
    run = start({"worker": {}}, postgres=False)
    run.wait_until_ready()
    worker = run.pids("worker")[0]
    assert os.getsid(worker) == worker  # a session of its own: the terminal's signals do not reach it
    run.process.send_signal(signal.SIGINT)
    assert run.ended() == 0
    assert not is_alive(worker)


def test_a_child_that_is_killed_is_started_again_and_the_others_are_left_alone(start):
    run = start()
    run.wait_until_ready()
    os.kill(run.pids("worker")[0], signal.SIGKILL)
    wait_until(lambda: len(run.pids("worker")) == 2, what="the worker is there again")
    assert len(run.pids("api")) == len(run.pids("exchange")) == 1
    assert is_alive(run.pids("api")[0])


def test_a_child_that_has_proven_itself_is_started_again_for_ever(start):
    run = start({"worker": {"ready": "line", "after": []}}, postgres=False)
    run.wait_until_ready()
    for killed in range(5):
        wait_until(lambda: sum(e.startswith("line ") for e in run.events()) > killed, what="ready again")  # noqa: B023
        os.kill(run.pids("worker")[-1], signal.SIGKILL)
    wait_until(lambda: len(run.pids("worker")) == 6, what="started again")
    assert run.process.poll() is None


def test_a_program_that_is_missing_for_a_while_is_tried_again_until_it_is_there(start):
    run = start({"exchange": USUAL["exchange"]}, postgres=False)
    run.wait_until_ready()
    broken = run.plan_file.with_name("broken")
    broken.touch()
    os.kill(run.pids("exchange")[0], signal.SIGKILL)
    wait_until(lambda: run.said().count("child_not_started") >= 2, what="it is tried again")
    broken.unlink()
    wait_until(lambda: len(run.pids("exchange")) == 2, what="it is there again")
    assert run.process.poll() is None


def test_the_exchange_is_started_again_on_the_port_of_its_ready_line(start):
    run = start({"exchange": USUAL["exchange"]}, postgres=False)
    run.wait_until_ready()
    os.kill(run.pids("exchange")[0], signal.SIGKILL)
    wait_until(lambda: len([e for e in run.events() if e.startswith("line exchange")]) == 2, what="its second line")
    assert [line.split()[3] for line in run.events() if line.startswith("started exchange")] == ["0", "4711"]


def test_a_child_is_ready_only_when_its_address_answers(start):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = start({"api": {"ready": "http", "port": port, "after": []}, "late": {"after": ["api"]}}, postgres=False)
    run.wait_until_ready()
    with socket.create_connection(("127.0.0.1", port), 1):
        pass
    assert len(run.pids("late")) == 1


def test_postgresql_that_is_killed_comes_back_at_the_same_address_with_its_rows(start):
    run = start()
    run.wait_until_ready()
    url = json.loads((run.home / "database.json").read_text())["url"]
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    postmaster = run.postmaster()
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not is_alive(postmaster), what="the old one is gone")

    def rows() -> list[Any]:
        try:
            with psycopg.connect(url) as connection:
                return connection.execute("SELECT number FROM kept").fetchall()
        except psycopg.OperationalError:
            return []

    wait_until(lambda: rows() == [(7,)], what="the database is there again")
    assert json.loads((run.home / "database.json").read_text())["url"] == url
    assert [len(run.pids(name)) for name in USUAL] == [1, 1, 1]  # they reconnect by themselves


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_nothing_lives_on_after_a_sigkill_of_the_supervisor_and_it_starts_again(start):
    run = start()
    run.wait_until_ready()
    alive = [run.postmaster(), *(run.pids(name)[0] for name in USUAL)]
    run.process.kill()
    run.process.wait(PATIENCE_S)
    wait_until(lambda: not any(is_alive(pid) for pid in alive), what="everything follows the supervisor")
    assert run.everything() == []
    again = start()
    again.wait_until_ready()


def test_a_second_run_for_the_same_home_ends_with_8_and_names_the_first(start):
    first = start({"worker": {}}, postgres=False)
    first.wait_until_ready()
    second = start({"worker": {}}, postgres=False)
    assert second.ended() == 8
    assert len(second.said().strip().splitlines()) == 1
    assert str(first.process.pid) in second.said()
    assert str(first.home) in second.said()
    assert second.events() == []
    assert first.process.poll() is None


def test_a_port_in_use_ends_with_3_before_anything_is_started(start, open_folder):
    fresh = open_folder / f"fresh-{next(_numbers)}"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = start(at=fresh, ports=[taken.getsockname()[1]])
        assert run.ended() == 3
        assert str(taken.getsockname()[1]) in run.said()
        assert "TRADEWRIGHT_PORT" in run.said()
    assert len(run.said().strip().splitlines()) == 1
    assert run.events() == []
    assert not (fresh / "postgres").exists()


def test_a_port_whose_last_connections_only_wait_for_their_end_is_free(start):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the server's side ends first: this side waits in TIME_WAIT
        client.close()
    run = start({"worker": {}}, postgres=False, ports=[port])
    run.wait_until_ready()


def test_a_home_that_cannot_be_written_ends_with_4(start, tmp_path):
    (tmp_path / "file").write_text("")
    run = start(at=tmp_path / "file" / "home")
    assert run.ended() == 4
    assert "TRADEWRIGHT_HOME" in run.said()


def test_a_postgresql_that_cannot_start_ends_with_9_and_stops_what_was_started(start):
    run = start(overrides={"shared_buffers": "a lot"})
    assert run.ended() == 9
    assert "shared_buffers" in run.said()
    assert run.pids("worker") == []
    assert run.everything() == []


@pytest.mark.parametrize(("code", "ready"), [(5, "line"), (10, "at once")])
def test_a_child_that_keeps_refusing_to_start_ends_the_run_with_its_code_and_sentence(start, code, ready):
    run = start(
        {"worker": {"fails": 99, "code": code, "ready": ready, "after": []}, "other": {"after": []}}, postgres=False
    )
    assert run.ended() == code
    assert run.said().splitlines()[-1] == "worker cannot start, and says so"
    assert len(run.pids("worker")) == 3
    assert run.everything() == []


def test_a_child_that_crashes_again_and_again_before_it_is_ready_ends_the_run(start):
    run = start({"worker": {"fails": 99, "code": 77, "after": []}}, postgres=False)
    assert run.ended() == 1
    assert "worker ended 5 times" in run.said()
    assert "77" in run.said()
    assert len(run.pids("worker")) == 5


def test_a_child_that_starts_at_the_third_try_is_given_that_try(start):
    run = start({"worker": {"fails": 2, "code": 10, "ready": "line", "after": []}}, postgres=False)
    run.wait_until_ready()
    assert len(run.pids("worker")) == 3


def test_a_child_that_is_not_needed_is_not_waited_for_and_ends_nothing(start):
    lame = {"needed": False, "fails": 7, "code": 10, "ready": "line", "after": ["worker"]}
    run = start({"worker": {"after": []}, "jobs": lame}, postgres=False)
    run.wait_for("ready all")
    run.wait_for("line jobs")  # at the eighth try, when another child would long have ended the run
    words = [line.split()[:2] for line in run.events()]
    assert words.index(["ready", "all"]) < words.index(["line", "jobs"])
    assert [len(run.pids(name)) for name in ("worker", "jobs")] == [1, 8]


def test_a_child_that_ignores_the_signal_is_killed_after_its_time(start):
    run = start({"worker": {"stubborn": True, "stop_timeout_s": 0.3}, "api": {}}, postgres=False)
    run.wait_until_ready()
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert not is_alive(run.pids("worker")[0])


def test_a_second_signal_does_not_wait_for_a_stubborn_child(start):
    run = start({"worker": {"stubborn": True, "stop_timeout_s": 60}})
    run.wait_until_ready()
    run.process.send_signal(signal.SIGTERM)
    run.wait_for("SIGTERM worker")
    began = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert time.monotonic() - began < 30  # the child would have been given a minute
    assert run.everything() == []


def test_what_a_child_has_started_itself_ends_with_it(start):
    run = start({"worker": {"grandchild": True}}, postgres=False)
    run.wait_for("grandchild worker")
    grandchild = next(int(line.split()[2]) for line in run.events() if line.startswith("grandchild"))
    os.kill(run.pids("worker")[0], signal.SIGKILL)
    wait_until(lambda: not is_alive(grandchild), what="the grandchild is gone")


def test_a_signal_while_everything_still_starts_is_obeyed(start, open_folder):
    run = start(at=open_folder / f"fresh-{next(_numbers)}")
    run.wait_for("started exchange")  # while the database is initialised in its thread
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert run.everything() == []


def test_lines_of_children_are_shown_behind_their_name_and_kept_in_a_private_file(start):
    run = start({"worker": {"ready": "line", "after": []}}, postgres=False)
    run.wait_until_ready()
    run.process.send_signal(signal.SIGTERM)
    run.ended()
    assert "worker   | a word on stderr" in run.said()
    assert "worker   | not the line" in run.said()
    assert '"port": 4711' not in run.said()  # the ready line is for the program
    log = run.home / "log" / "worker.log"
    assert "a word on stderr" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_supervisor_imports_nothing_heavy():
    code = "import sys, tradewright.supervisor; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    outside = loaded - set(sys.stdlib_module_names) - {"tradewright", "__main__"}
    assert not {name for name in outside if not name.startswith(("_", "sitecustomize"))}
