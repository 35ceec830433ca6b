"""What people want of a run while it runs, and how it comes to its end: by its time, a person, a limit, or a kill.

Lives here: `Stopping`. Not here: who may want it (the commands), the closing of a position (`acting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tradewright.bots.machines.model import Said
from tradewright.bots.model import RunState as State
from tradewright.bots.runner.parts import Ending
from tradewright.bots.runner.rows import Wish
from tradewright.bots.runner.state import RunState
from tradewright.core.money import plain

_KILL: Final = "run.kill"
# As a trade tells why it was closed.
_REASONS: Final[Mapping[str, str]] = {
    "run.time_over": "time_over",
    "run.stopped": "stopped",
    "run.max_loss": "max_loss",
}


class Stopping:
    """Of one run."""

    def __init__(self, run: RunState) -> None:
        self._run = run

    @property
    def is_killed(self) -> bool:
        return self._run.ending is not None and self._run.ending.code == _KILL

    def hear(self, wish: Wish, venue_ms: int | None) -> None:
        """`venue_ms`: what the clock of its durations shows; None: it could not be read."""
        run, before = self._run, self._run.wish
        run.wish = wish
        if wish.duration_ms != before.duration_ms:
            run.tale.tell("wish", {"wish": "extend", "by": None, "duration_ms": wish.duration_ms})
        self._pause(wish, was_paused=before.is_paused)
        if wish.stop is not None:
            self._stop(wish)
        is_late = venue_ms is not None and venue_ms >= run.deadline_ms
        if is_late and (run.ending is None or run.ending.waits):
            self.time_over()

    def _pause(self, wish: Wish, *, was_paused: bool) -> None:
        run, by = self._run, None if wish.paused_by is None else str(wish.paused_by)
        if wish.is_paused != was_paused:
            run.tale.tell("wish", {"wish": "pause" if wish.is_paused else "resume", "by": by})
        wanted: State = "paused" if wish.is_paused else "running"
        if run.is_stopping or run.state == wanted:
            return
        run.state = wanted
        if wanted == "paused":
            self.give_up_entries()
        run.tale.tell("lifecycle", {"state": wanted, "reason": None, "by": by})

    def _stop(self, wish: Wish) -> None:
        run, by = self._run, None if wish.stop_by is None else str(wish.stop_by)
        ending = Ending(
            state="stopped",
            code="run.stopped",
            params={"how": str(wish.stop)},
            closes=wish.stop == "close",
            waits=wish.stop == "gentle",
            by=by,
        )
        if run.ending is not None and not _is_harder(ending, run.ending):
            return
        run.tale.tell("wish", {"wish": "stop", "how": wish.stop, "by": by})
        self.begin(ending)

    def time_over(self) -> None:
        self.begin(Ending(state="finished", code="run.time_over", closes=self._run.row.at_end == "close"))

    def begin(self, ending: Ending) -> None:
        """Nothing that opens any more; then, if it is to, the position is closed."""
        run = self._run
        run.ending, run.state = ending, "stopping"
        self.give_up_entries() if ending.waits else self._give_up(run.machine.give_up_orders())
        run.tale.tell("lifecycle", {"state": "stopping", "reason": ending.reason(), "by": ending.by})

    def wrong(self, said: list[Said]) -> None:
        """Something that must not be: nothing more is decided on it, and what is open is closed."""
        if said and not (self._run.ending is not None and self._run.ending.state in ("failed", "halted")):
            code = str(said[0].payload.get("code", said[0].kind))
            self.begin(Ending(state="failed", code="run.confused", params={"note": code}, closes=True))

    def look(self) -> None:
        """At the latches and at the loss; and that what is to be closed is."""
        run = self._run
        if run.parts.is_killed() and not self.is_killed:
            self.give_up_entries()
            run.ending, run.state = Ending(state="halted", code=_KILL), "stopping"
            return
        self._look_at_loss()
        last = run.last_price()
        if last is not None:
            self.wrong(run.say(run.machine.watch(last), caused_by=None))
        if run.ending is None and run.machine.is_done():
            self.begin(Ending(state="finished", code="run.plan_over"))
        if run.ending is not None and run.ending.closes:
            run.machine.want_close(_REASONS.get(run.ending.code, "run_failed"), run.open_ms)

    def _look_at_loss(self) -> None:
        run, price = self._run, self._run.price()
        if (run.ending is not None and run.ending.state == "halted") or not price:
            return
        allowed = run.row.capital - run.prepared.limits.max_loss
        equity = run.machine.equity(price)
        if equity <= allowed:
            limit = {"name": "max_loss", "value": plain(equity), "allowed": plain(allowed)}
            run.tale.tell("limit", limit, level="error")
            self.begin(Ending(state="halted", code="run.max_loss", params=limit, closes=True))

    def give_up_entries(self) -> None:
        """Nothing that opens is to leave or to rest."""
        self._give_up(self._run.machine.give_up_entries())

    def _give_up(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._run.tale.tell("note", {"code": "entry.given_up", "params": {}}, chain=key)

    def may_end(self) -> bool:
        """Whether nothing is left to be done or to be looked after."""
        run, ending = self._run, self._run.ending
        if ending is None:
            return False
        if self.is_killed:
            return True  # the kill switch cancels and closes by itself
        if run.asks.open_ids() or run.machine.unsent() or run.machine.resting():
            return False
        return not run.machine.net if ending.closes or ending.waits else True


def _is_harder(ending: Ending, than: Ending) -> bool:
    """A gentle stop may be followed by one that is not, and one that keeps the position by one that closes it."""
    if than.state in ("failed", "halted") or than.closes:
        return False
    return ending.closes or (than.waits and not ending.waits)
