"""The durable log: what a restart finds again, and what it does with a damaged file."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.log import LOG_FILE, EventLog, LogDamaged, LogInUse
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.errors import ApiError
from tradewright.simulator.matching.ledger import Outcome


def lived_in(folder: Path) -> Bench:
    """An account with a resting order, a filled one, a cancelled one and a position."""
    bench = Bench(folder)
    bench.place("Buy", "0.030", orderLinkId="filled")
    bench.place("Sell", "0.010")
    bench.place("Buy", "0.010", "59000.00", orderLinkId="resting")
    bench.cancel(bench.place("Buy", "0.010", "58000.00", orderLinkId="cancelled"))
    bench.set_leverage("20")
    return bench


def contents(account: Account) -> tuple[object, ...]:
    return account.orders, account.executions, account.positions, account.coins


def test_a_restart_finds_everything_as_it_was(tmp_path: Path) -> None:
    before = lived_in(tmp_path)
    before.log.close()
    after = Bench(tmp_path)
    after.engine.resume()
    assert contents(after.engine.account) == contents(before.engine.account)
    with pytest.raises(ApiError):
        after.accept("Buy", "0.010", "59000.00", orderLinkId="cancelled")
    after.trade("58000.00")
    resting = after.engine.account.find_order(link_id="resting")
    assert resting is not None
    assert resting.status is OrderStatus.FILLED


def test_an_acknowledged_order_happens_after_the_restart_exactly_once(tmp_path: Path) -> None:
    before = Bench(tmp_path)
    before.accept("Buy", "0.010", orderLinkId="acked")
    before.log.close()
    after = Bench(tmp_path)
    after.engine.resume()
    order = after.engine.account.find_order(link_id="acked")
    assert order is not None
    assert order.status is OrderStatus.FILLED
    after.log.close()
    again = Bench(tmp_path)
    again.engine.resume()
    assert contents(again.engine.account) == contents(after.engine.account)


@pytest.mark.parametrize("kept", ["nothing", "half", "all but the end of line"])
def test_a_torn_last_line_is_cut_off_and_the_log_goes_on(tmp_path: Path, kept: str) -> None:
    before = lived_in(tmp_path)
    before.log.close()
    whole = (tmp_path / LOG_FILE).read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    torn = {"nothing": b"", "half": last[: len(last) // 2], "all but the end of line": last[:-1]}[kept]
    (tmp_path / LOG_FILE).write_bytes(whole[: -len(last)] + torn)

    after = Bench(tmp_path)
    assert len(after.log.entries) == len(before.log.entries) - 1
    after.place("Buy", "0.010", orderLinkId="later")
    after.log.close()
    again = Bench(tmp_path)
    assert again.engine.account.find_order(link_id="later") is not None


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_crash_anywhere_in_a_cancel_is_finished_by_the_restart(tmp_path: Path, cut: int) -> None:
    before = Bench(tmp_path)
    before.cancel(before.accept("Buy", "0.010", "59000.00", orderLinkId="torn"))
    before.log.close()
    lines = (tmp_path / LOG_FILE).read_bytes().splitlines(keepends=True)
    assert len(lines) == 5  # funded, accepted, cancel accepted, opened, closed
    (tmp_path / LOG_FILE).write_bytes(b"".join(lines[:cut]))
    after = Bench(tmp_path)
    after.engine.resume()
    order = after.engine.account.find_order(link_id="torn")
    expected = {1: None, 2: OrderStatus.NEW}.get(cut, OrderStatus.CANCELLED)
    assert (order.status if order else None) == expected


def test_a_crash_between_the_fills_of_a_market_order_does_not_leave_it_waiting(tmp_path: Path) -> None:
    before = Bench(tmp_path)
    before.place("Buy", "1.500", orderLinkId="torn")
    before.log.close()
    lines = (tmp_path / LOG_FILE).read_bytes().splitlines(keepends=True)
    assert len(lines) == 4  # funded, accepted, two fills
    (tmp_path / LOG_FILE).write_bytes(b"".join(lines[:3]))
    after = Bench(tmp_path)
    after.engine.resume()
    order = after.engine.account.find_order(link_id="torn")
    assert order is not None
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, 1)


def test_a_line_damaged_in_the_middle_is_not_guessed_at(tmp_path: Path) -> None:
    lived_in(tmp_path).log.close()
    lines = (tmp_path / LOG_FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / LOG_FILE).write_bytes(b"".join([lines[0], b"{broken\n", *lines[2:]]))
    with pytest.raises(LogDamaged, match="line 2"):
        EventLog(tmp_path)
    (tmp_path / LOG_FILE).write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(LogDamaged, match="sequence 3, expected 2"):
        EventLog(tmp_path)


def test_two_exchanges_never_write_one_log(tmp_path: Path) -> None:
    first = EventLog(tmp_path)
    with pytest.raises(LogInUse):
        EventLog(tmp_path)
    first.close()
    EventLog(tmp_path).close()


def test_nobody_is_told_before_the_record_is_in_the_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    seen: list[bool] = []

    class Listener(list[Outcome]):
        def append(self, outcome: Outcome) -> None:
            written = (tmp_path / LOG_FILE).read_bytes().count(b"\n")
            seen.append(written == outcome.entries[-1].seq)

    bench.told.clear()
    bench.engine.floor.around = replace(bench.engine.floor.around, tell=Listener().append)
    bench.place("Buy", "0.010")
    bench.cancel(bench.place("Buy", "0.010", "59000.00"))
    assert len(seen) >= 5
    assert all(seen)


def test_a_full_disk_refuses_the_command_and_leaves_the_log_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = (tmp_path / LOG_FILE).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            bench.accept("Buy", "0.010", orderLinkId="unwritten")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / LOG_FILE).read_bytes() == before
    assert not bench.engine.account.orders
    bench.place("Buy", "0.010", orderLinkId="written")
    bench.log.close()
    assert Bench(tmp_path).engine.account.find_order(link_id="written") is not None
