"""Bybit's order-book archive: one JSON message a line, a snapshot first, then what changed.

Lives here: the check, which plays the whole archive once, and `Depth`, the book that messages make.
Not here: playing it in time (`book_track`).
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.model import Level
from tradewright.simulator.market.recorded.rows import Rows, decimals_of, require_order

_TOPIC: Final = re.compile(r"orderbook\.(?P<depth>[1-9]\d{0,3})\.(?P<symbol>[A-Z0-9-]{1,40})")
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{1,30})?")


class BookChange(msgspec.Struct, frozen=True):
    """The levels of one message, best first in a snapshot; size 0 takes a level away."""

    s: str
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: int
    seq: int


class BookMessage(msgspec.Struct, frozen=True):
    """One line. `cts` is when the matching engine made it, `ts` when it was sent; archives have both."""

    topic: str
    type: Literal["snapshot", "delta"]
    ts: int
    data: BookChange
    cts: int | None = None

    @property
    def time_ms(self) -> int:
        return self.ts if self.cts is None else self.cts


_DECODER: Final = msgspec.json.Decoder(BookMessage)


class Depth:
    """A book in the making: both sides in ascending order of price."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids: list[Level] = []
        self._asks: list[Level] = []

    def apply(self, message: BookMessage) -> None:
        if message.type == "snapshot":
            self._bids, self._asks = [], []
        for side, changes in ((self._bids, message.data.b), (self._asks, message.data.a)):
            for price_text, size_text in changes:
                _put(side, Decimal(price_text), Decimal(size_text))

    def bids(self, depth: int) -> tuple[Level, ...]:
        """Best first, at most `depth` levels."""
        return tuple(self._bids[: -depth - 1 : -1])

    def asks(self, depth: int) -> tuple[Level, ...]:
        return tuple(self._asks[:depth])

    def fault(self) -> str:
        """What makes this no book to trade on; "" when it is one."""
        if not self._bids or not self._asks:
            return f"leaves {len(self._bids)} bids and {len(self._asks)} asks; each side needs a level"
        bid, ask = self._bids[-1][0], self._asks[0][0]
        return f"leaves bid {bid} at or above ask {ask}; a book must not be crossed" if bid >= ask else ""


class BookFile(Rows):
    """Messages of one symbol; `depth` levels a side are told."""

    __slots__ = ("depth", "snapshots", "symbol")

    kind = "order book"

    def __init__(
        self, *, name: str, lines: list[bytes], times: array[int], topic: re.Match[str], snapshots: array[int]
    ) -> None:
        super().__init__(name=name, lines=lines, times=times)
        self.symbol: str = topic["symbol"]
        self.depth = int(topic["depth"])
        self.snapshots = snapshots  # their places; the first is 0

    def message(self, index: int) -> BookMessage:
        return _DECODER.decode(self._lines[index])


def book_of(path: str, lines: Sequence[bytes]) -> BookFile:
    """Check an archive message by message, as a client would apply it. Raises `RecordingError`."""
    depth, times, snapshots = Depth(), array("q"), array("q")
    first: BookMessage | None = None
    before: BookMessage | None = None
    price_decimals = size_decimals = 0
    for number, line in enumerate(lines, start=1):
        message = _decoded(path, number, line)
        first = first or message
        _check_place(path, number, message, first, before)
        for price, size in (*message.data.b, *message.data.a):
            if _NUMBER.fullmatch(price) is None or _NUMBER.fullmatch(size) is None:
                raise RecordingError(
                    f"{path}, line {number}: the level {[price, size]!r} must be price and size as plain decimal text"
                )
            price_decimals = max(price_decimals, decimals_of(price.encode()))
            size_decimals = max(size_decimals, decimals_of(size.encode()))
        depth.apply(message)
        if fault := depth.fault():
            raise RecordingError(f"{path}, line {number}: the message {fault}")
        if message.type == "snapshot":
            snapshots.append(len(times))
        times.append(message.time_ms)
        before = message
    if first is None:
        raise RecordingError(f"{path} is empty; an order-book archive begins with a snapshot")
    file = BookFile(name=path, lines=list(lines), times=times, topic=_topic(path, first), snapshots=snapshots)
    file.price_decimals, file.size_decimals = price_decimals, size_decimals
    return file


def _decoded(path: str, number: int, line: bytes) -> BookMessage:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(
            f"{path}, line {number}: no order-book message ({error}); "
            "it must be as Bybit's public stream sends it: topic, type, ts, data with s, b, a, u, seq, and cts"
        ) from None


def _topic(path: str, message: BookMessage) -> re.Match[str]:
    topic = _TOPIC.fullmatch(message.topic)
    if topic is None or topic["symbol"] != message.data.s:
        raise RecordingError(
            f"{path}, line 1: topic {message.topic!r} of symbol {message.data.s!r}; it must be orderbook.DEPTH.SYMBOL"
        )
    return topic


def _check_place(path: str, number: int, message: BookMessage, first: BookMessage, before: BookMessage | None) -> None:
    """Whether a message may follow the one before: nothing is missing between them."""
    if before is None:
        if message.type != "snapshot":
            raise RecordingError(f"{path}, line 1: the type is 'delta'; an archive begins with a snapshot")
        _topic(path, message)
        return
    if (message.topic, message.data.s) != (first.topic, first.data.s):
        raise RecordingError(f"{path}, line {number}: topic {message.topic!r}; all messages must be of {first.topic!r}")
    require_order(
        path, number, "cts" if message.cts is not None else "ts", message.time_ms, before.time_ms, strictly=False
    )
    if message.type == "delta" and message.data.u != before.data.u + 1:
        raise RecordingError(
            f"{path}, line {number}: u is {message.data.u} after {before.data.u}; "
            "a delta follows its predecessor without a gap, or a snapshot comes first"
        )


def _put(side: list[Level], price: Decimal, size: Decimal) -> None:
    place = bisect_left(side, price, key=_price_of)
    there = place < len(side) and side[place][0] == price
    if not size:
        if there:
            del side[place]
    elif there:
        side[place] = (price, size)
    else:
        side.insert(place, (price, size))


def _price_of(level: Level) -> Decimal:
    return level[0]
