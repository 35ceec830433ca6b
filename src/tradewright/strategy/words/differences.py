"""What changed from one spec to another, in words: "stop: 2 % → 1.2 %".

Compared is what the two say, clause by clause, not their text: the order of keys, comments and the spelling of a number
are no difference. An expression that is written otherwise and compiles to the same steps is told as such; a rule whose
words are the same and that works out otherwise, because of a param or a series in it, is told as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tradewright.strategy.check import Checked
from tradewright.strategy.check.forms import SpecForm
from tradewright.strategy.model import Strategy
from tradewright.strategy.words.clauses import Clause, clauses, params_of
from tradewright.strategy.words.language import Language
from tradewright.strategy.words.renames import renames
from tradewright.strategy.words.sameness import Sameness

Kind = Literal["renamed", "changed", "added", "removed", "rewritten", "reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`path`: in the new file, of what was removed in the old one. `old` and `new` are words, None where there is
    nothing."""

    kind: Kind
    path: str
    old: str | None
    new: str | None
    text: str

    def plain(self) -> dict[str, str | None]:
        """As `--json` and the API write it."""
        return {"kind": self.kind, "path": self.path, "old": self.old, "new": self.new, "text": self.text}


def differences(old: Checked, new: Checked, language: Language) -> list[Change]:
    """In the order of an explanation, renames first. Empty when, and only when, both mean the same.

    Raises `ValueError` when one of them has errors: it means nothing yet.
    """
    if old.form is None or new.form is None or old.strategy is None or new.strategy is None:
        raise ValueError("a spec with errors cannot be compared; tell its errors instead")
    return list(_Comparing(old.form, new.form, language).changes(old.strategy, new.strategy))


class _Comparing:
    def __init__(self, old: SpecForm, new: SpecForm, language: Language) -> None:
        self._old_form = old
        self._renamed = renames(old, new)
        self._sameness = Sameness()
        self._language = language
        self._old = {clause.path: clause for clause in clauses(old, language, self._sameness, self._renamed)}
        self._new = {clause.path: clause for clause in clauses(new, language, self._sameness, {})}

    def changes(self, old: Strategy, new: Strategy) -> Iterator[Change]:
        old_steps, new_steps = self._sameness.of_program(old.program), self._sameness.of_program(new.program)
        yield from self._renames()
        for path in _merged(list(self._old), list(self._new)):
            before, after = self._old.get(path), self._new.get(path)
            if before is None or after is None or before.meaning != after.meaning:
                yield self._change(path, before, after, old_steps, new_steps)
        if old.market.timeframe != new.market.timeframe:
            return  # then everything works out otherwise
        for path, after in self._new.items():
            before = self._old.get(path)
            if before is None or before.meaning != after.meaning or after.expression is None or after.key == "series":
                continue
            if old_steps.get(_output(before)) != new_steps.get(_output(after)):
                yield self._told("reached", path, after, None, None)

    def _renames(self) -> Iterator[Change]:
        quoted = self._language.quoted
        params = params_of(self._old_form)
        for before, after in self._renamed.items():
            old, new = quoted(before), quoted(after)
            text = self._language.says["renamed"].format(old=old, new=new)
            path = f"/params/{after}" if before in params else f"/series/{after}"
            yield Change(kind="renamed", path=path, old=old, new=new, text=text)

    def _change(
        self,
        path: str,
        before: Clause | None,
        after: Clause | None,
        old_steps: Mapping[str, int],
        new_steps: Mapping[str, int],
    ) -> Change:
        if before is None or after is None:
            only = after or before
            assert only is not None
            kind: Kind = "removed" if after is None else "added"
            alone = self._language.says.get(f"alone.{only.key}", self._language.says["alone"])
            words = alone.format(label=only.label(self._language), value=only.value)
            text = self._language.says[kind].format(old=words, new=words)
            old, new = (None if each is None else each.value for each in (before, after))
            return Change(kind=kind, path=path, old=old, new=new, text=text)
        if after.expression is not None and before.expression is not None:
            steps = old_steps.get(_output(before)), new_steps.get(_output(after))
            if steps[0] is not None and steps[0] == steps[1]:
                return self._told("rewritten", path, after, before.value, after.value)
        return self._told("changed", path, after, before.value, after.value)

    def _told(self, kind: Kind, path: str, clause: Clause, old: str | None, new: str | None) -> Change:
        label = clause.label(self._language)
        text = self._language.says[kind].format(label=label, old=old, new=new)
        return Change(kind=kind, path=path, old=old, new=new, text=text)


def _output(clause: Clause) -> str:
    """The name under which a program gives what an expression works out to."""
    if clause.key == "series":
        return f"series.{clause.name}"
    return f"{clause.key}.price" if clause.key.startswith("protect.") else clause.key


def _merged(old: list[str], new: list[str]) -> list[str]:
    """All of both, in the order of the new one; what is only in the old one stands where it stood."""
    there = set(new)
    behind: dict[str | None, list[str]] = {}
    last: str | None = None
    for path in old:
        if path in there:
            last = path
        else:
            behind.setdefault(last, []).append(path)
    merged = list(behind.get(None, ()))
    for path in new:
        merged += [path, *behind.get(path, ())]
    return merged
