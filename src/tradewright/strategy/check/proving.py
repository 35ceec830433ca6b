"""Conditions that can never be true, where that can be proved simply.

Three kinds of proof: bounds of values (an RSI lies from 0 to 100), order between values (no close is above the highest
high of its window), and parts of an `and` that exclude each other. What is not proved is not told: a rule that passes
here may still never fire. Only what holds for doubles as they are computed counts: functions whose rounding may carry
them over their mathematical bound are given some slack.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tradewright.strategy.program import CONSTANT, FIELDS, HISTORY, RESAMPLE, Program, Step

_INF = math.inf
_ANY = (-_INF, _INF)
_POSITIVE = (5e-324, _INF)
_NOT_NEGATIVE = (0.0, _INF)
_SLACK = 1e-6
_BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(FIELDS, _POSITIVE),
    "volume": _NOT_NEGATIVE,
    "turnover": _NOT_NEGATIVE,
    "hour": (0.0, 23.0),
    "minute": (0.0, 59.0),
    "weekday": (0.0, 6.0),
    "day": (1.0, 31.0),
    "month": (1.0, 12.0),
    "position.side": (-1.0, 1.0),
    "position.entry_price": _POSITIVE,
    "position.bars": _NOT_NEGATIVE,
    "position.best_pnl_pct": _NOT_NEGATIVE,
    **dict.fromkeys(("rsi", "aroon_up", "aroon_down", "percent_rank"), (0.0, 100.0)),
    **dict.fromkeys(
        ("stoch_k", "stoch_d", "stochrsi_k", "stochrsi_d", "mfi", "adx", "plus_di", "minus_di"),
        (-_SLACK, 100 + _SLACK),
    ),
    "willr": (-100 - _SLACK, _SLACK),
    "supertrend_dir": (-1.0, 1.0),
    "sign": (-1.0, 1.0),
    **dict.fromkeys(("atr", "natr", "tr", "stddev", "abs", "sqrt", "exp", "bars_since", "count"), _NOT_NEGATIVE),
}
_SAME_AS_INPUT = frozenset((HISTORY, RESAMPLE, "highest", "lowest", "value_when"))
_AVERAGES = frozenset(("sma", "ema", "wma", "rma"))
_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
# Which of less, equal and greater a comparison allows.
_ALLOWS = {"<": "<", "<=": "<=", ">": ">", ">=": "=>", "==": "=", "!=": "<>"}
_MIRROR = str.maketrans("<>", "><")
_BAR = {"low": 0, "open": 1, "close": 1, "hl2": 1, "high": 2}
_ORDER_DEPTH = 8


@dataclass(frozen=True, slots=True)
class _Comparison:
    left: int
    right: int
    allows: str


class Prover:
    """Answers for one program; what it has worked out it keeps."""

    def __init__(self, program: Program) -> None:
        self._steps = program.steps
        self._bounds: list[tuple[float, float]] = []
        for step in program.steps:
            self._bounds.append(self._bounds_of(step))
        self._possible: dict[tuple[int, bool], bool] = {}

    def is_never(self, index: int) -> bool:
        """Whether the condition at `index` can be proved never to be true."""
        return not self._can(index, wanted=True)

    def bounds(self, index: int) -> tuple[float, float]:
        """Between which values the step at `index` lies whenever it is known; of a condition 0 and 1, or no bounds."""
        return self._bounds[index]

    def _can(self, index: int, *, wanted: bool) -> bool:
        """Whether it is left open that the condition comes out as `wanted`. Each is worked out once."""
        if (index, wanted) not in self._possible:
            self._possible[index, wanted] = True  # of itself it asks nothing
            self._possible[index, wanted] = self._look(index, wanted=wanted)
        return self._possible[index, wanted]

    def _look(self, index: int, *, wanted: bool) -> bool:
        comparisons: list[_Comparison] = []
        for part, part_wanted in self._parts(index, wanted=wanted):
            step = self._steps[part]
            if (part, part_wanted) != (index, wanted) and not self._can(part, wanted=part_wanted):
                return False
            match step.name:
                case "constant":
                    if bool(step.constants[0]) != part_wanted:
                        return False
                case "and" | "or":  # one of them is enough
                    if not any(self._can(each, wanted=part_wanted) for each in step.arguments):
                        return False
                case name if name in _COMPARISONS:
                    allows = _ALLOWS[name if part_wanted else _OPPOSITE[name]]
                    comparisons.append(_Comparison(step.arguments[0], step.arguments[1], allows))
                case "crosses_above" | "crosses_below" if part_wanted:
                    now = ">" if step.name == "crosses_above" else "<"
                    comparisons.append(_Comparison(step.arguments[0], step.arguments[1], now))
                    if self._is_always(step, now):
                        return False
                case "crosses" if part_wanted:
                    left, right = step.arguments
                    if (
                        left == right
                        or self._below(left, right, strictly=True)
                        or self._below(right, left, strictly=True)
                    ):
                        return False
        return self._fit_together(comparisons)

    def _is_always(self, step: Step, now: str) -> bool:
        """Whether what a crossing arrives at always holds, so that nothing ever arrives."""
        left, right = step.arguments
        return self._below(right, left, strictly=True) if now == ">" else self._below(left, right, strictly=True)

    def _parts(self, index: int, *, wanted: bool) -> Iterator[tuple[int, bool]]:
        """What all has to hold for the condition to come out as `wanted`; a condition named twice comes once."""
        waiting, seen = [(index, wanted)], set[tuple[int, bool]]()
        while waiting:
            part = waiting.pop()
            if part in seen:
                continue
            seen.add(part)
            step = self._steps[part[0]]
            if step.name == "not":
                waiting.append((step.arguments[0], not part[1]))
            elif (step.name == "and" and part[1]) or (step.name == "or" and not part[1]):
                waiting += [(each, part[1]) for each in step.arguments]
            elif step.name == "held" and part[1]:
                waiting.append((step.arguments[0], True))
            else:
                yield part

    def _fit_together(self, comparisons: list[_Comparison]) -> bool:
        """Whether no two of them, and no bounds, exclude each other."""
        relations: dict[tuple[int, int], set[str]] = {}
        ranges: dict[int, tuple[float, bool, float, bool]] = {}
        for comparison in comparisons:
            left, right, allows = comparison.left, comparison.right, comparison.allows
            if right < left:
                left, right, allows = right, left, allows.translate(_MIRROR)
            relation = relations.setdefault((left, right), self._possible_order(left, right))
            relation &= set(allows)
            if not relation:
                return False
            for value, other, kinds in ((left, right, allows), (right, left, allows.translate(_MIRROR))):
                if not self._narrow(ranges, value, self._bounds[other], kinds):
                    return False
        return True

    def _possible_order(self, left: int, right: int) -> set[str]:
        if left == right:
            return {"="}
        found = set("<=>")
        if self._below(left, right):
            found.discard(">")
        if self._below(right, left):
            found.discard("<")
        if self._below(left, right, strictly=True) or self._below(right, left, strictly=True):
            found.discard("=")
        return found

    def _narrow(
        self, ranges: dict[int, tuple[float, bool, float, bool]], value: int, other: tuple[float, float], kinds: str
    ) -> bool:
        """Narrows the range of `value` by a comparison with something in the bounds `other`; whether any is left. The
        two booleans say whether the ends themselves are out."""
        low, low_is_out, high, high_is_out = ranges.get(
            value, (self._bounds[value][0], False, self._bounds[value][1], False)
        )
        if ">" not in kinds and kinds != "<>":
            limit, is_out = other[1], "=" not in kinds
            if (limit, not is_out) < (high, not high_is_out):
                high, high_is_out = limit, is_out
        if "<" not in kinds:
            limit, is_out = other[0], "=" not in kinds
            if limit > low or (limit == low and is_out):
                low, low_is_out = limit, is_out
        ranges[value] = (low, low_is_out, high, high_is_out)
        return low < high or (low == high and not low_is_out and not high_is_out)

    def _below(self, left: int, right: int, *, strictly: bool = False, depth: int = 0) -> bool:
        """Whether `left <= right` (strictly: `<`) at every bar at which both are known."""
        if strictly:
            return self._bounds[left][1] < self._bounds[right][0]
        if left == right or self._bounds[left][1] <= self._bounds[right][0]:
            return True
        if depth == _ORDER_DEPTH:
            return False
        a, b = self._steps[left], self._steps[right]
        if a.name in _BAR and b.name in _BAR and a.timeframe == b.timeframe:
            return _BAR[a.name] < _BAR[b.name]
        if self._are_bands(a, b):
            return True
        above = b.arguments if b.name in ("highest", "donchian_upper", "max") else ()
        below = a.arguments if a.name in ("lowest", "donchian_lower", "min") else ()
        return any(self._below(left, each, depth=depth + 1) for each in above) or any(
            self._below(each, right, depth=depth + 1) for each in below
        )

    def _are_bands(self, a: Step, b: Step) -> bool:
        """Whether `a` is the lower and `b` a higher band of one kind."""
        ranks = {"lower": 0, "middle": 1, "upper": 2}
        kind_a, _, band_a = a.name.rpartition("_")
        kind_b, _, band_b = b.name.rpartition("_")
        if kind_a != kind_b or kind_a not in ("bb", "keltner") or band_a not in ranks or band_b not in ranks:
            return False
        return ranks[band_a] < ranks[band_b] and a.arguments == b.arguments and a.constants == b.constants

    def _bounds_of(self, step: Step) -> tuple[float, float]:
        """Between which values it lies when it is known."""
        inputs = [self._bounds[each] for each in step.arguments]
        name = step.name
        if name == CONSTANT:
            return step.constants[0], step.constants[0]
        if name in _SAME_AS_INPUT:
            return inputs[-1]
        if name in ("count",):
            return 0.0, step.constants[0]
        if name in _BOUNDS:
            return _BOUNDS[name]
        if name in _AVERAGES:
            low, high = inputs[0]
            return low - abs(low) * _SLACK if low > -_INF else low, high + abs(high) * _SLACK if high < _INF else high
        if name in ("min", "max"):
            pick = min if name == "min" else max
            return pick(low for low, _ in inputs), pick(high for _, high in inputs)
        if name == "clamp":
            low, high = inputs[1][0], inputs[2][1]
            return (low, high) if low <= high else _ANY  # the other way round it is never known
        if name == "if":
            return min(inputs[1][0], inputs[2][0]), max(inputs[1][1], inputs[2][1])
        return self._arithmetic(name, inputs)

    def _arithmetic(self, name: str, inputs: list[tuple[float, float]]) -> tuple[float, float]:
        ends: list[float]
        match name:
            case "neg":
                return -inputs[0][1], -inputs[0][0]
            case "+":
                ends = [inputs[0][0] + inputs[1][0], inputs[0][1] + inputs[1][1]]
            case "-":
                ends = [inputs[0][0] - inputs[1][1], inputs[0][1] - inputs[1][0]]
            case "*":
                ends = [a * b for a in inputs[0] for b in inputs[1]]
            case "/" if inputs[1][0] > 0 or inputs[1][1] < 0:
                ends = [a / b for a in inputs[0] for b in inputs[1]]
            case _:
                return _ANY
        if any(math.isnan(end) for end in ends):  # 0 × ∞
            return _ANY
        return min(ends), max(ends)
