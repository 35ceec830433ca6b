"""What an account holds in the count of its exposure: leverages that may have changed unseen, and days handed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from sim.facts import BTC, position
from tradewright.trading.risk.positions import DayStart, Positions

TODAY = date(2026, 1, 5)
ETH = replace(BTC, symbol="ETHUSDT")


def held() -> Positions:
    return Positions(lambda _instrument: None)


def lost(positions: Positions) -> Decimal:
    day = positions.loss_today(lambda _instrument: None)
    assert day is not None
    return day.loss


def test_a_leverage_is_sure_once_it_is_told_and_not_any_more_after_a_gap() -> None:
    positions = held()
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (None, False)
    positions.take(position("0", side=None, leverage=Decimal(10)))
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (Decimal(10), True)
    positions.doubt_leverages()
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (Decimal(10), False)
    positions.take(position("0", side=None, leverage=Decimal(10)))  # the same once more: it was looked at
    assert positions.is_leverage_sure(BTC)


def test_what_is_stored_of_a_leverage_is_not_sure() -> None:
    positions = held()
    positions.inherit([position("0", side=None, leverage=Decimal(10))])
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (Decimal(10), False)


def test_a_symbol_that_is_flat_keeps_its_leverage() -> None:
    positions = held()
    positions.take(position("1", leverage=Decimal(10)))
    positions.flatten_absent([])
    assert (positions.toward(BTC, "Buy"), positions.leverage(BTC)) == (0, Decimal(10))
    assert positions.is_leverage_sure(BTC)


def test_an_older_report_takes_no_leverage_back() -> None:
    positions = held()
    positions.take(position("0", side=None, at=2, leverage=Decimal(20)))
    positions.take(position("0", side=None, at=1, leverage=Decimal(10)))
    assert positions.leverage(BTC) == Decimal(20)


def test_a_report_of_a_flat_symbol_tells_its_leverage_though_its_sequence_is_old() -> None:
    positions = held()
    positions.take(position("1", sequence=7, at=1, leverage=Decimal(10)))
    positions.flatten_absent([])
    positions.doubt_leverages()
    assert not positions.take(position("0", side=None, sequence=-1, at=2, leverage=Decimal(50)))
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (Decimal(50), True)


def test_of_two_legs_the_greater_leverage_counts_and_none_of_the_one_position_that_they_were() -> None:
    positions = held()
    positions.take(position("0", side=None, at=1, leverage=Decimal(50)))
    for index, leverage in ((1, 5), (2, 8)):
        positions.take(position("0", side=None, at=2, position_index=index, leverage=Decimal(leverage)))
    assert positions.leverage(BTC) == Decimal(8)
    positions.take(position("0", side=None, at=3, leverage=Decimal(3)))
    assert positions.leverage(BTC) == Decimal(3)


def test_where_the_exchange_tells_no_leverage_it_was_looked_at_all_the_same() -> None:
    positions = held()
    positions.take(position("0", side=None, leverage=None))
    assert (positions.leverage(BTC), positions.is_leverage_sure(BTC)) == (None, True)


def test_a_day_that_goes_on_keeps_what_is_stored_of_each_symbol() -> None:
    positions = held()
    positions.inherit([position("0", side=None, realised_pnl=Decimal(-30))])
    stored = DayStart(TODAY, Decimal(1000), {BTC: Decimal(-10)})
    found = positions.goes_on(stored)
    assert found == stored
    positions.begin_day(found)
    assert lost(positions) == 20


def test_a_loss_of_a_symbol_whose_beginning_was_not_stored_in_time_counts_as_of_today() -> None:
    positions = held()
    positions.inherit(
        [
            position("0", side=None, realised_pnl=Decimal(-30)),
            position("0", side=None, instrument=ETH, realised_pnl=Decimal(40)),  # a profit makes up for nothing
        ]
    )
    found = positions.goes_on(DayStart(TODAY, Decimal(1000), {}))
    assert found == DayStart(TODAY, Decimal(1000), {BTC: Decimal(0), ETH: Decimal(40)})
    positions.begin_day(found)
    assert lost(positions) == 30


def test_a_day_that_nobody_has_begun_begins_with_what_was_realised_until_now() -> None:
    positions = held()
    positions.inherit([position("0", side=None, realised_pnl=Decimal(-30))])
    assert positions.goes_on(None) is None
    positions.begin_day(DayStart(TODAY, Decimal(1000), positions.realised()))
    assert lost(positions) == 0


def test_a_symbol_that_comes_up_during_the_day_begins_with_what_it_is_first_seen_with() -> None:
    positions = held()
    positions.begin_day(DayStart(TODAY, Decimal(1000), {}))
    positions.take(position("0", side=None, sequence=1, realised_pnl=Decimal(-500)))
    positions.take(position("0", side=None, sequence=2, realised_pnl=Decimal(-520)))
    assert lost(positions) == 20
