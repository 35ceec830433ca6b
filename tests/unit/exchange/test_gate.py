"""The gate between signature and socket: what is signed while it was open and goes when it is shut, does not go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from tradewright.core.errors import NotSent, OutcomeUnknown
from tradewright.core.ids import ExchangeOrderId
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.outage import FAILURES_MAX
from tradewright.exchange.bybit.signing import RECV_WINDOW_MS
from tradewright.exchange.ports import MayGo
from tradewright.system import SystemClock
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import FakeBybit, hang_up, ok
from unit.exchange.fakes import KeptLogs
from unit.exchange.test_orders import ACK, BTC, CREATE, ORDER

CANCEL = "/v5/order/cancel"


def _gateway(bybit: FakeBybit, logs: KeptLogs, gate: MayGo, reach: Callable[[str], None]) -> BybitOrderGateway:
    return BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=logs.log, gate=gate, reach=reach)


async def test_nothing_leaves_when_the_gate_shuts_after_the_signature(bybit: FakeBybit, logs: KeptLogs) -> None:
    is_open = True

    def shut_when_signed(point: str) -> None:
        nonlocal is_open
        is_open = point != "request.signed"

    orders = _gateway(bybit, logs, lambda: is_open, shut_when_signed)
    bybit.script[CREATE] = [ACK]
    with pytest.raises(NotSent, match="signed, and then"):
        await orders.place(ORDER)
    is_open = True
    bybit.script[CANCEL] = [ACK]
    with pytest.raises(NotSent, match="signed, and then"):
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("1"))
    assert bybit.times_asked(CREATE) == bybit.times_asked(CANCEL) == 0
    await orders.close()


async def test_a_shut_gate_holds_back_also_what_reduces(bybit: FakeBybit, logs: KeptLogs) -> None:
    orders = _gateway(bybit, logs, lambda: False, lambda _point: None)
    with pytest.raises(NotSent):
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("1"))
    with pytest.raises(NotSent):
        await orders.set_leverage(BTC, Decimal(5))
    assert await orders.server_time() is not None  # it may still read
    assert bybit.times_asked(CANCEL) == 0
    await orders.close()


async def test_a_signature_that_has_died_before_its_bytes_could_leave_does_not_go(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    """As after a process that stood still: the exchange could only refuse it, and it is known that nothing was sent."""
    clock = _Pushed()

    def stand_still(point: str) -> None:
        if point == "request.signed":
            clock.pushed_s += stands_s

    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=clock, log=logs.log, reach=stand_still)
    bybit.script[CREATE] = [ok({"orderId": "exchange-1", "orderLinkId": ORDER.link_id})]
    stands_s = RECV_WINDOW_MS / 1000
    with pytest.raises(NotSent, match="signed, and then"):
        await orders.place(ORDER)
    assert bybit.times_asked(CREATE) == 0
    stands_s = RECV_WINDOW_MS / 1000 - 2
    assert (await orders.place(ORDER)).exchange_order_id == "exchange-1"
    await orders.close()


class _Pushed(SystemClock):
    """The real clock, and what it is pushed on by."""

    pushed_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.pushed_s


async def test_between_the_gates_yes_and_the_socket_the_process_does_nothing_else(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    seen: list[str] = []

    def gate() -> bool:
        seen.append("gate")
        asyncio.get_running_loop().call_soon(seen.append, "somebody else's turn")
        return True

    orders = _gateway(bybit, logs, gate, seen.append)
    bybit.script[CREATE] = [ACK]
    for _connection in ("new", "kept alive"):
        seen.clear()
        await orders.place(ORDER)
        assert "request.signed" in seen
        last_gate = len(seen) - 1 - seen[::-1].index("gate")
        assert seen[last_gate + 1 : last_gate + 3] == ["request.passed", "request.handed"]
        assert seen.index("request.signed") < last_gate
    await orders.close()


async def test_what_was_handed_over_and_not_answered_is_unknown_even_if_the_gate_shuts(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    is_open = True

    def shut_when_handed(point: str) -> None:
        nonlocal is_open
        is_open = point != "request.handed"

    orders = _gateway(bybit, logs, lambda: is_open, shut_when_handed)
    bybit.script[CREATE] = [hang_up]
    with pytest.raises(OutcomeUnknown):
        await orders.place(ORDER)
    await orders.close()


async def test_what_was_held_back_says_nothing_of_whether_the_exchange_answers(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    orders = _gateway(bybit, logs, lambda: True, lambda _point: None)
    bybit.script[CREATE] = [ok({"orderId": "exchange-1", "orderLinkId": ORDER.link_id})]
    for _ in range(FAILURES_MAX + 1):
        with pytest.raises(NotSent, match="signed, and then"):
            await orders.place(ORDER, may_go=lambda: False)
    assert (await orders.place(ORDER)).exchange_order_id == "exchange-1"
    await orders.close()


async def test_after_a_request_was_held_back_the_next_one_goes_through(bybit: FakeBybit, logs: KeptLogs) -> None:
    is_open = True

    def shut_once(point: str) -> None:
        nonlocal is_open
        is_open = point != "request.signed"

    orders = _gateway(bybit, logs, lambda: is_open, lambda point: shut_once(point) if not seen else None)
    seen: list[int] = []
    bybit.script[CREATE] = [ok({"orderId": "exchange-1", "orderLinkId": ORDER.link_id})]
    with pytest.raises(NotSent):
        await orders.place(ORDER)
    seen.append(1)
    is_open = True
    assert (await orders.place(ORDER)).exchange_order_id == "exchange-1"
    assert bybit.times_asked(CREATE) == 1
    await orders.close()
