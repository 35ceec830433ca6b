"""Previews over HTTP: the maths of `core.preview` with the market of the moment and what the account brings.

The account's worker is played by its real journal. What each line comes to is in the shared vectors; here is what is
put together: units, missing facts, warnings, and that nothing is written.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.web.kit import Owner, Site, User
from integration.web.test_identity_api import problem
from sim.facts import position, wallet
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import AccountModes, FeeRates, SymbolMode
from tradewright.trading.model import SymbolFacts
from tradewright.trading.wishes import WANTED_CHANNEL, parse_wish
from tradewright.web.schemas.previews import Preview

BTC = InstrumentId("linear", "BTCUSDT")


def draft(**changed: Any) -> dict[str, Any]:
    return {
        "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "order_type": "Limit", "quantity": "0.1",
        "price": "59000", **changed,
    }  # fmt: skip


async def ask(user: User, **changed: Any) -> Preview:
    async with user.http.post(f"{user.account_path}/preview", json=draft(**changed)) as response:
        assert response.status == 200, await response.text()
        return Preview.model_validate_json(await response.read())


async def known_account(site: Site, user: User, *, margin_mode: str = "REGULAR_MARGIN", size: str = "0") -> None:
    """As the worker leaves it after a reconciliation: wallet, position, modes, leverage 10 and the usual fees."""
    journal = Owner(site, user).journal
    side = "Buy" if Decimal(size) else None
    await journal.book([wallet("10000"), position(size, side=side)], "reconciliation")
    await journal.note_reconciled(site.clock.now(), AccountModes(margin_mode=margin_mode))
    fees = FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055"))
    await journal.note_symbol(SymbolFacts(instrument=BTC, leverage=Decimal(10), rates=fees))


async def test_a_preview_tells_the_cost_by_the_accounts_own_leverage_and_fees(site: Site, ann: User) -> None:
    await known_account(site, ann)
    found = await ask(ann)
    assert (found.order_value, found.initial_margin, found.leverage) == ("5900", "590", "10")
    assert (found.open_fee, found.close_fee) == ("1.18", "2.9205")
    assert (found.cost, found.cost_coin, found.available) == ("594.1005", "USDT", "10000")
    assert (found.liquidation, found.liquidation_price) == ("account_wide", None)
    assert (found.problems, found.warnings, found.limits) == ([], [], [])
    assert await site.count("intents") == 0


async def test_in_isolated_margin_a_stop_beyond_the_liquidation_is_a_problem(site: Site, ann: User) -> None:
    await known_account(site, ann, margin_mode="ISOLATED_MARGIN")
    found = await ask(ann, stop_loss={"trigger_price": "40000"})
    assert found.liquidation == "estimate"
    # The twin lists no risk tiers, and without a maintenance rate no liquidation is made up.
    assert found.liquidation_price is None
    assert found.risk_at_stop is not None
    assert [each.code for each in found.problems] == []


async def test_in_hedge_mode_a_preview_is_of_one_leg(site: Site, ann: User) -> None:
    await known_account(site, ann)
    legs = [position("0.5", position_index=1), position("0.3", side="Sell", position_index=2)]
    journal = Owner(site, ann).journal
    await journal.book([SymbolMode(instrument=BTC, hedge=True), *legs], "reconciliation")
    short = await ask(ann, side="Sell", price="61000", position_index=2)
    assert short.problems == []
    assert short.after is not None
    assert (short.after.side, short.after.size) == ("Sell", "0.4"), "the long leg is none of its business"
    assert [(found.field, found.code) for found in (await ask(ann)).problems] == [
        ("position_index", "order.leg_required")
    ]


async def test_wishes_in_other_units_come_to_a_quantity_or_say_what_is_missing(site: Site, ann: User) -> None:
    unread = await ask(ann, quantity="50", quantity_unit="percent")
    assert unread.quantity is None
    assert [each.code for each in unread.problems] == ["sizing.needs_available"]
    await known_account(site, ann, size="0.5")
    assert (await ask(ann, quantity="590", quantity_unit="quote")).quantity == "0.01"
    assert (await ask(ann, quantity="100", quantity_unit="percent")).quantity == "1.677"
    half = await ask(ann, side="Sell", price="61000", reduce_only=True, quantity="50", quantity_unit="percent")
    assert (half.quantity, half.after and half.after.size, half.initial_margin) == ("0.25", "0.25", "0")
    risk = await ask(ann, quantity="100", quantity_unit="risk")
    assert [(each.code, each.field) for each in risk.problems] == [("sizing.risk_needs_stop", "stop_loss")]
    sized = await ask(ann, quantity="100", quantity_unit="risk", stop_loss={"trigger_price": "58000"})
    assert sized.quantity == "0.093"
    assert Decimal(sized.risk_at_stop or 0) <= 100


async def test_what_the_rules_say_is_in_the_preview_too(site: Site, ann: User) -> None:
    await known_account(site, ann)
    found = await ask(ann, quantity="0.0005", stop_loss={"trigger_price": "59500"})
    assert [(each.code, each.field) for each in found.problems] == [
        ("order.quantity_min", "quantity"),
        ("order.exit_must_be_below", "stop_loss.trigger_price"),
    ]
    dear = await ask(ann, quantity="10")
    assert [each.code for each in dear.warnings] == ["order.available_low"]


async def test_an_absurd_number_is_named_and_what_it_comes_to_is_not_told(site: Site, ann: User) -> None:
    """No text of a number holds more than 24 digits: what would need more is null, and the answer keeps its shape."""
    await known_account(site, ann, size="1")
    most = "9" * 24
    dear = await ask(ann, side="Sell", price=f"{most}.{'9' * 18}")
    assert ([each.code for each in dear.problems], dear.order_value) == (["order.price_range"], "1" + "0" * 23)
    much = await ask(ann, quantity=f"{most}.999")
    assert ([each.code for each in much.problems], much.order_value) == (["order.quantity_max"], None)
    worth = await ask(ann, quantity=most, quantity_unit="quote", price="0.1")
    assert ([each.code for each in worth.problems], worth.quantity) == (["order.quantity_max"], None)


async def test_facts_that_are_not_known_are_asked_of_the_owner(site: Site, ann: User) -> None:
    wishes = site.parts.bus.subscribe(WANTED_CHANNEL)
    found = await ask(ann)
    assert (found.leverage, found.initial_margin, found.cost, found.order_value) == (None, None, None, "5900")
    hint = None
    while hint is None:  # a poll of the bus says nothing of its own
        hint = await wishes.get(10)
    wished = parse_wish(hint)
    assert wished is not None
    assert (wished.account_id, wished.instrument, wished.whole) == (ann.account_id, BTC, False)
    wishes.close()


async def test_spot_is_paid_with_the_coin_that_is_there(site: Site, ann: User) -> None:
    await known_account(site, ann)
    spot = {"category": "spot", "price": "50000", "quantity": "1"}
    found = await ask(ann, **spot)
    assert [(each.code, each.params) for each in found.problems] == [
        ("order.available", {"cost": "50000", "available": "10000", "coin": "USDT"})
    ]
    sold = await ask(ann, **spot, side="Sell")
    assert (sold.cost, sold.cost_coin, sold.available) == ("1", "BTC", "0")
    amount = await ask(ann, category="spot", order_type="Market", price=None, quantity="100", quantity_unit="quote")
    assert (amount.quantity, amount.cost, amount.problems) == ("100", "100", [])


async def test_what_is_not_there_is_not_previewed(site: Site, ann: User) -> None:
    async with ann.http.post(f"{ann.account_path}/preview", json=draft(symbol="NOPEUSDT")) as response:
        await problem(response, 404, "not_found")
    other = ann.account_path.rsplit("/", 1)[0] + "/00000000-0000-7000-8000-000000000000/preview"
    async with ann.http.post(other, json=draft()) as response:
        await problem(response, 404, "not_found")
    async with ann.http.post(f"{ann.account_path}/preview", json=draft(quantity="1e5")) as response:
        await problem(response, 422, "input.invalid")
