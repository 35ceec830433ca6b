"""Fixtures that every layer may use: a real PostgreSQL, and a fresh migrated database for each test that asks.

One embedded server for each pytest process, so parallel runs never share one; it starts when the first test asks.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from hypothesis import settings
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.embedded_cluster import ROLE
from tradewright.storage.engine import create_engine
from tradewright.storage.migrate import upgrade

# The same examples every time, so that a red run is red again; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("repeat", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

_TEMPLATE = "template_tradewright"
_FASTER = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "100"}
# Files that take a minute and more, the longest first: real processes are started, killed and waited for in them.
_LONG = (
    "e2e/test_order_kinds.py",
    "e2e/test_first_day.py",
    "e2e/test_wrong_things.py",
    "e2e/test_an_hour_of_trading.py",
    "integration/test_whole_installation.py",
    "integration/test_bots_at_home.py",
    "integration/test_kill_switch.py",
    "integration/test_harm_and_return.py",
    "integration/test_secrets_stay_home.py",
    "integration/test_acceptance.py",
    "integration/test_replayed_market.py",
    "integration/test_fault_proxy.py",
    "integration/fence/test_fence.py",
    "integration/test_kill_campaign.py",
    "integration/test_supervisor.py",
    "integration/trading/test_database_restarts.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process is left alone with it at the end; then the fullest files."""
    rank = {Path(__file__).parent / name: place for place, name in enumerate(_LONG)}
    count = Counter(item.path for item in items)
    items.sort(key=lambda item: (rank.get(item.path, len(rank)), -count[item.path], item.path))


@dataclass(frozen=True, slots=True)
class PostgresForTests:
    """A running server with a migrated template. `make_database` clones it; `drop_database` removes a clone."""

    server: EmbeddedPostgres
    names: Iterator[int]

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.server.superuser_url(), autocommit=True)

    def make_database(self, *, template: str = _TEMPLATE) -> str:
        """The URL of a fresh database with all migrations applied (or empty, with `template="template0"`)."""
        name = f"test_{next(self.names)}"
        with self.admin() as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template)))
        return self.server.url.replace("@/tradewright?", f"@/{name}?")

    def drop_database(self, url: str) -> None:
        name = url.split("@/")[1].split("?")[0]
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own: as root, PostgreSQL runs as another user."""
    folder = Path(tempfile.mkdtemp(prefix="tw-test-", dir=_quick_folder()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def open_home(open_folder: Path) -> Path:
    """A HOME that also PostgreSQL's user can pass through: started by root, the data are in it and go with it."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=open_folder))
    home.chmod(0o711)
    return home


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[PostgresForTests]:
    server = EmbeddedPostgres(open_folder / "postgres-home", root_base=open_folder / "base", overrides=_FASTER)
    server.start()
    try:
        running = PostgresForTests(server, itertools.count(1))
        with running.admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_TEMPLATE), sql.Identifier(ROLE))
            )
        upgrade(server.url.replace("@/tradewright?", f"@/{_TEMPLATE}?"))
        yield running
    finally:
        server.stop(fast_s=2)


@pytest.fixture
def database_url(postgres: PostgresForTests) -> Iterator[str]:
    """The URL of a database of this test's own, with all migrations applied."""
    url = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url, pool_size=4)
    yield made
    await made.dispose()


def _quick_folder() -> str:
    """Memory where it is ample and programs may run from it, else the disk: a new server is a thousand small files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return "/tmp"
    found = os.statvfs(memory)
    if found.f_bavail * found.f_frsize < 4 * 1024**3 or found.f_flag & os.ST_NOEXEC:
        return "/tmp"
    return str(memory)
