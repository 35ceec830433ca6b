"""Isolated margin: what one position has of its own, where it is liquidated and where it has lost everything.

Lives here: the formulas, values in, values out. Not here: cross margin (`needs`, `margin`), when a liquidation happens
(`matching.liquidation`).
All by the entry price, as the help centre has it: initial margin = value / leverage, maintenance margin = value x rate
- deduction; liquidated when the loss at mark reaches initial + added - maintenance, bankrupt when it reaches initial +
added. The fee of closing at the bankruptcy price is kept on top, so a bust position costs its margin and no more.
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.contracts import rounded, value_of
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.risk_tiers import RiskTier


def initial(position: Position, spec: InstrumentSpec, tier: RiskTier) -> Decimal:
    """All that the position keeps from the wallet: margin, what was added, and the fee of closing (settle coin)."""
    price = bankruptcy_price(position, tier)
    fee = ZERO if price is None else value_of(position.symbol, abs(position.size), price) * spec.taker_fee_rate
    return rounded(_stake(position, tier) + fee)


def maintenance(position: Position, spec: InstrumentSpec, tier: RiskTier) -> Decimal:
    """What the position must keep, the fee of closing included (settle coin)."""
    return rounded(_maintenance(position, tier) + position.cost * spec.taker_fee_rate)


def liquidation_price(position: Position, tier: RiskTier) -> Decimal | None:
    """Mark price at which the position is taken over, exact; None if it is flat or there is no such price."""
    return _price_of_loss(position, _stake(position, tier) - _maintenance(position, tier))


def bankruptcy_price(position: Position, tier: RiskTier) -> Decimal | None:
    """Price at which the position has lost its margin, exact; None if it is flat or there is no such price."""
    return _price_of_loss(position, _stake(position, tier))


def is_reached(position: Position, price: Decimal | None, mark_price: Decimal) -> bool:
    """Whether the mark price has come to a liquidation price."""
    if price is None:
        return False
    return mark_price <= price if position.size > 0 else mark_price >= price


def _stake(position: Position, tier: RiskTier) -> Decimal:
    return position.cost / min(position.leverage, tier.max_leverage) + position.added_margin


def _maintenance(position: Position, tier: RiskTier) -> Decimal:
    return max(ZERO, position.cost * tier.maintenance_rate - tier.deduction)


def _price_of_loss(position: Position, loss: Decimal) -> Decimal | None:
    """Where a position has lost `loss` (settle coin)."""
    if not position.size:
        return None
    return position.price_of_profit(-loss)
