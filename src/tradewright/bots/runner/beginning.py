"""How a run begins, and how it goes on under another owner: from what is stored and what the exchange says.

Lives here: `begin`, which checks, warms up, and takes over where the run was begun before. Not here: the loop (`run`).

At a takeover an order that was decided and has no intent never left: it is sent by the same id while it is not late,
and else dropped. One that has an intent is looked after. Bars that closed meanwhile bring levels up to date and decide
nothing, but the newest while the next is open.
"""

from __future__ import annotations

from typing import Final

from tradewright.bots.machines.making import machine_of
from tradewright.bots.machines.model import BadMemory, Setup
from tradewright.bots.runner.asking import ATTEMPTS_MAX, RESTING_MAX, Ask
from tradewright.bots.runner.fills import Seen
from tradewright.bots.runner.history import History
from tradewright.bots.runner.parts import Ending, NotStarted
from tradewright.bots.runner.preparing import prepared
from tradewright.bots.runner.rows import (
    Outcome,
    UntoldFill,
    known_fills,
    open_orders,
    outcomes,
    told_intents,
    untold_fills,
)
from tradewright.bots.runner.run import RunLoop
from tradewright.bots.runner.state import RunState
from tradewright.core.clock import milliseconds
from tradewright.core.errors import ExchangeUnavailable, NotReady
from tradewright.core.ids import IntentId
from tradewright.core.money import exactly
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.market.markets import NoMarket
from tradewright.storage.engine import reading
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.prices import decimal_of
from tradewright.strategy.timeframe import open_of

_AGAIN_S: Final = 1.0


async def begin(loop: RunLoop) -> None:
    """Until it is running, or stopping as it was. Raises `NotStarted`; waits while the market cannot be read."""
    run = loop.run
    run.prepared = prepared(run.row, run.parts)
    run.parts.warm(run.row.instrument)
    is_told = False
    while True:
        try:
            run.market = run.parts.market()
            run.history = History(run.market.candles, run.row.instrument, run.prepared.strategy)
            now_ms = await venue_ms(run)
            if run.row.began_market_ms is None:
                await _fresh(loop, now_ms)
            else:
                await _taken_over(loop, now_ms)
        except (ExchangeUnavailable, NotReady, NoMarket):
            if not is_told:
                is_told = True
                run.log.warning("run.market_unread")
            await run.parts.clock.sleep(_AGAIN_S)
            continue
        return


async def venue_ms(run: RunState) -> int:
    """What its durations follow: the market's clock when simulated, else ours. Raises `ExchangeUnavailable`."""
    if run.parts.account.environment == "sim":
        return await run.market.clock.now_ms()
    return milliseconds(run.parts.clock.now())


async def _fresh(loop: RunLoop, now_ms: int) -> None:
    run = loop.run
    if run.session.book.is_hedged(run.row.instrument):
        raise NotStarted("run.hedge_mode", symbol=run.row.instrument.symbol)
    position = run.session.book.position(run.row.instrument)
    if position is not None and position.size:
        raise NotStarted("run.symbol_in_use", symbol=run.row.instrument.symbol)
    first_open_ms = open_of(now_ms, run.history.timeframe)
    warmed = await run.history.warm_up(first_open_ms)
    async with reading(run.parts.engine) as connection:
        known = await known_fills(connection, run.parts.account, run.row.instrument)
    loop.taking.know(known, run.session.book.orders())
    with exactly():
        run.machine, run.has_machine = machine_of(run.prepared.strategy, _setup(run, first_open_ms)), True
        run.evaluator, run.anchor = warmed.evaluator, warmed.anchor
        run.began_market_ms, run.last_open_ms = now_ms, first_open_ms - run.length_ms
        run.state = run.begun()
        payload = {"state": run.state, "first_open_ms": first_open_ms, "deadline_ms": run.deadline_ms}
        run.tale.tell("lifecycle", payload, market_ms=now_ms)
        run.parts.reach("run.taken")
        await run.flush(begins=True)
        run.parts.reach("run.begun")


async def _taken_over(loop: RunLoop, now_ms: int) -> None:
    run = loop.run
    row, kept = run.row, run.row.memory
    if kept is None or row.anchor is None or row.bar_open_ms is None:
        raise NotStarted("run.memory_missing")
    warmed = await run.history.warmed(row.anchor, row.bar_open_ms + run.length_ms)
    until_ms = open_of(now_ms, run.history.timeframe)
    late = await run.history.between(row.bar_open_ms + run.length_ms, until_ms)
    run.parts.reach("run.taken")
    with exactly():
        try:
            first_open_ms = int(kept["first_open_ms"])
            run.machine = machine_of(run.prepared.strategy, _setup(run, first_open_ms), kept["machine"])
            run.ending = Ending.restored(kept["ending"])
            run.exits_asked, run.attempts = int(kept["exits_asked"]), dict(kept["attempts"])
            run.decided_ms = {key: int(at_ms) for key, at_ms in kept["decided_ms"].items()}
            run.tale.restore(kept["chains"])
        except (BadMemory, KeyError, TypeError, ValueError) as error:
            run.log.error("run.memory_unreadable", error=str(error))
            raise NotStarted("run.memory_unreadable") from error
        run.evaluator, run.anchor, run.has_machine = warmed.evaluator, warmed.anchor, True
        run.began_market_ms, run.last_open_ms = row.began_market_ms or now_ms, row.bar_open_ms
        gap_ms = max(0, now_ms - row.bar_open_ms - run.length_ms)
        takeover = {"epoch": run.parts.account.epoch, "gap_ms": gap_ms, "bars": len(late)}
        run.tale.tell("takeover", takeover, level="warning", market_ms=now_ms)
        run.state = run.begun()
        await _inherit(run)
        await _missed(loop, late)
        if run.state == "paused":  # perhaps while nobody owned it: what rests was not given up then
            loop.stopping.give_up_entries()
        run.tale.tell("lifecycle", {"state": run.state, "reason": None, "by": None}, market_ms=now_ms)
        await run.flush()
        run.parts.reach("run.begun")


async def _inherit(run: RunState) -> None:
    """What the owner before asked for, or was about to."""
    keys = [*run.machine.unsent(), *run.machine.resting()]
    close = run.machine.close_wanted()
    ids = {run.asks.id_of(key): (key, 0) for key in keys}
    if close is not None:
        ids |= {run.asks.id_of(close.key, attempt): (close.key, attempt) for attempt in range(ATTEMPTS_MAX)}
    async with reading(run.parts.engine) as connection:
        found = await outcomes(connection, run.parts.account, list(ids))
        live = await open_orders(connection, run.parts.account, run.row.id)
        run.asks.told |= await told_intents(connection, run.parts.account, run.row.id, list(ids))
    for intent_id, (key, attempt) in ids.items():
        outcome = found.get(intent_id)
        if outcome is None:
            if key in keys:
                run.machine.recalled(key)  # it never left; `acting` sends it while there is time, by the same id
            continue
        kind = "place" if key in keys else "close"
        run.asks.know(intent_id, key)
        if kind == "place":
            run.machine.on_asked(key)
        elif not _is_open(outcome):
            run.attempts[key] = max(run.attempts.get(key, 0), attempt + 1)
            continue
        now_s = run.parts.clock.monotonic()
        run.asks.add(Ask(id=intent_id, kind="place" if kind == "place" else "close", key=key, since_s=now_s))
    for order_id in live:
        if IntentId(order_id) not in ids:
            # Nothing of it is remembered, so nobody would look after it.
            raise NotStarted("run.order_forgotten", order=str(order_id))


def _is_open(outcome: Outcome) -> bool:
    if outcome.state in UNSETTLED_INTENT_STATES:
        return True
    is_over = outcome.order_state in ("filled", "cancelled", "rejected", "expired")
    return outcome.state == "acknowledged" and not is_over


async def _missed(loop: RunLoop, late: list[Bar]) -> None:
    """Fills and bars since the last that was decided on, in the order in which they happened, as far as prices tell."""
    run, bars, taking = loop.run, loop.bars, loop.taking
    async with reading(run.parts.engine) as connection:
        untold = await untold_fills(connection, run.parts.account, run.row)
        known = await known_fills(connection, run.parts.account, run.row.instrument)
    taking.know(known - {fill.exec_id for fill in untold}, run.session.book.orders())
    fills = [_seen(fill) for fill in untold]
    for number, bar in enumerate(late):
        is_last = number == len(late) - 1
        for fill in list(fills):
            if decimal_of(bar.low) <= fill.price <= decimal_of(bar.high):
                taking.fill(fill, bar.open_time_ms)
                fills.remove(fill)
            else:
                break
        if is_last:
            bars.closed(bar, may_enter=True)
        else:
            bars.late(bar)
    for fill in fills:
        taking.fill(fill, run.open_ms)


def _seen(fill: UntoldFill) -> Seen:
    return Seen(
        exec_id=fill.exec_id,
        exchange_order_id=fill.exchange_order_id,
        link_id=fill.link_id,
        direction=1 if fill.side == "Buy" else -1,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        is_maker=fill.is_maker,
        exec_type=fill.exec_type,
        stop_type=fill.stop_order_type,
    )


def _setup(run: RunState, first_open_ms: int) -> Setup:
    run.first_open_ms = first_open_ms
    return Setup(
        filters=run.prepared.filters,
        capital=run.row.capital,
        taker_rate=run.prepared.taker_rate,
        first_open_ms=first_open_ms,
        max_position=run.prepared.limits.max_position,
        resting_max=RESTING_MAX,
    )
