"""Delivery: dated contracts and options end, and what is still held of them is settled in cash.

Lives here: when and at what price. Not here: the settlement price (`market`), the batch (`house_orders`).
A contract is settled at the market's settlement price, an option at what it is worth by it: its intrinsic value. There
is no delivery fee (Bybit takes one; its rate is not in the documentation of its interface).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradewright.simulator.accounts.events import ExecType
from tradewright.simulator.accounts.orders import accepted
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.decisions import Scene, ended, fill
from tradewright.simulator.matching.house_orders import SETTLED, close_at, closing_order
from tradewright.simulator.matching.ledger import Ledger
from tradewright.simulator.matching.walks import Take


def settle(ledger: Ledger) -> None:
    """End the orders and close the positions of everything that was delivered by now; once, because after it there is
    nothing left. What the market has no settlement price of yet waits.
    """
    account, now_ms = ledger.account, ledger.market.now_ms
    listings = {listing for listing, _ in account.held} | account.live_listings()
    for listing in sorted(one for one in listings if 0 < ledger.specs[one].delivery_ms <= now_ms):
        spec = ledger.specs[listing]
        underlying = ledger.market.settlement_price(listing)
        if underlying is None:
            continue
        scene = ledger.scene(listing)
        ending = [ended(order, scene, cancel_type=_cancel_type(spec)) for order in account.live_orders(listing)]
        ledger.commit(ending)
        for position in [one for one in account.positions.values() if one.symbol == listing and one.size]:
            close_at(
                ledger,
                position,
                price=worth_at_delivery(spec, underlying),
                create_type=SETTLED,
                exec_type=_exec_type(spec),
            )


def close_gone(ledger: Ledger) -> None:
    """Before anything else at a start: what is still held of listings that the market has no more is over.

    They ended while the exchange did not run, or another market had them, and nobody remembers their last price: they
    are closed by the index price of their base coin of now, an option at its intrinsic value by it; at the price they
    were opened at where there is none. Nobody is told, as nobody is connected yet.
    """
    account = ledger.account
    held = {position.symbol for position in account.positions.values() if position.size}
    for listing in sorted((held | account.live_listings()) - ledger.specs.keys()):
        spec = ledger.specs[listing]
        index = ledger.usd_price(spec.base_coin)
        scene = Scene(spec=spec, mark_price=index, at=ledger.moment(), new_id=ledger.around.new_id)
        cancel_type = "CancelByAdmin" if spec.is_spot else _cancel_type(spec)
        orders = list(account.live_orders(listing))
        ledger.commit([ended(order, scene, cancel_type=cancel_type) for order in orders], tell=False)
        for position in [one for one in account.positions.values() if one.symbol == listing and one.size]:
            price = worth_at_delivery(spec, index) if index else position.average_price or ZERO
            order = closing_order(
                ledger,
                position,
                quantity=abs(position.size),
                price=price,
                create_type=SETTLED,
                last_price=price,
            )
            filled = fill(accepted(order, number=0), position, Take(price, order.quantity), scene, is_maker=False)
            ledger.commit([order, msgspec.structs.replace(filled, exec_type=_exec_type(spec))], tell=False)


def worth_at_delivery(spec: InstrumentSpec, underlying: Decimal) -> Decimal:
    """What one unit is settled at, in the quote coin."""
    if not spec.is_option:
        return underlying
    assert spec.strike is not None, f"{spec.listing} has a strike price"
    way = underlying - spec.strike
    return max(ZERO, way if spec.option_type == "Call" else -way)


def _cancel_type(spec: InstrumentSpec) -> str:
    return "CancelByDelivery" if spec.is_option else "CancelBySettle"


def _exec_type(spec: InstrumentSpec) -> ExecType:
    """Inverse contracts are "settled", options and linear contracts are "delivered"."""
    return "Settle" if spec.is_inverse else "Delivery"
