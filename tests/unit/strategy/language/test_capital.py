"""The least capital beside the checks that an order has to pass: with it they pass, with a cent less they do not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.specs import DCA, GRID, signal
from tradewright.core.money import exactly
from tradewright.strategy.capital import Capital, Needed, NeverEnough, NotKnown, least_quantity, minimum_capital
from tradewright.strategy.check import check_text
from tradewright.strategy.entries import NOTHING_MEASURED, Entry, plan_entry, reference_price
from tradewright.strategy.model import Signal, Strategy
from tradewright.strategy.prices import Filters

D = Decimal
FILTERS = Filters(tick_size=D("0.1"), quantity_step=D("0.001"), min_quantity=D("0.002"), min_notional=D(5))
TAKER = D("0.00055")


def strategy(text: str) -> Strategy:
    checked = check_text(text)
    assert checked.strategy is not None, checked.errors
    return checked.strategy


def capital(text: str, price: str, filters: Filters = FILTERS) -> Capital:
    return minimum_capital(strategy(text), filters, price=D(price), taker_rate=TAKER)


def is_sent(made: Strategy, price: str, equity: Decimal) -> bool:
    plan = made.plan
    assert isinstance(plan, Signal)
    with exactly():
        reference = reference_price(plan, 1, D(price), FILTERS)
        decided = plan_entry(plan, made.leverage, 1, reference, equity, NOTHING_MEASURED, FILTERS, TAKER)
    return isinstance(decided, Entry)


@pytest.mark.parametrize("price", ["60000", "1234.5", "0.7"])
@pytest.mark.parametrize("leverage", ["1", "3", "12.5"])
@pytest.mark.parametrize(
    ("size", "more"),
    [
        ("{quote: 500}", ""),
        ("{base: 0.02}", "entry: {type: limit, offset_pct: 0.5}\n"),
        ("{base: 20}", ""),
        ("{equity_pct: 10}", ""),
        ("{equity_pct: 100}", ""),
        ("{risk_pct: 1}", "protect: {stop_loss: {pct: 1.5}}\n"),
        ("{risk_pct: 5}", "protect: {stop_loss: {pct: 0.4}}\n"),
    ],
)
def test_with_the_least_capital_an_entry_is_sent_and_with_a_cent_less_it_is_not(
    size: str, more: str, leverage: str, price: str
) -> None:
    text = signal(size=size, more=f"{more}leverage: {leverage}\n")
    found = capital(text, price)
    made = strategy(text)
    if isinstance(found, NeverEnough):
        assert not is_sent(made, price, D("1e12"))
        assert found.value < found.least
        return
    assert isinstance(found, Needed)
    assert is_sent(made, price, found.capital)
    assert not is_sent(made, price, found.capital - D("0.01"))


def test_a_size_that_the_instrument_does_not_take_is_never_enough() -> None:
    """100 at 60,000 are 0.001; the least is 0.002, which is 120."""
    assert capital(signal(size="{quote: 100}"), "60000") == NeverEnough(D(100), D(120))
    assert capital(signal(size="{base: 0.0005}"), "60000") == NeverEnough(D(30), D(120))


def test_the_least_quantity_fits_steps_quantity_and_value() -> None:
    assert least_quantity(FILTERS, D(60000)) == D("0.002")
    assert least_quantity(FILTERS, D(100)) == D("0.05")
    assert least_quantity(FILTERS, D(300)) == D("0.017")  # 5 / 300 is 0.01666…
    assert least_quantity(Filters(quantity_step=D("0.01")), D(7)) == D("0.01")


def test_a_distance_that_an_indicator_decides_leaves_it_open() -> None:
    risk = "protect: {stop_loss: {atr: 2}}"
    assert capital(signal(size="{risk_pct: 1}", more=risk), "60000") == NotKnown()
    assert isinstance(capital(signal(size="{equity_pct: 1}", more=risk), "60000"), Needed)


def test_both_sides_are_looked_at() -> None:
    """The stop of a short is rounded up, that of a long down: at a coarse tick the distances differ."""
    coarse = Filters(tick_size=D(10), quantity_step=D("0.001"), min_quantity=D("0.002"))
    long = signal(size="{risk_pct: 1}", more="protect: {stop_loss: {pct: 1}}")
    short = long.replace("enter_long", "enter_short").replace("exit_long", "exit_short")
    both = signal(size="{risk_pct: 1}", more="  enter_short: close < open\nprotect: {stop_loss: {pct: 1}}")
    # A long at 1,007: 996.93 → 990, 17 away; a short: 1,017.07 → 1,020, 13 away. 0.002 · distance · 100.
    assert capital(long, "1007", coarse) == Needed(D("3.40"))
    assert capital(short, "1007", coarse) == Needed(D("2.60"))
    assert capital(both, "1007", coarse) == Needed(D("3.40"))


def test_a_grid_needs_all_its_cells_and_a_dca_all_its_orders() -> None:
    """Two cells of levels 100, 110, 120: long 0.5 · 100 and 0.454 · 110; the upper one short 0.416 · 120."""
    grid = GRID.replace("90000", "100").replace("110000", "120").replace("21", "3").replace("geometric", "arithmetic")
    grid = grid.replace(", stop_below: 88000, stop_above: 112000", "")
    assert capital(grid.replace("neutral", "long"), "115") == Needed(D("99.94"))
    assert capital(grid, "105") == Needed(D("99.92"))
    assert capital(grid + "leverage: 4\n", "105") == Needed(D("24.98"))
    assert capital(grid, "130") == NotKnown()
    assert capital(grid.replace("quote: 50", "quote: 4"), "105") == NeverEnough(D(4), D(5))
    # 709.375 · (1 + 0.00055)
    assert capital(DCA, "1000") == Needed(D("709.77"))
    assert capital(DCA, "60000") == NeverEnough(D(50), D(120))
