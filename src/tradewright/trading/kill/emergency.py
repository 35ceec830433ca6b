"""Taking an account down by asking the exchange itself what is open: cancel, and where wanted close, until nothing is.

Lives here: `TakeDown`, passes over one account. Not here: when one is due (`switch`), where it is written down
(`recorder`). It needs no database and no session, only the exchange: what is open is what the exchange says is open.

Each act is written down before it is done. A close has a client order id made of its cause, the position and its round,
so whoever repeats it after a crash repeats the same order, and the exchange takes it once; another round begins only
when the order of the round before is seen to have ended and the position is still there. Closes are reduce-only: none
of them can open anything.
Stops and take-profits of a position stay as long as it does: without them it would be naked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import (
    DuplicateLinkId,
    ExchangeError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Trace,
)
from tradewright.core.ids import intent_of, link_id_of
from tradewright.core.money import ZERO
from tradewright.core.order import FINAL_STATES, NewOrder, RemoteOrder, RemotePosition
from tradewright.core.side_by_side import side_by_side
from tradewright.exchange.ports import Acknowledged, OrderGateway
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.entries import (
    Answered,
    CancelBegun,
    Cause,
    CloseBegun,
    Outcome,
    answered_fields,
)
from tradewright.trading.kill.recorder import Recorder
from tradewright.trading.kill.store import act_id
from tradewright.trading.model import AccountRef
from tradewright.trading.watching import OnlyWatched

log = structlog.get_logger()

ROUNDS_MAX = 20  # closes of one position; each may fill a part
_LANDS_WITHIN_S = 6.0  # a request may be accepted so long after it was signed: the window, and what clocks are apart
_SETTLES_WITHIN_S = 1.0  # a position may be told as it was a moment before its order ended
SWEPT_FROM = 8  # orders of a category in the book
_CANCELS_AT_ONCE = 20
_CANCELLED_A_PASS_MAX = 1000

PositionKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Left:
    """What a pass found open: orders to be cancelled, and positions. `kept`: protecting orders of those positions."""

    orders: int
    positions: int
    kept: int


class CannotAct(OnlyWatched):
    """The kill switch finds something open and may not end it, because the account's key may only read."""

    def __init__(self, left: Left) -> None:
        super().__init__(
            f"orders to cancel: {left.orders}, positions: {left.positions}; the key may only read, so cancel and close"
            " at the exchange itself"
        )
        self.left = left


@dataclass(slots=True)
class Closing:
    """One position on its way out: the round, when its order was last sent, and when it was seen to have ended.
    `was_refused`: perhaps for its size, so the next one names none, and the exchange closes what it can."""

    number: int = 0
    was_refused: bool = False
    sent_s: float | None = None
    ended_s: float | None = None


@dataclass(slots=True)
class TakeDown:
    """Of one account, on one cause. `may_act` is asked before each act: nobody else may own the account."""

    account: AccountRef
    gateway: OrderGateway
    recorder: Recorder
    cause: Cause
    clock: Clock
    ids: Ids
    may_act: Callable[[], bool]
    reach: Reach = nowhere
    closing: dict[PositionKey, Closing] = field(default_factory=dict)  # may be that of an earlier try on this cause
    may_write: bool = True  # False: the key may only read

    async def look(self, *, close: bool, only_ours: bool = False) -> Left:
        """One pass: reads what is open and does what there is to do about it. What it returns is what it found, so only
        a pass that finds nothing says that nothing is left.

        `only_ours`: orders that we did not place are left alone, and so are those that can only reduce.
        Raises `ExchangeUnavailable` when it could not be read, `SpoolUnwritable` when it could not be written down,
        `NotSent` when this process may not act: then nothing is written down either; `CannotAct` where there is
        something to do and the key may only read.
        """
        self._must_act()
        orders, positions = await self._read()
        kept = [order for order in orders if is_protecting(order, positions)]
        doomed = [order for order in orders if order not in kept and (not only_ours or _is_our_opening(order))]
        left = Left(len(doomed), len(positions), len(kept))
        if not self.may_write and (doomed or (close and positions)):
            raise CannotAct(left)
        if doomed:
            await self._cancel(doomed[:_CANCELLED_A_PASS_MAX], may_sweep=not only_ours)
            self.reach("kill.cancelled")
        if close:
            await side_by_side(self._close(position) for position in positions)
        return left

    async def _read(self) -> tuple[Sequence[RemoteOrder], Sequence[RemotePosition]]:
        """Positions after orders: an entry that fills in between has its position, and a stop that is shown without one
        has lost it, and ended with it. The other way round the stop of such an entry would look as if it had none."""
        orders = await self.gateway.open_orders()
        if "linear" not in self.gateway.categories:
            return orders, []
        return orders, [position for position in await self.gateway.positions() if position.size != 0]

    # Cancelling.

    async def _cancel(self, orders: Sequence[RemoteOrder], *, may_sweep: bool) -> None:
        begun = [
            CancelBegun(
                id=self.ids.new(),
                at=self.clock.now(),
                account_id=self.account.id,
                act_id=act_id(self.cause.id, self.account.id, "cancel", order.exchange_order_id),
                req_id=self.ids.new(),
                cause=self.cause,
                category=order.instrument.category,
                symbol=order.instrument.symbol,
                exchange_order_id=order.exchange_order_id,
                link_id=order.link_id,
            )
            for order in orders
        ]
        self._must_act()
        await self.recorder.record(begun)
        pairs = list(zip(orders, begun, strict=True))
        answers = await self._sweep(pairs) if may_sweep else []
        answered = {entry.req_id for entry in answers}
        turns = asyncio.Semaphore(_CANCELS_AT_ONCE)
        answers += await side_by_side(
            self._cancel_one(order, entry, turns) for order, entry in pairs if entry.req_id not in answered
        )
        await self.recorder.record(answers)

    async def _sweep(self, pairs: Sequence[tuple[RemoteOrder, CancelBegun]]) -> list[Answered]:
        """Many orders of the book go in one request: one by one they would take as many seconds as there are tens. What
        the exchange does not name is cancelled by its own request."""
        found: list[Answered] = []
        for category in sorted({order.instrument.category for order, _ in pairs}):
            plain = {
                order.exchange_order_id: entry
                for order, entry in pairs
                if order.instrument.category == category and order.trigger_price is None and not order.stop_order_type
            }
            if len(plain) < SWEPT_FROM:
                continue
            try:
                self._must_act()
                named = await self.gateway.cancel_working(category)
            except ExchangeError as error:
                log.warning("kill.sweep_failed", account_id=str(self.account.id), error=str(error))
                continue
            found += [self._answered(plain[name], "acknowledged", Trace()) for name in named if name in plain]
        return found

    async def _cancel_one(self, order: RemoteOrder, begun: CancelBegun, turns: asyncio.Semaphore) -> Answered:
        async with turns:
            try:
                self._must_act()
                taken = await self.gateway.cancel(
                    order.instrument, link_id=None, exchange_order_id=order.exchange_order_id
                )
            except ExchangeError as error:
                return self._answered(begun, _outcome(error), error.trace)
            return self._answered(begun, "acknowledged", taken.trace)

    # Closing.

    async def _close(self, position: RemotePosition) -> None:
        """What is due of one position; where it cannot be found out, the next pass tries again."""
        try:
            await self._close_or_wait(position)
        except ExchangeError as error:
            log.warning("kill.close_unread", account_id=str(self.account.id), error=str(error))

    async def _close_or_wait(self, position: RemotePosition) -> None:
        key = (position.instrument.category, position.instrument.symbol, position.position_index)
        closing = self.closing.setdefault(key, Closing())
        now_s = self.clock.monotonic()
        if closing.ended_s is not None:
            if now_s - closing.ended_s < _SETTLES_WITHIN_S:
                return
            closing.number, closing.sent_s, closing.ended_s = closing.number + 1, None, None
        if closing.number >= ROUNDS_MAX:
            log.error("kill.close_given_up", account_id=str(self.account.id), symbol=key[1], rounds=ROUNDS_MAX)
            return
        # Also before the first: after a restart the rounds that were sent before are found one after another.
        order = self._order(position, closing)
        known = await self.gateway.find_order(order.instrument, link_id=order.link_id, exchange_order_id=None)
        if known is not None:
            if known.state in FINAL_STATES:
                closing.ended_s = self.clock.monotonic()
            return
        if closing.sent_s is not None and self.clock.monotonic() - closing.sent_s < _LANDS_WITHIN_S:
            return  # it may still land, or be shown
        await self._send(position, order, closing)

    def _order(self, position: RemotePosition, closing: Closing) -> NewOrder:
        instrument = position.instrument
        about = (instrument.category, instrument.symbol, str(position.position_index), str(closing.number))
        return NewOrder(
            link_id=link_id_of(act_id(self.cause.id, self.account.id, "close", *about)),
            instrument=instrument,
            side="Sell" if position.side == "Buy" else "Buy",
            order_type="Market",
            quantity=ZERO if closing.was_refused else position.size,
            price=None,
            time_in_force="IOC",
            reduce_only=True,
            position_index=position.position_index,
        )

    async def _send(self, position: RemotePosition, order: NewOrder, closing: Closing) -> None:
        assert position.side is not None, "a position that is not flat has a side"
        act = intent_of(order.link_id)
        assert act is not None, "the id was made here"
        begun = CloseBegun(
            id=self.ids.new(),
            at=self.clock.now(),
            account_id=self.account.id,
            act_id=act,
            req_id=self.ids.new(),
            cause=self.cause,
            category=order.instrument.category,
            symbol=order.instrument.symbol,
            side=position.side,
            size=position.size,
            position_index=position.position_index,
        )
        self._must_act()
        await self.recorder.record([begun])
        self.reach("kill.closing")
        closing.sent_s = self.clock.monotonic()
        try:
            self._must_act()
            taken = await self.gateway.place(order, may_go=self.may_act)
        except ExchangeError as error:
            outcome = _outcome(error)
            if outcome in ("refused", "not_sent"):
                closing.was_refused = outcome == "refused"
                closing.sent_s = None  # it certainly did not happen: the next pass may send it again, by the same id
            log.warning("kill.close_failed", account_id=str(self.account.id), symbol=begun.symbol, error=str(error))
            await self.recorder.record([self._answered(begun, outcome, error.trace)])
            return
        log.warning("kill.closing", account_id=str(self.account.id), symbol=begun.symbol, round=closing.number)
        await self.recorder.record([self._answered(begun, "acknowledged", taken.trace, taken)])

    def _must_act(self) -> None:
        must_act(self.may_act)

    def _answered(
        self,
        begun: CancelBegun | CloseBegun,
        outcome: Outcome,
        trace: Trace,
        taken: Acknowledged | None = None,
    ) -> Answered:
        return Answered(
            id=self.ids.new(),
            at=self.clock.now(),
            account_id=self.account.id,
            act_id=begun.act_id,
            req_id=begun.req_id,
            outcome=outcome,
            exchange_order_id=None if taken is None else taken.exchange_order_id,
            **answered_fields(trace),
        )


def must_act(may_act: Callable[[], bool]) -> None:
    """Raises `NotSent` where another process may own the account by now."""
    if not may_act():
        raise NotSent("this process may not act for the account any more")


def is_protecting(order: RemoteOrder, positions: Sequence[RemotePosition]) -> bool:
    """Whether an order is the stop or take-profit of a position that is open: it waits for a price, and can only take
    that position off."""
    if not (order.is_attached or order.close_on_trigger or (order.reduce_only and order.trigger_price is not None)):
        return False
    return any(
        held.instrument == order.instrument
        and held.size != 0
        and held.side != order.side
        and held.position_index in (0, order.position_index)
        for held in positions
    )


def _is_our_opening(order: RemoteOrder) -> bool:
    return intent_of(order.link_id) is not None and not order.reduce_only


def _outcome(error: ExchangeError) -> Outcome:
    match error:
        case DuplicateLinkId():
            return "duplicate"
        case Refused():
            return "refused"
        case NotSent():
            return "not_sent"
        case OutcomeUnknown():
            return "unknown"
        case _:
            return "unknown"  # whatever it was, the request may have left
