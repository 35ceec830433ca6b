"""Unknown outcomes: found by query, or called not placed only when the evidence is complete.

Lives here: `resolve_unknowns`, `note_unknowns`. Not here: when it is worth asking (`looks`).
The rule: a request signed at *t* can be accepted until `t + recv_window` by the exchange's clock, so absence counts
only after `t + recv_window + skew + settling margin` and only when open orders, history and executions, asked by client
id, all came back empty. Until then the intent stays unknown. What changes a thing has happened once the thing is as it
was asked to become, whoever made it so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.order import FINAL_STATES, PositionExits, RemoteOrder
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.journal import Journal, UnknownIntent
from tradewright.trading.looks import Looks
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
    SettingIntent,
)
from tradewright.trading.settings_read import read_setting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """How long a request may still become an order. The settling margin is a choice, not yet measured on Bybit."""

    recv_window: timedelta = timedelta(seconds=5)
    clock_skew: timedelta = timedelta(seconds=1)
    settling_margin: timedelta = timedelta(seconds=15)

    @property
    def total(self) -> timedelta:
        return self.recv_window + self.clock_skew + self.settling_margin


async def resolve_unknowns(
    gateway: OrderGateway,
    journal: Journal,
    rule: EvidenceRule,
    looks: Looks,
    positions: AbstractAsyncContextManager[object] | None = None,
    *,
    may_conclude: Callable[[], bool] = lambda: True,
    reach: Reach = nowhere,
) -> int:
    """Looks for every unknown intent that is due or overdue; returns how many still are unknown. A failed read leaves
    its intent as it is.

    `may_conclude` says whether what happened since they were sent is booked: else no order is called not placed.
    `positions` is held while one is read and booked, so that this does not cross a reconciliation.

    `looks` is the caller's memory between looks: when an intent was first looked for whose requests bear no time, and
    when each is worth asking for again.
    """
    waiting = 0
    unknowns = await journal.unknowns()
    looks.keep({unknown.intent.id for unknown in unknowns})
    for unknown in unknowns:
        try:
            # Asked before the questions: what is absent afterwards was absent late enough.
            now = await gateway.server_time()
            overdue = _is_overdue(rule, unknown, looks, now)
            if not overdue and not looks.is_due(unknown.intent.id, now):
                waiting += 1
                continue
            looks.asked(unknown.intent.id, now)
            reach("unknown.asked")
            if isinstance(unknown.intent, PlaceIntent):
                overdue = overdue and may_conclude()
            is_setting = isinstance(unknown.intent, SettingIntent)
            async with positions if positions is not None and is_setting else nullcontext():
                settled = await _resolve(gateway, journal, unknown, overdue=overdue)
        except ExchangeUnavailable as error:
            log.warning("unknown.read_failed", intent_id=str(unknown.intent.id), error=str(error))
            settled = False
        waiting += not settled
        if settled:
            reach("unknown.resolved")
    return waiting


async def note_unknowns(gateway: OrderGateway, journal: Journal, looks: Looks) -> None:
    """What the owner before has left unknown: from now on the time counts, and the reading that every session begins
    with asks for it. Raises `ExchangeUnavailable`; then the first look notes it."""
    unknowns = await journal.unknowns()
    if not unknowns:
        return
    now = await gateway.server_time()
    for unknown in unknowns:
        looks.left_to_reading(unknown.intent.id, now)


def _is_overdue(rule: EvidenceRule, unknown: UnknownIntent, looks: Looks, now: datetime) -> bool:
    """Whether absence counts by now."""
    signed_by = unknown.signed_by or looks.seen(unknown.intent.id, now)
    if unknown.last_signed is not None:
        signed_by = max(signed_by, unknown.last_signed)  # the kill switch tries again what nobody knows the outcome of
    return now > signed_by + rule.total and not unknown.is_being_sent


async def _resolve(gateway: OrderGateway, journal: Journal, unknown: UnknownIntent, *, overdue: bool) -> bool:
    match unknown.intent:
        case PlaceIntent() as place:
            return await _resolve_place(gateway, journal, place, unknown, overdue=overdue)
        case CancelIntent() as cancel:
            return await _resolve_cancel(gateway, journal, cancel, unknown, overdue=overdue)
        case AmendIntent() as amend:
            return await _resolve_amend(gateway, journal, amend, overdue=overdue)
        case LeverageIntent() | ExitsIntent() | PositionModeIntent() | MarginModeIntent() as setting:
            return await _resolve_setting(gateway, journal, setting, overdue=overdue)
        case _:
            assert_never(unknown.intent)


async def _resolve_place(
    gateway: OrderGateway, journal: Journal, intent: PlaceIntent, unknown: UnknownIntent, *, overdue: bool
) -> bool:
    order = await gateway.find_order(intent.instrument, link_id=intent.order.link_id, exchange_order_id=None)
    executions = await gateway.executions_of(intent.instrument, intent.order.link_id)
    if order is not None:
        await journal.book([order, *executions], "reconciliation")
        await journal.resolve(intent, happened=True)
        log.info("unknown.found", intent_id=str(intent.id), state=order.state)
        return True
    if executions:
        # Fills without an order row: it happened; the order itself will show in a later look.
        await journal.book(executions, "reconciliation")
        await journal.resolve(intent, happened=True)
        return True
    if not overdue:
        return False
    # That nobody shows it is weaker than the exchange's own word that it has it: then it is a missing order.
    if not await journal.resolve(intent, happened=unknown.is_duplicate, attempts=unknown.attempts):
        return False
    log.info("unknown.missing" if unknown.is_duplicate else "unknown.not_placed", intent_id=str(intent.id))
    return True


async def _resolve_cancel(
    gateway: OrderGateway, journal: Journal, intent: CancelIntent, unknown: UnknownIntent, *, overdue: bool
) -> bool:
    order = await gateway.find_order(
        intent.instrument, link_id=intent.target_link_id, exchange_order_id=intent.target_exchange_order_id
    )
    if order is not None:
        await journal.book([order], "reconciliation")
        if order.state in FINAL_STATES:
            await journal.resolve(intent, happened=True)
            return True
    return overdue and await journal.resolve(intent, happened=False, attempts=unknown.attempts)


async def _resolve_amend(gateway: OrderGateway, journal: Journal, intent: AmendIntent, *, overdue: bool) -> bool:
    order = await gateway.find_order(
        intent.instrument, link_id=intent.target_link_id, exchange_order_id=intent.target_exchange_order_id
    )
    if order is not None:
        happened = intent.is_met_by(order)
        if happened:
            await journal.resolve(intent, happened=True)
            await journal.confirm(intent, [order], "reconciliation")
            return True
        await journal.book([order], "reconciliation")
    # An order that has ended is not changed any more, however late the request arrives.
    has_ended = order is not None and order.state in FINAL_STATES
    if not overdue and not has_ended:
        return False
    await journal.resolve(intent, happened=False)
    return True


async def _resolve_setting(gateway: OrderGateway, journal: Journal, intent: SettingIntent, *, overdue: bool) -> bool:
    try:
        found = await read_setting(gateway, intent)
    except ReadRefused:
        if not overdue:
            raise
        # It will not be read either tomorrow. Nothing waits for it; what it came to is to be looked up at the exchange.
        await journal.resolve(intent, happened=False, reason=Reason("change.unreadable"))
        return True
    # Met says nothing while the request can still arrive: it may have been so before, and coming late it would undo the
    # next one, which waits for this one's end.
    is_met, why = found.is_met, None
    if is_met and isinstance(intent, ExitsIntent):
        orders = [order for order in await gateway.open_orders() if order.instrument == intent.instrument]
        is_met = _watch_as_asked(orders, intent.exits)
        if is_met and not _waits_as_asked(orders, intent.exits):
            is_met, why = False, Reason("change.unreadable")
    if is_met and overdue:
        await journal.resolve(intent, happened=True)
        await journal.confirm(intent, found.facts, "reconciliation")
        return True
    await journal.book(found.facts, "reconciliation")
    if not overdue:
        return False
    await journal.resolve(intent, happened=False, reason=why)
    return True


def _watch_as_asked(orders: Sequence[RemoteOrder], exits: PositionExits) -> bool:
    """Whether the exits watch the price that was asked for. The position names only where they are: a stop that was to
    be moved from the last price to the mark price looks there as if it had been."""
    asked = {
        "TakeProfit": (exits.take_profit, exits.take_profit_by),
        "StopLoss": (exits.stop_loss, exits.stop_loss_by),
    }
    for order in orders:
        price, by = asked.get(order.stop_order_type, (None, None))
        is_it = bool(price) and order.position_index == exits.position_index and order.trigger_price == price
        if is_it and order.trigger_by and order.trigger_by != by:
            return False
    return True


def _waits_as_asked(orders: Sequence[RemoteOrder], exits: PositionExits) -> bool:
    """Whether a trailing stop waits for the price from which it was to follow. One that follows already tells its
    moving trigger instead: whether it is the one that was asked, or one of the same distance before it, cannot be read.
    """
    if not exits.trailing_stop or exits.trailing_active_price is None:
        return True
    return any(
        order.stop_order_type == "TrailingStop"
        and order.position_index == exits.position_index
        and order.trigger_price == exits.trailing_active_price
        for order in orders
    )
