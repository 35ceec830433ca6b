"""An expression told as text again: parsed, it is the same tree; and its parts are what a rule is explained by."""

from __future__ import annotations

from dataclasses import fields

import pytest

from support.specs import EXAMPLE
from tradewright.strategy.check import strategy_with_reasons
from tradewright.strategy.expression.parsing import parse
from tradewright.strategy.expression.source import texts_of
from tradewright.strategy.expression.tree import Tree

EXPRESSIONS = [
    "1",
    "-x[1]",
    "(-x)[1]",
    "a - (b - c)",
    "a - b - c",
    "a * (b + c) % 2",
    "-(a * b)",
    "not (a > b and c)",
    "not a > b or c == true",
    "(a > b) == false",
    "a / (b / c)",
    "crosses_above(ema(close, 12), sma(close, 26, tf=4h)[2])",
    "tf(1h, close > open) and (hour >= 7 or weekday != 5)",
    "if(position.pnl_pct > 1, position.entry_price, close * (1 - 0.02 * position.side))",
    "max(a, min(b, c), -d)",
]


def shape(tree: Tree) -> list[tuple[object, ...]]:
    """Without places."""
    return [
        (type(node).__name__, *(getattr(node, one.name) for one in fields(node) if not one.name.endswith("start")))
        for node in tree.nodes
    ]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_text_of_a_tree_is_parsed_to_the_same_tree(text: str) -> None:
    tree = parse(text)
    assert shape(parse(texts_of(tree)[tree.root])) == shape(tree)


def test_a_rule_is_explained_by_its_conditions_and_the_numbers_in_them() -> None:
    found = strategy_with_reasons(EXAMPLE)
    assert found is not None
    strategy, parts = found
    told = [(part.text, part.is_condition) for part in parts["rules.enter_long"]]
    assert told == [
        ("crosses_above(ema_fast, ema_slow)", True),
        ("ema_fast", False),
        ("ema_slow", False),
        ("close > trend", True),
        ("close", False),
        ("trend", False),
    ]
    assert all(part.output in strategy.program.outputs for each in parts.values() for part in each)


def test_a_spec_with_errors_has_no_reasons() -> None:
    assert strategy_with_reasons("version: 1") is None
