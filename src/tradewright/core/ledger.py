"""The ledger's double entries: what each booking of the exchange moves, from where and to where.

Lives here: `Line`, `EntrySet` and one function for each thing that is booked. Values in, values out.
Not here: average cost (`core.holding`), comparing with the exchange (`core.tie_out`), storage (`trading.ledger`).

A set's lines sum to zero in each asset. What is owned and what was spent is positive; income and what the account was
given are negative. The books of an account:
- `wallet:USDT`: what the wallet holds of a coin;
- `position:linear:BTCUSDT`: contracts held (asset `linear:BTCUSDT`) and what they cost (settle coin), with
  `market:linear:BTCUSDT` on the other side, because contracts are not paid for;
- `position:spot:BTCUSDT`: coins that were bought (asset: the coin, negative) for what they cost (quote coin);
- `income:realised`, `income:funding`, `income:rounding`, `income:other`, `expense:fees`, `expense:interest`;
- `equity:opening` (what was there when the books were opened, and coins of unknown cost), `equity:transfers`,
  `equity:gap` (what moved while nobody could see it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final, Literal

from tradewright.core.holding import FLAT, WIDE, Filled, Holding, filled
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import ZERO
from tradewright.core.order import Execution
from tradewright.core.transactions import Transaction

EntryKind = Literal[
    "trade", "fee", "funding", "realised", "transfer", "interest", "opening", "adjustment", "other"
]  # fmt: skip
FUNDING: Final = "Funding"  # the execType of a booking that moves no quantity

REALISED: Final = "income:realised"
FUNDING_INCOME: Final = "income:funding"
ROUNDING: Final = "income:rounding"
OTHER_INCOME: Final = "income:other"
FEES: Final = "expense:fees"
INTEREST: Final = "expense:interest"
OPENING: Final = "equity:opening"
TRANSFERS: Final = "equity:transfers"
GAP: Final = "equity:gap"

# The exchange's words for what comes and goes, by the beginning of the word; what is not here is other income.
_TRANSFER_WORDS: Final = (
    "TRANSFER",
    "DEPOSIT",
    "WITHDRAW",
    "AIRDROP",
    "BONUS",
    "CURRENCY_",
    "CONVERT",
    "BORROW",
    "REPAY",
)
_INTEREST_WORDS: Final = ("INTEREST",)
_FEE_WORDS: Final = ("FEE_REFUND", "FEE", "LIQUIDATION", "DELIVERY_FEE")


@dataclass(frozen=True, slots=True)
class Line:
    kind: EntryKind
    book: str
    asset: str  # a coin, or `linear:SYMBOL` for contracts
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySet:
    """What is booked together. `source` is what it was booked of, and unique in an account: nothing is booked twice."""

    source: str
    at: datetime  # by the exchange's clock
    lines: tuple[Line, ...]
    instrument: InstrumentId | None = None
    exec_id: ExecutionId | None = None
    exchange_order_id: ExchangeOrderId | None = None


@dataclass(frozen=True, slots=True)
class Coins:
    """What an instrument is made of."""

    base: str
    quote: str  # of a contract: what it settles in


Balances = Mapping[tuple[str, str], Decimal]  # by book and asset


def wallet(coin: str) -> str:
    return f"wallet:{coin}"


def contracts(instrument: InstrumentId) -> str:
    """The asset that a contract is."""
    return f"{instrument.category}:{instrument.symbol}"


def position(instrument: InstrumentId) -> str:
    return f"position:{instrument.category}:{instrument.symbol}"


def market(instrument: InstrumentId) -> str:
    return f"market:{instrument.category}:{instrument.symbol}"


def source_of(execution: Execution) -> str:
    return f"exec:{execution.exec_id}"


def entries_of_execution(execution: Execution, coins: Coins, holding: Holding) -> tuple[EntrySet, Holding]:
    """What one execution moves, and what is held after it."""
    with localcontext(WIDE):
        if execution.exec_type == FUNDING:
            lines, after = _of_funding(execution, coins), holding
        elif execution.instrument.category == "spot":
            lines, after = _of_spot(execution, coins, holding)
        else:
            lines, after = _of_contract(execution, coins, holding)
    entries = EntrySet(
        source=source_of(execution),
        at=execution.executed_at,
        lines=_told(lines),
        instrument=execution.instrument,
        exec_id=execution.exec_id,
        exchange_order_id=execution.exchange_order_id or None,
    )
    return entries, after


def replayed(
    executions: Iterable[Execution], coins: Coins, holding: Holding = FLAT
) -> tuple[dict[ExecutionId, EntrySet], Holding]:
    """The entries of all of one instrument's executions from a holding on, and what is held in the end. They are put
    into the exchange's order here."""
    sets: dict[ExecutionId, EntrySet] = {}
    for execution in sorted(executions, key=order_of):
        sets[execution.exec_id], holding = entries_of_execution(execution, coins, holding)
    return sets, holding


def order_of(execution: Execution) -> tuple[int, datetime, str]:
    """The order in which the exchange carried out those of one instrument: by its sequence, which only grows, where its
    clock may be put back between two of them."""
    return execution.sequence, execution.executed_at, execution.exec_id


def entries_of_late(
    execution: Execution, booked: Sequence[Execution], coins: Coins, holding: Holding = FLAT
) -> tuple[list[EntrySet], Holding]:
    """An execution that is heard of after younger ones were booked: its own entries, and for each of the younger ones
    what it makes of them less what they were booked as.

    `booked` are all of the instrument's that were, `holding` what was held before the first of them.
    """
    had, _ = replayed(booked, coins, holding)
    has, after = replayed([*booked, execution], coins, holding)
    sets = [has.pop(execution.exec_id)]
    for exec_id, entries in has.items():
        lines = _told(_difference(entries, had[exec_id]))
        if lines:
            sets.append(replace(entries, source=f"late:{execution.exec_id}:{exec_id}", lines=lines))
    return sets, after


def _difference(after: EntrySet, before: EntrySet) -> list[Line]:
    sums: dict[tuple[EntryKind, str, str], Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for entries, sign in ((after, 1), (before, -1)):
            for line in entries.lines:
                sums[line.kind, line.book, line.asset] += sign * line.amount
    return [Line(kind, book, asset, amount) for (kind, book, asset), amount in sums.items()]


def entries_of_transaction(transaction: Transaction) -> EntrySet:
    """A movement of the wallet that is no execution of ours: a transfer, interest, a fee, or whatever else."""
    kind, book = _other_side(transaction.kind)
    lines = (
        Line(kind, wallet(transaction.coin), transaction.coin, transaction.change),
        Line(kind, book, transaction.coin, -transaction.change),
    )
    return EntrySet(
        source=f"tx:{transaction.key}", at=transaction.at, lines=_told(lines), instrument=transaction.instrument
    )


def entries_of_rounding(execution: Execution, coin: str, difference: Decimal, version: int) -> EntrySet:
    """The wallet moved by a little more (or less) than the execution comes to, within what rounding explains. `version`
    is the books': once a late execution has corrected this one, what it is off by is another."""
    return EntrySet(
        source=f"round:{execution.exec_id}:{coin}:{version}",
        at=execution.executed_at,
        lines=_told(
            [
                Line("adjustment", wallet(coin), coin, difference),
                Line("adjustment", ROUNDING, coin, -difference),
            ]
        ),
        instrument=execution.instrument,
        exec_id=execution.exec_id,
        exchange_order_id=execution.exchange_order_id or None,
    )


def entries_of_opening(
    source: str, at: datetime, wallets: Mapping[str, Decimal], held: Mapping[InstrumentId, Sequence[Holding]],
    coins: Mapping[InstrumentId, Coins], balances: Balances, *, other_side: str = OPENING,
) -> list[EntrySet]:  # fmt: skip
    """What brings the books to what the exchange shows: of empty books an opening, after a gap what was missed.

    `held` are contracts alone; those that the books have and it does not name become flat.
    """
    sets: list[EntrySet] = []
    known = {book.removeprefix("wallet:") for book, _ in balances if book.startswith("wallet:")}
    with localcontext(WIDE):
        lines: list[Line] = []
        for coin in sorted({*wallets, *known}):
            missing = wallets.get(coin, ZERO) - balances.get((wallet(coin), coin), ZERO)
            lines += [
                Line("opening", wallet(coin), coin, missing),
                Line("opening", other_side, coin, -missing),
            ]
        sets.append(EntrySet(source=f"{source}:wallet", at=at, lines=_told(lines)))
        for instrument, legs in held.items():
            book, against, asset = position(instrument), market(instrument), contracts(instrument)
            quote = coins[instrument].quote
            size = sum((leg.size for leg in legs), ZERO) - balances.get((book, asset), ZERO)
            cost = sum((leg.book_value for leg in legs), ZERO) - balances.get((book, quote), ZERO)
            lines = [
                Line("opening", book, asset, size),
                Line("opening", against, asset, -size),
                Line("opening", book, quote, cost),
                Line("opening", against, quote, -cost),
            ]
            sets.append(EntrySet(source=f"{source}:{asset}", at=at, lines=_told(lines), instrument=instrument))
    return [entries for entries in sets if entries.lines]


def unbalanced(entries: EntrySet) -> dict[str, Decimal]:
    """By asset what a set's lines do not sum to zero in; empty for every set that is made here."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for line in entries.lines:
            sums[line.asset] += line.amount
    return {asset: amount for asset, amount in sums.items() if amount}


def wallet_changes(entries: EntrySet) -> dict[str, Decimal]:
    """By coin what a set adds to the wallet."""
    changes: dict[str, Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for line in entries.lines:
            if line.book.startswith("wallet:"):
                changes[line.asset] += line.amount
    return dict(changes)


def _told(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.amount)


def _of_funding(execution: Execution, coins: Coins) -> list[Line]:
    coin = execution.fee_coin or coins.quote
    return [
        Line("funding", wallet(coin), coin, -execution.fee),
        Line("funding", FUNDING_INCOME, coin, execution.fee),
    ]


def _signed(execution: Execution) -> Decimal:
    return execution.quantity if execution.side == "Buy" else -execution.quantity


def _of_contract(execution: Execution, coins: Coins, holding: Holding) -> tuple[list[Line], Holding]:
    instrument, quote, signed = execution.instrument, coins.quote, _signed(execution)
    fill = filled(holding, signed, execution.price)
    cost = fill.holding.book_value - holding.book_value
    book, against, asset = position(instrument), market(instrument), contracts(instrument)
    lines = [
        Line("trade", book, asset, signed),
        Line("trade", against, asset, -signed),
        Line("trade", book, quote, cost),
        Line("trade", against, quote, -cost),
        Line("realised", wallet(quote), quote, fill.realised),
        Line("realised", REALISED, quote, -fill.realised),
        *_fee(execution.fee, execution.fee_coin or quote),
    ]
    return lines, fill.holding


def _fee(fee: Decimal, coin: str) -> list[Line]:
    return [Line("fee", wallet(coin), coin, -fee), Line("fee", FEES, coin, fee)]


def _of_spot(execution: Execution, coins: Coins, holding: Holding) -> tuple[list[Line], Holding]:
    """Coins change hands. A fee in the base coin is a cost at the fill's price, so that a pair's profit is in one coin.

    What is sold beyond what was bought here had been there before: its cost is not known, and it brings no profit.
    """
    instrument, base, quote, price = execution.instrument, coins.base, coins.quote, execution.price
    signed, fee_coin = _signed(execution), execution.fee_coin or quote
    fee_base = execution.fee if fee_coin == base else ZERO
    net = signed - fee_base
    beyond = max(ZERO, -net - holding.unsigned)  # a spot holding is never short
    fill = filled(holding, net + beyond, price) if net + beyond else Filled(holding, ZERO, ZERO)
    book = position(instrument)
    lines = [
        Line("trade", wallet(base), base, signed),
        Line("fee", wallet(base), base, -fee_base),
        Line("trade", book, base, -net - beyond),
        Line("opening", OPENING, base, beyond),
        Line("trade", wallet(quote), quote, -signed * price),
        Line("trade", book, quote, fill.holding.book_value - holding.book_value),
        Line("realised", REALISED, quote, -fill.realised),
        Line("fee", FEES, quote, fee_base * price),
        Line("opening", OPENING, quote, -beyond * price),
    ]
    if not fee_base:
        lines += _fee(execution.fee, fee_coin)
    return lines, fill.holding


def _other_side(word: str) -> tuple[EntryKind, str]:
    if word.startswith(_FEE_WORDS):
        return "fee", FEES
    if word.startswith(_INTEREST_WORDS):
        return "interest", INTEREST
    if word.startswith(_TRANSFER_WORDS):
        return "transfer", TRANSFERS
    if word == "SETTLEMENT":
        return "funding", FUNDING_INCOME
    return "other", OTHER_INCOME
