"""The tables of one account in memory: what survives when the process that owns the account is killed.

Lives here: the rows, the events, and what a person asks (`propose_place` and its like). Every change is made by
one synchronous function, so it is whole or not there. Not here: the owner's transactions (`memory_journal`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, ExecutionId, IntentId, LinkId, RequestId, link_id_of, made_id
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.order import (
    FINAL_STATES,
    CoinBalance,
    Execution,
    MarginMode,
    NewOrder,
    OrderChange,
    PositionExits,
    RemoteOrder,
    RemotePosition,
    TrackedOrder,
)
from tradewright.core.order_status import UNSETTLED_INTENT_STATES, Asked, IntentState, OrderStatus, status_of
from tradewright.trading.bodies import CancelBody, CloseBody, ExitsBody, OwnBody, PlaceBody
from tradewright.trading.differences.model import Decision, State, foreign_part, place_of
from tradewright.trading.guardian.model import Guarded, ProtectionNews
from tradewright.trading.journal import Drift
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    IntentKind,
    LeverageIntent,
    MarginModeIntent,
    OwnSource,
    PlaceIntent,
    PositionModeIntent,
    Proposed,
    Reason,
    SymbolFacts,
)
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.proposals import close_order, must_close_all, part_order

HAND_VALIDITY = timedelta(seconds=10)
PROTECTING_VALIDITY = timedelta(minutes=5)
ARRIVES_WITHIN = timedelta(seconds=30)
POSITION_DUE = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class IntentRow:
    """What it asks is in the field of its kind: `order`, `target_id` alone or with `change`, `leverage` or `exits`."""

    id: IntentId
    kind: IntentKind
    number: int  # the order of arrival
    state: IntentState
    created_at: datetime
    instrument: InstrumentId  # of a margin mode it means nothing
    reduces: bool
    valid_until: datetime | None
    updated_at: datetime
    reason: Reason | None = None
    version: int = 1
    order: NewOrder | None = None
    reverses: tuple[Side, Decimal] | None = None  # the position that its sender saw
    closes: bool = False  # all of the position, at market
    seen_side: Side | None = None  # of the position that is closed or whose exits are set
    exchange_order_id: ExchangeOrderId | None = None  # of an order, once acknowledged
    target_id: UUID | None = None
    change: OrderChange | None = None
    leverage: Decimal | None = None
    exits: PositionExits | None = None
    hedge: bool | None = None
    margin_mode: MarginMode | None = None
    is_read_back: bool = False
    verdict: list[dict[str, str]] | None = None
    source: str = "manual"
    run_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class RequestRow:
    req_id: RequestId
    intent_id: IntentId
    attempt: int
    kind: str
    created_at: datetime
    signed_at: datetime | None = None
    outcome: str | None = None
    ret_code: int | None = None


@dataclass(slots=True, kw_only=True)
class OrderRow:
    id: UUID
    intent_id: IntentId | None
    report: RemoteOrder  # the first report, for what never changes
    tracked: TrackedOrder
    updated_at: datetime  # when it was last booked


@dataclass(slots=True)
class ExecutionRow:
    execution: Execution
    order_id: UUID | None
    position_index: int = 0


@dataclass(slots=True)
class PositionRow:
    position: RemotePosition
    base_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    seq: int
    kind: str
    source: str
    ref: UUID | None
    payload: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class DifferenceRow:
    id: UUID
    kind: str
    subject: str
    instrument: InstrumentId | None
    position_index: int
    order_id: UUID | None
    part: Decimal | None
    ours: str
    theirs: str
    state: State
    version: int = 1
    told: bool = True
    decision: Decision | None = None
    decided_version: int | None = None
    always: bool = False
    close_id: IntentId | None = None
    why: str | None = None


PositionKey = tuple[str, str, int]


@dataclass(slots=True)
class MemoryDatabase:
    """Tables of one account. `notified` lists one entry a transaction that told something: its last sequence."""

    intents: dict[IntentId, IntentRow] = field(default_factory=dict)
    requests: dict[RequestId, RequestRow] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)  # by the exchange's order id
    executions: dict[ExecutionId, ExecutionRow] = field(default_factory=dict)
    positions: dict[PositionKey, PositionRow] = field(default_factory=dict)
    balances: dict[str, CoinBalance] = field(default_factory=dict)
    totals: tuple[Decimal | None, Decimal | None] = (None, None)
    events: list[EventRow] = field(default_factory=list)
    events_forgotten: int = 0
    protections: dict[PositionKey, Guarded] = field(default_factory=dict)
    protection_news: list[tuple[datetime, ProtectionNews, Guarded]] = field(default_factory=list)
    notified: list[int] = field(default_factory=list)
    wallet_reported_at: datetime | None = None
    executions_read_until: datetime | None = None
    differences: list[DifferenceRow] = field(default_factory=list)  # in the order in which they were found
    reconciled_at: datetime | None = None
    margin_mode: str | None = None
    hedged: dict[InstrumentId, bool] = field(default_factory=dict)
    symbols: dict[InstrumentId, SymbolFacts] = field(default_factory=dict)
    session: tuple[str, Fault | None] = ("connecting", None)
    epoch: int = 0  # of the newest owner; what an older one writes is refused

    @property
    def drift_count(self) -> int:
        """Of those that wait."""
        return sum(row.state == "open" for row in self.differences)

    def claim(self) -> int:
        """Somebody owns the account from here on."""
        self.epoch += 1
        return self.epoch

    def found(self, drift: Drift) -> DifferenceRow:
        """A new difference, written down."""
        instrument, index = place_of(drift)
        order = self.orders.get(drift.subject)
        if instrument is None and order is not None:
            instrument = order.report.instrument
        decided = [
            row
            for row in self.differences
            if row.kind == "order.foreign" and row.instrument == instrument and row.decision == "ignore"
        ]
        is_left_alone = drift.kind == "order.foreign" and bool(decided) and decided[-1].always
        self.differences.append(
            DifferenceRow(
                id=made_id("difference", drift.kind, drift.subject, str(len(self.differences))),
                kind=drift.kind,
                subject=drift.subject,
                instrument=instrument,
                position_index=index or 0,
                order_id=None if order is None else order.id,
                part=foreign_part(drift),
                ours=drift.ours,
                theirs=drift.theirs,
                state="ignored" if is_left_alone else "open",
                told=not is_left_alone,
            )
        )
        return self.differences[-1]

    # What a person asks, committed at once as by the commands.

    def _propose(
        self, intent_id: IntentId, kind: IntentKind, now: datetime, *, reduces: bool, **asked: Any
    ) -> IntentId:
        validity = PROTECTING_VALIDITY if reduces else HAND_VALIDITY
        assert intent_id not in self.intents, "ids are unique"
        self.intents[intent_id] = IntentRow(
            id=intent_id,
            kind=kind,
            number=len(self.intents),
            state="proposed",
            created_at=now,
            updated_at=now,
            reduces=reduces,
            valid_until=None if kind == "cancel" else now + validity,
            **asked,
        )
        return intent_id

    def propose_place(self, body: PlaceBody, now: datetime) -> IntentId:
        order = NewOrder(
            link_id=link_id_of(body.id),
            instrument=InstrumentId(body.category, body.symbol),
            side=body.side,
            order_type=body.order_type,
            quantity=body.quantity,
            price=body.price,
            time_in_force=body.time_in_force,
            reduce_only=body.reduce_only,
            quantity_unit=body.quantity_unit,
            trigger=body.trigger,
            take_profit=body.take_profit,
            stop_loss=body.stop_loss,
            slippage_percent=body.slippage_percent,
            position_index=body.position_index,
        )
        return self.propose_order(body.id, order, now)

    def propose_order(self, intent_id: IntentId, order: NewOrder, now: datetime, **about: Any) -> IntentId:
        return self._propose(
            intent_id, "place", now, reduces=order.reduce_only, order=order, instrument=order.instrument, **about
        )

    def propose_close(self, intent_id: IntentId, instrument: InstrumentId, now: datetime) -> IntentId | None:
        """All of the position, at market; None when there is none."""
        held = self.positions.get((instrument.category, instrument.symbol, 0))
        if held is None or held.position.side is None:
            return None
        order = _market(intent_id, instrument, held.position.side, held.position.size, reduce_only=True)
        return self.propose_order(intent_id, order, now, closes=True, seen_side=held.position.side)

    def propose_reverse(self, intent_id: IntentId, instrument: InstrumentId, now: datetime) -> IntentId | None:
        held = self.positions.get((instrument.category, instrument.symbol, 0))
        if held is None or held.position.side is None:
            return None
        order = _market(intent_id, instrument, held.position.side, 2 * held.position.size, reduce_only=False)
        return self.propose_order(intent_id, order, now, reverses=(held.position.side, held.position.size))

    def propose_cancel(self, intent_id: IntentId, target_id: UUID, instrument: InstrumentId, now: datetime) -> IntentId:
        return self._propose(intent_id, "cancel", now, reduces=True, target_id=target_id, instrument=instrument)

    def propose_amend(
        self, intent_id: IntentId, target_id: UUID, instrument: InstrumentId, change: OrderChange, now: datetime
    ) -> IntentId:
        held = self._held(target_id)
        only_quantity = change == OrderChange(quantity=change.quantity)
        is_alone = not any(
            row.kind == "amend" and row.target_id == target_id and self._is_pending(row)
            for row in self.intents.values()
        )
        reduces = only_quantity and is_alone and (change.quantity or held.quantity) < held.quantity  # type: ignore[operator]
        return self._propose(
            intent_id,
            "amend",
            now,
            reduces=reduces,
            target_id=target_id,
            instrument=instrument,
            change=change,
        )

    def propose_leverage(
        self, intent_id: IntentId, instrument: InstrumentId, leverage: Decimal, now: datetime
    ) -> IntentId:
        return self._propose(intent_id, "leverage", now, reduces=False, instrument=instrument, leverage=leverage)

    def propose_position_mode(
        self, intent_id: IntentId, instrument: InstrumentId, hedge: bool, now: datetime
    ) -> IntentId:
        return self._propose(intent_id, "position_mode", now, reduces=False, instrument=instrument, hedge=hedge)

    def propose_margin_mode(self, intent_id: IntentId, mode: MarginMode, now: datetime) -> IntentId:
        nothing = InstrumentId("linear", "")
        return self._propose(intent_id, "margin_mode", now, reduces=False, instrument=nothing, margin_mode=mode)

    def propose_exits(
        self, intent_id: IntentId, instrument: InstrumentId, exits: PositionExits, now: datetime
    ) -> IntentId:
        held = self.positions.get((instrument.category, instrument.symbol, exits.position_index))
        return self._propose(
            intent_id,
            "exits",
            now,
            reduces=not exits.removes_one,
            instrument=instrument,
            exits=exits,
            seen_side=None if held is None else held.position.side,
        )

    # What the owner itself wants sent.

    def propose_own(
        self,
        body: OwnBody,
        now: datetime,
        *,
        source: OwnSource,
        validity: timedelta | None,
        run_id: UUID | None = None,
    ) -> Proposed:
        if body.id in self.intents:
            return "known"
        match body:
            case CancelBody():
                order, intent = self.order_by_id(body.order_id), self.intents.get(IntentId(body.order_id))
                if (order is None and intent is None) or self._has_ended(body.order_id):
                    return "moot"
                if any(
                    row.kind == "cancel" and row.target_id == body.order_id and row.state in UNSETTLED_INTENT_STATES
                    for row in self.intents.values()
                ):
                    return "known"
                instrument = (
                    order.report.instrument if order is not None else self.intents[IntentId(body.order_id)].instrument
                )
                self.propose_cancel(body.id, body.order_id, instrument, now)
            case CloseBody():
                must_close_all(body)
                held = self._of_side(body.instrument, body.side)
                if held is None:
                    return "moot"
                order_asked = close_order(body, held.position.size, held.position.position_index)
                self.propose_order(body.id, order_asked, now, closes=True, seen_side=body.side)
            case ExitsBody():
                held = self.positions.get((body.category, body.symbol, body.exits.position_index))
                if held is None or held.position.side is None or not held.position.size:
                    return "moot"
                self.propose_exits(body.id, body.instrument, body.exits, now)
            case PlaceBody():
                self.propose_order(body.id, part_order(body), now)
            case _:
                assert_never(body)
        row = self.intents[body.id]
        row.source, row.run_id = source, run_id
        row.valid_until = None if validity is None else now + validity
        return "proposed"

    def write_own(self, own: OwnOrder, intent: PlaceIntent, now: datetime) -> bool:
        """An own order as it leaves; False where its id is known."""
        if intent.id in self.intents or self.order_by_id(intent.id) is not None:
            return False
        self.propose_order(intent.id, own.body.order, now)
        row = self.intents[intent.id]
        row.state, row.source, row.run_id, row.verdict = "sending", own.source, own.run_id, intent.verdict
        row.valid_until = now + own.validity
        return True

    def _of_side(self, instrument: InstrumentId, side: Side) -> PositionRow | None:
        """The position, or the leg, that has this side and is not flat."""
        for index in (0, 1, 2):
            held = self.positions.get((instrument.category, instrument.symbol, index))
            if held is not None and held.position.side == side and held.position.size:
                return held
        return None

    def _has_ended(self, order_id: UUID) -> bool:
        """Whether the order has ended, or there never was one."""
        order, intent = self.order_by_id(order_id), self.intents.get(IntentId(order_id))
        if order is not None:
            return order.tracked.state in FINAL_STATES
        return intent is not None and intent.state in ("refused", "expired", "rejected", "not_placed")

    @property
    def newest_event(self) -> int:
        return len(self.events) + self.events_forgotten

    def order_by_id(self, order_id: UUID | None) -> OrderRow | None:
        return next((row for row in self.orders.values() if row.id == order_id), None)

    def order_of(self, intent_id: IntentId) -> OrderRow | None:
        return next((row for row in self.orders.values() if row.intent_id == intent_id), None)

    def requests_of(self, intent_id: IntentId) -> list[RequestRow]:
        return [row for row in self.requests.values() if row.intent_id == intent_id]

    def status(self, intent_id: IntentId) -> OrderStatus:
        """The status of an order of ours, by the one table."""
        row = self.intents[intent_id]
        order = self.order_of(intent_id)
        asked: Asked = "nothing"
        for since in self.intents.values():
            if since.target_id != intent_id:
                continue
            if since.kind == "cancel":
                gone = since.state in ("refused", "expired", "rejected", "not_placed") or since.is_read_back
                asked = asked if gone else "cancel"
            elif asked == "nothing" and self._is_pending(since):
                asked = "amend"
        return status_of(row.state, None if order is None else order.tracked.state, asked)

    def intent_value(self, row: IntentRow, now: datetime) -> Intent:
        """The row as the owner holds it."""
        match row.kind:
            case "place":
                assert row.order is not None
                return PlaceIntent(
                    id=row.id,
                    state=row.state,
                    order=row.order,
                    valid_until=row.valid_until,
                    turns=row.reverses is not None,
                    closes_all=row.closes,
                    is_outdated=self._is_outdated(row),
                    is_behind=row.reverses is not None and self._position_moves(row, now),
                )
            case "cancel":
                return CancelIntent(**self._target(row), is_early=self._is_early(row))
            case "amend":
                assert row.change is not None
                assert row.target_id is not None
                held = self._held(row.target_id)
                asked = row.change.quantity
                grows = row.reduces and asked is not None and held.quantity is not None and asked > held.quantity
                return AmendIntent(
                    **self._target(row),
                    asked=row.change,
                    change=self._differing(row.change, held),
                    reduces=row.reduces and not grows,
                    is_outdated=grows,
                    valid_until=row.valid_until,
                    is_behind=any(
                        other.target_id == row.target_id and other is not row and self._is_ahead(other)
                        for other in self.intents.values()
                    ),
                )
            case "leverage":
                assert row.leverage is not None
                return LeverageIntent(
                    id=row.id,
                    state=row.state,
                    instrument=row.instrument,
                    leverage=row.leverage,
                    valid_until=row.valid_until,
                    is_behind=self._is_behind_alike(row),
                )
            case "exits":
                assert row.exits is not None
                return ExitsIntent(
                    id=row.id,
                    state=row.state,
                    instrument=row.instrument,
                    exits=row.exits,
                    reduces=row.reduces,
                    valid_until=row.valid_until,
                    is_outdated=self._is_outdated(row),
                    is_behind=any(
                        other.kind == "exits" and other is not row and other.instrument == row.instrument
                        for other in self.intents.values()
                        if other.state == "sending"
                        or (other.state == "unknown" and other.updated_at > now - ARRIVES_WITHIN)
                    ),
                )
            case "position_mode":
                assert row.hedge is not None
                return PositionModeIntent(
                    id=row.id,
                    state=row.state,
                    instrument=row.instrument,
                    hedge=row.hedge,
                    valid_until=row.valid_until,
                    is_behind=self._is_behind_alike(row),
                )
            case "margin_mode":
                assert row.margin_mode is not None
                return MarginModeIntent(
                    id=row.id,
                    state=row.state,
                    mode=row.margin_mode,
                    valid_until=row.valid_until,
                    is_behind=self._is_behind_alike(row),
                )
            case _:
                assert_never(row.kind)

    def _is_behind_alike(self, row: IntentRow) -> bool:
        """Whether nobody knows yet what became of an earlier one of the same kind and thing."""
        return any(
            other.kind == row.kind and other is not row and other.state in ("sending", "unknown")
            for other in self.intents.values()
            if other.instrument == row.instrument
        )

    @staticmethod
    def _is_pending(row: IntentRow) -> bool:
        return row.state in UNSETTLED_INTENT_STATES or (row.state == "acknowledged" and not row.is_read_back)

    @staticmethod
    def _is_ahead(row: IntentRow) -> bool:
        """Whether an amend must be through before the next of the same order."""
        is_open = row.state in ("sending", "unknown") or (row.state == "acknowledged" and not row.is_read_back)
        return row.kind == "amend" and is_open

    def _is_outdated(self, row: IntentRow) -> bool:
        index = row.exits.position_index if row.exits is not None else row.order.position_index if row.order else 0
        held = self.positions.get((row.instrument.category, row.instrument.symbol, index))
        if row.reverses is not None:
            return held is None or (held.position.side, held.position.size) != row.reverses
        sides = {row.seen_side, None if held is None else held.position.side}
        return sides == {"Buy", "Sell"}

    def _position_moves(self, row: IntentRow, now: datetime) -> bool:
        """Whether an order other than this one moves its position now, or has, and the position was not told since."""
        for other in self.intents.values():
            if other is row or other.order is None or other.instrument != row.instrument:
                continue
            order = self.order_of(other.id)
            goes_at_once = other.order.order_type == "Market" or other.order.time_in_force in ("IOC", "FOK")
            if other.state in ("sending", "unknown"):
                return True
            if other.state == "acknowledged" and (
                order is None
                or (goes_at_once and order.tracked.state in ("working", "partially_filled", "unrecognised"))
            ):
                return True
        held = self.positions.get((row.instrument.category, row.instrument.symbol, 0))
        return held is not None and any(
            order.report.instrument == row.instrument
            and order.tracked.filled_quantity > 0
            and order.updated_at > now - POSITION_DUE
            and order.tracked.updated_at > held.position.updated_at
            for order in self.orders.values()
        )

    def _is_early(self, row: IntentRow) -> bool:
        """Whether nobody knows yet whether the exchange has the order that is cancelled."""
        if row.target_id is None or self.order_by_id(row.target_id) is not None:
            return False
        target = self.intents.get(IntentId(row.target_id))
        return target is not None and target.state in UNSETTLED_INTENT_STATES

    def _held(self, target_id: UUID) -> OrderChange:
        """What can be amended of an order, as we hold it."""
        row = self.order_by_id(target_id)
        if row is not None:
            held = row.tracked
            return OrderChange(
                quantity=held.quantity,
                price=held.price,
                trigger_price=held.trigger_price,
                take_profit=held.take_profit,
                stop_loss=held.stop_loss,
            )
        order = self.intents[IntentId(target_id)].order
        assert order is not None, "what is amended is an order"
        return OrderChange(
            quantity=order.quantity,
            price=order.price,
            trigger_price=None if order.trigger is None else order.trigger.price,
            take_profit=None if order.take_profit is None else order.take_profit.trigger_price,
            stop_loss=None if order.stop_loss is None else order.stop_loss.trigger_price,
        )

    @staticmethod
    def _differing(asked: OrderChange, held: OrderChange) -> OrderChange:
        kept = {}
        for one in fields(OrderChange):
            before = getattr(held, one.name)
            if one.name in ("take_profit", "stop_loss"):
                before = before or Decimal(0)
            value = getattr(asked, one.name)
            kept[one.name] = None if value == before else value
        return OrderChange(**kept)

    def _target(self, row: IntentRow) -> dict[str, Any]:
        assert row.target_id is not None, "it is about an order"
        order = self.order_by_id(row.target_id)
        target = self.intents.get(IntentId(row.target_id))
        link = order.report.link_id if order is not None else (link_id_of(target.id) if target is not None else "")
        return {
            "id": row.id,
            "state": row.state,
            "target_id": row.target_id,
            "instrument": row.instrument,
            "target_link_id": LinkId(link) if link else None,
            "target_exchange_order_id": (
                order.report.exchange_order_id if order is not None else (target and target.exchange_order_id)
            ),
            "target_final": (
                order.tracked.state in FINAL_STATES
                if order is not None
                else target is not None and target.state in ("refused", "expired", "rejected", "not_placed")
            ),
        }


def _market(
    intent_id: IntentId, instrument: InstrumentId, held: Side, quantity: Decimal, *, reduce_only: bool
) -> NewOrder:
    return NewOrder(
        link_id=link_id_of(intent_id),
        instrument=instrument,
        side="Sell" if held == "Buy" else "Buy",
        order_type="Market",
        quantity=quantity,
        price=None,
        time_in_force="IOC",
        reduce_only=reduce_only,
    )
