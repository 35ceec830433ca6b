"""What a file consists of: objects, arrays and scalars, each with its place.

A number keeps its decimal text, because money is made of it. Not here: what the keys mean (`check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tradewright.strategy.faults import Place

Style = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """`text`: the text itself, a number as written, "true" or "false", or "" for null. `source` is how the file writes
    it, from `place` on, with its quotes."""

    place: Place
    kind: Literal["text", "number", "boolean", "null"]
    text: str
    style: Style = "plain"
    source: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ArrayNode:
    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    key_place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class ObjectNode:
    place: Place
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class BrokenNode:
    """Something that a fault tells of already: nothing more is said about it."""

    place: Place


Node = ScalarNode | ArrayNode | ObjectNode | BrokenNode

PlainValue = str | bool | Decimal | None | list["PlainValue"] | dict[str, "PlainValue"]
