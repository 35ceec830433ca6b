"""Reading single values of Bybit's messages: money, times, ids, texts.

Lives here: `Unreadable` and the small readers that raise it. Not here: whole rows (`codec`, `market_codec`).
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import ClassVar, TypeVar, cast

import msgspec

from tradewright.core.clock import from_milliseconds
from tradewright.core.errors import AppError
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.money import ZERO, parse_decimal

_T = TypeVar("_T")

RAW_KEPT = 2_000  # characters of a message that cannot be read which are kept for the log
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_SEQUENCE_MAX = 2**63 - 1  # what the database holds
_SYMBOL = re.compile(r"[A-Z0-9-]{1,40}")
_ID_LENGTH = 64
_QUICK_LENGTH = 24
LEAST = Decimal(1).scaleb(-18)  # the bounds of `parse_decimal`, for values that came as Decimal
LIMIT = Decimal(10) ** 24
_CATEGORIES = ("linear", "spot")


class Unreadable(AppError):
    """A message of the exchange is not what it should be. `raw` is its beginning, for the log."""

    code: ClassVar[str] = "exchange.unreadable"

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw[:RAW_KEPT]


def decode(decoder: msgspec.json.Decoder[_T], raw: bytes | msgspec.Raw) -> _T:
    """Decodes JSON into the decoder's type. Raises `Unreadable` for anything else, with the raw text kept."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        text = bytes(raw)[:RAW_KEPT].decode("utf-8", "replace")
        raise Unreadable(f"not the JSON that was expected: {problem}", text) from None


# Numbers are read on the path of every market message, hence the quick way through each reader: up to 24 digits with at
# most one point, no sign. Whatever else it is goes the careful way, which accepts it or names what is wrong.


def number(text: str, field: str) -> Decimal:
    """A plain decimal of either sign; minus zero is zero."""
    if len(text) <= _QUICK_LENGTH and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)
    try:
        value = parse_decimal(text)
    except ValueError as problem:
        raise Unreadable(f"{field}: {problem}") from None
    return value if value else ZERO


def number_or_none(text: str, field: str) -> Decimal | None:
    """A plain decimal, None for ""."""
    return None if text == "" else number(text, field)


def number_or_zero(text: str, field: str) -> Decimal:
    """A plain decimal, zero for "", where Bybit leaves out what does not apply."""
    return ZERO if text == "" else number(text, field)


def amount(text: str, field: str) -> Decimal:
    """A plain decimal that is not negative."""
    if len(text) <= _QUICK_LENGTH and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)
    value = number(text, field)
    if value < 0:
        raise Unreadable(f"{field}: {value} is negative; expected zero or more")
    return value


def price(text: str, field: str) -> Decimal:
    """A plain decimal above zero."""
    if len(text) <= _QUICK_LENGTH and text.isascii() and text.replace(".", "", 1).isdigit():
        value = Decimal(text)
        if value:
            return value
    value = number(text, field)
    if value <= 0:
        raise Unreadable(f"{field}: {value} is not above zero")
    return value


def checked_price(value: Decimal, field: str) -> Decimal:
    """A price as it was decoded, once it is known to be a number above zero of a size that prices have."""
    try:
        if LEAST <= value < LIMIT:
            return value
    except InvalidOperation:
        pass  # NaN compares with nothing
    raise Unreadable(f"{field}: {str(value)[:40]} is not a number above zero and below {LIMIT}")


def checked_amount(value: Decimal, field: str) -> Decimal:
    """A quantity as it was decoded, once it is known to be a number that is not negative, of a size that they have."""
    try:
        if LEAST <= value < LIMIT:
            return value
        if value == 0:
            return ZERO
    except InvalidOperation:
        pass
    raise Unreadable(f"{field}: {str(value)[:40]} is not a number from zero to below {LIMIT}")


def price_or_none(text: str, field: str) -> Decimal | None:
    """A price; None for "" and for zero, both of which Bybit uses for "there is none"."""
    if text == "":
        return None
    return amount(text, field) or None


def millis(value: int | str, field: str) -> int:
    """Unix milliseconds, as number or text, between 1970 and 2100."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 15):
            raise Unreadable(f"{field}: {value[:40]!r} is not a time in Unix milliseconds")
        value = int(value)
    if not 0 <= value < _LATEST_MS:
        raise Unreadable(f"{field}: {value} is not a time between 1970 and 2100 in Unix milliseconds")
    return value


def moment(value: int | str, field: str) -> datetime:
    return from_milliseconds(millis(value, field))


def sequence(value: int, field: str) -> int:
    """A cross sequence; -1 where there is none."""
    if not -1 <= value <= _SEQUENCE_MAX:
        raise Unreadable(f"{field}: {value} is not a sequence number")
    return value


def identifier(text: str, field: str) -> str:
    """An opaque id: 1 to 64 visible ASCII characters."""
    if not (0 < len(text) <= _ID_LENGTH and text.isascii() and text.isprintable() and " " not in text):
        raise Unreadable(f"{field}: {text[:80]!r} is not an id of 1 to 64 visible ASCII characters")
    return text


def words(text: str, limit: int = 120) -> str:
    """A word or sentence for people, cut to `limit`, with what cannot be shown or stored replaced."""
    text = text[:limit]
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def instrument_id(category: str, symbol: str) -> InstrumentId | None:
    """The key of an instrument; None for a category that we do not trade (inverse, option)."""
    if category not in _CATEGORIES:
        return None
    if not _SYMBOL.fullmatch(symbol):
        raise Unreadable(f"symbol: {symbol[:80]!r} is not a symbol")
    return InstrumentId(cast(Category, category), symbol)
