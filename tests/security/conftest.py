"""The running API of `integration.web.kit`, fresh for each test; and the options of the fuzzer, with its summary.

`pytest tests/security/test_fuzzed_api.py --bodies N --fuzz-seed S` sends N bodies, in pieces.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site, User, started_site

_BODIES = 800  # with each `make test`: about eight seconds of CPU
_SEED = "1"
_PIECE = 5_000  # bodies in one world: the twin of the exchange forgets nothing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bodies", type=int, default=_BODIES, help="how many fuzzed API bodies to send")
    parser.addoption("--examples", type=int, default=3, help="how often schemathesis asks each operation")
    parser.addoption("--schema-seed", type=int, default=1, help="what schemathesis draws from")
    parser.addoption("--fuzz-seed", default=_SEED, help="what the fuzzed bodies are drawn from")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "piece" not in metafunc.fixturenames:
        return
    bodies = metafunc.config.getoption("bodies", _BODIES)
    seed = metafunc.config.getoption("fuzz_seed", _SEED)
    sizes = [min(_PIECE, bodies - first) for first in range(0, bodies, _PIECE)]
    pieces = [(size, f"{seed}/{number}") for number, size in enumerate(sizes)]
    metafunc.parametrize("piece", pieces, ids=lambda piece: f"piece-{piece[1]}")


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("examples", 3))


@pytest.fixture
def schema_seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("schema_seed", 1))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the fuzzer sent, over all pieces and processes."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    pieces = [json.loads(value) for report in reports for name, value in report.user_properties if name == "fuzz"]
    if not pieces:
        return
    sums = {name: sum(piece[name] for piece in pieces) for name in ("bodies", "requests", "cpu_seconds", "fault_count")}
    counts: dict[str, Counter[str]] = {}
    for name in ("statuses", "manners", "operations", "accepted"):
        counts[name] = sum((Counter(piece[name]) for piece in pieces), Counter())
    drawn = {each.partition(" ")[0] for each in counts["operations"]}
    say = terminalreporter.write_line
    rate = sum(piece["bodies"] / max(piece["seconds"], 0.001) for piece in pieces) / len(pieces)
    say(
        f"fuzz: seed {config.getoption('fuzz_seed', _SEED)}, {len(pieces)} pieces, {sums['bodies']} bodies in"
        f" {sums['requests']} requests, {len(drawn)} operations, {dict(sorted(counts['statuses'].items()))},"
        f" {sum(counts['accepted'].values())} intents taken, {sums['fault_count']} faults;"
        f" {rate:.0f} bodies/s a process, {sums['requests'] / sums['cpu_seconds']:.0f} requests per CPU second"
    )
    if config.getoption("bodies", _BODIES) > _BODIES:
        for name in ("operations", "manners", "accepted"):
            say(f"  {name}: " + ", ".join(f"{each} {count}" for each, count in sorted(counts[name].items())))


@pytest_asyncio.fixture
async def site(engine: AsyncEngine, database_url: str) -> AsyncIterator[Site]:
    async with started_site(engine, database_url) as running:
        yield running


@pytest_asyncio.fixture
async def ann(site: Site) -> User:
    return await site.claim()
