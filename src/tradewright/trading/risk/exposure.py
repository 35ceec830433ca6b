"""What an account may come to be exposed to, at its worst, in the memory of its owner: exact, and without waiting.

Lives here: `Exposure`. It counts positions, every order that may still fill (ours, foreign, acknowledged and not yet
reported, unknown, on its way) and what was judged and is about to be sent. Not here: the limits (`core.risk`), when it
is asked (`rule`), what is held (`positions`), what one order counts for (`slots`), who feeds it (`kept_journal`).

Order, fill and position are told apart by the exchange, and in any order. A fill counts with its order until the
position that we hold includes it (its sequence is not below the fill's), so that nothing is missing between the two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from tradewright.core.ids import ExchangeOrderId, ExecutionId, IntentId, intent_of
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.money import ZERO, exactly
from tradewright.core.order import FINAL_STATES, Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.core.risk import Asked, Exposed, Verdict
from tradewright.core.risk_prices import PriceView
from tradewright.trading.model import AmendIntent, Intent, PlaceIntent
from tradewright.trading.risk.positions import Positions, PricesOf
from tradewright.trading.risk.slots import Slot, placed_slot, reported_slot, stray_slot

MINUTE_S = 60.0
_ENDED_KEPT = 10_000  # so that a late report of an order that has ended brings it back to nobody
_BOOKED_KEPT = 10_000
_CLOCKS_APART = timedelta(seconds=2)

_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a new owner rebuilds from the journal before it sends anything.

    `orders`: live ones. `fills`: those that the positions do not include yet. `intents`: places in sending, unknown, or
    acknowledged without an order, and amends that are not read back. `sent_ages_s`: of what opened a request in the
    last minute.
    """

    orders: Sequence[RemoteOrder] = ()
    positions: Sequence[RemotePosition] = ()
    fills: Sequence[Execution] = ()
    wallet: Wallet | None = None
    intents: Sequence[PlaceIntent | AmendIntent] = ()
    sent_ages_s: Mapping[IntentId, float] = field(default_factory=dict)


class Exposure:
    """Of one account. Every method is one synchronous step; nothing here waits."""

    def __init__(self, base_coin_of: Callable[[InstrumentId], str | None] = lambda _instrument: None) -> None:
        self.held = Positions(base_coin_of)
        self._slots: dict[Hashable, Slot] = {}
        self._of: dict[InstrumentId, dict[Hashable, Slot]] = {}  # the same, by symbol
        self._amended: dict[IntentId, Hashable] = {}  # which order an amend on its way changes
        self._ended: OrderedDict[ExchangeOrderId, None] = OrderedDict()
        self._booked: OrderedDict[ExecutionId, None] = OrderedDict()
        self._sent_at_s: OrderedDict[IntentId, float] = OrderedDict()
        self.is_loaded = False

    # What a new owner begins with.

    def load(self, holdings: Holdings, now_s: float) -> None:
        """What the journal holds, before anything else is taken."""
        self.held.inherit(holdings.positions)
        self.take([] if holdings.wallet is None else [holdings.wallet])
        self.take(holdings.orders)
        for intent in holdings.intents:
            self._reserve(intent, None, is_committed=True)
        self.take(holdings.fills)
        for slot in self._slots.values():  # what else of an order was filled is in its position
            if slot.updated_at is not None:
                slot.include(slot.updated_at)
        for intent_id, age_s in sorted(holdings.sent_ages_s.items(), key=lambda sent: (-sent[1], sent[0])):
            self._sent_at_s[intent_id] = now_s - age_s
        self.is_loaded = True

    # Facts of the exchange, once they are committed.

    def take(self, facts: Iterable[object]) -> None:
        """One that is older than what is held, a repeat, or about something else changes nothing."""
        for fact in facts:
            match fact:
                case RemoteOrder():
                    self._take_order(fact)
                case Execution():
                    self._take_execution(fact)
                case RemotePosition():
                    if self.held.take(fact):
                        self._settle(fact.instrument)
                case Wallet():
                    if self.held.take_wallet(fact):
                        self._settle_spot(fact)

    def read_whole(self, taken_at: datetime) -> None:
        """Positions and wallet that were read after `taken_at` (the exchange's clock) are applied: they include what
        was filled before. Two seconds less, by which clocks may differ."""
        until = taken_at - _CLOCKS_APART
        for key, slot in list(self._slots.items()):
            slot.settle(lambda one: one.executed_at <= until)
            if slot.updated_at is not None and slot.updated_at <= until:
                slot.include(slot.updated_at)
            self._sweep(key)

    def end_unseen(self, exchange_order_id: ExchangeOrderId) -> None:
        """It is shown nowhere any more. Should it be reported again, it counts again."""
        for key, slot in list(self._slots.items()):
            if slot.exchange_order_id == exchange_order_id:
                slot.is_live, slot.exchange_order_id = False, None
                self._sweep(key)

    # What is on its way.

    def reserve(self, intent: Intent, verdict: Verdict) -> None:
        """In the same step as its verdict: from here on every other order is judged with it."""
        if isinstance(intent, PlaceIntent | AmendIntent):
            self._reserve(intent, verdict, is_committed=False)

    def verdict_of(self, intent: Intent) -> Verdict | None:
        """The verdict that it was let go with; None when nobody has judged it."""
        slot = self._slots.get(self._key_of(intent))
        return None if slot is None else slot.verdicts.get(intent.id)

    def opened(self, intent: Intent, now_s: float) -> None:
        """Its request is committed: it stays until there is word of what became of it."""
        if not isinstance(intent, PlaceIntent | AmendIntent):
            return
        self._reserve(intent, None, is_committed=True)
        if not intent.reduces and intent.id not in self._sent_at_s:
            self._sent_at_s[intent.id] = now_s

    def dropped(self, intent_id: IntentId) -> None:
        """It was judged and nothing was sent."""
        slot = self._slots.get(self._amended.get(intent_id, intent_id))
        if slot is not None and intent_id in slot.uncommitted:
            self.ended(intent_id)

    def ended(self, intent_id: IntentId) -> None:
        """It definitely did not happen, or what it changed was read back. An order that was reported counts by its own
        reports."""
        key = self._amended.pop(intent_id, intent_id)
        slot = self._slots.get(key)
        if slot is None:
            return
        slot.uncommitted.discard(intent_id)
        slot.committed.discard(intent_id)
        slot.verdicts.pop(intent_id, None)
        slot.changes.pop(intent_id, None)
        if key == intent_id and not slot.is_reported:
            slot.is_live = False
        self._sweep(key)

    # What it comes to.

    def exposed(self, asked: Asked, of: Intent | None, prices: PriceView, prices_of: PricesOf, now_s: float) -> Exposed:
        """Everything beside the intent that is judged (and, of an amend, beside the order that it changes)."""
        with exactly():
            return self._exposed(asked, of, prices, prices_of, now_s)

    def _exposed(
        self, asked: Asked, of: Intent | None, prices: PriceView, prices_of: PricesOf, now_s: float
    ) -> Exposed:
        instrument = asked.instrument
        own = None if of is None else self._key_of(of)
        opposite: Side = "Sell" if asked.side == "Buy" else "Buy"
        return Exposed(
            toward=self.held.toward(instrument, asked.side),
            pending=self._pending(instrument, asked.side, prices, own),
            opposite=self._worst(instrument, opposite, prices, own),
            elsewhere=self._elsewhere(instrument, prices_of),
            open_orders=sum(slot.is_live for key, slot in self._slots.items() if key != own),
            sent_last_minute=self.sent_last_minute(now_s, None if of is None else of.id),
            leverage=self.held.leverage(instrument),
            day=self.held.loss_today(prices_of),
        )

    def worst_of(self, instrument: InstrumentId, prices: PriceView | None) -> Decimal:
        """The worse of the two sides of a symbol, in quote coin."""
        return max(self._worst(instrument, "Buy", prices, None), self._worst(instrument, "Sell", prices, None))

    def order(self, target: IntentId, exchange_order_id: ExchangeOrderId | None) -> Slot | None:
        """An order that counts, by the id of its intent or by the exchange's."""
        key = self._target(target, exchange_order_id)
        return None if key is None else self._slots.get(key)

    def open_quantity(self, instrument: InstrumentId, side: Side) -> Decimal:
        """What may still be filled of this side's orders that add exposure, in their own unit."""
        slots = self._of.get(instrument, {}).values()
        return sum((slot.outstanding() for slot in slots if slot.side == side and not slot.reduces), ZERO)

    def open_orders(self) -> int:
        return sum(slot.is_live for slot in self._slots.values())

    def instruments(self) -> set[InstrumentId]:
        """Those with a position or an order."""
        return self._of.keys() | self.held.instruments()

    def sent_last_minute(self, now_s: float, beside: IntentId | None = None) -> int:
        """Orders and changes that add exposure, with those that are judged and about to go."""
        while self._sent_at_s and next(iter(self._sent_at_s.values())) <= now_s - MINUTE_S:
            self._sent_at_s.popitem(last=False)
        sent = self._sent_at_s  # counted without a copy: it is asked several times an order
        waiting = sum(one not in sent and one != beside for slot in self._slots.values() for one in slot.uncommitted)
        return waiting + len(sent) - (beside in sent)

    # Facts, one by one.

    def _take_order(self, report: RemoteOrder) -> None:
        if report.is_attached or report.exchange_order_id in self._ended:
            return  # an exit only takes off what is there
        key = self._key_of_order(report.link_id, report.exchange_order_id)
        slot = self._slots.get(key)
        if slot is None:
            if report.state in FINAL_STATES:
                return  # what it filled is told by its fills
            slot = self._put(key, reported_slot(report))
        slot.report(report)
        self._sweep(key)

    def _take_execution(self, execution: Execution) -> None:
        if execution.exec_type == "Funding" or execution.exec_id in self._booked:
            return
        _remember(self._booked, execution.exec_id, _BOOKED_KEPT)
        key = self._key_of_order(execution.link_id, execution.exchange_order_id)
        slot = self._slots.get(key)
        if slot is None:
            if execution.exchange_order_id in self._ended:
                return
            slot = self._put(key, stray_slot(execution))
        slot.fill(execution)
        self._settle(execution.instrument)

    def _settle_spot(self, wallet: Wallet) -> None:
        """What the wallet includes by its time: it has no sequence."""
        for key, slot in list(self._slots.items()):
            if slot.instrument.category == "spot" and (
                wallet.is_whole or self.held.base_coin(slot.instrument) in wallet.coins
            ):
                slot.settle(lambda one: one.executed_at < wallet.reported_at)
                self._sweep(key)

    def _settle(self, instrument: InstrumentId) -> None:
        """What the position includes by its sequence. A wallet has none: there the times decide."""
        if instrument.category == "spot":
            return
        newest = self.held.sequence(instrument)
        for key, slot in list(self._of.get(instrument, {}).items()):
            slot.settle(lambda one: one.sequence <= newest)
            self._sweep(key)

    def _put(self, key: Hashable, slot: Slot) -> Slot:
        self._slots[key] = slot
        self._of.setdefault(slot.instrument, {})[key] = slot
        return slot

    def _sweep(self, key: Hashable) -> None:
        slot = self._slots.get(key)
        if slot is None or not slot.is_over:
            return
        del self._slots[key]
        del self._of[slot.instrument][key]
        if not self._of[slot.instrument]:
            del self._of[slot.instrument]
        if slot.exchange_order_id is not None and slot.is_reported:
            _remember(self._ended, slot.exchange_order_id, _ENDED_KEPT)

    # Intents.

    def _reserve(self, intent: PlaceIntent | AmendIntent, verdict: Verdict | None, *, is_committed: bool) -> None:
        key = self._key_of(intent)
        slot = self._slots.get(key)
        if slot is None:
            if isinstance(intent, AmendIntent):
                return  # the order it would change is over
            slot = self._put(key, placed_slot(intent))
        if isinstance(intent, AmendIntent):
            self._amended[intent.id] = key
            slot.changes[intent.id] = intent.asked
        elif slot.is_reported:
            return
        if is_committed:
            slot.uncommitted.discard(intent.id)
            slot.committed.add(intent.id)
        elif intent.id not in slot.committed:  # else it is judged once more before another attempt
            slot.uncommitted.add(intent.id)
        if verdict is not None:
            slot.verdicts[intent.id] = verdict

    def _key_of(self, intent: Intent) -> Hashable:
        if isinstance(intent, AmendIntent):
            return self._target(IntentId(intent.target_id), intent.target_exchange_order_id)
        return intent.id

    def _target(self, target: IntentId, exchange_order_id: ExchangeOrderId | None) -> Hashable:
        """Ours goes by its intent's id, which is its order's; a foreign one by the exchange's."""
        return target if target in self._slots else exchange_order_id

    @staticmethod
    def _key_of_order(link_id: str, exchange_order_id: ExchangeOrderId) -> Hashable:
        ours = intent_of(link_id)
        return exchange_order_id if ours is None else ours

    # Sums.

    def _pending(self, instrument: InstrumentId, side: Side, prices: PriceView | None, own: Hashable) -> Decimal:
        return sum(
            (
                slot.notional(prices)
                for key, slot in self._of.get(instrument, {}).items()
                if slot.side == side and key != own
            ),
            ZERO,
        )

    def _worst(self, instrument: InstrumentId, side: Side, prices: PriceView | None, own: Hashable) -> Decimal:
        reference = None if prices is None else prices.reference
        if reference is None:
            reference = next((price for price in self.held.told_prices(instrument) if price is not None), ZERO)
        held = self.held.toward(instrument, side) * reference
        return max(ZERO, held + self._pending(instrument, side, prices, own))

    def _elsewhere(self, instrument: InstrumentId, prices_of: PricesOf) -> Decimal:
        """Of every other symbol the worse side. Spot coins that are held are not added: they are no contracts."""
        total = ZERO
        for other in self.instruments() - {instrument}:  # a sum: whatever their order
            prices = prices_of(other)
            if other.category == "spot":
                total += self._pending(other, "Buy", prices, None)
            else:
                total += max(self._worst(other, "Buy", prices, None), self._worst(other, "Sell", prices, None))
        return total


def _remember(kept: OrderedDict[_Name, None], name: _Name, at_most: int) -> None:
    kept[name] = None
    if len(kept) > at_most:
        kept.popitem(last=False)
