"""What several rules of orders ask alike: prices of the moment, the account's standing, and the small judgements.

Lives here: `Quotes`, `Standing`, `tier_of` and the checks of one price. Not here: whole orders (`order_rules`), changes
(`change_rules`). No I/O and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument, RiskTier, Side, TriggerBy, price_problems
from tradewright.core.money import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Prices of one instrument at one moment; None where nobody knows."""

    last: Decimal | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None

    def by(self, trigger_by: TriggerBy) -> Decimal | None:
        return {"LastPrice": self.last, "MarkPrice": self.mark, "IndexPrice": self.index}[trigger_by]

    def opposite(self, side: Side) -> Decimal | None:
        """What a taker of this side meets: the best price, else the last."""
        best = self.ask if side == "Buy" else self.bid
        return self.last if best is None else best


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the account has to do with the order; None where it is not known.

    `cost` and `available` are in one coin: the quote coin, for a spot sell the base coin.
    """

    position_side: Side | None = None  # None with a size of zero: flat
    position_size: Decimal | None = None
    position_value: Decimal | None = None  # quote coin
    leverage: Decimal | None = None
    liquidation_price: Decimal | None = None  # as estimated after the order
    cost: Decimal | None = None
    available: Decimal | None = None


def tier_of(instrument: Instrument, value: Decimal) -> tuple[int, RiskTier] | None:
    """The risk tier of a position of this value (quote coin) with its number from 1; the last one beyond them all."""
    for number, tier in enumerate(instrument.risk_tiers, start=1):
        if value <= tier.value_max:
            return number, tier
    return (len(instrument.risk_tiers), instrument.risk_tiers[-1]) if instrument.risk_tiers else None


def grid_problems_at(instrument: Instrument, price: Decimal, path: str) -> list[Problem]:
    """As a limit price, without a side to round to: the suggestion is the nearest below."""
    return [Problem(problem.code, path, problem.params) for problem in price_problems(instrument, "Buy", price)]


def side_problems(price: Decimal, reference: Decimal, *, above: bool, path: str) -> list[Problem]:
    if (price > reference) if above else (price < reference):
        return []
    code = "order.exit_must_be_above" if above else "order.exit_must_be_below"
    return [Problem(code, path, {"value": plain(price), "reference": plain(reference)})]


def liquidation_problems(stop: Decimal, liquidation: Decimal | None, *, is_long: bool, path: str) -> list[Problem]:
    if liquidation is None or ((stop > liquidation) if is_long else (stop < liquidation)):
        return []
    return [Problem("order.stop_beyond_liquidation", path, {"value": plain(stop), "liquidation": plain(liquidation)})]


def trigger_problems_at(
    instrument: Instrument, price: Decimal, current: Decimal | None, *, rises: bool, path: str
) -> list[Problem]:
    problems = grid_problems_at(instrument, price, path)
    if problems or current is None:
        return problems
    params = {"value": plain(price), "current": plain(current)}
    if price == current:
        return [Problem("order.trigger_is_current", path, params)]
    if rises != (price > current):
        return [Problem("order.trigger_passed", path, params)]
    return []
