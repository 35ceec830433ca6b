"""Submitting an intent and waiting for what becomes of it.

Lives here: the request's transaction, what the market says at that moment, the wait on the bus with reading behind it,
and the answer's shape. Not here: the bodies (`intent_bodies`), the rules of an order (`trading.checks`), the sending
(the account's owner, in another process).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import ExchangeError, NotFound
from tradewright.core.ids import AccountId, IntentId, OrderId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.rule_parts import Quotes
from tradewright.exchange.ports import Ticker
from tradewright.identity.model import Principal
from tradewright.market.markets import MarketData
from tradewright.storage.bus import Subscription
from tradewright.storage.resolving import resolved
from tradewright.trading import change_commands, commands, queries
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import (
    AmendBody,
    Body,
    CancelAllBody,
    CancelBody,
    CloseBody,
    ExitsBody,
    LeverageBody,
    MarginModeBody,
    PlaceBody,
    PositionModeBody,
    ReverseBody,
)
from tradewright.trading.checks import MarketView
from tradewright.trading.events import EVENTS_CHANNEL
from tradewright.trading.intent_queries import intent
from tradewright.trading.wishes import Wish, wish
from tradewright.web.confirmations import must_be_confirmed
from tradewright.web.errors import NotReady
from tradewright.web.parts import WebParts

WAIT_S = 2.0
RECONCILE_WAIT_S = 5.0
_Found = TypeVar("_Found")


async def submit_and_wait(
    parts: WebParts,
    caller: Principal,
    account_id: AccountId,
    body: Body,
    *,
    ip: str | None,
    confirmation: str | None = None,
) -> tuple[dict[str, Any], bool]:
    """(the intent as `trading.intent_queries.intent` tells it, whether its answer is in), after at most two seconds.

    `confirmation` is what was typed once more (`confirmations`). Raises what the commands of `trading` raise; then
    nothing was written.
    """

    async def read(connection: AsyncConnection) -> dict[str, Any]:
        found = await intent(connection, caller.membership.workspace_id, account_id, IntentId(body.id))
        if found is None:
            raise NotFound(f"there is no intent {body.id} on this account")
        return found

    return await _do_and_wait(
        parts,
        account_id,
        lambda: resolved(lambda: _submit(parts, caller, account_id, body, confirmation, ip=ip), parts.clock),
        read,
        lambda found: bool(found["settled"]),
        WAIT_S,
    )


async def reconcile_and_wait(
    parts: WebParts, caller: Principal, account_id: AccountId, instrument: InstrumentId | None
) -> tuple[dict[str, Any], bool]:
    """(the account as it is shown, whether all of it and the symbol were read since), after at most five seconds."""
    asked_at: list[datetime] = []

    async def ask() -> None:
        async with parts.engine.begin() as connection:
            await queries.require_account(connection, caller.membership.workspace_id, account_id)
            asked_at.append(await queries.database_now(connection))
            await wish(connection, Wish(account_id=account_id, whole=True, instrument=instrument))

    async def read(connection: AsyncConnection) -> tuple[dict[str, Any], list[datetime | None]]:
        row = await queries.require_account(connection, caller.membership.workspace_id, account_id)
        read_at = [row["reconciled_at"]]
        if instrument is not None:
            read_at.append(await queries.symbol_read_at(connection, account_id, instrument))
        return queries.account_shown(row), read_at

    (account, _), is_done = await _do_and_wait(
        parts,
        account_id,
        ask,
        read,
        lambda found: all(moment is not None and moment >= asked_at[0] for moment in found[1]),
        RECONCILE_WAIT_S,
    )
    return account, is_done


async def cancel_all(
    parts: WebParts, caller: Principal, account_id: AccountId, body: CancelAllBody, *, ip: str | None
) -> list[change_commands.AskedCancel]:
    """The cancels that were asked for; each goes its own way from here."""

    async def submit() -> list[change_commands.AskedCancel]:
        async with parts.engine.begin() as connection:
            asker = _asker(parts, connection, caller, account_id, ip)
            return await change_commands.submit_cancel_all(asker, body)

    return await resolved(submit, parts.clock)


def intent_answer(found: dict[str, Any]) -> dict[str, Any]:
    """The answer's shape, without what is only of use here."""
    return {name: found[name] for name in ("intent_id", "kind", "status", "order", "position", "reason")}


async def _submit(
    parts: WebParts, caller: Principal, account_id: AccountId, body: Body, confirmation: str | None, *, ip: str | None
) -> None:
    view, is_live = await _view_for(parts, caller, account_id, body)
    async with parts.engine.begin() as connection:
        asker = _asker(parts, connection, caller, account_id, ip)
        if is_live:
            await must_be_confirmed(asker, body, view, confirmation)
        match body:
            case PlaceBody():
                await commands.submit_place(asker, body, view)
            case CloseBody():
                await commands.submit_close(asker, body, view)
            case ReverseBody():
                await commands.submit_reverse(asker, body, view)
            case CancelBody():
                await change_commands.submit_cancel(asker, body)
            case AmendBody():
                await change_commands.submit_amend(asker, body, view)
            case LeverageBody():
                await change_commands.submit_leverage(asker, body, view)
            case ExitsBody():
                await change_commands.submit_exits(asker, body, view)
            case PositionModeBody():
                await change_commands.submit_position_mode(asker, body, view)
            case MarginModeBody():
                await change_commands.submit_margin_mode(asker, body)
            case _:
                assert_never(body)


def _asker(
    parts: WebParts, connection: AsyncConnection, caller: Principal, account_id: AccountId, ip: str | None
) -> Asker:
    return Asker(
        connection=connection,
        workspace_id=caller.membership.workspace_id,
        account_id=account_id,
        user_id=caller.user.id,
        ip=ip,
        clock=parts.clock,
        ids=parts.ids,
        quotas=parts.quotas,
    )


async def _view_for(parts: WebParts, caller: Principal, account_id: AccountId, body: Body) -> tuple[MarketView, bool]:
    """What the market says of what a body is about, and whether it is about real money; a cancel needs nothing of it,
    and must not wait for it. A margin mode is about no instrument."""
    if isinstance(body, CancelBody | MarginModeBody):
        return MarketView(instrument=None), False
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, caller.membership.workspace_id, account_id)
        if isinstance(body, AmendBody):
            asker = _asker(parts, connection, caller, account_id, None)
            instrument = await change_commands.target_of_amend(asker, OrderId(body.order_id))
        else:
            instrument = body.instrument
    environment = account["environment"]
    return await market_view(parts.markets.of(environment), instrument), environment == "live"


async def require_listed(parts: WebParts, caller: Principal, account_id: AccountId, instrument: InstrumentId) -> None:
    """Raises `NotFound` for a foreign account and for a symbol that its exchange does not list: nobody asks for it."""
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, caller.membership.workspace_id, account_id)
    market = parts.markets.of(account["environment"])
    if _listed(market, instrument) is None:
        raise NotFound(f"the exchange lists no {instrument.category} symbol {instrument.symbol}")


def _listed(market: MarketData, instrument: InstrumentId) -> Instrument | None:
    listed = market.instruments.get(instrument)
    if listed is None and market.instruments.age_ms(instrument.category) is None:
        raise NotReady("the list of instruments has not been read from the exchange yet; try again shortly")
    return listed


async def market_view(market: MarketData, instrument: InstrumentId) -> MarketView:
    """Rules and prices of an instrument as this process has them. Raises `NotReady` before any list was read."""
    listed = _listed(market, instrument)
    ticker = await _ticker(market, instrument) if listed is not None else None
    if ticker is None:
        return MarketView(instrument=listed)
    quotes = Quotes(
        last=ticker.last_price,
        mark=ticker.mark_price,
        index=ticker.index_price,
        bid=ticker.bid_price,
        ask=ticker.ask_price,
    )
    return MarketView(instrument=listed, quotes=quotes)


async def _ticker(market: MarketData, instrument: InstrumentId) -> Ticker | None:
    """None when nobody knows it: prices only sharpen a check, so an exchange that does not answer is no reason to
    refuse."""
    known = market.hub(instrument.category).ticker(instrument)
    if known is not None:
        return known
    try:
        rows = (await market.tickers.all(instrument.category)).rows
    except ExchangeError:
        return None
    return next((row for row in rows if row.instrument == instrument), None)


async def _do_and_wait(
    parts: WebParts,
    account_id: AccountId,
    do: Callable[[], Awaitable[None]],
    read: Callable[[AsyncConnection], Awaitable[_Found]],
    is_there: Callable[[_Found], bool],
    wait_s: float,
) -> tuple[_Found, bool]:
    """Does something, then reads at each hint about the account until it is there or the time is over."""
    # Before the commit: whatever the owner says about it comes after it, so nothing is missed.
    subscription = parts.bus.subscribe(EVENTS_CHANNEL)
    try:
        await do()
        deadline = parts.clock.monotonic() + wait_s
        while True:
            async with parts.engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")  # all of one moment
                found = await read(connection)
            if is_there(found) or deadline <= parts.clock.monotonic():
                return found, is_there(found)
            await _next_hint_of(parts, subscription, account_id, deadline)
    finally:
        subscription.close()


async def _next_hint_of(parts: WebParts, subscription: Subscription, account_id: AccountId, deadline: float) -> None:
    """Returns at the next hint that may be about the account, or at the deadline."""
    while (left_s := deadline - parts.clock.monotonic()) > 0:
        hint = await subscription.get(left_s)
        if hint is None or hint.startswith(str(account_id)):
            return
