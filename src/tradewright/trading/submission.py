"""One intent to the exchange: record, act, record.

Lives here: `submit`, the attempts of one intent and what each answer means. Not here: which intents may go (`session`),
what an unknown becomes (`resolution`).

Between the commit of the request row and the commit of its answer there is one network call and nothing else. Every
attempt carries the same client id, so an attempt that got through unseen makes the next one a duplicate, never a second
order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

import structlog

from tradewright.core.clock import Clock, Ids
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
from tradewright.core.ids import RequestId
from tradewright.core.order import NewOrder
from tradewright.exchange.ports import Acknowledged, OrderGateway
from tradewright.trading.journal import (
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    Journal,
)
from tradewright.trading.model import CancelIntent, Intent, PlaceIntent, Reason

log = structlog.get_logger()

ATTEMPTS_MAX = 3
_RETRY_PAUSE_SECONDS = 0.25
_RATE_PAUSE_SECONDS_MAX = 2.0
_CLOCKS_APART = timedelta(seconds=1)  # ours and the database's

# The order of a cancel is not there any more: not found, completed, cancelled; derivatives first, then spot.
TOO_LATE_CODES = frozenset({110001, 110008, 110010, 170139, 170142, 170143, 170190, 170213})


@dataclass(frozen=True, slots=True)
class Submission:
    """What sending needs. `gateway` and `journal` are of one account."""

    gateway: OrderGateway
    journal: Journal
    clock: Clock
    ids: Ids


async def submit(
    parts: Submission, intent: Intent, *, may_go: Callable[[Intent], bool], is_wanted: Callable[[Intent], bool]
) -> Answer | None:
    """Sends an intent, at most `ATTEMPTS_MAX` times, and returns the last answer; None: it expired, nothing was sent.

    Another attempt waits while `may_go` says no; an opening intent then expires by its own time. There is no other
    attempt of what is not wanted any more: its sender has asked to cancel it, and so far it certainly did not happen.
    Raises whatever the journal raises: then the intent stays in `sending`, and the next session finds out.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        request = await parts.journal.open_request(intent, RequestId(parts.ids.new()))
        if request is None:
            log.info("order.not_sent", intent_id=str(intent.id))
            return None
        answer, pause_seconds = await _attempt(parts, intent, last=attempt == ATTEMPTS_MAX)
        await parts.journal.answer(intent, request, answer)
        log.info(
            "order.answered",
            intent_id=str(intent.id),
            req_id=str(request.req_id),
            attempt=request.attempt,
            answer=type(answer).__name__,
        )
        again = isinstance(answer, AnsweredAgainLater) or (isinstance(answer, AnsweredNotSent) and answer.retry)
        if not again:
            return answer
        await parts.clock.sleep(pause_seconds)
        while not may_go(intent) and is_wanted(intent) and not _overdue(parts, intent):
            await parts.clock.sleep(_RETRY_PAUSE_SECONDS)
        if not is_wanted(intent):
            withdrawn = AnsweredNotSent(Reason("order.withdrawn"), answer.trace, retry=False)
            await parts.journal.answer(intent, request, withdrawn)
            return withdrawn
    raise AssertionError("the last attempt never asks for another")


def _overdue(parts: Submission, intent: Intent) -> bool:
    """Only ends the waiting: whether the intent has expired is decided by the journal, on its own clock."""
    return (
        isinstance(intent, PlaceIntent)
        and intent.valid_until is not None
        and parts.clock.now() > intent.valid_until + _CLOCKS_APART
    )


async def _attempt(parts: Submission, intent: Intent, *, last: bool) -> tuple[Answer, float]:
    """One call and what its end means; the second value is how long to wait before another attempt, in seconds."""
    try:
        acknowledged = await _call(parts.gateway, intent)
    except DuplicateLinkId as error:
        # An earlier attempt got through. It is there: evidence, found by its id, will say more.
        return AnsweredUnknown(Reason("exchange.duplicate"), error.trace), 0.0
    except (ClockRejected, RateLimited) as error:
        if last:
            return AnsweredRefused(_reason(error), error.trace), 0.0
        return AnsweredAgainLater(_reason(error), error.trace), _pause(parts, error)
    except Refused as error:
        return AnsweredRefused(_refusal(error), error.trace), 0.0
    except NotSent as error:
        return AnsweredNotSent(_reason(error), error.trace, retry=not last), _RETRY_PAUSE_SECONDS
    except OutcomeUnknown as error:
        return AnsweredUnknown(_reason(error), error.trace), 0.0
    except ExchangeError as error:
        # Whatever it was, the request may have left.
        log.error("order.surprise", intent_id=str(intent.id), error=repr(error))
        return AnsweredUnknown(_reason(error), error.trace or Trace()), 0.0
    return AnsweredAcknowledged(acknowledged.exchange_order_id, acknowledged.trace), 0.0


async def _call(gateway: OrderGateway, intent: Intent) -> Acknowledged:
    match intent:
        case PlaceIntent():
            order = NewOrder(
                link_id=intent.link_id,
                instrument=intent.instrument,
                side=intent.side,
                order_type=intent.order_type,
                quantity=intent.quantity,
                price=intent.price,
                time_in_force=intent.time_in_force,
                reduce_only=intent.reduce_only,
            )
            return await gateway.place(order)
        case CancelIntent():
            return await gateway.cancel(
                intent.instrument,
                link_id=intent.target_link_id,
                exchange_order_id=intent.target_exchange_order_id,
            )
        case _:
            assert_never(intent)


def _pause(parts: Submission, error: ClockRejected | RateLimited) -> float:
    if isinstance(error, RateLimited) and error.retry_at is not None:
        seconds = (error.retry_at - parts.clock.now()).total_seconds()
        return min(max(seconds, _RETRY_PAUSE_SECONDS), _RATE_PAUSE_SECONDS_MAX)
    return _RETRY_PAUSE_SECONDS


def _reason(error: ExchangeError) -> Reason:
    return Reason(error.code, {}, error.trace.ret_code, error.trace.ret_msg or None)


def _refusal(error: Refused) -> Reason:
    """The exchange's refusal with a code of ours where we know the reason, so that the page can say it in words."""
    ret_code = error.trace.ret_code
    known = "exchange.refused"
    if ret_code in TOO_LATE_CODES:
        known = "exchange.too_late"
    elif ret_code in _MARGIN_CODES:
        known = "exchange.insufficient_margin"
    elif ret_code == 110094:
        known = "exchange.notional_min"
    elif ret_code == 110017:
        known = "exchange.reduce_only"
    return Reason(known, {}, ret_code, error.trace.ret_msg or None)


_MARGIN_CODES = frozenset(
    {110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170033, 170131}
)
