"""What `tradewright api` is made of: pages, REST, browser streams, and the market data behind them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from datetime import timedelta

import structlog
import uvicorn

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import installed_version, open_ground
from tradewright.app.kill_command import kill_desk
from tradewright.app.markets import follow_markets
from tradewright.app.notify import notify_keeper
from tradewright.app.quotas import quota_defaults, slots
from tradewright.app.reach import reach_of
from tradewright.app.service_vault import follow_service_keyring, service_source
from tradewright.backtests.model import Quota
from tradewright.core.errors import StartError
from tradewright.identity.passwords import Passwords
from tradewright.identity.sessions import SessionLimits
from tradewright.installation import read_private
from tradewright.market.history.store import DataStore
from tradewright.market.instruments import InstrumentLists
from tradewright.notify.sending import Sending
from tradewright.settings import Settings
from tradewright.vault.digests import read_digest_key
from tradewright.vault.sealing import read_sealing_key
from tradewright.vault.service import LiveServiceKeyring
from tradewright.web.application import create_application
from tradewright.web.errors import NotReady
from tradewright.web.parts import SimAccount, WebParts, WebSettings
from tradewright.web.server import listening_socket, server_config


class _Server(uvicorn.Server):
    """uvicorn without handlers for signals of its own: `app.process` has them, for every process alike."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_api(settings: Settings) -> None:
    """The API process: pages, REST, browser streams, and the market data behind them."""

    log, reach = structlog.get_logger(), reach_of(settings)
    async with open_ground(settings, "api") as ground:
        places = ExchangePlaces(settings)
        lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
        markets = follow_markets(ground, places, lists)

        async def sim_account() -> SimAccount:
            try:
                ready = read_private(settings.exchange_ready_file, "the simulated exchange's address")
                return SimAccount(uid=str(ready["uid"]), name=str(ready["name"]))
            except (StartError, KeyError) as error:
                log.warning("api.sim_account_unknown", error=str(error))
                raise NotReady("the simulated exchange has not said its account yet; try again shortly") from error

        keyring = LiveServiceKeyring(service_source(settings))
        sending = Sending(settings.outbound_allow)
        parts = WebParts(
            engine=ground.engine,
            bus=ground.bus,
            markets=markets,
            clock=ground.clock,
            ids=ground.ids,
            passwords=Passwords(),
            settings=WebSettings(
                version=installed_version(),
                port=settings.port,
                hosts=reach.names,
                proxies=reach.proxies,
                is_insecure=reach.way == "insecure",
                real_trading=settings.real_trading == "on",
            ),
            sim_account=sim_account,
            sealing_key=lambda: read_sealing_key(settings.vault_home),
            digest_key=lambda: read_digest_key(settings.vault_home),
            service_keyring=keyring,
            # Of its own, for people wait for it: what they type over and over holds no message up.
            sending=Sending(settings.outbound_allow, start_s=2.0, each_s=5.0),
            rest_address=lambda environment, region: places.endpoints(environment, region)().rest,
            kill=kill_desk(settings),
            candles=DataStore(settings.data_home, ground.clock),
            session_limits=SessionLimits(
                inactivity=timedelta(hours=settings.session_idle_hours), lifetime=timedelta(days=settings.session_days)
            ),
            quotas=quota_defaults(settings),
            run_slots=slots(settings),
            workspaces_of_user=settings.workspaces_of_user,
            backtest_quota=Quota(
                waiting_of_user=settings.backtests_waiting,
                waiting_of_workspace=4 * settings.backtests_waiting,
                cpu_s_a_day_of_user=settings.backtest_cpu_s_a_day,
                cpu_s_a_day_of_workspace=4 * settings.backtest_cpu_s_a_day,
            ),
        )
        server = _Server(server_config(create_application(parts), cert=settings.tls_cert, key=settings.tls_key))
        async with notify_keeper(ground, markets, keyring, sending) as notifying, asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(lists.run()),
                tasks.create_task(markets.run()),
                tasks.create_task(notifying.run()),
                tasks.create_task(follow_service_keyring(ground.bus, keyring)),
            ]
            try:
                await _serve_on_loopback(server, settings)
            finally:
                for task in running:
                    task.cancel()


async def _serve_on_loopback(server: uvicorn.Server, settings: Settings) -> None:
    """Listens on 127.0.0.1 and, where there is one, ::1: a browser may take either for `localhost`."""
    hosts = ["127.0.0.1", "::1"] if settings.host in ("127.0.0.1", "::1", "localhost") else [settings.host]
    sockets: list[socket.socket] = []
    for host in hosts:
        try:
            sockets.append(listening_socket(host, settings.port))
        except OSError as error:
            if host == "::1" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                continue  # a machine without IPv6
            # Also when only ::1 is taken: a browser that asks `localhost` there would reach somebody else.
            raise StartError(
                f"cannot listen on {host} port {settings.port}: {error.strerror}; set TRADEWRIGHT_PORT to a free port",
                exit_code=3,
            ) from error
    serving = asyncio.create_task(server.serve(sockets=sockets))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # Told to stop: let requests that are under way end, within `timeout_graceful_shutdown`.
        server.should_exit = True
        await serving
        raise
