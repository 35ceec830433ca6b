"""Request budgets: how many calls of one endpoint fit into a second, so that a burst is spread instead of refused.

Lives here: `RequestBudgets`: what Bybit documents, what its headers say instead, and the waiting. Not here: the headers
themselves (`rest`), what a refusal for the limit means (`errors`).
Bybit counts per account and endpoint in a rolling second; each endpoint has a budget of its own, so that a cancel never
waits for a create.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from tradewright.core.clock import Clock

# The least that Bybit documents for any category; an answer that names another figure replaces it.
DOCUMENTED_PER_SECOND = {
    "/v5/order/create": 10,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 10,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/position/set-leverage": 10,
    "/v5/position/trading-stop": 10,
    "/v5/account/wallet-balance": 50,
    "/v5/account/info": 50,
    "/v5/account/fee-rate": 5,
    "/v5/user/query-api": 10,
}
WINDOW_S = 1.05  # a little more than Bybit's second, for calls that bunch up on their way
WAITING_S_MAX = 20.0


class BudgetSpent(Exception):
    """So many calls of this endpoint wait already that another one would wait too long; nothing was sent."""


@dataclass(slots=True)
class _Budget:
    per_second: int
    said: dict[str, int] = field(default_factory=dict)  # by category, where the exchange has said it
    sent_s: deque[float] = field(default_factory=deque)  # when, by the monotonic clock; never more than `per_second`
    closed_until_s: float = 0.0
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wait_s(self, now_s: float) -> float:
        while self.sent_s and self.sent_s[0] <= now_s - WINDOW_S:
            self.sent_s.popleft()
        full_s = self.sent_s[0] + WINDOW_S - now_s if len(self.sent_s) >= self.per_second else 0.0
        return max(full_s, self.closed_until_s - now_s)


class RequestBudgets:
    """The budgets of one account, by path; a path that is not known has none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets = {path: _Budget(limit) for path, limit in DOCUMENTED_PER_SECOND.items()}

    async def take(self, path: str) -> None:
        """Waits for this call's turn, in order of asking. Raises `BudgetSpent` instead of waiting beyond reason."""
        budget = self._budgets.get(path)
        if budget is None:
            return
        if budget.waiting >= budget.per_second * WAITING_S_MAX:
            raise BudgetSpent(f"{budget.waiting} calls of {path} wait for the limit of {budget.per_second} a second")
        budget.waiting += 1
        try:
            async with budget.turn:
                while (wait_s := budget.wait_s(self._clock.monotonic())) > 0:
                    await self._clock.sleep(wait_s)
                budget.sent_s.append(self._clock.monotonic())
        finally:
            budget.waiting -= 1

    def learn(self, path: str, category: str, per_second: int | None) -> None:
        """The exchange has said how many calls of this path it takes in a second; the least of its categories counts,
        because whether they are counted apart is not documented."""
        budget = self._budgets.get(path)
        if budget is not None and per_second is not None and per_second > 0:
            budget.said[category] = per_second
            budget.per_second = min(budget.said.values())

    def close(self, path: str, seconds: float) -> None:
        """The exchange says that this path's limit is used up: nothing of it is sent for so long."""
        budget = self._budgets.get(path)
        if budget is not None:
            until_s = self._clock.monotonic() + min(max(seconds, 0.0), WAITING_S_MAX)
            budget.closed_until_s = max(budget.closed_until_s, until_s)
