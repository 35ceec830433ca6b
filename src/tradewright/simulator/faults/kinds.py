"""The faults there are, as values: what each does, and what it meets.

Lives here: one small type per kind, `Match` (whom a fault meets) and `Fault` (one that is armed). Not here: reading
them from a request (`reading`), counting and chance (`board`), carrying them out (`calls`, `sockets`, `bent_market`).
All spans are milliseconds of real wall time, which no fault skews.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal

Stream = Literal["private", "public", "trade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRequest:
    """The call never reaches the exchange. `hang` keeps its connection open without an answer, else it is dropped."""

    name: ClassVar[str] = "lost_request"
    hang: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LateAccept:
    """The call is looked at `delay_ms` later, even if its client has gone by then.

    All checks are made then: a call whose timestamp and recv window have run out is refused, as the real one would.
    """

    name: ClassVar[str] = "late_accept"
    delay_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LostReply:
    """The call is processed but never answered. An order it made stays invisible for `hide_ms`."""

    name: ClassVar[str] = "lost_reply"
    hang: bool = True
    hide_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError:
    """HTTP 429 or 5xx without Bybit's envelope, as its gateways answer; `processed` or not.

    The trade stream has no HTTP status: there 429 is 10429 and 5xx is 10016.
    """

    name: ClassVar[str] = "http_error"
    status: int = 502
    processed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetCodeError:
    """An answer with this code; `processed` or not. `reset_ms` is for 10006: when its header says the limit ends."""

    name: ClassVar[str] = "ret_code"
    code: int = 10000
    processed: bool = False
    reset_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedEvent:
    """A private message comes `delay_ms` later; those that are delayed alike keep their order."""

    name: ClassVar[str] = "delayed_event"
    delay_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatedEvent:
    """A private message comes in its time and again `delay_ms` later."""

    name: ClassVar[str] = "duplicated_event"
    delay_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorderedEvent:
    """A private message comes up to `delay_ms` later, each by its own chance, so that they overtake each other."""

    name: ClassVar[str] = "reordered_event"
    delay_ms: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LostEvent:
    """A private message never comes."""

    name: ClassVar[str] = "lost_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSocket:
    """A socket stays open and says nothing; what it would have said is lost. `pongs`: it still answers pings."""

    name: ClassVar[str] = "silent_socket"
    pongs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenSocket:
    """A socket is dropped, without a goodbye, in place of the next frame that it should have sent."""

    name: ClassVar[str] = "broken_socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSockets:
    """Every matching socket that is open is dropped at once."""

    name: ClassVar[str] = "drop_sockets"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew:
    """The exchange's wall clock is off by so much: server time, receive windows and all timestamps. The market goes on
    as if nothing were.
    """

    name: ClassVar[str] = "clock_skew"
    skew_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """The exchange is being worked on: trading is refused, by 10016 or (`http`) by HTTP 503, on the trade stream by
    10019; system/status tells it. Market data goes on.
    """

    name: ClassVar[str] = "maintenance"
    http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """The instrument is not traded: its market stands still, its status is not Trading, orders for it are refused."""

    name: ClassVar[str] = "halted"
    listing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOrders:
    """Whatever orders `lost_reply` still hides are seen from now on, and what waits to be told of them is told."""

    name: ClassVar[str] = "show_orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceJump:
    """The market of these listings moves by this fraction (0.1 is up by ten per cent) at once, and goes on from there.

    It shows in everything that is told: books, trades, candles, marks. Options keep the prices that their underlying
    had without it.
    """

    name: ClassVar[str] = "price_jump"
    listings: tuple[str, ...] = ()
    fraction: Decimal = Decimal(0)


CallFault = LostRequest | LateAccept | LostReply | HttpError | RetCodeError
EventFault = DelayedEvent | DuplicatedEvent | ReorderedEvent | LostEvent
SocketFault = SilentSocket | BrokenSocket
StateFault = ClockSkew | Maintenance | Halted  # holds for a time
Deed = DropSockets | ShowOrders | PriceJump  # is done at once, and is over then
Effect = CallFault | EventFault | SocketFault | StateFault | Deed

CALLS: tuple[type[Effect], ...] = (LostRequest, LateAccept, LostReply, HttpError, RetCodeError)
EVENTS: tuple[type[Effect], ...] = (DelayedEvent, DuplicatedEvent, ReorderedEvent, LostEvent)
SOCKETS: tuple[type[Effect], ...] = (SilentSocket, BrokenSocket)
STATES: tuple[type[Effect], ...] = (ClockSkew, Maintenance, Halted)
DEEDS: tuple[type[Effect], ...] = (DropSockets, ShowOrders, PriceJump)
KINDS: dict[str, type[Effect]] = {kind.name: kind for kind in (*CALLS, *EVENTS, *SOCKETS, *STATES, *DEEDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happens: a call, a private message or a frame on a socket. What it has not got is ""."""

    path: str = ""
    topic: str = ""
    stream: str = ""
    uid: str = ""
    symbols: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()  # that a socket has subscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Whom a fault meets; "" is everybody. A `path` that ends in `*` is a beginning; the operations of the trade
    stream go by the paths of the same calls.
    """

    path: str = ""
    topic: str = ""
    stream: str = ""
    uid: str = ""
    symbol: str = ""

    def meets(self, place: Place) -> bool:
        begins = self.path.endswith("*") and place.path.startswith(self.path[:-1])
        return (
            (begins or self.path in ("", place.path))
            and (self.topic in ("", place.topic) or self.topic in place.topics)
            and self.stream in ("", place.stream)
            and self.uid in ("", place.uid)
            and (not self.symbol or self.symbol in place.symbols)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One armed fault. `count` is how often it may strike yet, None without end; `until_ms` is real wall time."""

    effect: Effect
    match: Match = field(default_factory=Match)
    count: int | None = None
    probability: float = 1.0
    until_ms: int | None = None
