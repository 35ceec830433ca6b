"""From which bar on a function is known: the contract's table 2.7, in both evaluators, alone and on a stretch."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from support.strategy_series import REMEMBERING, bar_by_bar, candles, constants_of, in_columns, program_of, wandering
from tradewright.strategy.evaluate import stretches
from tradewright.strategy.functions.definitions import DEFINITIONS
from tradewright.strategy.functions.table import FUNCTIONS

AT = 9  # the length tried; multipliers 2; others as named below
_OF_N = {
    0: "obv ad vwap bars_since value_when",
    1: "tr psar crosses_above crosses_below crosses",
    AT
    - 1: "sma ema wma rma vwma stddev linreg linreg_slope highest lowest sum count held volume_sma cmf zscore cci willr"
    " donchian_upper donchian_lower bb_upper bb_middle bb_lower bb_width",
    AT: "kama roc mom rsi mfi atr natr plus_di minus_di aroon_up aroon_down change rising falling percent_rank"
    " keltner_upper keltner_lower supertrend supertrend_dir",
    2 * AT - 2: "dema",
    3 * AT - 3: "tema",
    2 * AT - 1: "adx",
    AT + 3 - 2: "hma",
}
_OTHERS = {
    "stoch_k": ((5.0, 3.0, 4.0), 5 + 3 + 4 - 3),
    "stoch_d": ((5.0, 3.0, 4.0), 5 + 3 + 4 - 3),
    "stochrsi_k": ((5.0, 3.0, 4.0), 5 + 3 + 4 - 2),
    "stochrsi_d": ((5.0, 3.0, 4.0), 5 + 3 + 4 - 2),
    "macd": ((3.0, 8.0, 4.0), 8 + 4 - 2),
    "macd_signal": ((3.0, 8.0, 4.0), 8 + 4 - 2),
    "macd_hist": ((3.0, 8.0, 4.0), 8 + 4 - 2),
}


def _multipliers(name: str) -> tuple[float, ...]:
    if name == "psar":
        return (0.02, 0.2)
    lengths = tuple(parameter.kind == "length" for parameter in FUNCTIONS[name].constants)
    return tuple(float(AT) if length else 2.0 for length in lengths)


# By Kleene's logic a false one decides, whatever was before.
FALSE_EARLIER = ("held", "crosses_above", "crosses_below")
FIRST = {name: (_multipliers(name), first) for first, names in _OF_N.items() for name in names.split()} | _OTHERS


def test_the_table_names_every_function_that_remembers() -> None:
    assert set(FIRST) == set(REMEMBERING) == set(DEFINITIONS)


@pytest.mark.parametrize("name", FIRST)
def test_is_first_known_where_the_contract_says(name: str) -> None:
    constants, first = FIRST[name]
    # All closes rise above their opens and jump across `hlc3` at the second bar: conditions are true, crossings unsure.
    close = 100.0 + np.cumsum(1.0 + np.arange(60) % 7 * 0.1)
    bars = candles(close, open=close - 0.5, high=close + 0.2, low=close - 1.0, volume=1.0 + np.arange(60) % 5)
    program = program_of(name, constants, base="15m")
    for found in (in_columns(program, bars), bar_by_bar(program, bars)):
        early = found[:first]
        assert (np.isnan(early) | ((early == 0.0) & (name in FALSE_EARLIER))).all(), (
            f"{name} is known before bar {first}"
        )
        assert not np.isnan(found[first:]).any(), f"{name} is not known from bar {first} on"
    assert FUNCTIONS[name].lookback(*FUNCTIONS[name].lengths(constants)) == first


def test_a_false_may_be_held_earlier() -> None:
    bars = candles([2.0, 1.0, 2.0, 2.0, 2.0], open=[1.0, 2.0, 1.0, 1.0, 1.0])  # true, false, true, true, true
    held = in_columns(program_of("held", (3.0,), base="15m"), bars)
    assert math.isnan(held[0])
    assert held[1:].tolist() == [0.0, 0.0, 0.0, 1.0]


_WITH_X = [
    name for name in REMEMBERING if DEFINITIONS[name].afresh and "x" in {one.name for one in FUNCTIONS[name].series}
]


@pytest.mark.parametrize("name", _WITH_X)
def test_each_stretch_of_known_inputs_is_computed_as_on_it_alone(name: str) -> None:
    """Of the turnover, which is unknown in stretches: every known stretch is worth what it is worth by itself."""
    bars = wandering(700, seed=3)
    known = ~np.isnan(bars.turnover)
    edges = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(bars)]
    assert len(edges) > 9
    for constants in constants_of(name):
        program = program_of(name, constants, base="15m", of="turnover")
        found = in_columns(program, bars)
        assert np.array_equal(found, bar_by_bar(program, bars), equal_nan=True)
        assert np.isnan(found[~known]).all()
        for start, end in pairwise(edges):
            if known[start]:
                alone = candles(bars.close[start:end], volume=bars.volume[start:end], turnover=bars.turnover[start:end])
                assert np.array_equal(found[start:end], in_columns(program, alone), equal_nan=True)


@pytest.mark.parametrize("name", REMEMBERING)
def test_blocks_make_no_difference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are worked out in blocks: stretches go on across them, and begin inside them."""
    bars = wandering(300, seed=3)
    program = program_of(name, constants_of(name)[0], base="15m", of="turnover")
    whole = in_columns(program, bars)
    for bars_of_block in (1, 37, 60):
        monkeypatch.setattr(stretches, "BLOCK_BARS", bars_of_block)
        assert np.array_equal(in_columns(program, bars), whole, equal_nan=True)
