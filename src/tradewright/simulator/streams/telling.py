"""From what happened to what the private streams say about it.

Lives here: the messages of one batch, in Bybit's order: execution, order, position, greeks, wallet. Not here: sending
them (`outbox`, `private`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tradewright.simulator.accounts.events import (
    AmendAccepted,
    AutoMarginSet,
    CancelAccepted,
    Entry,
    Event,
    Funded,
    FundingPaid,
    LeverageSet,
    Liquidating,
    MarginModeSet,
    MarginMoved,
    OrderAccepted,
    OrderFilled,
    PositionModeSet,
    SettingChanged,
    Together,
)
from tradewright.simulator.accounts.settings import BORROWED
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Outcome
from tradewright.simulator.rows.greeks import coin_greeks
from tradewright.simulator.rows.orders import order_stream_row
from tradewright.simulator.rows.trading import (
    execution_stream_row,
    fast_execution_row,
    funding_stream_row,
    position_rows,
)
from tradewright.simulator.streams.outbox import Message


def messages_of(
    outcome: Outcome,
    engine: Engine,
    wallet: Callable[[], dict[str, Any]],
    *,
    uid: str,
    is_heard: Callable[[str], bool],
) -> list[Message]:
    """What subscribers hear of a batch, as far as anybody does: `is_heard` is asked for each topic. An accepted order
    is not told: it has not happened yet.
    """
    order_ids: dict[str, None] = {}
    symbols: dict[str, None] = {}
    filled: set[int] = set()
    paid: set[int] = set()
    money_moved = False
    for entry, event in _single_events(outcome):
        match event:
            case OrderAccepted() | CancelAccepted() | AmendAccepted():
                pass
            case OrderFilled(order_id=order_id):
                order_ids[order_id] = None
                filled.add(entry.seq)
            case (
                LeverageSet(symbol=symbol)
                | MarginMoved(symbol=symbol)
                | AutoMarginSet(symbol=symbol)
                | Liquidating(symbol=symbol)
            ):
                symbols[symbol] = None
            case FundingPaid(symbol=symbol):
                symbols[symbol] = None
                paid.add(entry.seq)
                money_moved = True
            case SettingChanged(name=name):
                money_moved = money_moved or name.startswith(BORROWED)
            case PositionModeSet() | MarginModeSet():
                pass
            case Funded():
                money_moved = True
            case Together():
                pass  # its moves have come one by one
            case _:
                order_ids[event.order_id] = None
    account, specs = engine.account, engine.specs
    told = [account.orders[order_id] for order_id in order_ids]
    symbols |= {order.symbol: None for order in told if not order.is_spot}
    executions = [e for e in account.executions[-len(outcome.entries) :] if e.seq in filled]
    created_ms = outcome.entries[-1].event.at.wall_ms
    messages = []
    if executions and (is_heard("execution") or is_heard("execution.fast")):
        rows = [execution_stream_row(e, specs[e.fill.symbol]) for e in executions]
        messages.append(Message("execution", rows, created_ms, uid))
        messages.append(Message("execution.fast", [fast_execution_row(row) for row in rows], created_ms, uid))
    if paid and is_heard("execution"):
        payments = [p for p in account.funding[-len(outcome.entries) :] if p.seq in paid]
        rows = [funding_stream_row(payment, specs[payment.paid.symbol]) for payment in payments]
        messages.append(Message("execution", rows, created_ms, uid))
    if told and is_heard("order"):
        rows = [order_stream_row(order, specs[order.symbol]) for order in told]
        messages.append(Message("order", rows, created_ms, uid))
    if symbols and is_heard("position"):
        margin = engine.margin_now()
        rows = [
            row
            for symbol in symbols
            for row in position_rows(
                account.positions_of(symbol, specs[symbol].settle_coin),
                engine.floor.terms(symbol),
                margin,
                account.live.followers(symbol),
                ticker=engine.market.ticker,
                on_stream=True,
            )
        ]
        messages.append(Message("position", rows, created_ms, uid))
    traded_options = {specs[e.fill.symbol].base_coin for e in executions if specs[e.fill.symbol].is_option}
    if traded_options and is_heard("greeks"):
        sums = coin_greeks(account.positions.values(), specs, engine.market.ticker)
        rows = [row for row in sums if row["baseCoin"] in traded_options]
        messages.append(Message("greeks", rows, created_ms, uid))
    if (told or money_moved) and is_heard("wallet"):
        messages.append(Message("wallet", [wallet()], created_ms, uid))
    return messages


def _single_events(outcome: Outcome) -> Iterator[tuple[Entry, Event]]:
    for entry in outcome.entries:
        yield entry, entry.event
        if isinstance(entry.event, Together):
            for move in entry.event.moves:
                yield entry, move
