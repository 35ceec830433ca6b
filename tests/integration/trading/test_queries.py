"""Reads on PostgreSQL: shapes as the API promises them, pages without gaps, and snapshots that fit their sequence."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES, make_home
from integration.trading.conftest import Desk, repeatable_read
from sim.facts import after, fill, order_report, position, wallet
from tradewright.core.errors import InvalidInput, NotFound
from tradewright.core.ids import IntentId, OrderId, RequestId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import CoinBalance, Exit, FeeRates, OrderChange
from tradewright.system import SystemClock, SystemIds
from tradewright.trading import queries
from tradewright.trading.bodies import AmendBody
from tradewright.trading.change_commands import submit_amend
from tradewright.trading.checks import MarketView
from tradewright.trading.intent_queries import intent as intent_of_id
from tradewright.trading.model import AmendIntent, Reason, SymbolFacts
from tradewright.web.schemas.accounts import Account, AccountSymbol
from tradewright.web.schemas.base import Output
from tradewright.web.schemas.holdings import Balances, Fill, Position
from tradewright.web.schemas.orders import Order


def check_shape(value: dict[str, Any], shape: type[Output]) -> None:
    """Exactly the keys of the API's shape, each of its type, without anything being turned into another one."""
    shape.model_validate_json(json.dumps(value), strict=True)


async def test_rows_have_the_shapes_of_the_api(desk: Desk) -> None:
    intent_id = await desk.place(note="first")
    cancel_id = await desk.cancel(intent_id)
    facts = [
        order_report("partially_filled", link_id=link_id_of(intent_id), filled="0.1"),
        fill("e-1", "0.1"),
        position("0.1"),
        wallet("99999.90"),
    ]
    await desk.journal.book(facts, "stream")
    orders, following = await desk.read(queries.orders)
    fills, _ = await desk.read(queries.fills)
    positions = await desk.read(queries.positions)
    balances = await desk.read(queries.balances)
    async with desk.engine.connect() as connection:
        accounts = await queries.accounts(connection, desk.workspace_id)
    assert following is None
    (order,), (one_fill,), (held,), (account,) = orders, fills, positions, accounts
    check_shape(order, Order)
    check_shape(one_fill, Fill)
    check_shape(held, Position)
    check_shape(account, Account)
    check_shape(balances, Balances)
    assert (order["id"], order["note"], order["source"]) == (str(intent_id), "first", "manual")
    assert (order["quantity"], order["filled_quantity"], order["price"]) == ("0.5", "0.1", "60000")
    assert (order["status"], order["exchange_order_id"]) == ("cancel_requested", "x-1")
    assert order["cancel"] == {"intent_id": str(cancel_id), "state": "proposed"}
    assert (one_fill["order_id"], one_fill["quantity"], one_fill["price"]) == (str(intent_id), "0.1", "60000")
    assert (balances["total_equity"], balances["coins"][0]["coin"]) == ("99999.9", "USDT")


async def test_an_external_order_has_the_same_shape_and_names_nobody(desk: Desk) -> None:
    await desk.journal.book([order_report(order_id="elsewhere")], "stream")
    ((order,), _) = await desk.read(queries.orders)
    check_shape(order, Order)
    assert (order["source"], order["status"], order["exchange_order_id"]) == ("external", "working", "elsewhere")
    async with desk.engine.connect() as connection:
        (account,) = await queries.accounts(connection, desk.workspace_id)
    assert account["drift_count"] == 1


async def test_what_is_told_is_the_same_row_that_is_read(desk: Desk) -> None:
    intent_id = await desk.place()
    await desk.acknowledge(intent_id)
    await desk.order(intent_id, "working")
    await desk.journal.book([fill("e-1"), position("0.5"), wallet()], "stream")
    told: dict[str, Any] = {}
    for _seq, delta in await desk.read(queries.events_after, 0, 100):
        assert set(delta) == {"kind", delta["kind"]}
        told[delta["kind"]] = delta[delta["kind"]]
    ((order,), _) = await desk.read(queries.orders)
    ((one_fill,), _) = await desk.read(queries.fills)
    assert told["order"] == order
    assert told["fill"] == one_fill
    assert [told["position"]] == await desk.read(queries.positions)
    assert told["balances"] == await desk.read(queries.balances)


async def test_pages_of_orders_follow_each_other_without_gap_or_repeat(desk: Desk) -> None:
    placed = [str(await desk.place()) for _ in range(7)]
    read: list[str] = []
    before: str | None = None
    for expected in (3, 3, 1):
        page, before = await desk.read(queries.orders, limit=3, before=before)
        assert len(page) == expected
        read += [order["id"] for order in page]
    assert before is None
    assert read == placed[::-1]


async def test_pages_of_fills_follow_each_other_also_within_one_moment(desk: Desk) -> None:
    moments = (1, 1, 1, 2, 2)
    await desk.journal.book(
        [replace(fill(f"e-{n}"), executed_at=after(moment)) for n, moment in enumerate(moments)], "stream"
    )
    read: list[str] = []
    before: str | None = None
    for _ in range(3):
        page, before = await desk.read(queries.fills, limit=2, before=before)
        read += [one["id"] for one in page]
    assert before is None
    assert read == ["e-4", "e-3", "e-2", "e-1", "e-0"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "2026-01-01T00:00:00~x",
        "2026-01-01T00:00:00+00:00~",
        "~" + "x" * 200,
        "2026-01-01T00:00:00+00:00~" + "x" * 101,
        "1970-01-01T00:00:00+00:00~x",
        "2200-01-01T00:00:00+00:00~x",
    ],
)
@pytest.mark.parametrize("query", [queries.orders, queries.fills])
async def test_a_cursor_that_we_did_not_make_is_invalid_input(desk: Desk, query: Any, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await desk.read(query, before=cursor)


async def test_a_cursor_of_the_longest_name_that_is_taken_leads_to_a_page(desk: Desk) -> None:
    assert await desk.read(queries.fills, before="2026-01-01T00:00:00+00:00~" + "x" * 100) == ([], None)


@pytest.mark.parametrize("cursor", ["2026-01-01T00:00:00+00:00~no-uuid"])
async def test_a_cursor_of_another_list_is_invalid_input(desk: Desk, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await desk.read(queries.orders, before=cursor)


async def test_open_orders_are_those_that_may_still_happen(desk: Desk) -> None:
    waiting, taken, working, done, refused = [await desk.place() for _ in range(5)]
    await desk.acknowledge(taken)
    await desk.order(working, "working", order_id="x-2")
    await desk.order(done, "filled", order_id="x-3", filled="0.5")
    unsent = next(one for one in await desk.journal.proposed() if one.id == refused)
    await desk.journal.refuse(unsent, Reason("order.quantity_max"))
    await desk.journal.book([order_report(order_id="elsewhere")], "stream")
    found, _ = await desk.read(queries.orders, scope="open")
    ours = {order["id"] for order in found if order["source"] == "manual"}
    assert ours == {str(waiting), str(taken), str(working)}
    assert [order["exchange_order_id"] for order in found if order["source"] == "external"] == ["elsewhere"]
    everything, _ = await desk.read(queries.orders)
    assert len(everything) == 6


async def test_the_version_of_an_order_grows_with_every_change(desk: Desk) -> None:
    intent_id = await desk.place()

    async def version() -> int:
        ((order,), _) = await desk.read(queries.orders)
        return int(order["version"])

    seen = [await version()]
    await desk.acknowledge(intent_id)
    seen.append(await version())
    await desk.order(intent_id, "working")
    seen.append(await version())
    cancel = await desk.cancel(intent_id)
    seen.append(await version())
    await desk.acknowledge(cancel)
    seen.append(await version())
    await desk.order(intent_id, "cancelled", at=9)
    seen.append(await version())
    assert seen == sorted(set(seen))


async def test_an_intent_tells_its_history_with_where_each_step_came_from(desk: Desk) -> None:
    intent_id = await desk.place()
    await desk.acknowledge(intent_id)
    await desk.order(intent_id, "working")
    await desk.order(intent_id, "partially_filled", at=2, filled="0.1")
    cancel_id = await desk.cancel(intent_id)
    await desk.acknowledge(cancel_id)
    await desk.order(intent_id, "cancelled", at=3, filled="0.1")
    found = await desk.read(intent_of_id, intent_id)
    assert [(step["status"], step["source"]) for step in found["history"]] == [
        ("sending", "manual"),
        ("acknowledged", "rest"),
        ("working", "stream"),
        ("partially_filled", "stream"),
        ("cancel_requested", "owner"),
        ("cancelled", "stream"),
    ]
    assert (found["kind"], found["status"], found["settled"]) == ("place", "cancelled", True)
    about = await desk.read(intent_of_id, cancel_id)
    assert (about["kind"], about["status"], about["order"]["id"]) == ("cancel", "cancelled", str(intent_id))


@pytest.mark.parametrize("sent", [False, True])
async def test_an_intent_is_settled_once_its_answer_is_in(desk: Desk, sent: bool) -> None:
    intent_id = await desk.place()
    if sent:
        intent = next(one for one in await desk.journal.proposed() if one.id == intent_id)
        await desk.journal.open_request(intent, RequestId(uuid4()))
    found = await desk.read(intent_of_id, intent_id)
    assert (found["settled"], found["status"]) == (False, "sending")


async def test_another_workspace_sees_nothing(desk: Desk) -> None:
    intent_id = await desk.place()
    stranger = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    async with desk.engine.connect() as connection:
        assert await intent_of_id(connection, stranger.workspace_id, desk.account_id, intent_id) is None
        for query in (queries.orders, queries.fills, queries.positions, queries.balances, queries.account_snapshot):
            with pytest.raises(NotFound):
                await query(connection, stranger.workspace_id, desk.account_id)  # type: ignore[operator]
        assert await queries.events_after(connection, stranger.workspace_id, desk.account_id, 0, 10) == []
        assert [one["id"] for one in await queries.accounts(connection, stranger.workspace_id)] == [
            str(stranger.account.id)
        ]
    assert await desk.read(intent_of_id, IntentId(uuid4())) is None


async def test_a_snapshot_is_what_the_events_up_to_its_sequence_add_up_to(desk: Desk) -> None:
    """Taken at any moment of a busy account: applying the deltas after it gives the last snapshot."""
    done = asyncio.Event()

    async def trade() -> None:
        for number in range(25):
            intent_id = await desk.place()
            await desk.acknowledge(intent_id, f"x-{number}")
            await desk.order(intent_id, "filled", order_id=f"x-{number}", filled="0.5")
            size = str(Decimal("0.5") * (number + 1))
            await desk.journal.book(
                [fill(f"e-{number}", order_id=f"x-{number}"), position(size, sequence=number)], "stream"
            )
        done.set()

    snapshots: list[tuple[int, dict[str, Any]]] = []
    trading = asyncio.create_task(trade())
    while not done.is_set() or not snapshots:
        async with repeatable_read(desk.engine) as connection:
            snapshots.append(await queries.account_snapshot(connection, desk.workspace_id, desk.account_id))
    await trading
    async with repeatable_read(desk.engine) as connection:
        last = await queries.account_snapshot(connection, desk.workspace_id, desk.account_id)
    assert len(snapshots) > 2
    for seq, snapshot in snapshots:
        events = await desk.read(queries.events_after, seq, 1000)
        assert [number for number, _ in events] == list(range(seq + 1, last[0] + 1))
        assert _applied(snapshot, [delta for _, delta in events]) == _applied(last[1], [])


async def test_a_snapshot_has_every_live_order_however_many_there_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SNAPSHOT_PAGE", 2)
    monkeypatch.setattr(queries, "SNAPSHOT_ORDERS", 1)
    placed = [await desk.place() for _ in range(5)]
    _, snapshot = await desk.read(queries.account_snapshot)
    assert sorted(order["id"] for order in snapshot["orders"]) == sorted(str(one) for one in placed)


async def test_an_order_is_as_it_was_once_its_cancel_is_read_back_without_effect(desk: Desk) -> None:
    order = await desk.place()
    await desk.acknowledge(order)
    await desk.order(order)
    cancel = await desk.cancel(order)
    seen = []
    for change in ("answered", "read back"):
        if change == "answered":
            await desk.acknowledge(cancel)
        else:
            (unread,) = (await desk.journal.begin_reading()).unread
            await desk.journal.confirm(unread, [], "reconciliation")
        (row,), _ = await desk.read(queries.orders)
        seen.append(row["status"])
    assert seen == ["cancel_requested", "working"]


def _applied(snapshot: dict[str, Any], deltas: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As a page does it: the newest row of each id. What only waits (proposed) is told when the owner acts on it."""
    orders = {order["id"]: order for order in snapshot["orders"] if order["status"] != "sending"}
    fills = {one["id"]: one for one in snapshot["fills"]}
    positions = {one["symbol"]: one for one in snapshot["positions"]}
    for delta in deltas:
        match delta:
            case {"kind": "order", "order": order}:
                orders[order["id"]] = order
            case {"kind": "fill", "fill": one}:
                fills[one["id"]] = one
            case {"kind": "position", "position": held}:
                positions[held["symbol"]] = held
            case _:
                pass
    return {"orders": orders, "fills": fills, "positions": positions}


async def test_an_exit_that_the_exchange_made_names_the_order_it_came_with_and_its_fills_say_so(desk: Desk) -> None:
    entry = await desk.place(stop_loss=Exit(trigger_price=Decimal(58000)))
    await desk.acknowledge(entry)
    leg = order_report(
        "waiting_trigger", order_id="leg", side="Sell", stop_order_type="StopLoss", reduce_only=True, price=None,
        order_type="Market", parent_link_id=link_id_of(entry), trigger_price=Decimal(58000), trigger_by="LastPrice",
    )  # fmt: skip
    facts = [
        order_report("filled", link_id=link_id_of(entry), filled="0.5", stop_loss=Decimal(58000)),
        leg,
        order_report("filled", order_id="elsewhere", filled="0.1"),
        fill("e-1"),
        fill("e-2", order_id="leg", side="Sell"),
        fill("e-3", order_id="elsewhere"),
        fill("e-4", order_id="never-reported"),
    ]
    await desk.journal.book(facts, "stream")
    rows, _ = await desk.read(queries.orders)
    for row in rows:
        check_shape(row, Order)
    orders = {row["exchange_order_id"]: row for row in rows}
    assert (orders["leg"]["source"], orders["leg"]["parent_order_id"]) == ("attached", str(entry))
    assert orders["leg"]["trigger"] == {"price": "58000", "by": "LastPrice", "rises": False}
    assert (orders["x-1"]["stop_loss"], orders["x-1"]["parent_order_id"]) == ("58000", None)
    fills, _ = await desk.read(queries.fills)
    told = await desk.read(queries.events_after, 0, 100)
    sources = {"e-1": "manual", "e-2": "attached", "e-3": "external", "e-4": "external"}
    assert {row["id"]: row["source"] for row in fills} == sources
    assert {data["fill"]["id"]: data["fill"]["source"] for _, data in told if data["kind"] == "fill"} == sources


@pytest.mark.parametrize(
    ("side", "kind", "rises"),
    [("Buy", "Stop", True), ("Sell", "Stop", False), ("Sell", "TakeProfit", True), ("Buy", "PartialTakeProfit", False)],
)
async def test_where_nobody_says_which_way_a_price_comes_the_kind_of_order_does(
    desk: Desk, side: str, kind: str, rises: bool
) -> None:
    """Spot has no such field."""
    report = order_report(
        "waiting_trigger", order_id="x", side=side, stop_order_type=kind, trigger_price=Decimal(1), trigger_by="Odd"
    )
    await desk.journal.book([report], "stream")
    ((order,), _) = await desk.read(queries.orders)
    assert order["trigger"] == {"price": "1", "by": "LastPrice", "rises": rises}


async def test_an_amend_is_shown_with_its_order_until_and_after_it_is_read_back(desk: Desk) -> None:
    order_id = await desk.place()
    await desk.acknowledge(order_id)
    await desk.order(order_id)
    body = AmendBody(id=IntentId(uuid4()), order_id=OrderId(order_id), change=OrderChange(price=Decimal(59000)))
    async with desk.asker() as asker:
        await submit_amend(asker, body, MarketView(instrument=BTC_RULES))

    async def shown() -> tuple[str, str, str]:
        ((order,), _) = await desk.read(queries.orders)
        check_shape(order, Order)
        return order["status"], order["price"], order["amend"]["state"]

    seen = [await shown()]
    amend = await desk.acknowledge(body.id)
    seen.append(await shown())
    assert isinstance(amend, AmendIntent)
    changed = order_report(link_id=link_id_of(order_id), at=2, price=Decimal(59000))
    await desk.journal.confirm(amend, [changed], "reconciliation")
    seen.append(await shown())
    assert seen == [
        ("amend_requested", "60000", "proposed"),
        ("amend_requested", "60000", "acknowledged"),
        ("working", "59000", "acknowledged"),
    ]
    found = await desk.read(intent_of_id, body.id)
    assert (found["kind"], found["settled"], found["status"], found["position"]) == ("amend", True, "working", None)
    told = [data["order"] for _, data in await desk.read(queries.events_after, 0, 100) if data["kind"] == "order"]
    versions = [order["version"] for order in told]
    assert versions == sorted(set(versions)), "each change of any part makes another version"


async def test_what_a_coin_has_free_is_neither_locked_nor_margin_and_never_below_nothing(desk: Desk) -> None:
    zero = Decimal(0)
    coins = {
        name: CoinBalance(
            coin=name, wallet_balance=Decimal(total), equity=zero, order_margin=Decimal(margin), position_margin=zero,
            unrealised_pnl=zero, locked=Decimal(locked), usd_value=None,
        )
        for name, total, margin, locked in (("BTC", "2", "0", "0.5"), ("USDT", "100", "30", "80"))
    }  # fmt: skip
    await desk.journal.book([replace(wallet(), coins=coins)], "stream")
    balances = await desk.read(queries.balances)
    check_shape(balances, Balances)
    assert {coin["coin"]: (coin["available"], coin["locked"]) for coin in balances["coins"]} == {
        "BTC": ("1.5", "0.5"),
        "USDT": ("0", "80"),
    }


async def test_what_is_known_of_a_symbol_is_wanted_again_after_a_minute(desk: Desk) -> None:
    btc = InstrumentId("linear", "BTCUSDT")
    unread, is_wanted = await desk.read(queries.symbol, btc)
    check_shape(unread, AccountSymbol)
    assert (is_wanted, unread["read_ms"]) == (True, None)
    rates = FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"), assumed=True)
    await desk.journal.note_symbol(SymbolFacts(instrument=btc, leverage=Decimal(10), rates=rates))
    known, is_wanted = await desk.read(queries.symbol, btc)
    check_shape(known, AccountSymbol)
    assert (is_wanted, known["leverage"], known["fees_assumed"]) == (False, "10", True)
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE account_symbols SET read_at = read_at - interval '61 s'"))
    _, is_wanted = await desk.read(queries.symbol, btc)
    assert is_wanted
