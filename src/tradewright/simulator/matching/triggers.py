"""When a conditional order triggers, and on which side of the market its trigger may lie.

Lives here: pure rules over a trigger and a price. Not here: when prices are looked at (`floor`), reading a trigger
(`order_options`).
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.events import Trigger, TriggerBy
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import Market


def is_met(trigger: Trigger, price: Decimal) -> bool:
    """Whether the price has come to the trigger. A touch is enough."""
    return price >= trigger.price if trigger.rises else price <= trigger.price


def price_of(market: Market, symbol: str, by: TriggerBy) -> Decimal:
    """The price of a listing that a trigger looks at, as of where the market stands."""
    match by:
        case "MarkPrice":
            return market.mark_price(symbol)
        case "IndexPrice":
            return market.index_price(symbol)
        case _:
            return market.last_price(symbol)


def check_side(trigger: Trigger, current: Decimal) -> None:
    """Refuse a trigger the market has already passed. Raises `ApiError` 110092 (rising) or 110093 (falling)."""
    if not is_met(trigger, current):
        return
    seen = f"trigger_price[{trigger.price}] {'<=' if trigger.rises else '>='} current[{current}]"
    if trigger.rises:
        raise ApiError(RetCode.TRIGGER_NOT_ABOVE, f"expect Rising, but {seen}??{trigger.by}")
    raise ApiError(RetCode.TRIGGER_NOT_BELOW, f"expect Falling, but {seen}??{trigger.by}")
