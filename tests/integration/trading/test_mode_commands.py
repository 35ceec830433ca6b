"""Commands about how positions are held, on PostgreSQL: legs of hedge mode, position and margin mode, trailing stops,
and what cancel-all spares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contract.journal_worlds import BTC, BTC_RULES
from integration.trading.conftest import Desk
from integration.trading.test_change_commands import QUOTES, cancel_all, close, exits, new_id, reverse, working_order
from sim.facts import fill, order_report, position
from tradewright.core.errors import InvalidInput
from tradewright.core.ids import IntentId, OrderId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import AccountModes, SymbolMode, Trigger
from tradewright.trading.bodies import (
    Body,
    CancelAllBody,
    CloseBody,
    ExitsBody,
    MarginModeBody,
    PlaceBody,
    PositionModeBody,
    ReverseBody,
)
from tradewright.trading.change_commands import submit_exits, submit_margin_mode, submit_position_mode
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_close, submit_place, submit_reverse
from tradewright.trading.model import IntentConflict, PlaceIntent, PositionChanged, SubmittedIntent

LEGS = (
    position("0.5", position_index=1),
    position("0.3", side="Sell", position_index=2, liquidation_price=Decimal(80000)),
)


async def submit(desk: Desk, body: Body, **view: Any) -> SubmittedIntent:
    async with desk.asker() as asker:
        market = MarketView(**({"instrument": BTC_RULES, "quotes": QUOTES} | view))
        commands: dict[type, Callable[..., Awaitable[SubmittedIntent]]] = {
            PlaceBody: submit_place,
            CloseBody: submit_close,
            ReverseBody: submit_reverse,
            ExitsBody: submit_exits,
            PositionModeBody: submit_position_mode,
        }
        if isinstance(body, MarginModeBody):
            return await submit_margin_mode(asker, body)
        return await commands[type(body)](asker, body, market)


async def refused(desk: Desk, body: Body, **view: Any) -> Sequence[tuple[str, str]]:
    before = (await desk.count("intents"), await desk.count("audit_entries"))
    with pytest.raises(InvalidInput) as told:
        await submit(desk, body, **view)
    assert (await desk.count("intents"), await desk.count("audit_entries")) == before
    return [(problem.field, problem.code) for problem in told.value.problems]


def position_mode(
    *, hedge: bool = True, intent_id: IntentId | None = None, symbol: str = "BTCUSDT"
) -> PositionModeBody:
    return PositionModeBody(id=intent_id or new_id(), category="linear", symbol=symbol, hedge=hedge)


def margin_mode(mode: str = "ISOLATED_MARGIN", intent_id: IntentId | None = None) -> MarginModeBody:
    return MarginModeBody(id=intent_id or new_id(), mode=mode)


async def hedge(desk: Desk, *, on: bool = True, legs: bool = True) -> None:
    facts = [SymbolMode(instrument=BTC, hedge=on), *(LEGS if legs else ())]
    await desk.journal.book(facts, "reconciliation")


async def proposed(desk: Desk, intent_id: IntentId) -> Any:
    return next(one for one in await desk.journal.proposed() if one.id == intent_id)


# Modes.


@pytest.mark.parametrize("kind", ["position_mode", "margin_mode"])
async def test_a_mode_is_asked_once_and_its_id_means_nothing_else(desk: Desk, kind: str) -> None:
    intent_id = new_id()
    body, other = (
        (position_mode(intent_id=intent_id), position_mode(intent_id=intent_id, hedge=False))
        if kind == "position_mode"
        else (margin_mode(intent_id=intent_id), margin_mode("REGULAR_MARGIN", intent_id))
    )
    assert (await submit(desk, body)).created
    assert not (await submit(desk, body)).created
    with pytest.raises(IntentConflict):
        await submit(desk, other)
    async with desk.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, object_kind, object_id FROM audit_entries WHERE outcome = 'asked'")
        )
        expected = (
            ("symbol.position_mode", "symbol", "linear:BTCUSDT")
            if kind == "position_mode"
            else ("account.margin_mode", "account", str(desk.account_id))
        )
        assert [tuple(row) for row in found] == [expected]


@pytest.mark.parametrize("kind", ["position_mode", "margin_mode"])
async def test_no_mode_changes_under_an_order_or_a_position(desk: Desk, kind: str) -> None:
    body = position_mode() if kind == "position_mode" else margin_mode()
    order = await working_order(desk)
    assert await refused(desk, body) == [("", f"{kind}.has_orders")]
    await desk.order(IntentId(order), "cancelled", at=2, order_id=f"x-{order}")
    await desk.journal.book([position("0.5")], "stream")
    assert await refused(desk, body) == [("", f"{kind}.has_positions")]
    await desk.journal.flatten_absent([])
    assert (await submit(desk, body)).created


async def test_what_another_symbol_holds_keeps_the_margin_mode_and_no_position_mode(desk: Desk) -> None:
    eth = InstrumentId("linear", "ETHUSDT")
    await desk.journal.book([position("1", instrument=eth), order_report(order_id="e", instrument=eth)], "stream")
    assert (await submit(desk, position_mode())).created
    assert await refused(desk, margin_mode()) == [("", "margin_mode.has_positions")]


async def test_only_what_the_exchange_may_hold_in_two_legs_is_asked_to_be(desk: Desk) -> None:
    for changes in ({"settle_coin": "USDC"}, {"id": InstrumentId("linear", "BTCUSDT-25DEC26")}):
        rules = replace(BTC_RULES, **changes)
        asked = position_mode(symbol=rules.id.symbol)
        assert await refused(desk, asked, instrument=rules) == [("symbol", "position_mode.unsupported")]
        assert (await submit(desk, position_mode(symbol=rules.id.symbol, hedge=False), instrument=rules)).created


async def test_portfolio_margin_is_refused_with_a_sentence(desk: Desk) -> None:
    assert await refused(desk, margin_mode("PORTFOLIO_MARGIN")) == [("mode", "margin_mode.unsupported")]


async def test_what_is_read_of_the_modes_is_told_once(desk: Desk) -> None:
    """The account says that some of its symbols are held otherwise; read again, it says nothing."""
    for _ in range(2):
        await hedge(desk, legs=False)
        await desk.journal.book([AccountModes(margin_mode="ISOLATED_MARGIN")], "reconciliation")
    async with desk.engine.connect() as connection:
        events = await connection.execute(
            text(
                "SELECT payload->'account'->>'position_mode', payload->'account'->>'margin_mode' FROM account_events"
                " WHERE kind = 'session' ORDER BY seq"
            )
        )
        assert [tuple(row) for row in events] == [("by_symbol", None), ("by_symbol", "ISOLATED_MARGIN")]


# Legs.


async def test_an_order_names_the_leg_where_two_are_held_and_none_where_not(desk: Desk) -> None:
    for on, index, side, reduce_only, found in (
        (True, 0, "Buy", False, ("position_index", "order.leg_required")),
        (True, 1, "Sell", False, ("reduce_only", "order.leg_closes")),
        (True, 2, "Buy", False, ("reduce_only", "order.leg_closes")),
        (True, 1, "Buy", True, ("reduce_only", "order.leg_opens")),
        (True, 2, "Sell", True, ("reduce_only", "order.leg_opens")),
        (False, 1, "Buy", False, ("position_index", "order.leg_one_way")),
        (False, 2, "Sell", False, ("position_index", "order.leg_one_way")),
    ):
        await hedge(desk, on=on)
        body = desk.body(side=side, position_index=index, reduce_only=reduce_only)
        assert (await refused(desk, body))[0] == found, (on, index, side)
    for on, index, side, reduce_only in (
        (True, 1, "Buy", False),
        (True, 1, "Sell", True),
        (True, 2, "Sell", False),
        (True, 2, "Buy", True),
        (False, 0, "Buy", False),
    ):
        await hedge(desk, on=on)
        body = desk.body(side=side, position_index=index, reduce_only=reduce_only)
        assert (await submit(desk, body)).created
        intent = await proposed(desk, body.id)
        assert isinstance(intent, PlaceIntent)
        assert (intent.order.position_index, intent.reduces) == (index, reduce_only)


async def test_while_nobody_has_looked_the_exchange_judges_the_leg(desk: Desk) -> None:
    for index in (0, 1):
        assert (await submit(desk, desk.body(position_index=index))).created


async def test_a_close_is_of_the_leg_of_its_side(desk: Desk) -> None:
    await hedge(desk)
    for side, index, size in (("Buy", 1, "0.5"), ("Sell", 2, "0.3")):
        body = close(side=side)
        await submit(desk, body)
        intent = await proposed(desk, body.id)
        order = intent.order
        assert (order.position_index, order.quantity, order.side == side) == (index, Decimal(size), False)
        assert not intent.is_outdated
    await desk.journal.flatten_absent([LEGS[0]])
    with pytest.raises(PositionChanged):
        await submit(desk, close(side="Sell"))


async def test_two_legs_are_not_turned(desk: Desk) -> None:
    await hedge(desk)
    assert await refused(desk, reverse(side="Buy", size=Decimal("0.5"))) == [("symbol", "reverse.hedged")]


async def test_exits_name_their_leg_and_are_judged_by_it(desk: Desk) -> None:
    await hedge(desk)
    assert await refused(desk, exits(stop_loss=Decimal(58000))) == [("position_index", "order.leg_required")]
    assert await refused(desk, exits(stop_loss=Decimal(58000), position_index=2)) == [
        ("stop_loss", "order.exit_must_be_above")
    ]
    for index, stop in ((1, "58000"), (2, "62000")):
        body = exits(stop_loss=Decimal(stop), position_index=index)
        await submit(desk, body)
        intent = await proposed(desk, body.id)
        assert (intent.exits.position_index, intent.is_outdated) == (index, False)
    await desk.journal.book([position("0.2", side="Sell", position_index=1, at=2, sequence=9)], "stream")
    outdated = [intent.is_outdated for intent in await desk.journal.proposed()]
    assert outdated == [True, False], "only those of the leg that is another one now"


async def test_a_fill_is_of_its_orders_leg_also_where_it_comes_first(desk: Desk) -> None:
    await desk.journal.book([fill("e-1", order_id="foreign", side="Sell")], "stream")
    ours = desk.body(position_index=1)
    await submit(desk, ours)
    await desk.acknowledge(ours.id, order_id="mine")
    await desk.journal.book([fill("e-2", order_id="mine", link_id=link_id_of(ours.id))], "stream")
    await desk.journal.book(
        [order_report("filled", order_id="foreign", side="Sell", position_index=2, filled="0.5")], "stream"
    )
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT exec_id, position_index FROM executions ORDER BY 1"))
        assert {row.exec_id: row.position_index for row in found} == {"e-1": 2, "e-2": 1}


# Trailing stops.


async def test_a_trailing_stop_is_judged_by_its_distance_and_where_it_begins(desk: Desk) -> None:
    await desk.journal.book([position("0.5")], "stream")
    for asked, found in (
        ({"trailing_active_price": Decimal(61000)}, ("trailing_stop", "exits.trailing_needed")),
        ({"trailing_stop": Decimal(0), "trailing_active_price": Decimal(61000)},
         ("trailing_stop", "exits.trailing_needed")),
        ({"trailing_stop": Decimal("0.05")}, ("trailing_stop", "exits.trailing_step")),
        ({"trailing_stop": Decimal(-5)}, ("trailing_stop", "exits.trailing_step")),
        ({"trailing_stop": Decimal(60000)}, ("trailing_stop", "exits.trailing_too_far")),
        ({"trailing_stop": Decimal(500), "trailing_active_price": Decimal(59000)},
         ("trailing_active_price", "order.exit_must_be_above")),
        ({"trailing_stop": Decimal(500), "trailing_active_price": Decimal("61000.05")},
         ("trailing_active_price", "order.price_tick")),
    ):  # fmt: skip
        assert await refused(desk, exits(**asked)) == [found], asked
    body = exits(trailing_stop=Decimal(500), trailing_active_price=Decimal(61000))
    assert (await submit(desk, body)).created
    intent = await proposed(desk, body.id)
    assert (intent.exits, intent.reduces) == (body.exits, True)
    removal = exits(trailing_stop=Decimal(0))
    await submit(desk, removal)
    assert not (await proposed(desk, removal.id)).reduces, "what removes a stop protects nothing"


# Cancel-all.


async def test_cancel_all_spares_what_was_placed_elsewhere_unless_it_is_asked_for(desk: Desk) -> None:
    ours = await working_order(desk)
    await desk.journal.book([order_report(order_id="elsewhere")], "stream")
    leg = order_report("waiting_trigger", order_id="leg", stop_order_type="StopLoss", reduce_only=True)
    await desk.journal.book([leg], "stream")
    mine = await cancel_all(desk, CancelAllBody(id=uuid4(), category=None, symbol=None))
    assert [cancel.order_id for cancel in mine] == [ours]
    body = CancelAllBody(id=uuid4(), category=None, symbol=None, external=True)
    everything = await cancel_all(desk, body)
    assert len(everything) == 2, "never the stop of a position"
    assert await cancel_all(desk, body) == everything
    with pytest.raises(IntentConflict):
        await cancel_all(desk, CancelAllBody(id=body.id, category=None, symbol=None))


async def test_cancel_all_may_spare_what_waits_for_a_trigger(desk: Desk) -> None:
    trigger = Trigger(price=Decimal(62000), by="LastPrice", rises=True)
    plain, unsent = await working_order(desk), OrderId(await desk.place(trigger=trigger, price=Decimal(62100)))
    waiting = await working_order(desk, trigger=trigger, price=Decimal(62100))
    report = order_report("waiting_trigger", at=2, order_id=f"x-{waiting}", trigger_price=Decimal(62000))
    await desk.journal.book([report], "stream")
    set_off = await working_order(desk, trigger=trigger, price=Decimal(62100))
    asked = await cancel_all(desk, CancelAllBody(id=uuid4(), category=None, symbol=None, conditional=False))
    assert {cancel.order_id for cancel in asked} == {plain, set_off}, "one that was set off waits no more"
    asked = await cancel_all(desk, CancelAllBody(id=uuid4(), category=None, symbol=None))
    assert {cancel.order_id for cancel in asked} == {plain, set_off, waiting, unsent}
