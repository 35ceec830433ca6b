"""What is wrong with a spec: a code, the place in the file, a sentence, and where possible what was meant.

Lives here: the type, JSON pointers, "did you mean". Not here: who finds what (`document`, `expression`, `check`).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

FAULTS_MAX = 100  # of one file: more help nobody
_SHOWN_MAX = 60
_HINTS_MAX = 30  # words of one file for which something near is looked for


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """In the file: both from 1, `column` in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Near:
    """What a wrong word may have been meant to be: looked for only where somebody will read it, since it takes long."""

    word: str
    known: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error or a warning. `path` is a JSON pointer; `place` None where the file has none (a `--set`).

    `code` is stable and documented; `message` and `hint` are for people. `near` becomes a hint in `in_file_order`.
    """

    code: str
    path: str
    place: Place | None
    message: str
    hint: str | None = None
    near: Near | None = field(default=None, compare=False, repr=False)

    def plain(self) -> dict[str, str | int | None]:
        """As `--json` and the API write it."""
        return {
            "path": self.path,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


def in_file_order(faults: Iterable[Fault]) -> list[Fault]:
    """Sorted by place, at most FAULTS_MAX; those without a place come last."""
    nowhere = Place(2**31, 0)
    told = sorted(faults, key=lambda fault: fault.place or nowhere)[:FAULTS_MAX]
    looked_for = 0
    for index, fault in enumerate(told):
        if fault.near is not None and looked_for < _HINTS_MAX:
            looked_for += 1
            told[index] = replace(fault, hint=fault.hint or did_you_mean(fault.near.word, fault.near.known), near=None)
    return told


def below(path: str, key: str | int) -> str:
    """The JSON pointer of `key` in the object or array at `path` (RFC 6901 escapes)."""
    return f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint when something known is near; letters' case is forgiven first."""
    candidates = list(known)
    for candidate in candidates:
        if candidate.lower() == word.lower() and candidate != word:
            return f"did you mean `{candidate}`?"
    near = difflib.get_close_matches(word[:_SHOWN_MAX].lower(), candidates, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def number(value: Decimal) -> str:
    """A number as an error text quotes it."""
    return shown(f"{value:f}" if -_SHOWN_MAX < value.adjusted() < _SHOWN_MAX else f"{value:.6g}")


def shown(text: str) -> str:
    """A value as an error text quotes it: short, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_MAX else f"{flat[: _SHOWN_MAX - 1]}…"
