"""Liquidation: what can no longer back itself is taken over, once a market second, at the mark prices of that second.

Lives here: when, what first, and at what price. Not here: the prices' arithmetic (`accounts.margin`,
`accounts.isolated`), the batch (`house_orders`).

In cross margin the account is liquidated when its backing no longer covers the maintenance margin: the active orders of
contracts end, then the position with the largest maintenance margin is reduced, and the next, until it is covered. In
isolated margin a position is when the mark price has come to its liquidation price: its orders end first.
A position above its lowest risk tier is first brought down one tier on the market, within its bankruptcy price; one
that cannot be, or is in the lowest, is taken over whole at its bankruptcy price. Who takes over gains or loses what
the market makes of it: the account never pays more than it has, whatever a jump did, and the insurance fund's part is
the gap between that price and the mark. It is no flow of the account and has no event of its own.
What an account owes without any position (a coin that lost its worth, funding) it goes on owing; Bybit would sell its
coins. Clients' conditional orders stay; the stops of a closed position end as after any other close.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts import isolated, margin
from tradewright.simulator.accounts.contracts import rounded
from tradewright.simulator.accounts.events import Liquidating, MarginMoved, OrderFilled
from tradewright.simulator.accounts.orders import Order, accepted
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import Listing, MarketLiquidation
from tradewright.simulator.market.risk_tiers import tier_at
from tradewright.simulator.matching.decisions import Facing, arrival, ended
from tradewright.simulator.matching.house_orders import REDUCED, TAKEN_OVER, close_at, closing_order, labelled
from tradewright.simulator.matching.ledger import Ledger

STEPS_MAX: Final = 1_000  # each step takes a position down a tier or away

Tidy = Callable[[Listing], None]


def check(ledger: Ledger, tidy: Tidy) -> None:
    """Liquidate what must be. `tidy` is told each listing whose position changed."""
    if not ledger.account.held:
        return
    if ledger.account.margin_mode == "ISOLATED_MARGIN":
        for position in _held(ledger):
            _check_isolated(ledger, position, tidy)
    else:
        _check_cross(ledger, tidy)
    _let_go(ledger)


def _check_cross(ledger: Ledger, tidy: Tidy) -> None:
    view = ledger.margin_now()
    if not view.must_liquidate:
        return
    _end_orders(ledger, list(ledger.account.live_orders()), cancel_type="CancelAllBeforeLiq")
    for _ in range(STEPS_MAX):
        view = ledger.margin_now()
        held = [position for position in _held(ledger) if view.needs[position.key].maintenance]
        if not held or not view.must_liquidate:
            return
        worst = max(held, key=lambda one: _maintenance_usd(ledger, view, one))
        terms = ledger.terms(worst.symbol)
        _reduce(ledger, worst, margin.bankruptcy_price(worst, terms, view), tidy)


def _check_isolated(ledger: Ledger, position: Position, tidy: Tidy) -> None:
    for _ in range(STEPS_MAX):
        position = ledger.account.position(position.symbol, position.index)
        terms = ledger.terms(position.symbol)
        if not position.size or not terms.tiers:  # an isolated option has no price of liquidation
            return
        tier = tier_at(terms.tiers, position.cost)
        price = isolated.liquidation_price(position, tier)
        if not isolated.is_reached(position, price, terms.mark_price):
            return
        if position.adds_margin and _add_margin(ledger, position):
            continue
        live = ledger.account.live_orders(position.symbol)
        _end_orders(ledger, [o for o in live if o.position_index == position.index], cancel_type="CancelByPrepareLiq")
        _reduce(ledger, position, isolated.bankruptcy_price(position, tier), tidy)


def _add_margin(ledger: Ledger, position: Position) -> bool:
    """Take from the wallet what the position has lost, as far as it is free. Says whether anything was."""
    terms = ledger.terms(position.symbol)
    lost = -position.unrealised(terms.mark_price) - position.added_margin
    amount = rounded(min(lost, ledger.margin_now().free(terms.spec.settle_coin)))
    if amount <= 0:
        return False
    moved = MarginMoved(at=ledger.moment(), symbol=position.symbol, position_index=position.index, amount=amount)
    ledger.commit([moved])
    return True


def _reduce(ledger: Ledger, position: Position, bankruptcy: Decimal | None, tidy: Tidy) -> None:
    """One step: a tier down on the market if that can be, else all of it at the bankruptcy price."""
    terms, is_long = ledger.terms(position.symbol), position.size > 0
    price = _on_tick(bankruptcy or terms.mark_price, terms.spec.tick_size, up=is_long)
    if not position.is_liquidated:
        ledger.commit([_liquidating(ledger, position, on=True)])
        position = ledger.account.position(position.symbol, position.index)
    size = abs(position.size)
    if not _step_down(ledger, position, price):
        close_at(ledger, position, price=price, create_type=TAKEN_OVER, exec_type="BustTrade")
    left = abs(ledger.account.position(position.symbol, position.index).size)
    ledger.venue.tell(
        MarketLiquidation(
            symbol=position.symbol,
            time_ms=ledger.moment().market_ms,
            side="Buy" if is_long else "Sell",
            size=size - left,
            price=price,
            seq=ledger.book(position.symbol).seq,
        )
    )
    tidy(position.symbol)


def _step_down(ledger: Ledger, position: Position, price: Decimal) -> bool:
    """Bring a position into the tier below by an order on the market; False if it has none or nothing would trade."""
    terms = ledger.terms(position.symbol)
    by_cost = ledger.account.margin_mode == "ISOLATED_MARGIN"
    value = position.cost if by_cost else position.value(terms.mark_price)
    number = tier_at(terms.tiers, value).number if terms.tiers else 1
    if number == 1:
        return False
    step = terms.spec.qty_step
    stays = abs(position.size) * terms.tiers[number - 2].value_max / value // step * step
    quantity = abs(position.size) - stays
    order = closing_order(ledger, position, quantity=quantity, price=price, create_type=REDUCED)
    # The account's own orders have been cancelled by now, so it meets the market's book only.
    facing = Facing(book=ledger.book(position.symbol), own=(), positions={position.index: position})
    events = arrival(accepted(order, number=0), facing, ledger.scene(position.symbol))
    if not any(isinstance(event, OrderFilled) for event in events):
        return False
    ledger.commit([order, *labelled(events, "BustTrade")])
    return True


def _let_go(ledger: Ledger) -> None:
    """What survived its liquidation is an ordinary position again."""
    survived = [position for position in _held(ledger) if position.is_liquidated]
    ledger.commit([_liquidating(ledger, position, on=False) for position in survived])


def _end_orders(ledger: Ledger, orders: list[Order], *, cancel_type: str) -> None:
    active = [order for order in orders if order.is_live and not order.is_spot and not order.is_dormant]
    ledger.commit([ended(order, ledger.scene(order.symbol), cancel_type=cancel_type) for order in active])


def _held(ledger: Ledger) -> list[Position]:
    return [position for _, position in sorted(ledger.account.held.items())]


def _maintenance_usd(ledger: Ledger, view: margin.MarginView, position: Position) -> Decimal:
    return view.needs[position.key].maintenance * ledger.usd_price(ledger.specs[position.symbol].settle_coin)


def _liquidating(ledger: Ledger, position: Position, *, on: bool) -> Liquidating:
    return Liquidating(at=ledger.moment(), symbol=position.symbol, position_index=position.index, on=on)


def _on_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """To the tick that costs the holder less."""
    rest = price % tick
    whole = price - rest
    return max(tick, whole + tick if up and rest else whole or ZERO)
