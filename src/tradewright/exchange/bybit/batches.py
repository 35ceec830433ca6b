"""Cancels by the dozen: what waits while many are under way goes in one request, each with an outcome of its own.

Lives here: `CancelBatches`, who goes alone and who goes along, and what became of each item of a batch. Not here: the
bodies (`order_bodies`), sending and its errors (`rest`), where batches are to be had (`environments`).

Bybit counts a batch by its items, against a budget apart from that of single cancels: a burst gets through twice as
fast by going both ways, and a few cancels go as they always did. Orders are not placed in batches: an item takes no
bound of slippage, and each order is asked once more whether it may go right before its own bytes leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from tradewright.core.errors import ExchangeError, OutcomeUnknown, Trace
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import Category
from tradewright.exchange.bybit.errors import command_error
from tradewright.exchange.bybit.order_bodies import Body
from tradewright.exchange.bybit.rest import Reply
from tradewright.exchange.bybit.values import Unreadable, decode, identifier, words
from tradewright.exchange.bybit.wire import BatchRow, BatchRows, BatchWord, BatchWords
from tradewright.exchange.ports import Acknowledged

ITEMS_MAX = 10  # what Bybit takes of spot in one batch (of contracts 20), and what it takes in a second
ALONE_MAX = 10  # a second's budget of single cancels

Outcome = Acknowledged | ExchangeError
_ROWS = msgspec.json.Decoder(BatchRows)
_WORDS = msgspec.json.Decoder(BatchWords)


@dataclass(slots=True, eq=False)
class _Waiting:
    item: Body
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Lane:
    """Of one category: one batch is under way at a time, and whoever's turn comes takes all that wait along."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Waiting] = field(default_factory=list)


class CancelBatches:
    """Of one account. `alone` sends the body of a single cancel, `along` the body of a batch of so many items. So many
    as `alone_max` are under way one by one before the next ones go along."""

    def __init__(
        self,
        alone: Callable[[Body], Awaitable[Acknowledged]],
        along: Callable[[Body, int], Awaitable[Reply]],
        *,
        alone_max: int = ALONE_MAX,
    ) -> None:
        self._alone = alone
        self._along = along
        self._alone_max = alone_max
        self._alone_now = 0
        self._lanes: dict[Category, _Lane] = {}

    async def cancel(self, category: Category, body: Body) -> Acknowledged:
        """Sent once, alone or in a batch. Raises what a single cancel raises, for itself alone."""
        if self._alone_now < self._alone_max:
            self._alone_now += 1
            try:
                return await self._alone(body)
            finally:
                self._alone_now -= 1
        return await self._in_batch(self._lanes.setdefault(category, _Lane()), category, body)

    async def _in_batch(self, lane: _Lane, category: Category, body: Body) -> Acknowledged:
        mine = _Waiting({name: value for name, value in body.items() if name != "category"})
        lane.waiting.append(mine)
        try:
            async with lane.turn:
                if mine.outcome is None:
                    await self._send(lane, category)
        finally:
            if mine in lane.waiting:
                lane.waiting.remove(mine)  # given up before its turn: it never left
        assert mine.outcome is not None, "turns come in the order of waiting, so it was taken along"
        if isinstance(mine.outcome, ExchangeError):
            raise mine.outcome
        return mine.outcome

    async def _send(self, lane: _Lane, category: Category) -> None:
        taken, lane.waiting = lane.waiting[:ITEMS_MAX], lane.waiting[ITEMS_MAX:]
        items = [one.item for one in taken]
        outcomes: Sequence[Outcome] = [OutcomeUnknown("whoever sent the batch ended before its answer") for _ in taken]
        try:
            reply = await self._along({"category": category, "request": items}, len(items))
            outcomes = outcomes_of(reply, items)
        except ExchangeError as error:
            outcomes = [error] * len(taken)  # of the whole request: what it means for one it means for each
        finally:
            for one, outcome in zip(taken, outcomes, strict=True):
                one.outcome = outcome


def outcomes_of(reply: Reply, items: Sequence[Body]) -> list[Outcome]:
    """What became of each item. Both lists go by place: where one is short, unreadable or names another order than was
    asked at its place, nobody knows which word belongs to which, and every item is unknown."""
    try:
        rows, said = decode(_ROWS, reply.result).rows, decode(_WORDS, reply.details).rows
    except Unreadable as problem:
        return [_unknown(f"unreadable: {problem}", reply.trace) for _ in items]
    if not len(items) == len(rows) == len(said):
        counted = f"{len(rows)} rows and {len(said)} words for {len(items)} orders"
        return [_unknown(counted, reply.trace) for _ in items]
    if any(_names_another(row, item) for row, item in zip(rows, items, strict=True)):
        return [_unknown("it names other orders than were asked", reply.trace) for _ in items]
    return [_outcome(row, word, reply.trace) for row, word in zip(rows, said, strict=True)]


def _outcome(row: BatchRow, word: BatchWord, trace: Trace) -> Outcome:
    if word.code:
        return command_error(replace(trace, ret_code=word.code, ret_msg=words(word.msg, 300)), retry_at=None)
    try:
        return Acknowledged(ExchangeOrderId(identifier(row.orderId, "orderId")), trace)
    except Unreadable as problem:
        return _unknown(f"acknowledged without a readable order id: {problem}", trace)


def _names_another(row: BatchRow, item: Body) -> bool:
    pairs = ((row.orderId, item.get("orderId")), (row.orderLinkId, item.get("orderLinkId")))
    return any(shown and asked is not None and shown != asked for shown, asked in pairs)


def _unknown(why: str, trace: Trace) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer to a batch: {why}; the outcome must be asked", trace)
