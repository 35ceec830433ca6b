"""The desk where faults are armed: what holds for a time begins and ends here, and what is done at once is done here.

Lives here: `FaultDesk`, the one that the admin port and the seeded plan talk to. Not here: reading a fault (`reading`),
faults that strike at calls, messages and sockets (`board`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import DropSockets, Fault, PriceJump, ShowOrders
from tradewright.simulator.faults.plan import FaultPlan
from tradewright.simulator.faults.reading import fault_row, read_fault
from tradewright.simulator.faults.sockets import SocketGate
from tradewright.simulator.faults.wall import SkewedWall
from tradewright.simulator.matching.venue import Venue

log = structlog.get_logger()

CATCH_UPS_MAX: Final = 1_000  # steps of wall time; what a longer sleep would still owe is let go


class FaultDesk:
    """Arms, lists and clears. `market` is the venue's; `show_orders` ends the hiding of orders and says of how many."""

    def __init__(
        self,
        faults: Faults,
        sockets: SocketGate,
        *,
        venue: Venue,
        market: BentMarket,
        wall: SkewedWall,
        show_orders: Callable[[], int],
    ) -> None:
        self.faults = faults
        self._sockets = sockets
        self._venue = venue
        self._market = market
        self._wall = wall
        self._show_orders = show_orders
        self._timers: list[asyncio.TimerHandle] = []  # of the plan
        self._end_timer: asyncio.TimerHandle | None = None
        faults.changed = self._stand

    def begin(self, plan: FaultPlan) -> None:
        """Arm what a plan has for the whole time, and let its moments come."""
        for fault in plan.constant:
            self.faults.arm(fault)
        loop = asyncio.get_running_loop()
        for moment in plan.moments:
            self._timers.append(loop.call_later(moment.after_ms / 1000, self._due, moment.fault, moment.for_ms))

    def arm(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Arm or do what a request asks for. Raises `FaultRefused`, `TooManyFaults`, `ApiError`."""
        fault = read_fault(body, now_ms=self._wall.true_ms(), specs=self._venue.specs)
        return {"armed": True, **self.do(fault)}

    def rows(self) -> dict[str, Any]:
        """`planned` is how many moments of the seed's plan are still to come."""
        now_s = asyncio.get_running_loop().time()
        planned = sum(timer.when() > now_s for timer in self._timers)
        armed = [fault_row(each) for each in self.faults.armed]
        return {"seed": self.faults.seed, "planned": planned, "armed": armed}

    def clear(self, number: int | None = None) -> int:
        """Disarm one, or all, and then also what a plan still had before it; how many were armed."""
        if number is None:
            self._forget_plan()
        return self.faults.disarm(number)

    def close(self) -> None:
        self._forget_plan()
        self.faults.changed = lambda: None
        if self._end_timer is not None:
            self._end_timer.cancel()

    def do(self, fault: Fault) -> dict[str, Any]:
        """Arm one, or do at once what is over then; what became of it. Raises `TooManyFaults`."""
        match fault.effect:
            case DropSockets():
                dropped = self._sockets.drop(fault.match)
                self.faults.truth.record("fault", {"kind": fault.effect.name, "sockets": dropped})
                return {"sockets": dropped}
            case ShowOrders():
                shown = self._show_orders()
                self.faults.truth.record("fault", {"kind": fault.effect.name, "orders": shown})
                return {"orders": shown}
            case PriceJump(listings=listings, fraction=fraction):
                self._catch_up()
                for listing in listings:
                    self._market.jump(listing, fraction)
                known = {"listings": list(listings), "fraction": str(fraction)}
                self.faults.truth.record("fault", {"kind": fault.effect.name, **known})
                # What waited for such a price meets it now, also in a market that is paused.
                self._venue.play_to(self._market.now_ms)
                return {"listings": list(listings)}
            case _:
                return {"fault": self.faults.arm(fault)}

    def _due(self, fault: Fault, for_ms: int | None) -> None:
        until_ms = None if for_ms is None else self._wall.true_ms() + for_ms
        try:
            self.do(replace(fault, until_ms=until_ms))
        except ValueError as refused:  # too many are armed
            log.warning("exchange.planned_fault_left_out", kind=fault.effect.name, why=str(refused))

    def _stand(self) -> None:
        """Bring clock and market to what holds now, and come again when that ends."""
        skew_ms, halted = self.faults.skew_ms, self.faults.halted
        if skew_ms != self._wall.skew_ms:
            self._skew(skew_ms)
        if halted != self._market.halted:
            self._halt(halted)
        if self._end_timer is not None:
            self._end_timer.cancel()
            self._end_timer = None
        end_ms = self.faults.next_end_ms()
        if end_ms is not None:
            wait_s = max(end_ms - self._wall.true_ms(), 1) / 1000
            self._end_timer = asyncio.get_running_loop().call_later(wait_s, self._ended)

    def _ended(self) -> None:
        self._end_timer = None
        _ = self.faults.armed  # forgets what has ended
        self._stand()

    def _skew(self, skew_ms: int) -> None:
        """The market's own time must not jump with the clock that it follows."""
        self._catch_up()
        self._wall.skew_ms = skew_ms
        clock = self._market.clock
        by_hand = clock.by_hand
        clock.go_on(wall_ms=self._wall(), market_ms=self._market.now_ms)
        clock.by_hand = by_hand  # nobody has touched the market's motion

    def _halt(self, halted: frozenset[str]) -> None:
        self._catch_up()
        self._market.halt(halted)
        for spec in self._market.instruments:
            if self._venue.specs[spec.listing] != spec:
                self._venue.specs[spec.listing] = spec

    def _catch_up(self) -> None:
        for _ in range(CATCH_UPS_MAX):
            if self._venue.catch_up():
                return

    def _forget_plan(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
