"""Tables as CSV over HTTP: whole, newest first, in the columns of the page, and nothing in them runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import aiohttp
import pytest
from sqlalchemy import text

from integration.web.kit import Site, User, place_body, running_owner
from integration.web.test_identity_api import problem
from tradewright.web import exports
from tradewright.web.schemas.base import Output
from tradewright.web.schemas.holdings import CoinBalance, Fill, Position
from tradewright.web.schemas.orders import Order

NOTES = ['=HYPERLINK("http://evil.example","x")', "-12.5", "+7 999", "a;=1+1", "вход, «по тренду»", "＝1+1", "@me"]


async def rows_of(response: aiohttp.ClientResponse) -> list[dict[str, str]]:
    body = (await response.read()).decode()
    assert body.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(body[1:], newline=""), strict=True))


async def test_a_table_is_whole_over_many_pages_newest_first_and_its_notes_are_text(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE_ROWS", 3)
    bodies = [place_body(note=note) for note in NOTES]
    async with running_owner(site, ann):
        for body in bodies:
            async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
                assert response.status == 200, await response.text()
    async with ann.http.get(f"{ann.account_path}/export/orders.csv") as response:
        assert response.status == 200, await response.text()
        rows = await rows_of(response)
        headers = response.headers
    assert [row["order_id"] for row in rows] == [body["id"] for body in reversed(bodies)]
    expected = ["'" + NOTES[0], "-12.5", "'+7 999", "a;'=1+1", "вход, «по тренду»", "'＝1+1", "'@me"]
    assert [row["note"] for row in reversed(rows)] == expected
    first = rows[0]
    assert (first["symbol"], first["side"], first["type"], first["price"]) == ("BTCUSDT", "Buy", "Limit", "59000")
    assert (first["quantity"], first["filled_quantity"], first["reduce_only"]) == ("0.01", "0", "false")
    assert (first["trigger_price"], first["average_price"]) == ("", "")
    assert datetime.fromisoformat(first["time_utc"]).tzinfo == UTC
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("table", "model"), [("orders", Order), ("fills", Fill), ("positions", Position), ("balances", CoinBalance)]
)
def test_every_column_is_a_field_of_the_tables_rows(table: exports.ExportTable, model: type[Output]) -> None:
    """A value that is never there would be an empty column for ever."""
    assert {path[0] for path in exports.COLUMNS[table].values()} <= set(model.model_fields)
    # What is the same in every row, is only of use to a program, or is in a column of its own.
    left_out = {"account_id", "environment", "version", "cancel", "amend", "valid_until_ms"}
    left_out |= {"parent_order_id", "slippage_percent"}
    assert set(model.model_fields) - {path[0] for path in exports.COLUMNS[table].values()} <= left_out


async def test_a_trigger_and_what_became_of_an_order_are_columns_of_their_own(site: Site, ann: User) -> None:
    trigger = {"price": "61000.0", "by": "MarkPrice", "rises": True}
    body = place_body(price="61000.5", trigger=trigger, stop_loss={"trigger_price": "59000.5"})
    async with running_owner(site, ann), ann.http.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 200, await response.text()
    async with ann.http.get(f"{ann.account_path}/export/orders.csv") as response:
        (row,) = await rows_of(response)
    assert (row["trigger_price"], row["trigger_by"], row["stop_loss"]) == ("61000", "MarkPrice", "59000.5")
    assert (row["status"], row["reason"], row["source"]) == ("acknowledged", "", "manual")


@pytest.mark.parametrize("table", ["orders", "fills", "positions", "balances"])
async def test_an_empty_table_is_its_header(ann: User, table: str) -> None:
    async with ann.http.get(f"{ann.account_path}/export/{table}.csv") as response:
        assert response.status == 200
        body = (await response.read()).decode()
    assert body.count("\r\n") == 1
    assert body.startswith("\ufeff" + ("coin," if table == "balances" else "time_utc," if "i" not in table else ""))


async def test_the_file_is_named_for_account_table_and_day_whatever_the_account_is_called(
    site: Site, ann: User
) -> None:
    async with site.parts.engine.begin() as connection:
        await connection.execute(text("UPDATE accounts SET name = :name"), {"name": 'Счёт "1"; x=\r\n../..'})
    async with ann.http.get(f"{ann.account_path}/export/balances.csv") as response:
        named = response.headers["content-disposition"]
    day = site.clock.now().strftime("%Y-%m-%d")
    assert named.startswith('attachment; filename="____')
    assert named.count('"') == 2
    assert f"balances_{day}.csv\"; filename*=UTF-8''%D0%A1" in named
    assert "/" not in named


async def test_a_table_that_is_none_and_an_account_of_others_are_not_exported(site: Site, ann: User) -> None:
    async with ann.http.get(f"{ann.account_path}/export/users.csv") as response:
        await problem(response, 422, "input.invalid")
    bob = await site.second_user("owner")
    for table in ("orders", "fills", "positions", "balances"):
        async with bob.http.get(f"{ann.account_path}/export/{table}.csv") as response:
            await problem(response, 404, "not_found")
