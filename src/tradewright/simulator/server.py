"""The running exchange: begins with its parts connected, and takes them down again in the right order.

Lives here: `serve` and `RunningSimulator`. Not here: the parts and their wires (`parts`), the port (`listening`), where
accounts lie (`accounts.folders`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import structlog

from tradewright.simulator.accounts.folders import open_accounts
from tradewright.simulator.accounts.keys import KEYS_FILE
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.faults.desk import FaultDesk
from tradewright.simulator.faults.truth import TruthLog
from tradewright.simulator.faults.wall import SkewedWall
from tradewright.simulator.heartbeat import Heartbeat, open_market
from tradewright.simulator.listening import Addresses, addresses_of, listen, serve_http
from tradewright.simulator.market import Market
from tradewright.simulator.members import Member, Members
from tradewright.simulator.parts import Funds, NewId, Parts

log = structlog.get_logger()

WallClock = Callable[[], int]  # Unix milliseconds


class RunningSimulator:
    """A served exchange. `close` ends it and writes the market's state down; it is safe to call twice.

    `engine` and `keys` are of the first account; `add_account(funds)` opens another one. `desk` is where faults are
    armed, `truth` what really happened: for whoever runs the exchange in its own process.
    `broken` fails when the exchange cannot go on, for example when the disk is full.
    """

    def __init__(
        self,
        *,
        members: Members,
        add_account: Callable[[Funds], Member],
        addresses: Addresses,
        keys_file: Path | None,
        broken: asyncio.Future[None],
        desk: FaultDesk,
        truth: TruthLog,
        stop: contextlib.AsyncExitStack,
    ) -> None:
        self.members = members
        self.desk = desk
        self.truth = truth
        self.engine = members.first.engine
        self.keys = members.first.keys
        self.add_account = add_account
        self.addresses = addresses
        self.keys_file = keys_file
        self.broken = broken
        self._stop = stop

    async def close(self) -> None:
        await self._stop.aclose()


def wall_now_ms() -> int:
    return time.time_ns() // 1_000_000


def random_id() -> str:
    return str(uuid4())


async def serve(
    config: SimulatorConfig,
    *,
    wall_ms: WallClock = wall_now_ms,
    market: Market | None = None,
    new_id: NewId = random_id,
) -> RunningSimulator:
    """Start an exchange and return once it answers.

    `market` replaces the one the config asks for (tests script theirs); `new_id` makes the ids of orders and
    executions, which nobody else may have. Raises `AddressUnusable`, `OSError` (folder),
    `MarketError` (market, from, speed), `StateUnusable`: each text is one sentence for a person.
    """
    async with contextlib.AsyncExitStack() as stop:
        # First the port, so that a taken one is found before anything else is touched.
        listener = stop.enter_context(listen(config.host, config.port))
        opened = open_accounts(config, stop)
        truth = TruthLog(wall_ms, config.state)
        stop.callback(truth.close)
        wall = SkewedWall(wall_ms)
        if market is None:
            logs = [event_log for _, event_log in opened]
            bent = await open_market(config, logs, wall_ms=wall, stop=stop)
        else:
            bent = BentMarket(market)
        parts = Parts(config, bent, wall, truth, new_id, stop)
        stop.callback(parts.outbox.close)
        for keys, event_log in opened:
            parts.join(keys, event_log, config.funds)
        await serve_http(parts.application(), listener, stop)
        # The last thing to begin is the first to end, so no client is served by a market that stands still.
        heartbeat = Heartbeat(parts.venue, parts.public, config, wall_ms=wall, broken=parts.broken, watch=parts.watch)
        parts.motion.keep = heartbeat.keep
        stop.push_async_callback(heartbeat.stop)
        stop.push_async_callback(parts.say_goodbye)
        parts.begin_faults(stop)
        host, port = listener.getsockname()[:2]
        entries = sum(len(member.log.entries) for member in parts.members)
        log.info("exchange.started", host=host, port=port, entries=entries, market_ms=bent.now_ms)
        return RunningSimulator(
            members=parts.members,
            add_account=parts.add_account,
            addresses=addresses_of(str(host), int(port)),
            keys_file=None if config.state is None else config.state / KEYS_FILE,
            broken=parts.broken,
            desk=parts.desk,
            truth=truth,
            stop=stop.pop_all(),
        )
