"""What goes into a machine and what it says: fills and ends of its orders, what it wants to stand, what to tell.

Lives here: `Machine`, the one shape of all kinds, and its values. Not here: what a kind decides (`signal`), who asks
the exchange and when (`bots.runner`).

A machine says what it *wants* to stand at the exchange; whoever runs it compares that with what does, again and again.
So after a restart nothing has to be remembered but the machine's own memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from tradewright.bots.model import EventKind, EventLevel
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.prices import Direction, Filters

MEMORY_VERSION: Final = 1
# Why a position was closed that no rule, stop or limit of the run closed: somebody else did.
BY_HAND: Final = "manual"


class BadMemory(ValueError):
    """What a machine was to remember is not of this program; nothing may be decided on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run is given: capital in quote coin, `taker_rate` as a fraction, `first_open_ms` of the first bar that is
    decided on. `max_position`: the value (quote coin) beyond which no entry is sent; None: the strategy's own size."""

    filters: Filters
    capital: Decimal
    taker_rate: Decimal
    first_open_ms: int
    max_position: Decimal | None = None
    resting_max: int | None = None  # of orders that rest at once; None: as many as the strategy has


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to be told of a run. `key` names the order of ours that it is about."""

    kind: EventKind
    payload: Mapping[str, Any]
    level: EventLevel = "info"
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWanted:
    """An order that opens. `key` is its own for ever: an id is made of it, so it is never asked twice.

    `price` None: at market. `stop` and `target` are attached to it. `bar_open_ms`: the bar whose close decided it.
    """

    key: str
    bar_open_ms: int
    direction: Direction
    quantity: Decimal
    price: Decimal | None
    is_post_only: bool
    stop: Decimal | None
    target: Decimal | None
    rests: bool = False  # it stands for as long as its position does: it may leave after its bar, too


@dataclass(frozen=True, slots=True)
class CloseWanted:
    """Of the run's own position that much is to be taken off at market."""

    key: str
    direction: Direction  # of the position
    quantity: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Exits:
    """Where the position's stop and target are to lie; None: it has none."""

    direction: Direction
    stop: Decimal | None
    target: Decimal | None


Taker = Literal["own", "stop", "target", "liquidation", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFill:
    """A fill of the run's. `by`: an order of ours (then `key`), or what else took its position off. Direction 1 buys.

    `fee` in quote coin, positive when paid. `bar_open_ms`: the bar in which it happened.
    """

    by: Taker
    key: str | None
    direction: Direction
    quantity: Decimal
    price: Decimal
    fee: Decimal
    bar_open_ms: int


class Machine(Protocol):
    """Of one run. To be used inside `core.money.exactly()`."""

    @property
    def net(self) -> Decimal:
        """The run's own position in base coin, negative when short."""
        ...

    def equity(self, price: Decimal) -> Decimal: ...
    def totals(self, price: Decimal) -> dict[str, Any]:
        """As lists show them; decimals as text."""
        ...

    def trades(self) -> int:
        """How many were closed."""
        ...

    def position(self) -> dict[str, Any] | None: ...
    def seen(self, bar: Bar) -> Position:
        """The position as expressions see it at a bar's close."""
        ...

    # What happens.

    def on_close(self, bar: Bar, values: Values, *, may_enter: bool) -> list[Said]:
        """Decides on a closed bar. Without `may_enter` nothing that opens is decided, and what would have been is
        told."""
        ...

    def on_late(self, bar: Bar, values: Values) -> list[Said]:
        """A bar that came too late to be decided on: levels and counts are brought up to date."""
        ...

    def on_fill(self, fill: OwnFill) -> list[Said]: ...
    def on_funding(self, paid: Decimal) -> list[Said]: ...
    def on_ended(self, key: str) -> list[Said]:
        """An order of ours is over, all its fills told."""
        ...

    def on_asked(self, key: str) -> None:
        """It is on its way: it was written down and may have left."""
        ...

    def recalled(self, key: str) -> None:
        """It was on its way and nobody wrote it down, so it never left: it may be sent, while there is time."""
        ...

    def dropped(self, key: str) -> None:
        """It never left, and will not."""
        ...

    def give_up_entries(self) -> list[str]:
        """Nothing that was decided and has not left will; what rests is to be cancelled. Returns what was dropped."""
        ...

    def give_up_orders(self) -> list[str]:
        """As `give_up_entries`, and also what would take something off is not to rest any more."""
        ...

    def want_close(self, reason: str, bar_open_ms: int) -> None: ...
    def is_done(self) -> bool:
        """Whether nothing is open and nothing will be, by its plan: a grid was closed by its stop, the one cycle is
        over."""
        ...

    # What is wanted.

    def to_send(self) -> Sequence[OrderWanted]:
        """Orders that were decided and may leave now."""
        ...

    def unsent(self) -> Sequence[str]:
        """Keys of all that were decided and have not left."""
        ...

    def resting(self) -> Sequence[str]:
        """Keys of those that left and have not ended."""
        ...

    def cancels(self) -> Sequence[str]: ...
    def close_wanted(self) -> CloseWanted | None: ...
    def exits(self) -> Exits | None: ...
    def watch(self, price: Decimal) -> list[Said]:
        """The last price, now and then: for what no order at the exchange watches."""
        ...

    def passed(self, price: Decimal) -> str | None:
        """The reason for which a position is closed at this price; None: it is not."""
        ...

    def expects(self, bar: Bar) -> bool:
        """Whether a fill must be on its way, going by where the price was in a bar that has not been decided on."""
        ...

    # What is kept.

    def memory(self) -> dict[str, Any]: ...


@dataclass(slots=True)
class Told:
    """What a machine says while one thing happens."""

    said: list[Said] = field(default_factory=list)

    def note(self, code: str, level: EventLevel = "warning", **params: str) -> None:
        self.said.append(Said("note", {"code": code, "params": params}, level))

    def add(self, kind: EventKind, key: str | None = None, **payload: Any) -> None:
        self.said.append(Said(kind, payload, key=key))
