"""In which order series are checked, and which of them refer to each other in a circle."""

from __future__ import annotations

from collections.abc import Mapping

from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import Name
from tradewright.strategy.faults import Fault


def in_order(series: Mapping[str, Expression], faults: list[Fault]) -> list[str]:
    """The series that are in no circle, each behind those that it names; of the others each is told of."""
    named = {name: _named(expression, series) for name, expression in series.items()}
    reached = {name: _reached(name, named) for name in series}
    for name, expression in series.items():
        if name not in reached[name]:
            continue
        back = next(node for node in named[name] if node.name == name or name in reached[node.name])
        others = sorted(other for other in reached[name] if name in reached[other] and other != name)
        circle = f"through {', '.join(others)}" if others else "by itself"
        message = f"`{name}` is defined {circle} in a circle; a series cannot need itself"
        faults.append(expression.fault("cycle", back.start, message))
    # A series reaches all that those it names reach and these themselves, so fewer reached means earlier.
    straight = [name for name in series if name not in reached[name]]
    return sorted(straight, key=lambda name: len(reached[name]))


def _named(expression: Expression, series: Mapping[str, Expression]) -> list[Name]:
    """The series that an expression names, each where it first does."""
    if expression.tree is None:
        return []
    first: dict[str, Name] = {}
    for node in expression.tree.names():
        if node.name in series:
            first.setdefault(node.name, node)
    return list(first.values())


def _reached(start: str, named: Mapping[str, list[Name]]) -> set[str]:
    """Every series that `start` needs, directly or through others."""
    found: set[str] = set()
    waiting = [node.name for node in named[start]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [node.name for node in named[name]]
    return found
