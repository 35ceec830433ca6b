"""The table of promises: what it names is there, what is due has its row or its reason, and a figure was reached.

The page is what rows and figures say; a figure is written down only by a run that reached it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from promises import figures, record, table
from promises.campaigns import CAMPAIGNS
from promises.figures import Figure, Run
from promises.held import Tree, problems
from promises.model import GROUPS, Campaign, Owed, Promise
from promises.rows import DUE, OWED, PROMISES

ROOT = Path(__file__).parents[3]
SIM = CAMPAIGNS["sim"]
KILL = CAMPAIGNS["kill"]


def run(line: str = "seeds=10000 duplicates=0", **sizes: int) -> Run:
    return Run(
        sizes=sizes or {"SEEDS": 10_000},
        command="make sim",
        line=line,
        commit="0123456789",
        date="2026-01-02",
        machine="2 cores",
        seconds=1_700,
    )


def test_every_test_and_campaign_that_a_promise_names_is_there() -> None:
    assert problems(PROMISES, OWED, ROOT) == []


def test_every_promise_that_is_due_has_its_row_or_its_reason() -> None:
    assert DUE - {promise.id for promise in PROMISES} - {owed.id for owed in OWED} == set()


def test_the_page_is_what_rows_and_figures_say() -> None:
    assert not table.differs(), "run make reference"


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        ("tests/unit/house/test_gone.py", "is no file"),
        ("tests/unit/house", "is no file"),
        ("tests/promises/model.py", "is no file of tests"),
        ("src/tradewright/settings.py", "is no file of tests"),
        ("tests/a/test_a.py::test_gone", "has no test of that name"),
        ("tests/a/test_a.py::helper", "has no test of that name"),
        ("tests/a/test_a.py::test_inside", "has no test of that name"),
        ("tests/a/test_a.py::test_skipped", "has that test and never runs it"),
        ("tests/a/test_a.py::test_failing", "has that test and never runs it"),
        ("tests/a/test_empty.py", "has no test that runs"),
        ("frontend/src/a.test.ts::gone", "has no test of that title"),
        ("frontend/src/a.ts", "is no file of tests"),
        ("tests/a/test_a.py::test_there", None),
        ("tests/a/test_a.py::test_awaited", None),
        ("tests/a/test_a.py::test_sometimes", None),
        ("tests/a/test_a.py", None),
        ("frontend/src/a.test.ts::is there", None),
    ],
)
def test_a_test_that_is_not_there_or_never_runs_holds_nothing(tmp_path: Path, test: str, wrong: str | None) -> None:
    for name, content in {
        "tests/a/test_a.py": (
            "def test_there(): pass\nasync def test_awaited(): pass\ndef helper():\n    def test_inside(): pass\n"
            "@pytest.mark.skip\ndef test_skipped(): pass\n@pytest.mark.xfail(strict=True)\ndef test_failing(): pass\n"
            "@pytest.mark.skipif(True, reason='')\ndef test_sometimes(): pass\n"
        ),
        "tests/a/test_empty.py": "def helper(): pass\n",
        "tests/promises/model.py": "",
        "src/tradewright/settings.py": "",
        "frontend/src/a.test.ts": 'it("is there", () => {});\n',
        "frontend/src/a.ts": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert Tree(tmp_path).wrong_with(test) == wrong


def test_each_way_for_a_row_to_be_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("\n".join(f"{name}: setup-dev" for name in CAMPAIGNS if name != "kill"))
    rows = [
        Promise(id="A1", says="Said", tests=()),
        Promise(id="A1", says="A full stop.", tests=("tests/test_gone.py",), campaigns=("nightly",)),
        Promise(id="Z1", says="", tests=("tests/test_gone.py", "tests/test_gone.py")),
    ]
    assert problems(rows, [Owed(id="B1", what="All of it", why=" ")], tmp_path) == [
        "A1 is promised twice",
        f"'Z1' is no id of a promise: a letter of {', '.join(GROUPS)} and a number from 1 to 99",
        "kill is no target of the Makefile",
        "A1: no test holds it: it is owed",
        "A1: a promise is one sentence, without its full stop",
        "A1: tests/test_gone.py is no file",
        "A1: nightly is no campaign",
        "Z1: a promise is one sentence, without its full stop",
        "Z1: it names a test twice",
        "Z1: tests/test_gone.py is no file",
        "Z1: tests/test_gone.py is no file",
        "B1 is owed and nobody says why",
    ]


def test_each_campaign_of_the_makefile_is_recorded_with_its_sizes_when_asked() -> None:
    sizes = [f"{variable}={number}" for number, variable in enumerate(_variables(), 3)]
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "RECORD")}
    ask = ["make", "--no-print-directory", "-n", *CAMPAIGNS, *sizes]
    told = subprocess.run([*ask, "RECORD=1"], cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    recorded = dict(re.findall(r"-m promises\.record 1 (\S+) (.*?) ?-- ", told))
    assert set(recorded) == set(CAMPAIGNS)
    given = dict(size.split("=") for size in sizes)
    for name, campaign in CAMPAIGNS.items():
        said = dict(size.split("=") for size in recorded[name].split())
        assert {variable: said.get(variable) for variable in campaign.full} == {
            variable: given[variable] for variable in campaign.full
        }, name
    plain = subprocess.run(ask, cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    assert "promises.record" not in plain


def _variables() -> list[str]:
    return sorted({variable for campaign in CAMPAIGNS.values() for variable in campaign.full})


def test_a_campaign_without_a_run_at_full_size_says_so() -> None:
    promise = Promise(id="A1", says="Said", tests=("tests/test_a.py",), campaigns=("sim",))

    def told(figure: Figure | None) -> str:
        page = table.page([promise], [], {} if figure is None else {"sim": figure})
        return next(line for line in page.splitlines() if line.startswith("| A1 |"))

    small, full = run("seeds=500 duplicates=0", SEEDS=500), run()
    assert "no run at full size on record (SEEDS=10000) |" in told(None)
    assert "no run at full size on record (SEEDS=10000); SEEDS=500, 2026-01-02 |" in told(Figure(reached=small))
    assert "SEEDS=10000, 2026-01-02: `seeds=10000 duplicates=0` |" in told(Figure(reached=full))
    assert "**failed** with SEEDS=500, 2026-01-02 |" in told(Figure(reached=full, failed=small))
    assert "no run at full size on record" in told(Figure(failed=full))


def test_of_a_long_closing_line_the_beginning_and_the_end_are_shown() -> None:
    long = run("seeds=10000 " + "duplicates=0 " * 40 + "ms_per_seed=140")
    page = table.page([], [], {"sim": Figure(reached=long)})
    assert re.search(r"`seeds=10000 (duplicates=0 ){5,9}… (duplicates=0 )*ms_per_seed=140`", page)


def test_a_smaller_run_takes_the_place_of_no_larger_one() -> None:
    small, full, wide = run(SEEDS=500), run(), run(CYCLES=15, ACCOUNTS=2)
    later = replace(full, date="2026-02-03")
    assert figures.after_passing(Figure(), small) == Figure(reached=small)
    assert figures.after_passing(Figure(reached=small), full) == Figure(reached=full)
    assert figures.after_passing(Figure(reached=full), small) == Figure(reached=full)
    assert figures.after_passing(Figure(reached=full), later) == Figure(reached=later)
    most = replace(wide, sizes={"CYCLES": 5, "ACCOUNTS": 20})
    assert figures.after_passing(Figure(reached=wide), most) == Figure(reached=wide), "smaller in anything"


def test_a_failure_stays_until_a_run_as_large_has_passed() -> None:
    small, full = run(SEEDS=500), run()
    failed = figures.after_failing(Figure(reached=full), small)
    assert failed == Figure(reached=full, failed=small)
    assert figures.after_passing(figures.after_failing(Figure(), full), small) == Figure(reached=small, failed=full)
    assert figures.after_failing(Figure(failed=full), small) == Figure(failed=full)
    assert figures.after_passing(failed, full) == Figure(reached=full)


def test_what_was_kept_comes_back_and_force_puts_a_smaller_one_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert figures.read(file) == {}
    small, full = run(SEEDS=500), run()
    figures.keep("sim", full, passed=True, file=file)
    figures.keep("sim", small, passed=True, file=file)
    figures.keep("risk", small, passed=False, file=file)
    assert figures.read(file) == {"sim": Figure(reached=full), "risk": Figure(failed=small)}
    figures.keep("sim", small, passed=True, by_force=True, file=file)
    assert figures.read(file)["sim"] == Figure(reached=small)
    file.write_text(json.dumps({"sim": {"reached": {"line": "seeds=1"}}}))
    with pytest.raises(ValueError, match="the figure of sim has not the fields of a run"):
        figures.read(file)


def test_the_figures_of_the_tree_are_of_campaigns_and_nothing_of_a_machine_is_in_them() -> None:
    known = figures.read()
    assert set(known) <= set(CAMPAIGNS)
    for name, figure in known.items():
        for one in filter(None, (figure.reached, figure.failed)):
            assert set(one.sizes) == set(CAMPAIGNS[name].full), name
            assert one.line == figures.plain(one.line), "no absolute path"


def test_of_a_campaigns_output_the_last_closing_line_is_kept_without_paths_of_the_machine() -> None:
    output = f"seeds=9 duplicates=1 lost=0\n.seeds=10 duplicates=0 in {ROOT}/build/x /home/ann/y.log 10/10 a/b\n12 s\n"
    assert record.closing_line(SIM, output) == "seeds=10 duplicates=0 in build/x …/y.log 10/10 a/b"
    assert record.closing_line(SIM, "3 passed in 2.00s\n") is None
    passed = "== 3 passed, 1 skipped in 2.00s (0:00:02) ==\n"
    assert record.closing_line(CAMPAIGNS["risk"], passed) == "3 passed, 1 skipped in 2.00s (0:00:02)"
    assert record.closing_line(CAMPAIGNS["risk"], "1 skipped in 0.10s\n") is None


@pytest.mark.parametrize("value", ["", "0", "-3", "many", "1e4"])
def test_a_size_that_is_no_count_is_refused(value: str) -> None:
    with pytest.raises(record.Unfit, match="ACCOUNTS="):
        record.sizes_of(KILL, {"CYCLES": "15", "ACCOUNTS": value, "TIMES": "5"})


def test_a_line_that_tells_another_size_than_was_asked_for_is_no_figure() -> None:
    record.check_said(SIM, "seeds=10000 duplicates=0", {"SEEDS": 10_000})
    with pytest.raises(record.Unfit, match="asked for SEEDS=10000 and says 500"):
        record.check_said(SIM, "seeds=500 duplicates=0", {"SEEDS": 10_000})


@pytest.mark.parametrize(
    ("script", "code", "kept"),
    [
        ("print('seeds=30 duplicates=0')", 0, Figure(reached=run("seeds=30 duplicates=0", SEEDS=30))),
        ("print('seeds=30 duplicates=2'); exit(1)", 1, Figure(failed=run("seeds=30 duplicates=2", SEEDS=30))),
        ("exit(1)", 1, Figure(failed=run("it ended without its closing line", SEEDS=30))),
        ("exit(2)", 2, None),
        ("import os; os.kill(os.getpid(), 9)", 137, None),
        ("print('nothing of the kind')", 1, None),
        ("print('seeds=29 duplicates=0')", 1, None),
    ],
)
def test_a_run_is_written_down_as_what_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    script: str,
    code: int,
    kept: Figure | None,
) -> None:
    file = tmp_path / "figures.json"
    keep = figures.keep
    monkeypatch.setattr(figures, "keep", lambda name, run, **how: keep(name, run, file=file, **how))
    monkeypatch.setattr(table, "FILE", tmp_path / "promises.md")
    assert record.main(["1", "sim", "SEEDS=30", "--", sys.executable, "-c", script]) == code
    found = figures.read(file).get("sim")
    assert (found is None) == (kept is None)
    if found is not None and kept is not None:
        for kind in ("reached", "failed"):
            one, other = getattr(found, kind), getattr(kept, kind)
            assert (one and (one.sizes, one.line)) == (other and (other.sizes, other.line))
        assert "recorded in docs/figures.json: make sim SEEDS=30" in capfd.readouterr().err
        assert (tmp_path / "promises.md").exists()


def test_what_cannot_be_recorded_is_refused_before_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    never = ["--", sys.executable, "-c", "raise SystemExit(99)"]
    assert record.main(["1", "nightly", "SEEDS=3", *never]) == 2
    assert "nightly is no campaign; there are sim" in capsys.readouterr().err
    assert record.main(["1", "sim", "SEEDS=", *never]) == 2
    assert "SEEDS=nothing is no count" in capsys.readouterr().err
    assert record.main(["1", "sim", "SEEDS=3"]) == 2


def test_a_campaign_says_its_command_at_full_size() -> None:
    assert KILL.command() == "make kill CYCLES=15 ACCOUNTS=20 TIMES=5"
    assert Campaign(name="clients", does="", full={}, closing="").is_full({})
    assert not KILL.is_full({"CYCLES": 15, "ACCOUNTS": 2, "TIMES": 5})
