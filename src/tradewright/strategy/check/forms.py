"""The shape of a spec, one form for each object in it: keys, what they may hold, what their absence means.

The checker reads files by these forms and the JSON Schema is generated from them, so neither can say anything else.
Not here: what holds between keys (`between_keys`), what a rule does (`reading`).
"""

# ruff: noqa: RUF009  # `key` is a dataclass field with its rule, made anew for each

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradewright.strategy.check.rules import (
    BooleanRule,
    ChoiceRule,
    DaysRule,
    ExpressionRule,
    Given,
    HoursRule,
    NumberRule,
    ObjectRule,
    ParamsRule,
    SeriesRule,
    TextRule,
    VersionRule,
    key,
)
from tradewright.strategy.timeframe import TIMEFRAMES

if TYPE_CHECKING:
    from tradewright.strategy.check.params import Param
    from tradewright.strategy.check.texts import Expression

PER_CENT = NumberRule(above="0", below="100")
AMOUNT = NumberRule(above="0", at_most="1e9")
TARGET_PER_CENT = NumberRule(above="0", at_most="1000")
FACTOR = NumberRule(above="0", at_most="100")
ATR_LENGTH = NumberRule(at_least="1", at_most="500", whole=True)
ATR_LENGTH_DEFAULT = 14
EXIT = ExpressionRule(result="condition", position=True)
ENTER = ExpressionRule(result="condition")
PRICE = ExpressionRule(result="number", position=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketForm:
    category: Given[str] | None = key(
        ChoiceRule(choices=("linear", "spot")), "linear: USDT perpetuals; spot: the coins themselves", required=True
    )
    symbol: Given[str] | None = key(
        TextRule(least=2, most=30, pattern=re.compile("[A-Z0-9]{2,30}", re.ASCII), what="2 to 30 of A to Z and 0 to 9"),
        "the exchange's symbol, for instance BTCUSDT",
        required=True,
    )
    timeframe: Given[str] | None = key(
        ChoiceRule(choices=TIMEFRAMES), "the length of a bar; rules are evaluated when one closes", required=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesForm:
    enter_long: Given[Expression] | None = key(ENTER, "opens a long when true at a close")
    exit_long: Given[Expression] | None = key(EXIT, "closes a long when true at a close")
    enter_short: Given[Expression] | None = key(ENTER, "opens a short when true at a close; linear only")
    exit_short: Given[Expression] | None = key(EXIT, "closes a short when true at a close; linear only")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryForm:
    type: Given[str] | None = key(
        ChoiceRule(choices=("market", "limit")), "how an entry order is sent", default="market"
    )
    offset_pct: Given[Decimal] | None = key(
        NumberRule(at_least="0", at_most="20"),
        "limit only: distance from the close in per cent, toward the passive side",
        default=0,
    )
    post_only: Given[bool] | None = key(BooleanRule(), "limit only: never takes", default=True)
    expire_bars: Given[Decimal] | None = key(
        NumberRule(at_least="1", at_most="500", whole=True), "limit only: the rest is cancelled after N bars", default=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeForm:
    quote: Given[Decimal] | None = key(AMOUNT, "order value in the quote coin; not margin")
    base: Given[Decimal] | None = key(AMOUNT, "quantity in the base coin")
    equity_pct: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="10000"), "order value as a percentage of equity, at most 100 × leverage"
    )
    risk_pct: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="100"), "about this percentage of equity is lost if the stop is hit"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLossForm:
    pct: Given[Decimal] | None = key(PER_CENT, "distance from the entry price in per cent")
    atr: Given[Decimal] | None = key(FACTOR, "distance from the entry price in times the ATR of the signal bar")
    price: Given[Expression] | None = key(PRICE, "an absolute price; moves only in the position's favour")
    length: Given[Decimal] | None = key(ATR_LENGTH, "of the ATR; only beside atr", default=ATR_LENGTH_DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfitForm:
    pct: Given[Decimal] | None = key(TARGET_PER_CENT, "distance from the entry price in per cent")
    atr: Given[Decimal] | None = key(FACTOR, "distance from the entry price in times the ATR of the signal bar")
    rr: Given[Decimal] | None = key(FACTOR, "distance in times that of the stop; needs stop_loss")
    price: Given[Expression] | None = key(PRICE, "an absolute price; moves freely")
    length: Given[Decimal] | None = key(ATR_LENGTH, "of the ATR; only beside atr", default=ATR_LENGTH_DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailingForm:
    pct: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="50"), "distance from the best price in per cent", required=True
    )
    activate_pct: Given[Decimal] | None = key(
        NumberRule(at_least="0", at_most="100"),
        "gain in per cent from which it is active; 0: from the entry",
        default=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectForm:
    stop_loss: Given[StopLossForm] | None = key(
        ObjectRule(form=StopLossForm, exactly_one=("pct", "atr", "price")), "lives on the exchange from the entry on"
    )
    take_profit: Given[TakeProfitForm] | None = key(
        ObjectRule(form=TakeProfitForm, exactly_one=("pct", "atr", "rr", "price")), "a market order on touch"
    )
    trailing: Given[TrailingForm] | None = key(ObjectRule(form=TrailingForm), "a stop that follows the best price")
    max_bars: Given[Decimal] | None = key(
        NumberRule(at_least="1", at_most="100000", whole=True), "closes at the next open after N bars in a position"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsForm:
    max_entries_per_day: Given[Decimal] | None = key(
        NumberRule(at_least="1", at_most="1000", whole=True), "positions opened in a day of UTC"
    )
    cooldown_bars: Given[Decimal] | None = key(
        NumberRule(at_least="0", at_most="10000", whole=True), "bars to wait after an exit", default=0
    )
    max_daily_loss_pct: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="100"), "of the day's opening equity: closes, and no entry until the next day"
    )
    trade_hours_utc: Given[tuple[int, int]] | None = key(HoursRule(), 'entries only in these hours: "07:00-21:00"')
    trade_days: Given[tuple[str, ...]] | None = key(DaysRule(), "entries only on these days of the week")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerLevelForm:
    quote: Given[Decimal] | None = key(AMOUNT, "value of each order in the quote coin")
    base: Given[Decimal] | None = key(AMOUNT, "quantity of each order in the base coin")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridForm:
    lower: Given[Decimal] | None = key(AMOUNT, "the lowest level's price", required=True)
    upper: Given[Decimal] | None = key(AMOUNT, "the highest level's price", required=True)
    levels: Given[Decimal] | None = key(
        NumberRule(at_least="2", at_most="200", whole=True),
        "how many prices; two neighbours make a cell",
        required=True,
    )
    spacing: Given[str] | None = key(
        ChoiceRule(choices=("arithmetic", "geometric")), "equal steps in price, or in per cent", required=True
    )
    side: Given[str] | None = key(
        ChoiceRule(choices=("neutral", "long", "short")),
        "long: buys first; neutral: by the price at its start",
        required=True,
    )
    per_level: Given[PerLevelForm] | None = key(
        ObjectRule(form=PerLevelForm, exactly_one=("quote", "base")), "the size of each order", required=True
    )
    stop_below: Given[Decimal] | None = key(AMOUNT, "everything is closed at this price; below lower")
    stop_above: Given[Decimal] | None = key(AMOUNT, "everything is closed at this price; above upper")


@dataclass(frozen=True, slots=True, kw_only=True)
class DcaBaseForm:
    quote: Given[Decimal] | None = key(AMOUNT, "value of the first order in the quote coin", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyForm:
    count: Given[Decimal] | None = key(
        NumberRule(at_least="0", at_most="50", whole=True), "how many further orders", required=True
    )
    quote: Given[Decimal] | None = key(AMOUNT, "value of the first of them in the quote coin", required=True)
    step_pct: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="50"),
        "distance of the first of them from the first fill, in per cent",
        required=True,
    )
    step_scale: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="10"), "each next distance in times the one before", required=True
    )
    size_scale: Given[Decimal] | None = key(
        NumberRule(above="0", at_most="10"), "each next value in times the one before", required=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DcaForm:
    side: Given[str] | None = key(ChoiceRule(choices=("long", "short")), "which way it trades", required=True)
    start: Given[Expression] | None = key(
        ExpressionRule(result="condition", now=True),
        "begins a cycle when true at a close; now: at every close",
        required=True,
    )
    base: Given[DcaBaseForm] | None = key(ObjectRule(form=DcaBaseForm), "the first order", required=True)
    safety: Given[SafetyForm] | None = key(ObjectRule(form=SafetyForm), "further orders against the position")
    take_profit_pct: Given[Decimal] | None = key(
        TARGET_PER_CENT, "distance of the target from the average price in per cent", required=True
    )
    stop_loss_pct: Given[Decimal] | None = key(PER_CENT, "distance of the stop from the first fill in per cent")
    repeat: Given[bool] | None = key(BooleanRule(), "whether another cycle may follow", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecForm:
    """All keys of all kinds; `OF_KIND` says which belong to one."""

    version: Given[int] | None = key(VersionRule(), "of the language: 1", required=True)
    kind: Given[str] | None = key(
        ChoiceRule(choices=("signal", "grid", "dca")), "which of the three plans it is", default="signal"
    )
    name: Given[str] | None = key(TextRule(least=1, most=120), "what people call it", required=True)
    description: Given[str] | None = key(TextRule(most=4000), "free text")
    market: Given[MarketForm] | None = key(ObjectRule(form=MarketForm), "what is traded", required=True)
    leverage: Given[Decimal] | None = key(
        NumberRule(at_least="1", at_most="100", by_param=False), "of the position; on spot 1", default=1
    )
    params: Given[dict[str, Param]] | None = key(ParamsRule(), "named numbers")
    series: Given[dict[str, Given[Expression]]] | None = key(SeriesRule(), "named expressions")
    rules: Given[RulesForm] | None = key(
        ObjectRule(form=RulesForm, at_least_one=("enter_long", "enter_short")),
        "when to enter and to exit",
        required=True,
    )
    entry: Given[EntryForm] | None = key(ObjectRule(form=EntryForm), "how an entry order is sent")
    size: Given[SizeForm] | None = key(
        ObjectRule(form=SizeForm, exactly_one=("quote", "base", "equity_pct", "risk_pct")),
        "of an entry order",
        required=True,
    )
    protect: Given[ProtectForm] | None = key(ObjectRule(form=ProtectForm), "stop, target, trailing, time")
    limits: Given[LimitsForm] | None = key(ObjectRule(form=LimitsForm), "the bot's own brakes")
    grid: Given[GridForm] | None = key(ObjectRule(form=GridForm), "orders at levels of price", required=True)
    dca: Given[DcaForm] | None = key(ObjectRule(form=DcaForm), "a first order and safety orders", required=True)


OF_ALL = ("version", "kind", "name", "description", "market", "leverage", "params", "series")
OF_KIND = {
    "signal": (*OF_ALL, "rules", "entry", "size", "protect", "limits"),
    "grid": (*OF_ALL, "grid"),
    "dca": (*OF_ALL, "dca", "limits"),
}
