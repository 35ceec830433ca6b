"""What the check says can never be true is never true, and no value leaves the bounds by which it judges."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.specs import signal
from support.strategy_series import candles, wandering
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.check.proving import Prover
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.model import Strategy
from tradewright.strategy.program import Program

LEAVES = ("open", "high", "low", "close", "close", "hl2", "hlc3", "ohlc4", "volume", "hour", "minute", "weekday", "day")
NUMBERS = ("0", "1", "-1", "23", "30", "50", "70", "100", "101", "2.5")
SCALARS = tuple(name for name, function in FUNCTIONS.items() if function.group == "arithmetic" and name != "if")
OTHERS = tuple(name for name, function in FUNCTIONS.items() if function.group != "arithmetic")


def _call(parts: tuple[str, list[str], str, int]) -> str:
    """A call with what its signature asks for; lengths stay small, so that values are soon known."""
    name, numbers, condition, length = parts
    function = FUNCTIONS[name]
    named = {"length": str(length), "multiplier": "0.5", "condition": condition}
    if name.startswith("macd"):
        return f"{name}({numbers[0]}, 2, {length + 1}, 2)"
    arguments = [named.get(each.kind, numbers[place % 3]) for place, each in enumerate(function.parameters)]
    return f"{name}({', '.join([*arguments, *(numbers[:1] if function.variadic else [])])})"


LEAF = st.one_of(st.sampled_from(LEAVES), st.sampled_from(NUMBERS))
COMPARISON = st.tuples(LEAF, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), LEAF).map(" ".join)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    numbers = st.lists(inner, min_size=3, max_size=3)
    number_functions = tuple(name for name in OTHERS if FUNCTIONS[name].result == "number")
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map("({0[0]}) {0[1]} ({0[2]})".format),
        st.tuples(st.sampled_from(number_functions), numbers, COMPARISON, st.integers(2, 6)).map(_call),
        st.tuples(st.sampled_from(SCALARS), numbers, COMPARISON, st.integers(2, 6)).map(_call),
        st.tuples(COMPARISON, inner, inner).map("if({0[0]}, {0[1]}, {0[2]})".format),
        inner.map("({})[1]".format),
        inner.map("tf(1h, {})".format),
        inner.map("-({})".format),
    )


VALUES = st.recursive(LEAF, _larger, max_leaves=5)
TERMS = st.one_of(LEAF, LEAF, VALUES)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    condition_functions = tuple(name for name in OTHERS if FUNCTIONS[name].result == "condition")
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: " and ".join(f"({part})" for part in parts)),
        st.tuples(inner, inner).map("({0[0]}) or ({0[1]})".format),
        inner.map("not ({})".format),
        st.tuples(st.sampled_from(condition_functions), st.lists(TERMS, min_size=3, max_size=3), inner, st.just(2)).map(
            _call
        ),
    )


CONDITIONS = st.recursive(
    st.tuples(TERMS, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), TERMS).map("({0[0]}) {0[1]} ({0[2]})".format),
    _joined,
    max_leaves=5,
)


def _taken(rule: str) -> tuple[Strategy, bool]:
    """The strategy of a rule, and whether it is told to be never true."""
    checked = check_text(signal(enter=rule, leave=None))
    assert checked.strategy is not None, checked.errors
    return checked.strategy, "never_true" in {fault.code for fault in checked.warnings}


def _markets(seed: int) -> list[Candles]:
    """Bars that wander, and ones that stand still, in which ties and divisions by zero abound."""
    return [wandering(120, seed), candles(np.full(60, 5.0))]


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(rule=CONDITIONS, seed=st.integers(0, 1000))
def test_a_rule_that_is_told_never_to_be_true_never_is(rule: str, seed: int) -> None:
    strategy, is_never = _taken(rule)
    if is_never:
        for market in _markets(seed):
            assert not (evaluate(strategy.program, market)["rules.enter_long"] == 1).any(), rule


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, seed=st.integers(0, 1000))
def test_every_known_value_lies_within_the_bounds_that_are_taken_for_granted(value: str, seed: int) -> None:
    strategy, _ = _taken(f"({value}) > 1")
    steps = strategy.program.steps
    base = [index for index, step in enumerate(steps) if step.timeframe == "15m"]
    program = Program("15m", steps, {f"series.s{index}": index for index in base})
    prover = Prover(program)
    for market in _markets(seed):
        columns = evaluate(program, market)
        for index in base:
            low, high = prover.bounds(index)
            known = columns[f"series.s{index}"][~np.isnan(columns[f"series.s{index}"])]
            assert ((known >= low) & (known <= high)).all(), (steps[index], low, high)


def test_many_of_the_rules_drawn_are_told_and_many_are_not() -> None:
    """Else the tests above would look at nothing."""
    told = [rule for rule in _SAMPLE if _taken(rule)[1]]
    assert len(told) == len(_SAMPLE) // 2


_SAMPLE = ("(close) > (highest(high, 2))", "(hour) > (23)", "(close) > (open)", "(rsi(close, 2)) >= (70)")
