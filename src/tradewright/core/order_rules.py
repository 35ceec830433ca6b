"""What an order must meet beyond its instrument's grid: triggers, exits, slippage, what it reduces, what it costs.

Lives here: `Draft`, `place_problems`, `place_warnings`. Not here: grid and worth (`core.instrument`), changes of what
is there (`change_rules`), how much a wish comes to (`sizing`), what it would cost (`preview`).
The page repeats all of them in `frontend/src/rules`; both read the vectors in `tests/data`. No I/O and no clock.

A fact that is not known (None) is not judged: the exchange judges it, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradewright.core.errors import Problem
from tradewright.core.instrument import (
    Instrument,
    OrderType,
    QuantityUnit,
    Side,
    TimeInForce,
    order_problems,
)
from tradewright.core.money import multiple_below, plain, rounded
from tradewright.core.order import Exit, Trigger
from tradewright.core.rule_parts import (
    Quotes,
    Standing,
    grid_problems_at,
    liquidation_problems,
    side_problems,
    tier_of,
    trigger_problems_at,
)

NOTE_LENGTH_MAX = 64
SLIPPAGE_MIN = Decimal("0.01")  # percent, the exchange's own bounds
SLIPPAGE_MAX = Decimal(10)
FAR_PERCENT = Decimal(3)  # through the opposite best: worth a word before it is sent
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order as it was asked for. `quantity` is base coin, or quote coin where `quantity_unit` says so."""

    side: Side
    order_type: OrderType
    quantity: Decimal
    quantity_unit: QuantityUnit = "base"
    price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    trigger: Trigger | None = None
    take_profit: Exit | None = None
    stop_loss: Exit | None = None
    slippage_percent: Decimal | None = None
    note: str | None = None


def place_problems(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing) -> list[Problem]:
    """Every fault of an order, in the order of the ticket's fields; empty when it may go."""
    is_spot = instrument.id.category == "spot"
    problems = _trigger_problems(instrument, draft, quotes)
    problems += _instrument_problems(instrument, draft, quotes)
    problems += _time_problems(draft)
    problems += _slippage_problems(draft)
    if draft.reduce_only and is_spot:
        problems.append(Problem("order.reduce_only_spot", "reduce_only"))
    elif draft.reduce_only and standing.position_size is not None and _reducible(draft.side, standing) == 0:
        problems.append(Problem("order.nothing_to_reduce", "reduce_only"))
    problems += _exit_problems(instrument, draft, quotes, standing, is_spot=is_spot)
    if draft.note is not None and len(draft.note) > NOTE_LENGTH_MAX:
        problems.append(Problem("order.note_too_long", "note", {"maximum": str(NOTE_LENGTH_MAX)}))
    if not problems and not draft.reduce_only:
        problems += _tier_problems(instrument, draft, quotes, standing)
        if is_spot and _lacks(standing):
            problems.append(Problem("order.available", "quantity", _cost_params(instrument, draft.side, standing)))
    return problems


def place_warnings(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing) -> list[Problem]:
    """What is worth a word before the order is sent, and does not stop it."""
    warnings: list[Problem] = []
    if draft.order_type == "Limit" and draft.price is not None and draft.trigger is None:
        warnings += _price_warnings(instrument, draft, draft.price, quotes)
    if draft.reduce_only and standing.position_size is not None:
        reducible = _reducible(draft.side, standing)
        if 0 < reducible < draft.quantity:
            params = {"position": plain(reducible), "coin": instrument.base_coin}
            warnings.append(Problem("order.reduce_only_capped", "quantity", params))
    if instrument.id.category != "spot" and not draft.reduce_only and _lacks(standing):
        warnings.append(Problem("order.available_low", "quantity", _cost_params(instrument, draft.side, standing)))
    return warnings


def entry_price(draft: Draft, quotes: Quotes) -> Decimal | None:
    """What the order is expected to be filled at, for judging its exits: its price, its trigger, or the market."""
    if draft.order_type == "Limit":
        return draft.price
    return draft.trigger.price if draft.trigger is not None else quotes.opposite(draft.side)


def price_band(instrument: Instrument, quotes: Quotes) -> tuple[Decimal, Decimal] | None:
    """The lowest sell and the highest buy that the exchange lets stand, without the premium, which we do not know.

    Source: REFERENCE 9.6, formula of May 2026; with the premium the real band is as wide or wider.
    """
    x, y, mark, index = instrument.price_limit_ratio_x, instrument.price_limit_ratio_y, quotes.mark, quotes.index
    if x is None or y is None or index is None:
        return None
    if instrument.id.category == "spot":
        return max(index * (1 - x), index * (1 - y)), min(index * (1 + x), index * (1 + y))
    if mark is None:
        return None
    lowest_sell = max(mark * (1 - y), min(index, mark * (1 - x)))
    highest_buy = min(mark * (1 + y), max(index, mark * (1 + x)))
    return lowest_sell, highest_buy


def _trigger_problems(instrument: Instrument, draft: Draft, quotes: Quotes) -> list[Problem]:
    if draft.trigger is None:
        return []
    if instrument.id.category == "spot" and draft.trigger.by != "LastPrice":
        return [Problem("order.trigger_by_spot", "trigger.by", {"value": draft.trigger.by})]
    return trigger_problems_at(
        instrument, draft.trigger.price, quotes.by(draft.trigger.by), rises=draft.trigger.rises, path="trigger.price"
    )


def _instrument_problems(instrument: Instrument, draft: Draft, quotes: Quotes) -> list[Problem]:
    if draft.quantity_unit == "quote":
        return _amount_problems(instrument, draft)
    reference = quotes.last if quotes.last is not None else quotes.mark
    return order_problems(
        instrument,
        side=draft.side,
        order_type=draft.order_type,
        quantity=draft.quantity,
        price=draft.price,
        reference_price=reference if draft.trigger is None else draft.trigger.price,
        reduce_only=draft.reduce_only,
    )


def _amount_problems(instrument: Instrument, draft: Draft) -> list[Problem]:
    """Of a spot market order that names an amount of the quote coin."""
    problems: list[Problem] = []
    if instrument.status != "Trading":
        problems.append(Problem("order.instrument_not_trading", "symbol", {"status": instrument.status}))
    if instrument.id.category != "spot" or draft.order_type != "Market":
        return [*problems, Problem("order.quote_unit_spot_market", "quantity_unit")]
    if draft.price is not None:
        problems.append(Problem("order.price_not_allowed", "price"))
    value = {"value": plain(draft.quantity), "coin": instrument.quote_coin}
    if draft.quantity <= 0:
        return [*problems, Problem("order.quantity_positive", "quantity", {"value": plain(draft.quantity)})]
    step = instrument.quote_step
    nearest = draft.quantity if step is None else multiple_below(draft.quantity, step)
    if step is not None and nearest != draft.quantity:
        params = {"step": plain(step), "value": plain(draft.quantity), "suggestion": plain(nearest)}
        return [*problems, Problem("order.quantity_step", "quantity", params)]
    if draft.quantity < instrument.min_notional:
        problems.append(Problem("order.notional_min", "quantity", {"minimum": plain(instrument.min_notional), **value}))
    return problems


def _time_problems(draft: Draft) -> list[Problem]:
    if draft.order_type == "Market" and draft.time_in_force != "IOC":
        return [Problem("order.market_is_ioc", "time_in_force", {"value": draft.time_in_force})]
    return []


def _slippage_problems(draft: Draft) -> list[Problem]:
    """A market order says how far it may slip; the exchange has no such bound for a conditional one."""
    if draft.order_type != "Market" or draft.trigger is not None:
        return []
    slippage = draft.slippage_percent
    if slippage is None:
        return [Problem("order.slippage_required", "slippage_percent")]
    if not SLIPPAGE_MIN <= slippage <= SLIPPAGE_MAX or slippage % SLIPPAGE_MIN != 0:
        params = {"minimum": plain(SLIPPAGE_MIN), "maximum": plain(SLIPPAGE_MAX), "value": plain(slippage)}
        return [Problem("order.slippage_range", "slippage_percent", params)]
    return []


def _exit_problems(
    instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing, *, is_spot: bool
) -> list[Problem]:
    legs = [(draft.take_profit, "take_profit"), (draft.stop_loss, "stop_loss")]
    first = next((path for leg, path in legs if leg is not None), None)
    if first is None:
        return []
    if draft.reduce_only:
        return [Problem("order.exits_on_reduce_only", first)]
    if is_spot and (draft.order_type != "Limit" or draft.trigger is not None):
        return [Problem("order.exits_spot_limit", first)]
    entry = entry_price(draft, quotes)
    problems: list[Problem] = []
    for leg, path in legs:
        if leg is None:
            continue
        grid = grid_problems_at(instrument, leg.trigger_price, f"{path}.trigger_price")
        if leg.limit_price is not None:
            grid += grid_problems_at(instrument, leg.limit_price, f"{path}.limit_price")
        problems += grid
        if not grid and entry is not None:
            above = (draft.side == "Buy") == (path == "take_profit")
            problems += side_problems(leg.trigger_price, entry, above=above, path=f"{path}.trigger_price")
    if not problems and draft.stop_loss is not None:
        problems += liquidation_problems(
            draft.stop_loss.trigger_price,
            standing.liquidation_price,
            is_long=draft.side == "Buy",
            path="stop_loss.trigger_price",
        )
    return problems


def _tier_problems(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing) -> list[Problem]:
    """The leverage in force must be allowed for the size that the position would have."""
    entry = entry_price(draft, quotes)
    if entry is None or standing.leverage is None or standing.position_value is None:
        return []
    adds = standing.position_side is None or standing.position_side == draft.side
    # Against a position the order takes it off first: only what goes beyond it is a position of the other side.
    held = standing.position_value if adds else -standing.position_value
    tier = tier_of(instrument, draft.quantity * entry + held)
    if tier is None or standing.leverage <= tier[1].leverage_max:
        return []
    params = {"maximum": plain(tier[1].leverage_max), "tier": str(tier[0]), "leverage": plain(standing.leverage)}
    return [Problem("order.tier_leverage", "quantity", params)]


def _price_warnings(instrument: Instrument, draft: Draft, price: Decimal, quotes: Quotes) -> list[Problem]:
    warnings: list[Problem] = []
    is_buy = draft.side == "Buy"
    best = quotes.ask if is_buy else quotes.bid
    if best is not None and best > 0:
        through = price - best if is_buy else best - price
        if draft.time_in_force == "PostOnly" and through >= 0:
            warnings.append(Problem("order.would_execute", "price", {"best": plain(best)}))
        percent = through / best * _HUNDRED
        if percent > FAR_PERCENT:
            warnings.append(Problem("order.far_price", "price", {"percent": plain(rounded(percent, Decimal("0.1")))}))
    band = price_band(instrument, quotes)
    if band is not None and ((price > band[1]) if is_buy else (price < band[0])):
        bound = instrument.to_tick_down(band[1]) if is_buy else instrument.to_tick_up(band[0])
        warnings.append(Problem("order.price_band", "price", {"bound": plain(bound), "value": plain(price)}))
    return warnings


def _reducible(side: Side, standing: Standing) -> Decimal:
    """How much of the position an order of this side takes off (base coin)."""
    if standing.position_side is None or standing.position_side == side:
        return Decimal(0)
    return standing.position_size or Decimal(0)


def _lacks(standing: Standing) -> bool:
    return standing.cost is not None and standing.available is not None and standing.cost > standing.available


def _cost_params(instrument: Instrument, side: Side, standing: Standing) -> Mapping[str, str]:
    assert standing.cost is not None, "judged only where it is known"
    assert standing.available is not None, "judged only where it is known"
    is_spot_sell = instrument.id.category == "spot" and side == "Sell"
    coin = instrument.base_coin if is_spot_sell else instrument.quote_coin
    return {"cost": plain(standing.cost), "available": plain(standing.available), "coin": coin}
