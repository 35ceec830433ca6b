"""YAML into nodes, from the events of pyyaml's parser (libyaml where it is built in).

The parser reads YAML 1.1; what a word means is decided here by the core schema of 1.2, and what the two versions read
differently otherwise is refused. Anchors, aliases, merge keys and tags are refused too: a spec says what it says where
it stands. Nothing is built of what the file names, and the stack is ours: nesting ends where we say.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from tradewright.strategy.document.nodes import ArrayNode, BrokenNode, Entry, Node, ObjectNode, ScalarNode, Style
from tradewright.strategy.document.places import place_at
from tradewright.strategy.document.scalars import BOOLEANS, kind_of
from tradewright.strategy.faults import Fault, Place, below, shown

NESTING_MAX = 20
PARTS_MAX = 4_000  # keys and values; the largest spec has about a thousand
_STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}
_OTHER_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_MERGE = "<<"


@dataclass(slots=True)
class _Open:
    """A collection that has begun. `key`: the one whose value comes next; None while a key is expected."""

    place: Place
    path: str
    is_object: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: tuple[str, Place] | None = None
    is_value_next: bool = False  # also when the key was not one, and its value is left out


class _Stop(Exception):
    """The rest of the file cannot be read."""


def read_yaml(text: str, faults: list[Fault]) -> Node | None:
    """The first document's root, or None when nothing can be made of the file; what is wrong is added to `faults`."""
    other = _OTHER_LINE_ENDS.search(text)
    if other:
        place = place_at(text, other.start())
        message = f"U+{ord(other[0]):04X} ends a line in YAML 1.1 and not in 1.2; write an ordinary line end"
        faults.append(Fault(code="syntax", path="", place=place, message=message))
        return None
    reader = _Reader(text, faults)
    try:
        reader.whole()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and "nesting depth" in (error.problem or ""):
            _too_deep(text[: mark.index], faults)
            return None
        message = ", ".join(part for part in (error.problem, error.context) if part) or "not YAML"
        is_tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
        hint = "indent with spaces, not with tabs" if is_tab else None
        faults.append(Fault(code="syntax", path="", place=_at(mark), message=f"not YAML: {message}", hint=hint))
        return None
    except yaml.YAMLError as error:  # a character that the parser does not take
        position = getattr(error, "position", 0)
        message = f"not YAML: {getattr(error, 'reason', error)}"
        faults.append(Fault(code="syntax", path="", place=place_at(text, position), message=message))
        return None
    return reader.root


def too_many_parts(place: Place) -> Fault:
    message = f"more than {PARTS_MAX} keys and values; the file is read no further than here"
    return Fault(code="too_large", path="", place=place, message=message)


def _too_deep(text: str, faults: list[Fault]) -> None:
    """libyaml looks ahead, and ends at a thousand levels before it tells of the first: `text` is what it looked at."""
    with contextlib.suppress(yaml.YAMLError):  # it is cut off
        _Reader(text, faults).whole()


class _Reader:
    def __init__(self, text: str, faults: list[Fault]) -> None:
        self.root: Node | None = None
        self._text = text
        self._faults = faults
        self._stack: list[_Open] = []
        self._documents = 0
        self._parts = 0

    def whole(self) -> None:
        try:
            for event in yaml.parse(self._text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
                self._take(event)
        except _Stop:
            pass

    def _take(self, event: yaml.Event) -> None:
        place = _at(event.start_mark)
        match event:
            case yaml.DocumentStartEvent():
                self._document(event, place)
            case yaml.AliasEvent():
                self._refuse(place, f"`*{shown(event.anchor or '')}` is an alias; write the value itself")
                self._add(BrokenNode(place))
            case yaml.ScalarEvent():
                self._properties(event, place)
                self._add(self._scalar(event, place))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._properties(event, place)
                self._begin(place, is_object=isinstance(event, yaml.MappingStartEvent))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._stack.pop()
                closed = (
                    ObjectNode(done.place, done.entries) if done.is_object else ArrayNode(done.place, (*done.items,))
                )
                self._add(closed)
            case _:
                pass

    def _document(self, event: yaml.DocumentStartEvent, place: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            message = "a second document begins here; a spec is one document: remove `---` or split the file"
            self._faults.append(Fault(code="second_document", path="", place=place, message=message))
            raise _Stop
        version: tuple[int, int] | None = event.version
        if version is not None and version != (1, 2):
            self._refuse(place, f"`%YAML {version[0]}.{version[1]}`: specs are YAML 1.2; leave the directive out")
        if event.tags:
            self._refuse(place, "`%TAG`: specs have no tags; leave the directive out")

    def _properties(self, event: yaml.NodeEvent, place: Place) -> None:
        if event.anchor is not None:
            self._refuse(place, f"`&{shown(event.anchor)}` is an anchor; specs have none: remove it")
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(place, f"`{shown(tag)}` is a tag; specs have none: remove it")

    def _refuse(self, place: Place, message: str) -> None:
        self._faults.append(Fault(code="yaml_feature", path="", place=place, message=message))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> ScalarNode:
        style = _STYLES.get(event.style, "plain")
        text: str = event.value
        source = self._text[_index(event.start_mark) : _index(event.end_mark)]
        kind = kind_of(text) if style == "plain" else "text"
        if kind == "boolean":
            text = BOOLEANS[text]
        return ScalarNode(place, kind, "" if kind == "null" else text, style, source)

    def _begin(self, place: Place, *, is_object: bool) -> None:
        if len(self._stack) == NESTING_MAX:
            message = f"more than {NESTING_MAX} levels of nesting"
            self._faults.append(Fault(code="too_deep", path="", place=place, message=message))
            raise _Stop
        path = ""
        if self._stack:
            top = self._stack[-1]
            name = top.key[0] if top.key else "" if top.is_object else len(top.items)
            path = below(top.path, name)
        self._stack.append(_Open(place, path, is_object))

    def _add(self, node: Node) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            self._faults.append(too_many_parts(node.place))
            raise _Stop
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if not top.is_object:
            top.items.append(node)
        elif top.is_value_next:
            if top.key is not None:
                top.entries[top.key[0]] = Entry(top.key[1], node)
            top.key, top.is_value_next = None, False
        else:
            top.key, top.is_value_next = self._key(top, node), True

    def _key(self, top: _Open, node: Node) -> tuple[str, Place] | None:
        """The key that `node` is, or None where it is none and its value is passed over."""
        if isinstance(node, BrokenNode):
            return None
        if not isinstance(node, ScalarNode):
            self._refuse(node.place, "a key that is a list or a mapping; keys are plain text")
            return None
        if node.text == _MERGE and node.style == "plain":
            self._refuse(node.place, "`<<` merges another mapping; write its keys here")
            return None
        path = below(top.path, node.text if node.kind != "null" else "null")
        if node.kind != "text":
            message = f"the key `{shown(node.source)}` is a {node.kind}, not text; put it in quotes"
            self._faults.append(Fault(code="wrong_type", path=path, place=node.place, message=message))
            return None
        if node.text in top.entries:
            first = top.entries[node.text].key_place
            message = f"`{shown(node.text)}` stands here a second time; the first is in line {first.line}"
            self._faults.append(Fault(code="duplicate_key", path=path, place=node.place, message=message))
            return None
        return node.text, node.place


class _Mark(Protocol):
    line: int
    column: int
    index: int


def _at(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _index(mark: _Mark | None) -> int:
    return mark.index if mark else 0
