"""Tying out: the ledger against everything that the exchange says of the account's money, in a quiet moment.

Lives here: `tie_out`: reading, posting, comparing. Not here: when (`keeper`), the comparisons (`core.tie_out`).
A wallet, a position and a log are three answers: they are compared only when the wallet was the same before and after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from tradewright.core.clock import Clock
from tradewright.core.ids import ExecutionId
from tradewright.core.order import Execution, Wallet
from tradewright.core.tie_out import Break, closed_breaks, position_breaks, unbalanced, wallet_breaks
from tradewright.exchange.ports import LedgerGateway
from tradewright.trading.ledger.books import LATE, LedgerStore
from tradewright.trading.ledger.posting import (
    CoinsOf,
    Moment,
    bridge_gap,
    open_books,
    post_executions,
    settle_transactions,
)

_LOOKS = 4  # a break that is gone by the last of them is none: the exchange lists some things late
_PAUSE_SECONDS = 1.0
_GRACE = timedelta(minutes=1)  # for a transaction to be listed after its execution
_CLOSED_COMPARED = timedelta(days=1)  # how far back closed profits are compared each time


class BookExecutions(Protocol):
    """Has executions that were read here booked as any other report is."""

    async def __call__(self, executions: Sequence[Execution], /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerParts:
    """What the ledger of one account is kept with. `kept`: how long its exchange keeps what it tells; `also`: breaks
    that something else finds (the daily replay)."""

    gateway: LedgerGateway
    store: LedgerStore
    coins_of: CoinsOf
    clock: Clock
    book: BookExecutions
    kept: timedelta
    also: Callable[[], Awaitable[list[Break]]]


@dataclass(frozen=True, slots=True)
class TiedOut:
    """What did not tie; `is_quiet` is False where the account moved all the time, and nothing was compared."""

    breaks: Sequence[Break]
    is_quiet: bool


async def tie_out(parts: LedgerParts) -> TiedOut:
    """Opens the books if they are not, posts what is new, compares, and keeps what was found.

    Raises `ExchangeUnavailable` if anything could not be read whole: then nothing is compared.
    """
    once = await _begin(parts)
    if once is None:
        return TiedOut([], is_quiet=False)
    found: TiedOut = TiedOut([], is_quiet=False)
    seen: Moment | None = None
    for look in range(_LOOKS):
        if look:
            await parts.clock.sleep(_PAUSE_SECONDS * 2 ** (look - 1))
        wallet = await parts.gateway.wallet()
        now = await _read(parts)
        moment = Moment(wallet=wallet, positions=await parts.gateway.positions())
        breaks = await _compare(parts, moment, now)
        if _held(await parts.gateway.wallet()) != _held(wallet):
            continue
        found, seen = TiedOut(breaks, is_quiet=True), moment
        if not breaks:
            break
    if seen is None:
        return found
    if found.breaks:
        if await _is_awaited(parts, now):
            return TiedOut([], is_quiet=False)
        dated_before = await parts.store.dated_before()
        if dated_before:
            if await _is_behind(parts, seen.wallet):
                return TiedOut([], is_quiet=False)
            once = [*once, *await _begin_anew(parts, seen, dated_before)]
            found = TiedOut(await _compare(parts, seen, now), is_quiet=True)
    await parts.store.note_check(found.breaks, seen.wallet, once)
    return found


async def _is_awaited(parts: LedgerParts, now: datetime) -> bool:
    """Whether the log tells of an execution of the last minute that no list has shown yet: where the wallet and the
    positions have it already, that is no break."""
    rows = [row for row in await parts.store.unsettled() if row.is_of_execution and row.at > now - _GRACE]
    ids = sorted({row.exec_id for row in rows if row.exec_id is not None})
    return len(await parts.store.executions(ids)) < len(ids)


async def _begin_anew(parts: LedgerParts, moment: Moment, dated_before: Sequence[ExecutionId]) -> list[Break]:
    """The exchange's clock was put back behind the books' opening, and what was executed then bears a time at which it
    was not there yet: by its time it lies in the opening, and it does not. The books go on from what is there now; the
    difference stays visible, as one that nobody can place in time."""
    books = await parts.store.books()
    assert books is not None, "they were opened before"
    subject = ", ".join(dated_before)
    told = Break("gap", subject, books.opened_at.isoformat(), moment.wallet.reported_at.isoformat())
    return [told, *await bridge_gap(parts.store, books, moment, parts.coins_of)]


async def _begin(parts: LedgerParts) -> list[Break] | None:
    """Sees to it that the books are open and nothing of what the exchange told is missing; what is to be told of that.
    None when the account would not stand still for it."""
    books = await parts.store.books()
    now = await parts.gateway.server_time()
    if books is not None and now - books.transactions_until <= parts.kept:
        return []
    for look in range(_LOOKS):
        if look:
            await parts.clock.sleep(_PAUSE_SECONDS)
        wallet = await parts.gateway.wallet()
        moment = Moment(wallet=wallet, positions=await parts.gateway.positions())
        if _held(await parts.gateway.wallet()) != _held(wallet) or await _is_behind(parts, wallet):
            continue
        if books is None:
            return await open_books(parts.store, moment, parts.coins_of)
        gap = Break("gap", "transactions", books.transactions_until.isoformat(), (now - parts.kept).isoformat())
        return [gap, *await bridge_gap(parts.store, books, moment, parts.coins_of)]
    return None


async def _is_behind(parts: LedgerParts, wallet: Wallet) -> bool:
    """Whether a fill that lies in this wallet bears a later time, because the exchange's clock was put back after it.
    The books count what is later than their opening: it would be in them twice."""
    newest = await parts.store.newest_execution_at()
    return newest is not None and newest > wallet.reported_at


async def _read(parts: LedgerParts) -> datetime:
    """Keeps what the exchange has told since the last time, and has booked what we had not heard of. By the exchange's
    clock, until when that was."""
    books = await parts.store.books()
    assert books is not None, "they were opened before"
    now = await parts.gateway.server_time()
    since = books.transactions_until - LATE
    transactions = await parts.gateway.transaction_log(since)
    closed = await parts.gateway.closed_pnl(since)
    ids = sorted({row.exec_id for row in transactions if row.exec_id is not None and row.is_of_execution})
    known = await parts.store.executions(ids)
    if len(known) < len(ids):  # the stream lost some, or they are still to be told
        found = await parts.gateway.executions(since)
        await parts.book([each for each in found if each.exec_id not in known])
    await parts.store.keep(transactions, closed, now)
    return now


async def _compare(parts: LedgerParts, moment: Moment, now: datetime) -> list[Break]:
    store = parts.store
    breaks = await post_executions(store, parts.coins_of)
    breaks += await settle_transactions(store, now, now - _GRACE)
    balances = await store.balances()
    breaks += wallet_breaks(balances, _held(moment.wallet))
    if "linear" in parts.gateway.categories:
        breaks += position_breaks(balances, moment.positions)
    rows = await store.closed_since(now - _CLOSED_COMPARED)
    breaks += closed_breaks(await store.gross([row.exchange_order_id for row in rows]), rows)
    return [*breaks, *unbalanced(balances), *await parts.also()]


def _held(wallet: Wallet) -> dict[str, Decimal]:
    return {coin: held.wallet_balance for coin, held in wallet.coins.items() if held.wallet_balance}
