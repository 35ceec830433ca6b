"""A database with a workspace and users, a store with candles, and the keeper of backtests with its real processes.

Lives here: what the tests of backtests over the API have in common. Not here: the API itself (`integration/web/kit`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.backtests.commands import add_backtest
from tradewright.backtests.keeper import BacktestKeeper, Keeping
from tradewright.backtests.model import Actor, Asked, NewBacktest, Quota
from tradewright.backtests.queue import Runner
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.market.history.rows import Rows
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from tradewright.process.identity import this_process
from tradewright.storage.bus import Bus
from tradewright.strategy.check import check_text
from tradewright.strategy.templates import template_text
from tradewright.strategy.timeframe import Timeframe, length_ms, open_of
from tradewright.system import SystemClock, SystemIds, SystemRng

BEGIN_MS = 1_600_000_020_000  # a minute's open
SHORT, LONG = 3_000, 600_000  # bars: of a run that is over at once, and of one that takes some seconds
SPEC = template_text("ema_cross").replace("timeframe: 15m", "timeframe: 1m")
LONG_SPEC = SPEC.replace("symbol: BTCUSDT", "symbol: LONGUSDT")
IDS = SystemIds()


def make_store(root: Path) -> DataStore:
    """BTCUSDT has a few bars, LONGUSDT many, HOLEUSDT a gap."""
    store = DataStore(root, SystemClock())
    for symbol, bars in (("BTCUSDT", SHORT), ("LONGUSDT", LONG), ("HOLEUSDT", SHORT)):
        rows = waves(bars)
        if symbol == "HOLEUSDT":
            rows = rows.take(np.r_[0:1_000, 1_010:bars])
        store.add(Series(category="linear", symbol=symbol, timeframe="1m"), rows, source="made by a test")
    return store


def waves(bars: int, timeframe: Timeframe = "1m") -> Rows:
    """Prices that go up and down, so that averages cross again and again."""
    length = length_ms(timeframe)
    number = np.arange(bars)
    close = np.round(30_000 + 500 * np.sin(number / 90) + 40 * np.sin(number / 7), 1)
    opened = np.concatenate(([close[0]], close[:-1]))
    return Rows(
        open_time_ms=open_of(BEGIN_MS, timeframe) + length * number.astype(np.int64),
        open=opened,
        high=np.maximum(opened, close) + 5,
        low=np.minimum(opened, close) - 5,
        close=close,
        volume=np.full(bars, 100.0),
        turnover=np.full(bars, np.nan),
    )


@dataclass
class Desk:
    """A workspace with two users, and one user of another."""

    engine: AsyncEngine
    url: str
    home: Path
    workspace: WorkspaceId
    ann: UserId
    bob: UserId
    other_workspace: WorkspaceId
    eve: UserId
    keeping: dict[str, Any] = field(default_factory=dict)

    async def ask(
        self,
        spec: str = SPEC,
        *,
        user: UserId | None = None,
        workspace: WorkspaceId | None = None,
        backtest_id: UUID | None = None,
        quota: Quota | None = None,
        **asked: Any,
    ) -> UUID:
        new = new_backtest(spec, backtest_id or IDS.new(), **asked)
        async with self.engine.begin() as connection:
            await add_backtest(connection, self.actor(user, workspace), new, quota or Quota(waiting_of_user=50))
        return new.id

    def actor(self, user: UserId | None = None, workspace: WorkspaceId | None = None) -> Actor:
        """Ann, unless somebody else is named."""
        return Actor(
            workspace_id=workspace or self.workspace, user_id=user or self.ann, ip=None, clock=SystemClock(), ids=IDS
        )

    async def row(self, backtest_id: UUID) -> dict[str, Any]:
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SELECT * FROM backtests WHERE id = :id"), {"id": backtest_id})
            return dict(found.mappings().one())

    async def until(
        self, backtest_id: UUID, is_so: Callable[[dict[str, Any]], bool], *, within_s: float = 60
    ) -> dict[str, Any]:
        row: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within_s):
                while not is_so(row := await self.row(backtest_id)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"it has not come to that: {row}") from None
        return row

    async def ended(self, backtest_id: UUID) -> dict[str, Any]:
        return await self.until(backtest_id, lambda row: row["state"] not in ("queued", "running"))

    @asynccontextmanager
    async def keeper(self, **changed: Any) -> AsyncIterator[BacktestKeeper]:
        async with running_keeper(self.engine, self.url, self.home, **changed) as keeper:
            yield keeper


@asynccontextmanager
async def running_keeper(engine: AsyncEngine, url: str, home: Path, **changed: Any) -> AsyncIterator[BacktestKeeper]:
    """What the jobs process does, in this one; the backtests are in processes of their own all the same."""
    bus, clock = Bus(url, rng=SystemRng()), SystemClock()
    await bus.start()
    # On a machine that other tests keep busy the last place would be none.
    usual = {"at_once": 1, "cpu_s": 60, "memory_bytes": 1 << 30, "is_last": False}
    keeping = Keeping(
        **{**usual, **changed},
        data=str(home / "data"),
        home=str(home),
        environment=dict(os.environ),
        version="9.9.9",
    )
    keeper = BacktestKeeper(engine, bus, Runner(IDS.new(), this_process()), keeping, clock=clock)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.close()


async def make_desk(engine: AsyncEngine, url: str, home: Path) -> Desk:
    ids = [IDS.new() for _ in range(5)]
    async with engine.begin() as connection:
        for workspace in ids[:2]:
            await connection.execute(
                text("INSERT INTO workspaces (id, name, created_at) VALUES (:id, 'one', now())"), {"id": workspace}
            )
        for user, name in zip(ids[2:], ("ann", "bob", "eve"), strict=True):
            await connection.execute(
                text(
                    "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
                    " VALUES (:id, :name, :name, 'x', 'en', false, now())"
                ),
                {"id": user, "name": name},
            )
    own, other, ann, bob, eve = ids
    return Desk(engine, url, home, WorkspaceId(own), UserId(ann), UserId(bob), WorkspaceId(other), UserId(eve))


def new_backtest(spec: str, backtest_id: UUID, **asked: Any) -> NewBacktest:
    whole = Asked(text=spec, **asked)
    strategy = check_text(spec).strategy
    assert strategy is not None, "the spec is right"
    return NewBacktest(
        id=backtest_id, asked=whole, digest=whole.digest(), strategy=strategy, series=whole.series(strategy)
    )


def playing(parent: int | None = None) -> list[int]:
    """The processes that work on a backtest just now, of this process or of another one."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"tradewright.backtests.play" in words and stat[0] != "Z" and int(stat[1]) == (parent or os.getpid()):
            found.append(int(folder.name))
    return found


async def frozen(count: int = 1, *, parent: int | None = None) -> list[int]:
    """So many processes of backtests, once they are there, stopped where they are: a test has all the time it needs."""
    pids: list[int] = []
    try:
        async with asyncio.timeout(60):
            while len(pids) < count:
                await asyncio.sleep(0.005)
                for pid in set(playing(parent)) - set(pids):
                    os.kill(pid, signal.SIGSTOP)
                    pids.append(pid)
    except TimeoutError:
        raise AssertionError(f"there are {len(pids)} processes of backtests, not {count}") from None
    return pids


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
