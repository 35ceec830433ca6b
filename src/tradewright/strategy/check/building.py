"""A spec without faults into the values that backtests and bots run: params replaced, defaults in place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from tradewright.strategy.check.forms import (
    ATR_LENGTH_DEFAULT,
    DcaForm,
    EntryForm,
    GridForm,
    LimitsForm,
    PerLevelForm,
    ProtectForm,
    SafetyForm,
    SizeForm,
    SpecForm,
    StopLossForm,
    TakeProfitForm,
)
from tradewright.strategy.check.params import Param
from tradewright.strategy.check.rules import Given, T
from tradewright.strategy.model import (
    Dca,
    Grid,
    Level,
    LimitEntry,
    Limits,
    Market,
    MarketEntry,
    PerLevel,
    Protect,
    Safety,
    Signal,
    Size,
    Strategy,
    Trailing,
    Weekday,
)
from tradewright.strategy.program import Program
from tradewright.strategy.timeframe import Timeframe


def build(
    spec: SpecForm,
    params: Mapping[str, Param],
    program: Program,
    *,
    warm_up_bars: int,
    timeframes: tuple[Timeframe, ...],
    sha256: str,
) -> Strategy:
    """Only for a spec in which nothing was found: what is required is there."""
    market = _there(spec.market)
    return Strategy(
        name=_there(spec.name),
        description=_or(spec.description, ""),
        market=Market(
            category="spot" if _there(market.category) == "spot" else "linear",
            symbol=_there(market.symbol),
            timeframe=cast("Timeframe", _there(market.timeframe)),
        ),
        leverage=_or(spec.leverage, Decimal(1)),
        plan=_plan(spec),
        params={name: param.value for name, param in params.items()},
        program=program,
        warm_up_bars=warm_up_bars,
        timeframes=timeframes,
        sha256=sha256,
    )


def _plan(spec: SpecForm) -> Signal | Grid | Dca:
    match _or(spec.kind, "signal"):
        case "grid":
            return _grid(_there(spec.grid))
        case "dca":
            return _dca(_there(spec.dca), spec.limits)
        case _:
            return Signal(
                entry=_entry(spec.entry.value) if spec.entry else MarketEntry(),
                size=_size(_there(spec.size)),
                protect=_protect(spec.protect.value) if spec.protect else Protect(),
                limits=_limits(spec.limits),
            )


def _entry(form: EntryForm) -> MarketEntry | LimitEntry:
    if _or(form.type, "market") == "market":
        return MarketEntry()
    return LimitEntry(
        offset_pct=_or(form.offset_pct, Decimal(0)),
        post_only=_or(form.post_only, True),
        expire_bars=int(_or(form.expire_bars, Decimal(1))),
    )


def _size(form: SizeForm) -> Size:
    if form.quote:
        return Size(by="quote", amount=form.quote.value)
    if form.base:
        return Size(by="base", amount=form.base.value)
    if form.equity_pct:
        return Size(by="equity_pct", amount=form.equity_pct.value)
    return Size(by="risk_pct", amount=_there(form.risk_pct))


def _protect(form: ProtectForm) -> Protect:
    trailing = form.trailing.value if form.trailing else None
    return Protect(
        stop_loss=_level(form.stop_loss.value) if form.stop_loss else None,
        take_profit=_level(form.take_profit.value) if form.take_profit else None,
        trailing=Trailing(pct=_there(trailing.pct), activate_pct=_or(trailing.activate_pct, Decimal(0)))
        if trailing
        else None,
        max_bars=_whole(form.max_bars),
    )


def _level(form: StopLossForm | TakeProfitForm) -> Level:
    if form.pct:
        return Level(by="pct", amount=form.pct.value)
    if form.atr:
        length = int(_or(form.length, Decimal(ATR_LENGTH_DEFAULT)))
        return Level(by="atr", amount=form.atr.value, length=length)
    if isinstance(form, TakeProfitForm) and form.rr:
        return Level(by="rr", amount=form.rr.value)
    return Level(by="price", amount=Decimal(0))


def _limits(given: Given[LimitsForm] | None) -> Limits:
    if given is None:
        return Limits()
    form = given.value
    days = cast("tuple[Weekday, ...] | None", form.trade_days.value if form.trade_days else None)
    return Limits(
        max_entries_per_day=_whole(form.max_entries_per_day),
        cooldown_bars=_whole(form.cooldown_bars) or 0,
        max_daily_loss_pct=form.max_daily_loss_pct.value if form.max_daily_loss_pct else None,
        trade_minutes=form.trade_hours_utc.value if form.trade_hours_utc else None,
        trade_days=None if days is None else frozenset(days),
    )


def _grid(form: GridForm) -> Grid:
    spacing, side = _there(form.spacing), _there(form.side)
    return Grid(
        lower=_there(form.lower),
        upper=_there(form.upper),
        levels=int(_there(form.levels)),
        spacing="arithmetic" if spacing == "arithmetic" else "geometric",
        side="long" if side == "long" else "short" if side == "short" else "neutral",
        per_level=_per_level(_there(form.per_level)),
        stop_below=form.stop_below.value if form.stop_below else None,
        stop_above=form.stop_above.value if form.stop_above else None,
    )


def _per_level(form: PerLevelForm) -> PerLevel:
    if form.quote:
        return PerLevel(by="quote", amount=form.quote.value)
    return PerLevel(by="base", amount=_there(form.base))


def _dca(form: DcaForm, limits: Given[LimitsForm] | None) -> Dca:
    return Dca(
        side="long" if _there(form.side) == "long" else "short",
        starts_now=_there(form.start).is_now,
        base_quote=_there(_there(form.base).quote),
        safety=_safety(form.safety.value) if form.safety else None,
        take_profit_pct=_there(form.take_profit_pct),
        stop_loss_pct=form.stop_loss_pct.value if form.stop_loss_pct else None,
        repeat=_or(form.repeat, True),
        limits=_limits(limits),
    )


def _safety(form: SafetyForm) -> Safety:
    return Safety(
        count=int(_there(form.count)),
        quote=_there(form.quote),
        step_pct=_there(form.step_pct),
        step_scale=_there(form.step_scale),
        size_scale=_there(form.size_scale),
    )


def _there(given: Given[T] | None) -> T:
    assert given is not None, "a required key is missing though no fault was told"
    return given.value


def _or(given: Given[T] | None, default: T) -> T:
    return default if given is None else given.value


def _whole(given: Given[Decimal] | None) -> int | None:
    return None if given is None else int(given.value)
