"""Rows of the first version after the update: what waited still waits, and everything reads as before."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from alembic import command
from sqlalchemy import create_engine as create_sync_engine

from tradewright.core.ids import AccountId, IntentId, WorkspaceId, link_id_of
from tradewright.storage import migrate
from tradewright.storage.engine import create_engine, driver_url
from tradewright.system import SystemClock, SystemIds
from tradewright.trading import queries
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import AccountRef, PlaceIntent
from tradewright.trading.store import PostgresJournal
from tradewright.web.schemas.accounts import Account
from tradewright.web.schemas.holdings import Balances, Fill, Position
from tradewright.web.schemas.orders import Order

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
INTENT = (
    "INSERT INTO intents (id, workspace_id, account_id, kind, body, category, symbol, side, order_type, time_in_force,"
    " quantity, price, reduce_only, link_id, target_id, state, source, created_at, updated_at) VALUES (%(id)s,"
    " %(workspace)s, %(account)s, %(kind)s, %(body)s, 'linear', 'BTCUSDT', 'Sell', 'Limit', 'GTC', 0.5, 60000,"
    " %(reduce_only)s, %(link)s, %(target)s, %(state)s, 'manual', %(now)s, %(now)s)"
)


def body_of(intent_id: UUID, *, reduce_only: bool) -> dict[str, Any]:
    """As the first version wrote it down."""
    return {
        "kind": "place", "category": "linear", "symbol": "BTCUSDT", "side": "Sell", "order_type": "Limit",
        "quantity": "0.5", "price": "60000", "time_in_force": "GTC", "reduce_only": reduce_only, "note": None,
    }  # fmt: skip


async def test_what_waited_before_the_update_waits_after_it_and_every_row_has_its_shape(postgres: Any) -> None:
    url = postgres.make_database(template="template0")
    workspace, account = WorkspaceId(uuid4()), AccountId(uuid4())
    placed, closing, cancelling = IntentId(uuid4()), IntentId(uuid4()), IntentId(uuid4())
    _first_version(url)
    shared = {"workspace": workspace, "account": account, "now": NOW}
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO workspaces (id, name, created_at) VALUES (%s, 'Home', %s)", (workspace, NOW))
        connection.execute(
            "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
            " VALUES (%(account)s, %(workspace)s, 'Simulated', 'sim', '1', %(now)s, %(now)s)",
            shared,
        )
        for intent_id, kind, state, reduce_only, target in (
            (placed, "place", "acknowledged", False, None),
            (closing, "place", "proposed", True, None),
            (cancelling, "cancel", "proposed", False, placed),
        ):
            connection.execute(
                INTENT,
                shared
                | {
                    "id": intent_id, "kind": kind, "state": state, "reduce_only": reduce_only, "target": target,
                    "link": link_id_of(intent_id) if kind == "place" else None,
                    "body": json.dumps(body_of(intent_id, reduce_only=reduce_only)),
                },
            )  # fmt: skip
        connection.execute(
            "INSERT INTO orders (id, workspace_id, account_id, intent_id, exchange_order_id, link_id, category, symbol,"
            " side, order_type, time_in_force, quantity, price, reduce_only, state, filled_quantity, reject_reason,"
            " raw_status, exchange_created_at, exchange_updated_at, updated_at) VALUES (%(id)s, %(workspace)s,"
            " %(account)s, %(id)s, 'x-1', %(link)s, 'linear', 'BTCUSDT', 'Sell', 'Limit', 'GTC', 0.5, 60000, false,"
            " 'working', 0, '', 'New', %(now)s, %(now)s, %(now)s)",
            shared | {"id": placed, "link": link_id_of(placed)},
        )
        connection.execute(
            "INSERT INTO executions VALUES (%(account)s, 'e-1', %(workspace)s, %(id)s, 'x-1', '', 'linear', 'BTCUSDT',"
            " 'Sell', 60000, 0.1, 1, 'USDT', false, 'Trade', %(now)s, 1, %(now)s)",
            shared | {"id": placed},
        )
        connection.execute(
            "INSERT INTO positions (account_id, category, symbol, position_index, workspace_id, side, size,"
            " unrealised_pnl, realised_pnl, initial_margin, sequence, exchange_updated_at, updated_at) VALUES"
            " (%(account)s, 'linear', 'BTCUSDT', 0, %(workspace)s, 'Sell', 0.1, 0, 0, 0, 1, %(now)s, %(now)s)",
            shared,
        )
        connection.execute(
            "INSERT INTO balances VALUES (%(account)s, 'USDT', %(workspace)s, 100, 100, 0, 0, 0, %(now)s)", shared
        )
    migrate.upgrade(url)
    engine = create_engine(url, pool_size=2)
    journal = PostgresJournal(engine, AccountRef(account, workspace, "sim", "1"), clock=SystemClock(), ids=SystemIds())
    await journal.take_over()
    waiting = await journal.proposed()
    assert {intent.id for intent in waiting} == {closing, cancelling}
    assert all(intent.reduces for intent in waiting)
    (close,) = [intent for intent in waiting if isinstance(intent, PlaceIntent)]
    assert (close.order.quantity_unit, close.order.trigger, close.order.stop_loss) == ("base", None, None)
    async with engine.connect() as connection:
        rows, _ = await queries.orders(connection, workspace, account)
        fills, _ = await queries.fills(connection, workspace, account)
        held = await queries.positions(connection, workspace, account)
        balances = await queries.balances(connection, workspace, account)
        accounts = await queries.accounts(connection, workspace)
        asked = (await connection.exec_driver_sql("SELECT body FROM intents WHERE id = %s", (closing,))).scalar_one()
    for shape, shown in ((Order, rows), (Fill, fills), (Position, held), (Balances, [balances]), (Account, accounts)):
        assert shown, shape
        for row in shown:
            shape.model_validate_json(json.dumps(row), strict=True)  # type: ignore[attr-defined]
    assert [row["source"] for row in fills] == ["manual"]
    await engine.dispose()
    postgres.drop_database(url)
    # The same request, sent again by a page that waited through the update, is still the same intent.
    fields = {name: value for name, value in asked.items() if name not in ("kind", "quantity", "price")}
    again = PlaceBody(id=closing, quantity=close.order.quantity, price=close.order.price, **fields)
    assert again.canonical() == asked


def _first_version(url: str) -> None:
    engine = create_sync_engine(driver_url(url))
    with engine.begin() as connection:
        command.upgrade(migrate.configuration(connection), "0001")
    engine.dispose()
