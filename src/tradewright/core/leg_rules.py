"""Which position of a contract an order or its exits are for: the one of one-way mode, or a leg of hedge mode.

Lives here: `may_hedge`, `index_problems`, `leg_problems`. Not here: the rest of an order's rules (`order_rules`).
The exchange refuses an order whose index does not fit the mode, so what is not known here (None) is left to it.
"""

from __future__ import annotations

from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument, Side

_FIELD = "position_index"
_LONG = 1


def may_hedge(instrument: Instrument) -> bool:
    """Bybit has two legs of contracts that never end and settle in USDT alone."""
    return instrument.id.category == "linear" and instrument.settle_coin == "USDT" and "-" not in instrument.id.symbol


def index_problems(instrument: Instrument, index: int, *, hedged: bool | None) -> list[Problem]:
    """Whether there is a position of this index: 0 in one-way mode, 1 (long) and 2 (short) in hedge mode."""
    if index == 0:
        return [Problem("order.leg_required", _FIELD)] if hedged else []
    if hedged is False or not may_hedge(instrument):
        return [Problem("order.leg_one_way", _FIELD, {"symbol": instrument.id.symbol})]
    return []


def leg_problems(
    instrument: Instrument, index: int, side: Side, *, reduce_only: bool, hedged: bool | None
) -> list[Problem]:
    """Every fault of an order's leg. On a leg one side only opens and the other only closes, and the order says which
    it means: what closes is reduce-only, so that it can never be taken for new exposure, nor the other way round."""
    problems = index_problems(instrument, index, hedged=hedged)
    if problems or index == 0:
        return problems
    opens = (index == _LONG) == (side == "Buy")
    if opens and reduce_only:
        return [Problem("order.leg_opens", "reduce_only")]
    if not opens and not reduce_only:
        return [Problem("order.leg_closes", "reduce_only")]
    return []
