"""The lints find what they are for, let through what they must, and the tree is clean."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lints() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_lints", ROOT / "scripts/house_lints.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["house_lints"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import time\ntime.time()", "raw-clock"),
        ("from time import monotonic", "raw-clock"),
        ("from datetime import datetime\ndatetime.now()", "raw-clock"),
        ("import datetime\ndatetime.datetime.utcnow()", "raw-clock"),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(1)", "raw-clock"),
        ("import random", "raw-chance"),
        ("from secrets import token_hex", "raw-chance"),
        ("from uuid import uuid4", "raw-id"),
        ("import uuid\nuuid.uuid4()", "raw-id"),
        ("price: float = 1.0", "float-money"),
        ("def pay(amount: float | None) -> None: ...", "float-money"),
        ("fee = 0.1", "float-money"),
        ("x = float('1')", "float-money"),
        ("import asyncio\nasync def f(e):\n    await asyncio.wait_for(e.wait(), 1)", "wait-for"),
        ("from asyncio import wait_for", "wait-for"),
    ],
)
def test_a_costly_mistake_is_found(lints: ModuleType, source: str, rule: str) -> None:
    assert rule in [finding.rule for finding in lints.lint_source(source, Path("x.py"))]


@pytest.mark.parametrize(
    "source",
    [
        "async def wait(timeout_seconds: float) -> None: ...",
        "pause_s = 0.5",
        "fill_ratio: float = 0.25",
        "from uuid import UUID",
        "from datetime import UTC, datetime\ndatetime(2026, 1, 1, tzinfo=UTC)",
        "import time\nat = time.time()  # lint: allow raw-clock: the port itself",
    ],
)
def test_what_is_meant_is_let_through(lints: ModuleType, source: str) -> None:
    assert lints.lint_source(source, Path("x.py")) == []


def test_an_exception_needs_a_reason_and_the_right_rule(lints: ModuleType) -> None:
    assert lints.lint_source("import time\nat = time.time()  # lint: allow raw-clock:", Path("x.py"))
    assert lints.lint_source("import time\nat = time.time()  # lint: allow raw-id: other", Path("x.py"))


def test_the_rooms_are_clean(lints: ModuleType) -> None:
    assert lints.lint_tree(ROOT / "src/tradewright") == []
