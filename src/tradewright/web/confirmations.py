"""What is typed once more: large orders of real money, and limits that would allow more. Nothing is written before.

Lives here: `must_be_confirmed`, `loosening_must_be_confirmed`. Not here: the value above which an order is asked about
(`trading.arming`), what counts as looser (`core.risk_loosening`), the question itself (the page, in its reader's
words). What takes exposure off, and what tightens, is never asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import text

from tradewright.core.environment import Environment
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.instrument import QuantityUnit, Side
from tradewright.core.money import plain
from tradewright.core.risk import LimitName, Limits
from tradewright.trading.arming.model import LIVE_WORDS
from tradewright.trading.arming.store import confirm_above
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import AmendBody, Body, PlaceBody, ReverseBody
from tradewright.trading.checks import MarketView
from tradewright.trading.queries import order_row_of


def loosening_must_be_confirmed(
    names: Sequence[LimitName], before: Limits, after: Limits, environment: Environment, said: Sequence[str]
) -> None:
    """Raises `InvalidInput` unless what was typed names each limit that a level would loosen, and of an account of real
    money one of `LIVE_WORDS` as well. `before` and `after` are what the level says."""
    problems = [
        Problem("limits.confirmation_needed", "confirmations", _change_of(name, before, after))
        for name in names
        if name not in said
    ]
    if names and environment == "live" and not set(said) & set(LIVE_WORDS.values()):
        problems.append(Problem("limits.live_needed", "confirmations", LIVE_WORDS))
    if problems:
        raise InvalidInput(problems)


def _change_of(name: LimitName, before: Limits, after: Limits) -> dict[str, str]:
    """The page knows the symbols, which may be hundreds; without `after` there is no limit."""
    if name == "symbols":
        return {"name": name}
    amounts = {"before": before.amount(name), "after": after.amount(name)}
    return {"name": name} | {key: plain(amount) for key, amount in amounts.items() if amount is not None}


async def must_be_confirmed(asker: Asker, body: Body, market: MarketView, said: str | None) -> None:
    """Raises `InvalidInput` for an opening order of a live account that is worth more than its arming lets go without.

    One that nobody can value counts as large. An intent that is there already was confirmed when it was made; of an
    account that is not armed the owner says so.
    """
    if market.instrument is None or said == market.instrument.id.symbol:
        return
    if not isinstance(body, PlaceBody | ReverseBody | AmendBody):
        return
    above = await confirm_above(asker.connection, asker.workspace_id, asker.account_id)
    if above is None or await _is_known(asker, body):
        return
    value = await _value_of(asker, body, market)
    if value is not None and value <= above:
        return
    params = {"expected": market.instrument.id.symbol, "above": plain(above)}
    raise InvalidInput([Problem("order.confirmation_needed", "confirmation", params)])


async def _value_of(asker: Asker, body: PlaceBody | ReverseBody | AmendBody, market: MarketView) -> Decimal | None:
    """What may be opened, in quote coin, at the dearest price that is known; None: no price is."""
    match body:
        case PlaceBody():
            if body.reduce_only:
                return Decimal(0)
            trigger = None if body.trigger is None else body.trigger.price
            return _worth(market, body.side, body.quantity, body.quantity_unit, body.price, trigger)
        case ReverseBody():
            return _worth(market, "Sell" if body.side == "Buy" else "Buy", body.size, "base")
        case AmendBody(change=change):
            row = await order_row_of(asker.connection, asker.account_id, body.order_id)
            if row is None or row["reduce_only"] or change.quantity is None or change.quantity <= row["quantity"]:
                return Decimal(0)  # it opens no more than was confirmed
            price, trigger = change.price or row["price"], change.trigger_price or row["trigger_price"]
            return _worth(market, row["side"], change.quantity, row["quantity_unit"], price, trigger)


def _worth(
    market: MarketView, side: Side, quantity: Decimal, unit: QuantityUnit, *prices: Decimal | None
) -> Decimal | None:
    if unit == "quote":
        return quantity
    quotes = market.quotes
    known = [price for price in (*prices, quotes.mark, quotes.last, quotes.opposite(side)) if price is not None]
    return quantity * max(known) if known else None


async def _is_known(asker: Asker, body: PlaceBody | ReverseBody | AmendBody) -> bool:
    found = await asker.connection.scalar(
        text("SELECT 1 FROM intents WHERE id = :id AND account_id = :account AND workspace_id = :workspace"),
        {"id": body.id, "account": asker.account_id, "workspace": asker.workspace_id},
    )
    return found is not None
