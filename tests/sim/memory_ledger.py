"""The ledger's books of one account in memory: they survive when the process that keeps them is killed.

Lives here: `MemoryBooks`, the rows, and `MemoryLedger`, the port `LedgerStore` on them. Every change is made by one
synchronous step, so it is whole or not there. One contract suite runs on this and on PostgreSQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from tradewright.core.holding import WIDE
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.ledger import REALISED, Balances, EntrySet, unbalanced
from tradewright.core.money import ZERO
from tradewright.core.order import Execution, Wallet
from tradewright.core.tie_out import Break
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.trading.ledger.books import (
    LATE,
    UNPOSTED_MAX,
    UNSETTLED_MAX,
    Booked,
    Books,
    BooksMoved,
    HoldingKey,
    Posting,
    Standing,
)


@dataclass(slots=True)
class MemoryBooks:
    """`told` is what listeners heard of breaks: broken or tied, and what."""

    executions: Callable[[], Iterable[Execution]]
    leg_of: Callable[[Execution], int | None] = lambda _execution: 0  # None: its order is not known yet
    books: Books | None = None
    sets: list[EntrySet] = field(default_factory=list)
    balances: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    standings: dict[HoldingKey, Standing] = field(default_factory=dict)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    heard: set[ExecutionId] = field(default_factory=set)  # when the books were opened, or last went on
    closed: dict[ExchangeOrderId, ClosedPnl] = field(default_factory=dict)
    breaks: dict[tuple[str, str], Break] = field(default_factory=dict)
    told: list[tuple[str, Break]] = field(default_factory=list)
    equity: dict[date, Decimal | None] = field(default_factory=dict)


class MemoryLedger:
    def __init__(self, rows: MemoryBooks) -> None:
        self._rows = rows

    async def books(self) -> Books | None:
        return self._rows.books

    async def post(self, posting: Posting, version: int) -> None:
        rows, now = self._rows, self._rows.books
        if version != (0 if now is None else now.version):
            raise BooksMoved(f"the books are not at version {version} any more")
        sources = {entries.source for entries in rows.sets}
        for entries in posting.sets:
            assert not unbalanced(entries), f"{entries.source} does not sum to zero: {unbalanced(entries)}"
            assert entries.source not in sources, f"{entries.source} is booked already"
            sources.add(entries.source)
        opens = posting.opens
        if now is None:
            assert opens is not None, "books begin at a time"
            rows.books = Books(version=1, opened_at=opens, transactions_until=opens, confirmed_until=opens)
        else:
            rows.books = replace(
                now,
                version=version + 1,
                opened_at=opens or now.opened_at,
                transactions_until=max(now.transactions_until, opens or now.transactions_until),
                confirmed_until=max(now.confirmed_until, opens or now.confirmed_until),
            )
        if opens is not None:
            rows.heard = {each.exec_id for each in rows.executions()}
        with localcontext(WIDE):
            for entries in posting.sets:
                rows.sets.append(entries)
                for line in entries.lines:
                    rows.balances[line.book, line.asset] += line.amount
        rows.standings |= posting.standings
        rows.settled -= {key for key, row in rows.transactions.items() if row.exec_id in posting.corrected}
        for key, exec_id in posting.settled.items():
            rows.settled.add(key)
            if exec_id is not None:
                rows.transactions[key] = replace(rows.transactions[key], exec_id=exec_id)

    def _posted_ids(self) -> set[ExecutionId]:
        return {entries.exec_id for entries in self._rows.sets if entries.exec_id is not None}

    def _since_opening(self) -> list[Execution]:
        books = self._rows.books
        if books is None:
            return []
        found = [each for each in self._rows.executions() if each.executed_at > books.opened_at]
        return sorted(found, key=_by_time)

    async def unposted(self) -> Sequence[Booked]:
        posted, found = self._posted_ids(), []
        for each in self._since_opening():
            leg = self._rows.leg_of(each)
            if each.exec_id not in posted and leg is not None:
                found.append(Booked(each, leg))
        return found[:UNPOSTED_MAX]

    async def posted(self, key: HoldingKey) -> Sequence[Execution]:
        posted = self._posted_ids()
        return [
            each
            for each in self._since_opening()
            if (each.instrument, self._rows.leg_of(each)) == key and each.exec_id in posted
        ]

    async def standings(self) -> Mapping[HoldingKey, Standing]:
        return dict(self._rows.standings)

    async def balances(self) -> Balances:
        return dict(self._rows.balances)

    async def summed(self) -> Balances:
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        with localcontext(WIDE):
            for entries in self._rows.sets:
                for line in entries.lines:
                    sums[line.book, line.asset] += line.amount
        return dict(sums)

    async def realised(self) -> Mapping[str, Decimal]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        books = self._rows.books
        with localcontext(WIDE):
            for entries in self._rows.sets:
                for line in entries.lines:
                    if books is not None and entries.at > books.opened_at and line.book == REALISED:
                        sums[line.asset] += line.amount
        return sums

    async def keep(self, transactions: Sequence[Transaction], closed: Sequence[ClosedPnl], until: datetime) -> None:
        rows = self._rows
        assert rows.books is not None
        for row in transactions:
            rows.transactions.setdefault(row.key, row)
        for each in closed:
            known = rows.closed.get(each.exchange_order_id)
            if known is None or each.updated_at >= known.updated_at:
                rows.closed[each.exchange_order_id] = each
        rows.books = replace(rows.books, transactions_until=max(rows.books.transactions_until, until))

    async def unsettled(self) -> Sequence[Transaction]:
        found = [row for key, row in self._rows.transactions.items() if key not in self._rows.settled]
        return sorted(found, key=lambda row: (row.at, row.key))[:UNSETTLED_MAX]

    async def executions(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Execution]:
        wanted = set(ids)
        return {each.exec_id: each for each in self._rows.executions() if each.exec_id in wanted}

    async def newest_execution_at(self) -> datetime | None:
        return max((each.executed_at for each in self._rows.executions()), default=None)

    async def dated_before(self) -> Sequence[ExecutionId]:
        books, rows = self._rows.books, self._rows
        executions = sorted(rows.executions(), key=_by_time)
        return [
            each.exec_id
            for each in executions
            if books is not None and each.executed_at <= books.opened_at and each.exec_id not in rows.heard
        ]

    async def wallet_changes(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Mapping[str, Decimal]]:
        wanted = set(ids)
        changes: dict[ExecutionId, dict[str, Decimal]] = {}
        with localcontext(WIDE):
            for entries in self._rows.sets:
                if entries.exec_id not in wanted or entries.exec_id is None:
                    continue
                own = changes.setdefault(entries.exec_id, {})
                for line in entries.lines:
                    own.setdefault(line.asset, ZERO)
                    if line.book == f"wallet:{line.asset}":
                        own[line.asset] += line.amount
        return changes

    async def untold(self, until: datetime) -> Sequence[Execution]:
        books = self._rows.books
        assert books is not None
        told = {row.exec_id for row in self._rows.transactions.values()}
        span = [
            each
            for each in sorted(self._rows.executions(), key=_by_time)
            if books.confirmed_until < each.executed_at <= until
        ]
        found = [each for each in span if each.exec_id not in told]
        mark = until - LATE
        if found:
            mark = min(mark, found[0].executed_at - timedelta(milliseconds=1))
        self._rows.books = replace(books, confirmed_until=max(books.confirmed_until, mark))
        return found

    async def gross(self, orders: Sequence[ExchangeOrderId]) -> Mapping[ExchangeOrderId, tuple[Decimal, Decimal]]:
        posted, books = self._posted_ids(), self._rows.books
        found: dict[ExchangeOrderId, tuple[Decimal, Decimal]] = {}
        with localcontext(WIDE):
            for order in orders:
                own = [each for each in self._rows.executions() if each.exchange_order_id == order]
                if books is None or not own or any(each.executed_at <= books.opened_at for each in own):
                    continue
                if any(each.exec_id not in posted for each in own):
                    continue
                ids = {each.exec_id for each in own}
                won = -sum(
                    (
                        line.amount
                        for entries in self._rows.sets
                        if entries.exec_id in ids
                        for line in entries.lines
                        if line.book == REALISED
                    ),
                    ZERO,
                )
                found[order] = won, sum((each.quantity for each in own), ZERO)
        return found

    async def closed_since(self, since: datetime) -> Sequence[ClosedPnl]:
        found = [each for each in self._rows.closed.values() if each.updated_at >= since]
        return sorted(found, key=lambda each: each.updated_at)

    async def note_check(self, breaks: Sequence[Break], wallet: Wallet, once: Sequence[Break] = ()) -> None:
        rows = self._rows
        found = {(each.kind, each.subject): each for each in breaks}
        rows.told += [("broken", each) for key, each in found.items() if key not in rows.breaks]
        rows.told += [("broken", each) for each in once]
        rows.told += [("tied", each) for key, each in rows.breaks.items() if key not in found]
        rows.breaks = dict(found)
        rows.equity[wallet.reported_at.date()] = wallet.total_equity


def _by_time(execution: Execution) -> tuple[datetime, int, str]:
    return execution.executed_at, execution.sequence, execution.exec_id
