"""One intent to the exchange: record, act, record.

Lives here: `submit`, the attempts of one intent and what each answer means. Not here: which intents may go (`session`),
what an unknown becomes (`resolution`).

Between the commit of the request row and the commit of its answer there is one network call and nothing else. Every
attempt carries the same client id, so an attempt that got through unseen makes the next one a duplicate, never a second
order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeGuard, assert_never

import structlog

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import (
    AccountStopped,
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.core.ids import ExchangeOrderId, RequestId
from tradewright.exchange.ports import MayGo, OrderGateway
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.journal import (
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    Journal,
    OpenedRequest,
)
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
)
from tradewright.trading.own_orders import OwnOrder

log = structlog.get_logger()

ATTEMPTS_MAX = 3
_RETRY_PAUSE_SECONDS = 0.25
_RATE_PAUSE_SECONDS_MAX = 2.0
_TURNS_WITHIN_S = 1.0
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
    reach: Reach = nowhere


def _nothing_against(_intent: Intent) -> Reason | None:
    return None


async def submit(
    parts: Submission,
    intent: Intent,
    *,
    may_go: Callable[[Intent], bool],
    is_wanted: Callable[[Intent], bool],
    objection: Callable[[Intent], Reason | None] = _nothing_against,
    own: OwnOrder | None = None,
) -> Answer | None:
    """Sends an intent, at most `ATTEMPTS_MAX` times, and returns the last answer; None: it expired, nothing was sent.

    Another attempt waits while `may_go` says no; an opening intent then expires by its own time. There is no other
    attempt of what is not wanted any more: its sender has asked to cancel it, and so far it certainly did not happen;
    nor of what meets an `objection` by now: it ends as not sent, with that reason.
    `own`: the intent is written down with its first attempt; None then also says that its id is known.
    A cancel that the exchange calls too late stays in `sending`: whether its order is gone is the caller's to find out.
    Raises whatever the journal raises: then the intent stays in `sending`, and the next session finds out.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        asked_s = parts.clock.monotonic()
        req_id = RequestId(parts.ids.new())
        if own is not None and isinstance(intent, PlaceIntent) and attempt == 1:
            request = await parts.journal.open_own(own, intent, req_id)
        else:
            request = await parts.journal.open_request(intent, req_id)
        if request is None:
            log.info("order.not_sent", intent_id=str(intent.id))
            return None
        parts.reach("request.committed")
        left_s = _fresh_for_s(intent, request)
        still = partial(_may_still_go, parts, intent, may_go, None if left_s is None else asked_s + left_s)
        answer, pause_seconds = await _attempt(parts, intent, still, last=attempt == ATTEMPTS_MAX)
        parts.reach("answer.received")
        if is_too_late(answer, intent):
            await parts.journal.answer(intent, request, AnsweredAgainLater(answer.reason, answer.trace))
            return answer
        await parts.journal.answer(intent, request, answer)
        parts.reach("answer.committed")
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
        why = objection(intent)
        while why is None and not may_go(intent) and is_wanted(intent) and not _overdue(parts, intent):
            await parts.clock.sleep(_RETRY_PAUSE_SECONDS)
            why = objection(intent)
        if not is_wanted(intent):
            why = Reason("order.withdrawn")
        if why is not None:
            ended = AnsweredNotSent(why, answer.trace, retry=False)
            await parts.journal.answer(intent, request, ended)
            return ended
    raise AssertionError("the last attempt never asks for another")


def is_too_late(answer: Answer | None, intent: Intent) -> TypeGuard[AnsweredRefused]:
    """Whether the exchange knows no live order for a cancel: it has ended, or is not where a cancel finds it yet."""
    if not isinstance(intent, CancelIntent) or not isinstance(answer, AnsweredRefused):
        return False
    return answer.trace.ret_code in TOO_LATE_CODES


def _fresh_for_s(intent: Intent, request: OpenedRequest) -> float | None:
    """For how long what the journal has judged holds. What turns a position is right only for the one it was shown: if
    it waits for its turn, it is judged anew."""
    if isinstance(intent, PlaceIntent) and intent.turns:
        return _TURNS_WITHIN_S if request.left_s is None else min(_TURNS_WITHIN_S, request.left_s)
    return request.left_s


def _may_still_go(parts: Submission, intent: Intent, may_go: Callable[[Intent], bool], until_s: float | None) -> bool:
    """Judged once more after the wait for a turn, right before the request is signed: an order must not leave after
    its time, or while what opens may not go. `until_s` is by the monotonic clock, never later than the database's."""
    return may_go(intent) and (until_s is None or parts.clock.monotonic() < until_s)


def _overdue(parts: Submission, intent: Intent) -> bool:
    """Only ends the waiting: whether the intent has expired is decided by the journal, on its own clock."""
    return intent.valid_until is not None and parts.clock.now() > intent.valid_until + _CLOCKS_APART


async def _attempt(parts: Submission, intent: Intent, may_go: MayGo, *, last: bool) -> tuple[Answer, float]:
    """One call and what its end means; the second value is how long to wait before another attempt, in seconds."""
    try:
        exchange_order_id, trace = await _call(parts.gateway, intent, may_go)
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
    return AnsweredAcknowledged(exchange_order_id, trace), 0.0


async def _call(gateway: OrderGateway, intent: Intent, may_go: MayGo) -> tuple[ExchangeOrderId | None, Trace]:
    match intent:
        case PlaceIntent():
            taken = await gateway.place(intent.order, may_go=may_go)
        case CancelIntent():
            taken = await gateway.cancel(
                intent.instrument,
                link_id=intent.target_link_id,
                exchange_order_id=intent.target_exchange_order_id,
            )
        case AmendIntent():
            taken = await gateway.amend(
                intent.instrument,
                intent.change,
                link_id=intent.target_link_id,
                exchange_order_id=intent.target_exchange_order_id,
                may_go=may_go,
            )
        case LeverageIntent():
            return None, await gateway.set_leverage(intent.instrument, intent.leverage, may_go=may_go)
        case ExitsIntent():
            return None, await gateway.set_exits(intent.instrument, intent.exits, may_go=may_go)
        case PositionModeIntent():
            return None, await gateway.set_position_mode(intent.instrument, hedge=intent.hedge, may_go=may_go)
        case MarginModeIntent():
            return None, await gateway.set_margin_mode(intent.mode, may_go=may_go)
        case _:
            assert_never(intent)
    return taken.exchange_order_id, taken.trace


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
    if isinstance(error, AccountStopped):
        return _reason(error)
    known = next((name for name, codes in _KNOWN.items() if ret_code in codes), "exchange.refused")
    return Reason(known, {}, ret_code, error.trace.ret_msg or None)


def is_filter_refusal(trace: Trace) -> bool:
    """Whether the exchange refused an order by the rules of its instrument: those that we hold are old, then.

    10001, any fault of a parameter, is what derivatives answer to a price or quantity off the grid.
    """
    return trace.ret_code in _FILTER_CODES


# Derivatives first, then spot: the same situation has two codes.
_PRICE_CODES = frozenset(
    {110003, 110120, 110121, 30208, 30209, 170132, 170133, 170134, 170192, 170193, 170194, 170371, 170372}
)
_QUANTITY_CODES = frozenset({170124, 170136, 170137, 170148, 170341, 170381, 170382})
_NOTIONAL_CODES = frozenset({110094, 170140})
_FILTER_CODES = _PRICE_CODES | _QUANTITY_CODES | _NOTIONAL_CODES | {10001}


def known_reasons() -> Mapping[str, frozenset[int]]:
    """Our codes for refusals that we know, with the exchange's: for the reference of the documentation."""
    return _KNOWN


_KNOWN: dict[str, frozenset[int]] = {
    "exchange.too_late": TOO_LATE_CODES,
    "exchange.insufficient_margin": frozenset(
        {110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170033, 170131}
    ),
    "exchange.notional_min": _NOTIONAL_CODES,
    "exchange.price_range": _PRICE_CODES,
    "exchange.quantity_range": _QUANTITY_CODES,
    "exchange.reduce_only": frozenset({110017, 110034}),
    "exchange.trigger_passed": frozenset({110092, 110093}),
    "exchange.too_many_orders": frozenset({110009, 110020, 110061, 170810}),
    "exchange.leverage": frozenset({110013, 110085, 110086, 110089, 110090}),
    "exchange.quantity_filled": frozenset({110064, 170313}),
    "exchange.exits_partly_filled": frozenset({110059}),
    "exchange.mode_has_position": frozenset({110024}),
    "exchange.mode_has_orders": frozenset({110028}),
    "exchange.hedge_unsupported": frozenset({110029}),
    "exchange.margin_mode": frozenset({110073, 3400045}),
}
