"""Write a month of minutes of our own synthetic market: 44,640 candles of BTCUSDT, and their funding.

usage: python scripts/make_month.py [FOLDER]     (default: tests/data)

For backtests and their bench where no recorded month is present. Each day has a drift of its own, so that what follows
trends and what fades them both find their days. The same bytes every time, as of `make_samples`. Made up, not recorded.
"""

from __future__ import annotations

import gzip
import math
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final

from tradewright.simulator.market import BTCUSDT, decimal_text, parse_time
from tradewright.simulator.market.bars import OpenBar
from tradewright.simulator.market.synthetic.walk import PROFILES, Walk, chance, pace_of, size_steps

SEED: Final = 20_240_501
START: Final = "2024-05-01T00:00:00Z"
DAYS: Final = 31
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
LOOKS: Final = 6  # at the price in each minute
DAILY_DRIFT: Final = 0.015  # of the logarithm, one standard deviation
FUNDING_MS: Final = 8 * 3_600_000


def minutes() -> Iterator[str]:
    """Rows of the month, the oldest first; one may stop early."""
    yield "open_time_ms,open,high,low,close,volume,turnover"
    profile = PROFILES["BTCUSDT"]
    walk, pace = Walk.at(profile.base_ticks), pace_of(MINUTE_MS / LOOKS / 1_000)
    price: Decimal | None = None
    start_ms = parse_time(START)
    for day_ms in range(start_ms, start_ms + DAYS * DAY_MS, DAY_MS):
        rng = chance(SEED, "BTCUSDT", day_ms)
        drift = rng.gauss(0.0, DAILY_DRIFT) / (DAY_MS / MINUTE_MS * LOOKS)
        for minute_ms in range(day_ms, day_ms + DAY_MS, MINUTE_MS):
            bar: OpenBar | None = None
            for _ in range(LOOKS):
                walk.step(rng, profile, pace, move=drift)
                size = BTCUSDT.qty_step * size_steps(rng, 400.0 * math.exp(0.5 * walk.heat))
                if bar is None:
                    bar = OpenBar(minute_ms, price or BTCUSDT.tick_size * round(walk.mid), size)
                bar.add(BTCUSDT.tick_size * round(walk.mid), size)
            assert bar is not None, "a minute is looked at"
            price = bar.close
            prices = (trimmed(decimal_text(number)) for number in (bar.open, bar.high, bar.low, bar.close, bar.volume))
            turnover = round(bar.volume * (bar.high + bar.low + bar.close) / 3)
            yield ",".join([str(minute_ms), *prices, str(turnover)])


def funding() -> Iterator[str]:
    """Of every eight hours of the month, its end included."""
    yield "funding_time_ms,funding_rate"
    start_ms = parse_time(START)
    for ms in range(start_ms, start_ms + DAYS * DAY_MS + 1, FUNDING_MS):
        rate = Decimal(round(chance(SEED, "funding", ms).gauss(10_000, 9_000))).scaleb(-8)
        yield f"{ms},{trimmed(decimal_text(rate))}"


FILES: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "btcusdt-linear-1m-month.csv.gz": minutes,
    "btcusdt-linear-funding-month.csv.gz": funding,
}


def text_of(rows: Iterator[str], count: int | None = None) -> str:
    return "\n".join([*islice(rows, count), ""])


def trimmed(text: str) -> str:
    """Without trailing zeros, as recordings print numbers."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "tests" / "data"
    for name, make in FILES.items():
        target = folder / name
        target.write_bytes(gzip.compress(text_of(make()).encode("ascii"), compresslevel=9, mtime=0))
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
