"""What the exchange twin holds: an order from placing to its end, and what the fills of a symbol add up to.

Lives here: `TwinOrder`, `Holding`. Not here: what happens to them (`exchange_twin`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId
from tradewright.core.order import NewOrder, OrderState, RemoteOrder

ENDED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Deactivated"})
_STATES: dict[str, OrderState] = {
    "Untriggered": "waiting_trigger",
    "New": "working",
    "PartiallyFilled": "partially_filled",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
    "Deactivated": "cancelled",
}


@dataclass(slots=True, kw_only=True)
class TwinOrder:
    order_id: ExchangeOrderId
    asked: NewOrder  # as it stands: an amend replaces it
    created_at: datetime
    updated_at: datetime
    visible_at_s: float  # on the loop's clock
    status: str = "New"
    rests: bool = False  # in the book, where the market may come to it
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    stop_order_type: str = ""
    parent_link_id: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def rest(self) -> Decimal:
        return self.asked.quantity - self.filled

    def report(self) -> RemoteOrder:
        asked = self.asked
        return RemoteOrder(
            exchange_order_id=self.order_id,
            link_id=asked.link_id,
            instrument=asked.instrument,
            side=asked.side,
            order_type=asked.order_type,
            time_in_force=asked.time_in_force,
            quantity=asked.quantity,
            price=asked.price,
            state=_STATES[self.status],
            filled_quantity=self.filled,
            average_price=self.cost / self.filled if self.filled else None,
            reduce_only=asked.reduce_only,
            reject_reason="EC_NoError",
            cancel_type="UNKNOWN",
            raw_status=self.status,
            created_at=self.created_at,
            updated_at=self.updated_at,
            trigger_price=None if asked.trigger is None else asked.trigger.price,
            trigger_by="" if asked.trigger is None else asked.trigger.by,
            trigger_rises=None if asked.trigger is None else asked.trigger.rises,
            take_profit=None if asked.take_profit is None else asked.take_profit.trigger_price,
            stop_loss=None if asked.stop_loss is None else asked.stop_loss.trigger_price,
            stop_order_type=self.stop_order_type,
            parent_link_id=self.parent_link_id,
            close_on_trigger=bool(self.stop_order_type) and self.stop_order_type != "Stop",
        )


@dataclass(slots=True)
class Holding:
    """What the fills of one instrument add up to. `changes` grows with every fill and every setting: never older."""

    size: Decimal = Decimal(0)  # signed
    entry: Decimal | None = None
    changes: int = 0
    updated_at: datetime | None = None
