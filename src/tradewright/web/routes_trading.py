"""Routes of trading: accounts, orders, positions, fills, balances, intents.

Who may ask is checked here, what is asked is validated by its shape here and by its rules in `trading.commands`. A
foreign account or intent is answered like one that does not exist.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Request
from starlette.responses import Response

from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import AccountId, IntentId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.trading import queries
from tradewright.trading.bodies import CancelAllBody as CancelAllCommand
from tradewright.trading.intent_queries import intent
from tradewright.trading.wishes import Wish, wish
from tradewright.web.auth import Reader, Trader, caller_of
from tradewright.web.contract import problems
from tradewright.web.intent_bodies import body_of, confirmation_in
from tradewright.web.intents import cancel_all, intent_answer, reconcile_and_wait, require_listed, submit_and_wait
from tradewright.web.parts import Parts
from tradewright.web.previews import preview
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.accounts import AccountList, AccountSymbol, ReconcileAnswer, ReconcileBody
from tradewright.web.schemas.base import SymbolText
from tradewright.web.schemas.holdings import BalancesAnswer, FillPage, PositionList
from tradewright.web.schemas.intent_answers import CancelAllAnswer, IntentAnswer, IntentHistory
from tradewright.web.schemas.intents import CancelAllBody, IntentBody
from tradewright.web.schemas.orders import OrderPage
from tradewright.web.schemas.previews import Preview, PreviewBody

PAGE_MAX = 500
CURSOR_LENGTH_MAX = 160

LimitQuery = Annotated[int, Query(ge=1, le=PAGE_MAX)]
CursorQuery = Annotated[
    str | None,
    Query(
        min_length=1, max_length=CURSOR_LENGTH_MAX, pattern=r"^[\x20-\x7e]+$", description="`next` of the page before"
    ),
]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["trading"])
    account = "/accounts/{account_id}"
    reads = problems(401, 404, 422)
    routes.add_api_route(
        "/accounts",
        read_accounts,
        methods=["GET"],
        response_model=AccountList,
        operation_id="readAccounts",
        responses=problems(401),
    )
    routes.add_api_route(
        f"{account}/orders",
        read_orders,
        methods=["GET"],
        response_model=OrderPage,
        operation_id="readOrders",
        responses=reads,
    )
    routes.add_api_route(
        f"{account}/positions",
        read_positions,
        methods=["GET"],
        response_model=PositionList,
        operation_id="readPositions",
        responses=reads,
    )
    routes.add_api_route(
        f"{account}/fills",
        read_fills,
        methods=["GET"],
        response_model=FillPage,
        operation_id="readFills",
        responses=reads,
    )
    routes.add_api_route(
        f"{account}/balances",
        read_balances,
        methods=["GET"],
        response_model=BalancesAnswer,
        operation_id="readBalances",
        responses=reads,
    )
    routes.add_api_route(
        f"{account}/intents",
        post_intent,
        methods=["POST"],
        response_model=IntentAnswer,
        operation_id="postIntent",
        responses={
            202: {"model": IntentAnswer, "description": "Still sending, or unknown; the rest comes by the stream"},
            **problems(401, 403, 404, 409, 422, 503),
        },
    )
    routes.add_api_route(
        f"{account}/intents/{{intent_id}}",
        read_intent,
        methods=["GET"],
        response_model=IntentHistory,
        operation_id="readIntent",
        responses=reads,
    )
    routes.add_api_route(
        f"{account}/preview",
        post_preview,
        methods=["POST"],
        response_model=Preview,
        operation_id="previewOrder",
        responses=problems(401, 403, 404, 422, 503),
    )
    routes.add_api_route(
        f"{account}/cancel-all",
        post_cancel_all,
        methods=["POST"],
        response_model=CancelAllAnswer,
        operation_id="cancelAll",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        f"{account}/reconcile",
        post_reconcile,
        methods=["POST"],
        response_model=ReconcileAnswer,
        operation_id="reconcileAccount",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        f"{account}/symbols/{{category}}/{{symbol}}",
        read_symbol,
        methods=["GET"],
        response_model=AccountSymbol,
        operation_id="readAccountSymbol",
        responses=reads,
    )
    return routes


async def post_preview(
    parts: Parts, caller: Trader, account_id: UUID, body: Annotated[PreviewBody, Body()]
) -> Response:
    """What an order would come to. Nothing is written and nothing is sent."""
    return JsonAnswer(await preview(parts, caller, AccountId(account_id), body))


async def post_cancel_all(
    request: Request, parts: Parts, caller: Trader, account_id: UUID, body: Annotated[CancelAllBody, Body()]
) -> Response:
    """Asks for the cancelling of every live order, one cancel each. The same id and body again asks for nothing new.

    Orders placed elsewhere on the account are spared unless `external` says otherwise.
    Take-profits and stop-losses that the exchange made for positions are spared; `exits` removes them.
    """
    asked = CancelAllCommand(
        id=body.id,
        category=body.category,
        symbol=body.symbol,
        external=body.external,
        conditional=body.conditional,
    )
    cancels = await cancel_all(parts, caller, AccountId(account_id), asked, ip=caller_of(request).ip)
    pairs = [{"intent_id": str(cancel.intent_id), "order_id": str(cancel.order_id)} for cancel in cancels]
    return JsonAnswer({"cancels": pairs})


async def post_reconcile(
    parts: Parts, caller: Trader, account_id: UUID, body: Annotated[ReconcileBody, Body()]
) -> Response:
    """Has the account's owner read everything from the exchange again, and waits for it at most five seconds."""
    instrument = None
    if body.symbol is not None:
        if body.category is None:
            raise InvalidInput([Problem("input.missing", "category")])
        instrument = InstrumentId(body.category, body.symbol)
        await require_listed(parts, caller, AccountId(account_id), instrument)
    account, is_done = await reconcile_and_wait(parts, caller, AccountId(account_id), instrument)
    return JsonAnswer({"done": is_done, "account": account})


async def read_symbol(
    parts: Parts, caller: Reader, account_id: UUID, category: Category, symbol: Annotated[SymbolText, Path()]
) -> Response:
    """Leverage and fees of one symbol. What is not known or older than a minute is asked for; read it again then."""
    instrument = InstrumentId(category, symbol)
    await require_listed(parts, caller, AccountId(account_id), instrument)
    async with parts.engine.begin() as connection:
        found, is_wanted = await queries.symbol(
            connection, caller.membership.workspace_id, AccountId(account_id), instrument
        )
        if is_wanted:
            await wish(connection, Wish(account_id=AccountId(account_id), whole=False, instrument=instrument))
    return JsonAnswer(found)


async def read_accounts(parts: Parts, caller: Reader) -> Response:
    """All accounts of the workspace, oldest first."""
    async with parts.engine.connect() as connection:
        rows = await queries.accounts(connection, caller.membership.workspace_id)
    return JsonAnswer({"accounts": rows})


async def read_orders(
    parts: Parts,
    caller: Reader,
    account_id: UUID,
    scope: Annotated[Literal["open", "all"], Query()] = "all",
    limit: LimitQuery = 200,
    before: CursorQuery = None,
) -> Response:
    """Orders, newest first: all, or those that are still live."""
    async with parts.engine.connect() as connection:
        rows, following = await queries.orders(
            connection,
            caller.membership.workspace_id,
            AccountId(account_id),
            scope=scope,
            limit=limit,
            before=before,
        )
    return JsonAnswer({"orders": rows, "next": following})


async def read_positions(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """Positions that are not flat."""
    async with parts.engine.connect() as connection:
        rows = await queries.positions(connection, caller.membership.workspace_id, AccountId(account_id))
    return JsonAnswer({"positions": rows})


async def read_fills(
    parts: Parts, caller: Reader, account_id: UUID, limit: LimitQuery = 100, before: CursorQuery = None
) -> Response:
    """Fills, newest first."""
    async with parts.engine.connect() as connection:
        rows, following = await queries.fills(
            connection, caller.membership.workspace_id, AccountId(account_id), limit=limit, before=before
        )
    return JsonAnswer({"fills": rows, "next": following})


async def read_balances(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """The wallet as last seen."""
    async with parts.engine.connect() as connection:
        found = await queries.balances(connection, caller.membership.workspace_id, AccountId(account_id))
    return JsonAnswer({"balances": found})


async def post_intent(
    request: Request, parts: Parts, caller: Trader, account_id: UUID, body: Annotated[IntentBody, Body()]
) -> Response:
    """Asks for something: an order, or a change of what is there. Answers after the owner's verdict and the exchange's
    answer (of leverage and exits: after the position was read back), or after two seconds.

    The same id and body again is the same intent and gives its state as it is now; another body is a 409.
    """
    found, is_settled = await submit_and_wait(
        parts,
        caller,
        AccountId(account_id),
        body_of(body),
        ip=caller_of(request).ip,
        confirmation=confirmation_in(body),
    )
    return JsonAnswer(intent_answer(found), 200 if is_settled else 202)


async def read_intent(parts: Parts, caller: Reader, account_id: UUID, intent_id: UUID) -> Response:
    """An intent with the history of its order's status."""
    async with parts.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")  # all of one moment
        found = await intent(connection, caller.membership.workspace_id, AccountId(account_id), IntentId(intent_id))
    if found is None:
        raise NotFound(f"there is no intent {intent_id} on this account")
    more = {name: found[name] for name in ("history", "requests", "verdict")}
    return JsonAnswer({**intent_answer(found), **more})
