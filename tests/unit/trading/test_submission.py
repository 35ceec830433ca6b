"""What each way a request can end means for its intent (promises A4, A6): only a definite refusal is one."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract.journal_worlds import BTC, MemoryWorld
from sim.facts import order_report
from tradewright.core.errors import (
    ClockRejected,
    DuplicateLinkId,
    ExchangeError,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Trace,
)
from tradewright.core.ids import ExchangeOrderId, IntentId, link_id_of
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger
from tradewright.exchange.ports import Acknowledged, MayGo
from tradewright.lab.virtual_loop import SeededIds, VirtualClock, run_virtual
from tradewright.trading.submission import ATTEMPTS_MAX, Submission, submit

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def trace(ret_code: int | None = None) -> Trace:
    return Trace(signed_at=NOW, http_status=200, ret_code=ret_code, ret_msg="a reason")


class Scripted:
    """A gateway that ends each call as the script says; when the script is over, with an acknowledgement."""

    def __init__(self, *script: ExchangeError) -> None:
        self._script = list(script)
        self.placed: list[NewOrder] = []

    async def place(self, order: NewOrder, *, may_go: MayGo) -> Acknowledged:
        self.placed.append(order)
        if self._script:
            raise self._script.pop(0)
        return Acknowledged(ExchangeOrderId("x-1"), trace(0))


def outcome(*script: ExchangeError, wanted: bool = True) -> tuple[str, str | None, Scripted, list[str | None]]:
    """(the intent's state, its reason, the gateway, outcomes of the requests) after sending one order."""

    async def run() -> tuple[str, str | None, Scripted, list[str | None]]:
        world, gateway = MemoryWorld(), Scripted(*script)

        clock = VirtualClock(asyncio.get_running_loop())
        parts: Any = Submission(gateway, world.journal, clock, SeededIds(clock, random.Random(1)))  # type: ignore[arg-type]
        intent_id = await world.place()
        (intent,) = await world.journal.proposed()
        await submit(parts, intent, may_go=lambda _: True, is_wanted=lambda _: wanted)
        requests = [outcome for _, outcome in await world.requests(intent_id)]
        return await world.state(intent_id), await world.reason(intent_id), gateway, requests

    return run_virtual(run())


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (Refused("x", trace(110007)), "rejected", "exchange.insufficient_margin"),
        (Refused("x", trace(170131)), "rejected", "exchange.insufficient_margin"),
        (Refused("x", trace(110094)), "rejected", "exchange.notional_min"),
        (Refused("x", trace(110017)), "rejected", "exchange.reduce_only"),
        (Refused("x", trace(110092)), "rejected", "exchange.trigger_passed"),
        (Refused("x", trace(170193)), "rejected", "exchange.price_range"),
        (Refused("x", trace(170810)), "rejected", "exchange.too_many_orders"),
        (Refused("x", trace(110001)), "rejected", "exchange.too_late"),
        (Refused("x", trace(99999)), "rejected", "exchange.refused"),
        (Refused("x"), "rejected", "exchange.refused"),
        (DuplicateLinkId("x", trace(110072)), "unknown", "exchange.duplicate"),
        (OutcomeUnknown("timeout", trace()), "unknown", "exchange.unknown"),
        (OutcomeUnknown("HTTP 502", Trace(signed_at=NOW, http_status=502)), "unknown", "exchange.unknown"),
        (ExchangeUnavailable("nobody expects it from a command"), "unknown", "exchange.unavailable"),
        (ExchangeError("a kind that does not exist yet"), "unknown", "exchange.error"),
    ],
)
def test_each_end_of_a_request_has_one_meaning_and_no_second_attempt(
    error: ExchangeError, state: str, reason: str
) -> None:
    found, why, gateway, _ = outcome(error)
    assert (found, why) == (state, reason)
    assert len(gateway.placed) == 1


@pytest.mark.parametrize("error", [RateLimited("x", trace(10006)), ClockRejected("x", trace(10002)), NotSent("x")])
def test_what_certainly_did_not_happen_is_tried_again_with_the_same_id(error: ExchangeError) -> None:
    found, why, gateway, requests = outcome(error)
    assert (found, why) == ("acknowledged", None)
    assert len(gateway.placed) == 2
    assert gateway.placed[0] == gateway.placed[1]
    assert requests == ["not_sent" if isinstance(error, NotSent) else "refused", "acknowledged"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RateLimited("x", trace(10006)), "rejected"),
        (ClockRejected("x", trace(10002)), "rejected"),
        (NotSent("x"), "expired"),
    ],
)
def test_attempts_are_bounded(error: ExchangeError, state: str) -> None:
    found, why, gateway, _ = outcome(*[error] * ATTEMPTS_MAX)
    assert (found, why) == (state, error.code)
    assert len(gateway.placed) == ATTEMPTS_MAX


def test_a_lost_reply_of_a_later_attempt_is_unknown() -> None:
    found, _, gateway, requests = outcome(NotSent("x"), OutcomeUnknown("timeout", trace()))
    assert found == "unknown"
    assert requests == ["not_sent", "unknown"]
    assert len(gateway.placed) == 2


def test_what_is_not_wanted_any_more_is_not_tried_again() -> None:
    found, why, gateway, requests = outcome(RateLimited("x", trace(10006)), wanted=False)
    assert (found, why) == ("expired", "order.withdrawn")
    assert requests == ["refused"], "the exchange's answer stays on record"
    assert len(gateway.placed) == 1


@pytest.mark.parametrize(("asked_s", "waited_s"), [(0.0, 0.25), (1.5, 1.5), (3600.0, 2.0), (-5.0, 0.25), (None, 0.25)])
def test_the_pause_after_a_rate_limit_is_the_exchanges_within_bounds(asked_s: float | None, waited_s: float) -> None:
    async def run() -> float:

        loop = asyncio.get_running_loop()
        clock, world = VirtualClock(loop), MemoryWorld()
        retry_at = None if asked_s is None else clock.now() + timedelta(seconds=asked_s)
        gateway = Scripted(RateLimited("x", trace(10006), retry_at=retry_at))
        parts: Any = Submission(gateway, world.journal, clock, SeededIds(clock, random.Random(1)))  # type: ignore[arg-type]
        await world.place()
        (intent,) = await world.journal.proposed()
        await submit(parts, intent, may_go=lambda _: True, is_wanted=lambda _: True)
        return loop.time()

    assert run_virtual(run()) == pytest.approx(waited_s, abs=1e-6)


class Recording:
    """A gateway that takes everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def place(self, order: NewOrder, *, may_go: MayGo) -> Acknowledged:
        self.asked.append(("place", order))
        return Acknowledged(ExchangeOrderId("x-1"), trace(0))

    async def amend(
        self, instrument: Any, change: OrderChange, *, link_id: Any, exchange_order_id: Any, may_go: MayGo
    ) -> Acknowledged:
        self.asked.append(("amend", instrument, change, link_id, exchange_order_id))
        return Acknowledged(ExchangeOrderId("x-1"), trace(0))

    async def set_leverage(self, instrument: Any, leverage: Decimal, *, may_go: MayGo) -> Trace:
        self.asked.append(("leverage", instrument, leverage))
        return trace(0)

    async def set_exits(self, instrument: Any, exits: PositionExits, *, may_go: MayGo) -> Trace:
        self.asked.append(("exits", instrument, exits))
        return trace(0)


def test_what_is_sent_is_what_was_asked_of_every_kind() -> None:
    async def run() -> list[tuple[Any, ...]]:
        world, gateway = MemoryWorld(), Recording()
        clock = VirtualClock(asyncio.get_running_loop())
        parts: Any = Submission(gateway, world.journal, clock, SeededIds(clock, random.Random(1)))  # type: ignore[arg-type]
        trigger = Trigger(price=Decimal(61000), by="MarkPrice", rises=True)
        stop = Exit(trigger_price=Decimal(58000), limit_price=Decimal(57900))
        order = await world.place(trigger=trigger, stop_loss=stop, slippage_percent=Decimal("0.5"))

        async def send(intent_id: IntentId) -> None:
            intent = next(one for one in await world.journal.proposed() if one.id == intent_id)
            await submit(parts, intent, may_go=lambda _: True, is_wanted=lambda _: True)
            assert await world.state(intent_id) == "acknowledged"

        await send(order)
        await world.journal.book([order_report(link_id=link_id_of(order))], "stream")
        await send(await world.amend(order, price=Decimal(59000), quantity=Decimal("0.5")))
        await send(await world.leverage("25"))
        await send(await world.exits(take_profit=Decimal(0), stop_loss=Decimal(58000)))
        return [*gateway.asked, (link_id_of(order),)]

    placed, amended, leverage, exits, (link_id,) = run_virtual(run())
    order = placed[1]
    assert (order.trigger.price, order.trigger.by, order.trigger.rises) == (Decimal(61000), "MarkPrice", True)
    assert (order.stop_loss.limit_price, order.slippage_percent) == (Decimal(57900), Decimal("0.5"))
    assert amended == ("amend", BTC, OrderChange(price=Decimal(59000)), link_id, "x-1")
    assert leverage == ("leverage", BTC, Decimal(25))
    assert exits == ("exits", BTC, PositionExits(take_profit=Decimal(0), stop_loss=Decimal(58000)))


def test_the_order_sent_is_the_order_asked() -> None:
    _, _, gateway, _ = outcome()
    (order,) = gateway.placed
    assert (order.side, str(order.quantity), str(order.price), order.time_in_force) == ("Buy", "0.5", "60000", "GTC")
    assert order.link_id.startswith("tw")
