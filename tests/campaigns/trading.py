"""Who trades in a campaign: each account by itself, through the same commands as the API, whatever is killed meanwhile.

Lives here: `Traders`. Not here: the worker that acts on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.lean import Held, Lean
from contract.journal_worlds import BTC_RULES
from tradewright.core.errors import AppError
from tradewright.core.ids import IntentId, OrderId
from tradewright.core.instrument import Side
from tradewright.core.rule_parts import Quotes
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import CancelBody, PlaceBody
from tradewright.trading.change_commands import submit_cancel
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place

_VIEW = MarketView(instrument=BTC_RULES, quotes=Quotes(last=Decimal(60000)))
_UNDER_WAY = 2  # of an account at any time
_RESTING_MAX = 12  # of an account; from then on its orders are cancelled
_LOOK_S = 0.25
_TAKEN_LOOK_S = 0.01
_SIDES: tuple[Side, ...] = ("Buy", "Sell")


class Traders:
    """One for each account. `asked` are the intents that the database has taken, every one with certainty."""

    def __init__(self, lean: Lean, rng: random.Random) -> None:
        self._lean = lean
        self._rng = rng
        self._may = asyncio.Event()
        self._writing = 0
        self.asked: set[IntentId] = set()

    def go(self) -> None:
        self._may.set()

    async def rest(self) -> None:
        """Nothing new is asked from now on, and what is being asked has been taken."""
        self._may.clear()
        while self._writing:
            await asyncio.sleep(_TAKEN_LOOK_S)

    @contextlib.asynccontextmanager
    async def trading(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:  # one that fails ends the campaign
            tasks = [group.create_task(self._trade(account)) for account in self._lean.accounts]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _trade(self, account: Held) -> None:
        while True:
            await self._may.wait()
            (state,) = await self._lean.rows(
                "SELECT (SELECT count(*) FROM intents WHERE account_id = :account AND (state = 'sending'"
                " OR (state IN ('proposed', 'approved')"  # cancels too, which are valid for ever
                " AND coalesce(valid_until > clock_timestamp(), true)))) AS under_way,"
                " (SELECT count(*) FROM orders WHERE account_id = :account AND state = 'working') AS resting",
                account=account.id,
            )
            if state.under_way >= _UNDER_WAY:
                await asyncio.sleep(_LOOK_S)
                continue
            if not self._may.is_set():
                continue
            self._writing += 1
            try:
                await self._act(account, state.resting)
            finally:
                self._writing -= 1
            await asyncio.sleep(self._rng.uniform(0.0, 0.3))

    async def _act(self, account: Held, resting: int) -> None:
        drawn = self._rng.random()
        if resting and (resting > _RESTING_MAX or drawn < 0.15):
            await self._cancel(account)
        elif drawn < 0.45:
            await self._place(account, order_type="Market", price=None, time_in_force="IOC", slippage="0.5")
        else:
            price = Decimal(20000 + self._rng.randrange(1000))
            await self._place(account, order_type="Limit", price=price, time_in_force="GTC")

    async def _place(self, account: Held, *, slippage: str | None = None, **fields: Any) -> None:
        side: Side = "Buy" if fields["price"] is not None else self._rng.choice(_SIDES)
        body = PlaceBody(
            id=IntentId(SystemIds().new()),
            category="linear",
            symbol="BTCUSDT",
            side=side,
            quantity=Decimal("0.001") * self._rng.randint(1, 3),
            reduce_only=False,
            note=None,
            slippage_percent=None if slippage is None else Decimal(slippage),
            **fields,
        )

        async def submit(connection: AsyncConnection) -> None:
            await submit_place(self._asker(connection, account), body, _VIEW)

        await self._lean.within(submit)
        self.asked.add(body.id)

    async def _cancel(self, account: Held) -> None:
        live = await self._lean.rows(
            "SELECT id FROM orders WHERE account_id = :account AND state = 'working' ORDER BY id LIMIT 5",
            account=account.id,
        )
        if not live:
            return
        body = CancelBody(id=IntentId(SystemIds().new()), order_id=OrderId(self._rng.choice(live).id))

        async def submit(connection: AsyncConnection) -> None:
            await submit_cancel(self._asker(connection, account), body)

        with contextlib.suppress(AppError):  # it has ended meanwhile, or is being cancelled
            await self._lean.within(submit)
            self.asked.add(body.id)

    def _asker(self, connection: AsyncConnection, account: Held) -> Asker:
        return Asker(
            connection=connection,
            workspace_id=self._lean.workspace_id,
            account_id=account.id,
            user_id=self._lean.user_id,
            ip=None,
            clock=SystemClock(),
            ids=SystemIds(),
        )
