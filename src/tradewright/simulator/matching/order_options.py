"""What an order may carry beyond side, quantity and price: a trigger, a take-profit and stop-loss, a slippage bound.

Lives here: reading these from a body and the checks that need the instrument only; `read_create`, the whole create
command. Not here: the plain part (`commands`), checks against the market (`engine`), what becomes of them (`floor`).
Where the documentation names no code for a refusal it is 10001, which clients take as a plain refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import cast

from tradewright.simulator.accounts.events import (
    Leg,
    OrderType,
    Protection,
    Side,
    Slippage,
    SlippageUnit,
    Trigger,
    TriggerBy,
)
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching import spot_filters
from tradewright.simulator.matching.commands import BookPrice, PlaceOrder, Specs, check_price, read_symbol
from tradewright.simulator.matching.placing import UNSET as UNSET
from tradewright.simulator.matching.placing import read_place

TRIGGERS = ("LastPrice", "MarkPrice", "IndexPrice")
PERCENT_STEP = Decimal("0.01")


def read_create(body: Body, specs: Specs) -> PlaceOrder:
    """A create command with everything it carries. Raises `ApiError` with the code of the first rule it breaks."""
    command, spec = read_place(body, specs), read_symbol(body, specs)
    trigger = read_trigger(body, spec)
    protection = read_protection(body, spec)
    slippage, by_book = read_slippage(body), _read_by_book(body, spec, command.order_type)
    if protection is not None and spec.is_spot and (command.order_type != "Limit" or trigger is not None):
        raise bad_parameter("params error: takeProfit and stopLoss on spot need a limit order without a trigger")
    if protection is not None:
        if command.reduce_only:
            raise bad_parameter("params error: takeProfit and stopLoss cannot be set on a reduce-only order")
        entry = command.price if command.price is not None else trigger.price if trigger is not None else None
        if entry is not None:
            check_protection(protection, command.side, lambda leg: (entry, "order price"))
    if slippage is not None and (command.order_type != "Market" or trigger is not None):
        raise bad_parameter("params error: slippageTolerance is for market orders without a trigger")
    if by_book is not None and trigger is not None:
        raise bad_parameter("params error: bboSideType is not for conditional orders")
    return replace(
        command,
        trigger=trigger,
        protection=protection,
        slippage=slippage,
        by_book=by_book,
        stop_kind=command.stop_kind or ("Stop" if trigger is not None else ""),
    )


def _read_by_book(body: Body, spec: InstrumentSpec, order_type: OrderType) -> BookPrice | None:
    """Bybit's BBO: the limit is the price of a level, from 1 to 5, of one side of the book. Contracts only."""
    side, level = text(body, "bboSideType"), text(body, "bboLevel")
    if side in UNSET or spec.is_spot or spec.is_option:
        return None
    if side not in ("Queue", "Counterparty") or level not in ("1", "2", "3", "4", "5"):
        raise bad_parameter("params error: bboSideType must be Queue or Counterparty, bboLevel 1 to 5")
    if order_type != "Limit":
        raise bad_parameter("params error: bboSideType is for limit orders")
    return BookPrice(own_side=side == "Queue", level=int(level))


def read_trigger(body: Body, spec: InstrumentSpec) -> Trigger | None:
    """None where no trigger price is given. On spot clients give no direction; `engine` finds it."""
    if text(body, "triggerPrice") in UNSET:
        return None
    price = decimal(body, "triggerPrice", "triggerPrice invalid")
    if spec.is_spot:
        spot_filters.check_price(spec, price)
        return Trigger(price=price, rises=True)
    check_price(spec, price)
    direction = text(body, "triggerDirection")
    if direction not in ("1", "2"):
        raise bad_parameter("TriggerDirection invalid: 1 (the price rises to it) or 2 (it falls)")
    return Trigger(price=price, rises=direction == "1", by=read_by(body, "triggerBy"))


def read_protection(body: Body, spec: InstrumentSpec) -> Protection | None:
    """The take-profit and stop-loss of an entry; None where there is neither. Spot has no position to be whole of."""
    whole = read_whole(body, default=True) and not spec.is_spot
    take_profit = read_leg(body, spec, "tp", whole=whole)
    stop_loss = read_leg(body, spec, "sl", whole=whole)
    if take_profit is None and stop_loss is None:
        return None
    return Protection(whole=whole, take_profit=take_profit, stop_loss=stop_loss)


def read_whole(body: Body, *, default: bool) -> bool:
    """Whether `tpslMode` is Full; `default` when it is not given."""
    mode = text(body, "tpslMode")
    if mode not in ("", "Full", "Partial"):
        raise bad_parameter("params error: tpslMode must be Full or Partial")
    return default if not mode else mode == "Full"


def read_leg(body: Body, spec: InstrumentSpec, prefix: str, *, whole: bool) -> Leg | None:
    """The leg of `prefix` "tp" or "sl"; None where its trigger price is "" or "0"."""
    name = "takeProfit" if prefix == "tp" else "stopLoss"
    order_type = cast(OrderType, text(body, f"{prefix}OrderType") or "Market")
    if order_type not in ("Market", "Limit"):
        raise bad_parameter(f"params error: {prefix}OrderType must be Market or Limit")
    if text(body, name) in UNSET:
        return None
    check = spot_filters.check_price if spec.is_spot else check_price
    price = decimal(body, name, f"{name} invalid")
    check(spec, price)
    limit: Decimal | None = None
    if order_type == "Limit":
        if whole:
            raise bad_parameter(f"params error: {prefix}OrderType Limit needs tpslMode Partial")
        limit = decimal(body, f"{prefix}LimitPrice", f"{prefix}LimitPrice invalid")
        check(spec, limit)
    return Leg(price=price, by=read_by(body, f"{prefix}TriggerBy"), limit=limit)


def read_by(body: Body, name: str) -> TriggerBy:
    by = text(body, name) or "LastPrice"
    if by not in TRIGGERS:
        raise bad_parameter(f"params error: {name} must be one of {', '.join(TRIGGERS)}")
    return cast(TriggerBy, by)


def read_slippage(body: Body) -> Slippage | None:
    """The bound of a market order. Raises `ApiError` 110108 (ticks) or 110109 (per cent) outside of its range."""
    unit = text(body, "slippageToleranceType")
    if unit in ("", "UNKNOWN"):
        return None
    if unit not in ("TickSize", "Percent"):
        raise bad_parameter("params error: slippageToleranceType must be TickSize or Percent")
    tolerance = decimal(body, "slippageTolerance", "slippageTolerance invalid")
    if unit == "TickSize" and not (tolerance % 1 == 0 and 1 <= tolerance <= 10_000):
        raise ApiError(RetCode.SLIPPAGE_TICKS, "slippageTolerance must be a whole number from 1 to 10000 ticks")
    if unit == "Percent" and not (tolerance % PERCENT_STEP == 0 and PERCENT_STEP <= tolerance <= 10):
        raise ApiError(RetCode.SLIPPAGE_PERCENT, "slippageTolerance must be from 0.01 to 10 per cent, two decimals")
    return Slippage(unit=cast(SlippageUnit, unit), tolerance=tolerance)


def check_protection(protection: Protection, side: Side, base: Callable[[Leg], tuple[Decimal, str]]) -> None:
    """A take-profit lies where the position gains, a stop-loss where it loses, seen from `base` (price and its name).

    `side` is the position's. The code, 10001, is what clients report; the documentation names none.
    """
    for name, leg, above in (
        ("TakeProfit", protection.take_profit, side == "Buy"),
        ("StopLoss", protection.stop_loss, side == "Sell"),
    ):
        if leg is None:
            continue
        price, source = base(leg)
        if (leg.price <= price) if above else (leg.price >= price):
            word = "higher" if above else "lower"
            raise bad_parameter(
                f"{name}:{leg.price} set for {side} position should be {word} than base_price:{price}??{source}"
            )
