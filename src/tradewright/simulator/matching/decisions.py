"""What becomes of an order: on arrival at the matching engine, and when the market goes through it.

Lives here: pure functions from an order, the position and the market to events. Not here: writing them down (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.contracts import OPTION_FEE_CAP, rounded, value_of
from tradewright.simulator.accounts.events import Event, Moment, OrderClosed, OrderFilled, OrderOpened, PositionIndex
from tradewright.simulator.accounts.orders import NO_ERROR, NOT_CANCELLED, Order
from tradewright.simulator.accounts.positions import ZERO, Position, after_fill, closing
from tradewright.simulator.market.model import InstrumentSpec, MarketBook
from tradewright.simulator.matching.walks import Own, Prevented, Take, Walk, meets, walk


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Facing:
    """What an order comes upon: the market's book, the account's own orders on the other side, and the positions of its
    listing by index.
    """

    book: MarketBook
    own: Sequence[Own]
    positions: Mapping[PositionIndex, Position]

    def position_of(self, order: Order) -> Position:
        return self.positions[order.position_index]


def fillable(order: Order, position: Position) -> Decimal:
    """What may fill now: a reduce-only order never more than there is to reduce (base coin)."""
    return min(order.leaves, position.reducible(order.side)) if order.reduce_only else order.leaves


def arrival(order: Order, facing: Facing, scene: Scene) -> list[Event]:
    """The order reaches the matching engine: it takes, rests or ends, by its time in force."""
    if order.in_quote:
        return _spend(order, facing, scene)
    wanted = fillable(order, facing.position_of(order))
    if not wanted:
        return [ended(order, scene, cancel_type="CancelByReduceOnly")]
    if order.time_in_force == "PostOnly":
        if meets(order, facing.book, facing.own):
            return [ended(order, scene, reject_reason="EC_PostOnlyWillTakeLiquidity")]
        return [OrderOpened(order_id=order.order_id, at=scene.at)]
    found = _walk(order, wanted, facing, scene)
    happened = taken(order, found, facing, scene)
    match order.time_in_force:
        case "GTC":
            return [OrderOpened(order_id=order.order_id, at=scene.at), *happened]
        case "FOK" if found.quantity < order.quantity:
            return [ended(order, scene, reject_reason="EC_CancelForNoFullFill")]
        case _:
            if found.quantity == order.quantity or found.stopped_by is not None:
                return happened
            return [*happened, _no_more_to_take(order, scene, by_reduction=wanted == found.quantity)]


def moved(order: Order, facing: Facing, scene: Scene) -> list[Event]:
    """A resting order was amended: with its new price it may take, or end if it must not. `order` is the new one."""
    if not order.is_resting:
        return []
    if order.time_in_force == "PostOnly":
        crosses = meets(order, facing.book, facing.own)
        return [ended(order, scene, reject_reason="EC_PostOnlyWillTakeLiquidity")] if crosses else []
    wanted = fillable(order, facing.position_of(order))
    return taken(order, _walk(order, wanted, facing, scene), facing, scene)


def _walk(order: Order, amount: Decimal, facing: Facing, scene: Scene) -> Walk:
    return walk(
        facing.book,
        facing.own,
        side=order.side,
        limit=order.price,
        amount=amount,
        step=scene.spec.qty_step,
        in_quote=order.in_quote,
        smp_type=order.smp_type,
    )


def _spend(order: Order, facing: Facing, scene: Scene) -> list[Event]:
    """A market order for an amount of quote coin. What is left of it when no whole step fits in any more is dropped:
    such an order mostly ends as partly filled.
    """
    found = _walk(order, order.leaves, facing, scene)
    happened = taken(order, found, facing, scene)
    if found.value == order.leaves or found.stopped_by is not None:
        return happened
    takes = found.takes
    too_little = takes and order.leaves - found.value < takes[-1].price * scene.spec.qty_step
    reason = "EC_CancelByOrderValueZero" if too_little else "EC_NoImmediateQtyToFill"
    return [*happened, ended(order, scene, reject_reason=reason)]


def taken(order: Order, found: Walk, facing: Facing, scene: Scene) -> list[Event]:
    """One execution per price taken, each against the position as the one before left it. Where own orders meet, both
    execute, the resting one first; where they must not, one of them or both end.
    """
    events: list[Event] = []
    positions = dict(facing.positions)

    def execute(one: Order, part: Take, *, is_maker: bool) -> None:
        position = positions[one.position_index]
        event = fill(one, position, part, scene, is_maker=is_maker)
        if not one.is_spot:
            positions[one.position_index] = after_fill(position, event, seq=position.seq)
        events.append(event)

    for step in found.steps:
        if isinstance(step, Prevented):
            events.append(prevented(step.maker, order, scene))
            continue
        if step.maker is not None:
            execute(step.maker, step, is_maker=True)
        execute(order, step, is_maker=False)
    if found.stopped_by is not None:
        events.append(prevented(order, found.stopped_by, scene))
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
        index_price=scene.index_price if scene.spec.is_option else ZERO,
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


def prevented(order: Order, met: Order, scene: Scene) -> OrderClosed:
    """The end of an order by self-match prevention (that Bybit gives this reason is not verified)."""
    return OrderClosed(
        order_id=order.order_id,
        at=scene.at,
        cancel_type="CancelBySmp",
        reject_reason="EC_BySelfMatch",
        smp_order_id=met.order_id,
    )


def _no_more_to_take(order: Order, scene: Scene, *, by_reduction: bool) -> OrderClosed:
    """The rest of an order that does not wait: trimmed to the position, or the book had no more within its limit."""
    if by_reduction:
        return ended(order, scene, cancel_type="CancelByReduceOnly")
    return ended(order, scene, reject_reason="EC_NoImmediateQtyToFill")
