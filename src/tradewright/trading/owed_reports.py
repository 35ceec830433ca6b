"""Orders of which the exchange has told more fills than their last report says: that report is owed.

Lives here: `OwedReports`, fed with the facts that the journal has committed, and which orders are to be asked for.
Not here: asking (`look_backs`), what is held of an order (`account_book`).
Fills and reports of an order are told apart from each other, in any order. One that was lost on a connection that
lives on is told by nobody again, and until the next reading of everything a filled order would be shown as working.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.money import ZERO
from tradewright.core.order import Execution, RemoteOrder

REPORT_WITHIN_S = 5.0  # an order's report comes beside its fill; from then on it is asked for
ASKED_MAX = 4  # times for one number of fills
_FOLLOWED_MAX = 2_000  # orders; what is beyond it is left to the next reading of everything


@dataclass(slots=True)
class _Followed:
    """A live order: its fills by their ids, what it was last reported to have filled, and since when more is known."""

    fill: Execution  # the newest
    reported: Decimal
    filled: dict[ExecutionId, Decimal] = field(default_factory=dict)
    due_s: float | None = None
    asked: int = 0

    @property
    def is_owed(self) -> bool:
        return sum(self.filled.values(), ZERO) > self.reported


class OwedReports:
    """Of one account. Seconds are those of the monotonic clock."""

    def __init__(self) -> None:
        self._orders: OrderedDict[ExchangeOrderId, _Followed] = OrderedDict()

    def take_fill(self, fill: Execution, *, reported: Decimal) -> None:
        """Of an order that is not known to have ended, and that was last reported to have filled so much."""
        if fill.exec_type != "Trade":
            return
        order = self._orders.setdefault(fill.exchange_order_id, _Followed(fill, reported))
        if fill.exec_id not in order.filled:
            order.fill, order.filled[fill.exec_id] = fill, fill.quantity
            order.asked = 0
        if len(self._orders) > _FOLLOWED_MAX:
            self._orders.popitem(last=False)

    def take_report(self, report: RemoteOrder) -> None:
        """Of an order that lives on."""
        order = self._orders.get(report.exchange_order_id)
        if order is not None:
            order.reported = max(order.reported, report.filled_quantity)

    def forget(self, exchange_order_id: ExchangeOrderId) -> None:
        """It has ended."""
        self._orders.pop(exchange_order_id, None)

    def due(self, now_s: float) -> Sequence[Execution]:
        """A fill of each order that is to be asked for now. Whoever is told asks: it counts."""
        found = []
        for order in self._orders.values():
            if not order.is_owed or order.asked >= ASKED_MAX:
                order.due_s = None
            elif order.due_s is None:
                order.due_s = now_s + REPORT_WITHIN_S
            elif now_s >= order.due_s:
                order.due_s, order.asked = now_s + REPORT_WITHIN_S, order.asked + 1
                found.append(order.fill)
        return found
