"""Request budgets: a burst is spread over the seconds it needs, in order, and stops where the exchange says so."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tradewright.core.errors import NotSent, RateLimited
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.limits import BudgetSpent, RequestBudgets
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.priority import Priority
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import SERVER_MS, FakeBybit, ok, refused
from unit.exchange.fakes import FakeClock, KeptLogs

CANCEL = "/v5/order/cancel"
LEVERAGE = "/v5/position/set-leverage"
BTC = InstrumentId("linear", "BTCUSDT")


async def settle() -> None:
    for _ in range(400):
        await asyncio.sleep(0)


async def test_fifty_cancels_at_once_take_the_limit_of_each_second_and_no_more() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    sent: list[tuple[float, int]] = []

    async def cancel(number: int) -> None:
        turn = await budgets.take(CANCEL)
        sent.append((clock.monotonic() - 1_000.0, number))
        budgets.answered(turn)

    tasks = [asyncio.create_task(cancel(number)) for number in range(50)]
    for _ in range(60):
        await settle()
        await clock.advance(0.1)
    await asyncio.gather(*tasks)
    assert [number for _at, number in sent] == list(range(50)), "in the order of asking"
    times = [at for at, _number in sent]
    assert all(later - earlier > 1.0 for earlier, later in zip(times, times[10:], strict=False))
    assert times[-1] < 5.0


async def test_calls_that_bunch_up_on_their_way_are_no_more_than_were_allowed_when_they_arrive() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    arrived: list[float] = []

    async def cancel(number: int) -> None:
        turn = await budgets.take(CANCEL)
        await clock.sleep(0.9 if number < 10 else 0.05)  # the first ones have to connect
        arrived.append(clock.monotonic())
        await clock.sleep(0.02)
        budgets.answered(turn)

    tasks = [asyncio.create_task(cancel(number)) for number in range(30)]
    for _ in range(200):
        await settle()
        await clock.advance(0.025)
    await asyncio.gather(*tasks)
    arrived.sort()
    assert all(later - earlier > 1.0 for earlier, later in zip(arrived, arrived[10:], strict=False))


async def test_calls_that_are_never_answered_do_not_close_the_path() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    for _ in range(10):
        await budgets.take(CANCEL)
    waiting = asyncio.create_task(budgets.take(CANCEL))
    await settle()
    await clock.advance(2.5)
    await settle()
    assert not waiting.done()
    await clock.advance(0.7)
    await waiting


async def test_budgets_of_other_paths_are_their_own_and_unknown_paths_have_that_of_their_address_only() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    for _ in range(10):
        await budgets.take(CANCEL, Priority.CANCEL)
    await budgets.take("/v5/order/create", Priority.PLACE)
    for _ in range(budgets.address.room_for(Priority.READ) - 11):
        await budgets.take("/v5/market/tickers")
    waiting = asyncio.create_task(budgets.take("/v5/market/tickers"))
    await settle()
    assert not waiting.done()
    await budgets.take("/v5/order/cancel-all", Priority.CANCEL)  # what is left free is for it
    waiting.cancel()


async def test_what_the_exchange_says_of_its_limit_holds_and_the_least_of_the_categories() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    budgets.learn(CANCEL, "spot", 20)
    for _ in range(20):
        budgets.answered(await budgets.take(CANCEL))
    await clock.advance(2)
    budgets.learn(CANCEL, "linear", 3)
    for _ in range(3):
        budgets.answered(await budgets.take(CANCEL))
    waiting = asyncio.create_task(budgets.take(CANCEL))
    await settle()
    assert not waiting.done()
    await clock.advance(1.1)
    await waiting


async def test_too_many_that_wait_are_told_at_once_and_a_caller_that_gives_up_leaves_its_place() -> None:
    clock = FakeClock()
    budgets = RequestBudgets(clock)
    path = "/v5/account/fee-rate"

    async def call() -> None:
        budgets.answered(await budgets.take(path))

    tasks = [asyncio.create_task(call()) for _ in range(105)]
    await settle()
    with pytest.raises(BudgetSpent, match=r"100 calls .* limit of 5 a second"):
        await budgets.take(path)
    for task in tasks[5:104]:
        task.cancel()
    await settle()
    await clock.advance(1.1)
    await tasks[104]


async def test_after_a_refusal_for_the_limit_the_next_call_waits_until_the_time_that_was_said(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    clock = FakeClock()
    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=clock, log=logs.log)
    resets = {"X-Bapi-Limit-Reset-Timestamp": str(SERVER_MS + 1_500)}
    bybit.script[CANCEL] = [refused(10006, "Too many visits!", **resets), ok({"orderId": "x"})]
    name = ExchangeOrderId("x")
    with pytest.raises(RateLimited):
        await orders.cancel(BTC, link_id=None, exchange_order_id=name)
    waiting = asyncio.create_task(orders.cancel(BTC, link_id=None, exchange_order_id=name))
    await settle()
    assert bybit.times_asked(CANCEL) == 1
    await clock.advance(1.6)
    await waiting
    assert bybit.times_asked(CANCEL) == 2
    await orders.close()


async def test_what_may_not_go_any_more_once_its_turn_has_come_is_not_sent(bybit: FakeBybit, logs: KeptLogs) -> None:
    clock = FakeClock()
    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=clock, log=logs.log)
    bybit.script[LEVERAGE] = [ok({})]
    for _ in range(10):
        await orders.set_leverage(BTC, Decimal(5))
    until_s = clock.monotonic() + 0.5
    waiting = asyncio.create_task(orders.set_leverage(BTC, Decimal(9), may_go=lambda: clock.monotonic() < until_s))
    await settle()
    assert not waiting.done()
    await clock.advance(1.1)
    with pytest.raises(NotSent, match="waited for its turn"):
        await waiting
    assert bybit.times_asked(LEVERAGE) == 10
    await orders.close()
