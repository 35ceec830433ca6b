"""When two expressions say the same: numbers by value, brackets and blanks aside, `tf=` like `tf(…)`.

A node's identity is a small whole number, the same for equal nodes of all trees that one `Sameness` saw; so trees of
any depth compare at once and without recursion. `of_program` does it for what an expression compiles to: equal there
means that both work out alike, with the params in force and series in their places.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from tradewright.strategy.expression.tree import Boolean, Call, History, Longer, Name, Number, Operation, Tree
from tradewright.strategy.program import Program


class Sameness:
    """Of two specs that are compared, or of one alone."""

    def __init__(self) -> None:
        self._identities: dict[Hashable, int] = {}
        self._parts: dict[tuple[str, int], tuple[int, ...]] = {}  # of an `and` or `or`

    def of_tree(self, tree: Tree, renamed: Mapping[str, str]) -> int:
        """`renamed`: names that are to count as others."""
        found: list[int] = []
        for node in tree.nodes:
            match node:
                case Number(value=value):
                    found.append(self._identity("number", value + 0.0))
                case Boolean(value=value):
                    found.append(self._identity("boolean", value))
                case Name(name=name):
                    found.append(self._identity("name", renamed.get(name, name)))
                case Operation(symbol=symbol, operands=operands):
                    found.append(self._joined(symbol, [found[each] for each in operands], "operation"))
                case Call(function=function, arguments=arguments, timeframe=timeframe):
                    call = self._identity("call", function, *(found[each] for each in arguments))
                    found.append(call if timeframe is None else self._identity("longer", timeframe, call))
                case Longer(timeframe=timeframe, inside=inside):
                    found.append(self._identity("longer", timeframe, found[inside]))
                case History(of=of, back=back):
                    found.append(self._identity("history", found[of], found[back]))
        return found[-1]

    def of_program(self, program: Program) -> Mapping[str, int]:
        """Of each output."""
        found: list[int] = []
        for step in program.steps:
            arguments = [found[argument] for argument in step.arguments]
            found.append(self._joined(step.name, arguments, "step", step.timeframe, step.constants))
        return {name: found[index] for name, index in program.outputs.items()}

    def _joined(self, symbol: str, operands: list[int], *what: Hashable) -> int:
        if symbol not in ("and", "or"):
            return self._identity(*what, symbol, *operands)
        # Both are associative in Kleene's logic; sums of doubles are not, so theirs stay as written.
        parts = tuple(part for each in operands for part in self._parts.get((symbol, each), (each,)))
        identity = self._identity(*what, symbol, *parts)
        self._parts[symbol, identity] = parts
        return identity

    def _identity(self, *what: Hashable) -> int:
        return self._identities.setdefault(what, len(self._identities))
