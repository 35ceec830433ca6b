"""What a user should know before anything runs: how much history it needs, and how much money it may put at stake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from tradewright.strategy.check.params import EXACT
from tradewright.strategy.model import Dca, Grid, Signal, Strategy
from tradewright.strategy.timeframe import Timeframe

HUNDRED = Decimal(100)
_DECIMALS = Decimal("1e-18")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Money is of the quote coin, before costs, slippage and gaps; None where it hangs on equity or on a price that the
    spec does not name."""

    warm_up_bars: int
    timeframes: tuple[Timeframe, ...]
    max_position_quote: Decimal | None
    max_loss_quote: Decimal | None

    def plain(self) -> dict[str, object]:
        """As `--json` and the API write it: money as decimal text."""
        return {
            "warm_up_bars": self.warm_up_bars,
            "timeframes": list(self.timeframes),
            "max_position_quote": _text(self.max_position_quote),
            "max_loss_quote": _text(self.max_loss_quote),
        }


def facts_of(strategy: Strategy) -> Facts:
    with localcontext(EXACT):
        match strategy.plan:
            case Signal():
                position, loss = _signal(strategy.plan)
            case Grid():
                position, loss = _grid(strategy.plan)
            case Dca():
                position, loss = _dca(strategy.plan)
    return Facts(
        warm_up_bars=strategy.warm_up_bars,
        timeframes=strategy.timeframes,
        max_position_quote=position,
        max_loss_quote=loss,
    )


def grid_levels(grid: Grid) -> tuple[Decimal, ...]:
    """The prices of the levels before they are rounded to ticks."""
    with localcontext(EXACT):
        last = grid.levels - 1
        if grid.spacing == "arithmetic":
            return tuple(grid.lower + i * (grid.upper - grid.lower) / last for i in range(grid.levels))
        ratio = (grid.upper / grid.lower).ln()
        inner = (grid.lower * (ratio * i / last).exp() for i in range(1, last))
        return (grid.lower, *inner, grid.upper)


def _signal(plan: Signal) -> tuple[Decimal | None, Decimal | None]:
    if plan.size.by != "quote":
        return None, None
    stop, trailing = plan.protect.stop_loss, plan.protect.trailing
    if stop is not None:
        distance_pct = stop.amount if stop.by == "pct" else None
    else:
        distance_pct = trailing.pct if trailing and not trailing.activate_pct else None
    return plan.size.amount, None if distance_pct is None else plan.size.amount * distance_pct / HUNDRED


def _grid(plan: Grid) -> tuple[Decimal | None, Decimal | None]:
    """A neutral grid's cells are long or short by the price at its start, which the spec does not name."""
    cells = plan.levels - 1
    by_quote = plan.per_level.by == "quote"
    if plan.side == "neutral":
        return (plan.per_level.amount * cells if by_quote else None), None
    levels = grid_levels(plan)
    opening = levels[:-1] if plan.side == "long" else levels[1:]
    values = [plan.per_level.amount if by_quote else plan.per_level.amount * price for price in opening]
    stop = plan.stop_below if plan.side == "long" else plan.stop_above
    if stop is None:
        return sum(values, Decimal(0)), None
    pairs = zip(values, opening, strict=True)
    return sum(values, Decimal(0)), sum((value * abs(price - stop) / price for value, price in pairs), Decimal(0))


def _dca(plan: Dca) -> tuple[Decimal | None, Decimal | None]:
    orders = [(plan.base_quote, Decimal(0)), *safety_orders(plan)]
    position = sum((value for value, _ in orders), Decimal(0))
    if plan.stop_loss_pct is None:
        return position, None
    sign = -1 if plan.side == "long" else 1
    stop = 1 + sign * plan.stop_loss_pct / HUNDRED
    prices = ((value, 1 + sign * deviation / HUNDRED) for value, deviation in orders)  # in first fills
    return position, sum((value * abs(price - stop) / price for value, price in prices), Decimal(0))


def safety_orders(plan: Dca) -> Iterator[tuple[Decimal, Decimal]]:
    """Of each safety order its value in the quote coin and its distance from the first fill in per cent."""
    if plan.safety is None:
        return
    deviation = Decimal(0)
    for k in range(plan.safety.count):
        with localcontext(EXACT):
            deviation += plan.safety.step_pct * plan.safety.step_scale**k
            value = plan.safety.quote * plan.safety.size_scale**k
        yield value, deviation


def _text(value: Decimal | None) -> str | None:
    """No exponent, no trailing zeros, at most 18 decimals."""
    if value is None:
        return None
    with localcontext(EXACT) as context:
        context.prec = 120
        text = f"{value.quantize(_DECIMALS, ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".")
