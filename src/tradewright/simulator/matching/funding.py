"""Funding: at each funding time of the market's clock, what is long pays what is short, or the other way round.

Lives here: who pays how much, and when. Not here: rates and times (`market`), what a payment does to the account
(`accounts.account`). A position pays exactly once for each moment: the market's time goes on in pieces that do not
overlap, and each position remembers the moment that it paid for last, which is in its log. It pays for what it was at
that moment, at the mark of the end of the piece: the moment itself if that is a whole minute, and within a second of it
in recordings whose moments are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts.contracts import rounded, value_of
from tradewright.simulator.accounts.events import FundingPaid, OrderFilled
from tradewright.simulator.accounts.positions import PositionKey
from tradewright.simulator.matching.ledger import Ledger

DUE_MAX: Final = 200  # moments of one listing that are looked for in one piece of time


def pay(ledger: Ledger, *, since_ms: int) -> None:
    """Let every perpetual position pay what was due after `since_ms` and up to now (market time)."""
    account, market = ledger.account, ledger.market
    held = {listing for listing, _ in account.held}
    for listing in sorted(held | {fill.symbol for fill in _fills_after(ledger, since_ms)}):
        if listing not in ledger.specs or not ledger.specs[listing].is_perpetual:
            continue
        due = market.funding_history(listing, since_ms + 1, market.now_ms, DUE_MAX)
        for due_ms, rate in reversed(due):
            for key in sorted(key for key in account.positions if key[0] == listing):
                if due_ms > account.funded_until.get(key, 0) and (size := _size_at(ledger, key, due_ms)):
                    ledger.commit([_payment(ledger, key, size, rate, due_ms)])


def _payment(ledger: Ledger, key: PositionKey, size: Decimal, rate: Decimal, due_ms: int) -> FundingPaid:
    listing, index = key
    mark = ledger.market.mark_price(listing)
    value = value_of(listing, abs(size), mark)
    return FundingPaid(
        at=ledger.moment(),
        exec_id=ledger.around.new_id(),
        symbol=listing,
        position_index=index,
        side="Buy" if size > 0 else "Sell",
        size=abs(size),
        mark_price=mark,
        rate=rate,
        fee=rounded(value * rate if size > 0 else -value * rate),
        settle_coin=ledger.specs[listing].settle_coin,
        due_ms=due_ms,
    )


def _size_at(ledger: Ledger, key: PositionKey, market_ms: int) -> Decimal:
    """What a position was at a moment not long ago."""
    size = ledger.account.positions[key].size
    for fill in _fills_after(ledger, market_ms):
        if (fill.symbol, fill.position_index) == key:
            size -= fill.quantity if fill.side == "Buy" else -fill.quantity
    return size


def _fills_after(ledger: Ledger, market_ms: int) -> Iterator[OrderFilled]:
    """Newest first, spot too."""
    for execution in reversed(ledger.account.executions):
        if execution.fill.at.market_ms <= market_ms:
            return
        yield execution.fill
