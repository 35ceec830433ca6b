"""A spoiled file of trades is refused, or read as it stands: never with a trade lost, changed or made up."""

from __future__ import annotations

import csv
import gzip
import io
import random
from fractions import Fraction

import pytest

from tradewright.core.instrument import Category
from tradewright.market.history import source
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.trade_bars import FileBars, bars_of, rows_of_bars
from tradewright.market.history.trade_files import trades_of
from unit.market.history.trade_tapes import Trade, by_open, candles, contracts_file, spot_file, tape

MINUTE = 60_000
FILES_EACH = 60
_BYTES = b'0123456789,.\n"-+eE \r\x00\xff\xc3ax'
_TEXTS = (b",", b"\n", b'"', b"1e5", b"nan", b" ", b"\r\n", b"-", b'""', b"inf", b'"a"', b"\n\n", b"_")


def spoiled(content: bytes, chance: random.Random) -> bytes:
    """One to three accidents: a byte changed, some lost, a text or a piece of the file put in, the end cut off."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at, what = chance.randrange(len(found)), chance.randrange(10)
        if what < 4:
            found[at] = chance.choice(_BYTES)
        elif what < 6:
            del found[at : at + chance.randint(1, 30)]
        elif what < 8:
            found[at:at] = chance.choice(_TEXTS)
        elif what < 9:
            piece = chance.randrange(len(found))
            found[at:at] = found[piece : piece + chance.randint(1, 200)]
        else:
            found = found[: at + 1]
    return bytes(found)


def read(content: bytes, category: Category) -> FileBars | None:
    with source.opened(io.BytesIO(content), name="a file") as stream:
        lines = source.whole_lines(stream, "a file")
        return bars_of(trades_of(lines, category=category, symbol="BTCUSDT", name="a file"), "1m", None, "a file")


def as_it_stands(content: bytes, category: Category) -> list[Trade]:
    """Line by line, by Python's own reader and in fractions; raises where a line has not the first one's cells."""
    header, *lines = csv.reader(content.decode("utf-8", "replace").replace("\r", "").split("\n"))
    names = [name.strip().lower() for name in header]
    rows = [dict(zip(names, cells, strict=True)) for cells in lines if any(cell.strip() for cell in cells)]
    size, ns_of_one = ("size", 10**9) if category == "linear" else ("volume", 10**6)
    return [Trade(int(Fraction(row["timestamp"]) * ns_of_one), row["price"], row[size]) for row in rows]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("category", ["linear", "spot"])
def test_a_spoiled_file_is_refused_or_read_as_it_stands(
    category: Category, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PIECE_BYTES", 700)
    chance = random.Random(f"{category} {seed}")
    taken = refused = 0
    for _ in range(FILES_EACH):
        trades = tape(chance.randrange(10**6), span_ms=10 * MINUTE, count=60)
        whole = gzip.decompress((contracts_file if category == "linear" else spot_file)(trades))
        content = spoiled(whole, chance)
        try:
            found = read(content, category)
        except BadCandles:
            refused += 1
            continue
        stands = sorted(as_it_stands(content, category), key=lambda trade: trade.ns)
        assert (by_open(rows_of_bars([found])) if found is not None else {}) == candles(stands, MINUTE), content
        taken += 1
    assert taken >= 5
    assert refused >= 5
