"""Previews of orders: what was asked, the market of the moment and the account's facts, put through the one maths.

Lives here: `preview`, from a request's body to the answer's dict. Not here: the maths (`core.preview`, `core.sizing`),
the rules (`core.order_rules`), the account's facts (`trading.preview_facts`). Nothing is written, nothing is sent.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tradewright.core.errors import NotFound, Problem
from tradewright.core.ids import AccountId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.leg_rules import leg_problems
from tradewright.core.money import parse_decimal, plain
from tradewright.core.order import Exit, Trigger
from tradewright.core.order_rules import Draft, entry_price, place_problems, place_warnings
from tradewright.core.preview import Levels, OrderPreview, preview_of
from tradewright.core.risk import Asked
from tradewright.core.risk_prices import PriceView
from tradewright.core.rule_parts import Quotes
from tradewright.core.sizing import Sizing, quantity_of
from tradewright.identity.model import Principal
from tradewright.market.markets import MarketData
from tradewright.trading import queries
from tradewright.trading.preview_facts import PreviewFacts, preview_facts
from tradewright.trading.wishes import Wish, wish
from tradewright.web.intents import market_view
from tradewright.web.limits import touched
from tradewright.web.parts import WebParts
from tradewright.web.schemas.intents import ExitBody, TriggerBody
from tradewright.web.schemas.previews import PreviewBody

_MONEY = (
    "expected_price", "slippage_percent", "order_value", "initial_margin", "open_fee", "close_fee", "cost",
    "liquidation_price", "break_even_price", "risk_at_stop", "risk_percent", "reward_at_target", "reward_per_risk",
)  # fmt: skip
_NOTHING_TYPED = Decimal(0)
_TOO_LARGE = Decimal(10) ** 24  # what no text of a number may hold, and no market either


async def preview(parts: WebParts, caller: Principal, account_id: AccountId, body: PreviewBody) -> dict[str, Any]:
    """The answer of `PreviewBody`. Raises `NotFound` for a foreign account or an unknown symbol, `NotReady`."""
    workspace_id = caller.membership.workspace_id
    instrument_id = InstrumentId(body.category, body.symbol)
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, workspace_id, account_id)
    market = parts.markets.of(account["environment"])
    view = await market_view(market, instrument_id)
    instrument = view.instrument
    if instrument is None:
        raise NotFound(f"the exchange lists no {body.category} symbol {body.symbol}")
    async with parts.engine.begin() as connection:
        index = body.position_index or 0
        facts = await preview_facts(connection, workspace_id, account_id, instrument, body.side, index)
        if facts.must_ask:
            await wish(connection, Wish(account_id=account_id, whole=False, instrument=instrument_id))
    quotes = view.quotes
    draft, missing = _sized(instrument, body, quotes, facts)
    levels = _levels(market, instrument_id)
    found = preview_of(instrument, draft, quotes, levels, facts.held, facts.means)
    standing = replace(
        facts.standing,
        liquidation_price=found.liquidation_price if found.liquidation == "estimate" else None,
        cost=found.cost,
        available=facts.available,
    )
    leg = leg_problems(instrument, index, draft.side, reduce_only=draft.reduce_only, hedged=facts.hedged)
    problems = leg + ([missing] if missing is not None else place_problems(instrument, draft, quotes, standing))
    warnings = [] if missing is not None else place_warnings(instrument, draft, quotes, standing)
    warnings += _thin_book(instrument, draft, found)
    age_ms = _age_ms(market, instrument_id)
    limits = await _limits(parts, caller, account_id, market, instrument, draft, quotes, age_ms)
    return _answer(instrument, body, draft, found, facts, problems, warnings, quotes, age_ms, limits)


async def _limits(
    parts: WebParts,
    caller: Principal,
    account_id: AccountId,
    market: MarketData,
    instrument: Instrument,
    draft: Draft,
    quotes: Quotes,
    age_ms: int | None,
) -> list[dict[str, Any]]:
    """The limits of risk that the order would touch; what only reduces touches none. The age of prices is the owner's
    to judge, who has a look of its own."""
    if draft.reduce_only or not draft.quantity or age_ms is None:
        return []
    asked = Asked(
        instrument=instrument.id,
        side=draft.side,
        order_type=draft.order_type,
        quantity=draft.quantity,
        quantity_unit=draft.quantity_unit,
        price=draft.price,
        trigger_price=None if draft.trigger is None else draft.trigger.price,
    )
    prices = PriceView(quotes=quotes, link_age_s=0.0, quote_age_s=0.0)
    return await touched(parts, caller, account_id, market, asked, prices)


def _sized(
    instrument: Instrument, body: PreviewBody, quotes: Quotes, facts: PreviewFacts
) -> tuple[Draft, Problem | None]:
    """The order with its quantity in base coin (or an amount, of a spot market order), or what is missing to say it."""
    value = parse_decimal(body.quantity)
    is_amount = body.quantity_unit == "quote" and body.category == "spot" and body.order_type == "Market"
    draft = Draft(
        side=body.side,
        order_type=body.order_type,
        quantity=value,
        quantity_unit="quote" if is_amount else "base",
        price=_decimal(body.price),
        time_in_force="IOC" if body.order_type == "Market" else body.time_in_force,
        reduce_only=body.reduce_only,
        trigger=_trigger(body.trigger),
        take_profit=_exit(body.take_profit),
        stop_loss=_exit(body.stop_loss),
        slippage_percent=_decimal(body.slippage_percent),
    )
    if is_amount or value == 0:
        return draft, None
    position = facts.standing
    reducible = None
    if position.position_size is not None:
        reducible = position.position_size if position.position_side not in (None, body.side) else Decimal(0)
    by = Sizing(
        side=body.side,
        order_type=body.order_type,
        price=entry_price(draft, quotes),
        slippage_percent=draft.slippage_percent,
        stop_loss=None if draft.stop_loss is None else draft.stop_loss.trigger_price,
        reduce_only=body.reduce_only,
        available=facts.available,
        reducible=reducible,
        leverage=facts.means.leverage,
        taker_rate=facts.means.fees.taker if facts.means.fees else Decimal(0),
    )
    found = quantity_of(instrument, body.quantity_unit, value, by)
    if isinstance(found, Problem):
        return replace(draft, quantity=_NOTHING_TYPED), found
    return replace(draft, quantity=found), None


def _thin_book(instrument: Instrument, draft: Draft, found: OrderPreview) -> list[Problem]:
    if found.book_covers is None or draft.slippage_percent is None or found.book_covers >= draft.quantity:
        return []
    params = {
        "covered": plain(found.book_covers),
        "coin": instrument.base_coin,
        "percent": plain(draft.slippage_percent),
    }
    return [Problem("order.book_depth", "slippage_percent", params)]


def _levels(market: MarketData, instrument: InstrumentId) -> tuple[Levels, Levels] | None:
    """The book if somebody watches it; without one the best prices are all there is."""
    book = market.hub(instrument.category).book(instrument)
    return None if book is None else (book.bids, book.asks)


def _age_ms(market: MarketData, instrument: InstrumentId) -> int | None:
    return market.hub(instrument.category).health().last_frame_age_ms


def _answer(
    instrument: Instrument,
    body: PreviewBody,
    draft: Draft,
    found: OrderPreview,
    facts: PreviewFacts,
    problems: list[Problem],
    warnings: list[Problem],
    quotes: Quotes,
    age_ms: int | None,
    limits: list[dict[str, Any]],
) -> dict[str, Any]:
    is_spot_sell = body.category == "spot" and body.side == "Sell"
    fees = facts.means.fees
    return {
        "quantity": _text(draft.quantity) if draft.quantity else None,
        "problems": [_problem(each) for each in problems],
        "warnings": [_problem(each) for each in warnings],
        "coin": instrument.quote_coin,
        "leverage": _text(facts.means.leverage),
        "fees_assumed": fees is not None and fees.assumed,
        "cost_coin": instrument.base_coin if is_spot_sell else instrument.quote_coin,
        "available": _text(facts.available),
        "liquidation": found.liquidation,
        "after": None
        if found.after is None or found.after.size >= _TOO_LARGE
        else {
            "side": found.after.side,
            "size": plain(found.after.size),
            "entry_price": _text(found.after.entry_price),
        },
        "limits": limits,
        "last_price": _text(quotes.last),
        "mark_price": _text(quotes.mark),
        "price_age_ms": age_ms,
        **{name: _text(getattr(found, name)) for name in _MONEY},
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "field": problem.field, "params": dict(problem.params)}


def _text(value: Decimal | None) -> str | None:
    """Null for what is unknown, and for the absurd: then a problem names the number that made it so."""
    return None if value is None or abs(value) >= _TOO_LARGE else plain(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else parse_decimal(text)


def _trigger(body: TriggerBody | None) -> Trigger | None:
    return None if body is None else Trigger(price=parse_decimal(body.price), by=body.by, rises=body.rises)


def _exit(body: ExitBody | None) -> Exit | None:
    if body is None:
        return None
    return Exit(
        trigger_price=parse_decimal(body.trigger_price),
        trigger_by=body.trigger_by,
        limit_price=_decimal(body.limit_price),
    )
