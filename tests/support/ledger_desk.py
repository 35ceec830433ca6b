"""A ledger on the simulated exchange: a seeded hour of trading, what was heard of it, and the books.

Lives here: `LedgerDesk`. Not here: what must hold (`sim/test_ledger_on_simulator.py`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from sim.memory_ledger import MemoryBooks, MemoryLedger
from support.ledger_exchange import LedgerExchange
from support.seeded_session import NOON_MS, SeededSession
from tradewright.core.ids import ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import Coins
from tradewright.core.order import Execution
from tradewright.core.tie_out import Break
from tradewright.simulator.accounts.events import Funded
from tradewright.trading.ledger.books import LedgerStore
from tradewright.trading.ledger.posting import post_executions
from tradewright.trading.ledger.replaying import replay_breaks
from tradewright.trading.ledger.tying import LedgerParts, TiedOut, tie_out

THREE_MS = NOON_MS + 10_800_000  # 15:00 UTC; a session begins within an hour of it, perpetuals pay funding at 16:00
PLAYED = (("linear", "BTCUSDT"), ("linear", "ETHUSDT"), ("spot", "BTCUSDT"), ("linear", "BTCPERP"))


class _DeskClock:
    """Sleeping lets the exchange's time go on."""

    def __init__(self, desk: LedgerDesk) -> None:
        self._desk = desk

    async def sleep(self, seconds: float) -> None:
        self._desk.slept_s += seconds


class LedgerDesk:
    """`hears` is the share of executions that the stream brings; the others the ledger finds in the transaction log."""

    def __init__(self, seed: int, *, hears: float = 0.8, store: LedgerStore | None = None) -> None:
        self.session = SeededSession(seed, start_ms=THREE_MS)
        specs = self.session.engine.specs.values()
        self.session.specs = [spec for spec in specs if (spec.category, spec.symbol) in PLAYED]
        self.rng = random.Random(seed)
        self.hears = hears
        self.slept_s = 0.0
        self.heard: dict[ExecutionId, Execution] = {}
        self.books = MemoryBooks(lambda: self.heard.values(), self.leg_of)
        self.exchange = LedgerExchange(self.session.engine, lambda: self.session.wall_ms)
        self.store = store or MemoryLedger(self.books)
        self.parts = LedgerParts(
            gateway=self.exchange,
            store=self.store,
            coins_of=self.coins_of,
            clock=_DeskClock(self),  # type: ignore[arg-type]
            book=self.book,
            kept=timedelta(days=730),
            also=self._replay,
        )

    def coins_of(self, instrument: InstrumentId) -> Coins | None:
        for spec in self.session.engine.specs.values():
            if (spec.category, spec.symbol) == (instrument.category, instrument.symbol):
                return Coins(spec.base_coin, spec.quote_coin if spec.is_spot else spec.settle_coin)
        return None

    def leg_of(self, execution: Execution) -> int:
        order = self.session.engine.account.orders.get(execution.exchange_order_id)
        return 0 if order is None else order.position_index

    async def book(self, executions: Sequence[Execution]) -> None:
        for execution in executions:
            self.heard.setdefault(execution.exec_id, execution)

    async def _replay(self) -> list[Break]:
        return await replay_breaks(self.store, self.coins_of)

    def pay_in(self, coin: str, amount: str) -> None:
        self.session.engine.fund([(coin, Decimal(amount))])

    async def trade(self, minutes: int) -> None:
        """Drawn commands, three a minute; what the stream would bring of their fills is heard, some of it out of order
        and some never."""
        for minute in range(minutes):
            for _ in range(3):
                self.session._command()
                self.session._pass(self.rng.choice((2_000, 19_000)))
            self.session._pass(20_000)
            told = await self.exchange.executions(await self.exchange.now() - timedelta(minutes=5))
            unheard = [each for each in told if each.exec_id not in self.heard]
            self.rng.shuffle(unheard)
            await self.book([each for each in unheard if self.rng.random() < self.hears])
            if minute % 4 == 0 and self.books.books is not None:
                await post_executions(self.store, self.coins_of)

    async def tie(self) -> TiedOut:
        return await tie_out(self.parts)

    def wallet(self) -> dict[str, Decimal]:
        """What the exchange's account really holds."""
        coins = self.session.engine.account.coins
        return {coin: held.balance for coin, held in coins.items() if held.balance}

    def in_the_books(self) -> dict[str, Decimal]:
        balances = self.books.balances.items()
        return {asset: amount for (book, asset), amount in balances if book == f"wallet:{asset}" and amount}

    def paid_in(self) -> list[Funded]:
        return [event for event in self.session.events() if isinstance(event, Funded)]
