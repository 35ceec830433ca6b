"""What a language gives: nouns with their numbers, phrases with their cases, sentences. And numbers as it writes them.

Texts are filled by `str.format`. What is put into them brings its own forms, chosen behind the colon:
- a number: `{n}` "12 [fast]", `{n:bare}` "12", `{n:by}` " [fast]", `{n:bar}` "12 bars [fast]", `{n:bar/of}` the same in
  the genitive. In square brackets stands the param, or the formula of params, that a number comes from;
- a phrase: `{x}` as a subject, `{x:of}` behind "of" (genitive, brackets where it needs them), `{x:than}` behind
  "above" (genitive, without brackets where they are not needed).
`<nominative|genitive>` in the text of a function is its ending in each case.
Lives here: the shape. Not here: the words (`english`, `russian`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

_PLAIN_EXPONENT_MIN = -24  # below it a number is written with an exponent


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`plural` says which of a noun's three forms (one, few, many) stands behind a whole number; the genitive is the
    second for one and the third for others. `says` are all sentences and parts of them."""

    code: Literal["en", "ru"]
    point: str
    separator: str  # between the items of a list in brackets
    quotes: tuple[str, str]
    plural: Callable[[int], int]
    nouns: Mapping[str, tuple[str, str, str]]
    names: Mapping[str, str]  # fields, times and the position
    counted: frozenset[str]  # names and functions that are more or less, not above or below
    functions: Mapping[str, str]
    bars_of: Mapping[str, str]  # "4-hour" in "4-hour bars", by timeframe
    days: Mapping[str, str]
    says: Mapping[str, str]

    def quoted(self, text: str) -> str:
        return f"{self.quotes[0]}{text}{self.quotes[1]}"

    def number(self, value: Decimal | float, by: str | None = None) -> Quantity:
        return Quantity(self, value if isinstance(value, Decimal) else Decimal(repr(value)), by)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a text takes it. `by`: the name of a param or a formula; None for a number as such."""

    language: Language
    value: Decimal
    by: str | None = None

    def __format__(self, form: str) -> str:
        by = "" if self.by is None else f" [{self.by}]"
        match form:
            case "":
                return self.bare() + by
            case "bare":
                return self.bare()
            case "by":
                return by
            case _:
                noun, _, case = form.partition("/")
                return f"{self.bare()} {self._noun(noun, is_genitive=case == 'of')}{by}"

    def bare(self) -> str:
        """All its digits, a minus that is one, no trailing zeros."""
        value = self.value
        if value and value.adjusted() < _PLAIN_EXPONENT_MIN:
            text = f"{value.normalize():e}"
        else:
            text = f"{value:f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text in ("-0", "0", "") else text.replace("-", "−").replace(".", self.language.point)

    def _noun(self, noun: str, *, is_genitive: bool) -> str:
        forms = self.language.nouns[noun]
        if self.value != self.value.to_integral_value():
            return forms[1]
        form = self.language.plural(abs(int(self.value)))
        if is_genitive:
            form = 1 if form == 0 else 2
        return forms[form]
