"""An expression in words: a phrase for each of its parts, made of the phrases of what it is made of.

What is unlike in meaning is unlike in words: brackets stand wherever a phrase could be read in two ways. A short series
is said where it is named, a long one is named and said once; `tf=` and `tf(…)` mean the same and read the same.
Like every walk over a tree this one runs through its list, so no depth meets a limit of recursion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from tradewright.strategy.check.constants import FUNCTIONS_OF_CONSTANTS, in_force
from tradewright.strategy.check.params import Param
from tradewright.strategy.check.series import in_order
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import Boolean, Call, History, Longer, Name, Number, Operation, Tree
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.words.language import Language, Quantity

INLINE_NODES = 8  # a series of so many nodes is said where it is named
INLINE_CHARACTERS = 120
_ENDINGS = re.compile(r"<([^|<>]*)\|([^|<>]*)>")
_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_ARITHMETIC = {"+": "+", "-": "−", "*": "×", "/": "÷"}


class Bond(IntEnum):
    """How tightly a phrase holds together: what is looser than its place bears is put in brackets."""

    ATOM = 0  # "the close"
    CHAIN = 1  # "the 9-bar average (EMA) of the close": whatever follows "of" belongs to it
    SUFFIXED = 2  # "the close 1 bar earlier"
    PRODUCT = 3
    SUM = 4
    CLAUSE = 5  # "the close is above the open"
    AND = 6
    OR = 7


_BOND_OF = {"+": Bond.SUM, "-": Bond.SUM, "*": Bond.PRODUCT, "/": Bond.PRODUCT}
_TERM_AT_MOST = {"+": Bond.PRODUCT, "-": Bond.PRODUCT, "*": Bond.ATOM, "/": Bond.ATOM}


@dataclass(frozen=True, slots=True)
class Phrase:
    """`text`: as a subject. `of`: behind "of". `than`: behind "above". `formula`: as the sum of params in square
    brackets, where it can be one. `counted`: of it there is more or less."""

    text: str
    of: str
    than: str
    bond: Bond
    formula: str = ""
    counted: bool = False

    def __format__(self, form: str) -> str:
        match form:
            case "":
                return self.text
            case "of":
                return self.of
            case "than":
                return self.than
            case _:
                raise ValueError(f"a phrase has no form {form!r}; it has of and than")

    def closed(self, most: Bond) -> str:
        """In brackets where it is looser than `most`."""
        return self.text if self.bond <= most else f"({self.text})"


class Speaker:
    """Says the expressions of one spec."""

    def __init__(self, language: Language, params: Mapping[str, Param], series: Mapping[str, Expression]) -> None:
        self._language = language
        self._params = params
        self._named: dict[str, Phrase] = {}
        for name in in_order(series, []):
            tree = series[name].tree
            assert tree is not None
            said = self._tree(tree)
            if said.bond >= Bond.CLAUSE:
                quoted = language.says["series_true"].format(name=language.quoted(name))
                self._named[name] = _clause(quoted)
            else:
                is_short = len(tree.nodes) <= INLINE_NODES and len(said.text) <= INLINE_CHARACTERS
                inline = is_short and said.bond <= Bond.SUFFIXED
                self._named[name] = said if inline else _atom(language.quoted(name))

    def phrase(self, expression: Expression) -> Phrase:
        """An expression of a spec in which nothing was found."""
        assert expression.tree is not None
        return self._tree(expression.tree)

    def _tree(self, tree: Tree) -> Phrase:
        said: list[Phrase] = []
        for node in tree.nodes:
            match node:
                case Number():
                    text = self._language.number(node.value).bare()
                    said.append(_atom(text, formula=text))
                case Boolean(value=value):
                    said.append(_clause(self._language.says["true" if value else "false"]))
                case Name(name=name):
                    said.append(self._name(name))
                case Operation():
                    said.append(self._operation(node, [said[operand] for operand in node.operands]))
                case Call():
                    phrase = self._call(tree, node, said)
                    said.append(phrase if node.timeframe is None else self._longer(phrase, node.timeframe))
                case Longer(timeframe=timeframe, inside=inside):
                    said.append(self._longer(said[inside], timeframe))
                case History():
                    said.append(self._history(said[node.of], self._constant(tree, node.back, said)))
        return said[-1]

    def _name(self, name: str) -> Phrase:
        if name in self._params:
            return _atom(format(self._language.number(self._params[name].value, name)), formula=name)
        if name in self._named:
            return self._named[name]
        return self._cased(self._language.names[name], Bond.ATOM, is_counted=name in self._language.counted)

    def _cased(self, text: str, bond: Bond, *, is_counted: bool = False) -> Phrase:
        of = _ENDINGS.sub(r"\2", text)
        return Phrase(_ENDINGS.sub(r"\1", text), of, of, bond, counted=is_counted)

    def _constant(self, tree: Tree, node: int, said: list[Phrase]) -> Quantity:
        is_plain = isinstance(tree.nodes[node], Number)
        return self._language.number(in_force(tree, node, self._params), None if is_plain else said[node].formula)

    def _operation(self, node: Operation, operands: list[Phrase]) -> Phrase:
        says, symbol = self._language.says, node.symbol
        if symbol in _COMPARISONS:
            a, b = operands
            is_counted = (a.counted or b.counted) and f"counted{symbol}" in says
            return _clause(says[f"counted{symbol}" if is_counted else symbol].format(a=a, b=b))
        if symbol == "not":
            return _clause(says["not"].format(operands[0].text))
        if symbol in ("and", "or"):
            bond = Bond.AND if symbol == "and" else Bond.OR
            parts = [each.text if each.bond == bond else each.closed(Bond.CLAUSE) for each in operands]
            text = says[symbol].join(parts)
            return Phrase(text, text, text, bond)
        if symbol == "neg":
            number = operands[0].text
            is_number = operands[0].formula == number and number[0].isdigit()
            formula = f"−{number}" if is_number else operands[0].formula and f"−({operands[0].formula})"
            return _atom(f"−{number}" if is_number else f"−({number})", formula=formula)
        formula = self._formula(symbol, operands)
        a, b = operands
        if symbol == "%":
            whole = says["%"].format(a=a.closed(Bond.ATOM), b=b.closed(Bond.ATOM))
            return _atom(whole, formula=formula and f"({formula})")
        bond = _BOND_OF[symbol]
        first = a.text if a.bond == bond else a.closed(_TERM_AT_MOST[symbol])
        if a.bond in (Bond.CHAIN, Bond.SUFFIXED):
            first = f"({a.text})"  # else what follows could be taken for a part of it
        second = b.closed(_TERM_AT_MOST[symbol])
        if b.bond in (Bond.CHAIN, Bond.SUFFIXED):
            second = f"({b.text})"
        return self._amount(f"{first} {_ARITHMETIC[symbol]} {second}", bond, formula)

    def _amount(self, text: str, bond: Bond, formula: str = "") -> Phrase:
        of = self._language.says["amount"].format(text)
        return Phrase(text, of, of, bond, formula)

    def _formula(self, symbol: str, operands: list[Phrase]) -> str:
        if not all(each.formula for each in operands):
            return ""
        most = max(_TERM_AT_MOST.get(symbol, Bond.ATOM), Bond.CHAIN)
        first_most = _BOND_OF.get(symbol, most)
        first, second = operands
        left = first.formula if first.bond <= first_most else f"({first.formula})"
        right = second.formula if second.bond <= most else f"({second.formula})"
        return f"{left} {_ARITHMETIC.get(symbol, symbol)} {right}"

    def _call(self, tree: Tree, node: Call, said: list[Phrase]) -> Phrase:
        language, function = self._language, FUNCTIONS[node.function]
        given = [said[argument] for argument in node.arguments]
        parts: dict[str, object] = {}
        if function.variadic:
            parts["items"] = language.separator.join(each.text for each in given)
        else:
            for parameter, argument in zip(function.parameters, node.arguments, strict=True):
                is_constant = parameter.is_constant
                parts[parameter.name] = self._constant(tree, argument, said) if is_constant else said[argument]
        text = language.functions[function.name]
        if function.result == "condition":
            return _clause(text.format(**parts))
        if function.name == "if":
            whole = text.format(**parts)
            if given[1].bond >= Bond.CLAUSE:
                return _clause(f"({whole})")
            of = language.says["amount"].format(whole)
            return Phrase(f"({whole})", of, of, Bond.ATOM)
        bond = Bond.CHAIN if any(each.kind == "number" for each in function.series) and not function.variadic else None
        phrase = self._cased(text, bond or Bond.ATOM, is_counted=function.name in language.counted)
        formula = ""
        if function.name in FUNCTIONS_OF_CONSTANTS and all(each.formula for each in given):
            formula = f"{function.name}({'; '.join(each.formula for each in given)})"
        of = phrase.of.format(**parts)
        return Phrase(phrase.text.format(**parts), of, of, phrase.bond, formula, phrase.counted)

    def _history(self, of: Phrase, back: Quantity) -> Phrase:
        text = self._language.says["history"]
        if of.bond >= Bond.CLAUSE:
            return _clause(text.format(x=f"({of.text})", n=back))
        subject, genitive = (of.text, of.of) if of.bond == Bond.ATOM else (f"({of.text})", _bracketed(of))
        than = text.format(x=genitive, n=back)
        return Phrase(text.format(x=subject, n=back), f"({than})", than, Bond.SUFFIXED, counted=of.counted)

    def _longer(self, inside: Phrase, timeframe: str) -> Phrase:
        text, bars = self._language.says["longer"], self._language.bars_of[timeframe]
        if inside.bond >= Bond.CLAUSE:
            return _clause(text.format(x=f"({inside.text})", bars=bars))
        is_open = inside.bond <= Bond.CHAIN
        subject = inside.text if is_open else f"({inside.text})"
        than = text.format(x=inside.of if is_open else _bracketed(inside), bars=bars)
        whole = text.format(x=subject, bars=bars)
        return Phrase(whole, f"({than})", than, Bond.SUFFIXED, counted=inside.counted)


def _bracketed(phrase: Phrase) -> str:
    """Its genitive, closed."""
    return f"({phrase.of})" if phrase.bond == Bond.CHAIN else phrase.of


def _atom(text: str, *, formula: str = "") -> Phrase:
    return Phrase(text, text, text, Bond.ATOM, formula)


def _clause(text: str) -> Phrase:
    return Phrase(text, text, text, Bond.CLAUSE)
