"""Private messages that wait, and what a fault makes of them."""

from __future__ import annotations

import asyncio

import pytest

from sim.virtual_time import in_virtual_time
from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import Fault, LostEvent, Match
from tradewright.simulator.faults.truth import TruthLog
from tradewright.simulator.streams.outbox import Message, Outbox


@pytest.mark.parametrize(("cleared_s", "arrives"), [(None, []), (0.5, ["hidden"]), (3.0, [])])
def test_a_message_that_waits_is_lost_when_it_would_leave_and_comes_where_the_faults_are_over_by_then(
    cleared_s: float | None, arrives: list[str]
) -> None:
    @in_virtual_time
    async def scene() -> None:
        faults = Faults(now_ms=lambda: 0, truth=TruthLog(lambda: 0))
        delivered: list[str] = []
        outbox = Outbox(lambda message: delivered.append(str(message.rows[0]["orderId"])), faults)
        faults.arm(Fault(effect=LostEvent(), match=Match(topic="order")))
        for order_id, delay_s in (("seen", 0.0), ("hidden", 2.0)):
            rows = [{"orderId": order_id}]
            outbox.send([Message("order", rows, 0)], order_id=order_id, delay_s=delay_s)
        if cleared_s is not None:
            await asyncio.sleep(cleared_s)
            faults.disarm()
        await asyncio.sleep(5)
        assert delivered == arrives

    scene()
