"""Files: YAML by the 1.2 core schema, JSON, what both mean, and where in them something stands."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
import yaml

from support.specs import EXAMPLE, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.document.nodes import ArrayNode, Node, ObjectNode, ScalarNode
from tradewright.strategy.document.places import Places
from tradewright.strategy.document.reading import read_document
from tradewright.strategy.document.scalars import decimal_of
from tradewright.strategy.document.yaml_file import read_yaml
from tradewright.strategy.faults import Fault, Place


def read(text: str) -> Any:
    """The file as plain values; numbers as decimals."""
    faults: list[Fault] = []
    root = read_document(text, faults)
    assert root is not None, faults
    assert not faults
    return plain(root)


def plain(node: Node) -> Any:
    match node:
        case ObjectNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
        case ArrayNode():
            return [plain(item) for item in node.items]
        case ScalarNode(kind="number"):
            return decimal_of(node.text)
        case ScalarNode(kind="boolean"):
            return node.text == "true"
        case ScalarNode(kind="null"):
            return None
        case ScalarNode():
            return node.text
        case _:
            raise AssertionError(node)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *[(word, word) for word in ("on", "yes", "No", "12:30", "2024-01-01", "0x10", "0o17", ".inf", ".NaN", "1_000")],
        *[(word, word) for word in ("tRUE", "nULL", "1e", "e3", "--1", "1.2.3", "+", ".", "1,5", "0b1", "-.inf")],
        ("010", Decimal(10)),
        ("1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("+5", Decimal(5)),
        ("-0.50", Decimal("-0.5")),
        ("1E-2", Decimal("0.01")),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("Null", None),
        ("", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("|-\n  5", "5"),
    ],
)
def test_plain_words_mean_what_the_core_schema_of_yaml_1_2_says(word: str, value: object) -> None:
    found = read(f"key: {word}\n")["key"]
    assert found == value
    assert type(found) is type(value)


def test_numbers_keep_their_decimal_text() -> None:
    assert read("a: 0.1234567890123456789012345678901")["a"] == Decimal("0.1234567890123456789012345678901")
    assert read('{"a": 1e-400}')["a"] == Decimal("1e-400")


def test_yaml_and_json_of_one_spec_are_one_spec() -> None:
    as_json = json.dumps(yaml.safe_load(EXAMPLE))
    one, other = check_text(EXAMPLE), check_text(as_json)
    assert one.strategy is not None
    assert one.strategy == other.strategy
    assert check_text("\n \t\r\n" + as_json).strategy == one.strategy


def test_the_hash_is_of_what_the_file_says_and_of_nothing_else() -> None:
    """Comments, blanks, the order of keys and the way a number is written do not matter; a value does."""

    def sha256(text: str, **settings: str) -> str:
        strategy = check_text(text, settings=settings).strategy
        assert strategy is not None
        return strategy.sha256

    first = sha256(EXAMPLE)
    assert sha256("# a comment\n" + EXAMPLE.replace("quote: 100", "quote:   1.0e2 # the same")) == first
    lines = EXAMPLE.splitlines()
    assert sha256("\n".join([lines[2], lines[0], lines[1], *lines[3:]])) == first
    assert sha256(EXAMPLE, fast="13") == first
    assert sha256(EXAMPLE.replace("quote: 100", "quote: 101")) != first


def test_the_hash_is_the_sha256_of_the_canonical_json_by_rfc_8785() -> None:
    """The canonical text written by hand: keys sorted, no blanks, numbers as a browser writes them."""
    import hashlib

    text = signal(enter="close > 1", leave=None, size="{quote: 1.50}", more="protect: {max_bars: 1e1}")
    canonical = (
        '{"market":{"category":"linear","symbol":"BTCUSDT","timeframe":"15m"},"name":"A test",'
        '"protect":{"max_bars":10},"rules":{"enter_long":"close > 1"},"size":{"quote":1.5},"version":1}'
    )
    strategy = check_text(text).strategy
    assert strategy is not None
    assert strategy.sha256 == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_byte_order_mark_is_passed_over() -> None:
    assert check_text(b"\xef\xbb\xbf" + EXAMPLE.encode()).errors == []
    (told,) = check_text(b"\xef\xbb\xbf- 1").errors
    assert told.place == Place(1, 1)


def test_windows_line_ends_move_no_place() -> None:
    text = signal(enter="close > cloze")
    assert check_text(text.replace("\n", "\r\n")).errors == check_text(text).errors
    assert check_text(text.replace("\n", "\r")).errors == check_text(text).errors


def test_what_is_no_utf8_or_too_large_is_told_at_once() -> None:
    (told,) = check_text(b"version: 1\nname: \xff").errors
    assert (told.code, told.path, told.place) == ("not_utf8", "", Place(2, 7))
    (told,) = check_text("name: \ud800").errors
    assert (told.code, told.place) == ("not_utf8", Place(1, 7))
    (told,) = check_text(gzip.compress(EXAMPLE.encode())).errors
    assert told.code == "not_utf8"
    for large in ("x" * 65_537, b"x" * 65_537, "я" * 40_000, "(" * 1_000_000):
        (told,) = check_text(large).errors
        assert (told.code, told.path, told.place) == ("too_large", "", Place(1, 1))
    filled = EXAMPLE + "#" * (65_536 - len(EXAMPLE))
    assert check_text(filled).errors == []


@pytest.mark.parametrize(
    ("value", "character", "place"),
    [
        ("abc def", "d", (1, 10)),
        ("abc\n     def", "d", (2, 6)),
        ("'it''s d'", "d", (1, 13)),
        ('"a\\tb\\u0041 d"', "d", (1, 18)),
        ('"a\\\n   d"', "d", (2, 4)),
        ("|\n  ab\n   d\n", "d", (3, 4)),
        ("|2-\n  ab\n   d\n", "d", (3, 4)),
        (">  # why\n  ab\n  cd\n", "d", (3, 4)),
        ('"\U0001f600 d"', "d", (1, 9)),
    ],
)
def test_a_character_of_a_text_is_found_in_the_file(value: str, character: str, place: tuple[int, int]) -> None:
    faults: list[Fault] = []
    root = read_document(f"key: {value}", faults)
    assert isinstance(root, ObjectNode)
    scalar = root.entries["key"].value
    assert isinstance(scalar, ScalarNode)
    assert Places(scalar).of(scalar.text.index(character)) == Place(*place)


def test_escapes_of_json_are_one_character_each() -> None:
    faults: list[Fault] = []
    root = read_document('{"key": "\\ud83d\\ude00\\/\\n d"}', faults)
    assert isinstance(root, ObjectNode)
    scalar = root.entries["key"].value
    assert isinstance(scalar, ScalarNode)
    assert scalar.text == "\U0001f600/\n d"
    assert Places(scalar).of(4) == Place(1, 27)


def test_json_that_is_none_is_read_as_the_flow_style_of_yaml() -> None:
    assert read('{"a": 1, b: [x, y,],}') == {"a": Decimal(1), "b": ["x", "y"]}


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in Python stands in where the one in C was not built."""

    def nodes(text: str) -> tuple[Node | None, list[str]]:
        faults: list[Fault] = []
        return read_yaml(text, faults), [fault.code for fault in faults]

    texts = [
        EXAMPLE,
        "a: &b 1\nc: *b",
        "a: 1\na: 2",
        "- 1\n- [",
        "[" * 40,
        "a: |\n  x\n   y\nb: 'c'",
        "%YAML 1.2\n---\na: 1",
    ]
    with_c = [nodes(text) for text in texts]
    monkeypatch.delattr(yaml, "CBaseLoader")
    assert [nodes(text) for text in texts] == with_c
