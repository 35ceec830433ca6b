"""Intents and orders under any steps in any order: only moves of the tables, ends that stay, and nothing twice (B8).

The steps are those of the journal in memory, which the contract suite holds to that of PostgreSQL: with reports of
lives that hang together, shuffled and repeated, and answers that come late or twice. `make moves STEPS=100000` takes as
many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sim.facts import START, fill, order_report
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, link_id_of
from tradewright.core.order import FINAL_STATES, UNSEEN, Execution, OrderState, RemoteOrder
from tradewright.core.order_status import INTENT_MOVES, IntentState
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.journal import (
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    OpenedRequest,
)
from tradewright.trading.model import Intent, Reason

_T = TypeVar("_T")
_STEPS_EACH = 50
_ROUNDS_MAX = 50
STEPS = int(os.environ.get("STEPS", "2000"))
REASON = Reason("exchange.refused")


def done(step: Coroutine[Any, Any, _T]) -> _T:
    """The result of what waits for nothing."""
    try:
        step.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the journal in memory never waits")


class _Clock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> Any:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps")


class _Ids:
    def __init__(self) -> None:
        self._rng = random.Random(1)

    def new(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


def life(chance: random.Random, name: str, link: str) -> list[RemoteOrder | Execution]:
    """Reports and fills of one order of 0.5, in the exchange's order: it ends, or is live for ever."""
    at, filled = 1.0, 0
    reports: list[RemoteOrder | Execution] = []

    def report(state: OrderState) -> None:
        text = str(Decimal(filled) / 1000)
        reports.append(order_report(state, at=at, filled=text, order_id=name, link_id=link))

    report("working")
    for number in range(chance.randrange(4)):
        part = chance.randint(1, 150)
        filled, at = filled + part, at + chance.choice((0.0, 0.001, 1.0))
        reports.append(fill(f"{name}-{number}", str(Decimal(part) / 1000), order_id=name, link_id=link))
        report("partially_filled")
    at += chance.choice((0.0, 0.001, 1.0))
    end = chance.choice(("filled", "cancelled", "expired", None))
    if end == "filled":
        reports.append(fill(f"{name}-end", str(Decimal(500 - filled) / 1000), order_id=name, link_id=link))
        filled = 500
    if end is not None:
        report(end)  # type: ignore[arg-type]
    return reports


class Moves(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock, self.ids, self.database = _Clock(), _Ids(), MemoryDatabase()
        self.journal = MemoryJournal(self.database, clock=self.clock, ids=self.ids)
        self.opened: list[tuple[Intent, OpenedRequest]] = []
        self.told: dict[IntentId, list[RemoteOrder | Execution]] = {}
        self.states: dict[IntentId, IntentState] = {}
        self.tracked: dict[str, tuple[OrderState, Decimal, str]] = {}
        self.fills: dict[str, Any] = {}

    @rule()
    def a_person_places(self) -> None:
        body = PlaceBody(
            id=IntentId(self.ids.new()),
            category="linear",
            symbol="BTCUSDT",
            side="Buy",
            order_type="Limit",
            quantity=Decimal("0.5"),
            price=Decimal(60000),
            time_in_force="GTC",
            reduce_only=self.chance.random() < 0.3,
            note=None,
        )
        intent_id = self.database.propose_place(body, self.clock.now())
        self.told[intent_id] = life(self.chance, f"x-{len(self.told)}", link_id_of(intent_id))

    @rule(seconds=st.sampled_from((0.1, 1.0, 11.0, 400.0)))
    def time_passes(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        done(self.journal.expire_overdue())

    @precondition(lambda self: self.database.intents)
    @rule(how=st.sampled_from(("open", "open", "open", "refuse", "reject")))
    def the_owner_takes(self, how: str) -> None:
        intent = self._value()
        if how == "open":
            request = done(self.journal.open_request(intent, RequestId(self.ids.new())))
            if request is not None:
                self.opened.append((intent, request))
        elif how == "refuse":
            done(self.journal.refuse(intent, REASON))
        else:
            done(self.journal.reject(intent, REASON))

    @precondition(lambda self: self.opened)
    @rule(kind=st.integers(0, 5))
    def an_answer_comes_perhaps_again(self, kind: int) -> None:
        intent, request = self.chance.choice(self.opened)
        name = next(one.exchange_order_id for one in self.told[intent.id])
        answers: list[Answer] = [
            AnsweredAcknowledged(ExchangeOrderId(name), Trace()),
            AnsweredRefused(REASON, Trace()),
            AnsweredNotSent(REASON, Trace(), retry=True),
            AnsweredNotSent(REASON, Trace(), retry=False),
            AnsweredAgainLater(REASON, Trace()),
            AnsweredUnknown(REASON, Trace()),
        ]
        done(self.journal.answer(intent, request, answers[kind]))

    @precondition(lambda self: self.database.intents)
    @rule(happened=st.booleans())
    def evidence_is_found(self, happened: bool) -> None:
        done(self.journal.resolve(self._value(), happened=happened))

    @precondition(lambda self: self.told)
    @rule(count=st.integers(1, 6), source=st.sampled_from(("stream", "reconciliation")))
    def reports_come_shuffled_and_repeated(self, count: int, source: Any) -> None:
        for _ in range(count):
            done(self.journal.book([self.chance.choice(self.told[self.chance.choice(list(self.told))])], source))

    @precondition(lambda self: self.told)
    @rule()
    def a_reading_tells_all_of_an_order(self) -> None:
        done(self.journal.book(self.told[self.chance.choice(list(self.told))], "reconciliation"))

    @rule()
    def another_owner_takes_over(self) -> None:
        done(self.journal.take_over())

    @precondition(lambda self: self.database.orders)
    @rule()
    def an_order_is_shown_nowhere(self) -> None:
        live = [one for one in done(self.journal.live_orders()) if one.state != "acknowledged"]
        if live:
            done(self.journal.end_unseen(self.chance.choice(live)))

    def _value(self) -> Intent:
        row = self.chance.choice(list(self.database.intents.values()))
        return self.database.intent_value(row, self.clock.now())

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        for intent_id, row in self.database.intents.items():
            before = self.states.get(intent_id, "proposed")
            if row.state != before and row.state not in reachable(before):
                has_order = any(order.intent_id == intent_id for order in self.database.orders.values())
                assert (row.state, has_order) == ("acknowledged", True), f"{before} to {row.state}"
            self.states[intent_id] = row.state

    @invariant()
    def ends_stay_and_fills_never_shrink(self) -> None:
        for name, row in self.database.orders.items():
            now = (row.tracked.state, row.tracked.filled_quantity, row.tracked.reject_reason)
            before = self.tracked.get(name)
            if before is not None:
                assert now[1] >= before[1]
                if before[0] in FINAL_STATES and before[2] != UNSEEN:
                    assert now == before
            self.tracked[name] = now
            assert 0 <= now[1] <= row.tracked.quantity

    @invariant()
    def a_fill_is_booked_once_and_stays(self) -> None:
        for exec_id, row in self.database.executions.items():
            assert self.fills.setdefault(exec_id, row.execution) == row.execution
        assert set(self.fills) == set(self.database.executions)
        assert len({row.execution.exec_id for row in self.database.executions.values()}) == len(self.fills)

    @invariant()
    def an_intent_has_at_most_one_order(self) -> None:
        owners = [row.intent_id for row in self.database.orders.values() if row.intent_id is not None]
        assert len(owners) == len(set(owners))
        for owner in owners:
            assert self.database.intents[owner].state == "acknowledged", "an order is the strongest evidence"

    def teardown(self) -> None:
        """Once everything was told, each order is as its life has ended."""
        for reports in getattr(self, "told", {}).values():
            if not any(one.exchange_order_id in self.database.orders for one in reports):
                continue
            done(self.journal.book(reports, "reconciliation"))
            last = [one for one in reports if isinstance(one, RemoteOrder)][-1]
            row = self.database.orders[last.exchange_order_id]
            assert (row.tracked.state, row.tracked.filled_quantity) == (last.state, last.filled_quantity)


def reachable(before: IntentState) -> frozenset[IntentState]:
    """A step may make two moves of the table, as from proposed to sending."""
    return INTENT_MOVES[before] | {after for one in INTENT_MOVES[before] for after in INTENT_MOVES[one]}


def test_only_moves_of_the_tables_are_made_whatever_comes_in_whatever_order() -> None:
    taken = 0

    class Counted(Moves):
        @invariant()
        def a_step_is_counted(self) -> None:
            nonlocal taken
            taken += 1

    # An example may end before its last step, so that there is another round with another seed until all were taken.
    for number in range(_ROUNDS_MAX):
        if taken >= STEPS:
            break
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            seed(number)(Counted),
            settings=settings(
                max_examples=max((STEPS - taken) // _STEPS_EACH, 1),
                stateful_step_count=_STEPS_EACH,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(f"moves steps={taken} illegal=0")
    assert taken >= STEPS, "as many steps as were asked for"
