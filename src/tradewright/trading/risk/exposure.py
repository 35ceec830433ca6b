"""What an account may come to be exposed to, at its worst, in the memory of its owner: exact, and without waiting.

Lives here: `Exposure`. It counts positions, every order that may still fill (ours, foreign, acknowledged and not yet
reported, unknown, on its way) and what was judged and is about to be sent. Not here: the limits (`core.risk`), when it
is asked (`rule`), what one order counts for (`slots`), who feeds it (`kept_journal`).

Order, fill and position are told apart by the exchange, and in any order. A fill counts with its order until the
position that we hold includes it (its sequence is not below the fill's), so that nothing is missing between the two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from tradewright.core.ids import ExchangeOrderId, ExecutionId, IntentId, intent_of
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.money import ZERO, exactly
from tradewright.core.order import FINAL_STATES, Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.core.risk import Asked, Day, Exposed, Verdict
from tradewright.core.risk_prices import PriceView
from tradewright.trading.model import AmendIntent, Intent, PlaceIntent
from tradewright.trading.risk.slots import Slot, placed_slot, reported_slot, stray_slot

MINUTE_S = 60.0
_ENDED_KEPT = 10_000  # so that a late report of an order that has ended brings it back to nobody
_BOOKED_KEPT = 10_000
_CLOCKS_APART = timedelta(seconds=2)

_Name = TypeVar("_Name")
PricesOf = Callable[[InstrumentId], PriceView | None]


@dataclass(frozen=True, slots=True)
class DayStart:
    """How a day (UTC) began: equity, and what each symbol had realised by then, fees and funding included."""

    day: date
    equity: Decimal | None
    realised: Mapping[InstrumentId, Decimal]


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
        self._base_coin_of = base_coin_of
        self._slots: dict[Hashable, Slot] = {}
        self._of: dict[InstrumentId, dict[Hashable, Slot]] = {}  # the same, by symbol
        self._amended: dict[IntentId, Hashable] = {}  # which order an amend on its way changes
        self._ended: OrderedDict[ExchangeOrderId, None] = OrderedDict()
        self._booked: OrderedDict[ExecutionId, None] = OrderedDict()
        self._positions: dict[InstrumentId, dict[int, RemotePosition]] = {}
        self._realised: dict[InstrumentId, dict[int, Decimal]] = {}
        self._sequences: dict[InstrumentId, int] = {}
        self._wallet: Wallet | None = None
        self._coins: dict[str, Decimal] = {}
        self._sent_at_s: OrderedDict[IntentId, float] = OrderedDict()
        self.day: DayStart | None = None
        self.is_loaded = False

    # What a new owner begins with.

    def load(self, holdings: Holdings, now_s: float) -> None:
        """What the journal holds, before anything else is taken."""
        self.take([*holdings.positions, *([] if holdings.wallet is None else [holdings.wallet])])
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

    def begin_day(self, start: DayStart) -> None:
        """How the day began, as it is stored; symbols that came up since keep what they were first seen with."""
        known = {} if self.day is None or self.day.day != start.day else self.day.realised
        self.day = replace(start, realised={**self.realised(), **known, **start.realised})

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
                    self._take_position(fact)
                case Wallet():
                    self._take_wallet(fact)

    def read_whole(self, taken_at: datetime) -> None:
        """Positions and wallet that were read after `taken_at` (the exchange's clock) are applied: they include what
        was filled before. Two seconds less, by which clocks may differ."""
        until = taken_at - _CLOCKS_APART
        for key, slot in list(self._slots.items()):
            slot.settle(lambda one: one.executed_at <= until)
            if slot.updated_at is not None and slot.updated_at <= until:
                slot.include(slot.updated_at)
            self._sweep(key)

    def flatten_absent(self, named: Sequence[RemotePosition]) -> None:
        """A complete list of open positions: those it does not name are flat."""
        keys = {(held.instrument, held.position_index) for held in named}
        for instrument, legs in self._positions.items():
            for index in [index for index in legs if (instrument, index) not in keys]:
                del legs[index]

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
            toward=self._toward(instrument, asked.side),
            pending=self._pending(instrument, asked.side, prices, own),
            opposite=self._worst(instrument, opposite, prices, own),
            elsewhere=self._elsewhere(instrument, prices_of),
            open_orders=sum(slot.is_live for key, slot in self._slots.items() if key != own),
            sent_last_minute=self.sent_last_minute(now_s, None if of is None else of.id),
            leverage=self.leverage(instrument),
            day=self.loss_today(prices_of),
        )

    def leverage(self, instrument: InstrumentId) -> Decimal | None:
        legs = self._positions.get(instrument, {}).values()
        return max((leg.leverage for leg in legs if leg.leverage is not None), default=None)

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
        return self._of.keys() | {one for one, legs in self._positions.items() if legs}

    def sent_last_minute(self, now_s: float, beside: IntentId | None = None) -> int:
        """Orders and changes that add exposure, with those that are judged and about to go."""
        while self._sent_at_s and next(iter(self._sent_at_s.values())) <= now_s - MINUTE_S:
            self._sent_at_s.popitem(last=False)
        going = {one for slot in self._slots.values() for one in slot.uncommitted} | self._sent_at_s.keys()
        return len(going - {beside})

    def loss_today(self, prices_of: PricesOf) -> Day | None:
        """What was realised today, fees and funding included, and what open positions stand to lose now. Open profits
        do not make up for it: they may be gone before anybody takes them."""
        if self.day is None:
            return None
        realised = sum(
            (total - self.day.realised.get(instrument, total) for instrument, total in self.realised().items()), ZERO
        )
        unrealised = sum(
            (
                _unrealised(leg, prices_of(instrument))
                for instrument, legs in self._positions.items()
                for leg in legs.values()
            ),
            ZERO,
        )
        return Day(loss=-(realised + min(ZERO, unrealised)), equity_at_start=self.day.equity)

    def realised(self) -> dict[InstrumentId, Decimal]:
        """What each symbol that was ever reported has realised in all its time, as the exchange tells it."""
        return {instrument: sum(legs.values(), ZERO) for instrument, legs in self._realised.items()}

    def equity(self) -> Decimal | None:
        """Of the wallet; None while none was seen, or where it tells none."""
        if self._wallet is None:
            return None
        usdt = self._wallet.coins.get("USDT")
        told = self._wallet.total_equity
        return told if told is not None or usdt is None else usdt.equity

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

    def _take_position(self, report: RemotePosition) -> None:
        legs = self._positions.setdefault(report.instrument, {})
        known = legs.get(report.position_index)
        newest = self._sequences.get(report.instrument, -1)
        if known is not None and (report.sequence, report.updated_at) < (known.sequence, known.updated_at):
            return
        if known is None and report.sequence < newest:
            return  # it was flat since
        legs[report.position_index] = report
        self._realised.setdefault(report.instrument, {})[report.position_index] = report.realised_pnl
        self._sequences[report.instrument] = max(newest, report.sequence)
        if self.day is not None and report.instrument not in self.day.realised:
            # Never seen before today: what it had realised until now is not today's.
            self.day = replace(self.day, realised={**self.day.realised, report.instrument: report.realised_pnl})
        self._settle(report.instrument)

    def _take_wallet(self, wallet: Wallet) -> None:
        if self._wallet is not None and wallet.reported_at < self._wallet.reported_at:
            return
        coins = wallet.coins if self._wallet is None or wallet.is_whole else {**self._wallet.coins, **wallet.coins}
        self._wallet = replace(wallet, coins=coins)
        for key, slot in list(self._slots.items()):
            if slot.instrument.category == "spot" and (
                wallet.is_whole or self._base_coin_of(slot.instrument) in wallet.coins
            ):
                slot.settle(lambda one: one.executed_at < wallet.reported_at)
                self._sweep(key)

    def _settle(self, instrument: InstrumentId) -> None:
        """What the position includes by its sequence. A wallet has none: there the times decide."""
        if instrument.category == "spot":
            return
        newest = self._sequences.get(instrument, -1)
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

    def _toward(self, instrument: InstrumentId, side: Side) -> Decimal:
        """Base coin that is held on this side. What is held on the other one takes nothing off: its stop may fire, or
        somebody may close it, a moment before an order of this side fills."""
        if instrument.category == "spot":
            coin = self._base_coin_of(instrument)
            held = None if coin is None or self._wallet is None else self._wallet.coins.get(coin)
            return ZERO if held is None or side == "Sell" else max(ZERO, held.wallet_balance)
        legs = self._positions.get(instrument, {}).values()
        return sum((leg.size for leg in legs if leg.side == side), ZERO)

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
            reference = next((price for price in self._told(instrument) if price is not None), ZERO)
        held = self._toward(instrument, side) * reference
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

    def _told(self, instrument: InstrumentId) -> Iterable[Decimal | None]:
        """What the exchange last valued a symbol's position at."""
        for leg in self._positions.get(instrument, {}).values():
            yield leg.mark_price
            yield leg.entry_price


def _unrealised(leg: RemotePosition, prices: PriceView | None) -> Decimal:
    mark = None if prices is None else prices.reference
    if mark is None or leg.entry_price is None or leg.side is None:
        return leg.unrealised_pnl if leg.side is not None else ZERO
    return (mark - leg.entry_price) * (leg.size if leg.side == "Buy" else -leg.size)


def _remember(kept: OrderedDict[_Name, None], name: _Name, at_most: int) -> None:
    kept[name] = None
    if len(kept) > at_most:
        kept.popitem(last=False)
