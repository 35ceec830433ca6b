"""The comparer of shapes finds what it is for, and the committed shapes are those of Bybit's documentation.

The documentation is not ours to distribute: where it is not there, that part is skipped.
"""

from __future__ import annotations

import pytest

from support.documented_shapes import KEPT, compact, documentation, documented_rest, documented_streams, kept
from support.shapes import merged, problems, shape_of, unshown

SHAPE = {
    "symbol": "string",
    "seq": "integer",
    "rate": "number",
    "note?": "string",
    "fees": {"*": "string"},
    "info": {"anyOf": ["null", {"phase": "string"}]},
    "levels": [["string", "string"]],
}
GOOD = {"symbol": "BTCUSDT", "seq": 1, "rate": 2, "fees": {}, "info": None, "levels": [["1", "2"], ["3", "4"]]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"symbol": 1}, "row.symbol: is integer, documented as string"),
        ({"seq": "1"}, "row.seq: is string, documented as integer"),
        ({"seq": True}, "row.seq: is boolean, documented as integer"),
        ({"seq": 1.5}, "row.seq: is number, documented as integer"),
        ({"rate": None}, "row.rate: is null, documented as number"),
        ({"note": []}, "row.note: is array, documented as string"),
        ({"more": "1"}, "row.more: not documented"),
        ({"fees": {"USDT": 1}}, "row.fees.USDT: is integer, documented as string"),
        ({"fees": []}, "row.fees: is array, documented as object"),
        ({"info": {}}, "row.info.phase: missing"),
        ({"levels": [["1", "2"], ["3"]]}, "row.levels[1]: has 1 elements, documented with 2"),
        ({"levels": [["1", "2"], ["3", 4]]}, "row.levels[1][1]: is integer, documented as string"),
        ({"levels": "1"}, "row.levels: is string, documented as array"),
    ],
)
def test_one_wrong_thing_is_found_and_named(change: dict[str, object], problem: str) -> None:
    assert problems(SHAPE, GOOD, "row") == []
    assert problems(SHAPE, GOOD | change, "row") == [problem]


def test_a_missing_key_is_found_whichever_it_is() -> None:
    for key in GOOD:
        assert problems(SHAPE, {name: value for name, value in GOOD.items() if name != key}, "row") == [
            f"row.{key}: missing"
        ]


def test_what_no_message_has_shown_is_told() -> None:
    shape = {"list": [{"fees": {"*": "string"}, "info": {"anyOf": ["null", ["string"]]}, "note?": "string"}]}
    assert unshown(shape, [{"list": []}]) == [".list[]"]
    one, other = {"list": [{"fees": {}, "info": ["x"]}]}, {"list": [{"fees": {"USDT": "1"}, "info": None}]}
    assert unshown(shape, [one]) == [".list[].fees.*"]
    assert unshown(shape, [other]) == [".list[].info[]"]
    assert unshown(shape, [one, other]) == []


def test_examples_and_tables_become_one_shape() -> None:
    example = shape_of({"id": 1, "list": [{"a": "x", "n": 1}, {"a": "x", "n": 0.5, "b": None}]})
    assert example == {"id": "integer", "list": [{"a": "string", "n": "number", "b": "null"}]}
    table = {"id": "string", "list": [{"a": "string", "c": "boolean", "b": {"d": "string"}}]}
    assert merged(table, example) == {
        "id": "integer",  # what is shown is what is sent
        "list": [
            {"a": "string", "c": "boolean", "b": {"anyOf": ["null", {"d": "string"}]}, "n": "number"},
        ],
    }


@pytest.mark.skipif(documentation() is None, reason="the documentation of Bybit is not here")
def test_the_committed_shapes_are_those_of_the_documentation() -> None:
    folder = documentation()
    assert folder is not None
    for name, shapes in (("rest", documented_rest(folder)), ("streams", documented_streams(folder))):
        assert kept(name) == shapes
        assert (KEPT / f"{name}.json").read_text() == compact(shapes) + "\n"
