"""Where the levels of a signal strategy's positions lie in an exact run, from the close that decides to the last one.

Lives here: `SignalLevels`, arithmetic in Decimal on what a program says at a close. Not here: who holds the levels
(`held`), when they are sent (`signal_run`).
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.bots.machines.held import Held
from tradewright.strategy.entries import Entry, Measured, levels, trailing_level
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.model import Level, Protect
from tradewright.strategy.prices import Direction, Filters, decimal_of


class SignalLevels:
    def __init__(self, protect: Protect, filters: Filters) -> None:
        self._protect, self._filters = protect, filters

    def measured(self, side: Direction, reference: Decimal, values: Values) -> Measured:
        """What an entry's levels need of this close; the position is what it is about to be."""
        seen = Position(float(side), float(reference), 0.0, 0.0, 0.0)  # lint: allow float-money: as expressions see it
        return Measured(
            stop=self._measured("stop_loss", self._protect.stop_loss, side, values, seen),
            target=self._measured("take_profit", self._protect.take_profit, side, values, seen),
        )

    def attached(self, entry: Entry) -> tuple[Decimal | None, Decimal | None]:
        """Stop and target that the exchange is to attach to an entry, from its reference price."""
        placed = levels(self._protect, entry.direction, entry.reference, entry.measured, self._filters)
        assert placed is not None, "the plan of an entry has looked at its levels"
        stops = [level for level in (placed.stop, placed.trailing) if level is not None]
        return max(stops, key=lambda level: level * entry.direction, default=None), placed.target

    def bring_up_to_date(self, held: Held, bar: Bar, values: Values) -> None:
        """At a close (step e1): best, then the levels, which hold from the next bar on."""
        side = held.direction
        extreme = decimal_of(bar.high if side > 0 else bar.low)
        held.best = max(held.best, extreme) if side > 0 else min(held.best, extreme)
        self._trail(held)
        seen = held.seen(bar.close)
        stop = self._moved("stop_loss", self._protect.stop_loss, side, values, seen)
        if stop is not None and (held.stop is None or (stop - held.stop) * side > 0):
            held.stop = stop
        target = self._moved("take_profit", self._protect.take_profit, side, values, seen)
        if target is not None:
            held.target = target

    def _trail(self, held: Held) -> None:
        trailing, side = self._protect.trailing, held.direction
        if trailing is None or (held.activation is not None and (held.best - held.activation) * side < 0):
            return
        held.activation = None
        level = trailing_level(trailing.pct, side, held.best, self._filters)
        if held.trailing is None or (level - held.trailing) * side > 0:
            held.trailing = level

    def _moved(self, kind: str, level: Level | None, side: Direction, values: Values, seen: Position) -> Decimal | None:
        """What a `price` level is at this close, rounded; None: it is unknown, or the level has another form."""
        if level is None or level.by != "price":
            return None
        found = self._measured(kind, level, side, values, seen)
        return found if found is not None and found > 0 else None

    def _measured(
        self, kind: str, level: Level | None, side: Direction, values: Values, seen: Position
    ) -> Decimal | None:
        if level is None or level.by not in ("atr", "price"):
            return None
        value = values.at(f"protect.{kind}.{level.by}", seen)
        if value != value:
            return None
        measured = decimal_of(value)
        return measured if level.by == "atr" else self._filters.protective_price(side, measured)
