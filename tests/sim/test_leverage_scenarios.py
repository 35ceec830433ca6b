"""Scenes of leverage: no list names that of a flat symbol, so it is read before what adds exposure is judged."""

from __future__ import annotations

from decimal import Decimal

from sim.test_risk_scenarios import accepted, goes, refused, world_with
from sim.virtual_time import in_virtual_time
from sim.world import BTC


@in_virtual_time
async def test_a_leverage_that_was_set_elsewhere_is_read_before_the_first_order_of_its_symbol() -> None:
    """No list of positions names a symbol that is flat, and its stream tells nothing of what was before it."""
    world = await world_with(leverage=Decimal(25))
    world.exchange.leverages[BTC] = Decimal(26)
    numbers = await refused(world, world.place(price=Decimal(50000)), "leverage")
    assert (numbers["value"], numbers["allowed"]) == ("26", "25")
    world.exchange.set_leverage(BTC, Decimal(25), world.clock.now())
    await world.seconds(1)
    await goes(world, world.place(price=Decimal(50000)))


@in_virtual_time
async def test_a_leverage_that_was_set_while_the_stream_was_down_is_read_once_more() -> None:
    world = await world_with(leverage=Decimal(25))
    await goes(world, world.place(price=Decimal(50000)))
    world.wire.down = True
    world.wire.drop_streams()
    await world.seconds(1)
    world.exchange.leverages[BTC] = Decimal(26)
    world.wire.down = False
    process = world.process
    assert process is not None
    await world.until(lambda: process.session.state == "ready", "the session is ready again")
    await refused(world, world.place(price=Decimal(50000)), "leverage")


@in_virtual_time
async def test_while_its_leverage_cannot_be_read_nothing_of_a_symbol_opens_and_closing_goes_on() -> None:
    world = await world_with(leverage=Decimal(25))
    held = world.market(quantity=Decimal("0.5"))
    await world.until_status(held, "filled")
    await world.seconds(10)  # the reading one window after the takeover is behind us, the next is far
    process = world.process
    assert process is not None
    process.session.exposure.held.doubt_leverages()
    world.wire.refused_reads.add(("position", BTC))
    asked = world.place(price=Decimal(50000))
    await world.until_status(asked, "refused", within_s=8)
    reason = world.database.intents[asked].reason
    assert reason is not None
    assert (reason.code, reason.params, accepted(world, asked)) == ("risk.leverage_unread", {"value": "BTCUSDT"}, 0)
    close = world.close()
    assert close is not None
    await world.until_status(close, "filled")
