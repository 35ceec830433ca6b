"""An expression as a tree, kept as a list in which operands stand before what is made of them.

So whoever walks it runs through the list, forward for values and backward for surroundings, and no depth of nesting or
length of a sum meets a limit of recursion. Parentheses are gone: the tree says what they said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """`text` is the number as written: values and words are made of it."""

    start: int
    text: str

    @property
    def value(self) -> float:
        return float(self.text)


@dataclass(frozen=True, slots=True)
class Boolean:
    start: int
    value: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A param, a series, a field of the bar, a time, or a `position.…`."""

    start: int
    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """`symbol` is one of `program.OPERATORS`; "neg" and "not" have one operand."""

    start: int
    symbol: str
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`timeframe`: the word behind `tf=`; its place is `timeframe_start`."""

    start: int
    function: str
    arguments: tuple[int, ...]
    timeframe: str | None = None
    timeframe_start: int = 0


@dataclass(frozen=True, slots=True)
class Longer:
    """`tf(4h, …)`."""

    start: int
    timeframe: str
    timeframe_start: int
    inside: int


@dataclass(frozen=True, slots=True)
class History:
    """`of[back]`; `back` is an expression of constants."""

    start: int
    of: int
    back: int


Node = Number | Boolean | Name | Operation | Call | Longer | History


@dataclass(frozen=True, slots=True)
class Tree:
    """`start` of a node is the offset in the text of its first character. The last node is the whole."""

    nodes: tuple[Node, ...]

    @property
    def root(self) -> int:
        return len(self.nodes) - 1

    def names(self) -> Iterator[Name]:
        """Every name in it, in the order of the text."""
        return (node for node in self.nodes if isinstance(node, Name))


def children(node: Node) -> tuple[int, ...]:
    match node:
        case Operation(operands=operands):
            return operands
        case Call(arguments=arguments):
            return arguments
        case Longer(inside=inside):
            return (inside,)
        case History(of=of, back=back):
            return (of, back)
        case _:
            return ()
