"""The parser of expressions beside a parser generator's: the same texts are expressions, with the same structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewright.strategy.expression.parsing import NUMBER_MAX, parse
from tradewright.strategy.expression.tokens import ExpressionError
from tradewright.strategy.expression.tree import Boolean, Call, History, Longer, Name, Number, Operation, Tree

GRAMMAR = Path(__file__).parents[1] / "support/spec_grammar.lark"
WORDS = (
    *(
        "close",
        "ema",
        "x1",
        "or_b",
        "nota",
        "and",
        "or",
        "not",
        "not",
        "true",
        "false",
        "tf",
        "position.side",
        "position",
    ),
    *("1", "2.5", ".5", "1e3", "4h", "1_0", "1.", "+", "-", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "="),
    *("(", ")", "(", ")", "[", "]", ",", ",", "tf=4h", "tf(1d,", "close", "x1", "ema(", "vwap()", "[1]", ".", "%"),
)


@pytest.fixture(scope="module")
def oracle() -> lark.Lark:
    return lark.Lark(GRAMMAR.read_text(), parser="lalr", maybe_placeholders=False)


def structure(tree: Tree, index: int | None = None) -> str:
    """Our tree as one line."""
    node = tree.nodes[tree.root if index is None else index]
    match node:
        case Number(text=text):
            return text
        case Boolean(value=value):
            return str(value).lower()
        case Name(name=name):
            return name
        case Operation(symbol=symbol, operands=operands):
            return f"({symbol} {' '.join(structure(tree, each) for each in operands)})"
        case Call(function=name, arguments=arguments, timeframe=timeframe):
            inside = [structure(tree, each) for each in arguments]
            return f"{name}<{' '.join([*inside, *([f'tf={timeframe}'] if timeframe else [])])}>"
        case Longer(timeframe=timeframe, inside=inside_index):
            return f"tf<{timeframe} {structure(tree, inside_index)}>"
        case History(of=of, back=back):
            return f"{structure(tree, of)}[{structure(tree, back)}]"


def structure_of_oracle(node: Any) -> str:
    """The generator's tree as one line."""
    if isinstance(node, lark.Token):
        return str(node)
    parts = [structure_of_oracle(child) for child in node.children]
    match str(node.data):
        case "or" | "and" as symbol:
            return f"({symbol} {' '.join(parts)})"
        case "negated":
            return f"(not {parts[0]})"
        case "minus":
            return f"(neg {parts[0]})"
        case "compared" | "summed" | "multiplied":
            return f"({parts[1]} {parts[0]} {parts[2]})"
        case "true" | "false" as word:
            return word
        case "number" | "name":
            return parts[0]
        case "history":
            return f"{parts[0]}[{parts[1]}]"
        case "longer":
            return f"tf<{' '.join(parts)}>"
        case "within":
            return f"tf={parts[0]}"
        case "call":
            return f"{parts[0]}<{' '.join(parts[1:])}>"
        case other:
            raise AssertionError(other)


def agree(text: str, oracle: lark.Lark) -> bool:
    """Whether the text is an expression; fails where the two parsers differ."""
    try:
        wanted = structure_of_oracle(oracle.parse(text))
    except lark.exceptions.UnexpectedInput:
        wanted = None
    found, fault = _parsed(text)
    assert fault is None or (fault.code in ("expr_syntax", "chained_comparison") and 0 <= fault.offset <= len(text))
    assert found == wanted, text
    return found is not None


def _parsed(text: str) -> tuple[str | None, ExpressionError | None]:
    try:
        return structure(parse(text)), None
    except ExpressionError as error:
        return None, error


@st.composite
def soups(draw: st.DrawFn) -> str:
    """Words in a row, with and without blanks between them."""
    words = draw(st.lists(st.sampled_from(WORDS), max_size=12))
    return draw(st.sampled_from(("", " ", "\n "))).join(words)


def _expressions() -> st.SearchStrategy[str]:
    """Expressions that are right, each kind beside each other."""
    leaf = st.sampled_from(("close", "x1", "5", ".5", "true", "position.bars", "vwap()", "vwap(tf=1d)"))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        binary = st.sampled_from(("+", "-", "*", "/", "%", " and ", " or ", " < ", " == "))
        return st.one_of(
            st.tuples(inner, binary, inner).map("".join),
            inner.map("not {}".format),
            inner.map("-{}".format),
            inner.map("({})".format),
            inner.map("({})[1]".format),
            inner.map("tf(4h, {})".format),
            st.lists(inner, min_size=1, max_size=3).map(lambda each: f"ema({', '.join(each)}, tf=4h)[2]"),
        )

    return st.recursive(leaf, larger, max_leaves=12)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(text=soups())
def test_words_in_any_order_are_an_expression_to_both_or_to_neither(text: str, oracle: lark.Lark) -> None:
    agree(text, oracle)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(text=_expressions())
def test_what_binds_to_what_is_as_the_grammar_says(text: str, oracle: lark.Lark) -> None:
    agree(text, oracle)


def test_both_kinds_of_texts_are_among_those_that_are_compared(oracle: lark.Lark) -> None:
    assert agree("not a + -b[1] * ema(c, 3, tf=4h) <= 2 or d", oracle)
    assert not agree("a < b < c", oracle)
    assert not agree("a + not b", oracle)


def test_a_number_is_at_most_a_quadrillion() -> None:
    assert structure(parse("1e15")) == "1e15"
    assert NUMBER_MAX == 10**15
    with pytest.raises(ExpressionError):
        parse("1000000000000001")
