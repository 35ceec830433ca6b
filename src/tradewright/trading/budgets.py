"""How much of its request budget an account uses, told every two seconds while it changes.

Lives here: `BudgetTeller`, a companion of the session. Not here: the budget (`exchange.bybit.limits`), its row
(`account_notes`), who shows it (`web`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tradewright.core.clock import Clock
from tradewright.exchange.ports import RateBudget
from tradewright.trading.beside import SessionView

_TELL_SECONDS = 2.0  # it changes with each call, and each telling is a write


class BudgetKeeper(Protocol):
    async def tell(self, budget: RateBudget) -> bool:
        """Whether it was written; False while the database is away."""
        ...


class BudgetTeller:
    def __init__(self, use: Callable[[], RateBudget], keeper: BudgetKeeper, clock: Clock) -> None:
        self._use = use
        self._keeper = keeper
        self._clock = clock

    async def run(self, _session: SessionView) -> None:
        told: object = None
        while True:
            now = self._use()
            if _lasting(now) != told and await self._keeper.tell(now):
                told = _lasting(now)
            await self._clock.sleep(_TELL_SECONDS)


def _lasting(budget: RateBudget) -> object:
    """Without the moments that move by themselves: they alone are nothing new."""
    uses = [(use.path, use.used, use.limit, use.waiting, use.is_closed) for use in budget.endpoints]
    return uses, budget.address_used, budget.address_limit, budget.silent_until is None
