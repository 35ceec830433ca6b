"""The running exchange: builds the parts of one, connects them, and takes them down again.

Lives here: `serve`, `RunningSimulator`, the market's heartbeat and its saved state. Not here: what any part does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import msgspec
import structlog
from aiohttp import web

from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.control import ControlEndpoints
from tradewright.simulator.engine import Engine, Outcome, Surroundings
from tradewright.simulator.events import Funded, LeverageSet
from tradewright.simulator.faults import Faults
from tradewright.simulator.http_server import BODY_BYTES_MAX, RestServer
from tradewright.simulator.keys import KEYS_FILE, KeyRing, load_or_make_keys, make_keys
from tradewright.simulator.log import EventLog
from tradewright.simulator.market import Market, build_market, parse_time
from tradewright.simulator.outbox import Outbox
from tradewright.simulator.rest import RateLimits
from tradewright.simulator.rest_account import AccountEndpoints
from tradewright.simulator.rest_market import MarketEndpoints
from tradewright.simulator.rest_trade import TradeEndpoints
from tradewright.simulator.telling import messages_of
from tradewright.simulator.visibility import Visibility
from tradewright.simulator.ws_private import PrivateStream
from tradewright.simulator.ws_public import PublicStream
from tradewright.simulator.ws_trade import TradeStream

log = structlog.get_logger()

MARKET_FILE = "market.json"
SHUTDOWN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the exchange listens; the public address still needs its category, `/linear`."""

    rest: str
    ws_public: str
    ws_private: str
    ws_trade: str


class RunningSimulator:
    """A served exchange. `close` ends it and writes the market's state down; it is safe to call twice."""

    def __init__(
        self,
        *,
        engine: Engine,
        keys: KeyRing,
        addresses: Addresses,
        keys_file: Path | None,
        broken: asyncio.Future[None],
        stop: contextlib.AsyncExitStack,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.addresses = addresses
        self.keys_file = keys_file
        self.broken = broken  # fails when the exchange cannot go on, for example when the disk is full
        self._stop = stop

    async def close(self) -> None:
        await self._stop.aclose()


def wall_now_ms() -> int:
    return time.time_ns() // 1_000_000


async def serve(
    config: SimulatorConfig, *, wall_ms: Callable[[], int] = wall_now_ms, market: Market | None = None
) -> RunningSimulator:
    """Start an exchange and return once it answers.

    `market` replaces the one the config asks for (tests script theirs). Raises `OSError` (port or folder),
    `MarketError` (market, from, speed), `LogUnusable`: each text is one sentence for a person.
    """
    async with contextlib.AsyncExitStack() as stop:
        running = await _build(config, stop, wall_ms=wall_ms, given_market=market)
        running._stop = stop.pop_all()
        return running


async def _build(
    config: SimulatorConfig, stop: contextlib.AsyncExitStack, *, wall_ms: Callable[[], int], given_market: Market | None
) -> RunningSimulator:
    listener = stop.enter_context(_listen(config.host, config.port))
    if config.state is None:
        keys = make_keys(key=config.key, secret=config.secret)
    else:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = load_or_make_keys(config.state, key=config.key, secret=config.secret)
    event_log = EventLog(config.state)
    stop.callback(event_log.close)
    market = given_market if given_market is not None else _market(config, wall_ms(), event_log)

    visibility, faults = Visibility(), Faults()
    private = PrivateStream(keys, wall_ms)
    outbox = Outbox(private.deliver)
    stop.callback(outbox.close)
    loop = asyncio.get_running_loop()

    broken: asyncio.Future[None] = loop.create_future()

    def later(delay_ms: int, call: Callable[[], None]) -> None:
        loop.call_later(delay_ms / 1000, _guarded, call, broken)

    def tell(outcome: Outcome) -> None:
        """Each order's messages wait for its own moment: the usual delay, or until it may be seen."""
        messages = messages_of(outcome, engine, account.wallet)
        order_id = _order_of(outcome)
        hidden_ms = visibility.hidden_ms(order_id, now_ms=wall_ms())
        outbox.send(messages, order_id=order_id, delay_s=max(outcome.delay_ms, hidden_ms) / 1000)

    engine = Engine(
        market=market,
        log=event_log,
        around=Surroundings(wall_ms=wall_ms, new_id=lambda: str(uuid4()), later=later, tell=tell),
        order_delay_ms=config.order_delay_ms,
        partial_fills=config.partial_fills,
    )
    account = AccountEndpoints(engine, keys, started_ms=wall_ms())
    if event_log.entries:
        engine.resume()
    else:
        engine.fund(config.funds)

    public = PublicStream(market, engine.specs)
    limits, trading = RateLimits(), TradeEndpoints(engine, visibility).all()
    trade = TradeStream(trading, keys=keys, limits=limits, wall_ms=wall_ms)
    rest = RestServer(
        [*MarketEndpoints(engine).all(), *trading, *account.all()],
        keys=keys,
        faults=faults,
        visibility=visibility,
        limits=limits,
        wall_ms=wall_ms,
    )
    application = web.Application(client_max_size=BODY_BYTES_MAX)
    ControlEndpoints(market=market, event_log=event_log, faults=faults, keys=keys, wall_ms=wall_ms).add_to(application)
    application.router.add_get("/v5/public/linear", public.serve)
    application.router.add_get("/v5/private", private.serve)
    application.router.add_get("/v5/trade", trade.serve)
    application.router.add_route("*", "/{path:.*}", rest.serve)
    await _listen_http(application, listener, stop)
    # The last thing to begin is the first to end, so no client is served by a market that stands still.
    heartbeat = asyncio.create_task(_heartbeat(engine, public, config, wall_ms), name="market-heartbeat")
    heartbeat.add_done_callback(lambda ended: _report(ended, broken))
    stop.push_async_callback(_end_heartbeat, heartbeat, market, config.state)
    stop.push_async_callback(_goodbye, public, private, trade)

    host, port = listener.getsockname()[:2]
    log.info("exchange.started", host=host, port=port, entries=len(event_log.entries), market_ms=market.now_ms)
    return RunningSimulator(
        engine=engine,
        keys=keys,
        addresses=_addresses(str(host), int(port)),
        keys_file=None if config.state is None else config.state / KEYS_FILE,
        broken=broken,
        stop=stop,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a taken port is found before anything else is touched."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


async def _listen_http(application: web.Application, listener: socket.socket, stop: contextlib.AsyncExitStack) -> None:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True)
    await runner.setup()
    stop.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


def _addresses(host: str, port: int) -> Addresses:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Addresses(
        rest=f"http://{place}",
        ws_public=f"ws://{place}/v5/public",
        ws_private=f"ws://{place}/v5/private",
        ws_trade=f"ws://{place}/v5/trade",
    )


def _order_of(outcome: Outcome) -> str:
    """The order a batch is about; "" for batches about none. Batches of several are about orders that end together."""
    event = outcome.entries[0].event
    return "" if isinstance(event, Funded | LeverageSet) else event.order_id


def _guarded(call: Callable[[], None], broken: asyncio.Future[None]) -> None:
    """What fails in a timer has no caller to tell: the whole exchange is broken then."""
    try:
        call()
    except Exception as error:
        log.exception("exchange.broken")
        if not broken.done():
            broken.set_exception(error)


def _report(heartbeat: asyncio.Task[None], broken: asyncio.Future[None]) -> None:
    if not heartbeat.cancelled() and not broken.done():
        error = heartbeat.exception()
        assert error is not None, "the heartbeat only ends by failing or by being cancelled"
        broken.set_exception(error)


async def _goodbye(*streams: PublicStream | PrivateStream | TradeStream) -> None:
    await asyncio.gather(*(stream.close() for stream in streams))


def _market(config: SimulatorConfig, now_ms: int, event_log: EventLog) -> Market:
    """The market asked for, going on from its saved state if there is one.

    A crash loses up to a second of that state, but never what orders have met: the log knows how far it had come.
    """
    market = build_market(
        config.market,
        seed=config.seed,
        speed=config.speed,
        from_ms=None if config.market_from is None else parse_time(config.market_from),
        wall_now_ms=now_ms,
    )
    if config.state is not None and (config.state / MARKET_FILE).exists():
        market.restore(msgspec.json.decode((config.state / MARKET_FILE).read_bytes()))
        if event_log.entries:
            market.advance(event_log.entries[-1].event.at.market_ms)
    return market


async def _heartbeat(engine: Engine, public: PublicStream, config: SimulatorConfig, wall_ms: Callable[[], int]) -> None:
    """Move the market with the wall clock, for ever; write its state down now and then."""
    saved_ms = wall_ms()
    while True:
        await asyncio.sleep(config.tick_ms / 1000)
        now_ms = wall_ms()
        happened = engine.tick(engine.market.clock.market_ms(now_ms))
        public.market_moved(happened, now_ms=now_ms)
        if config.state is not None and now_ms - saved_ms >= config.save_market_ms:
            saved_ms = now_ms
            await asyncio.to_thread(_save_market, engine.market.state(), config.state)


async def _end_heartbeat(heartbeat: asyncio.Task[None], market: Market, folder: Path | None) -> None:
    heartbeat.cancel()
    await asyncio.wait({heartbeat})
    if folder is not None:
        _save_market(market.state(), folder)


def _save_market(state: dict[str, object], folder: Path) -> None:
    """Beside and rename: a crash leaves the old state or the new one. Losing a second of it is harmless, so no
    fsync.
    """
    fresh = folder / f"{MARKET_FILE}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(state))
    fresh.replace(folder / MARKET_FILE)
