"""Faults by seed: what goes wrong in one run, drawn swarm-style.

Lives here: `FaultPlan` and drawing one. Not here: carrying it out (`desk`).
Each seed switches every kind on or off by itself and gives those that are on a rate of their own: with the same mixture
in every run most combinations would never be seen. What happens at a moment falls into the first two minutes, so that
a run can be short; `DELETE /sim/faults` ends all of it, for the phase in which clients must recover.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.simulator.faults.kinds import (
    BrokenSocket,
    ClockSkew,
    DelayedEvent,
    DropSockets,
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
    Match,
    PriceJump,
    ReorderedEvent,
    RetCodeError,
    SilentSocket,
)
from tradewright.simulator.market.model import InstrumentSpec, Listing

SPAN_MS: Final = 120_000
RATES: Final = (0.005, 0.2)  # share of calls or messages; drawn evenly by its logarithm
CALLS: Final = "/v5/order/*"
MOMENTS_MAX: Final = 3  # of each kind
LISTINGS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fault that comes `after_ms` of wall time; `for_ms` is how long it holds, None if it is over at once."""

    after_ms: int
    fault: Fault
    for_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """`constant` faults are armed from the beginning, with a probability each; `moments` come in time order."""

    constant: tuple[Fault, ...]
    moments: tuple[Moment, ...]


def drawn(seed: int, specs: Mapping[Listing, InstrumentSpec]) -> FaultPlan:
    """The plan of a seed, always the same for the same listings."""
    rng = random.Random(f"faults:{seed}")  # noqa: S311  a reproducible plan, not a secret
    constant = [fault for fault in _constant(rng) if rng.random() < 0.5]
    moments = [moment for moment in _moments(rng, specs) if rng.random() < 0.5]
    return FaultPlan(constant=tuple(constant), moments=tuple(sorted(moments, key=lambda moment: moment.after_ms)))


def _constant(rng: random.Random) -> list[Fault]:
    """One fault of every kind that strikes now and then. All is drawn, also what will be off: so kinds are independent
    of each other.
    """
    path = rng.choice((CALLS, CALLS, ""))

    def call(effect: Effect) -> Fault:
        return Fault(effect=effect, match=Match(path=path), probability=_rate(rng))

    def other(effect: Effect, **match: str) -> Fault:
        return Fault(effect=effect, match=Match(**match), probability=_rate(rng))

    def hang() -> bool:
        return rng.random() < 0.5

    return [
        call(LostRequest(hang=hang())),
        call(LateAccept(delay_ms=rng.randint(50, 8_000))),
        call(LostReply(hang=hang(), hide_ms=rng.choice((0, rng.randint(100, 10_000))))),
        call(HttpError(status=429, processed=hang())),
        call(HttpError(status=rng.choice((500, 502, 503, 504)), processed=hang())),
        call(RetCodeError(code=10000, processed=hang())),
        call(RetCodeError(code=10006, reset_ms=rng.randint(100, 2_000))),
        call(RetCodeError(code=10016, processed=hang())),
        other(DelayedEvent(delay_ms=rng.randint(50, 3_000))),
        other(DuplicatedEvent(delay_ms=rng.choice((0, rng.randint(1, 2_000))))),
        other(ReorderedEvent(delay_ms=rng.randint(50, 2_000))),
        other(LostEvent()),
        other(BrokenSocket(), stream=rng.choice(("private", "public", "trade"))),
    ]


def _moments(rng: random.Random, specs: Mapping[Listing, InstrumentSpec]) -> list[Moment]:
    found: list[Moment] = []
    # The first ones are those that tests and people trade; of hundreds the others would take nearly all faults.
    listings = [listing for listing, spec in specs.items() if not spec.is_option][:LISTINGS]

    def some(effect: Effect, *, lasting_ms: tuple[int, int] | None, match: Match | None = None) -> None:
        after_ms = rng.randrange(SPAN_MS)
        for_ms = None if lasting_ms is None else rng.randint(*lasting_ms)
        found.append(Moment(after_ms=after_ms, fault=Fault(effect=effect, match=match or Match()), for_ms=for_ms))

    for _ in range(MOMENTS_MAX):
        stream = rng.choice(("private", "public"))
        some(SilentSocket(pongs=rng.random() < 0.5), lasting_ms=(1_000, 40_000), match=Match(stream=stream))
        some(DropSockets(), lasting_ms=None, match=Match(stream=rng.choice(("", "private", "public", "trade"))))
        some(ClockSkew(skew_ms=rng.randint(-5_000, 5_000)), lasting_ms=(5_000, 60_000))
        if listings:
            some(Halted(listing=rng.choice(listings)), lasting_ms=(1_000, 30_000))
            fraction = Decimal(rng.choice((-1, 1)) * rng.randint(5, 200)) / 1_000
            some(PriceJump(listings=(rng.choice(listings),), fraction=fraction), lasting_ms=None)
    some(Maintenance(http=rng.random() < 0.5), lasting_ms=(1_000, 20_000))
    return found


def _rate(rng: random.Random) -> float:
    low, high = RATES
    share: float = low * (high / low) ** rng.random()
    return share
