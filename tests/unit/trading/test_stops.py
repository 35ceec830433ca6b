"""A refusal of the key or the account stops what adds exposure, outlives a restart, and ends when a person says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from sim.facts import BTC
from sim.virtual_time import in_virtual_time
from tradewright.core.errors import Trace
from tradewright.core.ids import IntentId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Exit, NewOrder, PositionExits, Trigger
from tradewright.exchange.bybit.environments import ENVIRONMENTS, Capabilities, capabilities_of
from tradewright.exchange.ports import EndpointUse, RateBudget
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.trading.beside import Held
from tradewright.trading.budgets import BudgetTeller
from tradewright.trading.capabilities import CapabilityRule
from tradewright.trading.model import CancelIntent, ExitsIntent, Intent, LeverageIntent, PlaceIntent, Reason
from tradewright.trading.stops import AccountStop, Stop

REFUSED = Trace(http_status=200, ret_code=10003, ret_msg="API key is invalid.")


def place(**changes: Any) -> PlaceIntent:
    intent_id = IntentId(uuid4())
    order = NewOrder(
        link_id=link_id_of(intent_id),
        instrument=BTC,
        side="Buy",
        order_type="Market",
        quantity=Decimal(1),
        price=None,
        time_in_force="IOC",
    )
    return PlaceIntent(id=intent_id, state="proposed", order=replace(order, **changes), valid_until=None)


CANCEL = CancelIntent(
    id=IntentId(uuid4()),
    state="proposed",
    target_id=UUID(int=1),
    instrument=BTC,
    target_link_id=None,
    target_exchange_order_id=None,
    target_final=False,
)


class Kept:
    """A `StopKeeper` in memory; `away` is a database that is away."""

    def __init__(self) -> None:
        self.stop: Stop | None = None
        self.away = False
        self.lifted = 0

    async def read(self) -> tuple[bool, Stop | None]:
        return not self.away, None if self.away else self.stop

    async def write(self, stop: Stop) -> bool:
        if not self.away:
            self.stop = stop
        return not self.away

    async def tell_lifted(self) -> bool:
        self.lifted += not self.away
        return not self.away


def session() -> Any:
    woken: list[None] = []
    return SimpleNamespace(account=SimpleNamespace(id=1), wake=lambda: woken.append(None), woken=woken)


def judged(stop: AccountStop, intent: Intent) -> str:
    found = stop.judge(intent)
    return "held" if isinstance(found, Held) else "goes" if found is None else found.code


@in_virtual_time
async def test_what_adds_exposure_is_refused_with_the_exchanges_words_and_what_takes_it_away_goes() -> None:
    clock = VirtualClock(asyncio.get_running_loop())
    kept = Kept()
    stop = AccountStop(kept, clock)
    assert judged(stop, place()) == "held", "what was kept is not read yet"
    running = asyncio.create_task(stop.run(session()))
    await clock.sleep(0.1)
    assert judged(stop, place()) == "goes"
    stop.note(REFUSED)
    assert stop.judge(place()) == Reason("account.stopped", {}, 10003, "API key is invalid.")
    assert judged(stop, place(reduce_only=True)) == judged(stop, CANCEL) == "goes"
    stop.note(Trace(ret_code=10005, ret_msg="another"))
    await clock.sleep(2.0)
    assert kept.stop is not None
    assert kept.stop.exchange_code == 10003, "the first word stays"
    running.cancel()


@in_virtual_time
async def test_a_stop_outlives_the_process_and_a_database_that_is_away_and_ends_when_it_is_lifted() -> None:
    clock = VirtualClock(asyncio.get_running_loop())
    kept = Kept()
    first = AccountStop(kept, clock)
    running = asyncio.create_task(first.run(session()))
    await clock.sleep(0.1)
    kept.away = True
    first.note(REFUSED)
    await clock.sleep(5.0)
    assert kept.stop is None
    kept.away = False
    await clock.sleep(2.0)
    assert kept.stop is not None
    running.cancel()

    second, seen = AccountStop(kept, clock), session()
    running = asyncio.create_task(second.run(seen))
    await clock.sleep(0.1)
    assert judged(second, place()) == "account.stopped"
    await clock.sleep(5.0)
    assert kept.lifted == 0
    kept.stop = None  # a person says to go on
    await clock.sleep(2.0)
    assert judged(second, place()) == "goes"
    assert (kept.lifted, len(seen.woken)) == (1, 2)
    second.note(REFUSED)
    assert judged(second, place()) == "account.stopped", "if the exchange still refuses, it stops again"
    running.cancel()


LEVERAGE = LeverageIntent(
    id=IntentId(uuid4()), state="proposed", instrument=BTC, leverage=Decimal(5), valid_until=None, is_behind=False
)
TRAILING = ExitsIntent(
    id=IntentId(uuid4()),
    state="proposed",
    instrument=BTC,
    exits=PositionExits(trailing_stop=Decimal(0), take_profit=Decimal(0)),
    reduces=False,
    valid_until=None,
)


@pytest.mark.parametrize(
    ("lacking", "intent"),
    [
        ("can_trade_linear", place()),
        ("can_trade_spot", place(instrument=InstrumentId("spot", "BTCUSDT"))),
        ("can_place_conditional", place(trigger=Trigger(price=Decimal(1), rises=True, by="LastPrice"))),
        ("can_attach_exits", place(stop_loss=Exit(trigger_price=Decimal(1)))),
        ("can_set_leverage", LEVERAGE),
        ("can_attach_exits", TRAILING),
        ("can_trail_stops", replace(TRAILING, exits=PositionExits(trailing_stop=Decimal(5)))),
    ],
)
def test_what_an_account_lacks_is_refused_by_name_before_it_is_sent(lacking: str, intent: Intent) -> None:
    assert CapabilityRule(Capabilities()).judge(intent) is None
    found = CapabilityRule(replace(Capabilities(), **{lacking: False})).judge(intent)
    assert found == Reason("account.not_here", {"capability": lacking})


def test_a_cancel_and_a_close_are_tried_whatever_the_account_lacks() -> None:
    nothing = CapabilityRule(Capabilities(**dict.fromkeys(Capabilities.__dataclass_fields__, False)))
    assert nothing.judge(CANCEL) is None
    assert nothing.judge(place(reduce_only=True)) is None


def test_demo_lacks_what_its_documentation_does_not_list_and_a_key_takes_away_what_it_may_not() -> None:
    demo = ENVIRONMENTS["demo"].capabilities
    assert (demo.can_batch_spot, demo.has_fee_rates, demo.has_trade_stream) == (False, False, False)
    assert demo.can_batch_linear
    assert demo.can_set_margin_mode
    assert demo.can_set_position_mode
    of_spot = capabilities_of("live", ["spot"])
    lacking = {of_spot.can_set_leverage, of_spot.can_trail_stops, of_spot.can_set_margin_mode}
    assert lacking == {False}
    assert of_spot.can_batch_spot


@in_virtual_time
async def test_the_budget_is_told_when_it_changes_and_not_more_than_every_two_seconds() -> None:
    clock = VirtualClock(asyncio.get_running_loop())
    told: list[RateBudget] = []
    used = 0

    class Teller:
        async def tell(self, budget: RateBudget) -> bool:
            told.append(budget)
            return len(told) != 2  # the database is away once

    def use() -> RateBudget:
        ends = [EndpointUse(path="/p", used=used, limit=10, waiting=0, is_closed=False, resets_at=clock.now())]
        return RateBudget(endpoints=ends, address_used=used, address_limit=380, silent_until=None)

    running = asyncio.create_task(BudgetTeller(use, Teller(), clock).run(session()))
    await clock.sleep(10.5)
    assert len(told) == 1, "the moments alone are nothing new"
    used = 3
    await clock.sleep(10.0)
    assert [budget.address_used for budget in told] == [0, 3, 3], "told again, because it was not written"
    for used in range(100):  # noqa: B007
        await clock.sleep(0.1)
    assert 7 <= len(told) <= 9
    running.cancel()
