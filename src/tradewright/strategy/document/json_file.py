"""JSON into nodes (RFC 8259), with places. Python's own parser has neither places nor the text of numbers.

What is no JSON is no fault here: `NotJson`, and the file is read as YAML, of whose flow style JSON is nearly a part.
"""

from __future__ import annotations

import bisect
import json
import re

from tradewright.strategy.document.nodes import ArrayNode, BrokenNode, Entry, Node, ObjectNode, ScalarNode
from tradewright.strategy.document.yaml_file import NESTING_MAX, PARTS_MAX, too_many_parts
from tradewright.strategy.faults import Fault, Place, below, shown

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"true|false|null|NaN|-?Infinity")
_LINE_END = re.compile(r"\r\n|\r|\n")


class NotJson(Exception):
    """The text is something else, or a JSON with a mistake."""


class _TooDeep(Exception):
    """More levels than a spec may have."""


class _TooMany(Exception):
    """More keys and values than are read."""


def read_json(text: str, faults: list[Fault]) -> Node | None:
    """The root, or None: it nests too deep or has too many parts. Raises `NotJson`, and then `faults` are as before."""
    reader = _Reader(text)
    try:
        root = reader.whole()
    except _TooDeep:
        message = f"more than {NESTING_MAX} levels of nesting"
        faults.append(Fault(code="too_deep", path="", place=reader.place(reader.position), message=message))
        return None
    except _TooMany:
        faults.append(too_many_parts(reader.place(reader.position)))
        return None
    faults += reader.faults
    return root


class _Reader:
    def __init__(self, text: str) -> None:
        self.position = 0
        self.faults: list[Fault] = []
        self._parts = 0
        self._text = text
        self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def place(self, index: int) -> Place:
        line = bisect.bisect_right(self._line_starts, index)
        return Place(line, index - self._line_starts[line - 1] + 1)

    def whole(self) -> Node:
        root = self._value("", 0)
        self._skip()
        if self.position != len(self._text):
            raise NotJson
        return root

    def _skip(self) -> str:
        """Passes blanks; the character that comes, "" at the end."""
        blank = _BLANK.match(self._text, self.position)
        self.position = blank.end() if blank else self.position
        return self._text[self.position : self.position + 1]

    def _part(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise _TooMany

    def _value(self, path: str, depth: int) -> Node:
        first = self._skip()
        self._part()
        if first and first in "{[" and depth == NESTING_MAX:
            raise _TooDeep
        if first == "{":
            return self._object(path, depth + 1)
        if first == "[":
            return self._array(path, depth + 1)
        place = self.place(self.position)
        if first == '"':
            source, text = self._string()
            return ScalarNode(place, "text", text, "double", source)
        number = _NUMBER.match(self._text, self.position)
        word = _WORD.match(self._text, self.position)
        if word:
            self.position = word.end()
            return self._named(word[0], place)
        if number:
            self.position = number.end()
            return ScalarNode(place, "number", number[0], "plain", number[0])
        raise NotJson

    def _named(self, word: str, place: Place) -> Node:
        if word in ("true", "false"):
            return ScalarNode(place, "boolean", word, "plain", word)
        if word == "null":
            return ScalarNode(place, "null", "", "plain", word)
        message = f"`{word}` is not a number of JSON; write a decimal number"
        self.faults.append(Fault(code="syntax", path="", place=place, message=message))
        return BrokenNode(place)

    def _string(self) -> tuple[str, str]:
        """The source and the text of the string that begins here."""
        found = _STRING.match(self._text, self.position)
        if found is None:
            raise NotJson
        self.position = found.end()
        return found[0], json.loads(found[0])

    def _object(self, path: str, depth: int) -> ObjectNode:
        place = self.place(self.position)
        entries: dict[str, Entry] = {}
        self.position += 1
        if self._skip() == "}":
            self.position += 1
            return ObjectNode(place, entries)
        while True:
            self._skip()
            key_place = self.place(self.position)
            self._part()
            _, key = self._string()
            if self._skip() != ":":
                raise NotJson
            self.position += 1
            value = self._value(below(path, key), depth)
            if key in entries:
                first = entries[key].key_place
                message = f"`{shown(key)}` stands here a second time; the first is in line {first.line}"
                fault = Fault(code="duplicate_key", path=below(path, key), place=key_place, message=message)
                self.faults.append(fault)
            else:
                entries[key] = Entry(key_place, value)
            if self._ends("}"):
                return ObjectNode(place, entries)

    def _array(self, path: str, depth: int) -> ArrayNode:
        place = self.place(self.position)
        items: list[Node] = []
        self.position += 1
        if self._skip() == "]":
            self.position += 1
            return ArrayNode(place, ())
        while True:
            items.append(self._value(below(path, len(items)), depth))
            if self._ends("]"):
                return ArrayNode(place, tuple(items))

    def _ends(self, bracket: str) -> bool:
        """Whether the collection ends here; else a comma was passed."""
        after = self._skip()
        if after not in (bracket, ",") or not after:
            raise NotJson
        self.position += 1
        return after == bracket
