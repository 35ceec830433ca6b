"""Request budgets: how many calls of one endpoint fit into a second, so that a burst is spread instead of refused.

Lives here: `RequestBudgets`: what Bybit documents, what its headers say instead, and the waiting. Not here: the headers
themselves (`rest`), what a refusal for the limit means (`errors`).
Bybit counts per account and endpoint in a rolling second; each endpoint has a budget of its own, so that a cancel never
waits for a create. Bybit counts a call when it arrives, some time between its sending and its answer: so a call
counts here until a second after its answer, and those that bunch up on their way are no more than were allowed.
"""

from __future__ import annotations

import asyncio
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
WINDOW_S = 1.05  # a little more than Bybit's second, for clocks that round
FLIGHT_S_MAX = (
    2.0  # a call without an answer has arrived by then, or never will: one that hangs must not close the path
)
WAITING_S_MAX = 20.0
_LOOK_SECONDS = 0.02  # between looks whether an answer has come


class BudgetSpent(Exception):
    """So many calls of this endpoint wait already that another one would wait too long; nothing was sent."""


@dataclass(slots=True, eq=False)
class Turn:
    """One call: when its turn came and when it was answered, by the monotonic clock."""

    begun_s: float
    answered_s: float | None = None

    def ends_s(self) -> float:
        """Until when it counts, as far as is known."""
        latest_s = self.begun_s + FLIGHT_S_MAX
        return WINDOW_S + (latest_s if self.answered_s is None else min(self.answered_s, latest_s))


@dataclass(slots=True)
class _Budget:
    per_second: int
    said: dict[str, int] = field(default_factory=dict)  # by category, where the exchange has said it
    turns: list[Turn] = field(default_factory=list)  # those that count; never more than `per_second`
    closed_until_s: float = 0.0
    waiting: int = 0
    in_order: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wait_s(self, now_s: float) -> float:
        """How long until the next look, at most; 0 or less when a call may go now."""
        self.turns = [turn for turn in self.turns if turn.ends_s() > now_s]
        full_s = 0.0
        if len(self.turns) >= self.per_second:
            full_s = min(turn.ends_s() for turn in self.turns) - now_s
            if any(turn.answered_s is None for turn in self.turns):
                full_s = min(full_s, _LOOK_SECONDS)
        return max(full_s, self.closed_until_s - now_s)


class RequestBudgets:
    """The budgets of one account, by path; a path that is not known has none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets = {path: _Budget(limit) for path, limit in DOCUMENTED_PER_SECOND.items()}

    async def take(self, path: str) -> Turn | None:
        """Waits for this call's turn, in order of asking; its end is told to `answered`. None: this path has no budget.

        Raises `BudgetSpent` instead of waiting beyond reason.
        """
        budget = self._budgets.get(path)
        if budget is None:
            return None
        if budget.waiting >= budget.per_second * WAITING_S_MAX:
            raise BudgetSpent(f"{budget.waiting} calls of {path} wait for the limit of {budget.per_second} a second")
        budget.waiting += 1
        try:
            async with budget.in_order:
                while (wait_s := budget.wait_s(self._clock.monotonic())) > 0:
                    await self._clock.sleep(wait_s)
                turn = Turn(self._clock.monotonic())
                budget.turns.append(turn)
                return turn
        finally:
            budget.waiting -= 1

    def answered(self, turn: Turn | None) -> None:
        """The call of this turn was answered, failed, or was not made after all."""
        if turn is not None:
            turn.answered_s = self._clock.monotonic()

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
