"""Which fills of an account are a run's, and what they were: its own orders, its stop, its target, or somebody else.

Lives here: `FillReader`. Not here: what a fill changes (`machines`), where fills come from (`keeper`, `rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.bots.machines.model import Taker
from tradewright.bots.runner.asking import Asks, side_of
from tradewright.core.ids import IntentId, intent_of
from tradewright.core.money import ZERO, plain
from tradewright.core.order import ATTACHED_TYPES
from tradewright.strategy.prices import Direction

_TARGETS: Final = frozenset({"TakeProfit", "PartialTakeProfit"})
FUNDING: Final = "Funding"
TRADE: Final = "Trade"
_TYPES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A fill as the exchange told it, of the run's symbol."""

    exec_id: str
    exchange_order_id: str
    link_id: str
    direction: Direction
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool
    exec_type: str
    stop_type: str  # of its order, as far as it is known


@dataclass(frozen=True, slots=True)
class Ours:
    by: Taker
    key: str | None
    intent_id: IntentId | None
    quantity: Decimal  # that is the run's of it


class FillReader:
    """Of one run. `stop_types` by the exchange's order id: what it was told of orders that it made itself."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self._stop_types: dict[str, str] = {}

    def note_order(self, exchange_order_id: str, stop_type: str) -> None:
        if stop_type in ATTACHED_TYPES:
            self._stop_types[exchange_order_id] = stop_type
            if len(self._stop_types) > _TYPES_MAX:
                self._stop_types.pop(next(iter(self._stop_types)))

    def ours(self, fill: Seen, net: Decimal) -> Ours | None:
        """None: it is none of the run's, as far as its order tells. `net` is what the run holds (signed)."""
        intent_id = intent_of(fill.link_id)
        key = None if intent_id is None else self._asks.key_of(intent_id)
        if key is not None:
            return Ours("own", key, intent_id, fill.quantity)
        takes_off = net * fill.direction < 0
        if intent_id is not None or not takes_off:
            return None
        taken = min(fill.quantity, abs(net))
        if fill.exec_type != TRADE:
            return Ours("liquidation", None, None, taken)
        stop_type = fill.stop_type or self._stop_types.get(fill.exchange_order_id, "")
        if stop_type in _TARGETS:
            return Ours("target", None, None, taken)
        if stop_type in ATTACHED_TYPES:
            return Ours("stop", None, None, taken)
        return None


def funding_share(fill: Seen, net: Decimal) -> Decimal:
    """What of a funding payment is the run's: it is paid on the whole position of the symbol."""
    return fill.fee if not fill.quantity else fill.fee * min(abs(net) / fill.quantity, Decimal(1)) if net else ZERO


def payload_of(fill: Seen) -> dict[str, object]:
    """As its event tells it."""
    return {
        "side": side_of(fill.direction),
        "quantity": plain(fill.quantity),
        "price": plain(fill.price),
        "fee": plain(fill.fee),
        "is_maker": fill.is_maker,
        "exec_id": fill.exec_id,
        "type": fill.exec_type,
    }
