"""What is armed, by hand or by seed, and whether it strikes.

Lives here: `Faults`, which is asked at every call, private message and frame. Not here: what a fault is (`kinds`), how
it is carried out (`calls`, `sockets`, `bent_market`), the seeded plan (`plan`).
Chance hangs on the seed, the fault, the place and how many came to that place before, and on nothing else: the same
calls meet the same faults again, whatever other clients do meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tradewright.simulator.faults.kinds import (
    BrokenSocket,
    ClockSkew,
    DelayedEvent,
    DuplicatedEvent,
    Effect,
    Fault,
    Halted,
    HttpError,
    LateAccept,
    LostEvent,
    LostReply,
    LostRequest,
    Maintenance,
    Place,
    ReorderedEvent,
    RetCodeError,
    SilentSocket,
)
from tradewright.simulator.faults.truth import TruthLog

ARMED_MAX: Final = 1_000
T = TypeVar("T", bound=Effect)


@dataclass(slots=True)
class Armed:
    """A fault with its number, what is left of its count, and how often it has struck. `since_ms` is real wall time."""

    number: int
    fault: Fault
    left: int | None
    since_ms: int
    struck: int = 0


class TooManyFaults(ValueError):
    """No more can be armed; the text is one sentence."""


class Faults:
    """`now_ms` is the machine's wall clock, which no fault skews; `seed` decides all chance.

    `changed` is called after anything was armed, disarmed or has run out that holds for a time.
    """

    def __init__(self, *, now_ms: Callable[[], int], truth: TruthLog, seed: int = 0) -> None:
        self.seed = seed
        self.clearings = 0  # how often everything was disarmed
        self.truth = truth
        self.changed: Callable[[], None] = lambda: None
        self._now_ms = now_ms
        self._armed: list[Armed] = []
        self._numbers = 0
        self._visits: dict[tuple[int, str], int] = {}

    @property
    def is_quiet(self) -> bool:
        """Nothing at all is armed: the usual case, which must cost nothing."""
        return not self._armed

    def arm(self, fault: Fault) -> int:
        """Arm a fault in the place of one of the same kind that meets the same; a count of 0 only disarms that.

        Returns its number, 0 if it only disarmed. Raises `TooManyFaults`.
        """
        kind = type(fault.effect)
        same = [
            each
            for each in self._armed
            if type(each.fault.effect) is kind
            and each.fault.match == fault.match
            and _listing(each.fault) == _listing(fault)
        ]
        if len(self._armed) - len(same) >= ARMED_MAX:
            raise TooManyFaults(f"{ARMED_MAX} faults are armed, which is the most there may be; clear some first")
        self._armed = [each for each in self._armed if each not in same]
        number = 0
        if fault.count != 0:
            self._numbers += 1
            number = self._numbers
            self._armed.append(Armed(number, fault, fault.count, self._now_ms()))
            self.truth.record("fault_armed", {"fault": number, "kind": fault.effect.name})
        self.changed()
        return number

    def disarm(self, number: int | None = None) -> int:
        """Disarm one by its number, or all; how many that were."""
        self.clearings += number is None
        gone = [each for each in self._armed if number in (None, each.number)]
        self._armed = [each for each in self._armed if each not in gone]
        for each in gone:
            self.truth.record("fault_disarmed", {"fault": each.number, "kind": each.fault.effect.name})
        self.changed()
        return len(gone)

    @property
    def armed(self) -> list[Armed]:
        """Those that may still strike, oldest first."""
        self._forget_ended()
        return list(self._armed)

    def on_call(self, place: Place) -> tuple[Armed, Fraction] | None:
        """The fault that meets this call, if any, with chance for its details."""
        return self._strike(place, (LostRequest, LateAccept, LostReply, HttpError, RetCodeError))

    def copies_ms(self, topic: str, uid: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        """When copies of a private message with these rows are to come; see `on_event`."""
        if not self._armed:
            return (0,)
        symbols = tuple({str(row["symbol"]): None for row in rows if "symbol" in row})
        return self.on_event(Place(topic=topic, uid=uid, symbols=symbols))[0]

    def on_event(self, place: Place) -> tuple[list[int], str]:
        """When copies of a private message are to come, in milliseconds from its time, and what the fault is called.

        `([0], "")` is as usual, no copies is never.
        """
        struck = self._strike(place, (DelayedEvent, DuplicatedEvent, ReorderedEvent, LostEvent))
        if struck is None:
            return [0], ""
        armed, chance = struck
        effect = armed.fault.effect
        match effect:
            case DelayedEvent(delay_ms=delay_ms):
                copies = [delay_ms]
            case DuplicatedEvent(delay_ms=delay_ms):
                copies = [0, delay_ms]
            case ReorderedEvent(delay_ms=delay_ms):
                copies = [int(chance("delay") * (delay_ms + 1))]
            case _:
                copies = []
        self.tell(armed, {"topic": place.topic, "uid": place.uid, "copies_ms": copies})
        return copies, effect.name

    def on_frame(self, place: Place, *, is_pong: bool) -> SilentSocket | BrokenSocket | None:
        """What keeps this frame from its socket, if anything."""
        struck = self._strike(
            place, (SilentSocket, BrokenSocket), lets_pass=lambda effect: is_pong and getattr(effect, "pongs", False)
        )
        if struck is None:
            return None
        effect = struck[0].fault.effect
        assert isinstance(effect, SilentSocket | BrokenSocket), "only these were asked for"
        return effect

    @property
    def skew_ms(self) -> int:
        """By how much the exchange's wall clock is off."""
        return sum(effect.skew_ms for _, effect in self._holding(ClockSkew))

    @property
    def maintenance(self) -> tuple[Armed, Maintenance] | None:
        return next(iter(self._holding(Maintenance)), None)

    @property
    def halted(self) -> frozenset[str]:
        """The listings that are not traded."""
        return frozenset(effect.listing for _, effect in self._holding(Halted))

    def tell(self, armed: Armed, fields: dict[str, object]) -> None:
        """Write into the truth log that a fault struck."""
        self.truth.record("fault", {"fault": armed.number, "kind": armed.fault.effect.name, **fields})

    def next_end_ms(self) -> int | None:
        """When the next fault that holds for a time runs out, in real wall time."""
        return min((each.fault.until_ms for each in self._armed if each.fault.until_ms is not None), default=None)

    def _strike(
        self, place: Place, kinds: tuple[type[Effect], ...], *, lets_pass: Callable[[Effect], bool] | None = None
    ) -> tuple[Armed, Fraction] | None:
        """The oldest armed fault of these kinds that meets the place and whose chance has come; it counts once."""
        if not self._armed:
            return None
        self._forget_ended()
        for each in self._armed:
            effect, fault = each.fault.effect, each.fault
            if not isinstance(effect, kinds) or not fault.match.meets(place):
                continue
            if lets_pass is not None and lets_pass(effect):
                continue
            where = place.path or place.topic or place.stream
            visit = self._visits.get((each.number, where), 0)
            self._visits[each.number, where] = visit + 1
            chance = Fraction(f"{self.seed}:{each.number}:{effect.name}:{where}:{visit}")
            if fault.probability < 1 and chance("strike") >= fault.probability:
                continue
            each.struck += 1
            if each.left is not None:
                each.left -= 1
                if not each.left:
                    self._armed.remove(each)
            return each, chance
        return None

    def _holding(self, kind: type[T]) -> Iterator[tuple[Armed, T]]:
        now_ms = self._now_ms()
        for each in self._armed:
            effect, until_ms = each.fault.effect, each.fault.until_ms
            if isinstance(effect, kind) and (until_ms is None or now_ms < until_ms):
                yield each, effect

    def _forget_ended(self) -> None:
        now_ms = self._now_ms()
        if any(each.fault.until_ms is not None and each.fault.until_ms <= now_ms for each in self._armed):
            kept = []
            for each in self._armed:
                if each.fault.until_ms is None or now_ms < each.fault.until_ms:
                    kept.append(each)
                else:
                    self.truth.record("fault_ended", {"fault": each.number, "kind": each.fault.effect.name})
            self._armed = kept


class Fraction:
    """Chance at one place and time: for every question a fraction in [0, 1) that is always the same."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, question: str) -> float:
        digest = hashlib.blake2b(f"{self._text}:{question}".encode(), digest_size=7).digest()
        return int.from_bytes(digest) / 2**56


def _listing(fault: Fault) -> str:
    return fault.effect.listing if isinstance(fault.effect, Halted) else ""
