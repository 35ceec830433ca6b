"""The books of a run at their edges: what doubles cannot tell is asked of the decimals."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from tradewright.backtest.book import Book
from tradewright.core.money import exactly


def test_an_equity_exactly_at_a_limit_is_at_it_though_doubles_say_it_is_above() -> None:
    assert 0.1 + 1 * 0.2 > 0.3  # what the marks alone would say
    with exactly():
        book = Book(Decimal("10.1"))
        book.open(1, Decimal(1), Decimal(10), Decimal(0), 0, "enter_long")
        book.mark(0)
        assert book.is_at_most(Decimal("0.3"), 0.2)
        assert not book.is_at_most(Decimal("0.2999999999999999999"), 0.2)
        assert book.is_at_most(Decimal("0.4"), 0.2)
        assert not book.is_at_most(Decimal("0.2"), 0.2)


def test_the_curve_is_made_of_what_was_held_at_each_close() -> None:
    with exactly():
        book = Book(Decimal(1000))
        book.mark(5)
        lot = book.open(-1, Decimal(2), Decimal(100), Decimal("0.01"), 7, "enter_short")
        book.mark(7)
        book.pay_funding(lot, Decimal("0.001"), Decimal(90))  # a short receives it
        book.mark(8)
        book.close(lot, Decimal(80), Decimal("0.01"), 9, "exit_short")
        book.mark(9)
        curve = book.curve(5, np.array([100.0, 100.0, 95.0, 90.0, 200.0, 1.0]), Decimal(1000))
    # fees 2, funding -0.18, fees 1.6
    assert curve == pytest.approx([1000, 1000, 1000 - 2 + 10, 1000 - 2 + 0.18 + 20, 1036.58, 1036.58])
    assert book.trades[0].pnl == Decimal("36.58")
    assert book.cash == Decimal("1036.58")
