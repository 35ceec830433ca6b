"""Posting: what was booked of the exchange becomes entries, in the exchange's order.

Lives here: `post_executions`, `open_books`, `settle_transactions`: reading the store, the pure entries, writing them.
Not here: when (`keeper`), comparing (`tying`), the entries themselves (`core.ledger`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tradewright.core.holding import held
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.ledger import (
    GAP,
    OPENING,
    Coins,
    EntrySet,
    contracts,
    entries_of_execution,
    entries_of_late,
    entries_of_opening,
    order_of,
)
from tradewright.core.order import Execution, RemotePosition, Wallet
from tradewright.core.tie_out import Break, TiedTransactions, missing_transactions, tie_transactions
from tradewright.trading.ledger.books import UNPOSTED_MAX, Books, BooksMoved, LedgerStore, Posting, Standing

CoinsOf = Callable[[InstrumentId], Coins | None]
_ROUNDS_MAX = 200  # of `UNPOSTED_MAX` executions: what is beyond is posted by the next look


def coins_from(instrument_of: Callable[[InstrumentId], Instrument | None]) -> CoinsOf:
    """What instruments are made of, by the exchange's own list. A contract's money is what it settles in."""

    def coins_of(instrument: InstrumentId) -> Coins | None:
        rules = instrument_of(instrument)
        if rules is None:
            return None
        return Coins(rules.base_coin, rules.quote_coin if instrument.category == "spot" else rules.settle_coin)

    return coins_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the exchange showed while nothing moved, from `wallet.reported_at` on."""

    wallet: Wallet
    positions: Sequence[RemotePosition]


async def open_books(store: LedgerStore, moment: Moment, coins_of: CoinsOf) -> list[Break]:
    """The first entry: what is there now. What happened until now stays outside the books."""
    return await _bring_to(store, moment, coins_of, version=0, source="opening", other_side=OPENING)


async def bridge_gap(store: LedgerStore, books: Books, moment: Moment, coins_of: CoinsOf) -> list[Break]:
    """We were away for longer than the exchange keeps: what moved meanwhile cannot be known. The books go on from what
    is there now, and the difference is an entry of its own."""
    source = f"gap:{moment.wallet.reported_at.isoformat()}"
    return await _bring_to(store, moment, coins_of, version=books.version, source=source, other_side=GAP)


async def _bring_to(
    store: LedgerStore, moment: Moment, coins_of: CoinsOf, *, version: int, source: str, other_side: str
) -> list[Break]:
    at = moment.wallet.reported_at
    balances = await store.balances() if version else {}
    standings: dict[InstrumentId, Standing] = {}
    for name, standing in (await store.standings()).items():
        # Coins that were bought keep what they cost; contracts are what the exchange says, and flat where it says none.
        standings[name] = Standing(now=standing.now, opening=standing.now) if name.category == "spot" else Standing()
    coins: dict[InstrumentId, Coins] = {}
    unknown: list[Break] = []
    for position in moment.positions:
        name, price = position.instrument, position.entry_price
        known = coins_of(name)
        if known is None or price is None:
            unknown.append(Break("instrument_unknown", contracts(name), "", ""))
            continue
        size = position.size if position.side == "Buy" else -position.size
        if name in coins:  # the other leg of hedge mode: both are one holding here, at the price of the second
            size += standings[name].now.size
        holding = held(size, price)
        standings[name], coins[name] = Standing(now=holding, opening=holding), known
    holdings = {name: standing.now for name, standing in standings.items() if name.category == "linear"}
    for name in holdings:
        coins.setdefault(name, coins_of(name) or Coins("", "USDT"))
    wallets = {coin: held_coin.wallet_balance for coin, held_coin in moment.wallet.coins.items()}
    sets = entries_of_opening(source, at, wallets, holdings, coins, balances, other_side=other_side)
    await store.post(Posting(sets=sets, standings=standings, opens=at), version)
    return unknown


async def post_executions(store: LedgerStore, coins_of: CoinsOf) -> list[Break]:
    """Entries of every execution that has none. Returns what could not be posted, because nobody knows its coins."""
    for _ in range(_ROUNDS_MAX):
        books = await store.books()
        waiting = await store.unposted()
        if books is None or not waiting:
            return []
        posting, unknown = await _posting_of(store, waiting, coins_of)
        if posting.sets or posting.standings:
            await store.post(posting, books.version)
        if len(waiting) < UNPOSTED_MAX or not posting.sets:
            return unknown
    return []


async def _posting_of(
    store: LedgerStore, waiting: Sequence[Execution], coins_of: CoinsOf
) -> tuple[Posting, list[Break]]:
    standings = dict(await store.standings())
    touched: dict[InstrumentId, Standing] = {}
    booked: dict[InstrumentId, list[Execution]] = {}  # of those instruments of which something came late
    sets: list[EntrySet] = []
    unknown: dict[InstrumentId, Break] = {}
    for execution in waiting:
        name = execution.instrument
        coins = coins_of(name)
        if coins is None:
            unknown[name] = Break("instrument_unknown", contracts(name), execution.exec_id, "")
            continue
        standing = touched.get(name) or standings.get(name) or Standing()
        if standing.last is None or order_of(execution) > standing.last:
            entries, now = entries_of_execution(execution, coins, standing.now)
            sets.append(entries)
            last = order_of(execution)
        else:
            if name not in booked:
                earlier = {each.exec_id for each in waiting[: waiting.index(execution)] if each.instrument == name}
                booked[name] = [*await store.posted(name), *(each for each in waiting if each.exec_id in earlier)]
            corrections, now = entries_of_late(execution, booked[name], coins, standing.opening)
            sets += corrections
            last = standing.last
        if name in booked:
            booked[name].append(execution)
        touched[name] = replace(standing, now=now, last=last)
    return Posting(sets=[each for each in sets if each.lines], standings=touched), list(unknown.values())


async def settle_transactions(store: LedgerStore, now: datetime, grace_since: datetime) -> list[Break]:
    """Holds what the transaction log told against the entries, and books what is no execution. Returns what does not
    tie: with what is missing there only where it has been for longer than since `grace_since`."""
    books = await store.books()
    if books is None:
        raise BooksMoved("the books are not open")
    rows = await store.unsettled()
    ids = sorted({row.exec_id for row in rows if row.exec_id is not None})
    untold = await store.untold(now)
    tied: TiedTransactions = tie_transactions(
        rows, await store.executions(ids), await store.wallet_changes(ids), untold, books.opened_at
    )
    if tied.sets or tied.settled:
        await store.post(Posting(sets=[each for each in tied.sets if each.lines], settled=tied.settled), books.version)
    matched = set(tied.settled.values())
    late = [each for each in untold if each.executed_at <= grace_since and each.exec_id not in matched]
    return [*tied.breaks, *missing_transactions(late)]
