"""What an entry order is: its protective levels and its quantity, or why none is sent (contract, 3.2 and 3.6).

Lives here: pure arithmetic in Decimal that a backtest and a live run share, so that both send the same order. To be
used inside `core.money.exactly()`.
Not here: when an entry is decided, and how it fills (`backtest`, the runtime).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradewright.strategy.model import Level, LimitEntry, Protect, Signal, Size
from tradewright.strategy.prices import HUNDRED, Direction, Filters

Refusal = Literal["protect_unknown", "protect_wrong_side", "insufficient_balance", "below_minimum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the program says at the signal bar's close: the price of a `price` level, the ATR of an `atr` one.

    None: unknown, or the level is of another form.
    """

    stop: Decimal | None = None
    target: Decimal | None = None


NOTHING_MEASURED = Measured()


@dataclass(frozen=True, slots=True)
class Refused:
    """No order is sent. `is_capped`: its quantity had been cut before."""

    code: Refusal
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class Levels:
    """Rounded. `trailing` is there when it is active from the entry on."""

    stop: Decimal | None
    target: Decimal | None
    trailing: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order to be sent. `reference` is the close, or the limit price."""

    direction: Direction
    reference: Decimal
    quantity: Decimal
    measured: Measured
    is_limit: bool
    is_capped: bool  # its quantity was cut to what the equity bears


def reference_price(signal: Signal, direction: Direction, close: Decimal, filters: Filters) -> Decimal:
    """The close for a market entry, the rounded price of the order for a limit entry (not positive: no order)."""
    if not isinstance(signal.entry, LimitEntry):
        return close
    return filters.order_price(direction, close * (1 - direction * signal.entry.offset_pct / HUNDRED))


def levels(
    protect: Protect, direction: Direction, entry: Decimal, measured: Measured, filters: Filters
) -> Levels | None:
    """The levels of a position opened at `entry`, rounded; None when one that is asked for is unknown."""
    stop = target = trailing = None
    if protect.stop_loss is not None:
        stop = _level(protect.stop_loss, entry, -direction, measured.stop)
        if stop is None:
            return None
        stop = filters.protective_price(direction, stop)
    if protect.take_profit is not None:
        if protect.take_profit.by == "rr":
            assert stop is not None, "a checked spec has no `rr` without a stop"
            target = entry + direction * protect.take_profit.amount * abs(entry - stop)
        else:
            target = _level(protect.take_profit, entry, direction, measured.target)
        if target is None:
            return None
        target = filters.protective_price(direction, target)
    if protect.trailing is not None and not protect.trailing.activate_pct:
        trailing = trailing_level(protect.trailing.pct, direction, entry, filters)
    return Levels(stop, target, trailing)


def trailing_level(pct: Decimal, direction: Direction, best: Decimal, filters: Filters) -> Decimal:
    return filters.protective_price(direction, best * (1 - direction * pct / HUNDRED))


def liquidation_ratio(direction: Direction, leverage: Decimal, maintenance_pct: Decimal) -> Decimal:
    """The liquidation level of isolated margin as a part of the entry price; the level is not rounded."""
    return 1 - direction * (1 / leverage - maintenance_pct / HUNDRED)


def plan_entry(
    signal: Signal,
    leverage: Decimal,
    direction: Direction,
    reference: Decimal,
    equity: Decimal,
    measured: Measured,
    filters: Filters,
    taker_rate: Decimal,
) -> Entry | Refused:
    """The order that a close decides. `equity` in quote coin as it is at that close; `taker_rate` is a fraction."""
    placed = levels(signal.protect, direction, reference, measured, filters) if reference > 0 else None
    if placed is None or any(
        level is not None and level <= 0 for level in (placed.stop, placed.target, placed.trailing)
    ):
        return Refused("protect_unknown")
    if not are_on_their_sides(direction, reference, placed.stop, placed.target):
        return Refused("protect_wrong_side")
    quantity = _quantity(signal.size, reference, placed.stop, equity, filters)
    is_capped = exceeds(quantity, reference, equity, leverage, taker_rate)
    if is_capped:
        if signal.size.by in ("quote", "base"):
            return Refused("insufficient_balance")
        quantity = filters.quantity(equity * leverage, reference * (1 + leverage * taker_rate))
    if filters.is_below_minimum(quantity, reference):
        return Refused("below_minimum", is_capped)
    return Entry(
        direction=direction,
        reference=reference,
        quantity=quantity,
        measured=measured,
        is_limit=isinstance(signal.entry, LimitEntry),
        is_capped=is_capped,
    )


def are_on_their_sides(direction: Direction, reference: Decimal, stop: Decimal | None, target: Decimal | None) -> bool:
    """Whether the stop is on the losing side of `reference` and the target on the winning one."""
    is_stop_right = stop is None or (reference - stop) * direction > 0
    return is_stop_right and (target is None or (target - reference) * direction > 0)


def exceeds(quantity: Decimal, price: Decimal, equity: Decimal, leverage: Decimal, taker_rate: Decimal) -> bool:
    """Whether `quantity` at `price` is more than `equity` bears, its opening fee included."""
    return quantity * price * (1 + leverage * taker_rate) > equity * leverage


def _level(level: Level, entry: Decimal, sign: int, measured: Decimal | None) -> Decimal | None:
    match level.by:
        case "pct":
            return entry * (1 + sign * level.amount / HUNDRED)
        case "atr":
            return None if measured is None else entry + sign * level.amount * measured
        case _:
            return measured


def _quantity(size: Size, reference: Decimal, stop: Decimal | None, equity: Decimal, filters: Filters) -> Decimal:
    match size.by:
        case "base":
            return filters.quantity(size.amount, Decimal(1))
        case "quote":
            return filters.quantity(size.amount, reference)
        case "equity_pct":
            return filters.quantity(equity * size.amount, reference * HUNDRED)
        case _:
            assert stop is not None, "a checked spec has no `risk_pct` without a stop"
            return filters.quantity(equity * size.amount, abs(reference - stop) * HUNDRED)
