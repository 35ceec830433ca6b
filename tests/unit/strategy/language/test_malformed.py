"""Malformed specs: each fault has its code, its path, its line and column, and nothing else is said.

The places in `tests/data/specs/malformed.yaml` are marked in the texts themselves, by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewright.strategy.check import check_text
from tradewright.strategy.check.codes import ERROR_CODES, WARNING_CODES

MARK = "▶"
DATA = Path(__file__).parents[3] / "data/specs/malformed.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(DATA.read_text())
_HEAD = "version: 1\nname: A test\nmarket: {{category: {category}, symbol: BTCUSDT, timeframe: 15m}}\n"
_SIGNAL = "size: {size}\nrules:\n  enter_long: {rule}\n  exit_long: {exit}\n{more}"


def text_of(case: dict[str, Any]) -> str:
    """The whole file of a case, with its marks."""
    if "file" in case:
        return str(case["file"])
    for kind in ("grid", "dca"):
        if kind in case:
            return _HEAD.format(category="linear") + f"kind: {kind}\n{kind}: {case[kind]}\n"
    more = f"  {case['spot']}" if "spot" in case else case.get("more", "")
    rule = case.get("rule", "close > open")
    if case.get("quoted"):
        rule = f"'{rule}'"
    return _HEAD.format(category="spot" if "spot" in case else "linear") + _SIGNAL.format(
        size=case.get("size", "{quote: 100}"), rule=rule, exit=case.get("exit", "close < open"), more=more
    )


def places_of(text: str) -> list[tuple[int, int]]:
    """Line and column of every mark, as if none of them were there."""
    found = []
    for number, line in enumerate(text.replace("\u0085", " ").replace("\u2028", " ").split("\n"), 1):
        parts = line.split(MARK)
        column = 1
        for part in parts[:-1]:
            column += len(part)
            found.append((number, column))
    return found


def expected(case: dict[str, Any]) -> list[tuple[str, str, tuple[int, int], str | None]]:
    told = case["is"] if isinstance(case["is"], list) else [case["is"]]
    slot = "/rules/enter_long" if "rule" in case else ""
    places = [tuple(case["at"])] * len(told) if "at" in case else places_of(text_of(case))
    assert len(places) == len(told), "a mark for each fault"
    found = []
    for words, place in zip(told, places, strict=True):
        head, _, hint = words.partition(" | ")
        code, _, path = head.partition(" ")
        found.append((code, slot if not path else "" if path == '""' else path, place, hint or None))
    return found


@pytest.mark.parametrize("case", CASES, ids=range(1, len(CASES) + 1))
def test_a_malformed_spec_is_told_with_code_path_line_and_column(case: dict[str, Any]) -> None:
    checked = check_text(text_of(case).replace(MARK, ""))
    told = [
        (fault.code, fault.path, fault.place and (fault.place.line, fault.place.column)) for fault in checked.errors
    ]
    wanted = expected(case)
    if case.get("also"):  # it lacks required keys too: that is another case's matter
        told = [each for each in told if each[0] != "missing_key"]
    assert told == [each[:3] for each in wanted]
    hints = [fault.hint for fault in checked.errors if not (case.get("also") and fault.code == "missing_key")]
    for hint, (*_, wanted_hint) in zip(hints, wanted, strict=True):
        assert wanted_hint is None or hint == wanted_hint
    assert checked.strategy is None
    assert checked.facts is None
    assert all(fault.message for fault in checked.errors)


def test_there_are_two_hundred_of_them_and_every_code_is_among_them() -> None:
    codes = {code for case in CASES for code, *_ in expected(case)}
    assert len(CASES) >= 200
    assert codes | _ELSEWHERE == _CODES
    assert not codes & _ELSEWHERE


# The contract's list, section 7. Those of `_ELSEWHERE` need files that do not belong into this one.
_ELSEWHERE = {"too_large", "not_utf8", "expr_too_long", "too_many_nodes", "too_many"}
_CODES = {
    *("too_large", "not_utf8", "syntax", "not_a_mapping", "duplicate_key", "yaml_feature", "second_document"),
    *("too_deep", "unknown_key", "missing_key", "null_value", "wrong_type", "out_of_range", "not_whole", "bad_choice"),
    *("bad_text", "too_many", "exactly_one", "at_least_one", "bad_name", "name_taken", "unknown_param"),
    *("not_on_spot", "needs_stop_loss", "limit_only", "safety_beyond_stop", "expr_syntax", "expr_too_long"),
    *("chained_comparison", "unknown_name", "unknown_function", "wrong_arguments", "type_mismatch", "not_constant"),
    *("bad_length", "position_not_allowed", "tf_not_allowed", "tf_not_multiple", "cycle", "lookback_too_long"),
    "too_many_nodes",
}


def test_the_codes_that_are_documented_are_the_contracts() -> None:
    assert set(ERROR_CODES) == _CODES
    assert set(WARNING_CODES) == {
        *("unused_param", "exit_without_enter", "no_exit", "unprotected", "never_true", "history_dependent"),
    }
