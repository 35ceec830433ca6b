"""Every function of the language: its group, parameters, what it reads by itself, and how far back it looks.

Lives here: the one list that checker, evaluator, docs and editor read. Not here: what a function computes (beside this
module), words about it for people (`words`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tradewright.strategy.program import OPEN_TIME

Group = Literal["averages", "momentum", "volatility", "trend", "volume", "windows", "events", "arithmetic"]
GROUPS: tuple[Group, ...] = (
    "averages",
    "momentum",
    "volatility",
    "trend",
    "volume",
    "windows",
    "events",
    "arithmetic",
)
# What a parameter takes. "branch": either type, the same in all branches; "length" and "multiplier" are constants.
Kind = Literal["number", "condition", "branch", "length", "multiplier"]
# What it keeps of bars before its lookback: nothing; a share that fades; everything since history began; this day.
Memory = Literal["nothing", "fades", "everything", "day"]

LENGTH_MAX = 5_000
LOOKBACK_MAX = 5_000
VARIADIC_MAX = 8
FADES_TIMES = 10  # so many times its largest length a fading function is given to forget where it began
EVERYTHING_BARS = 1_000  # what a function that depends on where history begins is given


@dataclass(frozen=True, slots=True)
class Parameter:
    """`least` is the smallest length allowed; of other kinds it means nothing."""

    name: str
    kind: Kind
    least: int = 1

    @property
    def is_constant(self) -> bool:
        return self.kind in ("length", "multiplier")


@dataclass(frozen=True, slots=True)
class Function:
    """`reads` are the bar's fields behind the series in a step's arguments. `lookback` takes the lengths in the order
    of the signature and gives the first index (0-based) at which the value is known when all its inputs are.
    `variadic`: the one parameter is given two to VARIADIC_MAX times.
    """

    name: str
    group: Group
    parameters: tuple[Parameter, ...]
    result: Literal["number", "condition", "branch"]
    reads: tuple[str, ...]
    lookback: Callable[..., int]
    memory: Memory = "nothing"
    variadic: bool = False

    @property
    def series(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if not parameter.is_constant)

    @property
    def constants(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.is_constant)

    def lengths(self, constants: Sequence[float]) -> tuple[int, ...]:
        """The lengths among a step's `constants` (lengths and multipliers in the order of the signature)."""
        named = zip(self.constants, constants, strict=True)
        return tuple(int(value) for parameter, value in named if parameter.kind == "length")

    def signature(self) -> str:
        """As the contract writes it: `ema(x, n)`."""
        return f"{self.name}({', '.join(parameter.name for parameter in self.parameters)}{', …' * self.variadic})"


_HL = ("high", "low")
_HLC = ("high", "low", "close")
_HLCV = (*_HLC, "volume")
_LEAST_TWO = 2

_X, _A, _B = (Parameter(name, "number") for name in "xab")
_C = Parameter("c", "condition")
_N, _N2 = Parameter("n", "length"), Parameter("n", "length", _LEAST_TWO)
_K = Parameter("k", "multiplier")


def _lengths(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, "length") for name in names)


def _none() -> int:
    return 0


def _one() -> int:
    return 1


def _before(n: int) -> int:
    return n - 1


def _whole(n: int) -> int:
    return n


def _hma(n: int) -> int:
    return n + math.floor(math.sqrt(n) + 0.5) - 2


def _listed() -> tuple[Function, ...]:
    def entry(
        group: Group,
        names: str,
        parameters: tuple[Parameter, ...],
        lookback: Callable[..., int],
        *,
        reads: tuple[str, ...] = (),
        memory: Memory = "nothing",
        result: Literal["number", "condition", "branch"] = "number",
        variadic: bool = False,
    ) -> list[Function]:
        return [Function(name, group, parameters, result, reads, lookback, memory, variadic) for name in names.split()]

    macd = (
        _X,
        Parameter("fast", "length", _LEAST_TWO),
        Parameter("slow", "length", _LEAST_TWO),
        Parameter("signal", "length"),
    )
    return (
        *entry("averages", "sma wma", (_X, _N), _before),
        *entry("averages", "ema rma", (_X, _N), _before, memory="fades"),
        *entry("averages", "dema", (_X, _N), lambda n: 2 * n - 2, memory="fades"),
        *entry("averages", "tema", (_X, _N), lambda n: 3 * n - 3, memory="fades"),
        *entry("averages", "kama", (_X, _N), _whole, memory="fades"),
        *entry("averages", "hma", (_X, _N2), _hma),
        *entry("averages", "vwma", (_X, _N), _before, reads=("volume",)),
        *entry("averages", "vwap", (), _none, reads=("hlc3", "volume", OPEN_TIME), memory="day"),
        *entry("momentum", "rsi", (_X, _N2), _whole, memory="fades"),
        *entry("momentum", "roc mom", (_X, _N), _whole),
        *entry("momentum", "cci willr", (_N2,), _before, reads=_HLC),
        *entry("momentum", "mfi", (_N2,), _whole, reads=_HLCV),
        *entry("momentum", "adx", (_N2,), lambda n: 2 * n - 1, reads=_HLC, memory="fades"),
        *entry("momentum", "plus_di minus_di", (_N,), _whole, reads=_HLC, memory="fades"),
        *entry("momentum", "aroon_up aroon_down", (_N2,), _whole, reads=_HL),
        *entry("momentum", "stoch_k stoch_d", _lengths("k", "smooth", "d"), lambda k, s, d: k + s + d - 3, reads=_HLC),
        *entry(
            "momentum",
            "stochrsi_k stochrsi_d",
            (_X, _N2, *_lengths("k", "d")),
            lambda n, k, d: n + k + d - 2,
            memory="fades",
        ),
        *entry("momentum", "macd macd_signal macd_hist", macd, lambda f, s, g: s + g - 2, memory="fades"),
        *entry("volatility", "atr natr", (_N,), _whole, reads=_HLC, memory="fades"),
        *entry("volatility", "tr", (), _one, reads=_HLC),
        *entry("volatility", "stddev", (_X, _N2), _before),
        *entry("volatility", "bb_upper bb_middle bb_lower bb_width", (_X, _N2, _K), _before),
        *entry("volatility", "keltner_upper keltner_lower", (_N, _K), _whole, reads=_HLC, memory="fades"),
        *entry("volatility", "donchian_upper", (_N2,), _before, reads=("high",)),
        *entry("volatility", "donchian_lower", (_N2,), _before, reads=("low",)),
        *entry("trend", "supertrend supertrend_dir", (_N, _K), _whole, reads=_HLC, memory="fades"),
        *entry(
            "trend",
            "psar",
            (Parameter("step", "multiplier"), Parameter("max", "multiplier")),
            _one,
            reads=_HL,
            memory="everything",
        ),
        *entry("trend", "linreg_slope linreg", (_X, _N2), _before),
        *entry("volume", "obv", (), _none, reads=("close", "volume"), memory="everything"),
        *entry("volume", "ad", (), _none, reads=_HLCV, memory="everything"),
        *entry("volume", "cmf", (_N,), _before, reads=_HLCV),
        *entry("volume", "volume_sma", (_N,), _before, reads=("volume",)),
        *entry("windows", "highest lowest sum", (_X, _N2), _before),
        *entry("windows", "change percent_rank", (_X, _N), _whole),
        *entry("windows", "zscore", (_X, _N2), _before),
        *entry("windows", "count", (_C, _N), _before),
        *entry("events", "crosses_above crosses_below crosses", (_A, _B), _one, result="condition"),
        *entry("events", "rising falling", (_X, _N), _whole, result="condition"),
        *entry("events", "bars_since", (_C,), _none, memory="everything"),
        *entry("events", "value_when", (_C, _X), _none, memory="everything"),
        *entry("events", "held", (_C, _N), _before, result="condition"),
        *entry("arithmetic", "abs", (_X,), _none),
        *entry("arithmetic", "min max", (_X,), _none, variadic=True),
        *entry("arithmetic", "round floor ceil sqrt log exp sign", (_X,), _none),
        *entry("arithmetic", "clamp", (_X, Parameter("lo", "number"), Parameter("hi", "number")), _none),
        *entry(
            "arithmetic",
            "if",
            (_C, Parameter("a", "branch"), Parameter("b", "branch")),
            _none,
            result="branch",
        ),
    )


FUNCTIONS: Mapping[str, Function] = MappingProxyType({function.name: function for function in _listed()})
