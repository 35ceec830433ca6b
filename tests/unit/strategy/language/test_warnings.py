"""What is allowed and yet probably not meant: each warning, and its silence where there is nothing to say."""

from __future__ import annotations

import pytest

from support.specs import DCA, EXAMPLE, signal
from tradewright.strategy.check import check_text


def warned(text: str) -> list[tuple[str, str]]:
    checked = check_text(text)
    assert not checked.errors, checked.errors
    return [(fault.code, fault.path) for fault in checked.warnings]


def test_an_exit_without_its_entry_and_an_entry_without_any_exit() -> None:
    assert warned(signal()) == []
    assert warned(signal(leave=None)) == [("no_exit", "/rules/enter_long")]
    shorts = "  exit_short: close < open\n"
    assert warned(signal(leave=None, more=shorts)) == [
        ("no_exit", "/rules/enter_long"),
        ("exit_without_enter", "/rules/exit_short"),
    ]
    both = signal(leave=None, more="  enter_short: close < open\nprotect: {}\n")
    assert warned(both) == [("no_exit", "/rules/enter_long"), ("no_exit", "/rules/enter_short")]
    for exit_by in ("stop_loss: {pct: 1}", "take_profit: {pct: 1}", "trailing: {pct: 1}", "max_bars: 5"):
        assert warned(signal(leave=None, more=f"protect: {{{exit_by}}}")) == []


def test_a_trailing_stop_that_waits_protects_nothing_until_then() -> None:
    assert warned(signal(more="protect: {trailing: {pct: 1, activate_pct: 2}}")) == [
        ("unprotected", "/protect/trailing")
    ]
    assert warned(signal(more="protect: {trailing: {pct: 1, activate_pct: 0}}")) == []
    assert warned(signal(more="protect: {trailing: {pct: 1, activate_pct: 2}, stop_loss: {pct: 3}}")) == []


def test_a_param_that_nothing_uses() -> None:
    assert warned(signal(more="params: {n: 1, m: 2}\nseries: {s: 'ema(close, m)'}")) == [("unused_param", "/params/n")]
    assert warned(signal(more="params: {n: 1}\nlimits: {cooldown_bars: n}")) == []


def test_functions_that_depend_on_where_history_begins() -> None:
    for part in ("obv()", "ad()", "psar(0.02, 0.2)", "bars_since(close > open)", "value_when(close > open, close)"):
        assert warned(signal(enter=f"{part} > {part}[1]")) == [("history_dependent", "/rules/enter_long")]
    assert warned(EXAMPLE) == []


NEVER = (
    "false",
    "not true",
    "1 > 2",
    "close > open and false",
    "close > donchian_upper(20)",
    "close >= donchian_upper(20) + 0 and close > donchian_upper(20)",
    "low < donchian_lower(20)",
    "close > highest(close, 5)",
    "close < lowest(low, 5)",
    "high < low",
    "close > max(close, open)",
    "crosses_above(close, donchian_upper(20))",
    "rsi(close, 14) > 100",
    "rsi(close, 14) < 0",
    "highest(rsi(close, 14), 5) > 100",
    "mfi(14) > 101",
    "rsi(close, 14) < 30 and rsi(close, 14) > 70",
    "rsi(close, 14) < 30 and rsi(close, 14) >= 30",
    "hour >= 22 and hour < 6",
    "weekday == 7",
    "hour > 5 and hour <= 4 + 1",
    "hour < 5 and hour >= 4 + 1",
    "month == 0",
    "close > open and close < open",
    "close > open and not (close > open)",
    "close > open and open >= close",
    "close == open and close != open",
    "crosses_above(close, open) and crosses_below(close, open)",
    "crosses_above(close, open) and close < open",
    "crosses(close, close)",
    "count(close > open, 3) > 3",
    "close < 0",
    "bb_lower(close, 20, 2) > bb_upper(close, 20, 2)",
    "held(close > open, 3) and close < open",
    "rsi(close, 14) > 50 + 60",
    "supertrend_dir(10, 3) > 1",
    "bars_since(close > open) < 0",
)
MAYBE = (
    "close > donchian_upper(20)[1]",
    "close >= donchian_upper(20)",
    "crosses_above(close, donchian_upper(20)[1])",
    "rsi(close, 14) >= 100",
    "stoch_k(14, 3, 3) > 100",  # a mean of hundreds may be a hair more
    "rsi(close, 14) < 30 or rsi(close, 14) > 70",
    "rsi(close, 14) <= 30 and rsi(close, 14) >= 30",
    "rsi(close, 14)[1] < 30 and rsi(close, 14) > 70",
    "rsi(close, 14, tf=4h) < 30 and rsi(close, 14) > 70",
    "hour >= 22 or hour < 6",
    "hour >= 5 and hour <= 4 + 1",
    "close >= open and close <= open",
    "close > open and close[1] < open[1]",
    "crosses_above(close, open) and close > open",
    "crosses_above(close, open)[1] and crosses_below(close, open)",
    "not (close > open)",
    "not false",
    "true",
    "high > low",
    "hlc3 > high",  # rounding may carry the mean of three equal prices over them
    "volume == 0",
    "close > 5 and close < 6",
    "ema(close, 9) > donchian_upper(9)",
    "tf(4h, high) < high",
    "abs(close - open) == 0",
)


@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_can_never_be_true_is_told(rule: str) -> None:
    found = [each for each in warned(signal(enter=rule)) if each[0] != "history_dependent"]
    assert found == [("never_true", "/rules/enter_long")]


@pytest.mark.parametrize("rule", MAYBE)
def test_a_rule_that_may_be_true_is_not(rule: str) -> None:
    assert warned(signal(enter=rule)) == []


def test_bounds_the_wrong_way_round_are_taken_for_what_they_are() -> None:
    """`clamp` is unknown then; the check once divided by what it took for its bounds."""
    checked = check_text(signal(enter="close / clamp(close, 20, 0) > 1"))
    assert checked.errors == []


def test_exits_and_starts_are_looked_at_as_well() -> None:
    assert warned(signal(leave="false")) == [("never_true", "/rules/exit_long")]
    assert warned(signal(leave="position.bars < 0")) == [("never_true", "/rules/exit_long")]
    assert warned(DCA.replace("< 35", "< 0")) == [("never_true", "/dca/start")]


def test_the_hint_for_a_window_names_the_bar_before() -> None:
    checked = check_text(signal(enter="close > donchian_upper(20)"))
    (told,) = checked.warnings
    assert told.hint is not None
    assert "donchian_upper(…)[1]" in told.hint


def test_warnings_are_told_beside_errors_too() -> None:
    checked = check_text(signal(leave=None, more="foo: 1"))
    assert [fault.code for fault in checked.errors] == ["unknown_key"]
    assert [fault.code for fault in checked.warnings] == ["no_exit"]
