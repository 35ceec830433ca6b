"""What becomes of an order: on arrival at the matching engine, and when the market goes through it.

Lives here: pure functions from an order, the position and the market to events. Not here: writing them down (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.contracts import rounded, value_of
from tradewright.simulator.accounts.events import Event, Moment, OrderClosed, OrderFilled, OrderOpened
from tradewright.simulator.accounts.orders import NO_ERROR, NOT_CANCELLED, Order
from tradewright.simulator.accounts.positions import ZERO, Position, after_fill, closing
from tradewright.simulator.market.model import InstrumentSpec, MarketBook
from tradewright.simulator.matching.liquidity import Take, take, take_worth, total, would_take

# Of the premium: an option's fee is never more. Bybit's fee page says so; not verified against the exchange.
OPTION_FEE_CAP: Final = Decimal("0.07")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The market around an order at one moment. A spot pair has no mark price: its index price stands there. The index
    of an option is its underlying's.
    """

    spec: InstrumentSpec
    mark_price: Decimal
    index_price: Decimal = ZERO
    at: Moment
    new_id: Callable[[], str]


def fillable(order: Order, position: Position) -> Decimal:
    """What may fill now: a reduce-only order never more than there is to reduce (base coin)."""
    return min(order.leaves, position.reducible(order.side)) if order.reduce_only else order.leaves


def arrival(order: Order, position: Position, book: MarketBook, scene: Scene) -> list[Event]:
    """The order reaches the matching engine: it takes, rests or ends, by its time in force."""
    if order.in_quote:
        return _spend(order, position, book, scene)
    wanted = fillable(order, position)
    if not wanted:
        return [ended(order, scene, cancel_type="CancelByReduceOnly")]
    if order.time_in_force == "PostOnly":
        if would_take(order, book):
            return [ended(order, scene, reject_reason="EC_PostOnlyWillTakeLiquidity")]
        return [OrderOpened(order_id=order.order_id, at=scene.at)]
    takes = take(book, side=order.side, limit=order.price, quantity=wanted, step=scene.spec.qty_step)
    got = total(takes)
    match order.time_in_force:
        case "GTC":
            return [OrderOpened(order_id=order.order_id, at=scene.at), *taker_fills(order, position, takes, scene)]
        case "FOK" if got < order.quantity:
            return [ended(order, scene, reject_reason="EC_CancelForNoFullFill")]
        case _:
            rest = [] if got == order.quantity else [_no_more_to_take(order, scene, by_reduction=wanted == got)]
            return [*taker_fills(order, position, takes, scene), *rest]


def moved(order: Order, position: Position, book: MarketBook, scene: Scene) -> list[Event]:
    """A resting order was amended: with its new price it may take, or end if it must not. `order` is the new one."""
    if not order.is_resting:
        return []
    if order.time_in_force == "PostOnly":
        return [ended(order, scene, reject_reason="EC_PostOnlyWillTakeLiquidity")] if would_take(order, book) else []
    wanted = fillable(order, position)
    takes = take(book, side=order.side, limit=order.price, quantity=wanted, step=scene.spec.qty_step)
    return [*taker_fills(order, position, takes, scene)]


def _spend(order: Order, position: Position, book: MarketBook, scene: Scene) -> list[Event]:
    """A market order for an amount of quote coin. What is left of it when no whole step fits in any more is dropped:
    such an order mostly ends as partly filled.
    """
    takes = take_worth(book, side=order.side, limit=order.price, amount=order.leaves, step=scene.spec.qty_step)
    spent = sum((part.price * part.quantity for part in takes), ZERO)
    fills: list[Event] = taker_fills(order, position, takes, scene)
    if spent == order.leaves:
        return fills
    too_little = takes and order.leaves - spent < takes[-1].price * scene.spec.qty_step
    reason = "EC_CancelByOrderValueZero" if too_little else "EC_NoImmediateQtyToFill"
    return [*fills, ended(order, scene, reject_reason=reason)]


def taker_fills(order: Order, position: Position, takes: Sequence[Take], scene: Scene) -> list[Event]:
    """One execution per price taken, each against the position as the one before left it."""
    events: list[Event] = []
    for part in takes:
        event = fill(order, position, part, scene, is_maker=False)
        if not order.is_spot:
            position = after_fill(position, event, seq=position.seq)
        events.append(event)
    return events


def fill(order: Order, position: Position, part: Take, scene: Scene, *, is_maker: bool) -> OrderFilled:
    """One execution at one price; a contract's fee is rounded half even to eight places of the settle coin."""
    rate = scene.spec.maker_fee_rate if is_maker else scene.spec.taker_fee_rate
    if order.is_spot:
        return _spot_fill(order, part, scene, rate=rate, is_maker=is_maker)
    closes = closing(position, side=order.side, price=part.price, quantity=part.quantity)
    return OrderFilled(
        at=scene.at,
        order_id=order.order_id,
        exec_id=scene.new_id(),
        symbol=order.symbol,
        side=order.side,
        price=part.price,
        quantity=part.quantity,
        fee=_fee_of(part, scene, rate),
        fee_rate=rate,
        realised=closes.realised,
        closed_quantity=closes.quantity,
        is_maker=is_maker,
        mark_price=scene.mark_price,
        settle_coin=scene.spec.settle_coin,
        position_index=order.position_index,
    )


def _fee_of(part: Take, scene: Scene, rate: Decimal) -> Decimal:
    """Of a contract, in its settle coin. An option's is a share of the underlying's value, capped by its premium."""
    spec = scene.spec
    if not spec.is_option:
        return rounded(value_of(spec.listing, part.quantity, part.price) * rate)
    cap = part.quantity * part.price * OPTION_FEE_CAP
    return rounded(min(part.quantity * scene.index_price * rate, cap))


def _spot_fill(order: Order, part: Take, scene: Scene, *, rate: Decimal, is_maker: bool) -> OrderFilled:
    fee_coin, fee = spot.fee_of(scene.spec, side=order.side, price=part.price, quantity=part.quantity, rate=rate)
    return OrderFilled(
        at=scene.at,
        order_id=order.order_id,
        exec_id=scene.new_id(),
        symbol=order.symbol,
        side=order.side,
        price=part.price,
        quantity=part.quantity,
        fee=fee,
        fee_rate=rate,
        realised=ZERO,
        closed_quantity=ZERO,
        is_maker=is_maker,
        mark_price=scene.mark_price,
        base_coin=scene.spec.base_coin,
        quote_coin=scene.spec.quote_coin,
        fee_coin=fee_coin,
    )


def ended(
    order: Order, scene: Scene, *, cancel_type: str = NOT_CANCELLED, reject_reason: str = NO_ERROR
) -> OrderClosed:
    return OrderClosed(order_id=order.order_id, at=scene.at, cancel_type=cancel_type, reject_reason=reject_reason)


def _no_more_to_take(order: Order, scene: Scene, *, by_reduction: bool) -> OrderClosed:
    """The rest of an order that does not wait: trimmed to the position, or the book had no more within its limit."""
    if by_reduction:
        return ended(order, scene, cancel_type="CancelByReduceOnly")
    return ended(order, scene, reject_reason="EC_NoImmediateQtyToFill")
