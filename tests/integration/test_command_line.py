"""The command line as a person meets it: real processes, one sentence on standard error, a documented exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest

from tradewright.trading.ownership import OWNER_LOCK_KEY
from unit.market.history.trade_tapes import DAY, DAY_MS, contracts_file, tape


def tradewright(*arguments: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
    environment |= {f"TRADEWRIGHT_{name}": value for name, value in settings.items()}
    environment |= {"TRADEWRIGHT_HOME": str(home), "TRADEWRIGHT_OPEN_BROWSER": "false"}
    return subprocess.run(
        [sys.executable, "-m", "tradewright", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What is said to a person at the end; a traceback is not for people."""
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def used_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


def test_the_version_is_the_installed_ones(tmp_path: Path) -> None:
    done = tradewright("--version", home=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, version("tradewright"))
    assert list(tmp_path.iterdir()) == [], "nothing is written for a question"


def test_help_names_the_commands(tmp_path: Path) -> None:
    done = tradewright("--help", home=tmp_path)
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("run", "api", "worker", "exchange", "user"))


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["run", "--no-such-option"], ["no-such-command"]])
def test_what_is_not_known_is_a_usage_error(tmp_path: Path, arguments: list[str]) -> None:
    done = tradewright(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert "no-such" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    done = tradewright("run", "--port", "70000", home=tmp_path)
    assert done.returncode == 2
    assert "TRADEWRIGHT_PORT is 70000" in sentence(done)


def test_run_on_a_used_port_says_so(open_home: Path, used_port: str) -> None:
    done = tradewright("run", home=open_home, PORT=used_port)
    assert done.returncode == 3
    assert used_port in sentence(done)
    assert "TRADEWRIGHT_PORT" in sentence(done)


def test_the_api_on_a_used_port_says_so(tmp_path: Path, database_url: str, used_port: str) -> None:
    done = tradewright("api", home=tmp_path, DATABASE_URL=database_url, PORT=used_port)
    assert done.returncode == 3
    assert used_port in sentence(done)
    assert "TRADEWRIGHT_PORT" in sentence(done)


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file where the folder should be stops root too, whom no mode does."""
    home = tmp_path / "a-file"
    home.write_text("")
    done = tradewright("run", home=home)
    assert done.returncode == 4
    assert str(home) in sentence(done)


@pytest.mark.parametrize("part", ["worker", "api"])
def test_a_database_of_a_newer_version_says_so(tmp_path: Path, database_url: str, part: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = tradewright(part, home=tmp_path, DATABASE_URL=database_url)
    assert done.returncode == 5
    assert "9999" in sentence(done)


def test_a_worker_beside_another_says_so(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", (OWNER_LOCK_KEY,))
        done = tradewright("worker", home=tmp_path, DATABASE_URL=database_url)
    assert done.returncode == 10
    assert "TRADEWRIGHT_PLACEMENT" in sentence(done)


def test_where_says_who_owns_each_account(tmp_path: Path, database_url: str) -> None:
    def ask(*arguments: str) -> str:
        done = tradewright("where", *arguments, home=tmp_path, DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert ask() == "There is no account yet.\n"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO workspaces (id, name, created_at) VALUES (gen_random_uuid(), 'Home', now())")
        connection.execute(
            "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
            " SELECT gen_random_uuid(), id, 'Paper', 'sim', '7', now(), now() FROM workspaces"
        )
        (never,) = json.loads(ask("--json"))
        assert (never["owner"], never["epoch"], never["is_alive"]) == (None, 0, False)
        assert "no worker ever owned it" in ask()
        connection.execute(
            "INSERT INTO worker (id, host, process, version, capacity, began_at, beat)"
            " VALUES (gen_random_uuid(), 'here', '12@34', '0', 1, now(), now())"
        )
        connection.execute("INSERT INTO account_owner SELECT a.id, w.id, 3, now() FROM accounts a, worker w")
    (gone,) = json.loads(ask("--json"))
    assert (gone["name"], gone["environment"], gone["uid"], gone["process"]) == ("Paper", "sim", "7", "12@34")
    assert (gone["epoch"], gone["is_alive"], gone["state"]) == (3, False, "connecting"), "it holds no lock"
    assert "epoch 3 since" in ask()


def test_what_a_part_fails_with_is_logged_without_the_databases_password(tmp_path: Path) -> None:
    done = tradewright("worker", home=tmp_path, DATABASE_URL="postgresql://u:canary-password@127.0.0.1:1/x")
    assert done.returncode == 9
    assert "127.0.0.1" in sentence(done)
    assert "canary-password" not in done.stdout + done.stderr


def test_a_part_without_an_installation_says_what_to_start(tmp_path: Path) -> None:
    done = tradewright("user", "claim-link", home=tmp_path)
    assert done.returncode == 1
    assert "tradewright run" in sentence(done)


def test_the_exchange_says_where_it_is_in_one_line_and_keeps_its_secret_to_itself(tmp_path: Path) -> None:
    environment = {**os.environ, "TRADEWRIGHT_HOME": str(tmp_path)}
    argv = [sys.executable, "-m", "tradewright", "exchange", "--port", "0", "--state", str(tmp_path / "state")]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            keys = json.loads(Path(ready["keys_file"]).read_text())
        finally:
            process.terminate()
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert rest == ""
    for pair in ("trading", "read_only", "withdrawing"):
        assert keys[pair]["secret"] not in json.dumps(ready) + said


def test_days_of_an_archive_over_http_become_candles_and_a_wrong_one_ends_it_with_its_place(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf" / "trading" / "BTCUSDT"
    shelf.mkdir(parents=True)
    names = [f"BTCUSDT2024-01-0{day}.csv.gz" for day in (1, 2, 3)]
    for n, name in enumerate(names):
        (shelf / name).write_bytes(contracts_file(tape(n, first_ms=DAY + n * DAY_MS)))
    (shelf / names[2]).write_bytes(b"<html>Please sign in</html>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "shelf"))
    home = tmp_path / "home"
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        asked = ["data", "download", "--symbol", "BTCUSDT", "--from", "2024-01-01", "--source", "archive"]
        asked += ["--archive-address", f"http://127.0.0.1:{server.server_port}"]
        done = tradewright(*asked, "--to", "2024-01-03", "--json", home=home)
        wrong = tradewright(*asked, "--to", "2024-01-04", home=home)
        server.shutdown()
        serving.join()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["series"]["to_ms"], found["series"]["gaps"]) == (DAY + 2 * DAY_MS, 0)
    assert wrong.returncode == 3
    assert f"{names[2]} is no file of trades of Bybit's archive" in sentence(wrong)
    assert tradewright("data", "check", home=home).returncode == 0
