"""Hostile specs: refused, or taken, in a tenth of a second of a warm process, whatever they try."""

from __future__ import annotations

import sys
import time
from types import FrameType

import pytest

from support.specs import EXAMPLE, signal
from tradewright.strategy.check import check_text

# A tenth of a second is what a processor of today needs for more than a million calls, and they are counted, since a
# test's clock measures the machine. What runs long without a call of ours (a number's digits, an expression of `re`) is
# held by the second bound, which is far from any that passes.
CALLS_MAX = 1_000_000
SECONDS_MAX = 5


def series(pattern: str, first: str, last: int = 63) -> str:
    """64 series, each made of the one before it."""
    lines = [f"  s{number}: {pattern.format(number - 1) if number else first}" for number in range(last + 1)]
    return "series:\n" + "\n".join(lines) + "\n"


RANGED = ", ".join(f"p{number}: {{default: 5, min: 1, max: 4999, step: 0.5}}" for number in range(64))
HOSTILE = {
    "a million characters": "(" * 1_000_000,
    "64 KiB of brackets": "[" * 65_000,
    "64 KiB of braces": "{" * 65_000,
    "64 KiB of JSON objects": '{"a":' * 13_000,
    "64 KiB of block lists": "- " * 32_000,
    "64 KiB of question marks": "? " * 32_000,
    "64 KiB of anchors": "".join(f"&a{number} " for number in range(9_000)),
    "64 KiB of one key": "a" * 65_000 + ": 1",
    "64 KiB of keys": "\n".join(f"k{number}: 1" for number in range(6_500)),
    "64 KiB of JSON keys": "{" + ",".join(f'"k{number}":1' for number in range(6_500)) + "}",
    "64 KiB of JSON numbers": '{"a":[' + ",".join("1" * 32_000) + "]}",
    "64 KiB of one number": "version: " + "9" * 65_000,
    "a number with a huge exponent": "version: 1e" + "9" * 60_000,
    "64 KiB of quotes": "name: '" + "''" * 32_000,
    "64 KiB of escapes": 'name: "' + "\\u0041" * 10_000 + '"',
    "nested parentheses": signal(enter="(" * 3_999),
    "nested calls": signal(enter="abs(" * 999),
    "signs": signal(enter="-" * 3_999),
    "nots": signal(enter="not " * 999),
    "nested history": signal(enter="a[" * 1_999),
    "a sum of two thousand": signal(more=f"series: {{s: {'+'.join(['a'] * 2_000)}}}"),
    "an and of a thousand": signal(enter=" and ".join(["x>y"] * 500)),
    "sums in every series": signal(more=series("{}", "1").replace("s0: 1", "s0: " + "+".join(["1"] * 999))),
    "a long way back": signal(enter="close[5000]" + "[5000]" * 300 + " > 1"),
    "a huge length": signal(enter="ema(close, 99999999999999) > 1"),
    "not a number": signal(enter="ema(close, nan) > inf"),
    "a length that is none": signal(enter="ema(close, 0/0) > 1"),
    "series that double each other": signal(enter="s63 > 1", more=series("s{0} + s{0}", "close")),
    "conditions that double each other": signal(enter="s63", more=series("(s{0} or s{0}) and not s{0}", "close > 1")),
    "series that double on other bars": signal(
        enter="tf(1h, s63) > tf(2h, s63) and tf(4h, s63) > tf(1d, s63)", more=series("s{0} + s{0}[1]", "close")
    ),
    "windows over windows": signal(enter="s63 > 1", more=series("highest(s{0}, 3) + lowest(s{0}, 3)", "close")),
    "a circle of 64": signal(enter="s63 > 1", more=series("s{0}", "s63")),
    "circles through each other": signal(
        more="series:\n" + "".join(f"  s{n}: {'+'.join(f's{(n * k) % 64}' for k in range(1, 16))}\n" for n in range(64))
    ),
    "ranges of ten thousand in one length": signal(
        enter=f"ema(close, ({'+'.join(f'p{number}' for number in range(64))}) / 64) > 1", more=f"params: {{{RANGED}}}"
    ),
    "ranges of ten thousand in many lengths": signal(
        more=f"params: {{{RANGED}}}\nseries: {{{', '.join(f's{n}: ema(close * p{n})' for n in range(64))}}}"
    ),
    "unknown names": signal(enter=" + ".join(f"unknown{number}" for number in range(300)) + " > 1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_spec_is_answered_in_a_tenth_of_a_second(name: str) -> None:
    calls = 0

    def count(_frame: FrameType, event: str, _of: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    check_text(EXAMPLE)  # the process is warm
    begun = time.process_time()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        checked = check_text(HOSTILE[name])
    finally:
        sys.setprofile(before)
    assert calls < CALLS_MAX
    assert time.process_time() - begun < SECONDS_MAX
    assert len(checked.errors) <= 100
    assert all(len(fault.message) < 400 for fault in checked.errors)


def test_more_keys_and_values_than_any_spec_has_are_read_no_further() -> None:
    yaml = check_text("\n".join(f"k{number}: 1" for number in range(6_500))).errors
    json = check_text("{" + ",\n".join(f'"k{number}":1' for number in range(5_000)) + "}").errors
    for told in (yaml, json):
        assert [(fault.code, fault.path) for fault in told] == [("too_large", "")]
        assert told[0].place.line in (2_000, 2_001)  # with and without the mapping itself before them
    most = check_text("\n".join(f"k{number}: 1" for number in range(1_999))).errors
    assert {fault.code for fault in most} >= {"unknown_key", "missing_key"}


def test_macros_that_double_each_other_do_not_grow() -> None:
    checked = check_text(HOSTILE["series that double each other"])
    assert checked.strategy is not None
    assert len(checked.strategy.program.steps) < 70
    on_four = check_text(HOSTILE["series that double on other bars"])
    assert on_four.strategy is not None
    assert len(on_four.strategy.program.steps) < 5 * 130


def test_values_of_ranges_beyond_what_a_check_may_take_are_told() -> None:
    told = check_text(HOSTILE["ranges of ten thousand in one length"]).errors
    assert "too_many" in {fault.code for fault in told}
