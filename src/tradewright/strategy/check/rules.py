"""What a key of a spec may hold: the rules of which the forms are made, and from which the JSON Schema is generated.

Lives here: the rules as data. Not here: the forms themselves (`forms`), reading by them (`reading`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from tradewright.strategy.faults import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[T]):
    """A value that the file gives, and where. `ends`: a param's other values that it has to fit with as well, by the
    param's name (its `min` and `max`)."""

    value: T
    path: str
    place: Place
    param: str | None = None
    ends: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """Bounds are texts of decimals. `by_param`: the name of a param may stand here."""

    at_least: str | None = None
    above: str | None = None
    at_most: str | None = None
    below: str | None = None
    whole: bool = False
    by_param: bool = True

    def fits(self, value: Decimal) -> bool:
        return not (
            (self.at_least is not None and value < Decimal(self.at_least))
            or (self.above is not None and value <= Decimal(self.above))
            or (self.at_most is not None and value > Decimal(self.at_most))
            or (self.below is not None and value >= Decimal(self.below))
        )

    def words(self) -> str:
        """What is allowed: "a whole number from 1 to 500"."""
        low = f"from {self.at_least}" if self.at_least is not None else f"above {self.above}" if self.above else ""
        high = f"to {self.at_most}" if self.at_most is not None else f"below {self.below}" if self.below else ""
        joint = " " if low.startswith("from") and high.startswith("to") else " and " if low and high else ""
        if joint == " and " and high.startswith("to"):
            high = f"at most {self.at_most}"
        return f"{'a whole number' if self.whole else 'a number'} {low}{joint}{high}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanRule:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """`what` says in words what `pattern` allows."""

    most: int
    least: int = 0
    pattern: re.Pattern[str] | None = None
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRule:
    """The version of the contract that this program reads."""

    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionRule:
    """`position`: `position.…` may be named in it. `now`: the word alone is allowed too."""

    result: Literal["condition", "number", "any"]
    position: bool = False
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRule:
    """`form` is one of `forms`. Of its keys `exactly_one` or `at_least_one` must be given."""

    form: type
    exactly_one: tuple[str, ...] = ()
    at_least_one: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsRule:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRule:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRule:
    """ "HH:MM-HH:MM" of UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysRule:
    pass


Rule = (
    NumberRule
    | ChoiceRule
    | BooleanRule
    | TextRule
    | VersionRule
    | ExpressionRule
    | ObjectRule
    | ParamsRule
    | SeriesRule
    | HoursRule
    | DaysRule
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`default` is what an absent key means, as a spec would write it; None: nothing. `about` explains it to people."""

    rule: Rule
    required: bool = False
    default: str | int | bool | None = None
    about: str = ""


def key(rule: Rule, about: str, *, required: bool = False, default: str | int | bool | None = None) -> Any:
    """A field of a form: absent unless the file gives it."""
    return field(default=None, metadata={"key": Key(rule=rule, required=required, default=default, about=about)})
