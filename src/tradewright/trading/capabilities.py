"""What an account cannot do is said before anything is sent, instead of tried and refused by the exchange.

Lives here: which capability an intent needs, and the rule that asks. Not here: what each environment has
(`exchange.bybit.environments`), whether the page offers it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tradewright.core.instrument import Category
from tradewright.exchange.bybit.environments import Capabilities
from tradewright.trading.model import (
    AmendIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
    instrument_of,
)


def needed(intent: Intent) -> Iterator[str]:
    """The names of the capabilities that an intent needs. A cancel needs none: whatever is there can be cancelled."""
    match intent:
        case PlaceIntent(order=order):
            if order.trigger is not None:
                yield "can_place_conditional"
            if order.take_profit is not None or order.stop_loss is not None:
                yield "can_attach_exits"
        case AmendIntent():
            yield "can_amend"
        case LeverageIntent():
            yield "can_set_leverage"
        case ExitsIntent(exits=exits):
            yield "can_attach_exits"
            if exits.trailing_stop:
                yield "can_trail_stops"
        case PositionModeIntent():
            yield "can_set_position_mode"
        case MarginModeIntent():
            yield "can_set_margin_mode"
        case _:
            return
    instrument = instrument_of(intent)
    if instrument is not None:
        yield _TRADING[instrument.category]


_TRADING: dict[Category, str] = {"linear": "can_trade_linear", "spot": "can_trade_spot"}


class CapabilityRule:
    """Of one account: what it lacks is refused by name. What takes something away is always tried."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities

    def judge(self, intent: Intent) -> Reason | None:
        if intent.reduces:
            return None
        lacking = next((name for name in needed(intent) if not getattr(self._capabilities, name)), None)
        return None if lacking is None else Reason("account.not_here", {"capability": lacking})
