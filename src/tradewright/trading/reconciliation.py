"""Reconciliation: reads the account whole and brings our tables to what the exchange says.

Lives here: `reconcile`. When it runs is the session's business. A failed or partial read raises
`ExchangeUnavailable` before anything is changed; on a quiet account a second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from tradewright.core.clock import Clock
from tradewright.core.errors import ReadRefused
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.order import Execution, RemoteOrder, RemotePosition
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.journal import EVENTS_KEPT, Census, Drift, Journal, Listed, LiveOrder, Reading
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    LeverageIntent,
    MarginModeIntent,
    PositionModeIntent,
    ReadBackIntent,
    instrument_of,
)
from tradewright.trading.settings_read import read_setting

log = structlog.get_logger()

HISTORY_SPAN = timedelta(days=7)  # the exchange keeps ended orders no longer on demo
_OVERLAP = timedelta(minutes=10)  # late rows and clocks that differ
_CLOCKS_APART = timedelta(seconds=2)  # the time that the exchange tells, as we know it, and that of its fills
_STABLE_LOOKS = 3
_LOOK_PAUSE_SECONDS = 0.5
_BOOKED_AT_ONCE = 500  # reports of a reading in one transaction, so that sending never waits long for it
UNSEEN_AFTER = timedelta(minutes=10)  # far beyond any delay with which an order shows


async def reconcile(
    gateway: OrderGateway,
    journal: Journal,
    clock: Clock,
    missing: dict[ExchangeOrderId, datetime] | None = None,
    *,
    reach: Reach = nowhere,
    waits_beside: Callable[[], bool] = lambda: False,
) -> Sequence[Drift]:
    """Reads everything, then applies it; returns the differences that no report explains (also recorded).

    `missing` is the caller's memory between readings: since when, by the exchange's clock, an order that we hold as
    live is in no answer. It ends with the caller, which only makes such an order wait longer.

    What the exchange lists is read whole or not at all. A single thing that it will not show (`ReadRefused`) stays as
    it is and is told: it must not keep everything else from being known.
    """
    reach("reading.begun")
    reading = await journal.begin_reading()
    census, is_of_one_moment = await _read(gateway, journal, reading)
    facts = census.facts()
    for start in range(0, len(facts), _BOOKED_AT_ONCE):
        await journal.book(facts[start : start + _BOOKED_AT_ONCE], "reconciliation")
    reach("reading.half_applied")
    await journal.note_executions_read(census.taken_at)
    has_positions = "linear" in gateway.categories  # else none were read, which does not make them flat
    if has_positions:
        await journal.flatten_absent(census.positions)
    drifts: list[Drift] = []
    for change in reading.unread:
        drifts += await _read_back(gateway, journal, change, census)
    drifts += await _missing_orders(gateway, journal, census, {} if missing is None else missing)
    compared = {"order.missing", "order.unreadable"}
    if not has_positions:
        pass
    elif not is_of_one_moment:
        log.info("reconcile.positions_moving")  # sizes are compared the next time
    else:
        breaks = await _position_breaks(gateway, journal, census, clock, waits_beside)
        if breaks is None:
            log.info("reconcile.positions_unsure")
        else:
            drifts += breaks
            compared.add("position.size")
    if drifts:
        log.warning("reconcile.drift", count=len(drifts), kinds=sorted({drift.kind for drift in drifts}))
    await journal.record_drift(drifts, compared=compared)  # also when there are none: what waited may be gone
    await journal.note_reconciled(reading.began_at, census.modes)
    reach("reading.applied")
    await journal.forget_events(keep=EVENTS_KEPT)
    log.info("reconcile.done", open_orders=len(census.open_orders), executions=len(census.executions))
    return drifts


async def _read(gateway: OrderGateway, journal: Journal, reading: Reading) -> tuple[Census, bool]:
    """All of it or `ExchangeUnavailable`; and whether fills and positions are of one moment.

    Orders are read before fills, so that a fill never lacks its order.
    """
    now = await gateway.server_time()
    read_until = await journal.executions_read_until()
    horizon = now - HISTORY_SPAN + timedelta(minutes=1)
    # However long we were away: what ended since is listed from there on, or was live then and is asked for by its id.
    since = horizon if read_until is None else read_until - _OVERLAP
    open_orders = await gateway.open_orders()
    ended_orders = await gateway.order_history(since)
    # Never on the word of clocks alone where a symbol's base is set for good: the first reading looks twice.
    quiet_since = None if read_until is None else now - _CLOCKS_APART
    executions, positions, is_of_one_moment = await _fills_and_positions(gateway, since, quiet_since)
    census = Census(
        taken_at=now,
        executions_since=since,
        open_orders=open_orders,
        ended_orders=ended_orders,
        executions=executions,
        positions=positions,
        wallet=replace(await gateway.wallet(), read_after=reading.wallet_at),
        modes=await gateway.modes(),
    )
    return census, is_of_one_moment


async def _fills_and_positions(
    gateway: OrderGateway, since: datetime, quiet_since: datetime | None = None
) -> tuple[Sequence[Execution], Sequence[RemotePosition], bool]:
    """Fills between two equal readings of the positions; False when the positions would not stand still.

    A fill between the two reads would look like a break, or worse: set a symbol's base wrong for ever.
    `quiet_since` is a time of the exchange before the first of them, by as much as clocks may differ: where no fill of
    a contract is listed from there on, none came between positions and fills, and a second look is spared. It is what
    lets twenty accounts be read within one window of what an address may ask.
    """
    positions = await gateway.positions()
    executions: Sequence[Execution] = ()
    for _ in range(_STABLE_LOOKS):
        executions = await gateway.executions(since)
        if quiet_since is not None and not _moved_since(executions, quiet_since):
            return executions, positions, True
        before, positions = positions, await gateway.positions()
        if _sizes(before) == _sizes(positions):
            return executions, positions, True
    return executions, positions, False


def _moved_since(executions: Sequence[Execution], since: datetime) -> bool:
    return any(fill.executed_at >= since and fill.instrument.category != "spot" for fill in executions)


def _sizes(positions: Sequence[RemotePosition]) -> set[tuple[object, ...]]:
    return {(held.instrument, held.position_index, held.side, held.size, held.entry_price) for held in positions}


async def _read_back(gateway: OrderGateway, journal: Journal, change: ReadBackIntent, census: Census) -> list[Drift]:
    """What was acknowledged before everything was read is in what was read; a flat position and an order that ended
    long ago are asked for by name."""
    try:
        await _ask_for(gateway, journal, change, census)
    except ReadRefused as refusal:
        return [await give_up_reading(journal, change, refusal)]
    return []


async def give_up_reading(journal: Journal, change: ReadBackIntent, refusal: ReadRefused) -> Drift:
    """What became of an acknowledged change cannot be read: nobody waits for it any more. The difference to be told."""
    log.warning("change.unreadable", intent_id=str(change.id), kind=change.kind, error=str(refusal))
    await journal.confirm(change, [], "reconciliation")
    about = instrument_of(change)
    named = "account" if about is None else f"{about.category}:{about.symbol}"
    subject = f"{change.kind}:{named}:{change.id}"
    return Drift("change.unreadable", subject, "acknowledged", "")


async def _ask_for(gateway: OrderGateway, journal: Journal, change: ReadBackIntent, census: Census) -> None:
    match change:
        case AmendIntent() | CancelIntent():
            seen = {order.exchange_order_id for order in [*census.open_orders, *census.ended_orders]}
            if change.target_exchange_order_id in seen:
                await journal.confirm(change, [], "reconciliation")
                return
            found = await gateway.find_order(
                change.instrument,
                link_id=change.target_link_id,
                exchange_order_id=change.target_exchange_order_id,
            )
            if found is not None:  # else it is a missing order, which is told
                await journal.confirm(change, [found], "reconciliation")
        case LeverageIntent() | ExitsIntent() | PositionModeIntent() | MarginModeIntent():
            await journal.confirm(change, (await read_setting(gateway, change)).facts, "reconciliation")
        case _:
            assert_never(change)


async def _missing_orders(
    gateway: OrderGateway, journal: Journal, census: Census, missing: dict[ExchangeOrderId, datetime]
) -> list[Drift]:
    """Orders that we hold as live and that are neither open nor in history: asked for one by one.

    One that was reported a moment ago is not missed yet: what is read may lag behind what the stream tells.
    One that stays away from whole lists and from every answer for `UNSEEN_AFTER` has ended without a trace. Bybit keeps
    what was cancelled without a fill for a day only. Should it ever be reported again, the report counts.
    """
    seen = {order.exchange_order_id for order in [*census.open_orders, *census.ended_orders]}
    drifts: list[Drift] = []
    absent: dict[ExchangeOrderId, datetime] = {}
    for live in await journal.live_orders():
        if live.exchange_order_id in seen:
            continue
        name = live.exchange_order_id or live.link_id
        try:
            found = await _find(gateway, live)
        except ReadRefused as refusal:
            log.warning("order.unreadable", order=name, error=str(refusal))
            drifts.append(Drift("order.unreadable", name, live.state, ""))
            continue
        if found is not None:
            await journal.book([found], "reconciliation")
            continue
        if live.is_fresh:
            continue
        drifts.append(Drift("order.missing", name, live.state, ""))
        if live.state != "acknowledged":
            absent[live.exchange_order_id] = missing.get(live.exchange_order_id, census.taken_at)
            if census.taken_at - absent[live.exchange_order_id] >= UNSEEN_AFTER:
                await journal.end_unseen(live)
    missing.clear()
    missing.update(absent)
    return drifts


async def _find(gateway: OrderGateway, live: LiveOrder) -> RemoteOrder | None:
    if live.instrument.category not in gateway.categories:
        raise ReadRefused(f"the key may not read {live.instrument.category} orders")
    return await gateway.find_order(
        live.instrument,
        link_id=LinkId(live.link_id) if live.link_id else None,
        exchange_order_id=live.exchange_order_id or None,
    )


async def _position_breaks(
    gateway: OrderGateway, journal: Journal, census: Census, clock: Clock, waits_beside: Callable[[], bool]
) -> Sequence[Drift] | None:
    """Sizes that booked fills do not add up to; None when the positions would not stand still. The exchange may list a
    fill a little after it moved the position: only a break that stays over several looks counts.

    Nor do they count while an order is under way, of the kill switch too (`waits_beside`: not written down yet), or a
    fill is booked that was not read with them (the look for an unknown order found it meanwhile): what moved a position
    and is not listed yet would look like a break, or set a symbol's base wrong for ever.
    """
    since = census.executions_since
    if waits_beside():
        return None
    breaks = await journal.position_breaks(census.positions, Listed.of(census.executions, since))
    for _ in range(_STABLE_LOOKS - 1):
        if breaks is not None and not breaks:
            break
        await clock.sleep(_LOOK_PAUSE_SECONDS)
        executions, positions, is_of_one_moment = await _fills_and_positions(gateway, since)
        await journal.book([*executions, *positions], "reconciliation")
        if not is_of_one_moment or waits_beside():
            return None
        breaks = await journal.position_breaks(positions, Listed.of(executions, since))
    return breaks
