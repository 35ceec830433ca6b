"""Fields of a request as clients write them: texts, flags and plain decimals.

Lives here: reading one field, leniently as the exchange does, and refusing what it is not. Not here: what fields mean
(`matching.commands`, `rest`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tradewright.simulator.errors import bad_parameter

DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")  # not \d, which takes the digits of every script

Body = Mapping[str, Any]


def text(body: Body, name: str) -> str:
    """A field as text, "" when absent; numbers are taken too, since clients send both."""
    value = body.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise bad_parameter(f"params error: {name} has a wrong type")


def flag(body: Body, name: str) -> bool:
    value = text(body, name)
    if value not in ("", "true", "false"):
        raise bad_parameter(f"params error: {name} must be true or false")
    return value == "true"


def decimal(body: Body, name: str, refusal: str) -> Decimal:
    """A non-negative plain decimal. Raises `ApiError` 10001 with `refusal` for anything else."""
    value = text(body, name)
    if not DECIMAL.fullmatch(value):
        raise bad_parameter(refusal)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise bad_parameter(refusal) from None
