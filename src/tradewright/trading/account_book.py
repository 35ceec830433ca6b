"""What an account holds right now, in the memory of its owner: live orders, positions and wallet.

Lives here: `AccountBook`, fed with the facts that the journal has committed, and the waiting for its next change.
Not here: storage (`journal`), feeding (`kept_journal`), what follows from it (risk, guardian, kill switch).
Risk, guardian and kill switch read it without waiting, so that they also work while the database is away.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import ZERO
from tradewright.core.order import (
    FINAL_STATES,
    AccountModes,
    Execution,
    RemoteOrder,
    RemotePosition,
    SymbolMode,
    TrackedOrder,
    Wallet,
    apply,
)
from tradewright.trading.owed_reports import OwedReports

_ENDED_KEPT = 10_000  # so that a late report of an order that has ended brings it back to nobody

PositionKey = tuple[InstrumentId, int]
BookFact = RemoteOrder | Execution | RemotePosition | Wallet | SymbolMode | AccountModes


class AccountBook:
    """Of one account. `is_whole` once everything was read; before that what is missing means nothing."""

    def __init__(self) -> None:
        self._orders: dict[ExchangeOrderId, RemoteOrder] = {}
        self._ended: OrderedDict[ExchangeOrderId, None] = OrderedDict()
        self._positions: dict[PositionKey, RemotePosition] = {}
        self._wallet: Wallet | None = None
        self._hedged: dict[InstrumentId, bool] = {}
        self._margin_mode: str | None = None
        self._version = 0
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[Sequence[BookFact]], None]] = []
        self.owed = OwedReports()
        self.is_whole = False
        self.broken: frozenset[InstrumentId] = frozenset()  # whose size no fill explained at the last reading
        self.broken_version = 0  # grows with every reading that told of one

    @property
    def version(self) -> int:
        """Grows with every fact that was taken."""
        return self._version

    @property
    def wallet(self) -> Wallet | None:
        return self._wallet

    def orders(self) -> Sequence[RemoteOrder]:
        """Those that are live, foreign and attached ones too, in the order in which they were first seen."""
        return list(self._orders.values())

    def order(self, exchange_order_id: ExchangeOrderId) -> RemoteOrder | None:
        return self._orders.get(exchange_order_id)

    def positions(self) -> Sequence[RemotePosition]:
        """Those that are not flat."""
        return [held for held in self._positions.values() if held.size != 0]

    def position(self, instrument: InstrumentId, index: int = 0) -> RemotePosition | None:
        """As last seen, flat or not; None while none of this symbol was ever seen."""
        return self._positions.get((instrument, index))

    def is_hedged(self, instrument: InstrumentId) -> bool | None:
        """Whether it is held in two legs; None while nobody has looked."""
        return self._hedged.get(instrument)

    @property
    def margin_mode(self) -> str | None:
        """The exchange's word; None while nobody has looked."""
        return self._margin_mode

    async def changed(self, since: int) -> int:
        """Returns the version as soon as it is another one than `since`."""
        while self._version == since:
            self._changed.clear()
            await self._changed.wait()
        return self._version

    # Feeding.

    def note_broken(self, instruments: frozenset[InstrumentId]) -> None:
        """A reading has written down that of these the sizes differ."""
        self.broken = instruments
        self.broken_version += bool(instruments)

    def listen(self, listener: Callable[[Sequence[BookFact]], None]) -> Callable[[], None]:
        """Calls `listener` with all facts that are taken from now on, repeated ones too. Returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def take(self, facts: Iterable[BookFact]) -> None:
        """Facts that were committed; one that is older than what is held changes nothing."""
        taken = list(facts)
        for fact in taken:
            match fact:
                case RemoteOrder():
                    self._take_order(fact)
                case RemotePosition():
                    self._take_position(fact)
                case Wallet():
                    if fact.replaces(None if self._wallet is None else self._wallet.reported_at):
                        self._wallet = fact
                case SymbolMode(instrument=instrument, hedge=hedge):
                    self._hedged[instrument] = hedge
                case AccountModes(margin_mode=mode):
                    self._margin_mode = mode
                case Execution():
                    self._take_fill(fact)  # the order and the position that it moved are told apart from it
        for listener in self._listeners:
            listener(taken)
        self._tell()

    def end_order(self, exchange_order_id: ExchangeOrderId) -> None:
        """It is shown nowhere any more."""
        self._forget(exchange_order_id)
        self._tell()

    def flatten_absent(self, named: Sequence[RemotePosition]) -> None:
        """A complete list of open positions: those it does not name are flat."""
        keys = {(held.instrument, held.position_index) for held in named}
        for key in [key for key in self._positions if key not in keys]:
            del self._positions[key]
        self._tell()

    def _take_order(self, report: RemoteOrder) -> None:
        name = report.exchange_order_id
        known = self._orders.get(name)
        if known is None and name in self._ended:
            return
        if apply(None if known is None else _tracked(known), report) is None:
            return
        if report.state in FINAL_STATES:
            self._forget(name)
        else:
            self._orders[name] = report
            self.owed.take_report(report)

    def _take_fill(self, fill: Execution) -> None:
        if fill.exchange_order_id not in self._ended:
            known = self._orders.get(fill.exchange_order_id)
            self.owed.take_fill(fill, reported=ZERO if known is None else known.filled_quantity)

    def _forget(self, name: ExchangeOrderId) -> None:
        self._orders.pop(name, None)
        self.owed.forget(name)
        self._ended[name] = None
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)

    def _take_position(self, report: RemotePosition) -> None:
        key = (report.instrument, report.position_index)
        known = self._positions.get(key)
        if known is None or (report.sequence, report.updated_at) >= (known.sequence, known.updated_at):
            self._positions[key] = report

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()


def _tracked(order: RemoteOrder) -> TrackedOrder:
    return TrackedOrder(
        state=order.state,
        quantity=order.quantity,
        price=order.price,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        reject_reason=order.reject_reason,
        updated_at=order.updated_at,
        trigger_price=order.trigger_price,
        take_profit=order.take_profit,
        stop_loss=order.stop_loss,
    )
