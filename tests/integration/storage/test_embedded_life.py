"""The embedded PostgreSQL's life: starting, dying, being found again. Real servers, real signals."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from integration.storage.helpers import wait_until
from tradewright.core.errors import StartError
from tradewright.process.inspect import is_alive
from tradewright.storage import embedded
from tradewright.storage.embedded_place import installed_binaries


def write_row(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def rows(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [str(row[0]) for row in connection.execute("SELECT what FROM kept ORDER BY 1")]


def log_bytes(server: embedded.EmbeddedPostgres) -> int:
    return sum(path.stat().st_size for path in server.place.log.iterdir())


def run_in_a_process_of_its_own(home: Path, open_folder: Path) -> subprocess.Popen[str]:
    code = (
        "import sys, time; from pathlib import Path; from tradewright.storage.embedded import EmbeddedPostgres as E;"
        "server = E(Path(sys.argv[1]), root_base=Path(sys.argv[2])); print(server.start(), server.pid, flush=True);"
        "time.sleep(600)"
    )
    return subprocess.Popen([sys.executable, "-c", code, home, open_folder / "base"], stdout=subprocess.PIPE, text=True)


def test_rows_are_there_again_after_a_stop_and_a_start(make_server, home):
    first = make_server(home)
    write_row(first.start(), "before")
    first.stop()
    assert rows(make_server(home).start()) == ["before"]


def test_the_program_in_the_foreground_prints_the_url_and_ends_with_its_signal(home, open_folder):
    argv = [
        sys.executable,
        "-m",
        "tradewright.storage.embedded",
        "--home",
        home,
        "--root-base",
        open_folder / "base",
    ]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    write_row(process.stdout.readline().strip(), "x")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_sigkill_of_the_parent_takes_postgresql_down_and_the_next_start_has_every_committed_row(
    make_server, home, open_folder
):
    process = run_in_a_process_of_its_own(home, open_folder)
    assert process.stdout is not None
    url, pid = process.stdout.readline().split()
    write_row(url, "committed")
    process.kill()
    process.wait(5)
    process.stdout.close()
    wait_until(lambda: not is_alive(int(pid)), what="PostgreSQL follows its parent")
    assert rows(make_server(home).start()) == ["committed"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_start_right_after_the_sigkill_waits_for_the_old_server_instead_of_failing(make_server, home, open_folder):
    process = run_in_a_process_of_its_own(home, open_folder)
    assert process.stdout is not None
    url, pid = process.stdout.readline().split()
    write_row(url, "committed")
    # Busy with a client, the fast shutdown takes a moment: the next start meets a server that still goes down.
    with contextlib.closing(psycopg.connect(url)) as client:
        client.execute("SELECT 1")
        process.kill()
        process.wait(5)
        process.stdout.close()
        assert rows(make_server(home).start()) == ["committed"]
    assert not is_alive(int(pid))


def test_sigkill_of_the_postmaster_loses_no_committed_row_and_it_can_be_launched_again(make_server, home):
    server = make_server(home)
    url = server.start()
    with contextlib.closing(psycopg.connect(url)) as client:  # a backend that outlives its postmaster for a moment
        client.execute("DROP TABLE IF EXISTS kept")
        client.execute("CREATE TABLE kept (what text)")
        client.execute("INSERT INTO kept VALUES ('committed')")
        client.commit()
        client.execute("INSERT INTO kept VALUES ('never committed')")
        os.kill(server.pid, signal.SIGKILL)
        server.wait(5)
        server.launch()
        wait_until(server.is_ready, what="recovery")
    assert rows(url) == ["committed"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is not looked up by the data folder")
def test_a_backend_that_still_holds_the_memory_of_a_killed_postmaster_is_waited_for(make_server, home):
    server = make_server(home)
    url = server.start()
    with contextlib.closing(psycopg.connect(url)) as client:
        backend = client.info.backend_pid
        os.kill(backend, signal.SIGSTOP)  # it cannot notice that its postmaster is gone
        os.kill(server.pid, signal.SIGKILL)
        server.wait(5)
        server.launch()
        try:
            deadline = time.monotonic() + 0.5
            while time.monotonic() < deadline:
                assert not server.is_ready()
        finally:
            os.kill(backend, signal.SIGCONT)
        wait_until(server.is_ready, what="it serves once the memory is free")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is not looked up by the data folder")
def test_it_is_waited_for_however_much_the_dying_backends_write_meanwhile(make_server, home):
    server = make_server(home)
    url = server.start()
    with contextlib.ExitStack() as clients:
        backends = [clients.enter_context(contextlib.closing(psycopg.connect(url))).info.backend_pid for _ in range(20)]
        for backend in backends:
            os.kill(backend, signal.SIGSTOP)
        os.kill(server.pid, signal.SIGKILL)
        server.wait(5)
        server.launch()
        written = log_bytes(server)
        wait_until(lambda: server.poll() is not None, what="the memory is in use")
        for backend in backends[1:]:  # each writes that it ends, into the log of the server that is gone
            os.kill(backend, signal.SIGCONT)
        try:
            wait_until(lambda: log_bytes(server) > written + 19 * 80, what="they have written")
            assert not server.is_ready()
        finally:
            os.kill(backends[0], signal.SIGCONT)
        wait_until(server.is_ready, what="it serves once the memory is free")


def test_a_second_start_while_one_runs_is_one_sentence_with_exit_code_8(make_server, home):
    make_server(home).start()
    with pytest.raises(StartError) as refused:
        make_server(home).start()
    assert refused.value.exit_code == 8
    assert str(os.getpid()) in str(refused.value)
    assert str(home) in str(refused.value)


def test_two_homes_run_side_by_side(make_server, new_home):
    first, second = make_server(new_home).start(), make_server(new_home.with_name(f"{new_home.name}-b")).start()
    assert first.split("@")[0] != second.split("@")[0]  # each has a password of its own
    write_row(first, "first")
    write_row(second, "second")
    assert (rows(first), rows(second)) == (["first"], ["second"])


def test_a_stale_pid_file_that_names_a_foreign_process_is_forgotten_and_the_process_left_alone(make_server, home):
    server = make_server(home)
    server.start()
    data, user = server.place.data, server.place.user
    lines = (data / "postmaster.pid").read_text().splitlines()
    server.stop()
    foreign = subprocess.Popen(["/bin/sleep", "600"], user=user.uid if user else None)
    try:
        lines[0], lines[2] = str(foreign.pid), str(int(time.time()) - 3600)
        (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        (server.place.root / "run" / ".s.PGSQL.5432.lock").write_text("\n".join(lines[:5]) + "\n")
        make_server(home).start()
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait(5)


def test_a_pid_file_with_the_right_start_time_but_another_users_process_is_not_believed(make_server, home):
    server = make_server(home)
    server.start()
    if server.place.user is None:
        pytest.skip("needs root: a process of another user than the server's")
    data = server.place.data
    lines = (data / "postmaster.pid").read_text().splitlines()
    server.stop()
    foreign = subprocess.Popen(["/bin/sleep", "600"])  # root's
    try:
        lines[0], lines[2] = str(foreign.pid), str(int(time.time()))
        (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        make_server(home).start()
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait(5)


def test_a_server_of_ours_that_outlived_its_run_is_stopped_before_the_next_one(make_server, home):
    first = make_server(home)
    write_row(first.start(), "kept")
    place = first.place
    first.stop()
    # As a run on a system without death signals leaves it.
    left_over = subprocess.Popen(
        [
            place.binaries / "postgres",
            "-D",
            place.data,
            "-c",
            f"unix_socket_directories={place.root / 'run'}",
            "-c",
            "listen_addresses=",
        ],
        user=place.user.uid if place.user else None,
        group=place.user.gid if place.user else None,
        extra_groups=[] if place.user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    wait_until(lambda: "ready" in _pid_file(place.data), what="the left-over server serves")
    said: list[str] = []
    assert rows(make_server(home, say=said.append).start()) == ["kept"]
    assert left_over.wait(5) == 0  # a fast shutdown, no crash
    assert any(str(left_over.pid) in sentence for sentence in said)


def test_the_start_waits_as_long_as_the_server_lives_and_says_so(make_server, home, open_folder, monkeypatch):
    """Recovery is played by a wrapper that begins to serve only when told."""
    gate = open_folder / "gate"
    binaries = wrapped_binaries(
        open_folder / f"bin-{os.urandom(4).hex()}",
        postgres=f'case "$1" in -D) while [ ! -e {gate} ]; do sleep 0.02; done;; esac',
    )
    monkeypatch.setattr(embedded, "_SAY_EVERY_S", 0.05)
    said: list[str] = []
    server = make_server(home, binaries=binaries, say=said.append)
    server.prepare()
    server.launch()
    wait_until(lambda: not server.is_ready() and sum("still starts" in s for s in said) >= 3, what="it says so")
    gate.touch()
    wait_until(server.is_ready, what="it serves")


def test_a_waiting_start_can_be_given_up_and_leaves_nothing_running(make_server, home, open_folder):
    binaries = wrapped_binaries(
        open_folder / f"bin-{os.urandom(4).hex()}", postgres='case "$1" in -D) exec sleep 600;; esac'
    )
    server = make_server(home, binaries=binaries)
    with pytest.raises(StartError, match="given up"):
        server.start(give_up=lambda: server.pid is not None)
    assert server.pid is None
    make_server(home).start()  # and the lock is free again


def test_a_server_that_cannot_start_is_exit_code_9_with_the_end_of_its_log(make_server, home):
    with pytest.raises(StartError) as refused:
        make_server(home, overrides={"shared_buffers": "a lot"}).start()
    assert refused.value.exit_code == 9
    assert "shared_buffers" in str(refused.value)
    make_server(home).start()


def test_damaged_data_is_exit_code_9_and_nothing_is_initialised_over_it(make_server, home):
    server = make_server(home)
    write_row(server.start(), "precious")
    server.stop()
    control = server.place.data / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"\0" * len(kept))
    with pytest.raises(StartError) as refused:
        make_server(home).start()
    assert refused.value.exit_code == 9
    assert "FATAL" in str(refused.value) or "PANIC" in str(refused.value)
    control.write_bytes(kept)
    assert rows(make_server(home).start()) == ["precious"]


@pytest.mark.parametrize("text", [None, "{", "{}", "[]"])
def test_lost_or_damaged_passwords_are_one_sentence_and_change_nothing(make_server, home, text):
    server = make_server(home)
    write_row(server.start(), "precious")
    server.stop()
    passwords = home / "postgres" / "passwords.json"
    kept = passwords.read_text()
    passwords.unlink()
    if text is not None:
        passwords.write_text(text)
    with pytest.raises(StartError) as refused:
        make_server(home).start()
    assert refused.value.exit_code == 9
    assert str(passwords) in str(refused.value)
    passwords.write_text(kept)
    assert rows(make_server(home).start()) == ["precious"]


def test_an_initialisation_that_was_cut_off_leaves_nothing_half_made(make_server, new_home, open_folder):
    broken = wrapped_binaries(
        open_folder / f"bin-{os.urandom(4).hex()}", initdb='case "$1" in --pgdata=*) echo no space; exit 7;; esac'
    )
    with pytest.raises(StartError) as refused:
        make_server(new_home, binaries=broken).start()
    assert refused.value.exit_code == 9
    assert "no space" in str(refused.value)
    server = make_server(new_home)
    (new_home / "postgres" / ".data-cut-off").mkdir()  # as SIGKILL during the initialisation leaves it
    server.start()
    assert not list(server.place.root.glob(".data-*"))


def test_a_stop_is_quick_although_clients_are_connected(make_server, home):
    server = make_server(home)
    url = server.start()
    with contextlib.closing(psycopg.connect(url)) as client:
        client.execute("SELECT 1")  # idle in a transaction
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 20  # a smart shutdown would wait for the client for ever


def test_a_server_that_answers_no_signal_is_ended_within_the_bound(make_server, home):
    server = make_server(home)
    write_row(server.start(), "kept")
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop(fast_s=0.2, immediate_s=0.2)
    assert not is_alive(pid)
    assert rows(make_server(home).start()) == ["kept"]


def test_a_home_that_cannot_be_made_is_exit_code_4_naming_it_and_the_setting(make_server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError) as refused:
        make_server(tmp_path / "file" / "home").start()
    assert refused.value.exit_code == 4
    assert str(tmp_path / "file" / "home") in str(refused.value)
    assert "TRADEWRIGHT_HOME" in str(refused.value)


def test_it_runs_with_modest_memory_durable_commits_and_bounded_logs(make_server, home):
    server = make_server(home)
    with psycopg.connect(server.start()) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "data_checksums",
                "max_connections",
                "log_rotation_size",
            )
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "max_connections": "50",
        "log_rotation_size": "4MB",
    }
    for number in range(9):
        (server.place.log / f"postgresql-2020010{number}-000000.log").touch()
    server.stop()
    server.prepare()
    server.launch()
    wait_until(server.is_ready, what="it serves")
    assert len(list(server.place.log.glob("postgresql-*.log"))) <= 6


def wrapped_binaries(folder: Path, *, postgres: str = "", initdb: str = "") -> Path:
    """A `bin` folder whose programs first run these lines of shell and then become the real ones, with the same pid."""
    folder.mkdir()
    folder.chmod(0o755)
    real = installed_binaries()
    if shutil.which("sh", path="/bin") is None:
        pytest.skip("needs /bin/sh")
    for name, lines in (("postgres", postgres), ("initdb", initdb)):
        program = folder / name
        program.write_text(f'#!/bin/sh\n{lines}\nexec "{real / name}" "$@"\n')
        program.chmod(0o755)
    return folder


def _pid_file(data: Path) -> str:
    try:
        return re.sub(r"\s+", " ", (data / "postmaster.pid").read_text())
    except OSError:
        return ""
