"""Risk limits: what an account may be exposed to, and the verdict on one order with the numbers that decided.

Lives here: `Limits`, `tightest` of several levels, `judge`, `judge_leverage`. Values in, a value out: no I/O, no clock.
Not here: what an account is exposed to (`trading.risk`), whether prices may be believed (`core.risk_prices`), the rules
of the exchange (`order_rules`).

A limit refuses what adds exposure and nothing else: a cancel, a reduce-only order and an exit are never asked about.
Comparisons are exact: percentages are compared by multiplying out, never by a rounded quotient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

from tradewright.core.environment import Environment
from tradewright.core.instrument import InstrumentId, OrderType, QuantityUnit, Side
from tradewright.core.money import ZERO, exactly, plain, rounded
from tradewright.core.risk_prices import PriceView, absurdity

LimitName = Literal[
    "order_notional",
    "position_notional",
    "total_notional",
    "leverage",
    "open_orders",
    "orders_per_minute",
    "price_distance",
    "daily_loss",
    "data_age",
    "quote_age",
    "symbols",
]
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)
# Without these nobody could say what an order comes to: they may be set wide, never taken away.
LIMITS_KEPT: frozenset[LimitName] = frozenset(
    {"order_notional", "position_notional", "leverage", "open_orders", "orders_per_minute", "data_age"}
)
Level = Literal["installation", "workspace", "account", "bot"]
LEVELS: tuple[Level, ...] = get_args(Level)

_HUNDRED = Decimal(100)
_SHOWN = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one level says; None where it says nothing. Notional is quote coin, ages are seconds."""

    order_notional: Decimal | None = None
    position_notional: Decimal | None = None  # of one symbol, its open orders included, each side by itself
    total_notional: Decimal | None = None  # of all symbols together
    leverage: Decimal | None = None
    open_orders: Decimal | None = None
    orders_per_minute: Decimal | None = None
    price_distance: Decimal | None = None  # percent by which a limit price may be worse than the mark
    daily_loss: Decimal | None = None  # percent of the equity at 00:00 UTC
    data_age: Decimal | None = None  # since the market's link last said anything
    quote_age: Decimal | None = None  # since this symbol's prices last came
    symbols: frozenset[str] | None = None  # those that may be traded; None: all

    def amount(self, name: LimitName) -> Decimal | None:
        value = getattr(self, name)
        assert not isinstance(value, frozenset), "symbols are no amount"
        return value  # type: ignore[no-any-return]


def default_limits(environment: Environment) -> Limits:
    """What holds until somebody says otherwise: wide enough for a demo account of 100,000 USDT, and not wider. Real
    money begins a hundred times smaller: whoever wants more says so.

    The simulated market may stand still for minutes when it replays candles, so the age of one symbol's prices means
    nothing there; the age of the link does.
    """
    if environment == "live":
        return Limits(
            order_notional=Decimal(1_000),
            position_notional=Decimal(2_500),
            total_notional=Decimal(5_000),
            leverage=Decimal(10),
            open_orders=Decimal(30),
            orders_per_minute=Decimal(30),
            price_distance=Decimal(3),
            daily_loss=Decimal(3),
            data_age=Decimal(30),
            quote_age=Decimal(60),
        )
    return Limits(
        order_notional=Decimal(100_000),
        position_notional=Decimal(250_000),
        total_notional=Decimal(500_000),
        leverage=Decimal(25),
        open_orders=Decimal(100),
        orders_per_minute=Decimal(120),
        price_distance=Decimal(10),
        daily_loss=Decimal(10),
        data_age=Decimal(30),
        quote_age=None if environment == "sim" else Decimal(60),
    )


@dataclass(frozen=True, slots=True)
class Effective:
    """The limits in force, and which level each comes from."""

    limits: Limits
    levels: Mapping[LimitName, Level]

    def level(self, name: LimitName) -> Level:
        return self.levels.get(name, "installation")


def tightest(levels: Iterable[tuple[Level, Limits]]) -> Effective:
    """The smallest of each limit, and the symbols that every level allows. Of equal ones the first level decides."""
    values: dict[str, Any] = {}
    decided: dict[LimitName, Level] = {}
    for level, limits in levels:
        for name in LIMIT_NAMES:
            said = getattr(limits, name)
            if said is None:
                continue
            known = values.get(name)
            if known is None:
                values[name], decided[name] = said, level
            elif name == "symbols":
                if not known <= said:
                    values[name], decided[name] = known & said, level
            elif said < known:
                values[name], decided[name] = said, level
    return Effective(Limits(**values), decided)


def merged(base: Limits, own: Mapping[LimitName, Any]) -> Limits:
    """The base with what is named in `own` instead; there None takes a limit away."""
    return Limits(**{one.name: own.get(one.name, getattr(base, one.name)) for one in fields(Limits)})  # type: ignore[call-overload]


def loosened(before: Limits, after: Limits) -> tuple[LimitName, ...]:
    """Which limits allow more than they did: a larger number, none at all, or a symbol that was not allowed."""
    found: list[LimitName] = []
    for name in LIMIT_NAMES:
        was, now = getattr(before, name), getattr(after, name)
        if was is None:
            continue
        if now is None or (not now <= was if name == "symbols" else now > was):
            found.append(name)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order that would add exposure, or what an amend makes of one. `quantity` is what may still be filled."""

    instrument: InstrumentId
    side: Side
    order_type: OrderType
    quantity: Decimal
    quantity_unit: QuantityUnit = "base"
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    is_new: bool = True  # False: an amend, which opens no further order


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was lost since 00:00 UTC (quote coin, positive = lost) and the equity of then; None: not known."""

    loss: Decimal
    equity_at_start: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """What the account is exposed to beside the order that is judged, at its worst. Notional in quote coin."""

    toward: Decimal = ZERO  # base coin held on the order's side; what is held on the other takes nothing off
    pending: Decimal = ZERO  # what every other order of that side may come to
    opposite: Decimal = ZERO  # the worst of this symbol on the other side
    elsewhere: Decimal = ZERO  # the worst of every other symbol, added up
    open_orders: int = 0
    sent_last_minute: int = 0
    leverage: Decimal | None = None
    day: Day | None = None


class Measure(NamedTuple):
    """One limit and the number it was held against. `name` is a limit's, or what else forbids to add exposure.

    A tuple, because ten are made for each verdict: a frozen dataclass costs four times as much.
    """

    name: str
    value: Decimal | str
    allowed: Decimal | str
    level: Level
    is_over: bool

    def as_json(self) -> dict[str, Any]:
        return {"limit": self.name, "value": _text(self.value), "allowed": _text(self.allowed), "level": self.level}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every limit that was asked about, in the order in which they were asked."""

    measures: tuple[Measure, ...]

    @property
    def over(self) -> Measure | None:
        """The first that forbids it; None: it may go."""
        return next((one for one in self.measures if one.is_over), None)

    def as_json(self) -> list[dict[str, Any]]:
        return [one.as_json() for one in self.measures]


def judge(asked: Asked, exposed: Exposed, prices: PriceView, effective: Effective) -> Verdict:
    """Whether an order that adds exposure may go. An order that fits exactly at a limit may.

    Prices that are absurd decide before any other number: nothing can be valued by them.
    """
    with exactly():
        return _judged(asked, exposed, prices, effective)


def _judged(asked: Asked, exposed: Exposed, prices: PriceView, effective: Effective) -> Verdict:
    limits = effective.limits
    found: list[Measure] = []

    def hold(name: LimitName, value: Decimal, *, is_over: bool | None = None, shown: Decimal | None = None) -> None:
        allowed = limits.amount(name)
        if allowed is not None:
            over = value > allowed if is_over is None else is_over
            found.append(Measure(name, value if shown is None else shown, allowed, effective.level(name), over))

    if limits.symbols is not None:
        symbol = asked.instrument.symbol
        listed = ", ".join(sorted(limits.symbols)[:10])
        found.append(Measure("symbols", symbol, listed, effective.level("symbols"), symbol not in limits.symbols))
    hold("data_age", _seconds(prices.link_age_s))
    hold("quote_age", _seconds(prices.quote_age_s))
    why = absurdity(prices)
    reference = prices.reference
    if why is not None or reference is None:
        found.append(Measure("prices_absurd", why or "none", "plausible", "installation", True))
        return Verdict(tuple(found))

    notional = notional_of(asked, prices)
    hold("order_notional", notional)
    toward = exposed.toward * reference + exposed.pending + notional
    hold("position_notional", toward)
    hold("total_notional", max(toward, exposed.opposite) + exposed.elsewhere)
    if exposed.leverage is not None and asked.instrument.category == "linear":
        hold("leverage", exposed.leverage)
    if asked.is_new:
        hold("open_orders", Decimal(exposed.open_orders + 1))
    hold("orders_per_minute", Decimal(exposed.sent_last_minute + 1))
    _hold_distance(asked, reference, limits, hold)
    if exposed.day is not None and limits.daily_loss is not None and exposed.day.equity_at_start is not None:
        loss, equity = max(ZERO, exposed.day.loss), exposed.day.equity_at_start
        over = loss > 0 and loss * _HUNDRED > limits.daily_loss * equity
        percent = rounded(loss * _HUNDRED / equity, _SHOWN) if equity > 0 else _HUNDRED if loss else ZERO
        hold("daily_loss", percent, is_over=over)
    return Verdict(tuple(found))


def judge_leverage(asked: Decimal, known: Decimal | None, effective: Effective) -> Verdict:
    """Whether a symbol may have this leverage. Down it may always go, also to what is still above the limit."""
    allowed = effective.limits.leverage
    if allowed is None:
        return Verdict(())
    over = asked > allowed and (known is None or asked >= known)
    return Verdict((Measure("leverage", asked, allowed, effective.level("leverage"), over),))


def dearest(
    price: Decimal | None, trigger_price: Decimal | None, order_type: OrderType, side: Side, prices: PriceView
) -> Decimal:
    """The highest price at which an order is valued: its own, its trigger's, never below the mark or what it meets.

    A market order's own price is the exchange's bound and no price of its sender, so it counts as well. `prices` must
    have a reference.
    """
    highest = prices.reference
    assert highest is not None, "whoever values an order has prices"
    if price is not None and price > highest:
        highest = price
    if trigger_price is not None and trigger_price > highest:
        highest = trigger_price
    if order_type == "Market":
        met = prices.quotes.opposite(side)
        if met is not None and met > highest:
            highest = met
    return highest


def notional_of(asked: Asked, prices: PriceView) -> Decimal:
    """What the order may come to, in quote coin."""
    if asked.quantity_unit == "quote":
        return asked.quantity
    return asked.quantity * dearest(asked.price, asked.trigger_price, asked.order_type, asked.side, prices)


def _hold_distance(asked: Asked, reference: Decimal, limits: Limits, hold: Any) -> None:
    """A limit price that is worse than the mark by too much is a slip of the finger. One that waits for its trigger is
    held against that: where the mark will be by then."""
    if asked.price is None or asked.order_type != "Limit" or limits.price_distance is None:
        return
    base = reference if asked.trigger_price is None else asked.trigger_price
    worse = asked.price - base if asked.side == "Buy" else base - asked.price
    if base <= 0:
        return
    over = worse * _HUNDRED > limits.price_distance * base
    hold("price_distance", max(ZERO, rounded(worse * _HUNDRED / base, _SHOWN)), is_over=over)


def _seconds(age_s: float) -> Decimal:
    return rounded(Decimal(age_s), Decimal("0.001"))


def _text(value: Decimal | str) -> str:
    return value if isinstance(value, str) else plain(value)
