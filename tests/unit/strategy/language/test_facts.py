"""What a spec needs and what it may cost: the contract's own numbers, and sums done by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.specs import DCA, EXAMPLE, GRID, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.check.facts import Facts


def facts(text: str) -> Facts:
    checked = check_text(text)
    assert checked.facts is not None, checked.errors
    return checked.facts


def test_the_contracts_example_is_right_and_needs_what_the_contract_says() -> None:
    checked = check_text(EXAMPLE)
    assert checked.plain() == {
        "ok": True,
        "errors": [],
        "warnings": [],
        "facts": {
            "warm_up_bars": 2199,
            "timeframes": ["15m", "4h"],
            "max_position_quote": "100",
            "max_loss_quote": "1.5",
        },
    }


@pytest.mark.parametrize(
    ("rule", "bars"),
    [
        ("ema(close, 26) > 1", 285),  # 25 + 260: the contract's
        ("sma(ema(close, 26), 50) > 1", 285),  # the average of it needs 25 + 49 = 74
        ("sma(ema(close, 3), 50) > 1", 51),  # 2 + 49; the ema itself 2 + 30
        ("close > 1", 0),
        ("close[96] > 1", 96),
        ("close[3][4] > 1", 7),
        ("obv() > obv()[10]", 1000),
        ("vwap() > 1", 96),  # a day of 15 minutes
        ("vwap(tf=1d) > 1", 1),
        ("vwap(tf=1w) > 1", 1),
        ("macd(close, 12, 26, 9) > 0", 293),  # 33 + 10 × 26
        ("macd(close, 2, 3, 50) > 0", 551),  # 51 + 10 × 50
        ("ema(close, 200, tf=4h) > close[300]", 2199),
        ("ema(close, 3, tf=4h)[100] > close", 100),  # on 4h bars 2 + 30
        ("tf(4h, close[200]) > close", 200),
    ],
)
def test_warm_up_is_the_largest_of_what_any_part_needs_on_its_own_bars(rule: str, bars: int) -> None:
    assert facts(signal(enter=rule)).warm_up_bars == bars


def test_series_that_only_the_chart_shows_and_distances_by_atr_need_history_too() -> None:
    assert facts(signal(more="series: {s: 'sma(close, 500)'}")).warm_up_bars == 499
    assert facts(signal(more="protect: {stop_loss: {atr: 2}}")).warm_up_bars == 14 + 140
    assert facts(signal(more="protect: {take_profit: {atr: 2, length: 20}}")).warm_up_bars == 20 + 200


def test_timeframes_are_those_needed_base_first_then_by_length() -> None:
    rule = "ema(close, 9, tf=1d) > tf(1h, ema(close, 9, tf=4h)) and sma(close, 9, tf=15m) > 1"
    assert facts(signal(enter=rule)).timeframes == ("15m", "1h", "4h", "1d")


@pytest.mark.parametrize(
    ("more", "size", "position", "loss"),
    [
        ("", "{quote: 100}", "100", None),
        ("", "{base: 1}", None, None),
        ("", "{equity_pct: 10}", None, None),
        ("protect: {stop_loss: {pct: 0.3}}", "{quote: 1e3}", "1000", "3"),
        ("protect: {stop_loss: {pct: 0.3}, trailing: {pct: 0.1}}", "{quote: 1e3}", "1000", "3"),
        ("protect: {trailing: {pct: 0.1}}", "{quote: 1e3}", "1000", "1"),
        ("protect: {trailing: {pct: 0.1, activate_pct: 0}}", "{quote: 1e3}", "1000", "1"),
        ("protect: {trailing: {pct: 0.1, activate_pct: 1}}", "{quote: 1e3}", "1000", None),
        ("protect: {stop_loss: {atr: 2}, trailing: {pct: 0.1}}", "{quote: 1e3}", "1000", None),
        ("protect: {stop_loss: {price: close - 1}}", "{quote: 1e3}", "1000", None),
        ("protect: {stop_loss: {pct: 1}}", "{risk_pct: 1}", None, None),
    ],
)
def test_a_signals_exposure_is_its_order_and_its_loss_the_way_to_the_stop(
    more: str, size: str, position: str | None, loss: str | None
) -> None:
    plain = facts(signal(more=more, size=size)).plain()
    assert (plain["max_position_quote"], plain["max_loss_quote"]) == (position, loss)


def test_a_grids_exposure_is_all_its_cells() -> None:
    """Three levels 100, 110, 120: two cells."""
    grid = GRID.replace("90000", "100").replace("110000", "120").replace("21", "3").replace("geometric", "arithmetic")
    grid = grid.replace("88000", "90").replace("112000", "130")
    assert facts(grid).plain()["max_position_quote"] == "100"
    assert facts(grid).max_loss_quote is None  # which cells are long hangs on the price at the start
    long = facts(grid.replace("neutral", "long"))
    assert long.max_loss_quote is not None
    # 50 at 100 falls to 90: 5. 50 at 110 falls to 90: 50 · 20/110.
    assert abs(long.max_loss_quote - (5 + Decimal(1000) / 110)) < Decimal("1e-15")
    short = facts(grid.replace("neutral", "short"))
    assert short.max_loss_quote is not None
    # 50 at 110 rises to 130: 50 · 20/110. 50 at 120 rises to 130: 50 · 10/120.
    assert abs(short.max_loss_quote - (Decimal(1000) / 110 + Decimal(500) / 120)) < Decimal("1e-15")
    by_base = facts(grid.replace("neutral", "long").replace("quote: 50", "base: 2"))
    assert by_base.plain()["max_position_quote"] == "420"  # 2 · 100 + 2 · 110
    assert by_base.plain()["max_loss_quote"] == "60"  # 2 · 10 + 2 · 20
    without = facts(grid.replace("neutral", "long").replace(", stop_below: 90", ""))
    assert without.max_loss_quote is None
    assert facts(grid.replace("quote: 50", "base: 2")).max_position_quote is None


def test_geometric_levels_have_one_ratio() -> None:
    """Levels 100, 200, 400: two cells of a base of 1."""
    grid = GRID.replace("90000", "100").replace("110000", "400").replace("21", "3").replace("neutral", "long")
    grid = grid.replace("quote: 50", "base: 1").replace(", stop_below: 88000, stop_above: 112000", "")
    assert facts(grid).plain()["max_position_quote"] == "300"


def test_a_dcas_exposure_is_base_and_all_safety_orders() -> None:
    """50; then 50, 75, 112.5, 168.75, 253.125."""
    assert facts(DCA).plain()["max_position_quote"] == "709.375"
    small = DCA.replace("count: 5", "count: 2").replace("1.5, step_scale: 1.2", "10, step_scale: 2")
    small = small.replace("size_scale: 1.5", "size_scale: 2").replace("12", "50")
    # Long, first fill 1, stop 0.5: 50 falls by a half; 50 at 0.9 to 0.5; 100 at 0.7 to 0.5.
    loss = facts(small).max_loss_quote
    assert loss is not None
    assert abs(loss - (25 + Decimal(200) / 9 + Decimal(200) / 7)) < Decimal("1e-15")
    # Short: stop 1.5: 50 rises by a half; 50 at 1.1 to 1.5; 100 at 1.3 to 1.5.
    loss = facts(small.replace("side: long", "side: short")).max_loss_quote
    assert loss is not None
    assert abs(loss - (25 + Decimal(200) / 11 + Decimal(200) / 13)) < Decimal("1e-15")
    assert facts(small.replace("stop_loss_pct: 50, ", "")).max_loss_quote is None
    assert facts(DCA.replace("count: 5", "count: 0")).plain()["max_position_quote"] == "50"


def test_money_is_decimal_text_without_exponent_and_with_at_most_eighteen_decimals() -> None:
    assert facts(signal(size="{quote: 1e9}")).plain()["max_position_quote"] == "1000000000"
    assert facts(signal(size="{quote: 1e-7}")).plain()["max_position_quote"] == "0.0000001"
    assert facts(signal(size="{quote: 1.50}")).plain()["max_position_quote"] == "1.5"
    assert facts(signal(size="{quote: 0.1234567890123456789}")).plain()["max_position_quote"] == "0.123456789012345679"
