"""What changed from one spec to another, as it is said; and that nothing is said of what is no difference."""

from __future__ import annotations

import json

import pytest
import yaml

from support.specs import DCA, EXAMPLE, GRID, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.words import LANGUAGES, Change, differences


def changes(old: str, new: str, lang: str = "en") -> list[Change]:
    before, after = check_text(old), check_text(new)
    assert (before.errors, after.errors) == ([], [])
    return differences(before, after, LANGUAGES[lang])


def told(old: str, new: str, lang: str = "en") -> list[str]:
    return [change.text for change in changes(old, new, lang)]


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return text


def test_the_issues_example_is_said_in_both_languages() -> None:
    old = replaced(EXAMPLE, ("pct: stop_pct", "pct: 2"), ("  stop_pct: 1.5\n", ""), ("  max_entries_per_day: 5\n", ""))
    new = replaced(old, ("stop_loss:   { pct: 2 }", "stop_loss: {pct: 1.2}"), ("limits:", "limits: # x"))
    new += "  max_entries_per_day: 4\n"
    assert told(old, new) == ["stop: 2 % → 1.2 %", "added: at most 4 entries a day"]
    assert told(old, new, "ru") == ["стоп: 2 % → 1,2 %", "добавлено: не более 4 входов в день"]
    assert told(new, old) == ["stop: 1.2 % → 2 %", "removed: at most 4 entries a day"]


def test_a_change_has_its_place_and_both_values() -> None:
    (change,) = changes(EXAMPLE, replaced(EXAMPLE, ("rr: 2", "rr: 2.5")))
    assert change.plain() == {
        "kind": "changed",
        "path": "/protect/take_profit",
        "old": "2 × the distance of the stop",
        "new": "2.5 × the distance of the stop",
        "text": "target: 2 × the distance of the stop → 2.5 × the distance of the stop",
    }


def as_json(text: str) -> str:
    """The same as JSON, every mapping's keys the other way round."""

    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {key: turned(each) for key, each in reversed(value.items())}
        return value

    return json.dumps(turned(yaml.safe_load(text)))


@pytest.mark.parametrize("text", [EXAMPLE, GRID, DCA])
def test_the_order_of_keys_and_the_format_of_the_file_are_no_difference(text: str) -> None:
    assert told(text, as_json(text)) == []


@pytest.mark.parametrize(
    "pair",
    [
        ("quote: 100", "quote: 1.0e2  # a comment"),
        ("offset_pct: 0.05", "offset_pct: .050"),
        ("max_bars: 96", "max_bars: 96.0"),
        ("close > trend", "((close) >\n    trend)"),
        ("ema(close, 200, tf=4h)", "tf(4h, ema(close, 2e2))"),
        ("kind: signal\n", ""),
        ("  post_only: true\n", ""),
        ("[mon, tue, wed, thu, fri]", "[fri, thu, wed, tue, mon]"),
        ("default: 12,", "default: 12.0,"),
        ("length: 14", "length: 14"),
    ],
)
def test_another_spelling_and_a_default_written_out_are_no_difference(pair: tuple[str, str]) -> None:
    text = EXAMPLE if pair[0] in EXAMPLE else replaced(EXAMPLE, ("{ rr: 2 }", "{ atr: 2, length: 14 }"))
    other = replaced(text, pair) if pair[0] != pair[1] else replaced(text, (", length: 14", ""))
    assert told(text, other) == []


def test_defaults_of_every_kind_written_out_are_no_difference() -> None:
    plain = signal(leave=None, more="protect: {trailing: {pct: 2}}\n")
    written = signal(
        leave=None,
        more="protect: {trailing: {pct: 2, activate_pct: 0}}\nkind: signal\nleverage: 1\nentry: {type: market}\n"
        "limits: {cooldown_bars: 0}\ndescription: ''\n",
    )
    assert told(plain, written) == []
    assert told(DCA, replaced(DCA, (", repeat: true", ""))) == []
    limit = plain + "entry: {type: limit}\n"
    assert told(limit, replaced(limit, ("limit}", "limit, offset_pct: 0, post_only: true, expire_bars: 1}"))) == []


def test_a_name_that_is_changed_everywhere_is_said_as_a_rename() -> None:
    assert sorted(told(EXAMPLE, replaced(EXAMPLE, ("fast", "quick")))) == [
        "renamed: “ema_fast” is now “ema_quick”",
        "renamed: “fast” is now “quick”",
    ]
    assert told(EXAMPLE, replaced(EXAMPLE, ("stop_pct", "stop")), "ru") == ["переименовано: «stop_pct» теперь «stop»"]


def test_renames_are_told_through_series_that_only_other_series_name() -> None:
    old = signal(enter="top > 1", more="series: {deep: 'ema(close, 5)', mid: 'deep - open', top: 'mid * mid'}\n")
    new = replaced(old, ("deep", "low_one"), ("mid", "between"), ("top", "upmost"))
    assert sorted(told(old, new)) == [
        "renamed: “deep” is now “low_one”",
        "renamed: “mid” is now “between”",
        "renamed: “top” is now “upmost”",
    ]


def test_a_rename_with_another_value_tells_both() -> None:
    assert told(EXAMPLE, replaced(EXAMPLE, ("stop_pct: 1.5", "halt: 1.2"), ("stop_pct", "halt"))) == [
        "renamed: “stop_pct” is now “halt”",
        "param “halt”: 1.5 → 1.2",
    ]


def test_two_names_that_change_places_in_the_rules_alone_are_told() -> None:
    swapped = replaced(EXAMPLE, ("crosses_above(ema_fast, ema_slow) and", "crosses_above(ema_slow, ema_fast) and"))
    (text,) = told(EXAMPLE, swapped)
    assert text.startswith("rule enter_long: the 12-bar [fast] average (EMA) of the close crosses above the 26-bar")
    assert "→ the 26-bar [slow] average (EMA) of the close crosses above the 12-bar [fast]" in text


def test_a_number_that_becomes_a_param_is_told_though_it_works_out_the_same() -> None:
    with_param = signal(enter="close > limit", more="params: {limit: 5}\n")
    assert told(signal(enter="close > 5"), with_param) == [
        "rule enter_long: written in another way; with the params as they are it works out the same",
        "added: param “limit”: 5",
    ]


def test_a_rule_that_a_changed_series_reaches_is_named() -> None:
    old = signal(enter="far > 1", leave="close < 1", more="series: {far: 'ema(close, 5) / sma(close, 50) * 2 - 1'}\n")
    assert told(old, replaced(old, ("* 2", "* 3"))) == [
        "named value “far”: (the 5-bar average (EMA) of the close) ÷ (the 50-bar average (SMA) of the close) × 2 − 1 → "
        "(the 5-bar average (EMA) of the close) ÷ (the 50-bar average (SMA) of the close) × 3 − 1",
        "rule enter_long: the same words, but by the changes above it works out otherwise",
    ]


def test_brackets_that_matter_to_doubles_are_a_difference() -> None:
    old = signal(enter="open + high + low > 1")
    assert told(old, signal(enter="open + (high + low) > 1")) == [
        "rule enter_long: the open + the high + the low is above 1 → the open + (the high + the low) is above 1"
    ]
    assert told(signal(enter="true and (true and true)"), signal(enter="true and true and true")) == []


def test_another_kind_of_plan_tells_what_went_and_what_came() -> None:
    texts = told(GRID, DCA)
    assert texts[:2] == ["name: “A grid” → “Buying in steps”", "kind: grid → buying or selling in steps (dca)"]
    assert "removed: levels: 21" in texts
    assert "added: start of a cycle: when the 14-bar RSI of the close is below 35" in texts


def test_specs_with_errors_are_not_compared() -> None:
    with pytest.raises(ValueError, match="errors"):
        differences(check_text(GRID), check_text("version: 1"), LANGUAGES["en"])
