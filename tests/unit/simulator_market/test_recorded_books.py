"""An order-book archive played again is, after each message, the book that a client would have."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradewright.simulator.market import MarketBook
from unit.simulator_market.samples import ORDER_BOOK, QUOTES, ROOT, file_rows, replays

RECORDED = ROOT.parent / "shared" / "data" / "xrpusdt-linear-ob500-bybit-2024-12-01.jsonl.gz"


def clients_books(path: Path) -> list[tuple[int, dict[str, list[tuple[Decimal, Decimal]]]]]:
    """Time and levels after each message, by the plainest possible client: dictionaries, sorted each time."""
    found = []
    book: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
    for line in gzip.decompress(path.read_bytes()).splitlines():
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "snapshot":
            book = {"b": {}, "a": {}}
        for side in ("b", "a"):
            for price, size in message["data"][side]:
                book[side][Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del book[side][Decimal(price)]
        levels = {side: sorted(book[side].items(), reverse=side == "b") for side in ("b", "a")}
        found.append((message["cts"], levels))
    return found


@pytest.mark.parametrize("path", [ORDER_BOOK, RECORDED], ids=["sample", "recorded"])
def test_levels_and_times_are_equal_after_each_message(path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"{path.name} is not present")
    expected = clients_books(path)
    symbol = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])["data"]["s"]
    market = replays(f"{path}@linear:{symbol}", from_ms=expected[0][0], speed=1.0)

    told = [event for event in market.advance(10**14) if isinstance(event, MarketBook)]

    assert [(book.time_ms, {"b": list(book.bids), "a": list(book.asks)}) for book in told] == expected
    assert market.ended
    assert market.book(symbol) == told[-1]


def test_the_start_in_the_middle_has_the_book_of_all_messages_before() -> None:
    expected = clients_books(ORDER_BOOK)
    market = replays(f"{ORDER_BOOK}@linear:BTCUSDT")

    before = [levels for time_ms, levels in expected if time_ms < market.now_ms][-1]

    assert len(expected) // 2 == sum(time_ms < market.now_ms for time_ms, _ in expected)
    assert {"b": list(market.book("BTCUSDT").bids), "a": list(market.book("BTCUSDT").asks)} == before


def test_the_quotes_sample_is_played_row_for_row() -> None:
    rows = file_rows(QUOTES)
    market = replays(f"{QUOTES}@linear:BTCUSDT", from_ms=int(rows[0].split(",")[0]), speed=1.0)
    played = []
    while not market.ended:
        played += [event for event in market.advance(market.now_ms + 333) if isinstance(event, MarketBook)]

    told = [",".join(map(str, (book.time_ms, *book.bids[0], *book.asks[0]))) for book in played]
    assert told == rows
