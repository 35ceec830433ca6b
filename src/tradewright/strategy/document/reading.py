"""A file's bytes into nodes: size, encoding, control characters, JSON or YAML, and that it is one mapping."""

from __future__ import annotations

import re

from tradewright.strategy.document.json_file import NotJson, read_json
from tradewright.strategy.document.nodes import ArrayNode, BrokenNode, Node, ObjectNode, ScalarNode
from tradewright.strategy.document.places import place_at
from tradewright.strategy.document.yaml_file import read_yaml
from tradewright.strategy.faults import Fault, Place

SIZE_MAX = 64 * 1024  # bytes
_BOM = "\ufeff"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_document(file: bytes | str, faults: list[Fault]) -> ObjectNode | None:
    """The file's mapping, or None when there is none to speak of; what is wrong is added to `faults`."""
    text = _text(file, faults)
    if text is None:
        return None
    control = _CONTROL.search(text)
    if control:
        message = f"the control character U+{ord(control[0]):04X}; a spec is plain text: remove it"
        faults.append(Fault(code="syntax", path="", place=place_at(text, control.start()), message=message))
        return None
    root = _root(text, faults)
    if root is None and faults:
        return None
    if not isinstance(root, ObjectNode):
        if not isinstance(root, BrokenNode):
            place = root.place if root else Place(1, 1)
            message = "a spec is a mapping of keys to values, and this file is not; begin with `version: 1`"
            faults.append(Fault(code="not_a_mapping", path="", place=place, message=message))
        return None
    alone = _lone_surrogate(root)
    if alone:
        message = "half of a UTF-16 pair, written as an escape, is no character; write the character itself"
        faults.append(Fault(code="syntax", path="", place=alone, message=message))
        return None
    return root


def _text(file: bytes | str, faults: list[Fault]) -> str | None:
    size = len(file)
    if isinstance(file, str) and size <= SIZE_MAX:
        try:
            file = file.encode()
        except UnicodeEncodeError as error:
            message = "half of a UTF-16 pair is no character; a spec is UTF-8"
            faults.append(Fault(code="not_utf8", path="", place=place_at(error.object, error.start), message=message))
            return None
        size = len(file)
    if size > SIZE_MAX or isinstance(file, str):
        message = f"the file has {size} bytes; at most {SIZE_MAX} are read"
        faults.append(Fault(code="too_large", path="", place=Place(1, 1), message=message))
        return None
    try:
        return file.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before = file[: error.start].decode().removeprefix(_BOM)
        message = f"byte 0x{file[error.start]:02x} is not UTF-8; save the file as UTF-8"
        faults.append(Fault(code="not_utf8", path="", place=place_at(before, len(before)), message=message))
        return None


def _root(text: str, faults: list[Fault]) -> Node | None:
    if text.lstrip(" \t\r\n").startswith("{"):
        try:
            return read_json(text, faults)
        except NotJson:
            pass
    return read_yaml(text, faults)


def _lone_surrogate(root: Node) -> Place | None:
    waiting: list[Node] = [root]
    while waiting:  # at most as many as the file has nodes
        node = waiting.pop()
        match node:
            case ScalarNode():
                if _SURROGATE.search(node.text):
                    return node.place
            case ArrayNode():
                waiting += node.items
            case ObjectNode():
                for key, entry in node.entries.items():
                    if _SURROGATE.search(key):
                        return entry.key_place
                    waiting.append(entry.value)
            case BrokenNode():
                pass
    return None
