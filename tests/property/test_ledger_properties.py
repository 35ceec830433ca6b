"""The ledger's arithmetic, over drawn executions: nothing is lost, whatever is split, and whatever comes late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.holding import FLAT, WIDE, Holding, filled, held
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.ledger import (
    FEES,
    FUNDING_INCOME,
    REALISED,
    Coins,
    EntrySet,
    entries_of_execution,
    entries_of_late,
    replayed,
    unbalanced,
    wallet,
)
from tradewright.core.order import Execution

T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
COINS = Coins("BTC", "USDT")
MINUTE = timedelta(minutes=1)

quantities = st.integers(1, 50_000).map(lambda units: Decimal(units).scaleb(-3))
prices = st.integers(1, 20_000_000).map(lambda ticks: Decimal(ticks).scaleb(-2))
sides = st.sampled_from(("Buy", "Sell"))
categories = st.sampled_from(("linear", "spot"))


def execution(number: int, category: Category = "linear", **changes: object) -> Execution:
    plain = Execution(
        exec_id=ExecutionId(f"e{number:04}"),
        exchange_order_id=ExchangeOrderId(f"o{number // 3}"),
        link_id="",
        instrument=InstrumentId(category, "BTCUSDT"),
        side="Buy",
        price=Decimal(100),
        quantity=Decimal(1),
        fee=Decimal(0),
        fee_coin="USDT",
        is_maker=False,
        exec_type="Trade",
        executed_at=T0 + number * MINUTE,
        sequence=number,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn, category: Category | None = None) -> list[Execution]:
    """One instrument's executions in the exchange's order: fills of either side, with fees or rebates in the coins that
    Bybit takes them in, and funding of contracts."""
    drawn: Category = category or draw(categories)
    made: list[Execution] = []
    for number in range(draw(st.integers(1, 12))):
        side, price, quantity = draw(sides), draw(prices), draw(quantities)
        rate = Decimal(draw(st.integers(-20, 100))).scaleb(-5)
        if drawn == "linear" and draw(st.integers(0, 5)) == 0:
            fee = Decimal(draw(st.integers(-10_000_000, 10_000_000))).scaleb(-8)
            made.append(execution(number, price=price, quantity=quantity, fee=fee, exec_type="Funding"))
            continue
        in_base = drawn == "spot" and (side == "Buy") == (rate >= 0)
        fee = quantity * rate if in_base else quantity * price * rate
        coin = "BTC" if in_base else "USDT"
        made.append(execution(number, drawn, side=side, price=price, quantity=quantity, fee=fee, fee_coin=coin))
    return made


def posted(executions: Sequence[Execution], holding: Holding = FLAT) -> tuple[list[EntrySet], Holding]:
    sets, after = replayed(executions, COINS, holding)
    return list(sets.values()), after


def sums(sets: Sequence[EntrySet]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for entries in sets:
            for line in entries.lines:
                found[line.book, line.asset] += line.amount
    return {key: amount for key, amount in found.items() if amount}


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Decimal, list[Decimal]]:
    parts = draw(st.lists(quantities, min_size=1, max_size=8))
    return sum(parts, Decimal(0)), parts


@settings(max_examples=100)
@given(histories(), partitions(), sides, prices, st.integers(0, 100))
def test_any_partition_of_a_quantity_gives_the_same_position_cost_profit_and_fee(
    before: list[Execution], partition: tuple[Decimal, list[Decimal]], side: str, price: Decimal, rate: int
) -> None:
    category = before[0].instrument.category
    whole, parts = partition

    def fill(number: int, quantity: Decimal) -> Execution:
        fee = quantity * price * Decimal(rate).scaleb(-5)
        return execution(100 + number, category, side=side, price=price, quantity=quantity, fee=fee)

    at_once, held_at_once = posted([*before, fill(0, whole)])
    in_parts, held_in_parts = posted([*before, *(fill(number, part) for number, part in enumerate(parts))])
    assert sums(at_once) == sums(in_parts)
    assert (held_at_once.size, held_at_once.cost) == (held_in_parts.size, held_in_parts.cost)


@settings(max_examples=100)
@given(histories())
def test_every_set_sums_to_zero_in_each_asset(executions: list[Execution]) -> None:
    sets, _ = posted(executions)
    assert [unbalanced(entries) for entries in sets] == [{}] * len(sets)
    assert len({entries.source for entries in sets}) == len(executions)


@settings(max_examples=100)
@given(histories("linear"))
def test_profit_fees_and_funding_are_those_of_another_reckoning(executions: list[Execution]) -> None:
    """Cash in and out, in fractions: what was sold for less what was bought for, and what is left at its cost."""
    sets, holding = posted(executions)
    books = sums(sets)
    fills = [fill for fill in executions if fill.exec_type == "Trade"]
    signed = [(Fraction(fill.quantity) * (1 if fill.side == "Buy" else -1), Fraction(fill.price)) for fill in fills]
    assert Fraction(holding.size) == sum((quantity for quantity, _ in signed), Fraction(0))
    cash = -sum((quantity * price for quantity, price in signed), Fraction(0))
    assert -Fraction(books.get((REALISED, "USDT"), Decimal(0))) == cash + Fraction(holding.book_value)
    paid = sum((fill.fee for fill in fills), Decimal(0))
    funding = sum((fill.fee for fill in executions if fill.exec_type == "Funding"), Decimal(0))
    assert books.get((FEES, "USDT"), Decimal(0)) == paid
    assert books.get((FUNDING_INCOME, "USDT"), Decimal(0)) == funding
    with localcontext(WIDE):
        assert books.get((wallet("USDT"), "USDT"), Decimal(0)) == -books.get((REALISED, "USDT"), Decimal(0)) - (
            paid + funding
        )


@settings(max_examples=100)
@given(histories("linear"))
def test_cost_is_within_a_unit_of_the_eighth_place_of_exact_average_cost(executions: list[Execution]) -> None:
    size, cost, closings, holding = Fraction(0), Fraction(0), 0, FLAT
    for fill in executions:
        if fill.exec_type != "Trade":
            continue
        signed = fill.quantity if fill.side == "Buy" else -fill.quantity
        moved, price = Fraction(signed), Fraction(fill.price)
        closes = min(abs(moved), abs(size)) if moved * size < 0 else Fraction(0)
        closings += bool(closes)
        if closes:
            cost *= 1 - closes / abs(size)
        opens = abs(moved) - closes
        cost, size = cost + opens * price, size + moved
        holding = filled(holding, signed, fill.price).holding
        assert Fraction(holding.size) == size
        assert abs(Fraction(holding.cost) - cost) <= closings * Fraction(1, 2 * 10**8)


@settings(max_examples=100)
@given(histories("spot"))
def test_what_a_spot_pair_moved_is_in_the_wallet_to_the_last_digit(executions: list[Execution]) -> None:
    sets, holding = posted(executions)
    books = sums(sets)
    base = usdt = Decimal(0)
    with localcontext(WIDE):
        for fill in executions:
            sign = 1 if fill.side == "Buy" else -1
            base += sign * fill.quantity - (fill.fee if fill.fee_coin == "BTC" else 0)
            usdt -= sign * fill.quantity * fill.price + (fill.fee if fill.fee_coin == "USDT" else 0)
    assert books.get((wallet("BTC"), "BTC"), Decimal(0)) == base
    assert books.get((wallet("USDT"), "USDT"), Decimal(0)) == usdt
    assert holding.size >= 0


@settings(max_examples=100)
@given(histories(), st.data())
def test_an_execution_that_comes_late_leaves_the_books_as_if_it_had_come_in_time(
    executions: list[Execution], data: st.DataObject
) -> None:
    late = executions.pop(data.draw(st.integers(0, len(executions) - 1)))
    sets, _ = posted(executions)
    corrections, after = entries_of_late(late, executions, COINS)
    whole, held_in_time = posted([*executions, late])
    assert sums([*sets, *corrections]) == sums(whole)
    assert (after.size, after.cost) == (held_in_time.size, held_in_time.cost)
    assert all(unbalanced(entries) == {} for entries in corrections)
    for entries in whole:  # each execution's own too, so that each still ties out
        own = [part for part in [*sets, *corrections] if part.exec_id == entries.exec_id]
        assert sums(own) == sums([entries])


def test_a_worked_example_of_a_long_that_grows_is_cut_and_turns_short() -> None:
    """Bought 1 at 100, 2 at 130: cost 360, average 120. Sold 1 at 150: won 30. Sold 3 at 110: lost 20, short 1."""
    fills = [
        execution(1, price=Decimal(100), fee=Decimal("0.06")),
        execution(2, price=Decimal(130), quantity=Decimal(2), fee=Decimal("0.156")),
        execution(3, side="Sell", price=Decimal(150), fee=Decimal("0.09")),
        execution(4, side="Sell", price=Decimal(110), quantity=Decimal(3), fee=Decimal("0.198")),
    ]
    sets, holding = posted(fills)
    assert (holding.size, holding.cost, holding.average_price) == (Decimal(-1), Decimal(110), Decimal(110))
    books = sums(sets)
    assert books[REALISED, "USDT"] == -10
    assert books[wallet("USDT"), "USDT"] == Decimal("9.496")
    assert books["position:linear:BTCUSDT", "linear:BTCUSDT"] == -1
    assert books["position:linear:BTCUSDT", "USDT"] == -110


def test_coins_that_were_there_before_are_sold_without_profit_and_bought_ones_with() -> None:
    """Bought 1 at 100 with a fee of 0.001 coins, sold 3 at 120: 0.999 of them bought here."""
    fills = [
        execution(1, "spot", price=Decimal(100), fee=Decimal("0.001"), fee_coin="BTC"),
        execution(2, "spot", side="Sell", price=Decimal(120), quantity=Decimal(3), fee=Decimal("0.36")),
    ]
    sets, holding = posted(fills)
    books = sums(sets)
    assert holding.size == 0
    assert books[REALISED, "USDT"] == -Decimal("0.999") * 20
    assert books[FEES, "USDT"] == Decimal("0.46")  # 0.001 coins at 100, and 0.36
    assert books["equity:opening", "BTC"] == Decimal("2.001")
    assert books["equity:opening", "USDT"] == -Decimal("2.001") * 120
    assert books[wallet("USDT"), "USDT"] == Decimal("259.64")


def test_a_position_of_before_is_held_at_the_price_that_the_exchange_says() -> None:
    before = held(Decimal("-0.5"), Decimal(200))
    entries, after = entries_of_execution(execution(1, price=Decimal(180), quantity=Decimal("0.2")), COINS, before)
    assert after.size == Decimal("-0.3")
    assert sums([entries])[REALISED, "USDT"] == -4  # bought back 20 lower
