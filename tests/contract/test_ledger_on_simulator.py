"""The ledger's reads against the simulated exchange over real sockets, and with rows of our own over a fake one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import structlog

from contract.test_gateway_on_simulator import BTC, PATIENCE_S, World, new_order, world
from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.errors import ExchangeUnavailable, Trace
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.core.transactions import Transaction
from tradewright.exchange.bybit import ledger_reads
from tradewright.exchange.bybit.pages import PAGES_MAX
from tradewright.exchange.bybit.rest import Params, Reply

__all__ = ["world"]
SPOT = InstrumentId("spot", "BTCUSDT")


async def filled(world: World, order: NewOrder) -> None:
    await world.orders.place(order)
    async with asyncio.timeout(PATIENCE_S):
        while sum(row.quantity for row in await world.orders.executions_of(order.instrument, order.link_id)) == 0:
            await asyncio.sleep(0.02)


async def test_the_log_tells_every_fill_once_for_each_coin_and_adds_up_to_the_wallet(world: World) -> None:
    since = await world.orders.server_time() - timedelta(minutes=1)
    for side, quantity in (("Buy", "0.05"), ("Sell", "0.02"), ("Sell", "0.03")):
        await filled(world, new_order(side, "Market", quantity))  # type: ignore[arg-type]
    executions = {row.exec_id: row for row in await world.orders.executions(since)}
    log = await world.orders.transaction_log(since)
    wallet = await world.orders.wallet()
    assert [row.at for row in log] == sorted(row.at for row in log)
    assert {row.exec_id for row in log if row.is_of_execution} == set(executions)
    for row in log:
        assert row.change == row.cash_flow + row.funding - row.fee
        if row.exec_id is not None:
            fill = executions[row.exec_id]
            assert (row.instrument, row.side, row.quantity, row.price) == (BTC, fill.side, fill.quantity, fill.price)
            assert (row.fee, row.coin, row.kind) == (fill.fee, fill.fee_coin, "TRADE")
    usdt = [row for row in log if row.coin == "USDT"]
    assert usdt[-1].balance == wallet.coins["USDT"].wallet_balance
    assert sum(row.change for row in usdt) == wallet.coins["USDT"].wallet_balance
    closed = await world.orders.closed_pnl(since)
    gross = [row.gross for row in closed]
    assert None not in gross
    assert sum(value for value in gross if value is not None) == sum(row.cash_flow for row in usdt if row.exec_id)


class Answers:
    """Plays the exchange's REST side: a log of so many rows a page, of which some pages fail."""

    def __init__(self, *, rows: Sequence[dict[str, Any]], page: int = 50, fails: int | None = None) -> None:
        self.rows, self.page, self.fails = list(rows), page, fails
        self.asked: list[dict[str, str]] = []
        self.server_clock = self
        self.at = from_milliseconds(1_700_000_000_000)

    async def now(self) -> datetime:
        return self.at

    async def read(self, _path: str, params: Params, *, signed: bool) -> Reply:
        assert signed
        query = dict(params)
        self.asked.append(query)
        if self.fails is not None and len(self.asked) > self.fails:
            raise ExchangeUnavailable("page lost", Trace())
        start, end = int(query["startTime"]), int(query["endTime"])
        found = [row for row in self.rows if start <= int(row["transactionTime"]) <= end]
        begin = int(query.get("cursor") or 0)
        more = begin + self.page < len(found)
        result = {"list": found[begin : begin + self.page], "nextPageCursor": str(begin + self.page) if more else ""}
        return Reply(msgspec.Raw(msgspec.json.encode(result)), Trace(), "")


def row(number: int, at_ms: int, **changes: Any) -> dict[str, Any]:
    plain = {"id": f"t{number}", "type": "TRANSFER_IN", "currency": "USDT", "transactionTime": str(at_ms)}
    return plain | {"change": "1", "cashBalance": str(number), "cashFlow": "1"} | changes


async def read(answers: Answers, since: datetime) -> Sequence[Transaction]:
    return await ledger_reads.transactions(answers, structlog.get_logger(), since)  # type: ignore[arg-type]


async def test_a_month_is_asked_in_weeks_and_each_row_on_a_seam_counts_once() -> None:
    now_ms = 1_700_000_000_000
    day_ms = 86_400_000
    rows = [row(n, now_ms - n * day_ms) for n in range(30)]  # some of them on the very seam of two weeks
    answers = Answers(rows=rows)
    found = await read(answers, answers.at - timedelta(days=28))
    assert [each.exchange_id for each in found] == [f"t{n}" for n in range(28, -1, -1)]
    spans = [int(query["endTime"]) - int(query["startTime"]) for query in answers.asked]
    assert max(spans) == 7 * day_ms
    assert int(answers.asked[-1]["endTime"]) > milliseconds(answers.at)


async def test_a_page_that_is_lost_loses_all_and_one_row_that_cannot_be_read_does_too() -> None:
    rows = [row(n, 1_700_000_000_000 - n) for n in range(150)]
    since = from_milliseconds(1_700_000_000_000) - timedelta(days=1)
    assert len(await read(Answers(rows=rows), since)) == 150
    with pytest.raises(ExchangeUnavailable):
        await read(Answers(rows=rows, fails=2), since)
    with pytest.raises(ExchangeUnavailable):
        await read(Answers(rows=[*rows, row(200, 1_699_999_999_000, change="much")]), since)


async def test_more_rows_than_can_be_read_at_once_are_read_in_halves_of_the_time() -> None:
    rows = [row(n, 1_700_000_000_000 - n * 1_000) for n in range(PAGES_MAX + 40)]
    found = await read(Answers(rows=rows, page=1), from_milliseconds(1_700_000_000_000) - timedelta(hours=1))
    assert len(found) == len(rows)
    assert sum(each.change for each in found) == Decimal(len(rows))
