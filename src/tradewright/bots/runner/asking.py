"""What a run asks of its account: intents with ids that are made of what they are about, and which of them are open.

Lives here: `Asks`, `Act`, `Ask`. Not here: what is wanted (`machines`), sending (`trading`), what came of it
(`outcomes`). The same wish has the same id after a restart, so nothing is asked twice; whatever opens is asked once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from tradewright.bots.machines.model import CloseWanted, Exits, OrderWanted
from tradewright.core.ids import IntentId, OrderId, made_id
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.money import ZERO, plain
from tradewright.core.order import Exit, PositionExits
from tradewright.trading.bodies import CancelBody, ExitsBody, PlaceBody

SLIPPAGE_PERCENT: Final = Decimal(1)  # beyond which an entry at market is not filled
ENTRY_VALIDITY: Final = timedelta(seconds=10)
EXITS_VALIDITY: Final = timedelta(seconds=30)
AT_ONCE_MAX: Final = (
    10  # orders that are to rest, sent and not yet acknowledged: an account sends about as many a second
)
RESTING_MAX: Final = 24  # orders of one run; the tightest limit of an account that nobody has set is 30
ATTEMPTS_MAX: Final = 20  # of one close, that a takeover looks for

AskKind = Literal["place", "close", "cancel", "exits"]
ActBody = PlaceBody | CancelBody | ExitsBody


@dataclass(slots=True, kw_only=True)
class Ask:
    """One that was asked and whose end nobody has seen. `since_s` by the monotonic clock."""

    id: IntentId
    kind: AskKind
    key: str
    since_s: float
    status: str | None = None  # as it was told last
    has_verdict: bool = False
    filled: Decimal = ZERO  # of it, as told
    ended_s: float | None = None  # since when its order has ended though not all its fills are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """To be asked once what was decided is committed. `told` is its event."""

    ask: Ask
    body: ActBody
    validity: timedelta | None
    told: dict[str, Any] = field(default_factory=dict)


class Asks:
    """Of one run and its instrument."""

    def __init__(self, run_id: UUID, instrument: InstrumentId) -> None:
        self._run_id = run_id
        self._instrument = instrument
        self._open: dict[IntentId, Ask] = {}
        self._keys: dict[IntentId, str] = {}  # of every order that a fill may name
        self.told: set[UUID] = set()  # those that an event tells

    def id_of(self, key: str, attempt: int = 0) -> IntentId:
        return IntentId(made_id("bots.run", str(self._run_id), key, str(attempt)))

    def open(self) -> Iterable[Ask]:
        return list(self._open.values())

    def open_ids(self) -> list[IntentId]:
        return list(self._open)

    def get(self, intent_id: UUID) -> Ask | None:
        return self._open.get(IntentId(intent_id))

    def has(self, kind: AskKind, key: str | None = None) -> bool:
        return any(ask.kind == kind and key in (None, ask.key) for ask in self._open.values())

    def under_way(self) -> int:
        """Orders that open and whose acknowledgement nobody has seen."""
        return sum(ask.kind == "place" and ask.status in (None, "sending") for ask in self._open.values())

    def add(self, ask: Ask) -> None:
        self._open[ask.id] = ask
        if ask.kind in ("place", "close"):
            self._keys[ask.id] = ask.key

    def know(self, intent_id: IntentId, key: str) -> None:
        """An order of ours that has ended or was asked by another process: its fills are the run's."""
        self._keys[intent_id] = key

    def drop(self, intent_id: IntentId) -> None:
        self._open.pop(intent_id, None)

    def key_of(self, intent_id: IntentId) -> str | None:
        return self._keys.get(intent_id)

    # What is asked.

    def place(self, wanted: OrderWanted, now_s: float) -> Act:
        body = PlaceBody(
            id=self.id_of(wanted.key),
            category=self._instrument.category,
            symbol=self._instrument.symbol,
            side=side_of(wanted.direction),
            order_type="Market" if wanted.price is None else "Limit",
            quantity=wanted.quantity,
            price=wanted.price,
            time_in_force="IOC" if wanted.price is None else "PostOnly" if wanted.is_post_only else "GTC",
            reduce_only=False,
            note=None,
            take_profit=None if wanted.target is None else Exit(trigger_price=wanted.target),
            stop_loss=None if wanted.stop is None else Exit(trigger_price=wanted.stop),
            slippage_percent=SLIPPAGE_PERCENT if wanted.price is None else None,
        )
        told = {
            "kind": "place",
            "role": wanted.key.partition(":")[0],
            "side": body.side,
            "quantity": plain(body.quantity),
            "price": _text(body.price),
            "stop": _text(wanted.stop),
            "target": _text(wanted.target),
        }
        return Act(ask=_ask(body.id, "place", wanted.key, now_s), body=body, validity=ENTRY_VALIDITY, told=told)

    def close(self, wanted: CloseWanted, attempt: int, now_s: float) -> Act:
        body = PlaceBody(
            id=self.id_of(wanted.key, attempt),
            category=self._instrument.category,
            symbol=self._instrument.symbol,
            side=side_of(-wanted.direction),
            order_type="Market",
            quantity=wanted.quantity,
            price=None,
            time_in_force="IOC",
            reduce_only=True,
            note=None,
        )
        told = {
            "kind": "close",
            "role": "exit",
            "side": body.side,
            "quantity": plain(body.quantity),
            "reason": wanted.reason,
        }
        return Act(ask=_ask(body.id, "close", wanted.key, now_s), body=body, validity=None, told=told)

    def cancel(self, key: str, attempt: int, now_s: float) -> Act:
        body = CancelBody(id=self.id_of(f"cancel:{key}", attempt), order_id=OrderId(self.id_of(key)))
        told = {"kind": "cancel", "role": key.partition(":")[0]}
        return Act(ask=_ask(body.id, "cancel", key, now_s), body=body, validity=None, told=told)

    def exits(self, exits: Exits, number: int, now_s: float) -> Act:
        """`stop` or `target` None leaves it as it is at the exchange."""
        body = ExitsBody(
            id=self.id_of("exits", number),
            category=self._instrument.category,
            symbol=self._instrument.symbol,
            exits=PositionExits(stop_loss=exits.stop, take_profit=exits.target),
        )
        told = {"kind": "exits", "role": "protect", "stop": _text(exits.stop), "target": _text(exits.target)}
        return Act(ask=_ask(body.id, "exits", "exits", now_s), body=body, validity=EXITS_VALIDITY, told=told)


def side_of(direction: int) -> Side:
    return "Buy" if direction > 0 else "Sell"


def _ask(intent_id: IntentId, kind: AskKind, key: str, now_s: float) -> Ask:
    return Ask(id=intent_id, kind=kind, key=key, since_s=now_s)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
