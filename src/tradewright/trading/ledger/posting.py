"""Posting: what was booked of the exchange becomes entries, in the exchange's order.

Lives here: `post_executions`, `open_books`, `settle_transactions`: reading the store, the pure entries, writing them.
Not here: when (`keeper`), comparing (`tying`), the entries themselves (`core.ledger`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tradewright.core.holding import Holding, held
from tradewright.core.ids import ExecutionId
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
from tradewright.trading.ledger.books import (
    UNPOSTED_MAX,
    Booked,
    Books,
    BooksMoved,
    HoldingKey,
    LedgerStore,
    Posting,
    Standing,
)

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
    standings: dict[HoldingKey, Standing] = {}
    for key, standing in (await store.standings()).items():
        # Coins that were bought keep what they cost; contracts are what the exchange says, and flat where it says none.
        is_spot = key[0].category == "spot"
        standings[key] = Standing(now=standing.now, opening=standing.now) if is_spot else Standing()
    coins: dict[InstrumentId, Coins] = {}
    unknown: list[Break] = []
    for position in moment.positions:
        name, price = position.instrument, position.entry_price
        known = coins_of(name)
        if known is None or price is None:
            unknown.append(Break("instrument_unknown", contracts(name), "", ""))
            continue
        holding = held(position.size if position.side == "Buy" else -position.size, price)
        standings[name, position.position_index], coins[name] = Standing(now=holding, opening=holding), known
    holdings: dict[InstrumentId, list[Holding]] = defaultdict(list)
    for (name, _leg), standing in standings.items():
        if name.category == "linear" and (known := coins.get(name) or coins_of(name)) is not None:
            holdings[name].append(standing.now)
            coins[name] = known
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


async def _posting_of(store: LedgerStore, waiting: Sequence[Booked], coins_of: CoinsOf) -> tuple[Posting, list[Break]]:
    standings = dict(await store.standings())
    touched: dict[HoldingKey, Standing] = {}
    before: dict[HoldingKey, list[Execution]] = {}  # of those legs of which something came late
    sets: list[EntrySet] = []
    corrected: set[ExecutionId] = set()
    unknown: dict[InstrumentId, Break] = {}
    waiting = _in_order(waiting)
    for place, each in enumerate(waiting):
        execution, key = each.execution, (each.execution.instrument, each.leg)
        coins = coins_of(execution.instrument)
        if coins is None:
            unknown[execution.instrument] = Break(
                "instrument_unknown", contracts(execution.instrument), execution.exec_id, ""
            )
            continue
        standing = touched.get(key) or standings.get(key) or Standing()
        last = order_of(execution)
        if standing.last is None or last > standing.last:
            entries, now = entries_of_execution(execution, coins, standing.now)
            sets.append(entries)
        else:
            if key not in before:
                earlier = [one.execution for one in waiting[:place] if (one.execution.instrument, one.leg) == key]
                before[key] = [*await store.posted(key), *earlier]
            corrections, now = entries_of_late(execution, before[key], coins, standing.opening)
            sets += corrections
            corrected |= {one.exec_id for one in corrections if one.exec_id is not None}
            last = standing.last
        if key in before:
            before[key].append(execution)
        touched[key] = replace(standing, now=now, last=last)
    posting = Posting(sets=[one for one in sets if one.lines], standings=touched, corrected=sorted(corrected))
    return posting, list(unknown.values())


def _in_order(waiting: Sequence[Booked]) -> list[Booked]:
    """Those of each leg in the exchange's order, in the places that the leg has among all of them by time."""
    legs: dict[HoldingKey, list[Booked]] = defaultdict(list)
    for each in waiting:
        legs[each.execution.instrument, each.leg].append(each)
    following = {key: iter(sorted(leg, key=lambda one: order_of(one.execution))) for key, leg in legs.items()}
    return [next(following[each.execution.instrument, each.leg]) for each in waiting]


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
        rows, await store.executions(ids), await store.wallet_changes(ids), untold, books.opened_at, books.version
    )
    if tied.sets or tied.settled:
        await store.post(Posting(sets=[each for each in tied.sets if each.lines], settled=tied.settled), books.version)
    matched = set(tied.settled.values())
    late = [each for each in untold if each.executed_at <= grace_since and each.exec_id not in matched]
    return [*tied.breaks, *missing_transactions(late)]
