"""Instruments: what may be traded, and the rules an order must meet.

Lives here: `Instrument`, rounding in a named direction, and `order_problems`: the checks of price, quantity, notional.
Not here: where the rules come from (`exchange`), how they are cached (`market`).
The page repeats `order_problems` in `frontend/src/rules/order.ts`; both read the same test vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from tradewright.core.errors import Problem
from tradewright.core.money import multiple_below, plain

Category = Literal["linear", "spot"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
Side = Literal["Buy", "Sell"]
OrderType = Literal["Market", "Limit"]
TimeInForce = Literal["GTC", "IOC", "FOK", "PostOnly"]
TriggerBy = Literal["LastPrice", "MarkPrice", "IndexPrice"]
QuantityUnit = Literal["base", "quote"]  # quote: a spot market order that names what it is worth


@dataclass(frozen=True, slots=True)
class RiskTier:
    """One step of a contract's risk limits: up to `value_max` (quote coin) the position may have this leverage."""

    value_max: Decimal
    maintenance_rate: Decimal  # fraction of the value
    deduction: Decimal  # quote coin, taken off the maintenance margin
    leverage_max: Decimal


@dataclass(frozen=True, slots=True)
class InstrumentId:
    """Key of every table of instruments: the same symbol names a spot pair and a perpetual."""

    category: Category
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Trading rules of one instrument. Prices are quote per base, quantities base, notional quote."""

    id: InstrumentId
    status: str  # the exchange's word; only "Trading" may be traded
    base_coin: str
    quote_coin: str
    settle_coin: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_limit_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_leverage: Decimal
    min_leverage: Decimal = Decimal(1)
    leverage_step: Decimal = Decimal("0.01")
    quote_step: Decimal | None = None  # spot: the step of an amount in quote coin
    price_limit_ratio_x: Decimal | None = None  # of the exchange's price band, as its reference says
    price_limit_ratio_y: Decimal | None = None
    funding_interval_min: int | None = None
    launched_at_ms: int | None = None
    delivery_at_ms: int | None = None  # of a perpetual: when it is delisted
    risk_tiers: tuple[RiskTier, ...] = ()  # lowest first; empty where the exchange was not asked

    def to_step_down(self, quantity: Decimal) -> Decimal:
        """Largest tradable quantity not above `quantity` (base coin)."""
        return multiple_below(quantity, self.quantity_step)

    def to_tick_down(self, price: Decimal) -> Decimal:
        """Highest price on the grid not above `price`: the passive side of a buy."""
        return multiple_below(price, self.tick_size)

    def to_tick_up(self, price: Decimal) -> Decimal:
        """Lowest price on the grid not below `price`: the passive side of a sell."""
        below = self.to_tick_down(price)  # Decimal's // cuts towards zero, so negating twice would round down again
        return below if below == price else below + self.tick_size


def order_problems(
    instrument: Instrument,
    *,
    side: Side,
    order_type: OrderType,
    quantity: Decimal,
    price: Decimal | None,
    reference_price: Decimal | None,
    reduce_only: bool = False,
) -> list[Problem]:
    """Every fault of an order against its instrument's rules, in the order of the ticket's fields; empty when it fits.

    `reference_price` values a market order (last or mark price); without one its notional cannot be judged and is not.
    """
    problems: list[Problem] = []
    if instrument.status != "Trading":
        problems.append(Problem("order.instrument_not_trading", "symbol", {"status": instrument.status}))
    if order_type == "Limit":
        problems += price_problems(instrument, side, price)
    elif price is not None:
        problems.append(Problem("order.price_not_allowed", "price"))
    problems += quantity_problems(instrument, order_type, quantity)
    valued_at = price if order_type == "Limit" else reference_price
    if not problems and valued_at is not None and not reduce_only:
        notional = quantity * valued_at
        if notional < instrument.min_notional:
            params = {
                "minimum": plain(instrument.min_notional),
                "value": plain(notional),
                "coin": instrument.quote_coin,
            }
            problems.append(Problem("order.notional_min", "quantity", params))
    return problems


def price_problems(instrument: Instrument, side: Side, price: Decimal | None) -> list[Problem]:
    """The first fault of a price, or none. The suggestion is on the passive side."""
    if price is None:
        return [Problem("order.price_required", "price")]
    if price <= 0:
        return [Problem("order.price_positive", "price", {"value": plain(price)})]
    if not instrument.min_price <= price <= instrument.max_price:
        bounds = {"minimum": plain(instrument.min_price), "maximum": plain(instrument.max_price), "value": plain(price)}
        return [Problem("order.price_range", "price", bounds)]
    if price % instrument.tick_size != 0:
        nearest = instrument.to_tick_down(price) if side == "Buy" else instrument.to_tick_up(price)
        suggestion = {"tick": plain(instrument.tick_size), "value": plain(price), "suggestion": plain(nearest)}
        return [Problem("order.price_tick", "price", suggestion)]
    return []


def quantity_problems(instrument: Instrument, order_type: OrderType, quantity: Decimal) -> list[Problem]:
    """The first fault of a quantity in base coin, or none."""
    maximum = instrument.max_market_quantity if order_type == "Market" else instrument.max_limit_quantity
    if quantity <= 0:
        return [Problem("order.quantity_positive", "quantity", {"value": plain(quantity)})]
    if quantity < instrument.min_quantity:
        minimum = {"minimum": plain(instrument.min_quantity), "value": plain(quantity), "coin": instrument.base_coin}
        return [Problem("order.quantity_min", "quantity", minimum)]
    if quantity > maximum:
        limit = {"maximum": plain(maximum), "value": plain(quantity), "coin": instrument.base_coin}
        return [Problem("order.quantity_max", "quantity", limit)]
    if quantity % instrument.quantity_step != 0:
        nearest = instrument.to_step_down(quantity)
        step = {"step": plain(instrument.quantity_step), "value": plain(quantity), "suggestion": plain(nearest)}
        return [Problem("order.quantity_step", "quantity", step)]
    return []
