"""Commands that change what is there, on PostgreSQL: amend, close, reverse, leverage, exits, cancel-all, and spot's
coins. The same id is one intent whatever its kind, and what is refused writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES, make_home
from integration.trading.conftest import Desk
from sim.facts import order_report, position, wallet
from tradewright.core.errors import AppError, InvalidInput, NotFound
from tradewright.core.ids import IntentId, OrderId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.order import AccountModes, CoinBalance, OrderChange, PositionExits, Trigger
from tradewright.core.rule_parts import Quotes
from tradewright.exchange.bybit.order_bodies import create_body
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.bodies import (
    AmendBody,
    Body,
    CancelAllBody,
    CancelBody,
    CloseBody,
    ExitsBody,
    LeverageBody,
    ReverseBody,
)
from tradewright.trading.change_commands import (
    AskedCancel,
    submit_amend,
    submit_cancel,
    submit_cancel_all,
    submit_exits,
    submit_leverage,
)
from tradewright.trading.checks import MarketView, as_sent, refusal
from tradewright.trading.commands import submit_close, submit_reverse
from tradewright.trading.model import (
    AccountResting,
    IntentConflict,
    OrderEnded,
    OrderNotLive,
    PlaceIntent,
    PositionChanged,
    SubmittedIntent,
)

QUOTES = Quotes(last=Decimal(60000), mark=Decimal(60000), bid=Decimal("59999.9"), ask=Decimal("60000.1"))
SUBMIT: dict[type, Callable[..., Awaitable[SubmittedIntent]]] = {
    AmendBody: submit_amend,
    CloseBody: submit_close,
    ReverseBody: submit_reverse,
    LeverageBody: submit_leverage,
    ExitsBody: submit_exits,
}


async def submit(desk: Desk, body: Body, rules: Instrument | None = BTC_RULES) -> SubmittedIntent:
    async with desk.asker() as asker:
        return await SUBMIT[type(body)](asker, body, MarketView(instrument=rules, quotes=QUOTES))


async def refused(desk: Desk, body: Body, kind: type[AppError] = InvalidInput) -> list[tuple[str, str]]:
    """(field, code) of each problem; nothing was written."""
    before = (await desk.count("intents"), await desk.count("audit_entries"))
    with pytest.raises(kind) as told:
        await submit(desk, body)
    assert (await desk.count("intents"), await desk.count("audit_entries")) == before
    return [(problem.field, problem.code) for problem in getattr(told.value, "problems", [])]


async def row_of(desk: Desk, intent_id: IntentId) -> Any:
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM intents WHERE id = :id"), {"id": intent_id})
        return found.mappings().one()


async def working_order(desk: Desk, **changes: Any) -> OrderId:
    intent_id = await desk.place(**changes)
    await desk.acknowledge(intent_id, order_id=f"x-{intent_id}")
    await desk.order(intent_id, order_id=f"x-{intent_id}")
    return OrderId(intent_id)


def new_id() -> IntentId:
    return IntentId(uuid4())


def amend(order_id: OrderId, intent_id: IntentId | None = None, **change: Decimal) -> AmendBody:
    return AmendBody(id=intent_id or new_id(), order_id=order_id, change=OrderChange(**change))


def close(**changes: Any) -> CloseBody:
    fields: dict[str, Any] = {
        "id": new_id(), "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "percent": Decimal(100),
        "price": None, "slippage_percent": None,
    }  # fmt: skip
    return CloseBody(**(fields | changes))


def reverse(**changes: Any) -> ReverseBody:
    fields: dict[str, Any] = {
        "id": new_id(), "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "size": Decimal("0.5"),
    }  # fmt: skip
    return ReverseBody(**(fields | changes))


def leverage(value: str, intent_id: IntentId | None = None) -> LeverageBody:
    return LeverageBody(id=intent_id or new_id(), category="linear", symbol="BTCUSDT", leverage=Decimal(value))


def exits(intent_id: IntentId | None = None, **legs: Any) -> ExitsBody:
    return ExitsBody(id=intent_id or new_id(), category="linear", symbol="BTCUSDT", exits=PositionExits(**legs))


# One id, one intent.


async def every_kind(desk: Desk) -> list[tuple[Body, Body]]:
    """(a body, another body of the same id), of each kind."""
    order_id = await working_order(desk)
    await desk.journal.book([position("0.5")], "stream")
    ids = [new_id() for _ in range(5)]
    return [
        (amend(order_id, ids[0], price=Decimal("59000.0")), amend(order_id, ids[0], price=Decimal(58000))),
        (close(id=ids[1]), close(id=ids[1], percent=Decimal(50))),
        (reverse(id=ids[2]), reverse(id=ids[2], side="Sell")),
        (leverage("25", ids[3]), leverage("24", ids[3])),
        (exits(ids[4], stop_loss=Decimal(58000)), exits(ids[4], stop_loss=Decimal(58000), stop_loss_by="MarkPrice")),
    ]


async def test_the_same_id_and_body_is_the_same_intent_and_another_body_a_conflict(desk: Desk) -> None:
    for body, other in await every_kind(desk):
        assert (await submit(desk, body)).created, body
        intents = await desk.count("intents")
        assert not (await submit(desk, body)).created
        # Also when it would not be accepted any more: it was.
        assert not (await submit(desk, body, replace(BTC_RULES, status="PreLaunch"))).created
        with pytest.raises(IntentConflict):
            await submit(desk, other)
        assert await desk.count("intents") == intents


async def test_numbers_written_otherwise_and_defaults_left_out_are_the_same_body(desk: Desk) -> None:
    order_id = await working_order(desk)
    await desk.journal.book([position("0.5")], "stream")
    first, second = new_id(), new_id()
    assert (await submit(desk, amend(order_id, first, price=Decimal("5.9E+4")))).created
    assert not (await submit(desk, amend(order_id, first, price=Decimal("59000.00")))).created
    assert (await submit(desk, exits(second, stop_loss=Decimal(58000)))).created
    assert not (await submit(desk, exits(second, stop_loss=Decimal("58000.0"), stop_loss_by="LastPrice"))).created


async def test_a_change_asked_twenty_times_at_once_is_one(desk: Desk) -> None:
    body = amend(await working_order(desk), price=Decimal(59000))
    intents = await desk.count("intents")
    answers = await asyncio.gather(*(submit(desk, body) for _ in range(20)))
    assert sum(answer.created for answer in answers) == 1
    assert await desk.count("intents") == intents + 1


async def test_each_kind_is_written_down_and_told(desk: Desk) -> None:
    for body, _ in await every_kind(desk):
        await submit(desk, body)
    async with desk.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, object_kind, object_id FROM audit_entries WHERE outcome = 'asked' ORDER BY at, id")
        )
        entries = [tuple(row) for row in found]
    assert [action for action, _, _ in entries[1:]] == [
        "order.amend", "order.close", "order.reverse", "symbol.leverage", "symbol.exits",
    ]  # fmt: skip
    assert {object_id for _, kind, object_id in entries if kind == "symbol"} == {"linear:BTCUSDT"}


# Amends.


async def test_an_amend_is_refused_by_the_rules_of_what_it_changes(desk: Desk) -> None:
    order_id = await working_order(desk)
    for change, found in (
        ({"price": Decimal("59000.05")}, ("price", "order.price_tick")),
        ({"quantity": Decimal("0.0005")}, ("quantity", "order.quantity_min")),
        ({"trigger_price": Decimal(61000)}, ("trigger_price", "amend.no_trigger")),
        ({"price": Decimal("60000.0")}, ("", "amend.nothing_changes")),
        ({}, ("", "amend.nothing_changes")),
        ({"stop_loss": Decimal(61000)}, ("stop_loss", "order.exit_must_be_below")),
    ):
        assert await refused(desk, amend(order_id, **change)) == [found], change


async def test_what_is_not_live_is_not_amended(desk: Desk) -> None:
    unsent = OrderId(await desk.place())
    await refused(desk, amend(unsent, price=Decimal(59000)), OrderNotLive)
    order_id = await working_order(desk)
    await desk.cancel(order_id)
    await refused(desk, amend(order_id, price=Decimal(59000)), OrderNotLive)
    await desk.order(IntentId(order_id), "filled", at=2, filled="0.5", order_id=f"x-{order_id}")
    await refused(desk, amend(order_id, price=Decimal(59000)), OrderEnded)
    await refused(desk, amend(OrderId(uuid4()), price=Decimal(59000)), NotFound)


async def test_a_price_may_be_taken_back_while_the_other_is_still_on_its_way(desk: Desk) -> None:
    order_id = await working_order(desk)
    await submit(desk, amend(order_id, price=Decimal(59000)))
    assert (await submit(desk, amend(order_id, price=Decimal(60000)))).created


async def test_an_order_that_was_placed_elsewhere_is_amended(desk: Desk) -> None:
    await desk.journal.book([order_report(order_id="elsewhere")], "stream")
    async with desk.engine.connect() as connection:
        order_id = OrderId(await connection.scalar(text("SELECT id FROM orders")))
    assert (await submit(desk, amend(order_id, price=Decimal(59000)))).created


async def test_a_waiting_trigger_is_moved_and_not_to_the_other_side_of_the_price(desk: Desk) -> None:
    trigger = Trigger(price=Decimal(62000), by="LastPrice", rises=True)
    order_id = await working_order(desk, trigger=trigger, price=Decimal(62100))
    waits = order_report(
        "waiting_trigger", at=2, order_id=f"x-{order_id}", link_id="", trigger_price=Decimal(62000),
        trigger_by="LastPrice", trigger_rises=True,
    )  # fmt: skip
    await desk.journal.book([waits], "stream")
    assert await refused(desk, amend(order_id, trigger_price=Decimal(59000))) == [
        ("trigger_price", "order.trigger_passed")
    ]
    assert (await submit(desk, amend(order_id, trigger_price=Decimal(61000)))).created


# Closes and reverses.


@pytest.mark.parametrize(
    ("percent", "quantity"), [("100", "0.505"), ("50", "0.252"), ("33.3", "0.168"), ("99.99", "0.504")]
)
async def test_a_close_is_a_reduce_only_order_of_a_part_rounded_down(desk: Desk, percent: str, quantity: str) -> None:
    await desk.journal.book([position("0.505")], "stream")
    body = close(percent=Decimal(percent), slippage_percent=Decimal("0.5"))
    row = await row_of(desk, (await submit(desk, body)).intent_id)
    assert (row["kind"], row["side"], row["order_type"], row["time_in_force"]) == ("place", "Sell", "Market", "IOC")
    assert (row["quantity"], row["reduce_only"], row["reduces"]) == (Decimal(quantity), True, True)
    assert abs(row["valid_until"] - row["created_at"] - timedelta(minutes=5)) < timedelta(seconds=1)
    assert row["slippage_percent"] == Decimal("0.5")
    assert row["body"]["kind"] == "close"


@pytest.mark.parametrize(
    ("size", "rules"),
    [
        ("0.5005", BTC_RULES),
        ("0.0004", BTC_RULES),
        ("600", BTC_RULES),
        ("0.5", replace(BTC_RULES, status="Settling")),
        ("0.5", None),
    ],
    ids=["off the step", "below the minimum", "above the maximum", "not tradable", "not listed"],
)
async def test_all_of_a_position_can_be_closed_whatever_its_size(
    desk: Desk, size: str, rules: Instrument | None
) -> None:
    """The exchange closes what there is when an order names no size; no rule of ours keeps anybody in a position."""
    await desk.journal.book([position(size)], "stream")
    body = close(percent=Decimal(100))
    async with desk.asker() as asker:
        await submit_close(asker, body, MarketView(instrument=rules, quotes=QUOTES))
    (intent,) = await desk.journal.proposed()
    assert isinstance(intent, PlaceIntent)
    assert (intent.order.quantity, refusal(intent, rules)) == (Decimal(size), None)
    sent = as_sent(intent, rules)
    assert isinstance(sent, PlaceIntent)
    assert create_body(sent.order) == {
        "category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market", "qty": "0",
        "orderLinkId": sent.order.link_id, "positionIdx": 0, "reduceOnly": True, "closeOnTrigger": True,
    }  # fmt: skip
    assert as_sent(intent, replace(BTC_RULES, quantity_step=Decimal("0.0001"), min_quantity=Decimal("0.0001"),
                                   max_market_quantity=Decimal(1000))) == intent  # fmt: skip


async def test_nothing_is_asked_of_an_account_that_rests_and_what_was_asked_is_answered(desk: Desk) -> None:
    await desk.journal.book([position("0.5")], "stream")
    known = close()
    await submit(desk, known)
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE accounts SET resting = true"))
    assert not (await submit(desk, known)).created
    for body in (close(), reverse(), leverage("5"), exits(stop_loss=Decimal(58000)), amend(OrderId(known.id))):
        await refused(desk, body, AccountResting)
    with pytest.raises(AccountResting):
        await desk.submit(desk.body())
    async with desk.asker() as asker:
        with pytest.raises(AccountResting):
            await submit_cancel(asker, CancelBody(id=new_id(), order_id=OrderId(known.id)))
        with pytest.raises(AccountResting):
            await submit_cancel_all(asker, CancelAllBody(id=uuid4(), category=None, symbol=None))


async def test_a_close_at_a_price_is_a_limit_order(desk: Desk) -> None:
    await desk.journal.book([position("0.5", side="Sell")], "stream")
    body = close(side="Sell", price=Decimal(59000))
    row = await row_of(desk, (await submit(desk, body)).intent_id)
    assert (row["side"], row["order_type"], row["price"], row["time_in_force"]) == (
        "Buy",
        "Limit",
        Decimal(59000),
        "GTC",
    )


async def test_a_close_names_what_does_not_fit_by_its_own_fields(desk: Desk) -> None:
    await desk.journal.book([position("0.005")], "stream")
    for changes, found in (
        ({"percent": Decimal(0)}, ("percent", "close.percent_range")),
        ({"percent": Decimal("100.1")}, ("percent", "close.percent_range")),
        ({"percent": Decimal(10)}, ("percent", "order.quantity_positive")),
        ({"price": Decimal("59000.05")}, ("price", "order.price_tick")),
        ({"slippage_percent": Decimal(11)}, ("slippage_percent", "order.slippage_range")),
    ):
        assert await refused(desk, close(**changes)) == [found], changes


async def test_a_position_that_is_not_the_one_that_was_seen_is_neither_closed_nor_reversed(desk: Desk) -> None:
    await refused(desk, close(), PositionChanged)
    await desk.journal.book([position("0.5")], "stream")
    await refused(desk, close(side="Sell"), PositionChanged)
    await refused(desk, reverse(side="Sell"), PositionChanged)
    await refused(desk, reverse(size=Decimal("0.4")), PositionChanged)
    await desk.journal.flatten_absent([])
    await refused(desk, close(), PositionChanged)
    await refused(desk, reverse(), PositionChanged)


async def test_a_reverse_is_one_market_order_of_twice_the_size_and_expires(desk: Desk) -> None:
    await desk.journal.book([position("0.5")], "stream")
    row = await row_of(desk, (await submit(desk, reverse())).intent_id)
    assert (row["side"], row["order_type"], row["quantity"], row["reduce_only"]) == (
        "Sell",
        "Market",
        Decimal(1),
        False,
    )
    assert timedelta(seconds=9) < row["valid_until"] - row["created_at"] < timedelta(seconds=11)


# Leverage and exits.


async def test_leverage_and_exits_are_held_to_their_rules(desk: Desk) -> None:
    for body, found in (
        (leverage("0.5"), ("leverage", "leverage.range")),
        (leverage("101"), ("leverage", "leverage.range")),
        (leverage("10.005"), ("leverage", "leverage.step")),
        (exits(stop_loss=Decimal(58000)), ("symbol", "exits.no_position")),
    ):
        await_found = await refused(desk, body)
        assert await_found == [found], body
    await desk.journal.book([position("0.5")], "stream")
    for legs, found in (
        ({}, ("", "exits.nothing_asked")),
        ({"stop_loss": Decimal(61000)}, ("stop_loss", "order.exit_must_be_below")),
        ({"take_profit": Decimal(59000)}, ("take_profit", "order.exit_must_be_above")),
        ({"stop_loss": Decimal("58000.05")}, ("stop_loss", "order.price_tick")),
    ):
        assert await refused(desk, exits(**legs)) == [found], legs


async def test_a_reduce_only_order_needs_something_to_reduce_once_the_account_was_read(desk: Desk) -> None:
    assert (await desk.submit(desk.body(reduce_only=True))).created, "nobody knows yet what is held"
    reading = await desk.journal.begin_reading()
    await desk.journal.note_reconciled(reading.began_at, AccountModes(margin_mode="REGULAR_MARGIN"))
    with pytest.raises(InvalidInput) as told:
        await desk.submit(desk.body(reduce_only=True, side="Sell"))
    assert [problem.code for problem in told.value.problems] == ["order.nothing_to_reduce"]
    await desk.journal.book([position("0.5")], "stream")
    assert (await desk.submit(desk.body(reduce_only=True, side="Sell"))).created


# Spot.


async def test_a_spot_order_is_paid_with_what_is_free_of_its_coin(desk: Desk) -> None:
    rules = replace(BTC_RULES, id=InstrumentId("spot", "BTCUSDT"))
    zero = Decimal(0)
    coins = {
        name: CoinBalance(
            coin=name, wallet_balance=Decimal(total), equity=Decimal(total), order_margin=zero, position_margin=zero,
            unrealised_pnl=zero, locked=Decimal(locked),
        )
        for name, total, locked in (("USDT", "10000", "4000"), ("BTC", "1", "0.9"))
    }  # fmt: skip
    spot: dict[str, Any] = {"category": "spot", "price": Decimal(60000)}
    assert (await desk.submit(desk.body(**spot), instrument=rules)).created, "the wallet was never read"
    await desk.journal.book([replace(wallet(), coins=coins)], "stream")
    for changes in ({"quantity": Decimal("0.101")}, {"side": "Sell", "quantity": Decimal("0.101")}):
        with pytest.raises(InvalidInput) as told:
            await desk.submit(desk.body(**(spot | changes)), instrument=rules)
        assert [problem.code for problem in told.value.problems] == ["order.available"], changes
    for changes in ({"quantity": Decimal("0.1")}, {"side": "Sell", "quantity": Decimal("0.1")}):
        assert (await desk.submit(desk.body(**(spot | changes)), instrument=rules)).created


# Cancel-all.


async def cancel_all(desk: Desk, body: CancelAllBody) -> list[AskedCancel]:
    async with desk.asker() as asker:
        return await submit_cancel_all(asker, body)


async def test_cancel_all_asks_once_for_each_live_order_and_nothing_new_when_repeated(desk: Desk) -> None:
    ended = await working_order(desk)
    await desk.order(IntentId(ended), "cancelled", at=2, order_id=f"x-{ended}")
    live = [await working_order(desk), OrderId(await desk.place())]
    await desk.journal.book([order_report(order_id="elsewhere")], "stream")
    leg = order_report("waiting_trigger", order_id="leg", stop_order_type="StopLoss", reduce_only=True)
    await desk.journal.book([leg], "stream")
    body = CancelAllBody(id=uuid4(), category=None, symbol=None, external=True)
    first = await cancel_all(desk, body)
    asked = [cancel.order_id for cancel in first]
    assert set(live) < set(asked)
    assert len(asked) == 3, "the one from elsewhere too; not the stop of the position"
    assert [row["kind"] for row in [await row_of(desk, cancel.intent_id) for cancel in first]] == ["cancel"] * 3
    later = await working_order(desk)
    entries = await desk.count("audit_entries")
    assert await cancel_all(desk, body) == first
    assert await desk.count("audit_entries") == entries
    with pytest.raises(IntentConflict):
        await cancel_all(desk, replace(body, category="linear"))
    again = await cancel_all(desk, replace(body, id=uuid4()))
    assert set(again) - set(first) == {cancel for cancel in again if cancel.order_id == later}
    assert set(first) < set(again), "what is on its way already is not asked for twice"


async def test_cancel_all_of_a_category_or_symbol_leaves_the_others(desk: Desk) -> None:
    linear = await working_order(desk)
    eth = order_report(order_id="eth", instrument=InstrumentId("linear", "ETHUSDT"))
    spot = order_report(order_id="spot", instrument=InstrumentId("spot", "BTCUSDT"))
    await desk.journal.book([eth, spot], "stream")
    by_symbol = await cancel_all(desk, CancelAllBody(id=uuid4(), category="linear", symbol="BTCUSDT", external=True))
    assert [cancel.order_id for cancel in by_symbol] == [linear]
    assert len(await cancel_all(desk, CancelAllBody(id=uuid4(), category="linear", symbol=None, external=True))) == 2
    with pytest.raises(InvalidInput):
        await cancel_all(desk, CancelAllBody(id=uuid4(), category=None, symbol="BTCUSDT"))


async def test_cancel_all_twenty_times_at_once_is_one(desk: Desk) -> None:
    for _ in range(3):
        await working_order(desk)
    body = CancelAllBody(id=uuid4(), category=None, symbol=None)
    intents = await desk.count("intents")
    answers = await asyncio.gather(*(cancel_all(desk, body) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert await desk.count("intents") == intents + 3


async def test_an_account_of_another_workspace_has_nothing_to_change(desk: Desk) -> None:
    stranger = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    view = MarketView(instrument=BTC_RULES, quotes=QUOTES)
    before = await desk.count("intents")
    for body, _ in await every_kind(desk):
        async with desk.asker(stranger.workspace_id) as asker:
            with pytest.raises(NotFound):
                await SUBMIT[type(body)](asker, body, view)
    async with desk.asker(stranger.workspace_id) as asker:
        with pytest.raises(NotFound):
            await submit_cancel_all(asker, CancelAllBody(id=uuid4(), category=None, symbol=None))
    assert await desk.count("intents") == before + 1  # the order of `every_kind`
