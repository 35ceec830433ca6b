"""Which params and series of an old spec are called otherwise in a new one.

A guess from where names stand, never a claim: whatever is found here, all that then still differs is told, so a wrong
guess makes a difference longer and never hides one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tradewright.strategy.check.forms import SpecForm
from tradewright.strategy.check.rules import Given
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import Name
from tradewright.strategy.words.clauses import RULES, params_of, series_of


def renames(old: SpecForm, new: SpecForm) -> dict[str, str]:
    """Old names to new ones; only names that are gone to names that are there only now, params to params."""
    gone = {**dict.fromkeys(params_of(old), "param"), **dict.fromkeys(series_of(old), "series")}
    come = {**dict.fromkeys(params_of(new), "param"), **dict.fromkeys(series_of(new), "series")}
    gone, come = (
        {name: kind for name, kind in gone.items() if name not in come},
        {name: kind for name, kind in come.items() if name not in gone},
    )
    found: dict[str, str] = {}
    if not gone or not come:
        return found
    votes = Counter(pair for pair in _pairs(old, new) if pair[0] in gone and come.get(pair[1]) == gone[pair[0]])
    # A series that nothing names, or that is named by others that are renamed too, is known by what it says.
    votes.update(_alike(old, new, gone, come))
    for (before, after), _ in votes.most_common():
        if before not in found and after not in found.values():
            found[before] = after
    # What a renamed series says may name others that are renamed.
    series_old, series_new = series_of(old), series_of(new)
    waiting = [before for before in found if gone[before] == "series"]
    while waiting:  # each series once
        before = waiting.pop()
        for one, other in _names(series_old[before], series_new[found[before]]):
            is_free = one not in found and other not in found.values()
            if is_free and one in gone and come.get(other) == gone[one]:
                found[one] = other
                if gone[one] == "series":
                    waiting.append(one)
    return found


def _pairs(old: SpecForm, new: SpecForm) -> Iterable[tuple[str, str]]:
    """Names that stand at the same place."""
    if old.rules and new.rules:
        for rule in RULES:
            yield from _at(getattr(old.rules.value, rule), getattr(new.rules.value, rule))
    series_old, series_new = series_of(old), series_of(new)
    for name in series_old.keys() & series_new.keys():
        yield from _names(series_old[name], series_new[name])
    for part in ("entry", "size", "protect", "limits", "grid", "dca"):
        yield from _at(getattr(old, part), getattr(new, part))


def _at(old: object, new: object) -> Iterable[tuple[str, str]]:
    """Of two values of the same key, whatever they are."""
    if not isinstance(old, Given) or not isinstance(new, Given):
        return
    if old.param and new.param:
        yield old.param, new.param
    elif isinstance(old.value, Expression) and isinstance(new.value, Expression):
        yield from _names(old.value, new.value)
    elif type(old.value) is type(new.value) and hasattr(old.value, "__dataclass_fields__"):
        for key in old.value.__dataclass_fields__:
            yield from _at(getattr(old.value, key, None), getattr(new.value, key, None))


def _names(old: Expression, new: Expression) -> Iterable[tuple[str, str]]:
    """Of two expressions of the same shape; of others nothing is guessed."""
    if old.tree is None or new.tree is None or len(old.tree.nodes) != len(new.tree.nodes):
        return
    for before, after in zip(old.tree.nodes, new.tree.nodes, strict=True):
        if type(before) is not type(after):
            return
    for before, after in zip(old.tree.nodes, new.tree.nodes, strict=True):
        if isinstance(before, Name) and isinstance(after, Name) and before.name != after.name:
            yield before.name, after.name


def _alike(old: SpecForm, new: SpecForm, gone: Mapping[str, str], come: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Those that say the same, word for word."""
    params_old, params_new, series_old, series_new = params_of(old), params_of(new), series_of(old), series_of(new)
    for before, kind in gone.items():
        for after, other in come.items():
            if kind != other:
                continue
            if kind == "param":
                a, b = params_old[before], params_new[after]
                is_alike = (a.value, a.low, a.high, a.step) == (b.value, b.low, b.high, b.step)
            else:
                is_alike = series_old[before].scalar.text == series_new[after].scalar.text
            if is_alike:
                yield before, after
