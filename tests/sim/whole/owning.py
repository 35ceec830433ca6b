"""Who owns the account: the gate of each process, one that stands still, and what it has sent once another owns it.

Lives here: `Owning`, an `Ownership` by the product's own gate; `OneLock`, which plays a night's standstill; and what
must hold of it: nothing that an owner before sends is accepted after the takeover (`of_the_past`).
Not here: how a machine's bytes are held (`network.Host`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.whole.nights import Standstill
from tradewright.core.clock import Clock
from tradewright.core.ids import intent_of
from tradewright.lab.network import Host
from tradewright.placement.gate import Gate, Timing
from tradewright.simulator.accounts.events import OrderAccepted
from tradewright.trading.ownership import Dispossessed, ShutReason
from tradewright.trading.session import AccountSession

if TYPE_CHECKING:
    from sim.whole.world import World

TIMING = Timing()
_STOOD_STILL_S = 4.0  # as `placement.single` has it


class Owning:
    """Of one process, under one epoch. `keep` looks at the lock as the real owner does: each look opens the gate."""

    def __init__(self, world: World, host: Host, clock: Clock) -> None:
        self.epoch = world.database.claim()
        self._world = world
        self._host = host
        self._clock = clock
        self._gate = Gate(clock, TIMING.gate_s)
        self.seen_s = clock.monotonic()
        self._gate.seen(self.seen_s)

    @property
    def is_open(self) -> bool:
        return self._gate.is_open

    @property
    def lets_reduce(self) -> bool:
        return self._gate.why_shut in (None, "database_away")

    @property
    def why_shut(self) -> ShutReason | None:
        return self._gate.why_shut

    async def keep(self, session: AccountSession) -> None:
        """Raises `Dispossessed` once another owns the account."""
        while True:
            before_s = self._clock.monotonic()
            await self._clock.sleep(TIMING.check_s)
            await self._host.runs()
            began_s = self._clock.monotonic()
            if began_s - before_s > TIMING.check_s + _STOOD_STILL_S:
                self._gate.stand_still()
            if self._world.database.epoch != self.epoch:
                self._gate.shut("dispossessed")
                raise Dispossessed(f"epoch {self.epoch} is over")
            self.seen_s = began_s
            self._gate.seen(began_s)
            if began_s - before_s > TIMING.check_s + _STOOD_STILL_S:
                session.note_standstill()
                self._gate.go_on()


async def stand_still(world: World, plan: Standstill) -> None:
    """The process of that moment stands still; another takes over once its lease has run out, and then it goes on."""
    await asyncio.sleep(plan.at_s - world.loop.time())
    process = world.process
    if process is None or process.is_dead or process.task.done():
        return
    process.spare()
    process.host.freeze()
    world.struck["stood_still"] += 1
    thawed_s = world.frozen_until_s = world.loop.time() + plan.for_s
    if plan.is_replaced:
        await asyncio.sleep(process.owning.seen_s + TIMING.lease_s - world.loop.time())
        world.struck["replaced"] += 1
        world.replace_process()
    await asyncio.sleep(thawed_s - world.loop.time())
    process.host.thaw()


def of_the_past(world: World) -> Iterator[str]:
    """Whatever the exchange accepted of an owner after the takeover of the next, by its answers and by its log."""
    yield from (f"of an owner before was accepted: {call.path} {call.body}" for call in world.wire.accepted_late)
    for index, epoch in world.takeovers:
        for entry in world.entries[index:]:
            event = entry.event
            if not isinstance(event, OrderAccepted) or event.parent_id or intent_of(event.link_id) is None:
                continue
            senders = [call.epoch for call in world.wire.creates_of(event.link_id)]
            if senders and max(senders) < epoch:
                yield f"{event.link_id} was accepted although only epoch {max(senders)} sent it, after {epoch} began"
    for process in world.replaced:
        if not process.task.done():
            yield f"the owner before (epoch {process.owning.epoch}) goes on"
        elif not process.is_dispossessed and not process.killed_at:
            yield f"the owner before ended otherwise: {process.task!r}"
