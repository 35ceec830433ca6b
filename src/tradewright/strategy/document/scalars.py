"""What a plain word of a file is, by the core schema of YAML 1.2: a boolean, null, a decimal number, or text.

So `on`, `yes`, `12:30` and `2024-01-01` are text. Hex, octal, `.inf`, `.nan` and numbers with `_` are text too, and
therefore errors where a number has to stand.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Literal

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
BOOLEANS = {text: text.lower() for text in ("true", "True", "TRUE", "false", "False", "FALSE")}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
HUGE = Decimal("1e999")  # stands for every number beyond what a decimal holds; far outside of all bounds


def kind_of(word: str) -> Literal["text", "number", "boolean", "null"]:
    if word in NULLS:
        return "null"
    if word in BOOLEANS:
        return "boolean"
    return "number" if _NUMBER.fullmatch(word) else "text"


def decimal_of(number: str) -> Decimal:
    """The value of a number's text (`kind_of` says "number"). Beyond a decimal's exponents: HUGE, or 0 next to it."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # an exponent of twenty digits
        return Decimal(0) if "e-" in number.lower() else HUGE.copy_sign(Decimal(-1 if number[0] == "-" else 1))
    if value and value.adjusted() > HUGE.adjusted():
        return HUGE.copy_sign(value)
    return value if not value or value.adjusted() > -HUGE.adjusted() else Decimal(0)
