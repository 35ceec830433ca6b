"""Real workers on a real exchange and database, which are stopped, replaced and let go on.

Lives here: `FenceWorld`. The exchange's truth log says what arrived and when; the workers' own tables say under which
epoch it was sent. Not here: which moments are chosen and what must hold (`test_fence`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import BTC_RULES, Home, make_home
from tradewright.core.ids import IntentId
from tradewright.core.rule_parts import Quotes
from tradewright.installation import write_exchange_ready
from tradewright.placement.rows import APPLICATION
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place
from tradewright.trading.risk.store import set_limits

GATE_S, LEASE_S = 4, 10
_WITHIN_S = 240.0  # a busy machine starts a process in half a minute
_UNDER_WAY = 4  # orders at any time: a worker must keep up, however busy the machine is


class Worker:
    """One process; `id` is known once it owns."""

    def __init__(self, home: Path, url: str, stop_at: str | None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each start would compile two seconds' worth of packages
        environment |= {
            "TRADEWRIGHT_HOME": str(home),
            "TRADEWRIGHT_DATABASE_URL": url,
            "TRADEWRIGHT_GATE_S": str(GATE_S),
            "TRADEWRIGHT_LEASE_S": str(LEASE_S),
        }
        if stop_at is not None:
            environment["TRADEWRIGHT_STOP_AT"] = stop_at
        self.log = home / f"worker-{uuid4().hex[:6]}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tradewright", "worker"], env=environment, stdout=out, stderr=out
            )

    def is_stopped(self) -> bool:
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    def says(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A create that the exchange heard; `code` is what it answered, None where it did not."""

    link_id: str
    wall_ms: int
    code: int | None


class FenceWorld:
    def __init__(self, engine: AsyncEngine, url: str, home: Path, owned: Home, ready: dict[str, Any]) -> None:
        self._engine = engine
        self._url = url
        self._home_folder = home
        self._owned = owned
        self._ready = ready
        self._workers: list[Worker] = []
        self.owners: dict[int, UUID] = {}  # by epoch, as seen again and again

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, engine: AsyncEngine, url: str, home: Path) -> AsyncIterator[FenceWorld]:
        program = [sys.executable, "-m", "tradewright", "exchange", "--port", "0", "--state", str(home / "exchange")]
        program += ["--limit-factor", "0", "--ip-limit", "0"]
        with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as exchange:
            assert exchange.stdout is not None
            ready = json.loads(await asyncio.to_thread(exchange.stdout.readline))
            write_exchange_ready(home / "exchange/ready.json", "Simulated", ready)
            owned = await make_home(engine, SystemIds(), SystemClock(), uid=ready["uid"])
            await _lift_limits(engine, owned)
            world = cls(engine, url, home, owned, ready)
            busy = [asyncio.create_task(world._trade()), asyncio.create_task(world._watch_owners())]
            try:
                yield world
            finally:
                for task in busy:
                    task.cancel()
                await asyncio.wait(busy)
                for worker in world._workers:
                    worker.process.kill()
                    worker.process.wait()
                exchange.kill()
        for task in busy:
            assert task.cancelled(), task.exception()

    # Workers.

    async def start(self, *, stop_at: str | None = None) -> Worker:
        """A worker, which is not awaited: it may have to wait for the one before."""
        worker = Worker(self._home_folder, self._url, stop_at)
        self._workers.append(worker)
        return worker

    async def until_ready(self, worker: Worker) -> datetime:
        """When it became the owner, by the database's clock."""

        async def look() -> datetime | None:
            assert worker.process.poll() is None, worker.says()
            async with self._engine.connect() as connection:
                found = await connection.execute(
                    text(
                        "SELECT w.began_at FROM accounts a JOIN account_owner o ON o.account_id = a.id"
                        " JOIN worker w ON w.id = o.owner WHERE a.session_state = 'ready'"
                        " AND a.session_epoch = o.epoch AND w.process LIKE :process"
                    ),
                    {"process": f"{worker.process.pid}@%"},
                )
                return found.scalar_one_or_none()

        return await until(look, lambda: f"ready: {worker.says()}")

    async def stop(self, worker: Worker, *, by_itself: bool) -> None:
        """It takes no step any more, and the database has lost sight of it."""
        if not by_itself:
            worker.process.send_signal(signal.SIGSTOP)

        async def look() -> bool:
            assert worker.process.poll() is None, worker.says()
            return worker.is_stopped()

        await until(look, lambda: f"stopped: {worker.says()}")
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name LIKE :name"
                ),
                {"name": f"{APPLICATION}-%"},
            )

    async def let_go_on(self, worker: Worker) -> int:
        """Its exit code: it has to find out by itself that it owns nothing any more."""
        worker.process.send_signal(signal.SIGCONT)

        async def look() -> int | None:
            return worker.process.poll()

        return await until(look, lambda: f"it ends: {worker.says()}")

    # Traffic.

    async def _trade(self) -> None:
        """Orders that meet nothing and end at once, a few under way at any time, so that whenever a worker is stopped
        some are on their way. None rests: a long campaign would come to what an account may have open."""
        view = MarketView(instrument=BTC_RULES, quotes=Quotes(last=Decimal(60000)))
        while True:
            if await self._under_way() >= _UNDER_WAY:
                await asyncio.sleep(0.02)
                continue
            body = PlaceBody(
                id=IntentId(SystemIds().new()),
                category="linear",
                symbol="BTCUSDT",
                side="Buy",
                order_type="Limit",
                quantity=Decimal("0.001"),
                price=Decimal(20000),
                time_in_force="IOC",
                reduce_only=False,
                note=None,
            )
            async with self._engine.begin() as connection:
                asker = Asker(
                    connection=connection,
                    workspace_id=self._owned.workspace_id,
                    account_id=self._owned.account.id,
                    user_id=self._owned.user_id,
                    ip=None,
                    clock=SystemClock(),
                    ids=SystemIds(),
                )
                await submit_place(asker, body, view)

    async def _under_way(self) -> int:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    "SELECT count(*) FROM intents WHERE state IN ('proposed', 'approved', 'sending')"
                    " AND (valid_until > clock_timestamp() OR state = 'sending')"
                )
            )
            return int(found.scalar_one())

    async def _watch_owners(self) -> None:
        while True:
            with contextlib.suppress(SQLAlchemyError):
                async with self._engine.connect() as connection:
                    for row in await connection.execute(text("SELECT owner, epoch FROM account_owner")):
                        self.owners[row.epoch] = row.owner
            await asyncio.sleep(0.05)

    # What happened.

    async def sent(self) -> dict[str, set[int]]:
        """Under which epochs each order was sent."""
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text("SELECT i.link_id, r.epoch FROM requests r JOIN intents i ON i.id = r.intent_id")
            )
            sent: dict[str, set[int]] = {}
            for row in found:
                sent.setdefault(row.link_id, set()).add(row.epoch)
            return sent

    async def process_of_epochs(self) -> dict[int, str]:
        async with self._engine.connect() as connection:
            names = {row.id: row.process for row in await connection.execute(text("SELECT id, process FROM worker"))}
        return {epoch: names[owner] for epoch, owner in self.owners.items()}

    def arrived(self) -> list[Arrived]:
        requests: dict[int, tuple[str, int]] = {}
        codes: dict[int, int | None] = {}
        after = 0
        while True:
            page = self._control(f"/sim/truth?after={after}&limit=1000")
            if not page["records"]:
                break
            after = page["next"]
            for record in page["records"]:
                if record["what"] == "request" and record["path"] == "/v5/order/create":
                    requests[record["seq"]] = (record["link_ids"][0], record["wall_ms"])
                elif record["what"] == "reply" and record["processed"]:
                    codes[record["to"]] = record["code"]
        return [Arrived(link, wall_ms, codes.get(seq)) for seq, (link, wall_ms) in requests.items()]

    def _control(self, path: str) -> Any:
        keys = json.loads(Path(self._ready["keys_file"]).read_text())
        request = urllib.request.Request(f"{self._ready['rest']}{path}", headers={"X-Sim-Key": keys["trading"]["key"]})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


async def _lift_limits(engine: AsyncEngine, owned: Home) -> None:
    """A person's limit of orders a minute would hold the traffic up."""
    async with engine.begin() as connection:
        await set_limits(
            connection,
            level="installation",
            workspace_id=owned.workspace_id,
            account_id=owned.account.id,
            values={"orders_per_minute": Decimal(100_000), "open_orders": Decimal(100_000)},
            removed=[],
            user_id=owned.user_id,
            ip=None,
            clock=SystemClock(),
            ids=SystemIds(),
        )


async def until(look: Callable[[], Any], what: Callable[[], str]) -> Any:
    """The first thing `look` finds that is not None or False."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < deadline, f"not within {_WITHIN_S:.0f} s: {what()}"
        await asyncio.sleep(0.05)
