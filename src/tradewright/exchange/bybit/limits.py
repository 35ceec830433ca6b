"""Request budgets: how many calls fit into a second, so that a burst is spread instead of refused, and who goes first.

Lives here: `RequestBudgets`, those of one account: what Bybit documents, what its headers say instead, the lines of
those who wait. Not here: the headers themselves (`rest`), what a refusal for the limit means (`errors`), the counting
(`rolling`), the budget and the silence of the address (`address`).
Bybit counts per account and endpoint in a rolling second; each endpoint has a budget of its own, so that a cancel never
waits for a create. A call needs room in its endpoint's budget and in its address's; before each endpoint stands one
line, in order of priority and then of asking.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tradewright.core.clock import Clock
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.priority import Priority
from tradewright.exchange.bybit.rolling import RollingWindow, Turn
from tradewright.exchange.ports import EndpointUse, RateBudget

# The least that Bybit documents for any category; an answer that names another figure replaces it.
DOCUMENTED_PER_SECOND = {
    "/v5/order/create": 10,
    "/v5/order/create-batch": 10,
    "/v5/order/amend": 10,
    "/v5/order/amend-batch": 10,
    "/v5/order/cancel": 10,
    "/v5/order/cancel-batch": 10,
    "/v5/order/cancel-all": 10,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/position/closed-pnl": 50,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/position/trading-stop": 10,
    "/v5/account/wallet-balance": 50,
    "/v5/account/info": 50,
    "/v5/account/fee-rate": 5,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/transaction-log": 25,
    "/v5/account/demo-apply-money": 1,
    "/v5/user/query-api": 10,
}
WINDOW_S = 1.05  # a little more than Bybit's second, for clocks that round
WAITING_S_MAX = 20.0
# Where what adds exposure and what takes it away share one budget, a tenth of it is kept for the latter.
_SHARED = frozenset({"/v5/order/create", "/v5/order/create-batch", "/v5/order/amend", "/v5/order/amend-batch"})
_LOOK_SECONDS = 0.05  # between looks of the first in a line: somebody before it may have come and gone


class BudgetSpent(Exception):
    """So many calls of this endpoint wait already that another one would wait too long; nothing was sent."""


@dataclass(slots=True, order=True)
class _Waiter:
    priority: Priority
    number: int
    called: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


@dataclass(slots=True)
class _Endpoint:
    """`per_second` None: no limit of its own is published, only the address's holds."""

    path: str
    per_second: int | None
    window: RollingWindow = field(default_factory=lambda: RollingWindow(WINDOW_S))
    said: dict[str, int] = field(default_factory=dict)  # by category, where the exchange has said it
    closed_until_s: float = 0.0
    line: list[_Waiter] = field(default_factory=list)

    def room_for(self, priority: Priority) -> int:
        assert self.per_second is not None
        if self.path in _SHARED and priority > Priority.REDUCE and self.per_second > 1:
            return self.per_second - max(1, self.per_second // 10)
        return self.per_second

    def wait_s(self, priority: Priority, units: int, now_s: float) -> float:
        """How long until the next look, at most; 0 or less when the call may go now."""
        full_s = 0.0 if self.per_second is None else self.window.wait_s(self.room_for(priority), now_s, units)
        return max(full_s, self.closed_until_s - now_s)


class RequestBudgets:
    """The budgets of one account. What has no published limit shares one line and waits for its address only."""

    def __init__(self, clock: Clock, address: Address | None = None) -> None:
        self._clock = clock
        self.address = address or Address(clock)
        self._endpoints = {path: _Endpoint(path, limit) for path, limit in DOCUMENTED_PER_SECOND.items()}
        self._others = _Endpoint("", None)
        self._count = 0

    async def take(self, path: str, priority: Priority = Priority.READ, units: int = 1) -> Turn:
        """Waits for this call's turn; its end is told to `answered`. `units`: how many orders a batch holds.

        Raises `BudgetSpent` instead of waiting beyond reason.
        """
        endpoint = self._endpoints.get(path, self._others)
        now_s = self._clock.monotonic()
        if not endpoint.line and self._wait_s(endpoint, priority, units, now_s) <= 0:
            return self._begin(endpoint, units, now_s)  # as nearly always
        self._refuse_the_hopeless(endpoint, path, priority)
        self._count += 1
        waiter = _Waiter(priority, self._count)
        insort(endpoint.line, waiter)
        try:
            while True:
                if endpoint.line[0] is not waiter:
                    waiter.called.clear()
                    await waiter.called.wait()
                    continue
                now_s = self._clock.monotonic()
                wait_s = self._wait_s(endpoint, priority, units, now_s)
                if wait_s <= 0:
                    turn = self._begin(endpoint, units, now_s)
                    turn.has_waited = True
                    return turn
                await self._clock.sleep(min(wait_s, _LOOK_SECONDS))
        finally:
            endpoint.line.remove(waiter)
            if endpoint.line:
                endpoint.line[0].called.set()

    def leaves(self, turn: Turn) -> None:
        """The call leaves only now: between its turn and its sending the exchange's clock had to be read."""
        turn.begun_s = self._clock.monotonic()
        for window in turn.windows:
            window.leaves(turn)

    def answered(self, turn: Turn) -> None:
        """The call of this turn was answered, failed, or was not made after all."""
        now_s = self._clock.monotonic()
        for window in turn.windows:
            window.answered(turn, now_s)

    def learn(self, path: str, category: str, per_second: int | None) -> None:
        """The exchange has said how many calls of this path it takes in a second; the least of its categories counts,
        because whether they are counted apart is not documented."""
        endpoint = self._endpoints.get(path)
        if endpoint is not None and per_second is not None and per_second > 0:
            endpoint.said[category] = per_second
            endpoint.per_second = min(endpoint.said.values())

    def close(self, path: str, seconds: float) -> None:
        """The exchange says that this path's limit is used up: nothing of it is sent for so long."""
        endpoint = self._endpoints.get(path)
        if endpoint is not None:
            until_s = self._clock.monotonic() + min(max(seconds, 0.0), WAITING_S_MAX)
            endpoint.closed_until_s = max(endpoint.closed_until_s, until_s)

    def use(self) -> RateBudget:
        """What is left of everything, for people: endpoints that nothing is counted of are left out."""
        now_s = self._clock.monotonic()
        silent_s = self.address.silent_for_s()
        return RateBudget(
            endpoints=self._uses(now_s),
            address_used=self.address.used(),
            address_limit=self.address.share,
            silent_until=self._clock.now() + timedelta(seconds=silent_s) if silent_s else None,
        )

    def _uses(self, now_s: float) -> Sequence[EndpointUse]:
        uses = []
        for endpoint in self._endpoints.values():
            assert endpoint.per_second is not None
            resets_s = max(endpoint.window.first_end_s(now_s), endpoint.closed_until_s - now_s)
            if endpoint.window.used or endpoint.line or resets_s > 0:
                resets_at = self._clock.now() + timedelta(seconds=max(resets_s, 0.0))
                uses.append(
                    EndpointUse(
                        path=endpoint.path,
                        used=endpoint.window.used,
                        limit=endpoint.per_second,
                        waiting=len(endpoint.line),
                        is_closed=endpoint.closed_until_s > now_s,
                        resets_at=resets_at,
                    )
                )
        return uses

    def _wait_s(self, endpoint: _Endpoint, priority: Priority, units: int, now_s: float) -> float:
        return max(endpoint.wait_s(priority, units, now_s), self.address.wait_s(priority))

    def _begin(self, endpoint: _Endpoint, units: int, now_s: float) -> Turn:
        """Both windows at once: nothing may come between the look and the taking."""
        turn = Turn(now_s, (endpoint.window, self.address.window))
        endpoint.window.begin(turn, units)
        self.address.window.begin(turn)  # a batch is one request of its address
        return turn

    def _refuse_the_hopeless(self, endpoint: _Endpoint, path: str, priority: Priority) -> None:
        per_second = endpoint.per_second or max(1, self.address.room_for(priority) // 5)
        before = sum(1 for waiter in endpoint.line if waiter.priority <= priority)
        if before >= per_second * WAITING_S_MAX:
            raise BudgetSpent(f"{before} calls of {path} wait for the limit of {per_second} a second")
