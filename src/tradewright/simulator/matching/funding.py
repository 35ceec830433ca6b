"""Funding: at each funding time of the market's clock, what is long pays what is short, or the other way round.

Lives here: who pays how much, and when. Not here: rates and times (`market`), what a payment does to the account
(`accounts.account`). A position pays exactly once for each moment: the market's time goes on in pieces that do not
overlap, and each position remembers the moment that it paid for last, which is in its log.
"""

from __future__ import annotations

from typing import Final

from tradewright.simulator.accounts.contracts import rounded
from tradewright.simulator.accounts.events import FundingPaid
from tradewright.simulator.matching.ledger import Ledger

MINUTE_MS: Final = 60_000
DUE_MAX: Final = 200  # moments of one listing that are looked for in one piece of time


def pay(ledger: Ledger, *, since_ms: int) -> None:
    """Let every open perpetual position pay what was due after `since_ms` and up to now (market time), at the mark of
    now. Funding times are whole minutes, and the venue stops at each of them, so now is such a moment.
    """
    account, market = ledger.account, ledger.market
    if market.now_ms // MINUTE_MS == since_ms // MINUTE_MS:
        return
    for key in sorted(account.positions):
        position = account.positions[key]
        spec = ledger.specs.get(position.symbol)
        if position.side is None or spec is None or not spec.is_perpetual:
            continue
        mark = market.mark_price(position.symbol)
        owed = position.value(mark) if position.side == "Buy" else -position.value(mark)
        due = market.funding_history(position.symbol, since_ms + 1, market.now_ms, DUE_MAX)
        for due_ms, rate in reversed(due):
            if due_ms <= account.funded_until.get(key, 0):
                continue
            paid = FundingPaid(
                at=ledger.moment(),
                exec_id=ledger.around.new_id(),
                symbol=position.symbol,
                position_index=position.index,
                side=position.side,
                size=abs(position.size),
                mark_price=mark,
                rate=rate,
                fee=rounded(owed * rate),
                settle_coin=spec.settle_coin,
                due_ms=due_ms,
            )
            ledger.commit([paid])
