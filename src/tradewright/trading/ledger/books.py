"""The port between the ledger and where it is kept: what is read of the books, and what is written in one transaction.

Lives here: `LedgerStore` and its shapes. Implemented by `trading.ledger.store` on PostgreSQL and by the tests' twin.
Not here: what is booked (`core.ledger`), when (`keeper`), what the API reads (`queries`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Protocol

from tradewright.core.errors import AppError
from tradewright.core.holding import FLAT, Holding
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import Balances, EntrySet
from tradewright.core.order import Execution, Wallet
from tradewright.core.tie_out import Break
from tradewright.core.transactions import ClosedPnl, Transaction

UNPOSTED_MAX = 500  # taken at once; the next look takes the rest
UNSETTLED_MAX = 5_000
LATE = timedelta(minutes=10)  # far beyond any delay with which the exchange, or we, write something down


class BooksMoved(AppError):
    """Somebody else has written in the account's books meanwhile: nothing was written; look again."""

    code: ClassVar[str] = "ledger.moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """How far an account's books are. All times are by the exchange's clock.

    What happened until `opened_at` is in the opening. The transaction log was read until `transactions_until`; every
    execution until `confirmed_until` has its transaction.
    """

    version: int
    opened_at: datetime
    transactions_until: datetime
    confirmed_until: datetime


OrderKey = tuple[int, datetime, str]  # of `core.ledger.order_of`
HoldingKey = tuple[InstrumentId, int]  # with the leg: 0 in one-way mode and of spot, 1 long and 2 short in hedge mode


@dataclass(frozen=True, slots=True)
class Booked:
    """An execution with the leg that it moved, which the exchange says of its order alone."""

    execution: Execution
    leg: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Average cost of one leg of an instrument: now, before the first execution, and which execution was the newest."""

    now: Holding = FLAT
    opening: Holding = FLAT
    last: OrderKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is written together. `settled`: keys of transactions that need no further look, with the execution that one
    turned out to be where it was told under another id. What is settled of `corrected` executions is to be looked at
    again: they come to something else now. `opens` moves the books' opening to that time."""

    sets: Sequence[EntrySet] = ()
    standings: Mapping[HoldingKey, Standing] = field(default_factory=dict)
    settled: Mapping[str, ExecutionId | None] = field(default_factory=dict)
    corrected: Sequence[ExecutionId] = ()
    opens: datetime | None = None


class LedgerStore(Protocol):
    """Of one account."""

    async def books(self) -> Books | None:
        """None while they are not open."""
        ...

    async def post(self, posting: Posting, version: int) -> None:
        """Writes all of it or nothing. `version` is what `books` said (0 while there are none): raises `BooksMoved` if
        it has another by now. A source that is there already is refused by the database."""
        ...

    async def unposted(self) -> Sequence[Booked]:
        """Executions since the opening that have no entries, at most `UNPOSTED_MAX`, by their time. One of a symbol in
        hedge mode waits until its order, and so its leg, is known."""
        ...

    async def posted(self, key: HoldingKey) -> Sequence[Execution]:
        """Those of one leg since the opening that have entries, funding of either leg with leg 0."""
        ...

    async def standings(self) -> Mapping[HoldingKey, Standing]: ...
    async def balances(self) -> Balances:
        """Of every book that ever moved."""
        ...

    async def summed(self) -> Balances:
        """The same, summed anew from all lines. Long."""
        ...

    async def realised(self) -> Mapping[str, Decimal]:
        """By coin, what the lines of realised profit since the opening sum to (a profit is negative, as booked)."""
        ...

    async def keep(self, transactions: Sequence[Transaction], closed: Sequence[ClosedPnl], until: datetime) -> None:
        """Keeps what the exchange told, each row once; the log is read until then."""
        ...

    async def unsettled(self) -> Sequence[Transaction]:
        """At most `UNSETTLED_MAX`, oldest first."""
        ...

    async def executions(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Execution]:
        """Those of them that are known."""
        ...

    async def newest_execution_at(self) -> datetime | None:
        """When the newest of all that are known was executed, by the exchange's clock."""
        ...

    async def dated_before(self) -> Sequence[ExecutionId]:
        """Executions (some of them, where they are many) that were heard of after the books were opened, or went on,
        and bear a time until then: they are in no entry."""
        ...

    async def wallet_changes(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Mapping[str, Decimal]]:
        """By coin, what the entries of each execution add to the wallet; of one without entries nothing."""
        ...

    async def untold(self, until: datetime) -> Sequence[Execution]:
        """Executions between the books' `confirmed_until` and then without a transaction; moves that mark up to the
        first of them, and no nearer to `until` than `LATE`."""
        ...

    async def gross(self, orders: Sequence[ExchangeOrderId]) -> Mapping[ExchangeOrderId, tuple[Decimal, Decimal]]:
        """(Realised profit without fees, filled quantity) of orders all of whose executions have entries and none of
        which is older than the books."""
        ...

    async def closed_since(self, since: datetime) -> Sequence[ClosedPnl]: ...
    async def note_check(self, breaks: Sequence[Break], wallet: Wallet, once: Sequence[Break] = ()) -> None:
        """Everything was compared, and these do not tie. A new break is told once, one that is gone is told as cleared;
        `once` are told and cleared at once. Keeps what the account is worth today."""
        ...
