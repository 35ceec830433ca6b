"""Steps 22 to 25: a position, its stop on the exchange, the way out, and what is not listed for this environment."""

from __future__ import annotations

from decimal import Decimal

from tradewright.acceptance.model import Differs, Facts, Skipped
from tradewright.acceptance.stage import Stage
from tradewright.core.errors import ExchangeError, ExchangeUnavailable
from tradewright.core.money import plain
from tradewright.core.order import NewOrder, PositionExits, RemotePosition

# Reads that change nothing, and that the documentation does not list for demo accounts.
UNLISTED: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("/v5/account/fee-rate", (("category", "linear"),)),
    ("/v5/account/instruments-info", (("category", "linear"), ("limit", "1"))),
    ("/v5/account/query-dcp-info", ()),
    ("/v5/account/smp-group", ()),
    ("/v5/account/user-setting-config", ()),
    ("/v5/account/withdrawal", (("coinName", "USDT"),)),
    ("/v5/position/symbol-info", (("category", "linear"),)),
    ("/v5/asset/coin/query-info", (("coin", "USDT"),)),
    ("/v5/asset/transfer/query-account-coins-balance", (("accountType", "UNIFIED"), ("coin", "USDT"))),
)


async def open_position(stage: Stage) -> Facts:
    """A market buy of the least there is: fills on the stream, in the list, and in the position, all the same."""
    if stage.position_before != 0:
        raise Skipped("there was a position already, and none of these steps touches what is not its own")
    last = await stage.last_price()
    order = NewOrder(
        link_id=stage.new_link(),
        instrument=stage.id,
        side="Buy",
        order_type="Market",
        quantity=stage.smallest(last),
        price=None,
        time_in_force="IOC",
        slippage_percent=Decimal(1),
    )
    sent = stage.now()
    stage.moved_position.append(order.link_id)
    await stage.gateway.place(order)
    await stage.until(
        lambda: sum((e.quantity for e in stage.executions_heard(order.link_id)), Decimal(0)) == order.quantity or None,
        "the stream tells the whole fill",
        seconds=15,
    )
    heard_ms = (stage.now() - sent) * 1000
    fills = stage.executions_heard(order.link_id)

    async def listed() -> bool | None:
        rows = await stage.gateway.executions_of(stage.id, order.link_id)
        return True if {row.exec_id for row in rows} == {fill.exec_id for fill in fills} else None

    await stage.until_read(listed, "the list of executions has the same fills")
    paid = sum((fill.fee for fill in fills), Decimal(0))
    worth = sum((fill.price * fill.quantity for fill in fills), Decimal(0))
    rate = (paid / worth).quantize(Decimal("0.000001"))
    facts = {
        "filled_ms": f"{heard_ms:.0f}",
        "fee_coin": fills[0].fee_coin,
        "fee_rate": plain(rate),
        "fills": str(len(fills)),
    }
    if stage.fees is not None and not stage.fees.assumed and abs(rate - stage.fees.taker) > Decimal("0.00001"):
        raise Differs(f"the fee was {plain(rate)} of the worth; the taker's rate was told as {plain(stage.fees.taker)}")
    return facts


async def stop_attached(stage: Stage) -> Facts:
    """A stop on the position is read back with its price: only then a position counts as protected."""
    if not await stage.opened():
        raise Skipped("step 22 opened no position, and no other's stop is touched")
    last = await stage.last_price()
    stop = stage.instrument.to_tick_down(last * Decimal("0.9"))
    sent = stage.now()
    await stage.gateway.set_exits(stage.id, PositionExits(stop_loss=stop, stop_loss_by="MarkPrice"))

    async def protected() -> RemotePosition | None:
        found = await stage.gateway.position(stage.id)
        return found if found.stop_loss == stop else None

    await stage.until_read(protected, "the position has its stop")
    in_position_ms = (stage.now() - sent) * 1000
    orders = [o for o in await stage.gateway.open_orders() if o.instrument == stage.id and o.stop_order_type]
    facts = {
        "read_back_ms": f"{in_position_ms:.0f}",
        "as_order": ", ".join(sorted(o.stop_order_type for o in orders)) or "not listed",
        "reduce_only": ", ".join(sorted({str(o.reduce_only).lower() for o in orders})),
    }
    if not orders:
        raise Differs("the stop is in the position and not among the open orders; we read it from the position")
    return facts


async def close_position(stage: Stage) -> Facts:
    """A reduce-only market order of all of it: flat, and the stop is gone with the position."""
    opened = await stage.opened()
    if not opened:
        raise Skipped("step 22 opened no position, and no other is closed")
    sent = stage.now()
    await stage.close_own(opened)

    async def flat() -> RemotePosition | None:
        found = await stage.gateway.position(stage.id)
        return found if not found.size else None

    await stage.until_read(flat, "the position is flat")
    flat_ms = (stage.now() - sent) * 1000

    async def stops_gone() -> bool | None:
        left = [o for o in await stage.gateway.open_orders() if o.instrument == stage.id and o.stop_order_type]
        return None if left else True

    await stage.until_read(stops_gone, "the stop has ended with the position")
    return {"flat_ms": f"{flat_ms:.0f}", "stop_gone_ms": f"{(stage.now() - sent) * 1000:.0f}"}


async def unlisted(stage: Stage) -> Facts:
    """What the exchange answers where the documentation lists nothing: data for the table of capabilities."""
    facts: Facts = {}
    for path, params in UNLISTED:
        try:
            reply = await stage.rest.read(path, params, signed=True)
            trace = reply.trace
        except ExchangeUnavailable as error:
            trace = error.trace
        except ExchangeError as error:
            facts[path] = str(error)[:120]
            continue
        answered = "" if trace.ret_code is None else f", {trace.ret_code} {trace.ret_msg}".rstrip()
        facts[path] = f"HTTP {trace.http_status}{answered}"
    return facts
