"""What protects a position: the stop that it was asked to have, against what the exchange shows.

Lives here: which stop a position's plan holds (`planned`), and whether what is shown protects it (`judge`).
Not here: what follows from it (`trading.guardian`), the checks of a stop when it is asked (`change_rules`).
No I/O and no clock: everything is a value in, a value out.

The plan follows from what is committed, whatever order it arrived in: fills and exits bear the exchange's time, and the
life of a position begins with the fill that made it one of its side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tradewright.core.instrument import Side, TriggerBy
from tradewright.core.money import ZERO
from tradewright.core.order import RemoteOrder, RemotePosition

_WHOLE_STOP = "StopLoss"
_STOPS_OF_A_PART = frozenset({"PartialStopLoss", "Stop"})
_BEING_FILLED = frozenset({"working", "partially_filled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStop:
    """A stop that was asked for a position. `origin` is the intent that asked for it."""

    price: Decimal
    by: TriggerBy
    origin: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFill:
    """A fill of the symbol. `stop` is the stop-loss that its order carried, which is of the side that it opens."""

    at: datetime  # by the exchange's clock
    signed: Decimal  # base coin
    stop: PlannedStop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStop:
    """A stop-loss that somebody asked for an open position of `side`; a price of zero removes it.

    `is_open`: its outcome is not known yet, or what it came to is not read back. `at` means nothing then.
    """

    origin: UUID
    side: Side
    price: Decimal
    by: TriggerBy
    at: datetime  # by the exchange's clock
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is committed about the stops of one symbol: the newest fills and what was asked since, newest first.

    `booked`: what all fills add up to, signed. `reaches_back`: there are no fills before those that are named here.
    """

    booked: Decimal
    fills: Sequence[BookedFill]
    stops: Sequence[AskedStop]
    reaches_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`stop` None: the position was asked to have none (`is_removed`), or nothing was asked for it.

    `is_whole`: all of this position's life was looked at; else what was asked before is not known here. `adds_up`: the
    fills that we know make a position of this side and size. `in_doubt`: exits of it are on their way;
    `may_be_removed`: one of them takes the stop off.
    """

    stop: PlannedStop | None
    is_removed: bool
    is_whole: bool
    adds_up: bool
    in_doubt: bool
    may_be_removed: bool


def planned(asked: Asked, side: Side, size: Decimal) -> Plan | None:
    """The plan of a position of this side; None while the fills that we know make none: then nobody can say.

    In force is what came last in this life: the stop that a filled order of its side carried, or what was asked since.
    """
    sign = 1 if side == "Buy" else -1
    if asked.booked * sign <= 0:
        return None
    since, fills, is_whole = _life_of(asked, sign)
    found: list[tuple[datetime, int, PlannedStop | None]] = []
    for fill in fills:
        if fill.stop is not None and fill.signed * sign > 0:
            found.append((fill.at, 0, fill.stop))
    on_their_way = [stop for stop in asked.stops if stop.is_open and stop.side == side]
    for stop in asked.stops:
        if not stop.is_open and stop.side == side and (since is None or stop.at >= since):
            kept = PlannedStop(price=stop.price, by=stop.by, origin=stop.origin) if stop.price else None
            found.append((stop.at, 1, kept))
    newest = max(found, key=lambda each: each[:2], default=None)
    return Plan(
        stop=None if newest is None else newest[2],
        is_removed=newest is not None and newest[2] is None,
        is_whole=is_whole,
        adds_up=asked.booked * sign == size,
        in_doubt=bool(on_their_way),
        may_be_removed=any(not stop.price for stop in on_their_way),
    )


def _life_of(asked: Asked, sign: int) -> tuple[datetime | None, Sequence[BookedFill], bool]:
    """When the position came to be of its side (None: before every fill that we know), its fills from then on, and
    whether they are all: from the newest one on before which it was flat or of the other side."""
    size = asked.booked * sign
    for number, fill in enumerate(asked.fills, start=1):
        size -= fill.signed * sign
        if size <= 0:
            return fill.at, asked.fills[:number], True
    is_whole = asked.reaches_back
    return (None if is_whole or not asked.fills else asked.fills[-1].at), asked.fills, is_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """The exchange shows a stop of the whole position. `price` is where the last of it is taken off.

    `is_whole`: it is the position's own stop; else orders of parts make it up. `is_seen`: the order of the position's
    own stop is shown too; where it is not, the two reports are of different moments.
    """

    price: Decimal
    is_whole: bool
    is_seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Its stop was set off and is being filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naked:
    """`rest` of the position (base coin) has no stop that would come in time. `why` is a stable code."""

    rest: Decimal
    why: str  # protection.missing | protection.partial | protection.beyond_liquidation


Judgement = Protected | Closing | Naked


def judge(position: RemotePosition, orders: Sequence[RemoteOrder]) -> Judgement:
    """Whether what the exchange shows protects a position that is not flat. `orders`: all that live, of any symbol."""
    assert position.side is not None, "a flat position needs no stop"
    is_long = position.side == "Buy"
    closing = [order for order in orders if _closes(order, position, is_long=is_long)]
    shown = position.stop_loss
    if shown and _comes_in_time(shown, position.liquidation_price, is_long=is_long):
        is_seen = any(order.stop_order_type == _WHOLE_STOP for order in closing)
        return Protected(price=shown, is_whole=True, is_seen=is_seen)
    filling = sum((order.quantity - order.filled_quantity for order in closing if _is_set_off(order)), ZERO)
    if filling >= position.size:
        return Closing()
    waiting = [
        (order.trigger_price, order.quantity)
        for order in closing
        if order.state == "waiting_trigger"
        and order.stop_order_type in _STOPS_OF_A_PART
        and order.trigger_price is not None
        and _falls_to(order, position, is_long=is_long)
        and _comes_in_time(order.trigger_price, position.liquidation_price, is_long=is_long)
    ]
    covered = filling + sum((quantity for _, quantity in waiting), ZERO)
    if waiting and covered >= position.size:
        prices = [price for price, _ in waiting]
        return Protected(price=min(prices) if is_long else max(prices), is_whole=False)
    if shown:
        return Naked(rest=position.size - covered, why="protection.beyond_liquidation")
    return Naked(rest=position.size - covered, why="protection.partial" if covered else "protection.missing")


def is_passed(stop: Decimal, mark: Decimal | None, side: Side) -> bool:
    """Whether the price is where the stop would have been set off; False where the price is not known."""
    if mark is None:
        return False
    return mark <= stop if side == "Buy" else mark >= stop


def _closes(order: RemoteOrder, position: RemotePosition, *, is_long: bool) -> bool:
    only_reduces = order.reduce_only or order.close_on_trigger or order.is_attached
    return (
        order.instrument == position.instrument
        and order.position_index == position.position_index
        and only_reduces
        and order.side == ("Sell" if is_long else "Buy")
    )


def _is_set_off(order: RemoteOrder) -> bool:
    """At market, so that it fills within moments; a limit that was set off may rest for ever."""
    is_stop = order.stop_order_type == _WHOLE_STOP or order.stop_order_type in _STOPS_OF_A_PART
    return is_stop and order.order_type == "Market" and order.state in _BEING_FILLED


def _falls_to(order: RemoteOrder, position: RemotePosition, *, is_long: bool) -> bool:
    """Whether the price comes to it as the position loses; a conditional order may as well take a profit."""
    if order.trigger_rises is not None:
        return order.trigger_rises is not is_long
    return order.stop_order_type == "PartialStopLoss"  # the exchange names no direction for what it made itself


def _comes_in_time(stop: Decimal, liquidation: Decimal | None, *, is_long: bool) -> bool:
    """Whether it is reached before the position is liquidated; the exchange names no price where that is far off."""
    return liquidation is None or not liquidation or ((stop > liquidation) if is_long else (stop < liquidation))
