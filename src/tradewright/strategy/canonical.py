"""The canonical form of a spec's file and its hash: the same for YAML and JSON, whatever comments and order of keys.

RFC 8785: keys sorted, numbers as doubles in their shortest text. Values that are set for a run are not in the file, so
they do not change the hash.
"""

from __future__ import annotations

import hashlib

import rfc8785

from tradewright.strategy.document.nodes import ArrayNode, BrokenNode, Node, ObjectNode, ScalarNode

Plain = str | bool | float | None | list["Plain"] | dict[str, "Plain"]


def canonical_json(root: ObjectNode) -> bytes:
    """The canonical JSON of a file in which no fault was found."""
    return rfc8785.dumps(_plain(root))


def sha256(root: ObjectNode) -> str:
    """Hex digits of the hash of the canonical JSON."""
    return hashlib.sha256(canonical_json(root)).hexdigest()


def _plain(node: Node) -> Plain:
    match node:
        case ObjectNode():
            return {key: _plain(entry.value) for key, entry in node.entries.items()}
        case ArrayNode():
            return [_plain(item) for item in node.items]
        case ScalarNode(kind="text"):
            return node.text
        case ScalarNode(kind="number"):
            return float(node.text)
        case ScalarNode(kind="boolean"):
            return node.text == "true"
        case ScalarNode():
            return None
        case BrokenNode():
            raise AssertionError("a file with faults has no canonical form")
