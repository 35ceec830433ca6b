"""Steps 11 to 21: orders that rest, and what becomes of them when replies and streams are lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradewright.acceptance.model import Differs, Facts, Failed, Skipped
from tradewright.acceptance.stage import Stage
from tradewright.core.errors import DuplicateLinkId, ExchangeError, NotSent, OutcomeUnknown, Refused
from tradewright.core.ids import LinkId
from tradewright.core.money import plain
from tradewright.core.order import FINAL_STATES, NewOrder, OrderChange, RemoteOrder, Trigger
from tradewright.exchange.bybit.order_bodies import create_body
from tradewright.exchange.ports import StreamDown, StreamUp

_CREATE = "/v5/order/create"


async def place(stage: Stage) -> Facts:
    order = await stage.passive_order()
    sent = stage.now()
    answer = await stage.gateway.place(order)
    acknowledged_ms = (stage.now() - sent) * 1000
    await stage.until(lambda: stage.first_heard(order.link_id), "the stream reports the order")
    return {
        "acknowledged_ms": f"{acknowledged_ms:.0f}",
        "id_length": str(len(answer.exchange_order_id)),
        "quantity": plain(order.quantity),
    }


async def visibility(stage: Stage) -> Facts:
    """How long after the acknowledgement the stream tells an order, and the reads have it."""
    order = await stage.passive_order()
    await stage.gateway.place(order)
    acknowledged = stage.now()
    # The look comes first, so that its time is the exchange's and not the stream's.
    await stage.until_read(lambda: _by_link(stage, order.link_id), "a look by client id finds the order")
    by_link_ms = (stage.now() - acknowledged) * 1000
    await stage.until_read(lambda: _among_open(stage, order.link_id), "the list of open orders has it")
    listed_ms = (stage.now() - acknowledged) * 1000
    heard = await stage.until(lambda: stage.first_heard(order.link_id), "the stream reports the order")
    facts = {
        "stream_ms": f"{(heard - acknowledged) * 1000:.0f}",
        "by_client_id_ms": f"{by_link_ms:.0f}",
        "in_open_orders_ms": f"{listed_ms:.0f}",
    }
    await stage.cancel_quietly(order.link_id)
    return facts


async def duplicate(stage: Stage) -> Facts:
    order = await stage.passive_order()
    await stage.gateway.place(order)
    await stage.until_read(lambda: _by_link(stage, order.link_id), "the first one is there")
    try:
        await stage.gateway.place(order)
    except DuplicateLinkId as error:
        code = error.trace.ret_code
    except Refused as error:
        raise Differs(
            f"the second was refused with {error.trace.ret_code} instead of the code for a duplicate"
        ) from error
    else:
        raise Failed("the exchange took the same client order id twice: a retry could make a second order")
    same = [o for o in await stage.gateway.open_orders() if o.link_id == order.link_id]
    await stage.cancel_quietly(order.link_id)
    if len(same) != 1:
        raise Failed(f"{len(same)} open orders have this client order id; expected one")
    return {"code": str(code)}


async def amend(stage: Stage) -> Facts:
    order = await stage.passive_order()
    await stage.gateway.place(order)
    before = await stage.until_read(lambda: _by_link(stage, order.link_id), "the order is there")
    assert order.price is not None, "a limit order has a price"
    change = OrderChange(
        price=stage.instrument.to_tick_down(order.price * Decimal("0.99")),
        quantity=order.quantity + stage.instrument.quantity_step,
    )
    sent = stage.now()
    await stage.gateway.amend(stage.id, change, link_id=order.link_id, exchange_order_id=None)

    async def amended() -> RemoteOrder | None:
        found = await _by_link(stage, order.link_id)
        return found if found is not None and (found.price, found.quantity) == (change.price, change.quantity) else None

    after = await stage.until_read(amended, "the new price and quantity are read back")
    facts = {
        "read_back_ms": f"{(stage.now() - sent) * 1000:.0f}",
        "same_id": str(after.exchange_order_id == before.exchange_order_id).lower(),
    }
    await stage.cancel_quietly(order.link_id)
    return facts


async def cancel(stage: Stage) -> Facts:
    link = stage.placed[0] if stage.placed else None
    if link is None or (found := await _by_link(stage, link)) is None or found.state in FINAL_STATES:
        order = await stage.passive_order()
        await stage.gateway.place(order)
        link = order.link_id
        await stage.until_read(lambda: _by_link(stage, order.link_id), "the order is there")
    sent = stage.now()
    await stage.gateway.cancel(stage.id, link_id=link, exchange_order_id=None)
    ended = await _ended(stage, link)
    facts = {
        "ended_ms": f"{(stage.now() - sent) * 1000:.0f}",
        "status": ended.raw_status,
        "cancel_type": ended.cancel_type,
    }
    if ended.state != "cancelled":
        raise Failed(f"a cancelled order ended as {ended.raw_status}")
    return facts


async def lost_reply(stage: Stage) -> Facts:
    """The exchange has the order and we have no answer: it must be found by its id, once."""
    order = await stage.passive_order()
    stage.relay.lose(_CREATE, "reply")
    try:
        await stage.gateway.place(order)
    except OutcomeUnknown:
        pass
    else:
        raise Failed("the reply was lost and the gateway still told an outcome")
    asked = stage.now()
    await stage.until_read(lambda: _by_link(stage, order.link_id), "the order is found by its client id")
    found_ms = (stage.now() - asked) * 1000
    same = [o for o in await stage.gateway.open_orders() if o.link_id == order.link_id]
    await stage.cancel_quietly(order.link_id)
    if len(same) != 1:
        raise Failed(f"{len(same)} orders have this client order id; expected one")
    return {"found_ms": f"{found_ms:.0f}"}


async def lost_request(stage: Stage) -> Facts:
    """The exchange never had the order: three sources stay empty, and only after the window this is believed."""
    order = await stage.passive_order()
    stage.relay.lose(_CREATE, "request")
    try:
        await stage.gateway.place(order)
    except (OutcomeUnknown, NotSent):
        pass
    else:
        raise Failed("the request was lost and the gateway still told an outcome")
    sent = stage.now()
    looks = 0
    while stage.now() - sent <= stage.evidence_total.total_seconds():
        if await _by_link(stage, order.link_id) is not None:
            raise Failed("an order appeared whose request was never passed on")
        looks += 1
        await stage.clock.sleep(1.0)
    executions = await stage.gateway.executions_of(stage.id, order.link_id)
    if executions:
        raise Failed("there are fills of an order whose request was never passed on")
    return {"believed_after_s": f"{stage.now() - sent:.0f}", "looks": str(looks)}


async def reconnect(stage: Stage) -> Facts:
    """The private stream is cut, an order is placed meanwhile: nothing of it is replayed, the read has it."""
    cut = stage.now()
    await stage.relay.cut(stay_away=True)
    down = await stage.until(
        lambda: stage.streams_heard(StreamDown, cut), "the loss of the stream is noticed", seconds=30
    )
    order = await stage.passive_order()
    try:
        await stage.gateway.place(order)
        await stage.until_read(lambda: _by_link(stage, order.link_id), "the order is there")
    finally:
        stage.relay.let_in()
    up = await stage.until(lambda: stage.streams_heard(StreamUp, down), "the stream comes back", seconds=60)
    listed = [o for o in await stage.gateway.open_orders() if o.link_id == order.link_id]
    await stage.clock.sleep(1.0)
    replayed = [o for o in stage.orders_heard(order.link_id, up) if o.state not in FINAL_STATES]
    await stage.cancel_quietly(order.link_id)
    if len(listed) != 1:
        raise Failed("after the reconnect the list of open orders does not have the order that was placed meanwhile")
    facts = {"noticed_s": f"{down - cut:.2f}", "back_after_s": f"{up - down:.2f}", "replayed": str(len(replayed))}
    if replayed:
        raise Differs("the stream told the order after the reconnect although it is said to replay nothing")
    return facts


async def post_only(stage: Stage) -> Facts:
    """Post-only that would cross: acknowledged, then ended without a fill."""
    last = await stage.last_price()
    price = stage.instrument.to_tick_up(last * Decimal("1.005"))
    order = replace(await stage.passive_order(), price=price, quantity=stage.smallest(price), time_in_force="PostOnly")
    try:
        await stage.gateway.place(order)
    except Refused as error:
        raise Differs(
            f"it was refused at once with {error.trace.ret_code}; we expected it to be taken and then ended"
        ) from error
    ended = await _ended(stage, order.link_id)
    facts = {"status": ended.raw_status, "reason": ended.reject_reason, "filled": plain(ended.filled_quantity)}
    if ended.filled_quantity:
        raise Failed("a post-only order was filled as a taker")
    if ended.raw_status != "Cancelled":
        raise Differs(f"it ended as {ended.raw_status}; our reference says Cancelled")
    return facts


async def conditional(stage: Stage) -> Facts:
    """A stop order waits, is found with its trigger, and a cancel ends it before it went off."""
    last = await stage.last_price()
    trigger = stage.instrument.to_tick_up(last * Decimal("1.08"))
    order = replace(
        await stage.passive_order(),
        order_type="Market",
        price=None,
        time_in_force="IOC",
        quantity=stage.smallest(last),
        trigger=Trigger(price=trigger, by="LastPrice", rises=True),
    )
    await stage.gateway.place(order)

    async def waiting() -> RemoteOrder | None:
        found = await _by_link(stage, order.link_id)
        return found if found is not None and found.state == "waiting_trigger" else None

    found = await stage.until_read(waiting, "the order waits for its trigger")
    facts = {
        "status": found.raw_status,
        "kind": found.stop_order_type,
        "trigger_read_back": str(found.trigger_price == trigger).lower(),
    }
    await stage.gateway.cancel(stage.id, link_id=order.link_id, exchange_order_id=None)
    ended = await _ended(stage, order.link_id)
    facts["ended_as"] = ended.raw_status
    if ended.raw_status != "Deactivated":
        raise Differs(f"cancelled before it went off it ended as {ended.raw_status}; our reference says Deactivated")
    return facts


async def batch(stage: Stage) -> Facts:
    """Three orders in one call and their cancels in another; one of the three is bad on purpose and fails alone."""
    orders: list[NewOrder] = [await stage.passive_order() for _ in range(3)]
    bodies = [{name: value for name, value in create_body(order).items() if name != "category"} for order in orders]
    bodies[2]["qty"] = "0"
    try:
        reply = await stage.rest.command("/v5/order/create-batch", {"category": "linear", "request": bodies})
    except ExchangeError as error:
        raise Skipped(
            f"batches are not to be had here: {error.trace.http_status} {error.trace.ret_code} {error.trace.ret_msg}"
        ) from error
    good = [order.link_id for order in orders[:2]]
    for link in good:
        await stage.until_read(lambda link=link: _by_link(stage, link), "an order of the batch is there")  # type: ignore[misc]
    if await _by_link(stage, orders[2].link_id) is not None:
        raise Failed("an order with a quantity of zero was taken")
    cancels = [{"symbol": stage.symbol, "orderLinkId": link} for link in good]
    await stage.rest.command("/v5/order/cancel-batch", {"category": "linear", "request": cancels})
    for link in good:
        await _ended(stage, link)
    return {"taken": "2 of 3", "http_status": str(reply.trace.http_status)}


async def _by_link(stage: Stage, link: LinkId) -> RemoteOrder | None:
    return await stage.gateway.find_order(stage.id, link_id=link, exchange_order_id=None)


async def _among_open(stage: Stage, link: LinkId) -> RemoteOrder | None:
    return next((order for order in await stage.gateway.open_orders() if order.link_id == link), None)


async def _ended(stage: Stage, link: LinkId) -> RemoteOrder:
    async def look() -> RemoteOrder | None:
        found = await _by_link(stage, link)
        return found if found is not None and found.state in FINAL_STATES else None

    return await stage.until_read(look, "the order has ended")
