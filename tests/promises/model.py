"""What the table of promises is made of.

Lives here: a promise with the tests that hold it, what is still owed, and the campaigns that hold a promise at length.
Not here: the rows themselves (`rows_*`), whether they are true of the tree (`held`), the page (`table`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ID = re.compile(r"(?P<group>[A-Z])(?P<number>[1-9]\d?)")

GROUPS = {
    "A": "Idempotency and intent",
    "B": "Reconciliation",
    "C": "Streams",
    "D": "Database",
    "E": "Workers and their end",
    "F": "Clock and repeatability",
    "G": "Rate limits",
    "H": "Fills, money, positions",
    "I": "Bad input",
    "J": "Authentication and rights",
    "K": "Secrets",
    "L": "Audit",
    "M": "Web",
    "O": "Stopping, and endurance",
    "P": "The page",
    "R": "What is written",
    "S": "The simulated exchange",
    "T": "Strategies and backtests",
    "V": "What the tests are worth",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """`says` is one plain sentence; `tests` are files or single tests of them, `tests/…/test_x.py::test_name`, or
    `frontend/…/x.test.ts::its title`. All of them run in `make test`; `campaigns` are names of `CAMPAIGNS`."""

    id: str
    says: str
    tests: tuple[str, ...]
    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What no test holds: all of a promise where `id` has no row, else the part that its row does not say."""

    id: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A target of the Makefile that runs long. `full` are the sizes at which its figure counts, by make variable; in
    `closing`, a regular expression for the line to keep, groups of those names are the sizes that the line tells."""

    name: str
    does: str
    full: Mapping[str, int]
    closing: str

    def command(self) -> str:
        """As it is asked for at full size."""
        return " ".join(["make", self.name, *(f"{variable}={size}" for variable, size in self.full.items())])

    def is_full(self, sizes: Mapping[str, int]) -> bool:
        return all(sizes.get(variable, 0) >= size for variable, size in self.full.items())


def of(file: str, *names: str) -> tuple[str, ...]:
    """The ids of these tests of a file; of the file itself where all of it holds the promise."""
    return tuple(f"{file}::{name}" for name in names) or (file,)


def order(number: str) -> tuple[str, int]:
    """For sorting ids. Raises `ValueError` for what is none, such as `A0` or `AB1`."""
    found = _ID.fullmatch(number)
    if found is None or found["group"] not in GROUPS:
        raise ValueError(f"{number!r} is no id of a promise: a letter of {', '.join(GROUPS)} and a number from 1 to 99")
    return found["group"], int(found["number"])
