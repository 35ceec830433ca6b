"""Where in the file a character of a text stands, however the file writes that text.

Blanks may be folded and characters escaped, but those that are not blank stand in the file in the same order: they are
counted off against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tradewright.strategy.document.nodes import ScalarNode
from tradewright.strategy.faults import Place

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_BLANK_ESCAPES = frozenset("tnvfrNLP_ \t\r\n")
_LINE_END = re.compile(r"\r\n|\r|\n")


def place_in(scalar: ScalarNode, offset: int) -> Place:
    """The place of `scalar.text[offset]`; of a blank or the end, the place right behind what stands before it."""
    if scalar.kind != "text":
        return scalar.place
    text = scalar.text
    wanted = sum(1 for character in text[:offset] if not character.isspace())
    is_behind = offset >= len(text) or text[offset].isspace()
    start = end = 0
    for count, (start, end) in enumerate(_characters(scalar)):
        if is_behind and count + 1 == wanted:
            return _advanced(scalar.place, scalar.source[:end])
        if not is_behind and count == wanted:
            return _advanced(scalar.place, scalar.source[:start])
    return scalar.place


def _characters(scalar: ScalarNode) -> Iterator[tuple[int, int]]:
    """Where in the source each character begins and ends that is not blank."""
    source = scalar.source
    position, end = 0, len(source)
    if scalar.style in ("single", "double"):
        position, end = 1, end - 1
    elif scalar.style in ("literal", "folded"):
        head = _LINE_END.search(source)
        position = head.end() if head else end
    while position < end:
        length, is_blank = _one(source, position, scalar.style)
        if not is_blank:
            yield position, position + length
        position += length


def _one(source: str, position: int, style: str) -> tuple[int, bool]:
    character = source[position]
    if style == "single" and character == "'":
        return 2, False
    if style == "double" and character == "\\":
        pair = _PAIR.match(source, position)
        if pair:
            return len(pair[0]), False
        escape = _ESCAPE.match(source, position)
        if escape is None:
            return 1, False
        word = escape[1]
        if word[0] in "xuU" and len(word) > 1:
            return len(escape[0]), _is_blank(int(word[1:], 16))
        return len(escape[0]), word[0] in _BLANK_ESCAPES
    return 1, character.isspace()


def _is_blank(code_point: int) -> bool:
    return code_point <= 0x10FFFF and chr(code_point).isspace()


def _advanced(place: Place, passed: str) -> Place:
    lines = _LINE_END.split(passed)
    if len(lines) == 1:
        return Place(place.line, place.column + len(passed))
    return Place(place.line + len(lines) - 1, len(lines[-1]) + 1)
