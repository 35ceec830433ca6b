"""A tree back into text: the parts of an expression as somebody would write them, for who asks what it came to.

Lives here: `texts_of`. Not here: words for people (`strategy.words`). Parsed again, a text gives the same tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradewright.strategy.expression.tree import Boolean, Call, History, Longer, Name, Node, Number, Operation, Tree

_RANKS = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "neg": 7}
_COMPARES, _WHOLE = 4, 8


def texts_of(tree: Tree) -> list[str]:
    """One text for each node, in the order of the nodes."""
    texts: list[str] = []
    ranks: list[int] = []
    for node in tree.nodes:
        texts.append(_text(node, texts, ranks))
        ranks.append(_RANKS.get(node.symbol, _COMPARES) if isinstance(node, Operation) else _WHOLE)
    return texts


def _text(node: Node, texts: Sequence[str], ranks: Sequence[int]) -> str:
    match node:
        case Number(text=text):
            return text
        case Boolean(value=value):
            return "true" if value else "false"
        case Name(name=name):
            return name
        case Operation():
            return _operation(node, texts, ranks)
        case Call(function=function, arguments=arguments, timeframe=timeframe):
            given = [texts[each] for each in arguments]
            return f"{function}({', '.join(given if timeframe is None else [*given, f'tf={timeframe}'])})"
        case Longer(timeframe=word, inside=inside):
            return f"tf({word}, {texts[inside]})"
        case History(of=of, back=back):
            return f"{_within(of, _WHOLE, texts, ranks)}[{texts[back]}]"


def _operation(node: Operation, texts: Sequence[str], ranks: Sequence[int]) -> str:
    rank = _RANKS.get(node.symbol, _COMPARES)
    if len(node.operands) == 1:
        sign = "-" if node.symbol == "neg" else "not "
        return sign + _within(node.operands[0], rank, texts, ranks)
    first, second = node.operands
    # What stands behind an operator of the same rank was in parentheses; a comparison is never a part of another.
    left = rank + 1 if rank == _COMPARES else rank
    return f"{_within(first, left, texts, ranks)} {node.symbol} {_within(second, rank + 1, texts, ranks)}"


def _within(index: int, least: int, texts: Sequence[str], ranks: Sequence[int]) -> str:
    return texts[index] if ranks[index] >= least else f"({texts[index]})"
