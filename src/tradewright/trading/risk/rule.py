"""The rule by which an account's owner judges every intent that adds exposure, right before its request is committed.

Lives here: `RiskRule`. The verdict and the reservation are one synchronous step, so that of two intents that fit one by
one and not together only one goes. Not here: the numbers (`core.risk`, `exposure`), limits as stored (`store`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from decimal import Decimal

from tradewright.core.clock import Clock
from tradewright.core.ids import IntentId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import ZERO
from tradewright.core.risk import Asked, Effective, Verdict, judge, judge_leverage
from tradewright.core.risk_prices import PriceView
from tradewright.trading.beside import Held
from tradewright.trading.model import AmendIntent, Intent, LeverageIntent, PlaceIntent, Reason
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.prices import Prices

DUE_S = 5.0  # prices and leverage. An order by hand expires after ten: its sender is told why before that
_WAITING_MAX = 1_000


class RiskRule:
    """Of one account. `limits` is what is in force now: whoever changes them changes it here."""

    def __init__(self, exposure: Exposure, prices: Prices, *, clock: Clock) -> None:
        self.limits: Effective | None = None
        self.wake: Callable[[], None] = _nobody
        self.want_leverage: Callable[[InstrumentId], None] = _nobody_reads
        self._exposure = exposure
        self._prices = prices
        self._clock = clock
        self._waiting_since_s: OrderedDict[IntentId, float] = OrderedDict()  # for prices or a leverage, since when

    def judge(self, intent: Intent) -> Reason | Held | None:
        """None: it may go, and from here on it counts. Judged again it is judged without itself."""
        effective = self.limits
        match intent:
            case PlaceIntent() | AmendIntent() if intent.reduces:
                return None
            case PlaceIntent() | AmendIntent() | LeverageIntent():
                pass
            case _:
                return None  # a cancel, an exit: nothing that adds exposure
        if effective is None or not self._exposure.is_loaded:
            return Held(Reason("risk.not_ready"))
        if isinstance(intent, LeverageIntent):
            found = judge_leverage(intent.leverage, self._exposure.held.leverage(intent.instrument), effective)
            return reason_of(found)
        asked = self._asked(intent)
        if asked is None:
            return None
        is_leverage_known = self._knows_leverage(intent.instrument, effective)
        prices = self._prices.of(intent.instrument)
        if prices is None:
            self._prices.want(intent.instrument, self.wake)
            return self._waits(intent, "risk.no_price")
        if effective.limits.daily_loss is not None and self._exposure.held.day is None:
            return Held(Reason("risk.not_ready"))
        exposed = self._exposure.exposed(asked, intent, prices, self._prices.of, self._clock.monotonic())
        verdict = judge(asked, exposed, prices, effective)
        if not is_leverage_known and (verdict.over is None or verdict.over.name == "leverage"):
            return self._waits(intent, "risk.leverage_unread")  # whatever it is, the other limits do not forbid it
        self._waiting_since_s.pop(intent.id, None)
        if verdict.over is None:
            self._exposure.reserve(intent, verdict)
        return reason_of(verdict)

    def warm(self, instrument: InstrumentId) -> None:
        """Somebody will want to open something there: what it is judged by is read before, so that nothing waits."""
        self._prices.want(instrument, self.wake)
        if self.limits is not None:
            self._knows_leverage(instrument, self.limits)

    def _asked(self, intent: PlaceIntent | AmendIntent) -> Asked | None:
        if isinstance(intent, PlaceIntent):
            return asked_of(intent)
        slot = self._exposure.order(IntentId(intent.target_id), intent.target_exchange_order_id)
        if slot is None or slot.reduces:
            return None  # an order that is over cannot be changed, one that only takes off adds nothing
        change = intent.asked
        quantity = slot.quantity if change.quantity is None else change.quantity
        return Asked(
            instrument=intent.instrument,
            side=slot.side,
            order_type=slot.order_type,
            # What was filled and is not in the position yet counts with the order.
            quantity=max(ZERO, quantity - slot.settled - slot.untold, slot.outstanding()),
            quantity_unit=slot.quantity_unit,
            price=slot.price if change.price is None else change.price,
            trigger_price=slot.trigger_price if change.trigger_price is None else change.trigger_price,
            is_new=False,
        )

    def _knows_leverage(self, instrument: InstrumentId, effective: Effective) -> bool:
        """A symbol without a position is in no list: its leverage is read before the first order of it, and once more
        when it may have been changed unseen."""
        if effective.limits.leverage is None or instrument.category != "linear":
            return True
        if self._exposure.held.is_leverage_sure(instrument):
            return True
        self.want_leverage(instrument)
        return False

    def _waits(self, intent: PlaceIntent | AmendIntent, code: str) -> Reason | Held:
        """Held for what is on its way, and refused when it does not come."""
        now_s = self._clock.monotonic()
        since_s = self._waiting_since_s.setdefault(intent.id, now_s)
        if len(self._waiting_since_s) > _WAITING_MAX:
            self._waiting_since_s.popitem(last=False)
        reason = Reason(code, {"value": intent.instrument.symbol})
        if now_s - since_s < DUE_S:
            return Held(reason)
        self._waiting_since_s.pop(intent.id, None)
        return reason


def asked_of(intent: PlaceIntent) -> Asked:
    order = intent.order
    return Asked(
        instrument=order.instrument,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        quantity_unit=order.quantity_unit,
        price=order.price,
        trigger_price=None if order.trigger is None else order.trigger.price,
    )


def reason_of(verdict: Verdict) -> Reason | None:
    """The first limit that forbids it, with its numbers."""
    over = verdict.over
    if over is None:
        return None
    told = over.as_json()
    return Reason(f"risk.{over.name}", {name: str(value) for name, value in told.items()})


def usage(
    exposure: Exposure, prices_of: Callable[[InstrumentId], PriceView | None], now_s: float
) -> Mapping[str, Decimal]:
    """How much of each limit an account uses now, whatever is asked next; those of one order are not among them."""
    worst = {}
    for instrument in exposure.instruments():
        if instrument.category == "linear":
            worst[instrument] = exposure.worst_of(instrument, prices_of(instrument))
    used = {
        "position_notional": max(worst.values(), default=ZERO),
        "total_notional": sum(worst.values(), ZERO),
        "open_orders": Decimal(exposure.open_orders()),
        "orders_per_minute": Decimal(exposure.sent_last_minute(now_s)),
    }
    day = exposure.held.loss_today(prices_of)
    if day is not None and day.equity_at_start:
        used["daily_loss"] = max(ZERO, day.loss * 100 / day.equity_at_start)
    return used


def _nobody() -> None:
    return None


def _nobody_reads(_instrument: InstrumentId) -> None:
    return None
