"""What `tradewright worker` is made of: the single owner of all accounts, and a session for each."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground, open_ground, simulated_endpoints
from tradewright.app.markets import instrument_refresher
from tradewright.core.errors import ExchangeUnavailable, StartError
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.ports import ApiKey
from tradewright.installation import read_private
from tradewright.market.instruments import InstrumentLists
from tradewright.placement.single import SingleOwner
from tradewright.settings import Settings
from tradewright.trading.model import AccountRef
from tradewright.trading.provision import follow_sim_market
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession, SessionParts
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper

_LOOK_SECONDS = 0.05  # for the exchange, which starts beside this process


async def serve_worker(settings: Settings) -> None:
    """The worker: the one owner of all accounts, with a session for each."""

    log = structlog.get_logger()
    async with open_ground(settings, "worker") as ground, SingleOwner(ground.engine, ground.clock) as owner:
        lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
        refresher = instrument_refresher(ground, ExchangePlaces(settings))
        keeper = SessionKeeper(
            ground.engine,
            ground.bus,
            session_factory(ground, lists),
            lambda account: PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            clock=ground.clock,
            rng=ground.rng,
        )
        await _follow_market(ground)
        log.info("worker.ready")
        print(json.dumps({"worker": "ready"}), flush=True)  # noqa: T201  # for the supervisor, which waits for this line
        working = [asyncio.create_task(each.run()) for each in (lists, refresher, keeper)]
        lost = asyncio.create_task(owner.lost())
        try:
            await asyncio.wait([*working, lost], return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                os._exit(1)  # another worker may own the accounts by now: not one more line of this one may run
            for task in working:
                if task.done():
                    task.result()
        finally:
            for task in [*working, lost]:
                task.cancel()
            await asyncio.gather(*working, lost, return_exceptions=True)


def _sim_keys(settings: Settings) -> dict[str, Any]:
    """The running simulated exchange's keys and UID. Raises `StartError` while it has not said where they are."""
    ready = read_private(settings.exchange_ready_file, "the simulated exchange's address")
    return read_private(Path(ready["keys_file"]), "the simulated exchange's key file")


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


def session_factory(ground: Ground, lists: InstrumentLists) -> Callable[[AccountRef], AccountSession]:
    """How a session is built: from the account's connection, its own gateway, stream and journal."""

    settings = ground.settings
    endpoints = simulated_endpoints(settings)
    evidence = EvidenceRule(settling_margin=timedelta(seconds=float(settings.settling_margin_s)))

    def open_session(account: AccountRef) -> AccountSession:
        keys = _sim_keys(settings)
        if keys["uid"] != account.uid:
            raise ExchangeUnavailable(
                f"the simulated exchange that runs has the account {keys['uid']}, not {account.uid}; it rests until its"
                f" own market runs again"
            )
        key = ApiKey(keys["trading"]["key"], keys["trading"]["secret"])
        log = structlog.get_logger().bind(account_id=str(account.id))
        gateway = BybitOrderGateway(endpoints, key, clock=ground.clock, log=log)
        parts = SessionParts(
            account=account,
            gateway=gateway,
            stream=BybitPrivateStream(
                endpoints, key, server_time=gateway.server_time, clock=ground.clock, rng=ground.rng, log=log
            ),
            journal=PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            instrument_of=lists.of(account.environment).get,
            clock=ground.clock,
            ids=ground.ids,
            rng=ground.rng,
            evidence=evidence,
        )
        return AccountSession(parts)

    return open_session
