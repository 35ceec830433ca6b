"""Bugs planted in what only some nights have: a kill, a change of owner, books, decisions. Each must be found.

Lives here: the worlds with one bug each, and which nights they are looked for in. Not here: those of every night
(`planted`), finding them (`test_planted_nights`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sim.memory_differences import MemoryDifferences
from sim.memory_ledger import MemoryLedger
from sim.whole.hedged import HedgedWorld
from sim.whole.killing import KillBench
from sim.whole.nights import Night, draw_night
from sim.whole.owning import Owning
from sim.whole.planted import _Around
from sim.whole.process import Process
from sim.whole.world import World
from tradewright.core.order import RemotePosition
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.network import Host
from tradewright.trading.differences.model import Difference
from tradewright.trading.differences.store import DifferenceStore
from tradewright.trading.journal import Fact, Journal
from tradewright.trading.kill.board import LatchRule
from tradewright.trading.ledger.books import LedgerStore, Posting
from tradewright.trading.model import EventSource
from tradewright.trading.ownership import ShutReason
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts


class KillIgnored(World):
    """The session does not ask whether a latch holds."""

    def make_session(self, parts: SessionParts) -> AccountSession:
        rules = [rule for rule in parts.rules if not isinstance(rule, LatchRule)]
        return AccountSession(replace(parts, rules=rules))


class _OnlyLatches(KillBench):
    async def run(self) -> None:
        await self.board.run()


class KillOnlyLatched(World):
    """The latch holds, and nobody takes anything down."""

    def make_bench(self, process: Process) -> KillBench:
        return _OnlyLatches(self, process)


class _OwnsForEver(Owning):
    is_open = True
    lets_reduce = True
    why_shut: ShutReason | None = None  # type: ignore[assignment]

    async def keep(self, session: AccountSession) -> None:
        await asyncio.Event().wait()


class _Unfenced(MemoryJournal):
    """Writes under whatever epoch there is."""

    @property
    def _epoch(self) -> int:  # type: ignore[override]
        return self._db.epoch

    @_epoch.setter
    def _epoch(self, _epoch: int) -> None:
        return None


class OwnerForEver(World):
    """Whoever stood still goes on as if nobody could have taken over."""

    def make_owning(self, host: Host) -> Owning:
        return _OwnsForEver(self, host, self.machine_clock)

    def make_journal(self, journal: MemoryJournal) -> Journal:
        journal.__class__ = _Unfenced
        return journal


class _LosesASet(_Around):
    """Of what is booked together with others, the last never is."""

    async def post(self, posting: Posting, version: int) -> None:
        kept = posting.sets[:-1] if len(posting.sets) > 1 else posting.sets
        await self._real.post(replace(posting, sets=kept), version)


class BooksWithAHole(World):
    def make_ledger(self, store: MemoryLedger) -> LedgerStore:
        hole: Any = _LosesASet(store)
        return hole  # type: ignore[no-any-return]


class _SumsLater(_Around):
    """Keeps its sums right only a moment after the lines, in a step of its own."""

    async def post(self, posting: Posting, version: int) -> None:
        await self._real.post(posting, version)
        lines = [line for entries in posting.sets for line in entries.lines][:1]
        balances = self._real._rows.balances
        for sign in (-1, 1):
            for line in lines:
                balances[line.book, line.asset] += sign * line.amount
            await self._real.balances()


class BooksUnevenForAMoment(World):
    """In the end they are whole: only who looks meanwhile can find it."""

    def make_ledger(self, store: MemoryLedger) -> LedgerStore:
        uneven: Any = _SumsLater(store)
        return uneven  # type: ignore[no-any-return]


class _SeesNothing(_Around):
    async def live(self) -> Sequence[Difference]:
        return []


class DifferencesUnseen(World):
    """What is foreign blocks nothing, and no decision is carried out."""

    def make_differences(self, store: MemoryDifferences) -> DifferenceStore:
        unseen: Any = _SeesNothing(store)
        return unseen  # type: ignore[no-any-return]


class _OneLeg(_Around):
    """Whatever leg a position is, it is taken for the long one."""

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        taken = [replace(fact, position_index=1) if isinstance(fact, RemotePosition) else fact for fact in facts]
        await self._real.book(taken, source)


class LegsMixed(HedgedWorld):
    def make_journal(self, journal: MemoryJournal) -> Journal:
        mixed: Any = _OneLeg(journal)
        return mixed  # type: ignore[no-any-return]


def nights_with(has: Callable[[Night], bool]) -> Iterator[int]:
    """Seeds whose night has it."""
    seed = 0
    while True:
        if has(draw_night(random.Random(f"{seed}:night"))):
            yield seed
        seed += 1


# Each with the words under which it may be found, and the nights in which it can be.
NIGHT_BUGS: dict[str, tuple[type[World], Sequence[str], Callable[[Night], bool]]] = {
    "a kill that the session ignores": (KillIgnored, ("breaches",), lambda night: night.pull is not None),
    "a kill that is only latched": (KillOnlyLatched, ("stuck",), lambda night: night.pull is not None),
    "an owner for ever": (
        OwnerForEver,
        ("breaches",),
        lambda night: night.standstill is not None and night.standstill.is_replaced,
    ),
    "books with a hole": (BooksWithAHole, ("diverged",), lambda night: night.keeps_books),
    "books uneven for a moment": (BooksUnevenForAMoment, ("diverged",), lambda night: night.keeps_books),
    "both legs taken for one": (LegsMixed, ("diverged",), lambda night: True),
    "differences that nobody sees": (DifferencesUnseen, ("breaches", "stuck"), lambda night: night.decides),
}
