"""Which faults a seed has: drawn swarm-style, each kind off in about half of the runs, rare to frequent in the others.

Lives here: `FaultPlan`, what is drawn, and `KINDS`, every kind by name. Not here: what a fault does: those of the
exchange are its own (`simulator.faults`), those of the network are in `wire`, those of our own machine in `world`.
With fixed rates the interesting coincidences never happen. Every number is drawn, also of what will be off, so that one
kind's being on changes nothing of another.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Final

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

SAFETY_S: Final = 40.0
COMMANDS: Final = (
    "/v5/order/create", "/v5/order/create", "/v5/order/create", "/v5/order/cancel", "/v5/order/amend",
    "/v5/position/set-leverage", "/v5/position/trading-stop",
)  # fmt: skip
READS: Final = ("", "/v5/order/*", "/v5/execution/list", "/v5/position/list")
# Shares of calls or messages, drawn evenly by their logarithm. A reading of everything is a dozen and a half calls, of
# which none may fail: with the commands' shares no session would ever be ready.
COMMAND_RATES: Final = (0.05, 0.5)
READ_RATES: Final = (0.005, 0.06)
EVENT_RATES: Final = (0.02, 0.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFaults:
    """Shares of commands (0 to 1) that go wrong on their way, of reads an eighth of it; see `wire`."""

    refused: float = 0.0  # no connection
    request_lost: float = 0.0  # on an open connection: nobody answers
    request_late: float = 0.0  # arrives up to 7 s late: after its sender has given up, within its window or beyond
    reply_lost: float = 0.0
    reply_late: float = 0.0
    reply_cut: float = 0.0  # some of its bytes, then the connection's end
    split: float = 0.0  # bytes arrive in two pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFaults:
    """What goes wrong on our own machine: shares of database steps; seconds by which its clock is off."""

    database_before: float = 0.0  # an error, nothing of it happened
    database_unknown: float = 0.0  # an error after COMMIT has left: it happened
    database_slow: float = 0.0
    clock_off_s: float = 0.0
    clock_steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fault that comes at a virtual second of the safety phase and holds so long; None: it is over at once."""

    at_s: float
    effect: Effect | str  # the exchange's, or one of the network's: "mute", "reset"
    match: Match = field(default_factory=Match)
    for_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """`constant` are the exchange's, armed for the whole safety phase, with a probability each."""

    constant: Sequence[Fault]
    moments: Sequence[Moment]
    wire: WireFaults
    own: OwnFaults
    kills: Sequence[Kill]


@dataclass(frozen=True, slots=True)
class Kill:
    """One life of the process ends at the so-manieth time that it reaches a point; "" is any point."""

    point: str
    times: int


def name_of(effect: Effect | str) -> str:
    """What a kind is called in the sum of all runs."""
    match effect:
        case str():
            return f"stream_{effect}"
        case HttpError(status=status):
            return "http_429" if status == 429 else "http_5xx"
        case RetCodeError(code=code):
            return f"code_{code}"
        case _:
            return effect.name


KINDS: Final = (
    "lost_request", "late_accept", "lost_reply", "http_429", "http_5xx", "code_10000", "code_10006", "code_10016",
    "delayed_event", "duplicated_event", "reordered_event", "lost_event", "broken_socket", "silent_socket",
    "drop_sockets", "clock_skew", "maintenance", "halted", "price_jump",
    "stream_mute", "stream_reset", *(f"net_{one.name}" for one in fields(WireFaults)),
    "database_before", "database_unknown", "database_slow", "clock_off", "clock_step",
)  # fmt: skip


def draw(rng: random.Random, points: Sequence[str]) -> FaultPlan:
    """The plan of a seed; `points` are the names at which a process may be killed."""
    constant = [fault for fault in _constant(rng) if rng.random() < 0.5]
    moments = [moment for moment in _moments(rng) if rng.random() < 0.3]
    wire = {one.name: _share(rng, 0.25) if on else 0.0 for one in fields(WireFaults) for on in [rng.random() < 0.4]}
    kills = [_kill(rng, points) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
    own = OwnFaults(
        database_before=_share(rng, 0.02) if rng.random() < 0.3 else 0.0,
        database_unknown=_share(rng, 0.02) if rng.random() < 0.3 else 0.0,
        database_slow=_share(rng, 0.5) if rng.random() < 0.3 else 0.0,
        clock_off_s=rng.uniform(-40, 40) if rng.random() < 0.4 else 0.0,
        clock_steps=rng.choice((0, 0, 1, 2)),
    )
    return FaultPlan(
        constant=constant,
        moments=sorted(moments, key=lambda moment: moment.at_s),
        wire=WireFaults(**wire),
        own=own,
        kills=kills,
    )


def _kill(rng: random.Random, points: Sequence[str]) -> Kill:
    by_name = rng.random() < 0.8
    point, times, any_times = rng.choice(points), rng.choice((1, 1, 2, 3)), rng.randrange(1, 300)
    return Kill(point, times) if by_name else Kill("", any_times)


def _share(rng: random.Random, highest: float) -> float:
    share: float = highest * rng.choice((0.1, 0.3, 1.0))
    return share


def _rate(rng: random.Random, between: tuple[float, float]) -> float:
    low, high = between
    share: float = low * (high / low) ** rng.random()
    return share


def _constant(rng: random.Random) -> list[Fault]:
    def call(effect: Effect) -> Fault:
        command = Match(path=rng.choice(COMMANDS)), _rate(rng, COMMAND_RATES)
        read = Match(path=rng.choice(READS)), _rate(rng, READ_RATES)
        match, probability = command if rng.random() < 0.75 else read
        return Fault(effect=effect, match=match, probability=probability)

    def event(effect: Effect, **match: Any) -> Fault:
        return Fault(effect=effect, match=Match(**match), probability=_rate(rng, EVENT_RATES))

    def some() -> bool:
        return rng.random() < 0.5

    topic = rng.choice(("", "order", "execution", "position"))
    return [
        call(LostRequest(hang=some())),
        call(LateAccept(delay_ms=rng.randint(50, 8_000))),
        call(LostReply(hang=some(), hide_ms=rng.choice((0, rng.randint(100, 15_000))))),
        call(HttpError(status=429, processed=some())),
        call(HttpError(status=rng.choice((500, 502, 503, 504)), processed=some())),
        call(RetCodeError(code=10000, processed=some())),
        call(RetCodeError(code=10006, reset_ms=rng.randint(100, 2_000))),
        call(RetCodeError(code=10016, processed=some())),
        event(DelayedEvent(delay_ms=rng.randint(50, 3_000))),
        event(DuplicatedEvent(delay_ms=rng.choice((0, rng.randint(1, 2_000))))),
        event(ReorderedEvent(delay_ms=rng.randint(50, 2_000))),
        event(LostEvent(), topic=topic),
        Fault(effect=BrokenSocket(), match=Match(stream="private"), probability=_rate(rng, EVENT_RATES) / 8),
    ]


def _moments(rng: random.Random) -> list[Moment]:
    private = Match(stream="private")

    def when() -> float:
        return rng.uniform(1.0, SAFETY_S)

    return [
        Moment(at_s=when(), effect=SilentSocket(pongs=rng.random() < 0.5), match=private, for_s=rng.uniform(1, 35)),
        Moment(at_s=when(), effect=DropSockets(), match=private),
        Moment(at_s=when(), effect=DropSockets(), match=private),
        Moment(at_s=when(), effect=ClockSkew(skew_ms=rng.randint(-5_000, 5_000)), for_s=rng.uniform(3, 30)),
        Moment(at_s=when(), effect=Maintenance(http=rng.random() < 0.5), for_s=rng.uniform(1, 15)),
        Moment(at_s=when(), effect=Halted(listing="BTCUSDT"), for_s=rng.uniform(1, 10)),
        Moment(
            at_s=when(),
            effect=PriceJump(listings=("BTCUSDT",), fraction=Decimal(rng.choice((-1, 1)) * rng.randint(5, 30)) / 1000),
        ),
        Moment(at_s=when(), effect="mute"),
        Moment(at_s=when(), effect="reset"),
        Moment(at_s=when(), effect="reset"),
    ]
