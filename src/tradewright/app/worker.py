"""What `tradewright worker` is made of: the single owner of all accounts, a session for each, and the check of keys."""

from __future__ import annotations

import asyncio
import json
import os

import structlog

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground, open_ground
from tradewright.app.kill import kill_care
from tradewright.app.markets import instrument_refresher
from tradewright.app.sessions import key_checker, session_factory
from tradewright.connections.store import has_boxes
from tradewright.core.errors import StartError
from tradewright.installation import read_private
from tradewright.market.instruments import InstrumentLists
from tradewright.placement.single import SingleOwner
from tradewright.settings import Settings
from tradewright.trading.kill.control import ControlServer
from tradewright.trading.provision import follow_sim_market
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper
from tradewright.vault.opening import MissingKeyring, Opener, has_keyring, open_keyring

_LOOK_SECONDS = 0.05  # for the exchange, which starts beside this process


async def serve_worker(settings: Settings) -> None:
    """The worker: the one owner of all accounts, with a session for each."""

    log = structlog.get_logger()
    async with (
        open_ground(settings, "worker") as ground,
        SingleOwner(ground.engine, ground.clock) as owner,
        kill_care(ground) as care,
        ControlServer(settings.control_socket, care.answer).listening(),
    ):
        lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
        places, keyring = ExchangePlaces(settings, owns_accounts=True), await _keyring(ground)
        refresher = instrument_refresher(ground, places)
        checker = key_checker(ground, places, keyring)
        keeper = SessionKeeper(
            ground.engine,
            ground.bus,
            session_factory(ground, lists, places, keyring, care),
            lambda account: PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            clock=ground.clock,
            rng=ground.rng,
        )
        await _follow_market(ground)
        log.info("worker.ready")
        print(json.dumps({"worker": "ready"}), flush=True)  # noqa: T201  # for the supervisor, which waits for this line
        working = [asyncio.create_task(each.run()) for each in (lists, refresher, checker, care, keeper)]
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


async def _keyring(ground: Ground) -> Opener:
    """The keyring of HOME; made where no key is stored yet. A new one beside stored keys would open none of them, and
    what is added meanwhile would be lost when the old one comes back."""
    folder = ground.settings.vault_home
    if has_keyring(folder) or not await has_boxes(ground.engine):
        return open_keyring(folder)
    structlog.get_logger().error(
        "worker.keyring_missing",
        sentence=f"exchange keys are stored, but {folder} has no keyring that opens them, so their accounts are not"
        " looked after: restore HOME/vault from a backup or start with the right HOME, then check the keys again; to"
        " begin anew, remove every connection, start again and add the keys again",
    )
    return MissingKeyring(folder)


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
