"""How many orders may live at once, by kind.

Lives here: Bybit's caps and the refusal beyond each. Not here: the rate of commands (`rest`), the other rules of an
order (`commands`, `engine`). Conditional orders and active ones are counted apart; stops of positions not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.matching import protection
from tradewright.simulator.matching.commands import PlaceOrder

ACTIVE_MAX = 500  # per contract; of all pairs together on spot
STOPS_MAX = 10  # conditional orders per contract
OPTIONS_MAX = 50  # of one coin
SPOT_STOPS_MAX = 30  # per pair, and as many that carry take-profit and stop-loss


def check_contract(command: PlaceOrder, *, active: int, dormant: Sequence[Order]) -> None:
    """`active` and `dormant` are the orders of the contract. Raises `ApiError` 110009 (conditional), 110061 (partial
    take-profit and stop-loss pairs), 110020 (active).
    """
    asks = command.protection
    if command.trigger is not None:
        if _stops(dormant) >= STOPS_MAX:
            raise ApiError(RetCode.TOO_MANY_STOPS, f"You have reached the limit of {STOPS_MAX} stop orders.")
    elif active >= ACTIVE_MAX:
        raise ApiError(RetCode.TOO_MANY_ORDERS, f"You have reached the limit of {ACTIVE_MAX} active orders.")
    if asks is not None and not asks.whole and protection.pairs(dormant) >= protection.PAIRS_MAX:
        raise ApiError(RetCode.TOO_MANY_PROTECTIONS, f"At most {protection.PAIRS_MAX} partial TP/SL are allowed.")


def check_option(active: int) -> None:
    """`active` are the orders of options of the coin. Raises `ApiError` 110020."""
    if active >= OPTIONS_MAX:
        raise ApiError(RetCode.TOO_MANY_ORDERS, f"You have reached the limit of {OPTIONS_MAX} orders of options.")


def check_spot(command: PlaceOrder, *, live: int, dormant: Sequence[Order]) -> None:
    """`live` are the orders of all pairs, `dormant` those of the pair. Raises `ApiError` 170810."""
    if live >= ACTIVE_MAX:
        raise ApiError(RetCode.SPOT_TOO_MANY_ORDERS, f"Cannot exceed maximum of {ACTIVE_MAX} orders.")
    if command.trigger is not None and _stops(dormant) >= SPOT_STOPS_MAX:
        raise ApiError(RetCode.SPOT_TOO_MANY_ORDERS, f"Cannot exceed maximum of {SPOT_STOPS_MAX} stop orders.")
    if command.protection is not None and protection.pairs(dormant) >= SPOT_STOPS_MAX:
        raise ApiError(RetCode.SPOT_TOO_MANY_ORDERS, f"Cannot exceed maximum of {SPOT_STOPS_MAX} TP/SL orders.")


def _stops(dormant: Sequence[Order]) -> int:
    return sum(not order.is_protective for order in dormant)
