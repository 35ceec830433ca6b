"""Which orders are asked for because more of them was filled than their last report says."""

from __future__ import annotations

from decimal import Decimal

from sim.facts import fill, order_report
from tradewright.core.order import Execution
from tradewright.trading.account_book import AccountBook
from tradewright.trading.owed_reports import ASKED_MAX, REPORT_WITHIN_S

FIRST, SECOND = fill("e-1", "0.2"), fill("e-2", "0.3", sequence=2)


def asked(book: AccountBook, *, from_s: float = 0.0) -> list[Execution]:
    """What is asked for within the time that a report may take, and a moment more."""
    return [one for now_s in (from_s, from_s + REPORT_WITHIN_S) for one in book.owed.due(now_s)]


def test_a_report_that_came_before_its_fill_or_comes_a_moment_after_is_not_asked_for() -> None:
    book = AccountBook()
    book.take([order_report("partially_filled", filled="0.2"), FIRST, SECOND])
    assert book.owed.due(0.0) == []
    book.take([order_report("partially_filled", filled="0.5", at=2)])
    assert book.owed.due(REPORT_WITHIN_S) == []


def test_an_order_whose_report_does_not_come_is_asked_for_and_a_repeated_fill_counts_once() -> None:
    book = AccountBook()
    book.take([order_report(), FIRST, FIRST])
    assert asked(book) == [FIRST]
    book.take([order_report("partially_filled", filled="0.2", at=2), FIRST])
    assert asked(book, from_s=100) == []
    book.take([SECOND])
    assert asked(book, from_s=200) == [SECOND]


def test_a_fill_of_an_order_that_was_never_reported_is_asked_for_and_one_that_ended_is_not() -> None:
    book = AccountBook()
    book.take([FIRST])
    assert asked(book) == [FIRST]
    book.take([order_report("cancelled", filled="0.2", at=2), SECOND])
    assert asked(book, from_s=100) == []


def test_what_nobody_can_tell_is_not_asked_for_ever() -> None:
    book = AccountBook()
    book.take([order_report(), FIRST])
    times = [now_s for now_s in range(1000) if book.owed.due(float(now_s))]
    assert len(times) == ASKED_MAX
    book.take([SECOND])
    assert asked(book, from_s=2000) == [SECOND], "another fill is another chance"


def test_funding_owes_no_report() -> None:
    book = AccountBook()
    book.take([order_report(), fill("f-1", "0.5", exec_type="Funding")])
    assert asked(book) == []
    assert book.orders()[0].filled_quantity == Decimal(0)
