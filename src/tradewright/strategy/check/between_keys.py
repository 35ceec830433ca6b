"""What has to hold between the keys of a spec.

Where a param stands for a number, the rule has to hold with its value in force and with both ends of its range.
Not here: what a single key may hold (`forms`, `reading`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext

from tradewright.strategy.check.forms import DcaForm, EntryForm, GridForm, ProtectForm, SizeForm, SpecForm
from tradewright.strategy.check.params import EXACT
from tradewright.strategy.check.reading import Reader
from tradewright.strategy.check.rules import Given
from tradewright.strategy.faults import Fault, Place, number

HUNDRED = Decimal(100)


def check_between_keys(spec: SpecForm, reader: Reader) -> None:
    """Adds what is wrong to the reader's faults."""
    between = _Between(reader)
    between.names(spec)
    if spec.market and spec.market.value.category and spec.market.value.category.value == "spot":
        between.spot(spec)
    stop_is_there = "/protect/stop_loss" in reader.keys
    if spec.size:
        between.size(spec.size.value, spec, stop_is_there=stop_is_there)
    if spec.protect:
        between.protect(spec.protect.value, stop_is_there=stop_is_there)
    if spec.entry:
        between.entry(spec.entry.value)
    if spec.grid:
        between.grid(spec.grid.value)
    if spec.dca:
        between.dca(spec.dca.value)


def last_deviation(count: Decimal, step_pct: Decimal, step_scale: Decimal) -> Decimal:
    """How many per cent the last safety order lies from the first fill; 0 without any."""
    with localcontext(EXACT):
        return sum((step_pct * step_scale**k for k in range(int(count))), Decimal(0))


@dataclass(slots=True)
class _Between:
    reader: Reader

    def _tell(self, code: str, path: str, place: Place, message: str, hint: str | None = None) -> None:
        self.reader.faults.append(Fault(code=code, path=path, place=place, message=message, hint=hint))

    def names(self, spec: SpecForm) -> None:
        """Params and series share one namespace: the later of two is told."""
        for name in spec.series.value if spec.series else ():
            param, series = (self.reader.keys.get(f"/{kind}/{name}") for kind in ("params", "series"))
            if param and series:
                path = f"/series/{name}" if param < series else f"/params/{name}"
                other = "param" if param < series else "series"
                message = f"there is a {other} `{name}` already; choose another name"
                self._tell("name_taken", path, max(param, series), message)

    def spot(self, spec: SpecForm) -> None:
        def refuse(given: Given[str] | Given[Decimal], what: str) -> None:
            self._tell("not_on_spot", given.path, given.place, f"{what} on spot; take `category: linear` for that")

        if spec.rules:
            for rule in (spec.rules.value.enter_short, spec.rules.value.exit_short):
                if rule:
                    self._tell("not_on_spot", rule.path, rule.place, "there are no shorts on spot; remove the rule")
        if spec.leverage and spec.leverage.value != 1:
            refuse(spec.leverage, "there is no leverage but 1")
        if spec.grid and spec.grid.value.side and spec.grid.value.side.value != "long":
            refuse(spec.grid.value.side, f"there is no {spec.grid.value.side.value} side")
        if spec.dca and spec.dca.value.side and spec.dca.value.side.value != "long":
            refuse(spec.dca.value.side, "there is no short side")

    def size(self, size: SizeForm, spec: SpecForm, *, stop_is_there: bool) -> None:
        if size.risk_pct and not stop_is_there:
            message = "a size by risk needs `protect.stop_loss`, for the risk is the distance to it"
            self._tell("needs_stop_loss", size.risk_pct.path, size.risk_pct.place, message)
        if size.equity_pct and (spec.leverage or "/leverage" not in self.reader.keys):
            leverage = spec.leverage.value if spec.leverage else Decimal(1)
            most = HUNDRED * leverage
            if any(value > most for (value,) in _cases(size.equity_pct)):
                message = f"at most {number(most)}, which is 100 × leverage"
                self._tell("out_of_range", size.equity_pct.path, size.equity_pct.place, message)

    def protect(self, protect: ProtectForm, *, stop_is_there: bool) -> None:
        target = protect.take_profit.value if protect.take_profit else None
        if target and target.rr and not stop_is_there:
            message = "`rr` is in times the stop's distance, and there is no `stop_loss`"
            self._tell("needs_stop_loss", target.rr.path, target.rr.place, message)
        for form, name in ((protect.stop_loss, "stop_loss"), (protect.take_profit, "take_profit")):
            path = f"/protect/{name}"
            if form and f"{path}/length" in self.reader.keys and f"{path}/atr" not in self.reader.keys:
                place = self.reader.keys[f"{path}/length"]
                self._tell("unknown_key", f"{path}/length", place, "`length` is that of `atr`, which is not given")

    def entry(self, entry: EntryForm) -> None:
        if (entry.type and entry.type.value == "limit") or (entry.type is None and "/entry/type" in self.reader.keys):
            return
        for name in ("offset_pct", "post_only", "expire_bars"):
            given: Given[Decimal] | Given[bool] | None = getattr(entry, name)
            if given:
                message = f"`{name}` is for limit entries; write `type: limit` or leave it out"
                self._tell("limit_only", given.path, given.place, message)

    def grid(self, grid: GridForm) -> None:
        lower, upper = grid.lower, grid.upper
        if lower and upper and any(low >= high for low, high in _cases(lower, upper)):
            self._tell("out_of_range", upper.path, upper.place, "`upper` is above `lower`")
        if lower and grid.stop_below and any(low <= stop for low, stop in _cases(lower, grid.stop_below)):
            self._tell("out_of_range", grid.stop_below.path, grid.stop_below.place, "`stop_below` is below `lower`")
        if upper and grid.stop_above and any(high >= stop for high, stop in _cases(upper, grid.stop_above)):
            self._tell("out_of_range", grid.stop_above.path, grid.stop_above.place, "`stop_above` is above `upper`")

    def dca(self, dca: DcaForm) -> None:
        safety = dca.safety.value if dca.safety else None
        if not (safety and safety.count and safety.step_pct and safety.step_scale):
            return
        stop = dca.stop_loss_pct
        givens = (safety.count, safety.step_pct, safety.step_scale, *((stop,) if stop else ()))
        furthest = [(last_deviation(*case[:3]), case[3:]) for case in _cases(*givens)]
        beyond = [deviation for deviation, _ in furthest if deviation >= HUNDRED]
        if beyond:
            message = f"the last safety order lies {_short(beyond[0])} % from the first fill; it has to be below 100"
            self._tell("out_of_range", safety.count.path, safety.count.place, message)
            return
        late = [(deviation, stops[0]) for deviation, stops in furthest if stops and deviation >= stops[0]]
        if stop and late:
            message = f"the last safety order lies {_short(late[0][0])} % from the first fill, beyond the stop"
            self._tell("safety_beyond_stop", stop.path, stop.place, message)


def _cases(*givens: Given[Decimal]) -> Iterator[tuple[Decimal, ...]]:
    """The values in force; then each ranged param in turn at both ends, the others in force."""
    yield tuple(given.value for given in givens)
    for name in dict.fromkeys(given.param for given in givens if given.ends):
        for end in (0, 1):
            yield tuple(given.ends[end] if given.param == name else given.value for given in givens)


def _short(value: Decimal) -> str:
    return f"{value:.4g}" if value < HUNDRED else f"{value:.4e}" if value >= Decimal("1e6") else f"{value:.1f}"
