"""The ledger against the simulated exchange: an hour of drawn trading ties out, and whatever is wrong is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.ledger_desk import LedgerDesk
from tradewright.core.clock import milliseconds
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.holding import PLACE
from tradewright.core.ledger import FEES, FUNDING_INCOME, REALISED, ROUNDING, unbalanced
from tradewright.core.tie_out import BreakKind
from tradewright.simulator.matching.commands import read_switch_mode
from tradewright.simulator.matching.order_options import read_create

LOG = "/v5/account/transaction-log"
CLOSED = "/v5/position/closed-pnl"
WALLET = "/v5/account/wallet-balance"
POSITIONS = "/v5/position/list"
EXECUTIONS = "/v5/execution/list"
Row = dict[str, Any]


async def an_hour(seed: int, **how: Any) -> LedgerDesk:
    """Trading before the books are opened, then an hour over a funding time, with money paid in and out."""
    desk = LedgerDesk(seed, **how)
    await desk.trade(3)
    assert (await desk.tie()).breaks == []
    await desk.trade(25)
    desk.pay_in("USDT", "1234.5")
    await desk.tie()
    desk.pay_in("ETH", "-0.25")
    await desk.trade(32)
    return desk


async def some_minutes(seed: int = 3) -> LedgerDesk:
    """Books that tie, and a few fills since."""
    desk = LedgerDesk(seed, hears=1)
    await desk.tie()
    await desk.trade(3)
    assert (await desk.tie()).breaks == []
    return desk


@pytest.mark.parametrize("seed", [1])
async def test_an_hour_of_trading_with_funding_and_transfers_ties_out_to_the_last_digit(seed: int) -> None:
    desk = await an_hour(seed)
    found = await desk.tie()
    assert (found.is_quiet, found.breaks) == (True, [])
    assert desk.in_the_books() == desk.wallet()
    account = desk.session.engine.account
    assert desk.books.books is not None
    opened_ms = milliseconds(desk.books.books.opened_at)
    paid = [each.paid for each in account.funding if each.paid.at.wall_ms > opened_ms]
    assert paid, "the hour has a funding time"
    assert len(account.executions) > 20
    sums = desk.books.balances
    # Another reckoning of the same: the exchange's own events since the books were opened.
    since = [each.fill for each in account.executions if each.fill.at.wall_ms > opened_ms]
    for coin in ("USDT", "USDC"):
        contracts = [fill for fill in since if fill.settle_coin == coin and not fill.base_coin]
        assert sums.get((FUNDING_INCOME, coin), Decimal(0)) == sum(
            each.fee for each in paid if each.settle_coin == coin
        )
        rounding = sums.get((ROUNDING, coin), Decimal(0))
        assert abs(rounding) <= len(contracts) * PLACE
        if not any(coin in (fill.base_coin, fill.quote_coin) for fill in since):  # no spot
            won = sum((fill.realised for fill in contracts), Decimal(0))
            assert -sums.get((REALISED, coin), Decimal(0)) - rounding == won
    assert all(unbalanced(entries) == {} for entries in desk.books.sets)


async def test_kept_anew_from_the_same_rows_nothing_is_booked_twice() -> None:
    desk = await some_minutes()
    before = list(desk.books.sets)
    again = replace(desk.parts)  # as a process that starts anew: all it has is what is stored
    desk.parts = again
    assert (await desk.tie()).breaks == []
    desk.books.settled.clear()  # as if the mark of every transaction were lost
    assert (await desk.tie()).breaks == [] or desk.books.sets == before
    assert desk.books.sets == before


async def test_what_came_before_the_books_were_opened_stays_outside_of_them() -> None:
    desk = LedgerDesk(4, hears=1)
    await desk.trade(6)
    assert desk.heard
    await desk.tie()
    assert {entries.source.split(":")[0] for entries in desk.books.sets} == {"opening"}
    assert desk.in_the_books() == desk.wallet()


async def test_books_are_not_opened_on_an_account_that_moves_nor_on_a_wallet_that_is_behind_its_executions() -> None:
    """Either would put into the opening what comes again as an execution, or leave out what does not."""
    desk = LedgerDesk(4, hears=1)
    await desk.trade(3)
    paid = Decimal(0)

    def moves(path: str, rows: list[Row]) -> list[Row]:
        nonlocal paid
        for coin in (coin for row in rows if path == WALLET for coin in row["coin"]):
            paid += 1
            coin["walletBalance"] = str(Decimal(coin["walletBalance"]) + paid)
        return rows

    desk.exchange.spoil = moves
    assert (await desk.tie()).is_quiet is False
    assert (desk.books.books, desk.slept_s) == (None, 3.0), "four looks, a second apart"
    assert sum(path == WALLET for path, _ in desk.exchange.asked) == 8
    desk.exchange.spoil = lambda _path, rows: rows
    told = dict(desk.heard)
    name, newest = max(told.items(), key=lambda each: each[1].executed_at)
    desk.heard[name] = replace(newest, executed_at=newest.executed_at + timedelta(hours=1))
    assert (await desk.tie()).is_quiet is False
    assert desk.books.books is None
    desk.heard.update(told)
    assert (await desk.tie()).breaks == []
    assert desk.in_the_books() == desk.wallet()


async def test_a_position_of_before_the_books_ties_out_when_it_is_closed() -> None:
    desk = LedgerDesk(4, hears=1)
    await desk.trade(4)
    assert any(position.size for position in desk.session.engine.account.positions.values())
    await desk.tie()
    await desk.trade(8)
    assert (await desk.tie()).breaks == []
    assert desk.in_the_books() == desk.wallet()


async def test_both_legs_of_hedge_mode_are_held_at_their_own_cost_and_tie_out() -> None:
    desk = LedgerDesk(3, hears=1)
    engine = desk.session.engine
    engine.set_position_mode(read_switch_mode({"category": "linear", "symbol": "ETHUSDT", "mode": 3}, engine.specs))
    for begun in (False, True):  # before the books are opened, and after
        for side, leg in (("Buy", 1), ("Sell", 2), ("Buy", 1), ("Sell", 1), ("Buy", 2)):
            engine.place(market_order(desk, side, positionIdx=leg, qty="2" if side == "Sell" and leg == 2 else "1"))
            desk.session._pass(20_000)
        await desk.book(await desk.exchange.executions(await desk.exchange.now() - timedelta(minutes=5)))
        assert (await desk.tie()).breaks == []
        assert bool(of_realised(desk)) is begun
    assert desk.in_the_books() == desk.wallet()
    held = {
        leg: standing.now.size for (name, leg), standing in desk.books.standings.items() if name.symbol == "ETHUSDT"
    }
    assert held == {1: 2, 2: -2}


def of_realised(desk: LedgerDesk) -> Decimal:
    return desk.books.balances.get((REALISED, "USDT"), Decimal(0))


def of_kind(desk: LedgerDesk, kind: BreakKind) -> list[tuple[str, str, str]]:
    return [(each.subject, each.ours, each.theirs) for (found, _), each in desk.books.breaks.items() if found == kind]


def changed(path: str, field: str, by: str, *, only: str = "") -> Any:
    """The newest row of a list says something else."""

    def spoil(asked: str, rows: list[Row]) -> list[Row]:
        if asked != path:
            return rows
        done = False
        for row in rows:
            if not done and row.get(field) not in (None, "", "0") and only in (row.get("type", ""), ""):
                row[field] = str(Decimal(row[field]) + Decimal(by))
                done = True
        return rows

    return spoil


async def test_a_wallet_that_holds_another_amount_is_a_break_told_once_and_cleared_when_it_ties_again() -> None:
    desk = await some_minutes()

    def spoil(path: str, rows: list[Row]) -> list[Row]:
        for coin in (coin for row in rows if path == WALLET for coin in row["coin"]):
            if coin["coin"] == "USDT":
                coin["walletBalance"] = str(Decimal(coin["walletBalance"]) + PLACE)
        return rows

    desk.exchange.spoil = spoil
    assert [each.kind for each in (await desk.tie()).breaks] == ["wallet"]
    await desk.tie()
    [(subject, ours, theirs)] = of_kind(desk, "wallet")
    assert subject == "wallet:USDT"
    assert Decimal(theirs) - Decimal(ours) == PLACE
    desk.exchange.spoil = lambda _path, rows: rows
    assert (await desk.tie()).breaks == []
    assert [state for state, _ in desk.books.told] == ["broken", "tied"]


async def test_a_position_of_another_size_is_a_break() -> None:
    desk = await some_minutes(4)
    desk.exchange.spoil = changed(POSITIONS, "size", "0.001")
    kinds = [each.kind for each in (await desk.tie()).breaks]
    assert set(kinds) == {"position"}


async def new_fills(desk: LedgerDesk) -> None:
    """Of a contract, on both sides."""
    for side in ("Buy", "Sell", "Sell"):
        desk.session.engine.place(market_order(desk, side))
        desk.session._pass(3_000)


def market_order(desk: LedgerDesk, side: str, **more: Any) -> Any:
    body = {"category": "linear", "symbol": "ETHUSDT", "side": side, "orderType": "Market", "qty": "1"}
    return read_create(body | more, desk.session.engine.specs)


async def test_an_execution_that_moved_more_than_we_booked_is_a_break_and_rounding_is_none() -> None:
    desk = await some_minutes()
    await new_fills(desk)
    desk.exchange.spoil = changed(LOG, "change", "0.01")
    breaks = (await desk.tie()).breaks
    assert "movement" in {each.kind for each in breaks}
    assert of_kind(desk, "movement")[0][0].endswith(":USDT")

    other = await some_minutes()
    await new_fills(other)
    other.exchange.spoil = changed(LOG, "change", "0.00000001")
    breaks = (await other.tie()).breaks
    assert {each.kind for each in breaks} == {"wallet"}, "the log and the wallet of this exchange now differ by a unit"
    assert -other.books.balances[ROUNDING, "USDT"] == PLACE


async def test_fills_dated_before_the_opening_that_came_after_it_make_the_books_go_on_from_what_is_there() -> None:
    """As after an exchange's clock that was put back: by their time they lie in the opening."""
    desk = await some_minutes()
    assert desk.books.books is not None
    opened_at = desk.books.books.opened_at + timedelta(minutes=10)  # in whose place the clock reads less now
    desk.books.books = replace(desk.books.books, opened_at=opened_at)
    await new_fills(desk)
    await desk.book(await desk.exchange.executions(await desk.exchange.now() - timedelta(minutes=1)))
    assert (await desk.tie()).breaks == []
    assert desk.in_the_books() == desk.wallet()
    [(broken, told), *cleared] = desk.books.told
    assert (broken, told.kind, told.ours) == ("broken", "gap", opened_at.isoformat())
    assert cleared == []
    assert any(entries.source.startswith("gap:") for entries in desk.books.sets)
    await desk.trade(3)
    assert (await desk.tie()).breaks == []
    assert desk.in_the_books() == desk.wallet()


async def test_an_execution_that_only_the_transaction_log_has_is_a_break() -> None:
    desk = await some_minutes()
    known = set(desk.heard)
    desk.hears = 0
    await new_fills(desk)
    desk.exchange.spoil = lambda path, rows: (
        [row for row in rows if row["execId"] in known] if path == EXECUTIONS else rows
    )
    soon = await desk.tie()
    assert (soon.is_quiet, soon.breaks) == (False, []), "the exchange may list it later than its wallet has it"
    assert desk.books.told == []
    desk.session._pass(61_000)
    breaks = (await desk.tie()).breaks
    missing = [each for each in breaks if each.kind == "execution_missing"]
    assert len(missing) == 3
    assert {each.kind for each in breaks} == {"execution_missing", "wallet", "position"}
    desk.exchange.spoil = lambda _path, rows: rows
    assert (await desk.tie()).breaks == []


async def test_an_execution_that_the_transaction_log_never_tells_is_a_break_after_a_minute() -> None:
    desk = await some_minutes()
    known = {row.exec_id for row in desk.books.transactions.values()}
    await new_fills(desk)
    await desk.book(await desk.exchange.executions(await desk.exchange.now() - (desk.parts.kept / 730)))
    desk.exchange.spoil = lambda path, rows: [row for row in rows if row["tradeId"] in known] if path == LOG else rows
    assert (await desk.tie()).breaks == []
    desk.session._pass(61_000)
    found: Sequence[Any] = (await desk.tie()).breaks
    assert [each.kind for each in found] == ["transaction_missing"] * 3
    desk.exchange.spoil = lambda _path, rows: rows
    assert (await desk.tie()).breaks == []


async def test_a_closed_profit_that_is_another_is_a_break() -> None:
    desk = await some_minutes()
    await new_fills(desk)
    desk.exchange.spoil = changed(CLOSED, "closedPnl", "0.01")
    breaks = (await desk.tie()).breaks
    assert [each.kind for each in breaks] == ["closed_pnl"]


async def test_a_line_that_is_gone_from_our_own_books_is_a_break() -> None:
    desk = await some_minutes()
    await new_fills(desk)
    await desk.tie()
    desk.books.balances[FEES, "USDT"] += PLACE
    kinds = {each.kind for each in (await desk.tie()).breaks}
    assert kinds == {"unbalanced", "replay"}


async def test_away_for_longer_than_the_exchange_keeps_the_gap_is_told_and_bridged_by_an_entry() -> None:
    desk = await some_minutes()
    await desk.trade(2)
    desk.pay_in("USDT", "-500")
    desk.session._pass(60_000)
    desk.parts = replace(desk.parts, kept=desk.parts.kept / 730 / 24 / 60)  # a minute
    assert (await desk.tie()).breaks == []
    assert [(state, each.kind) for state, each in desk.books.told] == [("broken", "gap")]
    assert desk.in_the_books() == desk.wallet()
    assert ("equity:gap", "USDT") in desk.books.balances
    desk.parts = replace(desk.parts, kept=desk.parts.kept * 730 * 24 * 60)
    await desk.trade(2)
    assert (await desk.tie()).breaks == []


async def test_an_account_that_never_stands_still_is_posted_and_not_judged() -> None:
    desk = await some_minutes()
    counts = iter(range(1_000))

    def spoil(path: str, rows: list[Row]) -> list[Row]:
        for coin in (coin for row in rows if path == WALLET for coin in row["coin"]):
            coin["walletBalance"] = str(Decimal(coin["walletBalance"]) + next(counts))
        return rows

    desk.exchange.spoil = spoil
    found = await desk.tie()
    assert (found.is_quiet, found.breaks, desk.books.breaks) == (False, [], {})


async def test_an_exchange_that_is_away_changes_nothing() -> None:
    desk = await some_minutes()
    before = (list(desk.books.sets), dict(desk.books.breaks), desk.books.books)
    desk.exchange.down = True
    with pytest.raises(ExchangeUnavailable):
        await desk.tie()
    assert (desk.books.sets, desk.books.breaks, desk.books.books) == before
