"""Cross margin of the account in its settle coin: what is bound, what is free, and where a position would be
liquidated.

Lives here: pure arithmetic over values. Not here: refusing an order for lack of margin (`engine`).
Only dollars, USDT and USDC, back contracts, at one for one; a coin bought on spot backs nothing, and what spot orders
lock of the dollars is not free for contracts. Initial margin of a position is its value at mark over the leverage plus
the fee of closing it; that of an order is its opening part over the leverage plus the fees of opening and closing.
The two sides of a symbol cannot both open in full, so the larger one binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from tradewright.simulator.accounts.events import Side
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import CENT, ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec

COLLATERAL = ("USDT", "USDC")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginView:
    """All in the settle coin, rounded to eight places. `wallet` is all collateral, `locked` what spot orders keep of
    it; `equity` is wallet plus unrealised profit.
    """

    wallet: Decimal
    locked: Decimal
    unrealised: Decimal
    position_initial: Decimal
    order_initial: Decimal
    maintenance: Decimal

    @property
    def equity(self) -> Decimal:
        return self.wallet + self.unrealised

    @property
    def initial(self) -> Decimal:
        return self.position_initial + self.order_initial

    @property
    def available(self) -> Decimal:
        """What new orders may bind; negative when losses have eaten the margin."""
        return self.equity - self.initial - self.locked


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def position_initial(position: Position, spec: InstrumentSpec, mark_price: Decimal) -> Decimal:
    value = abs(position.size) * mark_price
    return rounded(value / position.leverage + value * spec.taker_fee_rate)


def position_maintenance(position: Position, spec: InstrumentSpec, mark_price: Decimal) -> Decimal:
    value = abs(position.size) * mark_price
    return rounded(value * (spec.maintenance_margin_rate + spec.taker_fee_rate))


def order_initial(orders: Iterable[Order], position: Position, spec: InstrumentSpec) -> Decimal:
    """What the live orders of one symbol bind beside its position."""
    listed = [order for order in orders if not order.reduce_only]
    opening = max(_opening_value(listed, position, "Buy"), _opening_value(listed, position, "Sell"))
    return rounded(opening / position.leverage + 2 * opening * spec.taker_fee_rate)


def _opening_value(orders: list[Order], position: Position, side: Side) -> Decimal:
    """Value of the part of one side's orders that would open, were they filled oldest first (settle coin)."""
    closes = position.reducible(side)
    value = ZERO
    for order in orders:
        if order.side != side:
            continue
        opens = max(ZERO, order.leaves - closes)
        closes = max(ZERO, closes - order.leaves)
        value += opens * order.price
    return value


def view(
    *,
    wallet: Decimal,
    locked: Decimal,
    positions: Iterable[Position],
    orders: Iterable[Order],
    specs: Mapping[str, InstrumentSpec],
    marks: Mapping[str, Decimal],
) -> MarginView:
    """The account's margin now: `wallet` and `locked` of all collateral, `specs` by listing, `marks` (mark prices) of
    every open position. Spot orders and those that wait for a trigger bind no margin.
    """
    by_symbol = {position.symbol: position for position in positions}
    listed: dict[str, list[Order]] = {}
    for order in orders:
        if not (order.is_spot or order.is_dormant):
            listed.setdefault(order.symbol, []).append(order)
    held = [position for position in by_symbol.values() if position.size]
    return MarginView(
        wallet=wallet,
        locked=locked,
        unrealised=rounded(sum((p.unrealised(marks[p.symbol]) for p in held), ZERO)),
        position_initial=sum((position_initial(p, specs[p.symbol], marks[p.symbol]) for p in held), ZERO),
        order_initial=sum(
            (
                order_initial(orders_here, by_symbol.get(symbol) or Position(symbol=symbol), specs[symbol])
                for symbol, orders_here in listed.items()
            ),
            ZERO,
        ),
        maintenance=sum((position_maintenance(p, specs[p.symbol], marks[p.symbol]) for p in held), ZERO),
    )


def liquidation_price(
    position: Position, spec: InstrumentSpec, mark_price: Decimal, account: MarginView
) -> Decimal | None:
    """Mark price at which the account's equity meets its maintenance margin, all else equal; None if there is no such
    price.

    An estimate, as on the exchange: the other positions are taken at their present marks.
    """
    if not position.size:
        return None
    others = account.equity - position.unrealised(mark_price)
    others -= account.maintenance - position_maintenance(position, spec, mark_price)
    rate = spec.maintenance_margin_rate + spec.taker_fee_rate
    size = abs(position.size)
    if position.size > 0:
        price = (position.cost - others) / (size * (1 - rate))
    else:
        price = (position.cost + others) / (size * (1 + rate))
    return price if price > 0 else None
