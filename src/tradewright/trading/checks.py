"""Where trading asks the rules: what a person asked for, and once more what the owner is about to send.

Lives here: turning bodies, intents and rows into what the rules take, and the calls. Not here: the rules themselves
(`core.order_rules`, `core.change_rules`); they are written once, for the page as well.

The owner judges only what it knows for certain: the instrument's rules and what was asked. Prices and the account's
standing were judged when it was asked, and the exchange judges them once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradewright.core.change_rules import Amendable, amend_problems, exits_problems, leverage_problems
from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument
from tradewright.core.money import ZERO
from tradewright.core.order import NewOrder, OrderChange, PositionExits
from tradewright.core.order_rules import SLIPPAGE_MAX, Draft, place_problems
from tradewright.core.rule_parts import Quotes, Standing
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """What the caller sees of an instrument: its rules (None: the exchange lists no such symbol) and its prices."""

    instrument: Instrument | None
    quotes: Quotes = field(default_factory=Quotes)


def body_problems(instrument: Instrument, body: PlaceBody, quotes: Quotes, standing: Standing) -> list[Problem]:
    """Every fault of an order as it was asked for."""
    draft = Draft(
        side=body.side,
        order_type=body.order_type,
        quantity=body.quantity,
        quantity_unit=body.quantity_unit,
        price=body.price,
        time_in_force=body.time_in_force,
        reduce_only=body.reduce_only,
        trigger=body.trigger,
        take_profit=body.take_profit,
        stop_loss=body.stop_loss,
        slippage_percent=body.slippage_percent,
        note=body.note,
    )
    return place_problems(instrument, draft, quotes, standing)


def order_problems(instrument: Instrument, order: NewOrder, quotes: Quotes, standing: Standing) -> list[Problem]:
    """Every fault of an order that we made ourselves; a close or reverse may do without a bound of slippage."""
    draft = Draft(
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        quantity_unit=order.quantity_unit,
        price=order.price,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        trigger=order.trigger,
        take_profit=order.take_profit,
        stop_loss=order.stop_loss,
        slippage_percent=SLIPPAGE_MAX if order.slippage_percent is None else order.slippage_percent,
    )
    return place_problems(instrument, draft, quotes, standing)


def change_problems(
    instrument: Instrument, order: Amendable, change: OrderChange, quotes: Quotes, *, is_behind: bool
) -> list[Problem]:
    """Every fault of a change. Behind another one nobody can say yet what would be no change."""
    problems = amend_problems(instrument, order, change, quotes)
    return [problem for problem in problems if not (is_behind and problem.code == "amend.nothing_changes")]


def setting_problems(
    instrument: Instrument, asked: Decimal | PositionExits, quotes: Quotes, standing: Standing
) -> list[Problem]:
    """Every fault of a symbol's leverage or of a position's exits."""
    if isinstance(asked, PositionExits):
        return exits_problems(instrument, asked, quotes, standing)
    return leverage_problems(instrument, asked, standing.position_value)


def outdated(intent: Intent) -> Reason | None:
    """Why an intent is not meant any more, by what may have changed since it was looked at: it is asked again in the
    commit that opens each attempt."""
    match intent:
        case CancelIntent(target_final=True) | AmendIntent(target_final=True):
            return Reason("order.already_final")
        case AmendIntent(is_outdated=True):
            return Reason("order.changed")
        case PlaceIntent(is_outdated=True) | ExitsIntent(is_outdated=True):
            return Reason("position.changed")
        case PlaceIntent(turns=True, is_behind=True):
            return Reason("position.changed")
        case _:
            return None


def refusal(intent: Intent, instrument: Instrument | None) -> Reason | None:
    """Why the owner does not send an intent; None: it may go."""
    why = outdated(intent)
    if why is not None or isinstance(intent, CancelIntent | MarginModeIntent):
        return why
    if isinstance(intent, AmendIntent) and intent.change == OrderChange():
        return Reason("amend.nothing_changes")
    if isinstance(intent, PlaceIntent) and intent.closes_all:
        return None
    if instrument is None:
        return Reason("order.instrument_unknown", {"value": intent.instrument.symbol})
    problems: list[Problem] = []
    match intent:
        case PlaceIntent():
            # Whether there is something to reduce is the exchange's to say: a close is never refused for what we miss.
            problems = order_problems(instrument, intent.order, Quotes(), Standing())
        case LeverageIntent():
            problems = leverage_problems(instrument, intent.leverage, None)
        case AmendIntent() | ExitsIntent() | PositionModeIntent():
            pass  # prices on the grid or not, its instrument's rules do not change within seconds
    return Reason(problems[0].code, dict(problems[0].params)) if problems else None


def as_sent(intent: Intent, instrument: Instrument | None) -> Intent:
    """A whole close of a size that no order may have names none: the exchange closes what there is."""
    if not isinstance(intent, PlaceIntent) or not intent.closes_all:
        return intent
    if instrument is not None and not order_problems(instrument, intent.order, Quotes(), Standing()):
        return intent
    return replace(intent, order=replace(intent.order, quantity=ZERO))


def at_path(problems: list[Problem], field: str, path: str) -> list[Problem]:
    """The same problems, with the path that the asked body has for a field: a close names a percentage."""
    return [replace(problem, field=path) if problem.field == field else problem for problem in problems]
