"""What we know of other processes, how long we wait before a restart, and who holds a lock."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradewright.process import inspect
from tradewright.process.child import death_notice
from tradewright.process.identity import ProcessIdentity, has_ended, this_process
from tradewright.process.inspect import is_alive, owner_of, started_at, working_directory
from tradewright.process.lock import FileLock
from tradewright.process.spec import Restart


def test_pauses_double_up_to_their_bound_however_often_it_ended():
    restart = Restart(pause_s=0.1, pause_s_max=5.0)
    assert [restart.pause_after(ends) for ends in (1, 2, 3, 6, 7, 10_000)] == [0.1, 0.2, 0.4, 3.2, 5.0, 5.0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_is_known_by_its_start_its_owner_and_where_it_stands(tmp_path):
    before = time.time()
    process = subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path)
    try:
        began = started_at(process.pid)
        assert began is not None
        assert before - 1 < began < time.time() + 1
        assert owner_of(process.pid) == os.geteuid()
        assert working_directory(process.pid) == tmp_path
        assert is_alive(process.pid)
    finally:
        process.kill()
    while is_alive(process.pid):  # it ends by itself, as a zombie until it is collected
        pass
    process.wait(5)
    assert not is_alive(process.pid)
    assert started_at(process.pid) is None
    assert working_directory(process.pid) is None


def test_without_proc_the_start_is_asked_from_ps(monkeypatch):
    if not Path("/bin/ps").exists():
        pytest.skip("needs ps")
    monkeypatch.setattr(inspect, "_stat_fields", lambda pid: None)
    began = started_at(os.getpid())
    assert began is not None
    assert 0 <= time.time() - began < 3600 * 24


def test_a_command_name_with_brackets_and_blanks_does_not_shift_the_fields(tmp_path):
    program = tmp_path / "a) b (c 1"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([program, "60"])
    try:
        assert abs((started_at(process.pid) or 0) - time.time()) < 5
    finally:
        process.kill()
        process.wait(5)


def test_a_lock_names_its_holder_and_is_free_when_the_holder_was_killed(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from tradewright.process.lock import FileLock;"
        "lock = FileLock(Path(sys.argv[1])); print(lock.take(), flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "None\n"
    assert FileLock(path).take() == holder.pid
    holder.kill()
    holder.wait(5)
    holder.stdout.close()
    mine = FileLock(path)
    assert mine.take() is None
    assert FileLock(path).take() == os.getpid()
    mine.release()
    again = FileLock(path)
    assert again.take() is None
    again.release()


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError):
        FileLock(tmp_path / "lock").take()
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("death_signal", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_death_signal_between_fork_and_exec_is_not_swallowed_by_the_parents_handler(death_signal):
    handled = signal.SIGTERM if death_signal == signal.SIGKILL else death_signal
    before = signal.signal(handled, lambda *_: None)
    try:
        ask = death_notice(death_signal)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(Exception):
                ask()
                os.kill(os.getpid(), death_signal)
            os._exit(7)  # still here: the signal went to the handler, or the request failed
    finally:
        signal.signal(handled, before)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -death_signal


def test_a_process_that_has_ended_is_known_to_have_ended_and_one_of_elsewhere_is_not():
    ours = this_process()
    assert not has_ended(ours)
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        other = ProcessIdentity(ours.host, f"{process.pid}@{inspect.birth_of(process.pid)}")
        assert not has_ended(other)
        process.send_signal(signal.SIGSTOP)
        assert not has_ended(other), "a stopped one may go on"
        process.kill()
        process.wait(5)
    assert has_ended(other)
    assert has_ended(ProcessIdentity(ours.host, f"{os.getpid()}@1")), "its number is another's by now"
    assert not has_ended(ProcessIdentity("another machine", other.process)), "nobody here can tell"
