"""What an order would come to: price, margin, fees, liquidation, break-even, what it risks, the position after it.

Lives here: `preview_of` for linear contracts and spot. Not here: whether it may go (`order_rules`), who asks (`web`).
The page repeats it in `frontend/src/rules/preview.ts`; both read `tests/data/preview.json`. No I/O and no clock.
Estimates all: the exchange decides. Formulas are those of the ticket (its "i" shows them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradewright.core.instrument import Instrument, Side
from tradewright.core.money import rounded
from tradewright.core.order import FeeRates
from tradewright.core.order_rules import Draft, entry_price
from tradewright.core.rule_parts import Quotes, tier_of

Levels = Sequence[tuple[Decimal, Decimal]]  # (price, size), best first
Liquidation = Literal["estimate", "account_wide", "none"]
ISOLATED = "ISOLATED_MARGIN"
_HUNDRED = Decimal(100)
_SHOWN = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The position there is; flat: no side, size zero."""

    side: Side | None = None
    size: Decimal = Decimal(0)
    entry_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the account brings; None where it is not known. `available` and `equity` as the wallet tells them."""

    fees: FeeRates | None = None
    leverage: Decimal | None = None
    margin_mode: str | None = None
    equity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPreview:
    """Quote coin, and quote per base; None where it cannot be known. `cost` of a spot sell is base coin."""

    expected_price: Decimal | None = None
    slippage_percent: Decimal | None = None
    order_value: Decimal | None = None
    initial_margin: Decimal | None = None
    open_fee: Decimal | None = None
    close_fee: Decimal | None = None
    cost: Decimal | None = None
    liquidation_price: Decimal | None = None
    liquidation: Liquidation = "none"
    break_even_price: Decimal | None = None
    risk_at_stop: Decimal | None = None
    risk_percent: Decimal | None = None
    reward_at_target: Decimal | None = None
    reward_per_risk: Decimal | None = None
    after: Holding | None = None
    book_covers: Decimal | None = None  # of a market order: how much of it the book holds within its slippage


@dataclass(frozen=True, slots=True)
class _Expected:
    """Where the order is filled: the mean price, how much of it takes, and how far that is from the best."""

    price: Decimal
    taken: Decimal  # base coin that meets the book at once and pays the taker's fee
    slippage_percent: Decimal | None
    covered: Decimal | None


def preview_of(
    instrument: Instrument,
    draft: Draft,
    quotes: Quotes,
    book: tuple[Levels, Levels] | None,
    held: Holding,
    means: Means,
) -> OrderPreview:
    """The preview of an order whose quantity is known. `book` is (bids, asks), best first."""
    expected = _expected(draft, quotes, book)
    if expected is None or draft.quantity <= 0:
        return OrderPreview()
    if draft.quantity_unit == "quote":
        return _of_amount(draft, expected, means)
    price, quantity = expected.price, draft.quantity
    value = quantity * price
    open_fee = None if means.fees is None else _open_fee(expected, quantity, means.fees)
    if instrument.id.category == "spot":
        return OrderPreview(
            expected_price=_shown(price),
            slippage_percent=expected.slippage_percent,
            order_value=_shown(value),
            open_fee=_shown(open_fee),
            cost=_shown(quantity * (draft.price or price)) if draft.side == "Buy" else quantity,
            book_covers=expected.covered,
        )
    after = _after(held, draft.side, quantity, price, reduce_only=draft.reduce_only)
    opens = max(Decimal(0), quantity - _reduced(held, draft.side))
    if draft.reduce_only:
        opens = Decimal(0)
    margin = None if means.leverage is None else opens * price / means.leverage
    close_fee = _close_fee(draft.side, quantity, price, means)
    cost = None
    if margin is not None and open_fee is not None and close_fee is not None:
        cost = margin + open_fee + (close_fee * opens / quantity)
    fees = None if open_fee is None or close_fee is None else open_fee + close_fee
    liquidation, liquidation_price = _liquidation(instrument, after, means)
    risk, reward = _outcomes(draft, price, quantity, fees)
    return OrderPreview(
        expected_price=_shown(price),
        slippage_percent=expected.slippage_percent,
        order_value=_shown(value),
        initial_margin=_shown(margin),
        open_fee=_shown(open_fee),
        close_fee=_shown(close_fee),
        cost=_shown(cost),
        liquidation_price=liquidation_price,
        liquidation=liquidation,
        break_even_price=_break_even(instrument, draft.side, price, quantity, fees),
        risk_at_stop=_shown(risk),
        risk_percent=None if risk is None or not means.equity else _shown(risk / means.equity * _HUNDRED),
        reward_at_target=_shown(reward),
        reward_per_risk=None if risk is None or reward is None or risk <= 0 else _shown(reward / risk),
        after=after,
        book_covers=expected.covered,
    )


def _of_amount(draft: Draft, expected: _Expected, means: Means) -> OrderPreview:
    """A spot market order for an amount: the amount is what it costs, whatever it buys."""
    fee = None if means.fees is None else draft.quantity * means.fees.taker
    return OrderPreview(
        expected_price=_shown(expected.price),
        order_value=draft.quantity,
        open_fee=_shown(fee),
        cost=draft.quantity if draft.side == "Buy" else None,
    )


def _expected(draft: Draft, quotes: Quotes, book: tuple[Levels, Levels] | None) -> _Expected | None:
    if draft.trigger is not None:
        price = entry_price(draft, quotes)
        if not price:
            return None
        return _Expected(price, draft.quantity if draft.order_type == "Market" else Decimal(0), None, None)
    best = quotes.opposite(draft.side)
    is_buy = draft.side == "Buy"
    levels = (book[1] if is_buy else book[0]) if book is not None else ()
    if draft.order_type == "Limit":
        if draft.price is None:
            return None
        crosses = best is not None and (draft.price >= best if is_buy else draft.price <= best)
        if not crosses or draft.time_in_force == "PostOnly":
            return _Expected(draft.price, Decimal(0), None, None)
        taken, paid = _walk(levels, draft.quantity, limit=draft.price, is_buy=is_buy)
        if not taken:
            assert best is not None, "an order crosses a price that is known"
            return _Expected(best, draft.quantity, None, None)
        rest = draft.quantity - taken
        return _Expected((paid + rest * draft.price) / draft.quantity, taken, None, None)
    if not best:
        return None
    if draft.quantity_unit == "quote" or not levels:
        return _Expected(best, draft.quantity, None, None)
    bound = _slipped(best, draft)
    taken, paid = _walk(levels, draft.quantity, limit=bound, is_buy=is_buy)
    price = paid / taken if taken else best
    away = abs(price - best) / best * _HUNDRED
    return _Expected(price, draft.quantity, rounded(away, Decimal("0.0001")), taken)


def _slipped(best: Decimal, draft: Draft) -> Decimal | None:
    if draft.slippage_percent is None:
        return None
    share = draft.slippage_percent / _HUNDRED
    return best * (1 + share) if draft.side == "Buy" else best * (1 - share)


def _walk(levels: Levels, quantity: Decimal, *, limit: Decimal | None, is_buy: bool) -> tuple[Decimal, Decimal]:
    """(base coin taken, quote coin paid) from the best level on, not beyond `limit`."""
    taken = paid = Decimal(0)
    for price, size in levels:
        if taken >= quantity or (limit is not None and (price > limit if is_buy else price < limit)):
            break
        part = min(size, quantity - taken)
        taken += part
        paid += part * price
    return taken, paid


def _open_fee(expected: _Expected, quantity: Decimal, fees: FeeRates) -> Decimal:
    taken = min(expected.taken, quantity)
    return expected.price * (taken * fees.taker + (quantity - taken) * fees.maker)


def _close_fee(side: Side, quantity: Decimal, price: Decimal, means: Means) -> Decimal | None:
    """At the bankruptcy price: what the exchange sets aside for closing."""
    if means.fees is None or means.leverage is None:
        return None
    toward = -1 if side == "Buy" else 1
    return quantity * price * (1 + toward / means.leverage) * means.fees.taker


def _reduced(held: Holding, side: Side) -> Decimal:
    return held.size if held.side is not None and held.side != side else Decimal(0)


def _after(held: Holding, side: Side, quantity: Decimal, price: Decimal, *, reduce_only: bool) -> Holding:
    """The position once all of the order is filled."""
    if held.side is None or not held.size or held.entry_price is None:
        return Holding() if reduce_only else Holding(side=side, size=quantity, entry_price=_shown(price))
    if held.side == side:
        if reduce_only:
            return held
        size = held.size + quantity
        return Holding(
            side=side, size=size, entry_price=_shown((held.size * held.entry_price + quantity * price) / size)
        )
    if quantity < held.size:
        return Holding(side=held.side, size=held.size - quantity, entry_price=held.entry_price)
    rest = Decimal(0) if reduce_only else quantity - held.size
    return Holding(side=side, size=rest, entry_price=_shown(price)) if rest else Holding()


def _liquidation(instrument: Instrument, after: Holding, means: Means) -> tuple[Liquidation, Decimal | None]:
    """Of the position after the order. In isolated margin alone it follows from the position; else nothing is told."""
    if after.side is None or after.entry_price is None:
        return "none", None
    if means.margin_mode != ISOLATED:
        return "account_wide", None
    value = after.size * after.entry_price
    tier = tier_of(instrument, value)
    if tier is None or means.leverage is None:
        return "estimate", None
    maintenance = value * tier[1].maintenance_rate - tier[1].deduction
    room = (value / means.leverage - maintenance) / after.size
    # Towards the entry: a liquidation that comes earlier than was said would be the worse surprise.
    if after.side == "Buy":
        return "estimate", max(Decimal(0), instrument.to_tick_up(after.entry_price - room))
    return "estimate", instrument.to_tick_down(after.entry_price + room)


def _break_even(
    instrument: Instrument, side: Side, price: Decimal, quantity: Decimal, fees: Decimal | None
) -> Decimal | None:
    if fees is None:
        return None
    if side == "Buy":
        return instrument.to_tick_up(price + fees / quantity)
    return instrument.to_tick_down(price - fees / quantity)


def _outcomes(
    draft: Draft, price: Decimal, quantity: Decimal, fees: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """(what is lost at the stop-loss, what is won at the take-profit), with fees."""
    if fees is None:
        return None, None
    stop, target = draft.stop_loss, draft.take_profit
    risk = None if stop is None else quantity * abs(price - stop.trigger_price) + fees
    reward = None if target is None else quantity * abs(target.trigger_price - price) - fees
    return risk, reward


def _shown(value: Decimal | None) -> Decimal | None:
    """At most eight decimals: nobody can read more, and a quotient has more than text may have."""
    return None if value is None else rounded(value, _SHOWN)
