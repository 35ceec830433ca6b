"""`tradewright spec` as a process: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from support.specs import EXAMPLE, signal
from tradewright.cli import spec

PROGRAM = Path(sys.executable).parent / "tradewright"
SECONDS_MAX = 60  # a busy machine; the command itself takes a part of one


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PROGRAM, "spec", *arguments], input=stdin, capture_output=True, timeout=SECONDS_MAX, check=False
    )


def told(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_right_spec_exits_0_and_tells_the_facts(tmp_path: Path) -> None:
    file = tmp_path / "strategy.yaml"
    file.write_text(EXAMPLE)
    for_people = run("check", str(file))
    assert (for_people.returncode, for_people.stderr) == (0, b"")
    assert b"2199" in for_people.stdout
    done = run("check", "-", "--json", stdin=EXAMPLE.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    facts = {
        "warm_up_bars": 2199,
        "timeframes": ["15m", "4h"],
        "max_position_quote": "100",
        "max_loss_quote": "1.5",
    }
    assert told(done) == {"ok": True, "errors": [], "warnings": [], "facts": facts}


def test_a_wrong_spec_exits_2_with_every_error_and_its_place(tmp_path: Path) -> None:
    file = tmp_path / "strategy.yaml"
    file.write_text(signal(enter="EMA(close, 9) > 1", leave=None, more="foo: 1\n"))
    done = run("check", str(file), "--json")
    assert done.returncode == 2
    plain = told(done)
    assert (plain["ok"], plain["facts"]) == (False, None)
    assert [(each["path"], each["line"], each["column"], each["code"]) for each in plain["errors"]] == [
        ("/rules/enter_long", 7, 5, "unknown_function"),
        ("/foo", 8, 1, "unknown_key"),
    ]
    assert plain["errors"][0]["hint"] == "did you mean `ema`?"
    assert plain["errors"][1]["hint"] is None
    assert set(plain["errors"][0]) == {"path", "line", "column", "code", "message", "hint"}
    assert [each["code"] for each in plain["warnings"]] == ["no_exit"]
    for_people = run("check", str(file))
    assert (for_people.returncode, for_people.stdout) == (2, b"")
    assert f"{file}:7:5: /rules/enter_long: there is no function `EMA`".encode() in for_people.stderr


def test_wrong_usage_exits_64() -> None:
    done = run("check")
    assert (done.returncode, done.stdout) == (64, b"")
    assert b"FILE" in done.stderr


@pytest.mark.parametrize("arguments", [("--no-such-option", "x"), ("/no/such/file",), ("/",), ("a\0b",), ("x", "y")])
def test_a_file_that_cannot_be_opened_is_wrong_usage_too(arguments: tuple[str, ...]) -> None:
    """In this process: another one for each would cost a second and show nothing more."""
    application = typer.Typer()
    application.command("other")(print)
    spec.register(application)
    done = CliRunner().invoke(application, ["spec", "check", *arguments])
    assert (done.exit_code, done.stdout) == (64, "")
    assert done.stderr


def test_a_million_characters_on_standard_input_are_a_spec_that_is_too_large() -> None:
    done = run("check", "-", "--json", stdin=b"(" * 1_000_000)
    assert done.returncode == 2
    assert [each["code"] for each in told(done)["errors"]] == ["too_large"]


def test_the_schema_is_printed_as_json() -> None:
    done = run("schema")
    assert done.returncode == 0
    assert told(done)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_checking_a_spec_loads_nothing_that_takes_long() -> None:
    """Columns, compilers and readers of Parquet are for backtests: the server checks specs without them."""
    code = "import sys, tradewright.strategy.check as c; c.check_text('a: 1'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=SECONDS_MAX, check=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "numba", "polars", "pydantic", "lark", "sqlalchemy", "asyncio"}
