"""What stands beside and before a session in a run: the limits of its risk, and the guardian of its stops.

Lives here: how both are put into a session's parts, on the same database that may fail; who takes a
position's stop off at the exchange; and how much the exchange could come to hold at a send (`overexposed`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sim.memory_guard import MemoryGuardReads
from sim.protection_checks import Moment
from sim.world import BTC
from tradewright.core.order import NewOrder
from tradewright.core.risk import Limits, default_limits
from tradewright.lab.memory_risk import KeptRisk, MemoryRiskStore, SetPrices
from tradewright.simulator.accounts.events import PositionIndex
from tradewright.simulator.errors import ApiError
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.trading.guardian.guardian import Guardian
from tradewright.trading.guardian.model import GuardSettings
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.keeper import RiskKeeper
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.session_parts import SessionParts

if TYPE_CHECKING:
    from sim.whole.world import World

GUARD: Final = GuardSettings(grace_s=1.0, flatten_after_s=4.0)
# So narrow that a run touches them; the exchange's limits and the account's margin are far away.
LIMITS: Final = Limits(order_notional=Decimal(32_000), position_notional=Decimal(60_000), open_orders=Decimal(8))
# How far the price may have moved since an order was judged: jumps of 3 %, and the market's own steps.
MOVES: Final = Decimal("1.10")


def kept_limits() -> KeptRisk:
    return KeptRisk(levels=[("installation", default_limits("sim")), ("account", LIMITS)])


def with_guards(world: World, parts: SessionParts, point: Callable[[str], Awaitable[None]]) -> SessionParts:
    guardian = Guardian(MemoryGuardReads(world.database, point), parts.clock, GUARD)
    store = MemoryRiskStore(world.database, world.kept_risk, clock=world.clock, point=point)
    exposure = Exposure(lambda _instrument: "BTC")
    rule = RiskRule(exposure, SetPrices(lambda: world.price), clock=parts.clock)
    keeper = RiskKeeper(exposure, rule, store, clock=parts.clock)
    return replace(
        parts,
        exposure=exposure,
        holdings=store.holdings,
        rules=[*parts.rules, guardian, rule],
        companions=[*parts.companions, guardian, keeper],
    )


def steal_stop(world: World) -> None:
    """Somebody takes the stop of each position off at the exchange's own page."""
    for leg in world.legs:
        named = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "stopLoss": "0", "positionIdx": leg}
        try:
            world.engine.set_trading_stop(read_trading_stop(named, world.engine.specs))
        except ApiError:
            continue  # there is none


def moment(world: World, leg: PositionIndex) -> Moment:
    """How the position stands, by the exchange's own word."""
    account, process = world.engine.account, world.process
    live = [order for order in account.live_orders("BTCUSDT") if order.position_index == leg]
    stops = [order.trigger for order in live if order.stop_kind == "StopLoss"]
    is_alive = process is not None and not process.is_dead and not process.task.done()
    is_served = is_alive and process is not None and process.session.state in ("ready", "degraded")
    size = account.position("BTCUSDT", leg).size
    # A person's own conditional orders protect as well, where they close all of it as it loses.
    waiting = [order for order in live if order.reduce_only and order.stop_kind == "Stop" and order.trigger is not None]
    closing = [order for order in waiting if order.side == ("Sell" if size > 0 else "Buy")]
    falling = [order for order in closing if order.trigger is not None and order.trigger.rises == (size < 0)]
    if size and not stops and sum((order.leaves for order in falling), Decimal(0)) >= abs(size):
        stops = [order.trigger for order in falling]
    kept = world.database.protections.get(("linear", "BTCUSDT", leg))
    return Moment(
        at_s=world.loop.time(),
        size=size,
        stop=next((trigger.price for trigger in stops if trigger is not None), None),
        is_planned=kept is not None and kept.side == ("Buy" if size > 0 else "Sell"),
        is_served=is_served,
    )


def overexposed(world: World, order: NewOrder) -> str | None:
    """What the position could come to with everything that is open or on its way, if that is beyond its limit.

    Not judged once a stranger has ordered: what they do is counted against us, and nobody asks us before. Nor of two
    legs, which are counted each by itself.
    """
    limit = LIMITS.position_notional
    assert limit is not None, "it is set here"
    if order.instrument != BTC or order.reduce_only or world.has_stranger or world.night.hedged:
        return None
    account, side = world.engine.account, order.side
    size = account.position("BTCUSDT").size
    live = [one for one in account.live_orders("BTCUSDT") if one.side == side and not one.reduce_only]
    held = sum((one.leaves for one in live if not one.is_protective), size if side == "Buy" else -size)
    known = {one.link_id for one in account.orders.values()}
    under_way = sum(
        (
            row.order.quantity
            for row in world.database.intents.values()
            if row.order is not None and row.order.instrument == BTC and row.state in ("sending", "unknown")
            if row.order.side == side and not row.order.reduce_only and row.order.link_id not in known
        ),
        Decimal(0),
    )
    worst = (held + under_way) * world.price
    return f"{side} could come to {worst:.0f} of {limit}" if worst > limit * MOVES else None
