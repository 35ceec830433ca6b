"""What a position and the orders beside it bind: initial and maintenance margin, in the settle coin.

Lives here: pure arithmetic over values. Not here: the account as a whole (`margin`), the figures of isolated positions
(`isolated`), refusing an order for lack of margin (`ledger`).
A cross position's initial margin is its value at mark over the leverage plus the fee of closing it; that of orders is
their opening part over the leverage plus the fees of opening and closing. The two sides of a position cannot both open
in full, so the larger one binds. The legs of hedge mode bind each for itself. The leverage is never more than the risk
tier allows.
Options: a bought one binds nothing once its premium is paid; an order to buy binds the premium; what is sold binds the
mark price and a share of the index less what it is out of the money. By the formula of the help centre with its factors
of BTC, not verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts import isolated
from tradewright.simulator.accounts.contracts import rounded, value_of
from tradewright.simulator.accounts.events import MarginMode, Side
from tradewright.simulator.accounts.listed import BindingOrders
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.risk_tiers import RiskTier, tier_at

_OPTION_INITIAL_MAX: Final = Decimal("0.15")  # of the index price
_OPTION_INITIAL_MIN: Final = Decimal("0.10")
_OPTION_MAINTENANCE: Final = Decimal("0.03")
_OPTION_LIQUIDATION_FEE: Final = Decimal("0.002")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the exchange asks of one listing at this moment. `index_price` is needed of options only, `tiers` are
    lowest first and empty for these.
    """

    spec: InstrumentSpec
    tiers: Sequence[RiskTier]
    mark_price: Decimal
    index_price: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Need:
    """Margin of one position, settle coin, rounded to eight places; `tier` is None for an option."""

    initial: Decimal
    maintenance: Decimal
    tier: RiskTier | None


def position_need(position: Position, terms: Terms, mode: MarginMode) -> Need:
    """What an open or flat position binds; isolated margin includes what was added by hand."""
    if terms.spec.is_option:
        return _option_need(position, terms)
    if mode == "ISOLATED_MARGIN":
        tier = tier_at(terms.tiers, position.cost)
        return Need(
            isolated.initial(position, terms.spec, tier), isolated.maintenance(position, terms.spec, tier), tier
        )
    value, fee_rate = position.value(terms.mark_price), terms.spec.taker_fee_rate
    tier = tier_at(terms.tiers, value)
    leverage = min(position.leverage, tier.max_leverage)
    return Need(
        rounded(value / leverage + value * fee_rate),
        rounded(max(ZERO, value * tier.maintenance_rate - tier.deduction) + value * fee_rate),
        tier,
    )


def order_need(orders: BindingOrders, position: Position, spec: InstrumentSpec, tiers: Sequence[RiskTier]) -> Decimal:
    """What the live orders of a contract's position bind beside it. It does not hang on the market's prices."""
    opening = max(opening_value(orders, position, "Buy"), opening_value(orders, position, "Sell"))
    leverage = min(position.leverage, tier_at(tiers, opening).max_leverage)
    return rounded(opening / leverage + 2 * opening * spec.taker_fee_rate)


def opening_value(orders: BindingOrders, position: Position, side: Side) -> Decimal:
    """Value of the part of one side's orders that would open, were they filled oldest first (settle coin)."""
    value, closes = orders.value(side), position.reducible(side)
    if not closes:
        return value
    for order in orders.of(side):
        if not closes:
            break
        covered = min(order.leaves, closes)
        closes -= covered
        value -= value_of(order.symbol, order.leaves, order.price)
        value += value_of(order.symbol, order.leaves - covered, order.price)
    return value


def exposure(orders: BindingOrders, position: Position, side: Side, mark_price: Decimal) -> Decimal:
    """What the position would be worth were all orders of one side filled (settle coin): what risk limits look at."""
    held = position.value(mark_price) if position.side == side else ZERO
    return held + opening_value(orders, position, side)


def option_order_need(orders: BindingOrders, position: Position, terms: Terms) -> Decimal:
    """The same as `order_need` of an option, where the market's prices count."""
    fee_rate = terms.spec.taker_fee_rate
    bought, sold = _opening(orders, position, "Buy"), _opening(orders, position, "Sell")
    premium = sum((opens * order.price for order, opens in bought), ZERO)
    short = sum((opens * (_short_option(terms) + max(order.price, terms.mark_price)) for order, opens in sold), ZERO)
    listed = (*orders.of("Buy"), *orders.of("Sell"))
    fees = sum((order.leaves * terms.index_price * fee_rate for order in listed), ZERO)
    return rounded(premium + short + fees)


def _opening(orders: BindingOrders, position: Position, side: Side) -> Iterable[tuple[Order, Decimal]]:
    closes = position.reducible(side)
    for order in orders.of(side):
        opens = max(ZERO, order.leaves - closes)
        closes = max(ZERO, closes - order.leaves)
        if opens:
            yield order, opens


def _option_need(position: Position, terms: Terms) -> Need:
    if position.size >= 0:
        return Need(ZERO, ZERO, None)
    size = -position.size
    rate = _OPTION_MAINTENANCE + _OPTION_LIQUIDATION_FEE
    return Need(
        rounded(size * (_short_option(terms) + terms.mark_price)),
        rounded(size * (terms.index_price * rate + terms.mark_price)),
        None,
    )


def _short_option(terms: Terms) -> Decimal:
    """Initial margin of one sold option, without its price."""
    assert terms.spec.strike is not None, f"{terms.spec.listing} has a strike price"
    way = terms.spec.strike - terms.index_price
    out_of_the_money = max(ZERO, way if terms.spec.option_type == "Call" else -way)
    return max(_OPTION_INITIAL_MAX * terms.index_price - out_of_the_money, _OPTION_INITIAL_MIN * terms.index_price)
