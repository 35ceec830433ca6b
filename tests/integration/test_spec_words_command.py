"""`tradewright spec explain` and `spec diff`: what they print where, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from support.specs import EXAMPLE, GRID
from tradewright.cli import spec

PROGRAM = Path(sys.executable).parent / "tradewright"
SECONDS_MAX = 60  # a busy machine; the command itself takes a part of one


def run(*arguments: str, stdin: str = "") -> Result:
    """In this process: another one for each would cost a second and show nothing more."""
    application = typer.Typer()
    application.command("other")(print)
    spec.register(application)
    return CliRunner().invoke(application, ["spec", *arguments], input=stdin)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(EXAMPLE)
    new.write_text(EXAMPLE.replace("stop_pct: 1.5", "stop_pct: 1.2"))
    return str(old), str(new)


def test_a_spec_is_explained_in_english_and_in_russian(files: tuple[str, str]) -> None:
    english = run("explain", files[0])
    assert (english.exit_code, english.stderr) == (0, "")
    assert english.stdout.startswith("What it trades\n  “EMA cross with a trend filter”: a strategy of rules.\n")
    russian = run("explain", "-", "--lang", "ru", stdin=EXAMPLE)
    assert russian.exit_code == 0
    assert "Входит в лонг, когда 12-барная [fast] средняя (EMA) цены закрытия поднимается выше" in russian.stdout


def test_an_explanation_for_programs_has_sections_facts_and_warnings(files: tuple[str, str]) -> None:
    done = run("explain", files[0], "--json", "--lang", "ru")
    plain = json.loads(done.stdout)
    assert (plain["ok"], plain["errors"], plain["warnings"], plain["language"]) == (True, [], [], "ru")
    assert plain["facts"]["warm_up_bars"] == 2199
    assert [section["key"] for section in plain["sections"]] == [
        *("market", "rules", "orders", "protect", "limits", "values", "params", "facts", "notes")
    ]
    assert plain["sections"][1]["title"] == "Когда входит и выходит"


def test_changes_are_told_for_people_and_for_programs(files: tuple[str, str]) -> None:
    done = run("diff", *files)
    assert (done.exit_code, done.stdout) == (0, "param “stop_pct”: 1.5 → 1.2\n")
    assert run("diff", files[0], "-", stdin=GRID).stdout.startswith(
        "name: “EMA cross with a trend filter” → “A grid”\n"
    )
    plain = json.loads(run("diff", *files, "--json", "--lang", "ru").stdout)
    assert (plain["ok"], plain["language"]) == (True, "ru")
    assert [(each["kind"], each["path"], each["old"], each["new"]) for each in plain["changes"]] == [
        ("changed", "/params/stop_pct", "1,5", "1,2")
    ]


def test_no_change_is_said_as_such_and_is_an_empty_list_for_programs(files: tuple[str, str]) -> None:
    assert run("diff", files[0], files[0]).stdout == "the two mean the same\n"
    assert json.loads(run("diff", files[0], files[0], "--json").stdout)["changes"] == []


def test_a_wrong_spec_exits_2_with_its_errors(files: tuple[str, str]) -> None:
    for arguments in (("explain", "-"), ("diff", files[0], "-")):
        for_people = run(*arguments, stdin="version: 1\n")
        assert (for_people.exit_code, for_people.stdout) == (2, "")
        assert "missing_key" in for_people.stderr
        plain = json.loads(run(*arguments, "--json", stdin="version: 1\n").stdout)
        assert (plain["ok"], plain["facts"]) == (False, None)
        assert {each["code"] for each in plain["errors"]} == {"missing_key"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain",),
        ("explain", "/no/such/file"),
        ("explain", "-", "--lang", "de"),
        ("diff", "-"),
        ("diff", "-", "-"),
        ("diff", "-", "/no/such/file"),
    ],
)
def test_wrong_usage_exits_64(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, stdin=EXAMPLE)
    assert (done.exit_code, done.stdout) == (64, "")
    assert done.stderr


def test_a_terminal_without_the_letters_gets_question_marks_not_a_fault(files: tuple[str, str]) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [PROGRAM, "spec", "explain", files[0], "--lang", "ru"],
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"[fast]" in done.stdout
