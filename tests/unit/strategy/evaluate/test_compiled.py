"""A compiled function gives the bits of the interpreted one. STRATEGY_COMPILED=all: each function, in two minutes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from support.strategy_series import REMEMBERING, constants_of, program_of, same, wandering
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.evaluate.compiled import Compiler

# One with memory by blocks, one that calls another and has its own word on unknown inputs.
_FEW = ("donchian_upper", "crosses")
FUNCTIONS = REMEMBERING if os.environ.get("STRATEGY_COMPILED") == "all" else _FEW


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return Compiler()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_compiled_function_gives_the_same_bits(compiler: Compiler, name: str) -> None:
    market = wandering(600, seed=3, gaps=True)
    for constants in constants_of(name):
        for of in ("close", "turnover"):
            program = program_of(name, constants, base="15m", of=of)
            interpreted = evaluate(program, market)["value"]
            assert same(evaluate(program, market, functions=compiler.run)["value"], interpreted)
            assert not np.isnan(interpreted).all()
