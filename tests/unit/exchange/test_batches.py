"""Cancels in batches: who goes alone and who along, and that each has an outcome of its own, whatever comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tradewright.core.clock import from_milliseconds
from tradewright.core.errors import (
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.core.ids import ExchangeOrderId
from tradewright.exchange.bybit.batches import ALONE_MAX, ITEMS_MAX, CancelBatches, outcomes_of
from tradewright.exchange.bybit.order_bodies import Body
from tradewright.exchange.bybit.rest import Reply
from tradewright.exchange.ports import Acknowledged

SIGNED = from_milliseconds(1_700_000_000_000)
TRACE = Trace(signed_at=SIGNED, http_status=200, ret_code=0, ret_msg="OK", trace_id="t")


def body(number: int) -> Body:
    return {"category": "linear", "symbol": "BTCUSDT", "orderId": f"x-{number}"}


def reply(rows: Any, said: Any) -> Reply:
    return Reply(
        msgspec.Raw(msgspec.json.encode(rows)), TRACE, "", details=msgspec.Raw(msgspec.json.encode(said))
    )  # fmt: skip


def taken(items: Sequence[Body]) -> Reply:
    return reply(
        {"list": [{"orderId": item["orderId"], "orderLinkId": "", "category": "linear"} for item in items]},
        {"list": [{"code": 0, "msg": "OK"} for _ in items]},
    )


class Exchange:
    """Holds what is sent until it is let go."""

    def __init__(self) -> None:
        self.alone: list[Any] = []
        self.along: list[list[Any]] = []
        self.go_on = asyncio.Event()
        self.answer: Any = taken
        self.never_answered = 0  # the number of the batch that is

    async def send_alone(self, asked: Body) -> Acknowledged:
        self.alone.append(asked["orderId"])
        await self.go_on.wait()
        return Acknowledged(ExchangeOrderId(str(asked["orderId"])), TRACE)

    async def send_along(self, asked: Body, units: int) -> Reply:
        items: Any = asked["request"]
        assert (asked["category"], units) == ("linear", len(items))
        assert all("category" not in item for item in items)
        self.along.append([item["orderId"] for item in items])
        await self.go_on.wait()
        if len(self.along) == self.never_answered:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        found: Reply = self.answer(items)
        return found


async def burst(exchange: Exchange, count: int) -> list[asyncio.Task[Acknowledged]]:
    batches = CancelBatches(exchange.send_alone, exchange.send_along)
    tasks = [asyncio.create_task(batches.cancel("linear", body(number))) for number in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_few_cancels_go_one_by_one() -> None:
    exchange = Exchange()
    tasks = await burst(exchange, ALONE_MAX)
    exchange.go_on.set()
    assert [(await task).exchange_order_id for task in tasks] == [f"x-{number}" for number in range(ALONE_MAX)]
    assert exchange.along == []


async def test_a_burst_goes_both_ways_and_every_order_once() -> None:
    exchange = Exchange()
    tasks = await burst(exchange, 45)
    assert (len(exchange.alone), exchange.along) == (ALONE_MAX, [["x-10"]]), "the first that goes along waits for none"
    exchange.go_on.set()
    assert [(await task).exchange_order_id for task in tasks] == [f"x-{number}" for number in range(45)]
    assert [len(items) for items in exchange.along] == [1, ITEMS_MAX, ITEMS_MAX, ITEMS_MAX, 4]
    sent = exchange.alone + [name for items in exchange.along for name in items]
    assert sorted(sent) == sorted(f"x-{number}" for number in range(45))


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknown("no answer", TRACE), NotSent("no connection"), Refused("no", TRACE), ClockRejected("t", TRACE)],
)
async def test_what_becomes_of_the_whole_request_becomes_of_each(error: ExchangeError) -> None:
    exchange = Exchange()
    exchange.answer = error
    tasks = await burst(exchange, ALONE_MAX + 6)
    exchange.go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Acknowledged) for one in outcomes[:ALONE_MAX])
    assert [type(one) for one in outcomes[ALONE_MAX:]] == [type(error)] * 6


async def test_each_item_of_a_batch_ends_by_its_own_word() -> None:
    items = [body(number) for number in range(6)]
    rows = [{"orderId": "x-0"}, *({"orderId": ""} for _ in range(5))]
    said = [
        {"code": 0, "msg": "OK"},
        {"code": 110001, "msg": "order not exists or too late to cancel"},
        {"code": 10006, "msg": "Too many visits!"},
        {"code": 110072, "msg": "duplicate"},
        {"code": 987654, "msg": "nobody has seen this"},
        {"code": 0, "msg": "OK"},  # taken, and no id
    ]
    found = outcomes_of(reply({"list": rows}, {"list": said}), items)
    assert [type(one) for one in found] == [
        Acknowledged, Refused, RateLimited, DuplicateLinkId, OutcomeUnknown, OutcomeUnknown,
    ]  # fmt: skip
    gone = found[1]
    assert isinstance(gone, Refused)
    assert (gone.trace.ret_code, gone.trace.signed_at) == (110001, SIGNED)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"list": [{"orderId": "x-0"}]}, {"list": [{"code": 0}, {"code": 0}]}),  # a row is missing
        ({"list": [{"orderId": "x-0"}, {"orderId": "x-1"}]}, {"list": [{"code": 0}]}),  # a word is missing
        ({"list": [{"orderId": "x-1"}, {"orderId": "x-0"}]}, {"list": [{"code": 0}, {"code": 0}]}),  # in another order
        ({"list": [{"orderId": "x-0"}, {"orderId": "x-1"}]}, {}),
        ({}, {"list": [{"code": 0}, {"code": 0}]}),
        ({"list": [{"orderId": "x-0"}, {"orderId": "x-1"}]}, {"list": [{"code": "zero"}, {"code": 0}]}),
        (None, None),
        ([], []),
    ],
)
async def test_of_lists_that_do_not_fit_nothing_is_believed(rows: Any, said: Any) -> None:
    found = outcomes_of(reply(rows, said), [body(0), body(1)])
    assert [type(one) for one in found] == [OutcomeUnknown, OutcomeUnknown]


async def test_a_link_id_is_held_against_the_row_where_the_order_is_named_by_it() -> None:
    item: Body = {"symbol": "BTCUSDT", "orderLinkId": "tw-1"}
    for link, kind in (("tw-1", Acknowledged), ("", Acknowledged), ("tw-2", OutcomeUnknown)):
        rows = {"list": [{"orderId": "x-9", "orderLinkId": link}]}
        (found,) = outcomes_of(reply(rows, {"list": [{"code": 0}]}), [item])
        assert type(found) is kind


async def test_who_is_cancelled_before_its_turn_never_leaves_and_holds_up_nobody() -> None:
    exchange = Exchange()
    tasks = await burst(exchange, ALONE_MAX + 4)
    tasks[ALONE_MAX + 1].cancel()
    await asyncio.sleep(0)
    exchange.go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[ALONE_MAX + 1], asyncio.CancelledError)
    assert sum(isinstance(one, Acknowledged) for one in outcomes) == ALONE_MAX + 3
    assert exchange.along == [["x-10"], ["x-12", "x-13"]]


async def test_whoever_goes_along_with_a_sender_that_ends_has_an_unknown_outcome() -> None:
    exchange = Exchange()
    exchange.never_answered = 2
    tasks = await burst(exchange, ALONE_MAX + 4)
    exchange.go_on.set()
    await tasks[ALONE_MAX]  # the first batch, of one
    for _ in range(5):
        await asyncio.sleep(0)
    assert exchange.along == [["x-10"], ["x-11", "x-12", "x-13"]]
    tasks[ALONE_MAX + 1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in outcomes[ALONE_MAX + 1 :]] == [asyncio.CancelledError, OutcomeUnknown, OutcomeUnknown]
    assert len(exchange.along) == 2, "what may have happened is not sent again here"
