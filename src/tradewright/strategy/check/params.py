"""Named numbers: their defaults, the values that were set for this run, and the ranges a search may vary.

Lives here: reading `params`, and what names are free. Not here: where a param is used (`reading`, `meaning`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext

from tradewright.strategy.document.nodes import BrokenNode, Entry, Node, ObjectNode, ScalarNode
from tradewright.strategy.document.scalars import decimal_of, kind_of
from tradewright.strategy.faults import Fault, Near, Place, below, number, shown
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import FIELDS, TIMES

NAMES_MAX = 64  # of params, and of series
VALUE_MAX = Decimal("1e9")
STEPS_MAX = 10_000
NAME = re.compile("[a-z][a-z0-9_]{0,39}", re.ASCII)
WORDS = ("and", "or", "not", "true", "false", "tf", "if", "position", "now")
TAKEN = frozenset((*FIELDS, *TIMES, *FUNCTIONS, *WORDS))
EXACT = Context(prec=60)
_PLACES_MAX = 30  # decimals up to which a range is walked in whole numbers
_KEYS = ("default", "min", "max", "step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """`value` is the one in force: what was set, or the default. `low`, `high` and `step` are None without a range."""

    name: str
    place: Place
    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None
    step: Decimal | None = None

    @property
    def ends(self) -> tuple[Decimal, ...]:
        return () if self.low is None or self.high is None else (self.low, self.high)

    def count(self) -> int:
        """How many values the range has, at most STEPS_MAX + 1; 0 without a range."""
        if self.low is None or self.high is None or self.step is None:
            return 0
        with localcontext(EXACT):
            return int((self.high - self.low) / self.step) + 1

    def doubles(self) -> list[float]:
        """Every value of the range, min + k · step up to max, as the double nearest to it."""
        if self.low is None or self.step is None:
            return []
        places = -min(_exponent(self.low), _exponent(self.step))
        if 0 <= places <= _PLACES_MAX:  # whole numbers are twenty times quicker, and their quotient is as exact
            unit = 10**places
            with localcontext(EXACT):
                low, step = int(self.low * unit), int(self.step * unit)
            return [(low + k * step) / unit for k in range(self.count())]
        with localcontext(EXACT):
            return [float(self.low + k * self.step) for k in range(self.count())]

    def is_whole(self) -> bool:
        """Whether the value in force and every value of the range is a whole number."""
        wholes = [self.value] if self.low is None or self.step is None else [self.value, self.low]
        if self.step is not None and self.count() > 1:
            wholes.append(self.step)
        return all(value == value.to_integral_value() for value in wholes)


@dataclass(frozen=True, slots=True)
class Params:
    """`broken` are names whose definition has a fault: nothing more is said where they are used."""

    known: Mapping[str, Param]
    broken: frozenset[str] = frozenset()


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def name_fault(name: str, place: Place, path: str) -> Fault | None:
    """What is wrong with the name of a param or a series by itself."""
    if not NAME.fullmatch(name):
        message = f"`{shown(name)}` is not a name: a to z first, then a to z, 0 to 9 and _, at most 40 in all"
        return Fault(code="bad_name", path=path, place=place, message=message)
    if name in TAKEN:
        kind = "a function" if name in FUNCTIONS else "a field" if name in (*FIELDS, *TIMES) else "a word"
        message = f"`{name}` is {kind} of the language; choose another name"
        return Fault(code="name_taken", path=path, place=place, message=message)
    return None


def read_params(node: Node | None, settings: Mapping[str, str], faults: list[Fault]) -> Params:
    """Reads `params` and puts `settings` (name → decimal text) in force."""
    known: dict[str, Param] = {}
    broken: set[str] = set()
    if isinstance(node, ObjectNode):
        if len(node.entries) > NAMES_MAX:
            message = f"{len(node.entries)} params; at most {NAMES_MAX}"
            faults.append(Fault(code="too_many", path="/params", place=node.place, message=message))
        for name, entry in node.entries.items():
            wrong = name_fault(name, entry.key_place, below("/params", name))
            param = _Reading(name, below("/params", name), faults).param(entry)
            if wrong:
                faults.append(wrong)
            if param is None or wrong:
                broken.add(name)
            if param is not None:
                known[name] = param
    for name, text in settings.items():
        if name not in broken:
            _put_in_force(name, text, known, faults)
    return Params(known, frozenset(broken))


def _put_in_force(name: str, text: str, known: dict[str, Param], faults: list[Fault]) -> None:
    path = below("/params", name)
    param = known.get(name)
    if param is None:
        message = f"there is no param `{shown(name)}` to set"
        near = Near(name, tuple(known))
        faults.append(Fault(code="unknown_param", path=path, place=None, message=message, near=near))
        return
    if kind_of(text) != "number":
        message = f"`{name}` is set to `{shown(text)}`, which is not a decimal number"
        faults.append(Fault(code="wrong_type", path=path, place=param.place, message=message))
        return
    value = decimal_of(text)
    low, high = param.ends or (-VALUE_MAX, VALUE_MAX)
    if not low <= value <= high:
        message = f"`{name}` is set to {shown(text)}; allowed: {number(low)} to {number(high)}"
        faults.append(Fault(code="out_of_range", path=path, place=param.place, message=message))
        return
    known[name] = replace(param, value=value)


class _Reading:
    """One param."""

    def __init__(self, name: str, path: str, faults: list[Fault]) -> None:
        self._name = name
        self._path = path
        self._faults = faults

    def param(self, entry: Entry) -> Param | None:
        node = entry.value
        if isinstance(node, ObjectNode):
            return self._ranged(node)
        value = self._number(node, self._path, "a number, or a mapping of default, min, max and step")
        return None if value is None else Param(name=self._name, place=node.place, value=value)

    def _ranged(self, node: ObjectNode) -> Param | None:
        before = len(self._faults)
        values: dict[str, Decimal] = {}
        for key, entry in node.entries.items():
            path = below(self._path, key)
            if key not in _KEYS:
                self._tell("unknown_key", path, entry.key_place, f"`{shown(key)}` is no key of a param", key)
                continue
            value = self._number(entry.value, path, "a number")
            if value is not None:
                values[key] = value
        given = [key for key in ("min", "max", "step") if key in node.entries]
        wanted = ("default", *(("min", "max", "step") if given else ()))
        for key in wanted:
            if key not in node.entries:
                what = "it is required" if key == "default" else "min, max and step are given all or none"
                self._tell("missing_key", below(self._path, key), node.place, f"`{key}` is missing; {what}")
        if len(self._faults) == before:
            self._bounds(node, values)
        if len(self._faults) > before:
            return None
        low, high, step = (values.get(key) for key in ("min", "max", "step"))
        return Param(name=self._name, place=node.place, value=values["default"], low=low, high=high, step=step)

    def _bounds(self, node: ObjectNode, values: Mapping[str, Decimal]) -> None:
        if "min" not in values:
            return
        default, low, high, step = (values[key] for key in _KEYS)

        def tell(key: str, message: str) -> None:
            self._tell("out_of_range", below(self._path, key), node.entries[key].value.place, message)

        if low > high:
            tell("max", f"max is {number(high)} and min {number(low)}; max is at least min")
        elif not low <= default <= high:
            tell("default", f"default is {number(default)}; it lies from min {number(low)} to max {number(high)}")
        if step <= 0:
            tell("step", f"step is {number(step)}; it is above 0")
        elif low <= high:
            with localcontext(EXACT):
                is_many = high - low > STEPS_MAX * step
            if is_many:
                tell("step", f"the range has more than {STEPS_MAX} steps; take a larger step")

    def _number(self, node: Node, path: str, wanted: str) -> Decimal | None:
        if isinstance(node, BrokenNode):
            return None
        if not isinstance(node, ScalarNode) or node.kind not in ("number", "null"):
            seen = f"`{shown(node.text)}`" if isinstance(node, ScalarNode) else "a collection"
            self._tell("wrong_type", path, node.place, f"{seen} stands where {wanted} has to stand")
            return None
        if node.kind == "null":
            self._tell("null_value", path, node.place, "an empty value; give one or leave the key out")
            return None
        value = decimal_of(node.text)
        if abs(value) > VALUE_MAX:
            self._tell("out_of_range", path, node.place, f"{shown(node.text)}; allowed: -1e9 to 1e9")
            return None
        return value

    def _tell(self, code: str, path: str, place: Place, message: str, near: str | None = None) -> None:
        meant = Near(near, _KEYS) if near else None
        self._faults.append(Fault(code=code, path=path, place=place, message=message, near=meant))
