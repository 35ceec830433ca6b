"""Money and quantities: Decimal from the first byte, and plain text out.

Lives here: parsing that accepts only finite plain decimals, formatting without an exponent, multiples of a step.
Not here: rounding to an instrument's steps (`core.instrument`).
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

ZERO = Decimal(0)
_WIDE = Context(prec=80)
_PLAIN = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,18})?")  # not \d, which takes the digits of every script


def parse_decimal(text: str) -> Decimal:
    """A plain decimal such as `60412.5`; at most 24 digits before and 18 after the point.

    Raises `ValueError` for anything else: an exponent, NaN, infinity, blanks, a bare point.
    """
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal number: {text[:40]!r}; allowed are digits with a point, such as 60412.5")
    return Decimal(text)


def exactly() -> AbstractContextManager[Context]:
    """Within it sums and products keep every digit: the usual 28 round a quantity of 18 decimals times its price."""
    return localcontext(_WIDE)


def multiple_below(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of a positive `step` whose size is not above the value's: towards zero, and exact.

    A number of 24 digits by a step of 8 decimals has more steps than the usual 28 digits can count.
    """
    with localcontext(_WIDE):
        return (value // step) * step


def rounded(value: Decimal, to: Decimal) -> Decimal:
    """Half to even at the decimals of `to`, however many digits stand before the point."""
    return value.quantize(to, ROUND_HALF_EVEN, _WIDE)


def plain(value: Decimal) -> str:
    """The value without an exponent and without trailing zeros: `1E+2` is `100`, `0.10` is `0.1`, `-0` is `0`."""
    if not value:
        return "0"
    text = str(value)  # three times as quick as a format, and the same but for numbers with an exponent
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if text[-1] == "0" and "." in text else text
