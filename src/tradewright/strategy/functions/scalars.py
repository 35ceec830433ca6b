"""Operators and the arithmetic functions on the values of one bar: numbers in, a number out, no memory.

Values are doubles, unknown is NaN, a condition is 1.0, 0.0 or NaN. Comparisons and arithmetic with unknown are unknown;
`and or not` follow Kleene. Division by zero, a root of a negative, a logarithm of a non-positive, and whatever is not
finite are unknown. The same on whole columns: `evaluate.elementwise`; a property test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

UNKNOWN = math.nan


def finite(value: float) -> float:
    return value if value - value == 0.0 else UNKNOWN


def add(a: float, b: float) -> float:
    return finite(a + b)


def subtract(a: float, b: float) -> float:
    return finite(a - b)


def multiply(a: float, b: float) -> float:
    return finite(a * b)


def divide(a: float, b: float) -> float:
    return finite(a / b) if b != 0.0 else UNKNOWN


def modulo(a: float, b: float) -> float:
    """`a - b * floor(a / b)`: the sign of b. Written out, for Python's own `%` rounds otherwise."""
    quotient = divide(a, b)
    return finite(a - b * math.floor(quotient)) if quotient == quotient else UNKNOWN


def negative(a: float) -> float:
    return -a


def _condition(holds: bool, a: float, b: float) -> float:
    if a != a or b != b:
        return UNKNOWN
    return 1.0 if holds else 0.0


def less(a: float, b: float) -> float:
    return _condition(a < b, a, b)


def less_or_equal(a: float, b: float) -> float:
    return _condition(a <= b, a, b)


def greater(a: float, b: float) -> float:
    return _condition(a > b, a, b)


def greater_or_equal(a: float, b: float) -> float:
    return _condition(a >= b, a, b)


def equal(a: float, b: float) -> float:
    return _condition(a == b, a, b)


def unequal(a: float, b: float) -> float:
    return _condition(a != b, a, b)


def both(a: float, b: float) -> float:
    """Kleene's `and`."""
    if a == 0.0 or b == 0.0:
        return 0.0
    return UNKNOWN if a != a or b != b else 1.0


def either(a: float, b: float) -> float:
    """Kleene's `or`."""
    if a == 1.0 or b == 1.0:
        return 1.0
    return UNKNOWN if a != a or b != b else 0.0


def negation(a: float) -> float:
    return 1.0 - a


def absolute(x: float) -> float:
    return abs(x)


def smallest(*numbers: float) -> float:
    least = numbers[0]
    for number in numbers[1:]:
        if number != number:
            return UNKNOWN
        if number < least:
            least = number
    return least


def largest(*numbers: float) -> float:
    most = numbers[0]
    for number in numbers[1:]:
        if number != number:
            return UNKNOWN
        if number > most:
            most = number
    return most


def rounded(x: float) -> float:
    """Half away from zero. Not `floor(x + 0.5)`: that sum rounds for the double below a half."""
    if x != x:
        return UNKNOWN
    whole = float(math.floor(abs(x)))
    if abs(x) - whole >= 0.5:
        whole += 1.0
    return whole if x >= 0.0 else 0.0 - whole


def floor(x: float) -> float:
    return float(math.floor(x)) if x == x else UNKNOWN


def ceil(x: float) -> float:
    return float(math.ceil(x)) if x == x else UNKNOWN


def sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0.0 else UNKNOWN


def log(x: float) -> float:
    return math.log(x) if x > 0.0 else UNKNOWN


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return UNKNOWN


def sign(x: float) -> float:
    if x != x:
        return UNKNOWN
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0


def clamp(x: float, low: float, high: float) -> float:
    if x != x or not low <= high:
        return UNKNOWN
    return low if x < low else high if x > high else x


def choose(condition: float, a: float, b: float) -> float:
    """The branch not taken may be unknown."""
    if condition != condition:
        return UNKNOWN
    return a if condition == 1.0 else b


SCALARS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "+": add,
        "-": subtract,
        "*": multiply,
        "/": divide,
        "%": modulo,
        "neg": negative,
        "<": less,
        "<=": less_or_equal,
        ">": greater,
        ">=": greater_or_equal,
        "==": equal,
        "!=": unequal,
        "and": both,
        "or": either,
        "not": negation,
        "abs": absolute,
        "min": smallest,
        "max": largest,
        "round": rounded,
        "floor": floor,
        "ceil": ceil,
        "sqrt": sqrt,
        "log": log,
        "exp": exp,
        "sign": sign,
        "clamp": clamp,
        "if": choose,
    }
)
