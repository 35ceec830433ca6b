"""A second engine, slow and plain: sections 3, 5 and 6 of the contract written down once more, all in Decimal.

It goes through every bar, skips nothing, and shares no line with the fast one but the columns of the program's outputs:
what it is for is to disagree. Not here: metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.arrays import Columns, evaluate
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import Dca, Grid, LimitEntry, Limits, Signal, Strategy
from tradewright.strategy.timeframe import length_ms

DAY = 86_400_000
ONE, ZERO, HUNDRED = Decimal(1), Decimal(0), Decimal(100)


@dataclass(frozen=True)
class Bar:
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass
class Holding:
    side: int
    fills: list[tuple[Decimal, Decimal]]  # quantity, price
    entry_time: int
    reason: str
    cell: int = 0
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    closes: int = 0
    ambiguous: bool = False

    @property
    def quantity(self) -> Decimal:
        return sum((quantity for quantity, _ in self.fills), ZERO)

    @property
    def average(self) -> Decimal:
        return sum((quantity * price for quantity, price in self.fills), ZERO) / self.quantity

    def open_pnl(self, price: Decimal) -> Decimal:
        return sum(((price - paid) * quantity * self.side for quantity, paid in self.fills), ZERO)


@dataclass
class Found:
    trades: list[dict[str, Any]] = field(default_factory=list)
    equity: list[Decimal] = field(default_factory=list)
    warnings: dict[str, list[int]] = field(default_factory=dict)
    exposed: int = 0


def play(strategy: Strategy, candles: Candles, settings: Settings) -> Found:
    with localcontext() as context:
        context.prec = 60
        engine = {Signal: _SignalEngine, Dca: _DcaEngine, Grid: _GridEngine}[type(strategy.plan)]
        return engine(strategy, candles, settings, evaluate(strategy.program, candles)).play()


def grid_floor(value: Decimal, step: Decimal | None) -> Decimal:
    return value if step is None else (value / step).to_integral_value(ROUND_FLOOR) * step


def grid_ceil(value: Decimal, step: Decimal | None) -> Decimal:
    return value if step is None else (value / step).to_integral_value(ROUND_CEILING) * step


def exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))


class _Engine:
    def __init__(self, strategy: Strategy, candles: Candles, settings: Settings, columns: Columns) -> None:
        self.strategy, self.settings, self.columns = strategy, settings, columns
        self.length = length_ms(candles.timeframe)
        self.bars = [
            Bar(int(time), *(exact(value) for value in prices))
            for time, *prices in zip(
                candles.open_time_ms, candles.open, candles.high, candles.low, candles.close, strict=True
            )
        ]
        begin = 0 if settings.from_ms is None else settings.from_ms
        end = 2**62 if settings.to_ms is None else settings.to_ms
        self.indices = [index for index, bar in enumerate(self.bars) if begin <= bar.time < end]
        self.first, self.last = self.indices[0], self.indices[-1]
        category = strategy.market.category
        self.is_linear = category == "linear"
        default = {"linear": ("5.5", "2"), "spot": ("10", "10")}[category]
        self.taker = Decimal(default[0] if settings.fee_taker_bps is None else settings.fee_taker_bps) / 10_000
        self.maker = Decimal(default[1] if settings.fee_maker_bps is None else settings.fee_maker_bps) / 10_000
        self.slip = Decimal(settings.slippage_bps) / 10_000
        self.tick, self.step = settings.filters.tick_size, settings.filters.quantity_step
        self.realised = settings.equity
        self.found = Found()
        self.open: list[Holding] = []

    # Money.

    def equity(self, price: Decimal) -> Decimal:
        return self.realised + sum((one.open_pnl(price) - one.fees - one.funding for one in self.open), ZERO)

    def buy_or_sell(self, price: Decimal, side: int) -> Decimal:
        return price * (1 + self.slip) if side > 0 else price * (1 - self.slip)

    def enter(
        self, side: int, quantity: Decimal, price: Decimal, rate: Decimal, time: int, reason: str, cell: int = 0
    ) -> Holding:
        holding = Holding(side, [(quantity, price)], time, reason, cell, fees=quantity * price * rate)
        self.open.append(holding)
        return holding

    def leave(self, holding: Holding, price: Decimal, rate: Decimal, time: int, reason: str) -> None:
        fees = holding.fees + holding.quantity * price * rate
        pnl = holding.open_pnl(price) - fees - holding.funding
        self.realised += pnl
        self.open.remove(holding)
        self.found.trades.append(
            {
                "side": holding.side, "qty": holding.quantity, "entry_time": holding.entry_time,
                "entry_price": holding.average, "entry_reason": holding.reason, "exit_time": time,
                "exit_price": price, "exit_reason": reason, "fees": fees, "funding": holding.funding, "pnl": pnl,
                "bars": holding.closes, "ambiguous": holding.ambiguous, "cell": holding.cell,
            }
        )  # fmt: skip

    def fund(self, index: int) -> None:
        funding = self.settings.funding
        if funding is None or index == self.first:
            return
        for time, rate in zip(funding.time_ms, funding.rate_ratio, strict=True):
            if self.bars[index - 1].time < time <= self.bars[index].time:
                for one in self.open:
                    one.funding += one.side * exact(rate) * one.quantity * self.bars[index - 1].close

    def warn(self, code: str, time: int) -> None:
        self.found.warnings.setdefault(code, []).append(time)

    def too_small(self, quantity: Decimal, price: Decimal) -> bool:
        filters = self.settings.filters
        return quantity == 0 or quantity < filters.min_quantity or quantity * price < filters.min_notional

    def floor_qty(self, quantity: Decimal) -> Decimal:
        return grid_floor(quantity, self.step)

    def protective(self, price: Decimal, side: int) -> Decimal:
        return grid_floor(price, self.tick) if side > 0 else grid_ceil(price, self.tick)

    def true(self, output: str, index: int, position: Position = FLAT) -> bool:
        return output in self.strategy.program.outputs and self.columns.at(output, index, position) == 1.0

    def walk(self, index: int) -> Iterator[Bar]:
        bar, fine = self.bars[index], self.settings.fine
        if fine is not None:
            rows = fine.rows
            inside = [
                Bar(
                    int(rows.open_time_ms[k]),
                    *(exact(column[k]) for column in (rows.open, rows.high, rows.low, rows.close)),
                )
                for k in range(len(rows))
                if bar.time <= rows.open_time_ms[k] < bar.time + self.length
            ]
            wanted = [bar.time + k * fine.spacing_ms for k in range(self.length // fine.spacing_ms)]
            if [one.time for one in inside] == wanted:
                return iter(inside)
        return iter([bar])

    def finish_bar(self, index: int) -> bool:
        """The equity point; whether the run ends here."""
        bar = self.bars[index]
        equity = self.equity(bar.close)
        if self.open:
            self.found.exposed += 1
        is_ruined = equity <= 0
        if is_ruined:
            self.warn("ruined", bar.time + self.length)
        if is_ruined or index == self.last:
            for holding in list(self.open):
                self.leave(holding, bar.close, self.taker, bar.time + self.length, "end_of_data")
            self.found.equity.append(self.realised)
            return True
        self.found.equity.append(equity)
        return False

    def play(self) -> Found:
        for index in self.indices:
            self.fund(index)
            self.before_close(index)
            for holding in self.open:
                holding.closes += 1
            self.at_close(index)
            if self.finish_bar(index):
                break
            self.decide(index)
        self.found.trades.sort(key=lambda trade: (trade["exit_time"], trade["entry_time"], trade["cell"]))
        return self.found

    def before_close(self, index: int) -> None:
        raise NotImplementedError

    def at_close(self, index: int) -> None:
        pass

    def decide(self, index: int) -> None:
        pass


class _BrakedEngine(_Engine):
    limits: Limits

    def begin_brakes(self, limits: Limits) -> None:
        self.limits = limits
        self.day = self.bars[self.first].time // DAY
        self.day_equity = self.settings.equity
        self.tripped = False
        self.fill_times: list[int] = []
        self.exit_bars: list[int] = []

    def look_at_day(self, index: int) -> None:
        time, equity = self.bars[index].time + self.length, self.equity(self.bars[index].close)
        if time // DAY != self.day:
            self.day, self.day_equity, self.tripped = time // DAY, equity, False
        pct = self.limits.max_daily_loss_pct
        if pct is not None and equity <= self.day_equity * (1 - pct / HUNDRED):
            self.tripped = True

    def may_enter(self, index: int, *, is_exit_decided: bool) -> bool:
        limits, time = self.limits, self.bars[index].time + self.length
        if self.tripped:
            return False
        if limits.cooldown_bars:
            recent = self.exit_bars and index <= self.exit_bars[-1] + limits.cooldown_bars - 1
            if is_exit_decided or recent:
                return False
        today = [one for one in self.fill_times if one // DAY == time // DAY]
        if limits.max_entries_per_day is not None and len(today) >= limits.max_entries_per_day:
            return False
        if limits.trade_minutes is not None:
            begin, end = limits.trade_minutes
            allowed = set(range(begin, end)) if begin < end else set(range(begin, 1440)) | set(range(end))
            if time // 60_000 % 1440 not in allowed:
                return False
        if limits.trade_days is not None:
            names = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"]
            return names[time // DAY % 7] in limits.trade_days
        return True


class _SignalEngine(_BrakedEngine):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        plan = self.strategy.plan
        assert isinstance(plan, Signal)
        self.plan, self.protect = plan, plan.protect
        self.begin_brakes(plan.limits)
        self.pending: dict[str, Any] | None = None  # a market entry
        self.limit: dict[str, Any] | None = None
        self.exit_reason: str | None = None
        self.levels: dict[str, Decimal] = {}
        self.best = ZERO
        self.activated = False

    @property
    def holding(self) -> Holding | None:
        return self.open[0] if self.open else None

    def before_close(self, index: int) -> None:
        for bar in self.walk(index):
            if self.exit_reason is not None:
                self.exit_at(index, bar, bar.open, self.exit_reason)
            how = None
            if self.pending is not None:
                order, self.pending = self.pending, None
                self.fill(order, self.buy_or_sell(bar.open, order["side"]), self.taker, bar)
                how = "market"
            elif self.limit is not None:
                side, price = self.limit["side"], self.limit["ref"]
                if (price - bar.open) * side > 0:
                    how = "beyond"
                elif bar.low < price if side > 0 else bar.high > price:
                    how = "inside"
                if how is not None:
                    order, self.limit = self.limit, None
                    self.fill(order, price, self.maker, bar)
            if self.holding is not None:
                self.protection(index, bar, how, self.holding)

    def fill(self, order: dict[str, Any], price: Decimal, rate: Decimal, bar: Bar) -> None:
        side = order["side"]
        self.enter(side, order["qty"], price, rate, bar.time, "enter_long" if side > 0 else "enter_short")
        self.fill_times.append(bar.time)
        levels = self.levels_from(price, side, order["raw"])
        assert levels is not None
        self.levels = levels
        if self.is_linear:
            margin = Decimal(self.settings.maintenance_margin_pct) / HUNDRED
            self.levels["liquidation"] = price * (1 - side * (ONE / self.strategy.leverage - margin))
        self.best = price
        self.activated = False

    def levels_from(self, entry: Decimal, side: int, raw: dict[str, Decimal | None]) -> dict[str, Decimal] | None:
        """None: one of them is unknown."""
        levels: dict[str, Decimal] = {}
        stop, target, trailing = self.protect.stop_loss, self.protect.take_profit, self.protect.trailing
        if stop is not None:
            if stop.by == "pct":
                price: Decimal | None = entry - side * entry * stop.amount / HUNDRED
            elif stop.by == "atr":
                atr = raw["stop_loss"]
                price = None if atr is None else entry - side * stop.amount * atr
            else:
                price = raw["stop_loss"]
            if price is None:
                return None
            levels["stop_loss"] = self.protective(price, side)
        if target is not None:
            if target.by == "pct":
                price = entry + side * entry * target.amount / HUNDRED
            elif target.by == "atr":
                atr = raw["take_profit"]
                price = None if atr is None else entry + side * target.amount * atr
            elif target.by == "rr":
                price = entry + side * target.amount * abs(entry - levels["stop_loss"])
            else:
                price = raw["take_profit"]
            if price is None:
                return None
            levels["take_profit"] = self.protective(price, side)
        if trailing is not None and trailing.activate_pct == 0:
            levels["trailing"] = self.protective(entry - side * entry * trailing.pct / HUNDRED, side)
        return levels

    def nearest_stop(self, side: int) -> tuple[str, Decimal] | None:
        order = ["stop_loss", "trailing", "liquidation"]
        there = [(name, self.levels[name]) for name in order if name in self.levels]
        return max(there, key=lambda item: (item[1] * side, -order.index(item[0])), default=None)

    def protection(self, index: int, bar: Bar, how: str | None, holding: Holding) -> None:
        side = holding.side
        stop, target = self.nearest_stop(side), self.levels.get("take_profit")
        worst, most = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
        touches_stop = stop is not None and (worst - stop[1]) * side <= 0
        touches_target = target is not None and (most - target) * side >= 0
        if how == "inside":
            holding.ambiguous |= touches_target
            if touches_stop:
                self.exit_at(index, bar, stop[1], stop[0])
        elif stop is not None and (bar.open - stop[1]) * side <= 0:
            holding.ambiguous |= how == "beyond"
            self.exit_at(index, bar, bar.open, stop[0])
        elif target is not None and (bar.open - target) * side >= 0:
            self.exit_at(index, bar, bar.open, "take_profit")
        elif touches_stop:
            holding.ambiguous |= touches_target
            self.exit_at(index, bar, stop[1], stop[0])
        elif touches_target:
            self.exit_at(index, bar, target, "take_profit")

    def exit_at(self, index: int, bar: Bar, price: Decimal, reason: str) -> None:
        holding = self.open[0]
        if reason != "liquidation":
            price = self.buy_or_sell(price, -holding.side)
        self.leave(holding, price, self.taker, bar.time, reason)
        self.exit_reason = None
        self.exit_bars.append(index)

    def position(self, close: Decimal) -> Position:
        holding = self.open[0]
        entry, side = float(holding.fills[0][1]), holding.side
        return Position(
            float(side), entry, float(holding.closes), side * (float(close) / entry - 1.0) * 100.0,
            side * (float(self.best) / entry - 1.0) * 100.0,
        )  # fmt: skip

    def at_close(self, index: int) -> None:
        holding, bar = self.holding, self.bars[index]
        if holding is None:
            return
        side, entry = holding.side, holding.fills[0][1]
        self.best = max(self.best, bar.high) if side > 0 else min(self.best, bar.low)
        trailing = self.protect.trailing
        if trailing is not None:
            needed = entry + side * entry * trailing.activate_pct / HUNDRED
            if (self.best - needed) * side >= 0:
                self.activated = True
            if self.activated or trailing.activate_pct == 0:
                level = self.protective(self.best - side * self.best * trailing.pct / HUNDRED, side)
                before = self.levels.get("trailing")
                if before is None or (level - before) * side > 0:
                    self.levels["trailing"] = level
        for name, level in (("stop_loss", self.protect.stop_loss), ("take_profit", self.protect.take_profit)):
            if level is None or level.by != "price":
                continue
            value = self.columns.at(f"protect.{name}.price", index, self.position(bar.close))
            if value != value:
                continue
            price = self.protective(exact(value), side)
            if price > 0 and (name == "take_profit" or (price - self.levels[name]) * side > 0):
                self.levels[name] = price

    def decide(self, index: int) -> None:
        self.look_at_day(index)
        bar, holding = self.bars[index], self.holding
        time = bar.time + self.length
        if holding is not None:
            rule = "exit_long" if holding.side > 0 else "exit_short"
            if self.tripped:
                self.exit_reason = "daily_loss"
            elif self.true(f"rules.{rule}", index, self.position(bar.close)):
                self.exit_reason = rule
            elif self.protect.max_bars is not None and holding.closes == self.protect.max_bars:
                self.exit_reason = "max_bars"
        if self.limit is not None:
            rule = "rules.exit_long" if self.limit["side"] > 0 else "rules.exit_short"
            if self.true(rule, index) or self.tripped or index == self.limit["until"]:
                self.limit = None
        is_exit = self.exit_reason is not None
        if (holding is None or is_exit) and self.limit is None and self.may_enter(index, is_exit_decided=is_exit):
            sides = [
                side for side, rule in ((1, "enter_long"), (-1, "enter_short")) if self.true(f"rules.{rule}", index)
            ]
            if len(sides) == 2:
                self.warn("entry_conflict", time)
            elif sides:
                self.order(index, sides[0], time)

    def order(self, index: int, side: int, time: int) -> None:
        close, plan = self.bars[index].close, self.plan
        reference = close
        if isinstance(plan.entry, LimitEntry):
            price = close - side * close * plan.entry.offset_pct / HUNDRED
            reference = self.protective(price, side)
        raw: dict[str, Decimal | None] = {}
        about = Position(float(side), float(reference), 0.0, 0.0, 0.0)
        for name, level in (("stop_loss", self.protect.stop_loss), ("take_profit", self.protect.take_profit)):
            if level is not None and level.by in ("atr", "price"):
                value = self.columns.at(f"protect.{name}.{level.by}", index, about)
                raw[name] = None if value != value else exact(value)
        levels = self.levels_from(reference, side, raw)
        if levels is None or reference <= 0 or any(level <= 0 for level in levels.values()):
            self.warn("protect_unknown", time)
            return
        stop, target = levels.get("stop_loss"), levels.get("take_profit")
        if (stop is not None and stop * side >= reference * side) or (
            target is not None and target * side <= reference * side
        ):
            self.warn("protect_wrong_side", time)
            return
        equity, leverage, size = self.equity(close), self.strategy.leverage, plan.size
        if size.by == "quote":
            quantity = size.amount / reference
        elif size.by == "base":
            quantity = size.amount
        elif size.by == "equity_pct":
            quantity = equity * size.amount / HUNDRED / reference
        else:
            assert stop is not None
            quantity = equity * size.amount / HUNDRED / abs(reference - stop)
        quantity = self.floor_qty(quantity)
        most = equity * leverage / (1 + leverage * self.taker)
        if quantity * reference > most:
            if size.by in ("quote", "base"):
                self.warn("insufficient_balance", time)
                return
            self.warn("size_capped", time)
            quantity = self.floor_qty(most / reference)
        if self.too_small(quantity, reference):
            self.warn("below_minimum", time)
            return
        order = {"side": side, "qty": quantity, "ref": reference, "raw": raw}
        if isinstance(plan.entry, LimitEntry):
            self.limit = order | {"until": index + plan.entry.expire_bars}
        else:
            self.pending = order


class _DcaEngine(_BrakedEngine):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        plan = self.strategy.plan
        assert isinstance(plan, Dca)
        self.plan = plan
        self.side = 1 if plan.side == "long" else -1
        self.begin_brakes(plan.limits)
        self.base: tuple[Decimal, int] | None = None
        self.safety: list[tuple[Decimal, Decimal]] = []  # price, quantity
        self.stop: Decimal | None = None
        self.closing = False
        self.cycles = 0

    def before_close(self, index: int) -> None:
        bar, side, plan = self.bars[index], self.side, self.plan
        if self.closing:
            self.end_cycle(index, bar.open, "daily_loss")
        if self.base is not None:
            quantity, time = self.base
            self.base = None
            first = self.buy_or_sell(bar.open, side)
            self.enter(side, quantity, first, self.taker, bar.time, "start")
            self.fill_times.append(bar.time)
            self.stop = self.stop_from(first)
            self.rest(first, time)
        if not self.open:
            return
        holding = self.open[0]
        target = self.target_from(holding.average)
        worst, most = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
        name, stop = self.nearest(holding)
        if stop is not None and (bar.open - stop) * side <= 0:
            holding.ambiguous |= any((bar.open - price) * side < 0 for price, _ in self.safety)
            self.end_cycle(index, bar.open, name)
            return
        if (bar.open - target) * side >= 0:
            self.end_cycle(index, bar.open, "take_profit")
            return
        passed = sorted([one for one in self.safety if (worst - one[0]) * side < 0], key=lambda one: -one[0] * side)
        for price, quantity in passed:
            _, at = self.nearest(holding)
            if self.is_linear and at is not None and (at - price) * side >= 0:
                self.warn("liquidation_before_safety", bar.time + self.length)
            holding.fills.append((quantity, price))
            holding.fees += quantity * price * self.maker
            self.safety.remove((price, quantity))
        if passed:
            after = self.target_from(holding.average)
            holding.ambiguous |= (most - target) * side >= 0 or (most - after) * side >= 0
        name, stop = self.nearest(holding)
        if stop is not None and (worst - stop) * side <= 0:
            holding.ambiguous |= (most - target) * side >= 0
            self.end_cycle(index, stop, name)
        elif not passed and (most - target) * side >= 0:
            self.end_cycle(index, target, "take_profit")
        assert plan is self.plan

    def rest(self, first: Decimal, time: int) -> None:
        self.safety = []
        safety = self.plan.safety
        for k in range(1, (safety.count if safety else 0) + 1):
            assert safety is not None
            deviation = safety.step_pct * sum((safety.step_scale**n for n in range(k)), ZERO)
            price = self.protective(first - self.side * first * deviation / HUNDRED, self.side)
            quantity = self.floor_qty(safety.quote * safety.size_scale ** (k - 1) / price) if price > 0 else ZERO
            if self.too_small(quantity, price):
                self.warn("below_minimum", time)
            else:
                self.safety.append((price, quantity))

    def stop_from(self, first: Decimal) -> Decimal | None:
        pct = self.plan.stop_loss_pct
        return None if pct is None else self.protective(first - self.side * first * pct / HUNDRED, self.side)

    def target_from(self, average: Decimal) -> Decimal:
        return self.protective(average + self.side * average * self.plan.take_profit_pct / HUNDRED, self.side)

    def nearest(self, holding: Holding) -> tuple[str, Decimal | None]:
        margin = Decimal(self.settings.maintenance_margin_pct) / HUNDRED
        liquidation = holding.average * (1 - self.side * (ONE / self.strategy.leverage - margin))
        if not self.is_linear:
            return "stop_loss", self.stop
        if self.stop is None or (liquidation - self.stop) * self.side > 0:
            return "liquidation", liquidation
        return "stop_loss", self.stop

    def end_cycle(self, index: int, price: Decimal, reason: str) -> None:
        if reason != "liquidation":
            price = self.buy_or_sell(price, -self.side)
        self.leave(self.open[0], price, self.taker, self.bars[index].time, reason)
        self.closing = False
        self.exit_bars.append(index)

    def decide(self, index: int) -> None:
        self.look_at_day(index)
        plan, bar = self.plan, self.bars[index]
        time, close = bar.time + self.length, bar.close
        if self.open:
            self.closing = self.tripped
            return
        if (self.cycles and not plan.repeat) or not self.may_enter(index, is_exit_decided=False):
            return
        if not (plan.starts_now or self.true("dca.start", index)):
            return
        stop, target = self.stop_from(close), self.target_from(close)
        if target <= 0 or (stop is not None and stop <= 0):
            self.warn("protect_unknown", time)
            return
        if (target - close) * self.side <= 0 or (stop is not None and (close - stop) * self.side <= 0):
            self.warn("protect_wrong_side", time)
            return
        quotes = plan.base_quote
        if plan.safety is not None:
            quotes += sum((plan.safety.quote * plan.safety.size_scale**n for n in range(plan.safety.count)), ZERO)
        leverage = self.strategy.leverage
        if quotes > self.equity(close) * leverage / (1 + leverage * self.taker):
            self.warn("insufficient_balance", time)
            return
        quantity = self.floor_qty(plan.base_quote / close)
        if self.too_small(quantity, close):
            self.warn("below_minimum", time)
            return
        self.base = (quantity, time)
        self.cycles += 1


class _GridEngine(_Engine):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        plan = self.strategy.plan
        assert isinstance(plan, Grid)
        self.plan = plan
        self.prices: list[Decimal] = []
        self.sides: list[int] = []
        self.quantities: list[Decimal] = []
        self.state = "waiting"

    def before_close(self, index: int) -> None:
        bar, plan = self.bars[index], self.plan
        if self.state == "waiting" and plan.lower <= bar.open <= plan.upper:
            self.start(bar)
        if self.state == "running":
            self.trade(bar)

    def start(self, bar: Bar) -> None:
        plan, count = self.plan, self.plan.levels - 1
        for i in range(plan.levels):
            if plan.spacing == "arithmetic":
                price = plan.lower + i * (plan.upper - plan.lower) / count
            else:
                price = plan.lower * ((plan.upper / plan.lower).ln() * i / count).exp()
            if i in (0, count):
                price = (plan.lower, plan.upper)[i > 0]
            if self.tick is not None:
                price = (price / self.tick).quantize(ONE, ROUND_HALF_UP) * self.tick
            self.prices.append(price)
        for c in range(count):
            is_long = {"long": True, "short": False, "neutral": self.prices[c] <= bar.open}[plan.side]
            self.sides.append(1 if is_long else -1)
            opening = self.opening(c)
            amount = plan.per_level.amount
            unit = ONE if plan.per_level.by == "base" else opening
            self.quantities.append(self.floor_qty(amount / unit) if unit > 0 else ZERO)
        cells = range(count)
        self.state = "over"
        if any(self.too_small(self.quantities[c], self.opening(c)) for c in cells):
            self.warn("below_minimum", bar.time)
        elif len(set(self.prices)) < len(self.prices):
            self.warn("levels_collide", bar.time)
        elif sum(self.quantities[c] * self.opening(c) for c in cells) > self.equity(bar.open) * self.strategy.leverage:
            self.warn("insufficient_balance", bar.time)
        else:
            self.state = "running"
            for c in cells:
                bought = plan.side == "long" and self.prices[c] > bar.open
                sold = plan.side == "short" and self.prices[c + 1] < bar.open
                if bought or sold:
                    price = self.buy_or_sell(bar.open, self.sides[c])
                    self.enter(self.sides[c], self.quantities[c], price, self.taker, bar.time, "grid", c)

    def opening(self, c: int) -> Decimal:
        return self.prices[c] if self.sides[c] > 0 else self.prices[c + 1]

    def trade(self, bar: Bar) -> None:
        plan = self.plan
        stops = [
            (plan.stop_below, lambda stop: bar.low <= stop, lambda stop: bar.open <= stop),
            (plan.stop_above, lambda stop: bar.high >= stop, lambda stop: bar.open >= stop),
        ]
        hit = next((stop for stop in stops if stop[0] is not None and stop[1](stop[0])), None)
        held = {one.cell: one for one in self.open}
        for c, side in enumerate(self.sides):
            buys, sells = bar.low < self.prices[c], bar.high > self.prices[c + 1]
            holding = held.get(c)
            if holding is None:
                if buys if side > 0 else sells:
                    new = self.enter(side, self.quantities[c], self.opening(c), self.maker, bar.time, "grid", c)
                    new.ambiguous = (buys and sells) or hit is not None
            elif sells if side > 0 else buys:
                holding.ambiguous |= (buys and sells) or hit is not None
                price = self.prices[c + 1] if side > 0 else self.prices[c]
                self.leave(holding, price, self.maker, bar.time, "take_profit")
        if hit is not None:
            stop, _, is_beyond = hit
            assert stop is not None
            for holding in list(self.open):
                price = bar.open if is_beyond(stop) else stop
                self.leave(holding, self.buy_or_sell(price, -holding.side), self.taker, bar.time, "stop_loss")
            self.state = "over"


_ = Callable
