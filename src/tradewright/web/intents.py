"""Submitting an intent and waiting for what becomes of it.

Lives here: the request's transaction, the wait on the bus with reading behind it, and the answer's shape.
Not here: the rules of an order (`trading.commands`), the sending (the account's owner, in another process).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.core.errors import ExchangeError, NotFound
from tradewright.core.ids import AccountId, IntentId, OrderId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import parse_decimal
from tradewright.identity.model import Principal
from tradewright.market.markets import MarketData
from tradewright.storage.bus import Subscription
from tradewright.trading import commands, queries
from tradewright.trading.events import EVENTS_CHANNEL
from tradewright.trading.model import CancelBody, PlaceBody
from tradewright.web.errors import NotReady
from tradewright.web.parts import WebParts
from tradewright.web.schemas.trading import CancelIntent, PlaceIntent

WAIT_S = 2.0


async def submit_and_wait(
    parts: WebParts,
    caller: Principal,
    account_id: AccountId,
    body: PlaceIntent | CancelIntent,
    *,
    ip: str | None,
) -> tuple[dict[str, Any], bool]:
    """(the intent as `trading.queries.intent` tells it, whether its answer is in), after at most two seconds.

    Raises what `trading.commands` raises; then nothing was written.
    """
    # Before the commit: whatever the owner says about this intent comes after it, so nothing is missed.
    subscription = parts.bus.subscribe(EVENTS_CHANNEL)
    try:
        await _submit(parts, caller, account_id, body, ip=ip)
        deadline = parts.clock.monotonic() + WAIT_S
        while True:
            found = await _read(parts, caller, account_id, IntentId(body.id))
            left_s = deadline - parts.clock.monotonic()
            if found["settled"] or left_s <= 0:
                return found, bool(found["settled"])
            await _next_hint_of(parts, subscription, account_id, deadline)
    finally:
        subscription.close()


def intent_answer(found: dict[str, Any]) -> dict[str, Any]:
    """The answer's shape, without what is only of use here."""
    return {name: found[name] for name in ("intent_id", "kind", "status", "order", "reason")}


async def _submit(
    parts: WebParts, caller: Principal, account_id: AccountId, body: PlaceIntent | CancelIntent, *, ip: str | None
) -> None:
    match body:
        case PlaceIntent():
            instrument_id = InstrumentId(body.category, body.symbol)
            market = await _market_of(parts, caller, account_id)
            reference_price = await _reference_price(market, instrument_id) if body.order_type == "Market" else None
            instrument = market.instruments.get(instrument_id)
            if instrument is None and market.instruments.age_ms(body.category) is None:
                raise NotReady("the list of instruments has not been read from the exchange yet; try again shortly")
            async with parts.engine.begin() as connection:
                await commands.submit_place(
                    connection,
                    workspace_id=caller.membership.workspace_id,
                    account_id=account_id,
                    user_id=caller.user.id,
                    body=_place_body(body),
                    instrument=instrument,
                    reference_price=reference_price,
                    clock=parts.clock,
                    ids=parts.ids,
                    ip=ip,
                )
        case CancelIntent():
            async with parts.engine.begin() as connection:
                await commands.submit_cancel(
                    connection,
                    workspace_id=caller.membership.workspace_id,
                    account_id=account_id,
                    user_id=caller.user.id,
                    body=CancelBody(id=IntentId(body.id), order_id=OrderId(body.order_id)),
                    clock=parts.clock,
                    ids=parts.ids,
                    ip=ip,
                )


def _place_body(body: PlaceIntent) -> PlaceBody:
    return PlaceBody(
        id=IntentId(body.id),
        category=body.category,
        symbol=body.symbol,
        side=body.side,
        order_type=body.order_type,
        quantity=parse_decimal(body.quantity),
        price=None if body.price is None else parse_decimal(body.price),
        time_in_force=body.time_in_force,
        reduce_only=body.reduce_only,
        note=body.note,
    )


async def _market_of(parts: WebParts, caller: Principal, account_id: AccountId) -> MarketData:
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, caller.membership.workspace_id, account_id)
    return parts.markets.of(account["environment"])


async def _reference_price(market: MarketData, instrument: InstrumentId) -> Decimal | None:
    """The last price, which values a market order; None when nobody knows it. It only sharpens a check, so an exchange
    that does not answer is no reason to refuse."""
    known = market.hub(instrument.category).ticker(instrument)
    if known is None:
        try:
            rows = (await market.tickers.all(instrument.category)).rows
        except ExchangeError:
            return None
        known = next((row for row in rows if row.instrument == instrument), None)
    return None if known is None else known.last_price


async def _read(parts: WebParts, caller: Principal, account_id: AccountId, intent_id: IntentId) -> dict[str, Any]:
    async with parts.engine.connect() as connection:
        found = await queries.intent(connection, caller.membership.workspace_id, account_id, intent_id)
    if found is None:
        raise NotFound(f"there is no intent {intent_id} on this account")
    return found


async def _next_hint_of(parts: WebParts, subscription: Subscription, account_id: AccountId, deadline: float) -> None:
    """Returns at the next hint that may be about the account, or at the deadline."""
    while (left_s := deadline - parts.clock.monotonic()) > 0:
        hint = await subscription.get(left_s)
        if hint is None or hint.startswith(str(account_id)):
            return
