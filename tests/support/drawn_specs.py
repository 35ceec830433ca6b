"""Specs drawn by chance whose expressions are of all functions, operators and names of the language.

Most of them are right; a length that is too long or a lookback too deep makes some wrong. One chance gives one spec.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import FIELDS, TIMES

_LENGTHS: Final = ("2", "3", "5", "14", "20", "50", "n", "n + 1", "2 * n")
_MULTIPLIERS: Final = ("0.5", "1", "2", "2.5")
_NUMBERS: Final = ("0", "1", "2.5", "30", "70", "100", "n", "k")
_LONGER: Final = ("1h", "4h", "1d")
_COMPARED: Final = ("<", "<=", ">", ">=", "==", "!=")
_POSITION: Final = ("side", "entry_price", "bars", "pnl_pct", "best_pnl_pct")
_PARAMS: Final = {"n": {"default": 9, "min": 3, "max": 21, "step": 3}, "k": 1.5}
_TWO_LENGTHS: Final = ("macd", "macd_signal", "macd_hist")  # the first is shorter than the second
_SERIES_MAX: Final = 3
_DEPTH: Final = 3


class _Writer:
    """`names` are series that may be named, with their types. Inside `tf` nothing knows of a position."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.names: list[tuple[str, str]] = []

    def number(self, depth: int, *, of_position: bool = False) -> str:
        rng = self._rng
        kind = rng.random()
        if depth == 0 or kind < 0.15:
            return self._leaf(of_position=of_position)
        if kind < 0.55:
            return self._call("number", depth)
        if kind < 0.8:
            a, b = (self.number(depth - 1, of_position=of_position) for _ in range(2))
            return f"({a} {rng.choice('+-*/%')} {b})" if rng.random() < 0.6 else f"{a} {rng.choice('+-*/')} {b}"
        if kind < 0.86:
            return f"-({self.number(depth - 1, of_position=of_position)})"
        if kind < 0.93:
            return f"({self.number(depth - 1)})[{rng.choice((1, 2, 5))}]"
        return f"tf({rng.choice(_LONGER)}, {self.number(depth - 1)})"

    def condition(self, depth: int, *, of_position: bool = False) -> str:
        rng = self._rng
        kind = rng.random()
        if depth == 0 or kind < 0.45:
            a, b = (self.number(max(0, depth - 1), of_position=of_position) for _ in range(2))
            return f"{a} {rng.choice(_COMPARED)} {b}"
        if kind < 0.65:
            a, b = (self.condition(depth - 1, of_position=of_position) for _ in range(2))
            joined = f"{a} {rng.choice(('and', 'or'))} {b}"
            return f"({joined})" if rng.random() < 0.5 else joined
        if kind < 0.75:
            return f"not ({self.condition(depth - 1, of_position=of_position)})"
        known = [name for name, kind_of in self.names if kind_of == "condition"]
        return rng.choice(known) if known and rng.random() < 0.4 else self._call("condition", depth)

    def _leaf(self, *, of_position: bool) -> str:
        rng = self._rng
        known = [name for name, kind in self.names if kind == "number"]
        chosen = rng.random()
        if of_position and chosen < 0.3:
            return f"position.{rng.choice(_POSITION)}"
        if known and chosen < 0.5:
            return rng.choice(known)
        return rng.choice(_NUMBERS) if chosen < 0.65 else rng.choice((*sorted(FIELDS), *sorted(TIMES)))

    def _call(self, result: str, depth: int) -> str:
        rng = self._rng
        functions = [each for each in FUNCTIONS.values() if each.result in (result, "branch")]
        function = rng.choice(functions)
        given = []
        for parameter in function.parameters:
            match parameter.kind:
                case "number":
                    count = rng.choice((2, 3)) if function.variadic else 1
                    given += [self.number(depth - 1) for _ in range(count)]
                case "branch":
                    given.append(self.number(depth - 1) if result == "number" else self.condition(depth - 1))
                case "condition":
                    given.append(self.condition(depth - 1))
                case "length":
                    given.append(rng.choice(_LENGTHS))
                case "multiplier":
                    given.append(rng.choice(_MULTIPLIERS))
        if function.name in _TWO_LENGTHS:
            given[1:3] = rng.choice((("5", "13"), ("12", "26"), ("n", "30")))
        if function.name == "psar":
            given = list(rng.choice((("0.02", "0.2"), ("0.01", "0.1"))))
        if function.group != "arithmetic" and rng.random() < 0.15:
            given.append(f"tf={rng.choice(_LONGER)}")
        return f"{function.name}({', '.join(given)})"


def draw_spec(rng: Random) -> dict[str, Any]:
    """Of kind signal or dca, for a linear contract, at 15m; it may be wrong."""
    writer = _Writer(rng)
    series: dict[str, Any] = {}
    for place in range(rng.randrange(_SERIES_MAX + 1)):
        kind = rng.choice(("number", "number", "condition"))
        series[f"s{place}"] = writer.number(_DEPTH - 1) if kind == "number" else writer.condition(_DEPTH - 1)
        writer.names.append((f"s{place}", kind))
    spec: dict[str, Any] = {
        "version": 1,
        "kind": rng.choice(("signal", "signal", "signal", "dca")),
        "name": f"Drawn {rng.randrange(1_000)}",
        "market": {"category": "linear", "symbol": "BTCUSDT", "timeframe": "15m"},
        "leverage": rng.choice((1, 2, 5)),
        "params": dict(_PARAMS),
        **({"series": series} if series else {}),
    }
    return spec | (_signal(rng, writer) if spec["kind"] == "signal" else _dca(rng, writer))


def _signal(rng: Random, writer: _Writer) -> dict[str, Any]:
    rules = {"enter_long": writer.condition(_DEPTH)}
    if rng.random() < 0.5:
        rules["enter_short"] = writer.condition(_DEPTH)
        rules["exit_short"] = writer.condition(_DEPTH - 1, of_position=True)
    if rng.random() < 0.7:
        rules["exit_long"] = writer.condition(_DEPTH - 1, of_position=True)
    stop = rng.choice(
        (
            {"pct": rng.choice((0.5, 1.2, 3, "k"))},
            {"atr": rng.choice((1, 2.5)), "length": rng.choice((7, 14, "n"))},
            {"price": writer.number(_DEPTH - 1, of_position=True)},
        )
    )
    protect: dict[str, Any] = {"stop_loss": stop}
    if rng.random() < 0.6:
        protect["take_profit"] = rng.choice(({"rr": 2}, {"pct": 4}, {"price": writer.number(1, of_position=True)}))
    if rng.random() < 0.4:
        protect["trailing"] = rng.choice(({"pct": 1.5}, {"pct": 2, "activate_pct": 1}))
    if rng.random() < 0.4:
        protect["max_bars"] = rng.choice((12, 96))
    size = rng.choice(({"quote": 100}, {"base": 0.5}, {"equity_pct": 20}, {"risk_pct": 1}))
    made: dict[str, Any] = {"rules": rules, "size": size, "protect": protect}
    if rng.random() < 0.3:
        made["entry"] = {"type": "limit", "offset_pct": rng.choice((0, 0.1)), "expire_bars": rng.choice((1, 4))}
    if rng.random() < 0.5:
        made["limits"] = _limits(rng)
    return made


def _dca(rng: Random, writer: _Writer) -> dict[str, Any]:
    dca: dict[str, Any] = {
        "side": rng.choice(("long", "short")),
        "start": rng.choice(("now", writer.condition(_DEPTH))),
        "base": {"quote": rng.choice((50, 200))},
        "take_profit_pct": rng.choice((1, 1.5)),
        "repeat": rng.random() < 0.7,
    }
    if rng.random() < 0.7:
        dca["safety"] = {"count": 4, "quote": 60, "step_pct": 1, "step_scale": 1.1, "size_scale": 1.5}
    if rng.random() < 0.5:
        dca["stop_loss_pct"] = rng.choice((9, 15))
    return {"dca": dca} | ({"limits": _limits(rng)} if rng.random() < 0.4 else {})


def _limits(rng: Random) -> dict[str, Any]:
    return {
        "max_entries_per_day": rng.choice((1, 5)),
        "cooldown_bars": rng.choice((0, 3)),
        "max_daily_loss_pct": rng.choice((2, 5)),
        "trade_hours_utc": rng.choice(("07:00-21:00", "22:00-05:00")),
        "trade_days": rng.choice((["mon", "tue"], ["sat"])),
    }
