"""Whether the ledger says what the exchange says: by transaction, wallet, position and closed order.

Lives here: the comparisons, and what is let pass as rounding. Values in, values out.
Not here: reading and storing (`trading.ledger`), entries (`core.ledger`).

Wallets are compared exactly. What one execution moved may differ by what rounding explains (`rounding_allowed`); that
difference is booked as an adjustment of its own, so that it stays visible and the wallet exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final, Literal

from tradewright.core.holding import PLACE, WIDE
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import (
    FUNDING,
    Balances,
    EntrySet,
    contracts,
    entries_of_rounding,
    entries_of_transaction,
    position,
    wallet,
)
from tradewright.core.money import ZERO, plain
from tradewright.core.order import Execution, RemotePosition
from tradewright.core.transactions import ClosedPnl, Transaction

BreakKind = Literal[
    "wallet",  # what the wallet holds of a coin
    "position",  # how much of a contract is held
    "movement",  # what one execution moved, by the exchange's transaction log
    "execution_missing",  # the transaction log has one that we have not booked
    "transaction_missing",  # we have booked one that the transaction log does not have
    "closed_pnl",  # what one order's closing has won
    "unbalanced",  # our own books do not sum to zero in an asset
    "replay",  # our own books are not what all executions come to
    "instrument_unknown",  # it is not known what coins an execution moved
    "gap",  # we were away for longer than the exchange keeps
]
_LEAST: Final = Decimal("0.000001")
_FUNDING_APART: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Break:
    """Two figures that should be one. `subject` is what they are of: `wallet:USDT`, an order's or execution's id."""

    kind: BreakKind
    subject: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class TiedTransactions:
    """`settled` are the keys of those that need no further look, with the execution that one turned out to be."""

    sets: Sequence[EntrySet]
    settled: Mapping[str, ExecutionId | None]
    breaks: Sequence[Break]


def rounding_allowed(execution: Execution) -> Decimal:
    """By how much of the settle or quote coin a wallet may move beside what an execution comes to.

    Of spot one unit of the eighth place. Of a contract a millionth, and one unit of the eighth place for each unit of
    quantity: the exchange's average prices have eight places, and it rounds at each fill.
    """
    if execution.instrument.category == "spot":
        return PLACE
    with localcontext(WIDE):
        return _LEAST + execution.quantity * PLACE


def tie_transactions(
    rows: Sequence[Transaction],
    executions: Mapping[ExecutionId, Execution],
    changes: Mapping[ExecutionId, Mapping[str, Decimal]],
    untold: Sequence[Execution],
    opened_at: datetime,
    version: int,
) -> TiedTransactions:
    """Holds rows of the transaction log against what was booked in books of this version; books what is no execution.

    `changes` is what each execution's entries add to the wallet, by coin; `untold` are executions of which the log says
    nothing. Rows up to `opened_at` are in the opening.
    """
    sets: list[EntrySet] = []
    breaks: list[Break] = []
    settled: dict[str, ExecutionId | None] = {}
    of_executions: dict[tuple[ExecutionId, str], list[Transaction]] = defaultdict(list)
    fundings = [execution for execution in untold if execution.exec_type == FUNDING]
    for row in rows:
        exec_id = row.exec_id
        if row.at <= opened_at:
            settled[row.key] = None
        elif not row.is_of_execution:
            sets.append(entries_of_transaction(row))
            settled[row.key] = None
        elif exec_id is not None and exec_id in executions:
            of_executions[exec_id, row.coin].append(row)
        elif (paid := _same_funding(row, fundings)) is not None:
            fundings.remove(paid)
            settled[row.key] = paid.exec_id
        else:
            breaks.append(Break("execution_missing", str(exec_id), "0", plain(row.change)))
    for (exec_id, coin), told in of_executions.items():
        execution, own = executions[exec_id], changes.get(exec_id)
        with localcontext(WIDE):
            theirs = sum((row.change for row in told), ZERO)
        if own is None and theirs:
            continue  # its entries are still to be made
        ours = ZERO if own is None else own.get(coin, ZERO)
        with localcontext(WIDE):
            difference = theirs - ours
        if abs(difference) > rounding_allowed(execution):
            breaks.append(Break("movement", f"{exec_id}:{coin}", plain(ours), plain(theirs)))
            continue
        if difference:
            sets.append(entries_of_rounding(execution, coin, difference, version))
        settled |= {row.key: None for row in told}
    return TiedTransactions(sets, settled, breaks)


def _same_funding(row: Transaction, fundings: Iterable[Execution]) -> Execution | None:
    """The funding that a row tells of under another id. Whether Bybit gives both the same one is not documented."""
    if row.kind != "SETTLEMENT":
        return None
    for paid in fundings:
        is_near = abs(paid.executed_at - row.at) <= _FUNDING_APART
        if paid.instrument == row.instrument and paid.fee == -row.change and is_near:
            return paid
    return None


def missing_transactions(untold: Iterable[Execution]) -> list[Break]:
    return [Break("transaction_missing", execution.exec_id, execution.exec_type, "") for execution in untold]


def wallet_breaks(balances: Balances, wallets: Mapping[str, Decimal]) -> list[Break]:
    """Coins of which we hold another amount than the wallet, which names every coin that there is."""
    ours = {asset: amount for (book, asset), amount in balances.items() if book == wallet(asset)}
    return [
        Break("wallet", wallet(coin), plain(ours.get(coin, ZERO)), plain(wallets.get(coin, ZERO)))
        for coin in sorted({*ours, *wallets})
        if ours.get(coin, ZERO) != wallets.get(coin, ZERO)
    ]


def position_breaks(balances: Balances, positions: Sequence[RemotePosition]) -> list[Break]:
    """Contracts of which we hold another quantity; those that a complete list does not name are flat.

    The two legs of a symbol in hedge mode are compared as one: a fill does not say to which of them it belongs.
    """
    theirs: dict[InstrumentId, Decimal] = defaultdict(Decimal)
    for held in positions:
        theirs[held.instrument] += -held.size if held.side == "Sell" else held.size
    named = {position(instrument): (contracts(instrument), size) for instrument, size in theirs.items()}
    ours = {book: amount for (book, asset), amount in balances.items() if book == f"position:{asset}"}
    found: list[Break] = []
    for book in sorted({*named, *ours}):
        _, size = named.get(book, ("", ZERO))
        if ours.get(book, ZERO) != size:
            found.append(Break("position", book, plain(ours.get(book, ZERO)), plain(size)))
    return found


def closed_breaks(gross: Mapping[ExchangeOrderId, tuple[Decimal, Decimal]], rows: Sequence[ClosedPnl]) -> list[Break]:
    """Orders whose closing has won something else than the exchange says. `gross` is what we booked of an order:
    profit without fees, and the quantity it filled. One without its fees cannot be compared."""
    found: list[Break] = []
    for row in rows:
        if row.exchange_order_id not in gross or row.gross is None:
            continue
        ours, quantity = gross[row.exchange_order_id]
        with localcontext(WIDE):
            # Each of three figures is rounded, at each fill; and the average price as of one execution.
            allowed = 3 * _LEAST + quantity * PLACE
            if abs(ours - row.gross) > allowed:
                found.append(Break("closed_pnl", row.exchange_order_id, plain(ours), plain(row.gross)))
    return found


def unbalanced(balances: Balances) -> list[Break]:
    """Assets in which all our books together are not zero."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for (_, asset), amount in balances.items():
            sums[asset] += amount
    return [Break("unbalanced", asset, plain(amount), "0") for asset, amount in sorted(sums.items()) if amount]
