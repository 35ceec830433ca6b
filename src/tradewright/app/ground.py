"""What every process stands on: a migrated database with engine and bus, the real clock, ids and chance.

Lives here: `Ground`, `open_ground`, and where the simulated exchange is found.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.metadata import version

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.errors import ExchangeUnavailable, StartError
from tradewright.exchange.ports import Endpoints
from tradewright.installation import read_private
from tradewright.settings import Settings
from tradewright.storage.bus import Bus
from tradewright.storage.engine import create_engine
from tradewright.storage.migrate import upgrade
from tradewright.system import SystemClock, SystemIds, SystemRng


def installed_version() -> str:
    """The version of this program as it is installed."""
    return version("tradewright")


@dataclass(frozen=True, slots=True)
class Ground:
    """What every process stands on."""

    settings: Settings
    engine: AsyncEngine
    bus: Bus
    clock: SystemClock
    ids: SystemIds
    rng: SystemRng


def database_url(settings: Settings) -> str:
    """The address of the database: the setting, else what `run` wrote for its own PostgreSQL."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return str(read_private(settings.database_file, "the address of the database")["url"])


def direct_database_url(settings: Settings) -> str:
    """The address past a pooler, for what belongs to one connection: locks, and listening."""
    if settings.database_direct_url is not None:
        return settings.database_direct_url.get_secret_value()
    return database_url(settings)


@contextlib.asynccontextmanager
async def open_ground(settings: Settings, application: str) -> AsyncIterator[Ground]:
    """A migrated database, an engine and a bus on it; all closed at the end."""
    url, direct = database_url(settings), direct_database_url(settings)
    await asyncio.to_thread(upgrade, direct)
    rng = SystemRng()
    engine = create_engine(url, application=f"tradewright-{application}")
    bus = Bus(direct, rng=rng)
    await bus.start()
    try:
        yield Ground(settings, engine, bus, SystemClock(), SystemIds(), rng)
    finally:
        await bus.close()
        await engine.dispose()


def simulated_endpoints(settings: Settings) -> Callable[[], Endpoints]:
    """Where the simulated exchange listens: looked at by each call, because a restarted one may listen elsewhere, and
    read anew only when the file was replaced, because a call may be an order. Raises `ExchangeUnavailable`."""
    path = settings.exchange_ready_file
    known: tuple[int, Endpoints] | None = None

    def endpoints() -> Endpoints:
        nonlocal known
        try:
            written_ns = path.stat().st_mtime_ns
            if known is not None and known[0] == written_ns:
                return known[1]
            ready = read_private(path, "the simulated exchange's address")
            known = (written_ns, Endpoints(ready["rest"], ready["ws_public"], ready["ws_private"]))
        except (OSError, StartError, KeyError) as error:
            raise ExchangeUnavailable(f"the simulated exchange has not said where it listens: {error}") from error
        return known[1]

    return endpoints
