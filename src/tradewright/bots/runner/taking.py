"""Fills as they come: which are the run's, told once each, and what somebody else took off its position.

Lives here: `Taking`. Not here: telling whose a fill is (`fills`), what it changes (`machines`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from tradewright.bots.machines.model import OwnFill, Said
from tradewright.bots.runner.fills import FUNDING, FillReader, Seen, funding_share, payload_of
from tradewright.bots.runner.state import POSITION, SIDES, RunState
from tradewright.core.money import ZERO
from tradewright.core.order import Execution, RemoteOrder
from tradewright.strategy.prices import Direction
from tradewright.trading.account_book import BookFact

_MANUAL_AFTER_S: Final = 1.5  # the position is told a moment after the fill that moved it


class Taking:
    """Of one run. `wrong` is told what must not be."""

    def __init__(self, run: RunState, *, wrong: Callable[[list[Said]], None]) -> None:
        self._run = run
        self._wrong = wrong
        self._reader = FillReader(run.asks)
        self._applied: set[str] = set()
        self._foreign_since_s: list[tuple[float, Seen]] = []

    @property
    def is_waiting(self) -> bool:
        return bool(self._foreign_since_s)

    def know(self, exec_ids: Iterable[str], orders: Iterable[RemoteOrder]) -> None:
        """Fills that were booked before the run began or was taken over, and the orders that live: told again, the
        former are nobody's news."""
        self._applied.update(exec_ids)
        for order in orders:
            self._reader.note_order(order.exchange_order_id, order.stop_order_type)

    def facts(self, facts: Sequence[BookFact]) -> None:
        for fact in facts:
            match fact:
                case RemoteOrder(exchange_order_id=name, stop_order_type=stop_type):
                    self._reader.note_order(name, stop_type)
                case Execution():
                    self.fill(seen_of(fact), self._run.open_ms)
                case _:
                    pass

    def fill(self, seen: Seen, bar_open_ms: int) -> None:
        """One fill of the run's symbol; `bar_open_ms`: the bar in which it happened."""
        run, net = self._run, self._run.machine.net
        if seen.exec_id in self._applied:
            return
        if seen.exec_type == FUNDING:
            self._funding(seen, net)
            return
        ours = self._reader.ours(seen, net)
        if ours is None:
            if net * seen.direction < 0:
                self._foreign_since_s.append((run.parts.clock.monotonic(), seen))
            return
        ask = None if ours.intent_id is None else run.asks.get(ours.intent_id)
        if ask is not None:
            ask.filled += ours.quantity
        share = Decimal(1) if ours.quantity == seen.quantity else ours.quantity / seen.quantity
        fill = OwnFill(
            by=ours.by,
            key=ours.key,
            direction=seen.direction,
            quantity=ours.quantity,
            price=seen.price,
            fee=seen.fee * share,
            bar_open_ms=bar_open_ms,
        )
        self._apply(seen, fill, ours.intent_id)

    def _funding(self, seen: Seen, net: Decimal) -> None:
        if not net:
            return
        run = self._run
        self._applied.add(seen.exec_id)
        seq = run.tale.tell("fill", {**payload_of(seen), "by": "funding"}, caused_by=run.tale.last_of(POSITION))
        self._wrong(run.say(run.machine.on_funding(funding_share(seen, net)), caused_by=seq))

    def _apply(self, seen: Seen, fill: OwnFill, intent_id: UUID | None) -> None:
        run = self._run
        run.parts.reach("run.fill")
        self._applied.add(seen.exec_id)
        payload = {**payload_of(seen), "by": fill.by}
        cause = run.tale.last_of(POSITION)
        seq = run.tale.tell("fill", payload, chain=fill.key, caused_by=cause, intent_id=intent_id)
        self._wrong(run.say(run.machine.on_fill(fill), caused_by=seq))

    def look(self) -> None:
        """Somebody took the run's position off: what the exchange shows is less than what it holds."""
        run, now_s = self._run, self._run.parts.clock.monotonic()
        due = [seen for since_s, seen in self._foreign_since_s if now_s - since_s >= _MANUAL_AFTER_S]
        self._foreign_since_s = [
            (since_s, seen) for since_s, seen in self._foreign_since_s if now_s - since_s < _MANUAL_AFTER_S
        ]
        for seen in due:
            net = run.machine.net
            taken = min(abs(net) - self._shown(1 if net > 0 else -1), seen.quantity)
            if net * seen.direction >= 0 or taken <= 0 or seen.exec_id in self._applied:
                continue
            fill = OwnFill(
                by="manual",
                key=None,
                direction=seen.direction,
                quantity=taken,
                price=seen.price,
                fee=seen.fee * taken / seen.quantity,
                bar_open_ms=run.open_ms,
            )
            self._apply(seen, fill, None)

    def _shown(self, direction: Direction) -> Decimal:
        """The size of the position in this direction that the exchange shows."""
        position = self._run.session.book.position(self._run.row.instrument)
        return ZERO if position is None or position.side != SIDES[direction] else position.size


def seen_of(execution: Execution) -> Seen:
    return Seen(
        exec_id=execution.exec_id,
        exchange_order_id=execution.exchange_order_id,
        link_id=execution.link_id,
        direction=1 if execution.side == "Buy" else -1,
        quantity=execution.quantity,
        price=execution.price,
        fee=execution.fee,
        is_maker=execution.is_maker,
        exec_type=execution.exec_type,
        stop_type="",
    )
