"""What clients behind one address share: its silence over a restart, its budget; and whom a refused key is told to."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tradewright.core.errors import AccountStopped, ExchangeUnavailable, NotSent
from tradewright.core.errors import Trace as CallTrace
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.address import ADDRESS_CALLS, OWNER_SHARE, PAGE_SHARE, Address, Addresses
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.priority import Priority
from tradewright.exchange.bybit.proxy import parse_proxy
from tradewright.exchange.bybit.silence_file import SilenceFile
from tradewright.system import SystemClock
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import FakeBybit, envelope, http, refused
from unit.exchange.fakes import FakeClock, KeptLogs

BTC = InstrumentId("linear", "BTCUSDT")
CANCEL = "/v5/order/cancel"


async def test_a_silence_outlives_a_restart_and_other_processes_and_addresses_keep_their_own(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "home/silence.json"
    far = parse_proxy("http://user:secret@10.0.0.1:3128")
    first = Addresses(clock, keeper=SilenceFile(path))
    first.of(None).block()
    restarted, other = (Addresses(clock, keeper=SilenceFile(path)) for _ in range(2))
    assert restarted.of(None).silent_for_s() == pytest.approx(600.0)
    assert restarted.of(far).silent_for_s() == 0
    other.of(far).block()
    assert restarted.of(far).silent_for_s() == pytest.approx(600.0), "the file is looked at again"
    assert "secret" not in path.read_text()
    await clock.advance(599.0)
    assert restarted.of(None).silent_for_s() == pytest.approx(1.0)
    await clock.advance(1.5)
    assert restarted.of(None).silent_for_s() == 0


@pytest.mark.parametrize("content", ["", "[]", "{", '{"direct": "x"}', '{"direct": -5}', '{"direct": 9e99}', "\x00"])
def test_a_spoiled_file_is_no_silence_and_no_failure(tmp_path: Path, content: str) -> None:
    path = tmp_path / "silence.json"
    path.write_text(content)
    address = Addresses(FakeClock(), keeper=SilenceFile(path)).of(None)
    assert address.silent_for_s() == 0
    address.block()
    assert address.silent_for_s() > 599


def test_a_wall_clock_that_was_set_back_makes_no_endless_silence(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = SilenceFile(tmp_path / "silence.json")
    keeper.keep("direct", clock.now() + timedelta(hours=5))
    assert Addresses(clock, keeper=keeper).of(None).silent_for_s() == 0


def test_a_file_that_cannot_be_written_leaves_the_silence_in_memory(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder would be")
    address = Addresses(FakeClock(), keeper=SilenceFile(tmp_path / "taken/silence.json")).of(None)
    address.block()
    assert address.silent_for_s() == pytest.approx(600.0)


def test_the_shares_of_the_processes_of_one_machine_are_together_less_than_the_address_has() -> None:
    assert OWNER_SHARE + PAGE_SHARE < ADDRESS_CALLS
    address = Address(FakeClock())
    parts = [address.room_for(priority) for priority in Priority]
    assert parts == sorted(parts, reverse=True)
    assert len(set(parts)) == len(parts), "each class leaves room for those before it"
    assert parts[0] == OWNER_SHARE


async def test_a_refused_key_is_told_of_each_command_and_each_reading_that_says_so(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    told: list[CallTrace] = []
    clock = SystemClock()
    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=clock, log=logs.log, stopped=told.append)
    for path in (CANCEL, "/v5/order/realtime", "/v5/order/history"):
        bybit.script[path] = [refused(10003, "API key is invalid.")]
    with pytest.raises(ExchangeUnavailable):
        await orders.open_orders()
    [trace] = told
    assert (trace.ret_code, trace.ret_msg) == (10003, "API key is invalid.")
    told.clear()
    with pytest.raises(AccountStopped):
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("x"))
    [trace] = told
    assert (trace.ret_code, trace.ret_msg) == (10003, "API key is invalid.")
    bybit.script[CANCEL] = [refused(110001)]
    with pytest.raises(Exception, match="110001"):
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("x"))
    assert len(told) == 1
    await orders.close()


@pytest.mark.parametrize(
    ("status", "code", "stops"),
    [
        *((200, code, True) for code in (10003, 10007, 10008, 10009, 10010, 10024, 10027, 33004, -2015)),
        (401, 33004, True),  # so is an expired key told, too
        (401, None, False),  # without the exchange's own word somebody in between may have said it
        *((200, code, False) for code in (10005, 10004, 10028, 110123)),  # perhaps of this question alone
        *((200, code, False) for code in (10001, 10002, 10006, 10016, 99999)),
    ],
)
async def test_a_reading_stops_an_account_only_by_what_is_said_of_the_key_or_the_account_as_a_whole(
    status: int, code: int | None, stops: bool, bybit: FakeBybit, logs: KeptLogs
) -> None:
    told: list[CallTrace] = []
    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=logs.log, stopped=told.append)
    body = b"<html>" if code is None else json.dumps(envelope(code=code, text="no")).encode()
    answer = http(status, body)
    for path in ("/v5/order/realtime", "/v5/order/history"):
        bybit.script[path] = [answer, answer]
    with pytest.raises(ExchangeUnavailable):
        await orders.open_orders()
    assert [trace.ret_code for trace in told] == ([code] if stops else [])
    await orders.close()


async def test_while_the_address_is_silent_nothing_is_sent_and_the_budget_says_until_when(
    bybit: FakeBybit, logs: KeptLogs
) -> None:
    clock = SystemClock()
    address = Address(clock)
    orders = BybitOrderGateway(bybit.endpoints, KEY, clock=clock, log=logs.log, address=address)
    address.block()
    with pytest.raises(NotSent, match="403"):
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("x"))
    assert bybit.asked == []
    until = orders.budget().silent_until
    assert until is not None
    assert timedelta(seconds=590) < until - clock.now() <= timedelta(seconds=600)
    await orders.close()
