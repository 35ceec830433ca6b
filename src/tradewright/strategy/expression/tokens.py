"""The words of an expression, each with its offset in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TEXT_MAX = 4_000  # characters of one expression
Kind = Literal["number", "duration", "position", "name", "keyword", "symbol", "end"]
KEYWORDS = frozenset(("and", "or", "not", "true", "false"))

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    | (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![A-Za-z0-9_.]))
    | (?P<duration>[0-9][A-Za-z0-9_.]*)
    | (?P<position>position\.[A-Za-z_][A-Za-z0-9_]*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol><=|>=|==|!=|[-+*/%<>(),=.\[\]])
    """,
    re.VERBOSE,
)
_HINTS = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "^": "there is no power; multiply",
    '"': "there are no texts in expressions; a timeframe is written bare: `tf=4h`",
    "'": "there are no texts in expressions; a timeframe is written bare: `tf=4h`",
    "×": "write `*`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
}


class ExpressionError(Exception):
    """The text is no expression: the first fault in it. `offset` is the place in the text."""

    def __init__(self, code: str, offset: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    start: int


def tokens_of(text: str) -> list[Token]:
    """All words, behind them one of kind "end". Raises `ExpressionError` at a character that begins none."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _stranger(text, position)
        if match.lastgroup != "blank":
            found.append(Token(_kind(match), match[0], position))
        position = match.end()
    found.append(Token("end", "", len(text.rstrip())))
    return found


def _kind(match: re.Match[str]) -> Kind:
    if match[0] in KEYWORDS:
        return "keyword"
    match match.lastgroup:
        case "number" | "duration" | "position" | "name" as kind:
            return kind
        case _:
            return "symbol"


def _stranger(text: str, position: int) -> ExpressionError:
    character = text[position]
    name = f"`{character}`" if character.isprintable() else f"the character U+{ord(character):04X}"
    return ExpressionError("expr_syntax", position, f"{name} has no meaning here", _HINTS.get(character))
