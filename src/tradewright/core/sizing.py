"""How much a wish comes to: an amount, a share of what is available, or what may be lost, as a quantity on the step.

Lives here: `quantity_of`. Not here: what the order then costs (`preview`), whether it may go (`order_rules`).
The page repeats it in `frontend/src/rules/sizing.ts`; both read `tests/data/sizing.json`. No I/O and no clock.
Everything is rounded down: a wish never comes to more than was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, assert_never

from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument, OrderType, Side

SizingUnit = Literal["base", "quote", "percent", "risk"]
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What a wish is judged by; None where it is not known.

    `price` is what the order is expected to be filled at, `available` is in the coin that the order costs (quote coin,
    for a spot sell base coin), `reducible` is what a reduce-only order could take off.
    """

    side: Side
    order_type: OrderType
    price: Decimal | None
    slippage_percent: Decimal | None = None  # of a market order: the worst price is what must be paid for
    stop_loss: Decimal | None = None
    reduce_only: bool = False
    available: Decimal | None = None
    reducible: Decimal | None = None
    leverage: Decimal | None = None
    taker_rate: Decimal = Decimal(0)


def quantity_of(instrument: Instrument, unit: SizingUnit, value: Decimal, by: Sizing) -> Decimal | Problem:
    """The quantity in base coin, rounded down to the step; or what is missing to say it.

    A base quantity stays as it was asked, on the step or not: its rule tells. Zero is an answer: the wish is too small.
    A spot market buy for an amount is not asked here: the exchange takes the amount itself.
    """
    if value <= 0 or (unit == "percent" and value > _HUNDRED):
        maximum = "100" if unit == "percent" else ""
        return Problem("sizing.range", "quantity", {"unit": unit, "maximum": maximum})
    match unit:
        case "base":
            return value
        case "quote":
            return Problem("sizing.needs_price", "price") if not by.price else _down(instrument, value / by.price)
        case "percent":
            return _share(instrument, value / _HUNDRED, by)
        case "risk":
            return _at_risk(instrument, value, by)
        case _:
            assert_never(unit)


def fee_and_margin(price: Decimal, side: Side, leverage: Decimal, taker_rate: Decimal) -> tuple[Decimal, Decimal]:
    """Of one base coin of a linear contract bought or sold at `price`: (fees of opening and closing, initial margin).

    Closing is reckoned at the bankruptcy price, which is what the exchange sets aside. Quote coin.
    """
    toward = -1 if side == "Buy" else 1
    bankruptcy = price * (1 + toward / leverage)
    return price * taker_rate + bankruptcy * taker_rate, price / leverage


def _share(instrument: Instrument, share: Decimal, by: Sizing) -> Decimal | Problem:
    if by.reduce_only:
        if by.reducible is None:
            return Problem("sizing.needs_position", "quantity")
        # All of it is all of it, also where the position is not on the step any more.
        return by.reducible if share == 1 else _down(instrument, by.reducible * share)
    if by.available is None:
        return Problem("sizing.needs_available", "quantity")
    if instrument.id.category == "spot" and by.side == "Sell":
        return _down(instrument, by.available * share)
    if not by.price:
        return Problem("sizing.needs_price", "price")
    price = by.price
    if by.order_type == "Market" and by.side == "Buy" and by.slippage_percent is not None:
        price *= 1 + by.slippage_percent / _HUNDRED
    if instrument.id.category == "spot":
        return _down(instrument, by.available * share / price)
    if by.leverage is None:
        return Problem("sizing.needs_leverage", "quantity")
    fees, margin = fee_and_margin(price, by.side, by.leverage, by.taker_rate)
    return _down(instrument, by.available * share / (fees + margin))


def _at_risk(instrument: Instrument, amount: Decimal, by: Sizing) -> Decimal | Problem:
    """So much that the stop-loss, with the fees of both ways, loses no more than `amount` (quote coin)."""
    if by.stop_loss is None:
        return Problem("sizing.risk_needs_stop", "stop_loss")
    if not by.price:
        return Problem("sizing.needs_price", "price")
    if (by.stop_loss >= by.price) if by.side == "Buy" else (by.stop_loss <= by.price):
        code = "order.exit_must_be_below" if by.side == "Buy" else "order.exit_must_be_above"
        return Problem(code, "stop_loss", {"value": f"{by.stop_loss:f}", "reference": f"{by.price:f}"})
    fees = (by.price + by.stop_loss) * by.taker_rate
    return _down(instrument, amount / (abs(by.price - by.stop_loss) + fees))


def _down(instrument: Instrument, quantity: Decimal) -> Decimal:
    return instrument.to_step_down(quantity)
