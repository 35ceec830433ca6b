"""Reconciliation: reads the account whole and brings our tables to what the exchange says.

Lives here: `reconcile`. When it runs is the session's business. A failed or partial read raises
`ExchangeUnavailable` before anything is changed; on a quiet account a second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from tradewright.core.clock import Clock
from tradewright.core.ids import LinkId
from tradewright.core.order import Execution, RemotePosition
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.journal import EVENTS_KEPT, Census, Drift, Journal
from tradewright.trading.model import AmendIntent, ChangeIntent, ExitsIntent, LeverageIntent

log = structlog.get_logger()

HISTORY_SPAN = timedelta(days=7)  # the exchange keeps ended orders no longer on demo
_OVERLAP = timedelta(minutes=10)  # late rows and clocks that differ
_STABLE_LOOKS = 3
_LOOK_PAUSE_SECONDS = 0.5


async def reconcile(gateway: OrderGateway, journal: Journal, clock: Clock) -> Sequence[Drift]:
    """Reads everything, then applies it; returns the differences that no report explains (also recorded)."""
    reading = await journal.begin_reading()
    census, is_of_one_moment = await _read(gateway, journal)
    await journal.book(census.facts(), "reconciliation")
    await journal.note_executions_read(census.taken_at)
    await journal.flatten_absent(census.positions)
    for change in reading.unread:
        await _read_back(gateway, journal, change, census)
    drifts = await _missing_orders(gateway, journal, census)
    if is_of_one_moment:
        drifts += await _position_breaks(gateway, journal, census, clock)
    else:
        log.info("reconcile.positions_moving")  # sizes are compared the next time
    if drifts:
        log.warning("reconcile.drift", count=len(drifts), kinds=sorted({drift.kind for drift in drifts}))
        await journal.record_drift(drifts)
    await journal.note_reconciled(reading.began_at, census.modes)
    await journal.forget_events(keep=EVENTS_KEPT)
    log.info("reconcile.done", open_orders=len(census.open_orders), executions=len(census.executions))
    return drifts


async def _read(gateway: OrderGateway, journal: Journal) -> tuple[Census, bool]:
    """All of it or `ExchangeUnavailable`; and whether fills and positions are of one moment.

    Orders are read before fills, so that a fill never lacks its order.
    """
    now = await gateway.server_time()
    read_until = await journal.executions_read_until()
    horizon = now - HISTORY_SPAN + timedelta(minutes=1)
    since = horizon if read_until is None else max(horizon, read_until - _OVERLAP)
    open_orders = await gateway.open_orders()
    ended_orders = await gateway.order_history(horizon)
    executions, positions, is_of_one_moment = await _fills_and_positions(gateway, since)
    census = Census(
        taken_at=now,
        executions_since=since,
        open_orders=open_orders,
        ended_orders=ended_orders,
        executions=executions,
        positions=positions,
        wallet=await gateway.wallet(),
        modes=await gateway.modes(),
    )
    return census, is_of_one_moment


async def _fills_and_positions(
    gateway: OrderGateway, since: datetime
) -> tuple[Sequence[Execution], Sequence[RemotePosition], bool]:
    """Fills between two equal readings of the positions; False when the positions would not stand still.

    A fill between the two reads would look like a break, or worse: set a symbol's base wrong for ever.
    """
    positions = await gateway.positions()
    executions: Sequence[Execution] = ()
    for _ in range(_STABLE_LOOKS):
        executions = await gateway.executions(since)
        before, positions = positions, await gateway.positions()
        if _sizes(before) == _sizes(positions):
            return executions, positions, True
    return executions, positions, False


def _sizes(positions: Sequence[RemotePosition]) -> set[tuple[object, ...]]:
    return {(held.instrument, held.position_index, held.side, held.size, held.entry_price) for held in positions}


async def _read_back(gateway: OrderGateway, journal: Journal, change: ChangeIntent, census: Census) -> None:
    """What was acknowledged before everything was read is in what was read; a flat position and an order that ended
    long ago are asked for by name."""
    match change:
        case AmendIntent():
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
        case LeverageIntent() | ExitsIntent():
            await journal.confirm(change, [await gateway.position(change.instrument)], "reconciliation")
        case _:
            assert_never(change)


async def _missing_orders(gateway: OrderGateway, journal: Journal, census: Census) -> list[Drift]:
    """Orders that we hold as live and that are neither open nor in history: asked for one by one."""
    seen = {order.exchange_order_id for order in [*census.open_orders, *census.ended_orders]}
    drifts: list[Drift] = []
    for live in await journal.live_orders():
        if live.exchange_order_id in seen:
            continue
        found = await gateway.find_order(
            live.instrument,
            link_id=LinkId(live.link_id) if live.link_id else None,
            exchange_order_id=live.exchange_order_id or None,
        )
        if found is not None:
            await journal.book([found], "reconciliation")
        else:
            drifts.append(Drift("order.missing", live.exchange_order_id or live.link_id, live.state, ""))
    return drifts


async def _position_breaks(gateway: OrderGateway, journal: Journal, census: Census, clock: Clock) -> list[Drift]:
    """Sizes that booked fills do not add up to. The exchange may list a fill a little after it moved the position: only
    a break that stays over several looks counts."""
    breaks = list(await journal.position_breaks(census.positions))
    for _ in range(_STABLE_LOOKS - 1):
        if not breaks:
            return []
        await clock.sleep(_LOOK_PAUSE_SECONDS)
        executions, positions, is_of_one_moment = await _fills_and_positions(gateway, census.executions_since)
        await journal.book([*executions, *positions], "reconciliation")
        breaks = list(await journal.position_breaks(positions)) if is_of_one_moment else []
    return breaks
