"""The ledger beside the sessions of a night, on books in a database that may fail, and what must hold in the end.

Lives here: `with_books`, `RunningSums`, which sums the books at every step of the database, and `judge_books`. When a
night keeps books is drawn in `nights`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from sim.memory_ledger import MemoryBooks, MemoryLedger
from sim.whole.setting import INSTRUMENTS
from tradewright.core.clock import milliseconds
from tradewright.core.holding import WIDE
from tradewright.core.ledger import FEES, unbalanced
from tradewright.core.tie_out import Break
from tradewright.trading.ledger.keeper import LedgerKeeper
from tradewright.trading.session_parts import SessionParts

if TYPE_CHECKING:
    from sim.whole.world import World

_KEPT = timedelta(days=730)


class RunningSums:
    """The books as whoever reads them at any moment finds them: at every step of the database, of whichever process,
    each asset sums to zero over all books, and each book is the sum of its lines. `steps` counts the looks at books
    that have something in them."""

    def __init__(self, rows: MemoryBooks) -> None:
        self._rows = rows
        self._seen = 0
        self._lines: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.steps = 0
        self.wrong: dict[str, str] = {}  # what, and at which step it was first so

    def look(self, point: str) -> None:
        rows = self._rows
        if not rows.balances:
            return
        self.steps += 1
        with localcontext(WIDE):
            for entries in rows.sets[self._seen :]:
                for line in entries.lines:
                    self._lines[line.book, line.asset] += line.amount
            self._seen = len(rows.sets)
            by_asset: dict[str, Decimal] = defaultdict(Decimal)
            for (_book, asset), amount in rows.balances.items():
                by_asset[asset] += amount
        for asset, amount in by_asset.items():
            if amount:
                self.wrong.setdefault(f"{asset} does not sum to zero over all books", point)
        if rows.balances != self._lines:
            self.wrong.setdefault("a book is not the sum of its lines", point)


class FailingLedger(MemoryLedger):
    """The books in a database that may answer nothing: before a commit nothing happened, after it everything did."""

    def __init__(self, rows: MemoryBooks, step: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(rows)
        self._step = step

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not asyncio.iscoroutinefunction(found):
            return found
        step = super().__getattribute__("_step")

        async def whole(*arguments: Any, **named: Any) -> Any:
            await step(f"ledger_{name}.before")
            answer = await found(*arguments, **named)
            await step(f"ledger_{name}.after")
            return answer

        return whole


def _keeper(world: World, gateway: Any, step: Callable[[str], Awaitable[None]]) -> LedgerKeeper:
    store = world.make_ledger(FailingLedger(world.books, step))
    return LedgerKeeper(gateway, store, INSTRUMENTS.get, clock=world.machine_clock, kept=_KEPT)


def with_books(world: World, parts: SessionParts, step: Callable[[str], Awaitable[None]]) -> SessionParts:
    world.struck["books"] += world.lives == 1
    return replace(parts, companions=[*parts.companions, _keeper(world, parts.gateway, step)])


async def judge_books(world: World) -> list[str]:
    """What does not tie out once the faults are over, by one more look of the keeper and by the exchange's own memory,
    which no answer of it can bend."""
    process = world.process
    if process is None or not process.answers:
        return ["the books cannot be judged: no process answers"]
    session = process.session
    keeper = _keeper(world, session.gateway, process.fenced_point)
    found = await process.spawn(keeper.tie_out(session.journal))
    told = [each for state, each in world.books.told if state == "broken" and not _began_anew(world, each)]
    return [
        *(f"the books do not tie out: {each}" for each in found.breaks),
        *([] if found.is_quiet else ["the account would not stand still for its books"]),
        *(f"a break was told of what only came late: {each}" for each in told),
        *(f"{what}, first at {point}" for what, point in world.sums.wrong.items()),
        *books_apart(world),
    ]


def _began_anew(world: World, told: Break) -> bool:
    """The books may go on from what is there only where the exchange's clock was off, and so can have been put back
    behind their opening."""
    return told.kind == "gap" and bool(world.skews_s)


def books_apart(world: World) -> list[str]:
    """Where the books are not what the exchange holds."""
    balances, account = world.books.balances, world.engine.account
    wrong = [
        f"the books hold {balances.get((f'wallet:{coin}', coin), Decimal(0))} {coin}, the exchange {held.balance}"
        for coin, held in account.coins.items()
        if balances.get((f"wallet:{coin}", coin), Decimal(0)) != held.balance
    ]
    size = sum((position.size for position in account.positions.values()), Decimal(0))
    ours = sum((amount for (book, asset), amount in balances.items() if book == f"position:{asset}"), Decimal(0))
    if size != ours:
        wrong.append(f"the books hold {ours} contracts, the exchange {size}")
    booked, paid = balances.get((FEES, "USDT"), Decimal(0)), _fees_paid(world)
    # Of books that began anew, the fees before are not those since their opening, and one fee is in the gap.
    if booked != paid and not any(_began_anew(world, each) for _, each in world.books.told):
        wrong.append(f"the books have {booked} USDT of fees, the exchange took {paid}")
    return wrong + [
        f"{entries.source} sums to {unbalanced(entries)}" for entries in world.books.sets if unbalanced(entries)
    ]


def _fees_paid(world: World) -> Decimal:
    """In USDT, by the exchange's log since the books were opened; one taken in the bought coin, at its price."""
    books = world.books.books
    if books is None:
        return Decimal(0)
    since_ms = milliseconds(books.opened_at)
    fills = [one.fill for one in world.engine.account.executions if one.fill.at.wall_ms > since_ms]
    with localcontext(WIDE):
        return sum((fill.fee * (fill.price if fill.fee_coin == "BTC" else 1) for fill in fills), Decimal(0))
