"""Delivery: dated contracts and options end, and what is still held of them is settled in cash.

Lives here: when and at what price. Not here: the settlement price (`market`), the batch (`house_orders`).
A contract is settled at the market's settlement price, an option at what it is worth by it: its intrinsic value. There
is no delivery fee (Bybit takes one; its rate is not in the documentation of its interface).
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.events import ExecType
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.decisions import ended
from tradewright.simulator.matching.house_orders import SETTLED, close_at
from tradewright.simulator.matching.ledger import Ledger


def settle(ledger: Ledger) -> None:
    """End the orders and close the positions of everything that was delivered by now; once, because after it there is
    nothing left. What the market has no settlement price of yet waits.
    """
    account, now_ms = ledger.account, ledger.market.now_ms
    held = {position.symbol for position in account.positions.values() if position.size}
    for listing in sorted(held | account.live_listings()):
        spec = ledger.specs[listing]
        if not 0 < spec.delivery_ms <= now_ms:
            continue
        underlying = ledger.market.settlement_price(listing)
        if underlying is None:
            continue
        scene = ledger.scene(listing)
        cancel_type = "CancelByDelivery" if spec.is_option else "CancelBySettle"
        ledger.commit([ended(order, scene, cancel_type=cancel_type) for order in account.live_orders(listing)])
        for position in [one for one in account.positions.values() if one.symbol == listing and one.size]:
            close_at(
                ledger,
                position,
                price=worth_at_delivery(spec, underlying),
                create_type=SETTLED,
                exec_type=_exec_type(spec),
            )


def worth_at_delivery(spec: InstrumentSpec, underlying: Decimal) -> Decimal:
    """What one unit is settled at, in the quote coin."""
    if not spec.is_option:
        return underlying
    assert spec.strike is not None, f"{spec.listing} has a strike price"
    way = underlying - spec.strike
    return max(ZERO, way if spec.option_type == "Call" else -way)


def _exec_type(spec: InstrumentSpec) -> ExecType:
    """Inverse contracts are "settled", options and linear contracts are "delivered"."""
    return "Settle" if spec.is_inverse else "Delivery"
