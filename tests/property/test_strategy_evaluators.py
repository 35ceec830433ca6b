"""Two evaluators, one meaning: random programs give the same bits over columns and bar by bar, and never look ahead."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.strategy_series import (
    REMEMBERING,
    bar_by_bar,
    constants_of,
    in_columns,
    part,
    program_of,
    rows,
    same,
    wandering,
)
from tradewright.strategy.evaluate import elementwise
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.functions.scalars import SCALARS
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import CONSTANT, FIELDS, HISTORY, POSITION_FIELDS, RESAMPLE, TIMES, Program, Step
from tradewright.strategy.timeframe import Timeframe, is_multiple

_CONDITIONS = {"<", "<=", ">", ">=", "==", "!=", "and", "or", "not"}
_LOGIC = {"and", "or", "not"}
_UNKNOWN_IN_STRETCHES = ("turnover",) * 3
_TIMEFRAMES: tuple[Timeframe, ...] = ("15m", "1h", "4h", "1d")


class _Builder:
    """Draws a program: a list of typed steps on some timeframes, each of steps before it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.steps: list[Step] = []
        self._kinds: list[str] = []

    def add(self, step: Step, kind: str) -> int:
        self.steps.append(step)
        self._kinds.append(kind)
        return len(self.steps) - 1

    def some(self, kind: str, tf: Timeframe) -> int:
        there = [i for i, step in enumerate(self.steps) if step.timeframe == tf and self._kinds[i] == kind]
        if there:
            return self._draw(st.sampled_from(there))
        if kind == "number":
            return self.add(Step(self._draw(st.sampled_from(("close", *_UNKNOWN_IN_STRETCHES))), tf), "number")
        return self.add(Step(">", tf, (self.some("number", tf), self.add(Step("open", tf), "number"))), "condition")

    def grow(self) -> None:
        draw, tf = self._draw, self._draw(st.sampled_from(_TIMEFRAMES))
        shape = draw(st.sampled_from(("field", "constant", "scalar", "function", "function", HISTORY, RESAMPLE)))
        if shape == "field":
            self.add(Step(draw(st.sampled_from((*FIELDS, *TIMES, *_UNKNOWN_IN_STRETCHES))), tf), "number")
        elif shape == "constant":
            self.add(Step(CONSTANT, tf, (), (draw(st.sampled_from((0.0, 1.0, -2.5, 100.0, 1e300))),)), "number")
        elif shape == HISTORY:
            kind = draw(st.sampled_from(("number", "condition")))
            self.add(Step(HISTORY, tf, (self.some(kind, tf),), (float(draw(st.integers(0, 12))),)), kind)
        elif shape == RESAMPLE:
            kind, longer = draw(st.sampled_from(("number", "condition"))), draw(st.sampled_from(_TIMEFRAMES))
            if is_multiple(longer, tf) and longer != tf:
                self.add(Step(RESAMPLE, tf, (self.some(kind, longer),)), kind)
        elif shape == "scalar":
            self._scalar(draw(st.sampled_from(sorted(SCALARS))), tf)
        else:
            self._function(draw(st.sampled_from(REMEMBERING)), tf)

    def _scalar(self, name: str, tf: Timeframe) -> None:
        kind = "condition" if name in _LOGIC else "number"
        if name == "if":
            branch = self._draw(st.sampled_from(("number", "condition")))
            arguments = (self.some("condition", tf), self.some(branch, tf), self.some(branch, tf))
            self.add(Step(name, tf, arguments), branch)
            return
        arity = {"min": 3, "max": 3, "clamp": 3}.get(
            name, 1 if name == "not" or name == "neg" or name in FUNCTIONS else 2
        )
        self.add(
            Step(name, tf, tuple(self.some(kind, tf) for _ in range(arity))),
            "condition" if name in _CONDITIONS else "number",
        )

    def _function(self, name: str, tf: Timeframe) -> None:
        function = FUNCTIONS[name]
        arguments = [self.some("condition" if one.kind == "condition" else "number", tf) for one in function.series]
        arguments += [self.add(Step(field, tf), "number") for field in function.reads]
        constants = self._draw(st.sampled_from(constants_of(name)))
        self.add(Step(name, tf, tuple(arguments), constants), function.result)

    def program(self) -> Program:
        outputs = {f"series.s{i}": i for i, step in enumerate(self.steps) if step.timeframe == "15m"}
        return Program("15m", tuple(self.steps), outputs)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    builder = _Builder(draw)
    builder.some("number", "15m")
    for _ in range(draw(st.integers(3, 25))):
        builder.grow()
    return builder.program()


_CONSTANT_OF_HOURS = Program("15m", (Step(CONSTANT, "1h", (), (0.0,)), Step(RESAMPLE, "15m", (0,))), {"series.s1": 1})


@settings(max_examples=40)
@given(program=programs(), seed=st.integers(0, 10**6), gaps=st.booleans())
@example(program=_CONSTANT_OF_HOURS, seed=0, gaps=False)  # unknown before the first hour, though it never changes
def test_columns_and_bars_give_the_same_bits(program: Program, seed: int, gaps: bool) -> None:
    market = wandering(220, seed, gaps=gaps, start_ms=1_700_006_400_000 + seed % 7 * 900_000)
    columns, evaluator = evaluate(program, market), Evaluator(program)
    closed = [evaluator.close(bar) for bar in rows(market)]
    for name in program.outputs:
        found = np.array([values[name] for values in closed])
        assert same(found, columns[name]), program.steps[program.outputs[name]]
        assert not np.isinf(found).any()


@settings(max_examples=20)
@given(program=programs(), seed=st.integers(0, 10**6), end=st.integers(1, 200))
def test_cutting_the_future_off_changes_no_earlier_value_of_a_program(program: Program, seed: int, end: int) -> None:
    market = wandering(200, seed, gaps=True)
    whole, cut = evaluate(program, market), evaluate(program, part(market, slice(end)))
    for name in program.outputs:
        assert same(cut[name], whole[name][:end])


@pytest.mark.parametrize("tf", ["15m", "1h"])
@pytest.mark.parametrize("name", REMEMBERING)
def test_cutting_the_future_off_changes_no_earlier_value_of_a_function(name: str, tf: Timeframe) -> None:
    market = wandering(260, seed=11, gaps=True)
    for constants in constants_of(name):
        program = program_of(name, constants, base="15m", tf=tf, of="turnover")
        whole = in_columns(program, market)
        for end in (1, 7, 59, 130, 259):
            assert same(in_columns(program, part(market, slice(end))), whole[:end])
        # What comes later may be anything at all: the bars before it are worth the same.
        other = wandering(260, seed=12, gaps=True)
        mixed = part(market, slice(None))
        for column in ("open", "high", "low", "close", "volume", "turnover"):
            getattr(mixed, column)[130:] = getattr(other, column)[130:]
        assert same(in_columns(program, mixed)[:130], whole[:130])


_SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 0.49999999999999994, 2.5, -2.5, 1e308, -1e308, 5e-324, math.nan)
_NUMBERS = st.one_of(st.sampled_from(_SPECIAL), st.floats(allow_infinity=False), st.integers(-5, 5).map(float))
_TRUTHS = st.sampled_from((0.0, 1.0, math.nan))


def _inputs(name: str) -> list[st.SearchStrategy[float]]:
    if name in _LOGIC:
        return [_TRUTHS] * (1 if name == "not" else 2)
    if name == "if":
        return [_TRUTHS, _NUMBERS, _NUMBERS]
    if name in ("min", "max", "clamp"):
        return [_NUMBERS] * 3
    return [_NUMBERS] * (1 if name in FUNCTIONS or name == "neg" else 2)


@settings(max_examples=20)
@given(data=st.data())
@pytest.mark.parametrize("name", sorted(SCALARS))
def test_an_operation_on_columns_is_the_operation_on_numbers(name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.tuples(*_inputs(name)), min_size=1, max_size=12))
    columns = [np.array(column) for column in zip(*values, strict=True)]
    expected = np.array([SCALARS[name](*numbers) for numbers in values])
    before = [column.copy() for column in columns]
    found = elementwise.apply(name, columns)
    assert same(found, expected), (name, values)
    assert not np.isinf(expected).any()
    assert all(same(*pair) for pair in zip(columns, before, strict=True)), "inputs are left as they were"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(7.0, 3.0, 1.0), (-7.0, 3.0, 2.0), (7.0, -3.0, -2.0), (-7.0, -3.0, -1.0), (5.5, 2.0, 1.5), (1.0, 0.0, math.nan)],
)
def test_modulo_has_the_sign_of_its_divisor(a: float, b: float, expected: float) -> None:
    assert same(np.array(SCALARS["%"](a, b)), np.array(expected))


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.5, 1.0), (1.5, 2.0), (2.5, 3.0), (-0.5, -1.0), (-2.5, -3.0), (0.49999999999999994, 0.0), (-0.3, 0.0)],
)
def test_rounding_is_half_away_from_zero(x: float, expected: float) -> None:
    assert SCALARS["round"](x) == expected


_KLEENE: dict[str, Callable[[set[bool], set[bool]], set[bool]]] = {
    "and": lambda a, b: {x and y for x in a for y in b},
    "or": lambda a, b: {x or y for x in a for y in b},
}


@pytest.mark.parametrize("name", _KLEENE)
def test_logic_is_kleenes(name: str) -> None:
    """Unknown stands for either: the result is known when it is the same for both."""
    worlds = {0.0: {False}, 1.0: {True}, math.nan: {False, True}}
    for a, of_a in worlds.items():
        for b, of_b in worlds.items():
            possible = _KLEENE[name](of_a, of_b)
            expected = float(possible.pop()) if len(possible) == 1 else math.nan
            assert same(np.array([SCALARS[name](a, b)]), np.array([expected])), (a, name, b)


@settings(max_examples=100)
@given(
    position=st.builds(Position, st.sampled_from((-1.0, 1.0)), *[st.floats(0.0, 200.0)] * 4),
    index=st.integers(0, 59),
)
@example(position=FLAT, index=30)
def test_what_hangs_on_the_position_is_the_same_in_both(position: Position, index: int) -> None:
    """close - 3 * atr(14) * position.side, and whether the profit is above a tenth of the bars held."""
    steps = (
        *(Step(field, "15m") for field in ("high", "low", "close")),
        Step("atr", "15m", (0, 1, 2), (14.0,)),
        Step(CONSTANT, "15m", (), (3.0,)),
        Step("*", "15m", (4, 3)),
        Step(POSITION_FIELDS[0], "15m"),
        Step("*", "15m", (5, 6)),
        Step("-", "15m", (2, 7)),
        Step(POSITION_FIELDS[3], "15m"),
        Step(POSITION_FIELDS[2], "15m"),
        Step(CONSTANT, "15m", (), (10.0,)),
        Step("/", "15m", (10, 11)),
        Step(">", "15m", (9, 12)),
    )
    program = Program("15m", steps, {"stop": 8, "exit": 13, "atr": 3})
    market = wandering(60, seed=2)
    columns, evaluator = evaluate(program, market), Evaluator(program)
    closed = [evaluator.close(bar) for bar in rows(market)]
    assert columns.of_position == {"stop", "exit"}
    assert set(columns) == {"atr"}
    for name in program.outputs:
        assert same(np.array(columns.at(name, index, position)), np.array(closed[index].at(name, position)))
    expected = market.close[index] - 3.0 * columns["atr"][index] * position.side
    assert same(np.array(columns.at("stop", index, position)), np.array(expected))
    profitable = math.nan if math.isnan(position.bars) else float(position.pnl_pct > position.bars / 10)
    assert same(np.array(columns.at("exit", index, position)), np.array(profitable))
    with pytest.raises(KeyError):
        columns.at("missing", index, position)


def test_values_of_an_earlier_close_stay() -> None:
    market = wandering(40, seed=1)
    evaluator = Evaluator(Program("15m", (Step("close", "15m"),), {"value": 0}))
    closed = [evaluator.close(bar) for bar in rows(market)]
    assert [values["value"] for values in closed] == market.close.tolist()
    assert same(bar_by_bar(Program("15m", (Step("close", "15m"),), {"value": 0}), market), market.close)
