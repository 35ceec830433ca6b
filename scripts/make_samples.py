"""Write the committed sample recordings of tests/data: three days of BTCUSDT minutes of our own synthetic market.

usage: python scripts/make_samples.py [FOLDER]     (default: tests/data)

The same bytes every time: fixed seed, fixed days, no time stamp in the gzip header. They are made up, not recorded, so
they may be committed and the tests of the replay run everywhere.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from tradewright.simulator.market import Kline, build_market, decimal_text, parse_time

NAME = "btcusdt-linear-1m-sample.csv.gz"
SEED = 20_240_301
END = "2024-03-04T00:00:00Z"  # three days of history end here
ROWS = 3 * 24 * 60
HEADER = "open_time_ms,open,high,low,close,volume,turnover"


def sample() -> bytes:
    """The whole file, compressed."""
    end_ms = parse_time(END)
    market = build_market(["synthetic"], seed=SEED, speed=1, from_ms=end_ms, wall_now_ms=end_ms)
    start_ms = end_ms - ROWS * 60_000
    rows: list[Kline] = []
    for day_ms in range(start_ms, end_ms, 86_400_000):
        rows += reversed(market.klines("BTCUSDT", "1", day_ms, day_ms + 86_400_000 - 1, ROWS))
    assert len(rows) == ROWS, "the synthetic market has three days of history"
    lines = [HEADER, *map(row_text, rows)]
    return gzip.compress(("\n".join(lines) + "\n").encode("ascii"), compresslevel=9, mtime=0)


def row_text(row: Kline) -> str:
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return ",".join([str(row.start_ms), *(trimmed(decimal_text(number)) for number in numbers)])


def trimmed(text: str) -> str:
    """Without trailing zeros, as recordings print numbers."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "tests" / "data"
    target = folder / NAME
    target.write_bytes(sample())
    print(f"{target}: {ROWS} rows, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
