"""Where in the file a character of a text stands, however the file writes that text.

Blanks may be folded and characters escaped, but those that are not blank stand in the file in the same order: they are
counted off against each other.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator

from tradewright.strategy.document.nodes import ScalarNode
from tradewright.strategy.faults import Place

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_BLANK_ESCAPES = frozenset("tnvfrNLP_ \t\r\n")
_LINE_END = re.compile(r"\r\n|\r|\n")


def place_at(text: str, index: int) -> Place:
    """The place of a file's character."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


class Places:
    """The places of one text's characters."""

    def __init__(self, scalar: ScalarNode) -> None:
        self._scalar = scalar
        self._stands = list(_characters(scalar)) if scalar.kind == "text" else []
        # How many characters that are not blank stand before each, and before the end.
        self._before = [0, *itertools.accumulate(not character.isspace() for character in scalar.text)]
        self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(scalar.source))]

    def of(self, offset: int) -> Place:
        """The place of `text[offset]`; of a blank or the end, the place right behind what stands before it."""
        text = self._scalar.text
        before = self._before[min(offset, len(text))]
        if not self._stands or before > len(self._stands):
            return self._scalar.place
        if offset < len(text) and not text[offset].isspace():
            return self._at(self._stands[before][0]) if before < len(self._stands) else self._scalar.place
        return self._at(self._stands[before - 1][1]) if before else self._scalar.place

    def _at(self, position: int) -> Place:
        line = bisect.bisect_right(self._line_starts, position) - 1
        column = position - self._line_starts[line]
        place = self._scalar.place
        return Place(place.line + line, column + (place.column if line == 0 else 1))


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
