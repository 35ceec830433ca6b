"""Changes over HTTP: every kind of intent from its body to its answer, cancel-all, reading again on request, symbols.

The account's worker is played by its real journal: it acknowledges, and tells what the exchange would show since.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest

from integration.web.kit import BTC, Owner, Site, User, place_body
from integration.web.test_identity_api import problem
from sim.facts import after, order_report, position
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, RequestId, link_id_of
from tradewright.core.order import AccountModes, FeeRates, SymbolMode
from tradewright.trading.journal import AnsweredAcknowledged
from tradewright.trading.model import (
    AmendIntent,
    ExitsIntent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    SymbolFacts,
)
from tradewright.trading.wishes import WANTED_CHANNEL, parse_wish
from tradewright.web import intents
from tradewright.web.schemas.accounts import Account, AccountList, AccountSymbol, ReconcileAnswer
from tradewright.web.schemas.intent_answers import CancelAllAnswer, IntentAnswer, IntentHistory
from tradewright.web.schemas.orders import OrderPage


class Exchange(Owner):
    """An owner whose exchange does what it is asked: orders work, amends and settings show when they are read."""

    async def run(self) -> None:
        hints = self._site.parts.bus.subscribe("intents")
        self._at = 1.0
        try:
            while True:
                for intent in await self.journal.proposed():
                    await self._serve(intent)
                await hints.get()
        finally:
            hints.close()

    async def _serve(self, intent: Any) -> None:
        request = await self.journal.open_request(intent, RequestId(self._site.parts.ids.new()))
        assert request is not None
        self._at += 1
        link = link_id_of(intent.id) if isinstance(intent, PlaceIntent) else None
        order_id = ExchangeOrderId(f"x-{intent.id}") if link else None
        await self.journal.answer(intent, request, AnsweredAcknowledged(order_id, Trace()))
        match intent:
            case PlaceIntent(order=order):
                at_once = order.order_type == "Market"
                shown = order_report(
                    "filled" if at_once else "working", at=self._at, link_id=order.link_id, order_id=f"x-{intent.id}",
                    quantity=order.quantity, price=order.price, side=order.side,
                    filled=str(order.quantity) if at_once else "0",
                )  # fmt: skip
                held = [position("0.5", at=self._at, sequence=int(self._at))] if at_once else []
                await self.journal.book([shown, *held], "stream")
            case AmendIntent(asked=asked):
                shown = order_report(
                    "working", at=self._at, link_id=intent.target_link_id, order_id=intent.target_exchange_order_id,
                    quantity=asked.quantity or Decimal("0.01"), price=asked.price or Decimal(59000),
                )  # fmt: skip
                await self.journal.confirm(intent, [shown], "reconciliation")
            case LeverageIntent(leverage=leverage):
                held = position("0.5", at=self._at, leverage=leverage, sequence=int(self._at))
                await self.journal.confirm(intent, [held], "reconciliation")
            case ExitsIntent(exits=exits):
                held = position(
                    "0.5", at=self._at, stop_loss=exits.stop_loss, trailing_stop=exits.trailing_stop,
                    position_index=exits.position_index, side="Sell" if exits.position_index == 2 else "Buy",
                    sequence=int(self._at),
                )  # fmt: skip
                await self.journal.confirm(intent, [held], "reconciliation")
            case PositionModeIntent(hedge=hedge):
                mode = SymbolMode(instrument=intent.instrument, hedge=hedge)
                legs = [
                    position("0", side=None, at=self._at, position_index=leg) for leg in ((1, 2) if hedge else (0,))
                ]
                await self.journal.confirm(intent, [mode, *legs], "reconciliation")
            case MarginModeIntent(mode=mode):
                await self.journal.confirm(intent, [AccountModes(margin_mode=mode)], "reconciliation")
            case _:
                pass


@asynccontextmanager
async def running_exchange(site: Site, user: User) -> AsyncIterator[Exchange]:
    exchange = Exchange(site, user)
    task = asyncio.create_task(exchange.run())
    try:
        yield exchange
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ask(site: Site, user: User, kind: str, *, status: int = 200, **fields: Any) -> IntentAnswer:
    body = {"id": str(site.parts.ids.new()), "kind": kind, **fields}
    async with user.http.post(f"{user.account_path}/intents", json=body) as response:
        assert response.status == status, await response.text()
        return IntentAnswer.model_validate_json(await response.read())


SYMBOL = {"category": "linear", "symbol": "BTCUSDT"}


async def test_an_amend_shows_the_orders_new_terms_and_keeps_what_was_asked(site: Site, ann: User) -> None:
    async with running_exchange(site, ann):
        body = place_body()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200
        await ask(site, ann, "amend", order_id=body["id"], price="58000", quantity="0.020")
        while True:  # until what became of it was read, which a busy machine does after the answer
            async with ann.http.get(f"{ann.account_path}/orders") as response:
                (order,) = OrderPage.model_validate_json(await response.read()).orders
            if order.status != "amend_requested":
                break
            await asyncio.sleep(0.05)
    assert (order.price, order.quantity, order.status) == ("58000", "0.02", "working")
    assert order.amend is not None
    assert (order.amend.price, order.amend.quantity, order.amend.state) == ("58000", "0.02", "acknowledged")
    assert (order.amend.stop_loss, order.amend.reason) == (None, None)


async def test_leverage_and_exits_are_answered_with_the_position_as_it_was_read_back(site: Site, ann: User) -> None:
    async with running_exchange(site, ann) as exchange:
        await exchange.journal.book([position("0.5")], "stream")
        leverage = await ask(site, ann, "leverage", **SYMBOL, leverage="25")
        exits = await ask(site, ann, "exits", **SYMBOL, stop_loss="58000")
        async with ann.http.get(f"{ann.account_path}/intents/{leverage.intent_id}") as response:
            history = IntentHistory.model_validate_json(await response.read())
    assert leverage.order is None
    assert leverage.position is not None
    assert (leverage.kind, leverage.status, leverage.position.leverage) == ("leverage", "acknowledged", "25")
    assert exits.position is not None
    assert (exits.kind, exits.position.stop_loss, exits.position.stops_read_ms is None) == ("exits", "58000", False)
    assert [(step.status, step.source) for step in history.history] == [("sending", "manual"), ("acknowledged", "rest")]


async def account_of(ann: User) -> Account:
    async with ann.http.get("/api/v1/accounts") as response:
        return AccountList.model_validate_json(await response.read()).accounts[0]


async def test_modes_are_answered_once_they_are_read_back_and_shown_where_they_hold(site: Site, ann: User) -> None:
    async with running_exchange(site, ann) as exchange:
        switch = await ask(site, ann, "position_mode", **SYMBOL, mode="hedge")
        assert switch.position is not None
        assert (switch.status, switch.position.position_index, switch.position.size) == ("acknowledged", 1, "0")
        margin = await ask(site, ann, "margin_mode", mode="ISOLATED_MARGIN")
        assert (margin.kind, margin.status, margin.order, margin.position) == (
            "margin_mode", "acknowledged", None, None,
        )  # fmt: skip
        shown = await account_of(ann)
        assert (shown.position_mode, shown.margin_mode) == ("by_symbol", "ISOLATED_MARGIN")
        async with ann.http.get(f"{ann.account_path}/symbols/linear/BTCUSDT") as response:
            assert AccountSymbol.model_validate_json(await response.read()).position_mode == "hedge"
        legs = [position("0.5", position_index=1, at=9), position("0.3", side="Sell", position_index=2, at=9)]
        await exchange.journal.book(legs, "stream")
        trailing = await ask(site, ann, "exits", **SYMBOL, trailing_stop="500", position_index=2)
        assert trailing.position is not None
        assert (trailing.position.position_index, trailing.position.trailing_stop) == (2, "500")
        order = (await ask(site, ann, "close", **SYMBOL, side="Sell")).order
        assert order is not None
        assert (order.position_index, order.side, order.reduce_only) == (2, "Buy", True)
        for body, code in (
            ({"kind": "position_mode", **SYMBOL, "mode": "one_way"}, "position_mode.has_positions"),
            ({"kind": "margin_mode", "mode": "REGULAR_MARGIN"}, "margin_mode.has_positions"),
            ({"kind": "margin_mode", "mode": "PORTFOLIO_MARGIN"}, "margin_mode.unsupported"),
            ({"kind": "margin_mode", "mode": "CROSS"}, "input.not_allowed"),
            ({"kind": "reverse", **SYMBOL, "side": "Sell", "size": "0.3"}, "reverse.hedged"),
            (place_body(), "order.leg_required"),
            (place_body(position_index=3), "input.not_allowed"),
        ):
            asked = {"id": str(site.parts.ids.new()), **body}
            async with ann.http.post(f"{ann.account_path}/intents", json=asked) as response:
                found = await problem(response, 422, "input.invalid")
                assert found.problems[0].code == code, body


async def test_a_close_and_a_reverse_are_orders_and_another_position_is_a_conflict(site: Site, ann: User) -> None:
    async with running_exchange(site, ann) as exchange:
        await exchange.journal.book([position("0.5")], "stream")
        close = await ask(site, ann, "close", **SYMBOL, side="Buy", percent="50")
        turn = await ask(site, ann, "reverse", **SYMBOL, side="Buy", size="0.50")
        for fields in ({"kind": "close", "side": "Sell"}, {"kind": "reverse", "side": "Buy", "size": "0.4"}):
            body = {"id": str(site.parts.ids.new()), **SYMBOL, **fields}
            async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
                await problem(response, 409, "position.changed")
    assert close.order is not None
    assert turn.order is not None
    assert (close.kind, close.order.side, close.order.quantity, close.order.reduce_only) == (
        "place",
        "Sell",
        "0.25",
        True,
    )
    assert (turn.kind, turn.order.side, turn.order.quantity, turn.order.reduce_only) == ("place", "Sell", "1", False)


async def test_an_order_of_every_part_is_shown_as_it_was_asked(site: Site, ann: User) -> None:
    body = place_body(
        price="61100",
        trigger={"price": "61000.0", "by": "MarkPrice", "rises": True},
        take_profit={"trigger_price": "65000"},
        stop_loss={"trigger_price": "58000", "limit_price": "57900"},
    )
    async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 202, await response.text()  # nobody serves it
        order = IntentAnswer.model_validate_json(await response.read()).order
    assert order is not None
    assert order.trigger is not None
    assert (order.trigger.price, order.trigger.by, order.trigger.rises) == ("61000", "MarkPrice", True)
    assert (order.take_profit, order.stop_loss, order.slippage_percent) == ("65000", "58000", None)


async def test_bad_changes_name_their_field_and_write_nothing(site: Site, ann: User) -> None:
    order = str(site.parts.ids.new())
    for body, status, field, code in (
        ({"kind": "amend", "order_id": order, "price": "1"}, 404, "", "not_found"),
        ({"kind": "amend", "order_id": "x"}, 422, "order_id", "input.format"),
        ({"kind": "leverage", **SYMBOL}, 422, "leverage", "input.missing"),
        ({"kind": "leverage", **SYMBOL, "leverage": "0"}, 422, "leverage", "leverage.range"),
        ({"kind": "leverage", "category": "spot", "symbol": "BTCUSDT", "leverage": "1"}, 422, "category",
         "input.not_allowed"),
        ({"kind": "leverage", **SYMBOL, "symbol": "NOPEUSDT", "leverage": "1"}, 422, "symbol",
         "order.instrument_unknown"),
        ({"kind": "exits", **SYMBOL, "stop_loss": "58000"}, 422, "symbol", "exits.no_position"),
        ({"kind": "exits", **SYMBOL, "stop_loss_by": "Last"}, 422, "stop_loss_by", "input.not_allowed"),
        ({"kind": "close", **SYMBOL, "side": "Buy"}, 409, "", "position.changed"),
        ({"kind": "reverse", **SYMBOL, "side": "Buy", "size": "-1"}, 409, "", "position.changed"),
        (place_body(trigger={"price": "61000"}), 422, "trigger.rises", "input.missing"),
        (place_body(trigger={"price": "61000", "rises": False}), 422, "trigger.price", "order.trigger_passed"),
        (place_body(stop_loss={"trigger_price": "60500"}), 422, "stop_loss.trigger_price",
         "order.exit_must_be_below"),
        (place_body(quantity_unit="quote"), 422, "quantity_unit", "order.quote_unit_spot_market"),
        (place_body(order_type="Market", price=None, time_in_force="IOC", slippage_percent="11"), 422,
         "slippage_percent", "order.slippage_range"),
    ):  # fmt: skip
        asked = {"id": str(site.parts.ids.new()), **body}
        async with ann.http.post(f"{ann.account_path}/intents", json=asked) as response:
            found = await problem(response, status, "input.invalid" if status == 422 else code)
            if status == 422:
                assert (found.problems[0].field, found.problems[0].code) == (field, code), body
    assert await site.count("intents") == 0


async def test_cancel_all_answers_with_a_cancel_for_each_live_order(site: Site, ann: User) -> None:
    async with running_exchange(site, ann):
        bodies = [place_body() for _ in range(3)]
        for body in bodies:
            async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
                assert response.status == 200
        asked = {"id": str(site.parts.ids.new())}
        answers = []
        for _ in range(2):
            async with ann.http.post(f"{ann.account_path}/cancel-all", json=asked) as response:
                assert response.status == 200, await response.text()
                answers.append(CancelAllAnswer.model_validate_json(await response.read()))
        assert answers[0] == answers[1]
        assert [str(cancel.order_id) for cancel in answers[0].cancels] == [body["id"] for body in bodies]
        async with ann.http.post(f"{ann.account_path}/cancel-all", json=asked | {"category": "spot"}) as response:
            await problem(response, 409, "intent.conflict")
        async with ann.http.post(f"{ann.account_path}/cancel-all", json={"id": "x"}) as response:
            await problem(response, 422, "input.invalid")


async def test_a_reading_on_request_is_waited_for_and_another_workspaces_is_not_to_be_had(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 60.0)  # a busy machine may need longer than a person is to wait
    owner = Owner(site, ann)
    wanted = site.parts.bus.subscribe(WANTED_CHANNEL)
    served = []

    async def serve() -> None:
        while True:
            hint = await wanted.get()
            wish = None if hint is None else parse_wish(hint)
            if wish is None:
                continue
            if wish.whole:
                served.append(wish)
                reading = await owner.journal.begin_reading()
                await owner.journal.note_reconciled(reading.began_at, AccountModes(margin_mode="REGULAR_MARGIN"))
            if wish.instrument is not None:
                rates = FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"))
                facts = SymbolFacts(instrument=wish.instrument, leverage=Decimal(10), rates=rates)
                await owner.journal.note_symbol(facts)

    serving = asyncio.create_task(serve())
    try:
        async with ann.http.post(f"{ann.account_path}/reconcile", json=SYMBOL) as response:
            answer = ReconcileAnswer.model_validate_json(await response.read())
        assert answer.done
        assert [wish.account_id for wish in served] == [ann.account_id]
        assert (answer.account.margin_mode, answer.account.reconciled_ms is None) == ("REGULAR_MARGIN", False)
        async with ann.http.get(f"{ann.account_path}/symbols/linear/BTCUSDT") as response:
            facts = AccountSymbol.model_validate_json(await response.read())
        assert (facts.leverage, facts.taker_rate, facts.fees_assumed) == ("10", "0.00055", False)
        # What the exchange shows of the position since is newer than what was asked about its symbol.
        await owner.journal.book([position("0", side=None, leverage=Decimal(25), updated_at=after(3))], "stream")
        async with ann.http.get(f"{ann.account_path}/symbols/linear/BTCUSDT") as response:
            assert AccountSymbol.model_validate_json(await response.read()).leverage == "25"
    finally:
        serving.cancel()
    async with ann.http.get(f"{ann.account_path}/symbols/linear/ETHUSDT") as response:
        unread = AccountSymbol.model_validate_json(await response.read())
    assert (unread.leverage, unread.taker_rate, unread.read_ms) == (None, None, None)
    async with ann.http.get(f"{ann.account_path}/symbols/linear/NOPEUSDT") as response:
        await problem(response, 404, "not_found")
    bob = await site.second_user("owner")
    for method, path, body in (
        ("POST", "reconcile", {}),
        ("POST", "cancel-all", {"id": str(site.parts.ids.new())}),
        ("GET", f"symbols/linear/{BTC.symbol}", None),
    ):
        async with bob.http.request(method, f"{ann.account_path}/{path}", json=body) as response:
            await problem(response, 404, "not_found")


async def test_without_a_worker_a_reading_is_not_done_after_five_seconds(ann: User) -> None:
    began = time.monotonic()
    async with ann.http.post(f"{ann.account_path}/reconcile", json={}) as response:
        answer = ReconcileAnswer.model_validate_json(await response.read())
    assert not answer.done
    assert time.monotonic() - began >= 4.9
