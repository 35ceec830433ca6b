"""The request budget against an exchange that counts as Bybit does, in virtual time: through the real client, no limit
is ever exceeded, what takes exposure away never waits behind reading, and failing calls become no storm."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog

from sim.counting_exchange import CountingExchange, Way
from sim.virtual_time import in_virtual_time
from tradewright.core.errors import ExchangeError, ExchangeUnavailable, NotSent, RateLimited
from tradewright.exchange.bybit.address import OWNER_SHARE, PAGE_SHARE, Address
from tradewright.exchange.bybit.priority import Priority
from tradewright.exchange.bybit.rest import RestClient
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.ports import ApiKey, Endpoints
from tradewright.lab.virtual_loop import VirtualClock, run_virtual

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"
ORDERS, EXECUTIONS, POSITIONS = "/v5/order/realtime", "/v5/execution/list", "/v5/position/list"
TICKERS = "/v5/market/tickers"
SAFE_READS = (ORDERS, EXECUTIONS, POSITIONS, "/v5/account/wallet-balance")
HOURS = 24


class World:
    """One exchange; clients of several accounts and processes behind one address."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.exchange = CountingExchange(self.clock.monotonic)
        self.clients: list[RestClient] = []

    def client(self, uid: str, address: Address, slow_s: float = 0.3) -> RestClient:
        endpoints = Endpoints("http://exchange", "", "")
        made = RestClient(
            lambda: endpoints,
            clock=self.clock,
            log=structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50)),  # says nothing
            signer=Signer(ApiKey("key", "secret")),
            address=address,
            rng=self.rng,
        )
        made._http = Way(self.exchange, uid, self.clock.sleep, self.rng, slow_s)
        self.clients.append(made)
        return made


async def failing(call: Awaitable[Any]) -> bool:
    try:
        await call
    except ExchangeError:
        return True
    return False


def test_no_limit_is_exceeded_in_a_day_of_drawn_traffic() -> None:
    async def day() -> CountingExchange:
        world = World()
        owner, page = Address(world.clock, share=OWNER_SHARE), Address(world.clock, share=PAGE_SHARE)
        accounts = [world.client(f"uid-{number}", owner, slow_s=0.9) for number in range(3)]
        market, chart = world.client("", owner), world.client("", page, slow_s=0.9)
        rng = world.rng

        async def burst(client: RestClient) -> None:
            kind = rng.choice(["places", "cancels", "reads", "storm"])
            calls: list[Awaitable[Any]] = []
            for _ in range(rng.randrange(5, 60)):
                if kind == "places" or (kind == "storm" and rng.random() < 0.2):
                    calls.append(client.command(CREATE, {"category": "linear"}))
                elif kind == "cancels" or (kind == "storm" and rng.random() < 0.2):
                    calls.append(client.command(CANCEL, {"category": "spot"}))
                else:
                    calls.append(client.read(rng.choice(SAFE_READS), (("category", "linear"),), signed=True))
            assert not any(await asyncio.gather(*map(failing, calls)))

        async def look(client: RestClient) -> None:
            await asyncio.gather(*(failing(client.read(TICKERS)) for _ in range(rng.choice([3, 40, 400]))))

        end_s = HOURS * 3600.0
        while world.clock.monotonic() < end_s:
            busy: list[Awaitable[None]] = [burst(client) for client in accounts if rng.random() < 0.7]
            busy += [look(client) for client in (market, chart) if rng.random() < 0.5]
            await asyncio.gather(*busy)
            await world.clock.sleep(rng.choice([0.05, 2.0, 30.0, 2_000.0, 3_000.0]))
        return world.exchange

    exchange = run_virtual(day())
    assert not exchange.breaches
    assert exchange.asked.total() > 10_000
    assert exchange.most[CREATE] >= 9
    assert exchange.most[CANCEL] == 10
    assert exchange.most["address"] > 300, "else the address's limit was not touched"


@pytest.mark.parametrize("kind", ["cancel", "close"])
def test_a_cancel_and_a_close_leave_within_a_fifth_of_a_second_while_everything_is_being_read(kind: str) -> None:
    async def saturate() -> float:
        world = World()
        address = Address(world.clock)
        account, other = world.client("uid", address, slow_s=0.01), world.client("other", address, slow_s=0.01)
        await account.read(ORDERS, signed=True)  # the exchange's clock is known
        reading = [asyncio.ensure_future(failing(other.read(TICKERS))) for _ in range(800)]
        for path in SAFE_READS:
            reading += [asyncio.ensure_future(failing(account.read(path, signed=True))) for _ in range(150)]
        if kind == "close":
            reading += [asyncio.ensure_future(failing(account.command(CREATE, {}))) for _ in range(60)]
        await world.clock.sleep(1.5)
        asked_s, path = world.clock.monotonic(), CANCEL if kind == "cancel" else CREATE
        priority = Priority.CANCEL if kind == "cancel" else Priority.REDUCE
        before = world.exchange.asked[path]
        await account.command(path, {}, priority=priority)
        arrived = [at for at, name in world.exchange.arrived if name == path and at >= asked_s]
        assert world.exchange.asked[path] > before
        assert any(not task.done() for task in reading), "else nothing was full"
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        return arrived[0] - asked_s

    assert run_virtual(saturate()) <= 0.2


@in_virtual_time
async def test_a_hundred_cancels_at_once_leave_at_the_limit_and_a_kills_go_before_them() -> None:
    world = World()
    account = world.client("uid", Address(world.clock), slow_s=0.0)
    done: list[str] = []

    async def cancel(name: str, priority: Priority) -> None:
        await account.command(CANCEL, {}, priority=priority)
        done.append(name)

    tasks = [asyncio.ensure_future(cancel("cancel", Priority.CANCEL)) for _ in range(40)]
    await world.clock.sleep(0.5)
    tasks += [asyncio.ensure_future(cancel("kill", Priority.KILL)) for _ in range(10)]
    await asyncio.gather(*tasks)
    assert done[10:20] == ["kill"] * 10
    assert not world.exchange.breaches
    assert world.clock.monotonic() < 6.0


@in_virtual_time
async def test_after_10006_nothing_of_the_path_is_sent_until_the_time_in_the_header() -> None:
    world = World()
    account = world.client("uid", Address(world.clock), slow_s=0.0)
    await account.command(CANCEL, {})
    world.exchange.closed_until_s[CANCEL] = world.clock.monotonic() + 3.0
    with pytest.raises(RateLimited):
        await account.command(CANCEL, {})
    world.exchange.breaches.clear()  # the one that told us
    await asyncio.gather(*(account.command(CANCEL, {}) for _ in range(20)))
    assert not world.exchange.breaches


@in_virtual_time
async def test_after_403_everybody_behind_the_address_is_silent_for_ten_minutes() -> None:
    world = World()
    address = Address(world.clock)
    one, two = world.client("one", address), world.client("two", address)
    await one.command(CANCEL, {})
    world.exchange.banned_until_s = world.clock.monotonic() + 590.0
    with pytest.raises(RateLimited):
        await one.command(CANCEL, {})
    world.exchange.during_ban = 0
    until_s = world.clock.monotonic() + 599.0
    refused = 0
    while world.clock.monotonic() < until_s:
        refused += await failing(one.command(CANCEL, {})) + await failing(two.read(ORDERS, signed=True))
        assert two.budget().silent_until is not None
        await world.clock.sleep(1.0)
    assert refused > 1_000
    assert world.exchange.during_ban == 0
    await world.clock.sleep(2.0)
    assert two.budget().silent_until is None
    await one.command(CANCEL, {})


async def _an_account_at_work(world: World, account: RestClient, seconds: float) -> None:
    """What a busy account asks for: an order and a cancel now and then, readings, and trying again as the session
    does: three times for a command, with growing pauses for a reading."""
    rng = world.rng
    end_s = world.clock.monotonic() + seconds

    async def again(call: Callable[[], Awaitable[Any]], tries: int, pause_s: float) -> None:
        for _ in range(tries):
            if not await failing(call()):
                return
            await world.clock.sleep(pause_s)

    async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while world.clock.monotonic() < end_s:
            await work()
            await world.clock.sleep(seconds * (0.5 + rng.random()))

    async def order() -> None:
        await again(lambda: account.command(CREATE, {}), 3, 0.25)
        await again(lambda: account.read(ORDERS, signed=True), 10, 2.0)  # an unknown outcome asks until it knows

    async def look() -> None:
        await asyncio.gather(*(again(lambda p=path: account.read(p, signed=True), 3, 0.5) for path in SAFE_READS))  # type: ignore[misc]

    async def quotes() -> None:
        await failing(account.read(TICKERS))

    await asyncio.gather(every(4.0, order), every(4.0, order), every(10.0, look), every(1.0, quotes))


@pytest.mark.parametrize("fails", ["500", "no answer", "no connection", "10006"])
def test_ten_minutes_in_which_everything_fails_are_no_more_than_twice_as_many_requests(fails: str) -> None:
    async def asked(what: str | None) -> int:
        world = World()
        account = world.client("uid", Address(world.clock), slow_s=0.05)
        await account.read(ORDERS, signed=True)
        world.exchange.fails = what
        before = world.exchange.asked.total()
        await _an_account_at_work(world, account, 600.0)
        return world.exchange.asked.total() - before

    normal = run_virtual(asked(None))
    assert normal > 1_000
    assert run_virtual(asked(fails)) <= 2 * normal


@in_virtual_time
async def test_an_exchange_that_comes_back_is_noticed_within_a_few_seconds_and_reducing_is_never_held_back() -> None:
    world = World()
    account = world.client("uid", Address(world.clock), slow_s=0.0)
    await account.read(ORDERS, signed=True)
    world.exchange.fails = "500"
    for _ in range(60):
        await failing(account.read(ORDERS, signed=True))
        await world.clock.sleep(0.1)
    asked = world.exchange.asked.total()
    await failing(account.read(ORDERS, signed=True))  # it may have been somebody's turn to try
    with pytest.raises(ExchangeUnavailable, match="did not answer"):
        await account.read(ORDERS, signed=True)
    with pytest.raises(NotSent, match="did not answer"):
        await account.command(CREATE, {})
    assert world.exchange.asked.total() <= asked + 1
    await failing(account.command(CANCEL, {}))
    assert world.exchange.asked[CANCEL] == 1, "a cancel always tries"
    world.exchange.fails = None
    back_s = world.clock.monotonic()
    while await failing(account.read(ORDERS, signed=True)):
        await world.clock.sleep(0.1)
    assert world.clock.monotonic() - back_s < 3.5
