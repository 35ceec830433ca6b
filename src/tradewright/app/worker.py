"""What `tradewright worker` is made of: the single owner of all accounts, a session for each with the runs of its bots,
who admits runs, and the check of keys."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.app.crash import crash_reach, require_no_money
from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground, direct_database_url, installed_version, open_ground
from tradewright.app.key_checks import change_checker, key_checker, top_ups
from tradewright.app.kill import kill_care
from tradewright.app.markets import instrument_refresher
from tradewright.app.quotas import slots
from tradewright.app.risk import WorkerRisk
from tradewright.app.sessions import session_factory
from tradewright.app.vault import follow_keyring, worker_keyring
from tradewright.bots.admission import Sweeper
from tradewright.core.errors import StartError
from tradewright.installation import read_private
from tradewright.market.instruments import InstrumentLists
from tradewright.placement.gate import Timing
from tradewright.placement.rows import Former, Registered
from tradewright.placement.single import SingleOwner
from tradewright.process.beats import BEAT_FD, Beats
from tradewright.process.identity import ProcessIdentity, has_ended, this_process
from tradewright.settings import Settings
from tradewright.storage.engine import create_engine
from tradewright.system import SystemIds
from tradewright.trading.kill.control import ControlServer
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.provision import follow_sim_market
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper

_LOOK_SECONDS = 0.05  # for the exchange, which starts beside this process


async def serve_worker(settings: Settings) -> None:
    """The worker: the one owner of all accounts, with a session for each. It beats from its first step to its last."""
    beating = asyncio.create_task(Beats(os.environ.get(BEAT_FD)).run())
    try:
        await _own_accounts(settings)
    finally:
        beating.cancel()


async def _own_accounts(settings: Settings) -> None:
    log = structlog.get_logger()
    reach, worker = crash_reach(os.environ), _this_worker()
    timing = Timing(gate_s=settings.gate_s, lease_s=settings.lease_s)
    async with (
        open_ground(settings, worker.application) as ground,
        _lock_engine(settings, worker) as lock_engine,
        SingleOwner(lock_engine, ground.clock, worker, timing=timing, has_ended=_has_ended) as owner,
        _running(owner.keep()) as owning,
        kill_care(ground, may_act=lambda: owner.lets_reduce, give_up=owner.give_up, reach=reach) as care,
        ControlServer(settings.control_socket, care.answer).listening(),
    ):
        await require_no_money(ground.engine, reach, settings)
        lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
        places, keyring = ExchangePlaces(settings, owns_accounts=True), await worker_keyring(ground)
        refresher = instrument_refresher(ground, places)
        risk = WorkerRisk(ground, places, lists)
        sweeper = Sweeper(ground.engine, ground.bus, slots(settings), clock=ground.clock)
        keys = [make(ground, places, keyring) for make in (key_checker, change_checker, top_ups)]
        keeper = SessionKeeper(
            ground.engine,
            ground.bus,
            session_factory(ground, lists, places, keyring, care, ownership=owner, reach=reach, risk=risk),
            lambda account: PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            clock=ground.clock,
            rng=ground.rng,
            placement=owner,
        )
        await _follow_market(ground)
        log.info("worker.ready")
        print(json.dumps({"worker": "ready"}), flush=True)  # noqa: T201  # for the supervisor, which waits for this line
        working = [asyncio.create_task(each.run()) for each in (lists, refresher, *keys, risk, care, keeper, sweeper)]
        working += [owning, asyncio.create_task(follow_keyring(ground, keyring))]
        try:
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in working:
                if task.done():
                    _result_or_exit(task)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _result_or_exit(task: asyncio.Task[None]) -> None:
    """A worker that is told that another owns the accounts ends here and now: not one more line of it may run."""
    error = None if task.cancelled() else task.exception()
    if error is not None and _is_dispossession(error):
        structlog.get_logger().error("worker.dispossessed", error=str(error))
        os._exit(1)
    task.result()


def _is_dispossession(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_dispossession, error.exceptions))
    return isinstance(error, Dispossessed)


def _this_worker() -> Registered:
    process = this_process()
    return Registered(id=SystemIds().new(), host=process.host, process=process.process, version=installed_version())


def _has_ended(former: Former) -> bool:
    return has_ended(ProcessIdentity(former.host, former.process))


@contextlib.asynccontextmanager
async def _lock_engine(settings: Settings, worker: Registered) -> AsyncIterator[AsyncEngine]:
    """Past a pooler: the lock belongs to one connection."""
    engine = create_engine(direct_database_url(settings), pool_size=1, application=f"tradewright-{worker.application}")
    try:
        yield engine
    finally:
        await engine.dispose()


async def _follow_market(ground: Ground) -> None:
    """Once the simulated exchange runs, its market's account is the one to look after."""
    while True:
        try:
            ready = read_private(ground.settings.exchange_ready_file, "the simulated exchange's address")
        except StartError:
            await ground.clock.sleep(_LOOK_SECONDS)
            continue
        async with ground.engine.begin() as connection:
            await follow_sim_market(
                connection, uid=ready["uid"], name=ready["name"], now=ground.clock.now(), ids=ground.ids
            )
        return
