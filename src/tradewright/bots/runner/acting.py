"""From what the machine wants to what is asked: orders, closes, cancels and exits, each told and committed before.

Lives here: `Acting`. Not here: ids and bodies (`asking`), what came of it (`following`), how it is sent (`trading`).
A wish that is there is asked for again until it is met; only what opens is asked once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from tradewright.bots.machines.model import Exits
from tradewright.bots.runner.asking import AT_ONCE_MAX, Act, Ask
from tradewright.bots.runner.crossing import meets_own
from tradewright.bots.runner.following import followed
from tradewright.bots.runner.rows import Outcome
from tradewright.bots.runner.state import POSITION, SIDES, RunState
from tradewright.core.clock import milliseconds
from tradewright.core.order import RemoteOrder
from tradewright.trading.beside import Held
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import Reason
from tradewright.trading.own_orders import OwnOrder

_PAUSE_S: Final = 1.0  # between attempts of what was refused
_UNWRITTEN_S: Final = 15.0  # an order that nobody wrote down by then never left
_MINUTE_S: Final = 60.0
_LATE_MS: Final = 20_000  # an entry that could not leave for so long was meant for another price


class Acting:
    """Of one run."""

    def __init__(self, run: RunState) -> None:
        self._run = run
        self._not_before_s: dict[str, float] = {}
        self._sent_s: deque[float] = deque()

    def acts(self) -> list[Act]:
        """What is wanted, neither there nor on its way; each is told here, to be committed before it is asked."""
        run, now_s = self._run, self._run.parts.clock.monotonic()
        acts = [*self._cancels(now_s), *self._closes(now_s), *self._exits(now_s), *self._entries(now_s)]
        for act in acts:
            if act.ask.id not in run.asks.told:
                run.asks.told.add(act.ask.id)
                run.tale.tell("intent", act.told, chain=_chain(act.ask), intent_id=act.ask.id)
        return acts

    def _cancels(self, now_s: float) -> list[Act]:
        run = self._run
        return [
            run.asks.cancel(key, run.attempts.get(f"cancel:{key}", 0), now_s)
            for key in run.machine.cancels()
            if not run.asks.has("cancel", key) and self._is_due(f"cancel:{key}", now_s)
        ]

    def _closes(self, now_s: float) -> list[Act]:
        run, wanted = self._run, self._run.machine.close_wanted()
        if wanted is None or run.asks.has("close") or not self._is_due(wanted.key, now_s):
            return []
        return [run.asks.close(wanted, run.attempts.get(wanted.key, 0), now_s)]

    def _exits(self, now_s: float) -> list[Act]:
        """Where stop and target of the position at the exchange are not where they are to be."""
        run, wanted = self._run, self._run.machine.exits()
        if wanted is None or run.machine.close_wanted() is not None or run.asks.has("exits"):
            return []
        position = run.session.book.position(run.row.instrument)
        if position is None or not position.size or position.side != SIDES[wanted.direction]:
            return []  # it is told a moment after the fill
        stop = None if wanted.stop == position.stop_loss else wanted.stop
        target = None if wanted.target == position.take_profit else wanted.target
        if (stop is None and target is None) or not self._is_due("exits", now_s):
            return []
        last = run.last_price()
        reason = None if last is None else run.machine.passed(last)
        if reason is not None:  # no order could stand there any more
            run.machine.want_close(reason, run.open_ms)
            return self._closes(now_s)
        run.exits_asked += 1
        return [run.asks.exits(Exits(wanted.direction, stop, target), run.exits_asked, now_s)]

    def _entries(self, now_s: float) -> list[Act]:
        run, acts = self._run, list[Act]()
        under_way = run.asks.under_way()
        for wanted in run.machine.to_send():
            if run.asks.has("place", wanted.key):
                continue
            if wanted.rests and under_way + len(acts) >= AT_ONCE_MAX:
                break  # the others would wait for their turn until they expire
            if wanted.rests and meets_own(wanted, self._own_orders(), run.ticker()):
                continue
            now_ms = milliseconds(run.parts.clock.now())
            is_late = now_ms - run.decided_ms.setdefault(wanted.key, now_ms) > _LATE_MS
            if not wanted.rests and (is_late or run.is_superseded(wanted.bar_open_ms)):
                self._drop(wanted.key)
                continue
            while self._sent_s and now_s - self._sent_s[0] > _MINUTE_S:
                self._sent_s.popleft()
            allowed, number = run.prepared.limits.max_orders_a_minute, len(self._sent_s) + 1
            if number > allowed and wanted.rests:
                break  # what rests may do so a moment later
            if number > allowed:
                limit = {"name": "max_orders_a_minute", "value": str(number), "allowed": str(allowed)}
                run.tale.tell("limit", limit, level="warning", chain=wanted.key)
                run.machine.dropped(wanted.key)
                continue
            acts.append(run.asks.place(wanted, now_s))
        return acts

    def _own_orders(self) -> list[RemoteOrder]:
        """All of the account in the run's symbol, whoever asked for them."""
        run = self._run
        return [order for order in run.session.book.orders() if order.instrument == run.row.instrument]

    async def perform(self, act: Act) -> None:
        """Asks it. Raises what the journal raises."""
        run, ask = self._run, act.ask
        run.asks.add(ask)
        if ask.kind == "place":
            self._place(act)
            run.parts.reach("run.asked")
            return
        answer = await run.session.journal.propose(
            act.body, source="bot", reason=Reason(f"run.{ask.kind}"), validity=act.validity, run_id=run.row.id
        )
        run.parts.reach("run.asked")
        if answer == "moot":  # its order or its position is gone
            run.asks.drop(ask.id)
            self._wait(ask)
            return
        run.session.wake()

    def _place(self, act: Act) -> None:
        run, ask = self._run, act.ask
        assert isinstance(act.body, PlaceBody), "what opens is an order"
        assert act.validity is not None, "what opens is valid for a time"
        own = OwnOrder(
            body=act.body, source="bot", reason=Reason("run.entry"), validity=act.validity, run_id=run.row.id
        )
        answer = run.session.place(own)
        if answer is None:
            self._sent_s.append(run.parts.clock.monotonic())
            run.machine.on_asked(ask.key)
            run.decided_ms.pop(ask.key, None)
            return
        run.asks.drop(ask.id)
        if not isinstance(answer, Held):  # else it is asked again at the next look, until its bar is over
            run.machine.dropped(ask.key)
            refused = {"code": answer.code, "params": dict(answer.params)}
            run.tale.tell("refused", refused, level="warning", chain=ask.key, intent_id=ask.id)

    # What came of it.

    def take(self, found: Mapping[UUID, Outcome]) -> None:
        """Outcomes of what is open; what is missing among them was not written down."""
        run, now_s = self._run, self._run.parts.clock.monotonic()
        for ask in run.asks.open():
            outcome = found.get(ask.id)
            if outcome is not None:
                self._follow(ask, outcome, now_s)
            elif ask.kind == "place" and now_s - ask.since_s > _UNWRITTEN_S:
                run.asks.drop(ask.id)
                self._drop(ask.key)

    def _follow(self, ask: Ask, outcome: Outcome, now_s: float) -> None:
        run, news = self._run, followed(ask, outcome, now_s)
        for kind, payload, level in news.events:
            run.tale.tell(kind, payload, level=level, chain=_chain(ask), intent_id=ask.id)
        if not news.is_over:
            return
        run.asks.drop(ask.id)
        if ask.kind == "place":
            run.say(run.machine.on_ended(ask.key), caused_by=run.tale.last_of(ask.key))
        elif ask.kind == "close":
            run.attempts[ask.key] = run.attempts.get(ask.key, 0) + 1
        elif ask.kind == "cancel":
            run.attempts[f"cancel:{ask.key}"] = run.attempts.get(f"cancel:{ask.key}", 0) + 1
        if news.failed or ask.kind == "cancel":
            self._wait(ask)

    def _wait(self, ask: Ask) -> None:
        """Before it is asked again."""
        name = {"cancel": f"cancel:{ask.key}", "exits": "exits"}.get(ask.kind, ask.key)
        self._not_before_s[name] = self._run.parts.clock.monotonic() + _PAUSE_S

    def _is_due(self, name: str, now_s: float) -> bool:
        return now_s >= self._not_before_s.get(name, 0.0)

    def _drop(self, key: str) -> None:
        """It did not leave in time, and never will."""
        self._run.decided_ms.pop(key, None)
        self._run.machine.dropped(key)
        self._run.tale.tell("note", {"code": "entry.not_sent", "params": {}}, level="warning", chain=key)


def _chain(ask: Ask) -> str:
    return POSITION if ask.kind == "exits" else ask.key
