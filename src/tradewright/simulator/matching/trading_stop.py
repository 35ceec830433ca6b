"""Take-profit, stop-loss and trailing stop of an open position: Bybit's position/trading-stop.

Lives here: reading the command, and the moves it comes to or its refusal. Not here: what the legs do later
(`protection`, `trailing`, `floor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts.events import Leg, OrderAmended, OrderMove, PositionIndex, Protection, StopKind
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, text
from tradewright.simulator.market.model import Listing
from tradewright.simulator.matching import protection, trailing
from tradewright.simulator.matching.amend import Ground, LegChange, read_leg_change
from tradewright.simulator.matching.commands import (
    WITH_POSITIONS,
    Specs,
    check_price,
    check_quantity,
    read_position_index,
    read_symbol,
    require_category,
)
from tradewright.simulator.matching.decisions import Scene, ended
from tradewright.simulator.matching.order_options import UNSET, check_protection, read_protection, read_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStop:
    """`whole` (Full) edits the position's legs by `take_profit` and `stop_loss`; else (Partial) `added` comes on top,
    for `size` of base coin. `distance` and `activation` are of the trailing stop, None where they are not given.
    """

    symbol: Listing
    position_index: PositionIndex
    whole: bool
    take_profit: LegChange
    stop_loss: LegChange
    added: Protection | None
    size: Decimal | None
    distance: Decimal | None = None
    activation: Decimal | None = None


def read_trading_stop(body: Body, specs: Specs) -> TradingStop:
    """A trading-stop command; `positionIdx` and `tpslMode` may be missing, as clients leave them out."""
    require_category(body, WITH_POSITIONS)
    spec = read_symbol(body, specs)
    distance, activation = (
        decimal(body, name, f"{name} invalid") if text(body, name) else None for name in ("trailingStop", "activePrice")
    )
    whole = read_whole(body, default=True)
    added, size = (None, None) if whole else (read_protection(body, spec), _read_size(body))
    if not whole and not (distance is not None and added is None):
        if added is None or size is None:
            raise bad_parameter("params error: tpslMode Partial needs takeProfit or stopLoss, with tpSize and slSize")
        check_quantity(spec, size, "Market")
    for name in ("tp", "sl"):
        if whole and text(body, f"{name}OrderType") == "Limit":
            raise bad_parameter(f"params error: {name}OrderType Limit needs tpslMode Partial")
    return TradingStop(
        symbol=spec.listing,
        position_index=read_position_index(body),
        whole=whole,
        take_profit=read_leg_change(body, "tp"),
        stop_loss=read_leg_change(body, "sl"),
        added=added,
        size=size,
        distance=distance,
        activation=activation,
    )


def moves_of(command: TradingStop, live: Sequence[Order], ground: Ground, scene: Scene) -> list[OrderMove]:
    """What the command does to the orders of its listing.

    Raises `ApiError` 34040 if that is nothing, 110061 beyond twenty partial pairs, 10001 without a position (the code
    is not documented), for a leg on the wrong side, or a size above the position's.
    """
    position = ground.position
    if position.side is None:
        raise bad_parameter("can not set tp/sl/ts for zero position")
    wanted = _wanted(command, live) if command.added is None else command.added
    for leg in (wanted.take_profit, wanted.stop_loss):
        if leg is not None:
            check_price(ground.spec, leg.price)
    check_protection(wanted, position.side, lambda leg: (ground.price(leg.by), leg.by))
    if command.added is None and not command.whole:
        moves = []
    elif command.added is None:
        moves = _edited(command, live, ground, scene)
    else:
        assert command.size is not None, "a partial protection has a size"
        if command.size > abs(position.size):
            raise bad_parameter("params error: tpSize and slSize must not exceed the position's size")
        if protection.pairs(live) >= protection.PAIRS_MAX:
            raise ApiError(RetCode.TOO_MANY_PROTECTIONS, f"At most {protection.PAIRS_MAX} partial TP/SL are allowed")
        moves = protection.placed(command.added, position, command.size, scene, ground.price("LastPrice"))
    there = protection.whole_legs(live).get("TrailingStop")
    last_price = ground.price("LastPrice")
    moves += trailing.wanted_moves(command.distance, command.activation, there, position, scene, last_price)
    if not moves:
        raise ApiError(RetCode.PROTECTION_UNCHANGED, "not modified")
    return moves


def _edited(command: TradingStop, live: Sequence[Order], ground: Ground, scene: Scene) -> list[OrderMove]:
    """The moves from the legs that are there to those that are wanted. An edit of one leg alone unlinks the pair."""
    there, wanted = protection.whole_legs(live), _wanted(command, live)
    legs: dict[StopKind, Leg | None] = {"TakeProfit": wanted.take_profit, "StopLoss": wanted.stop_loss}
    changed = {kind for kind, leg in legs.items() if leg != _leg_of(there.get(kind))}
    paired = all(change.price for change in (command.take_profit, command.stop_loss))
    pair_id = next((order.pair_id for order in there.values() if order.pair_id), "") or scene.new_id() if paired else ""
    moves: list[OrderMove] = []
    for kind, leg in legs.items():
        order = there.get(kind)
        if order is None and leg is not None:
            one = Protection(
                whole=True,
                take_profit=leg if kind == "TakeProfit" else None,
                stop_loss=leg if kind == "StopLoss" else None,
            )
            size, last_price = abs(ground.position.size), ground.price("LastPrice")
            moves += protection.placed(one, ground.position, size, scene, last_price, pair_id=pair_id)
        elif order is not None and leg is None:
            moves.append(ended(order, scene, cancel_type="CancelByUser"))
        elif order is not None and leg is not None and (kind in changed or (paired and order.pair_id != pair_id)):
            moves.append(
                OrderAmended(
                    at=scene.at,
                    order_id=order.order_id,
                    quantity=order.quantity,
                    price=order.price,
                    trigger=protection.trigger_of(kind, leg, ground.position),
                    protection=None,
                    pair_id=pair_id,
                )
            )
    return moves if changed else []


def _wanted(command: TradingStop, live: Sequence[Order]) -> Protection:
    """The position's legs as the command wants them."""
    there = protection.whole_legs(live)
    return Protection(
        whole=True,
        take_profit=command.take_profit.of(_leg_of(there.get("TakeProfit"))),
        stop_loss=command.stop_loss.of(_leg_of(there.get("StopLoss"))),
    )


def _leg_of(order: Order | None) -> Leg | None:
    return None if order is None or order.trigger is None else Leg(price=order.trigger.price, by=order.trigger.by)


def _read_size(body: Body) -> Decimal | None:
    """One size for both legs: Bybit wants them equal."""
    sizes = {decimal(body, name, f"{name} invalid") for name in ("tpSize", "slSize") if text(body, name) not in UNSET}
    if len(sizes) > 1:
        raise bad_parameter("params error: tpSize and slSize must be equal")
    return next(iter(sizes), None)
