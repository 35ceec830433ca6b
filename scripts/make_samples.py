"""Write the committed sample recordings of tests/data, all of our own synthetic market.

usage: python scripts/make_samples.py [FOLDER]     (default: tests/data)

One file of each kind that a replay knows: three days of minutes, ninety days of quarter hours with their funding, five
minutes of trades and of best bid and ask, five seconds of an order-book archive. The same bytes every time: fixed seed,
fixed days, no time stamp in the gzip header. They are made up, not recorded, so they may be committed and the tests of
the replay run everywhere.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from tradewright.simulator.market import (
    BTCUSDT,
    ETHUSDT,
    Kline,
    MarketBook,
    MarketClock,
    MarketEvent,
    MarketTrade,
    decimal_text,
    parse_time,
)
from tradewright.simulator.market.bars import OpenBar
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.market.synthetic.walk import PROFILES, Walk, chance, pace_of, size_steps

SEED: Final = 20_240_301
END: Final = "2024-03-04T00:00:00Z"  # three days of minutes end here, and the trades begin
MINUTES: Final = 3 * 24 * 60
QUARTERS: Final = 90 * 24 * 4
QUARTER_MS: Final = 15 * 60_000
TICKS_OF_MS: Final = 5 * 60_000  # of trades and quotes
BOOKS: Final = 26  # of the archive, five a second
DEPTH: Final = 50
CANDLES: Final = "open_time_ms,open,high,low,close,volume,turnover"


def market_at(ms: int) -> SyntheticMarket:
    """Without weather: tests know the samples number by number, and they were there before it."""
    clock = MarketClock(wall_ms=ms, market_ms=ms, speed=1)
    return SyntheticMarket(
        seed=SEED, clock=clock, start_ms=ms, follows_wall=True, listed=(BTCUSDT, ETHUSDT), weather=False
    )


def minutes() -> bytes:
    """Three days of BTCUSDT."""
    end_ms = parse_time(END)
    market = market_at(end_ms)
    start_ms = end_ms - MINUTES * 60_000
    rows: list[Kline] = []
    for day_ms in range(start_ms, end_ms, 86_400_000):
        rows += reversed(market.klines("BTCUSDT", "1", day_ms, day_ms + 86_400_000 - 1, MINUTES))
    assert len(rows) == MINUTES, "the synthetic market has three days of history"
    return packed(CANDLES, map(candle_row, rows))


def quarter_hours() -> bytes:
    """Ninety days of ETHUSDT in coarse steps of the same process, without turnover; a few hours are missing."""
    profile = PROFILES["ETHUSDT"]
    start_ms = parse_time(END) - QUARTERS * QUARTER_MS
    rng = chance(SEED, "ETHUSDT", "quarters")
    walk, pace = Walk.at(profile.base_ticks), pace_of(QUARTER_MS / 5_000)
    rows: list[str] = []
    price: Decimal | None = None
    for start in range(start_ms, start_ms + QUARTERS * QUARTER_MS, QUARTER_MS):
        bar = OpenBar(start, price or ETHUSDT.tick_size * round(walk.mid), Decimal(size_steps(rng, 900.0)))
        for _ in range(5):
            walk.step(rng, profile, pace)
            bar.add(ETHUSDT.tick_size * round(walk.mid), Decimal(size_steps(rng, 900.0)))
        price = bar.close
        if start // QUARTER_MS % 700 not in range(5, 9):  # the recorder was down
            numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume)
            rows.append(",".join([str(start), *(trimmed(decimal_text(number)) for number in numbers), ""]))
    return packed(CANDLES, rows)


def funding() -> bytes:
    """What was due in those ninety days: around 0.01 %, now and then below zero."""
    interval_ms = ETHUSDT.funding_interval_min * 60_000
    times = range(parse_time(END) - QUARTERS * QUARTER_MS, parse_time(END) + 1, interval_ms)
    rates = (Decimal(round(chance(SEED, "funding", ms).gauss(10_000, 9_000))).scaleb(-8) for ms in times)
    rows = (f"{ms},{trimmed(decimal_text(rate))}" for ms, rate in zip(times, rates, strict=True))
    return packed("funding_time_ms,funding_rate", rows)


def trades() -> bytes:
    """Five minutes of BTCUSDT."""
    found = [event for event in events() if isinstance(event, MarketTrade)]
    return packed("time_ms,id,side,price,size", map(trade_row, found))


def quotes() -> bytes:
    """The best bid and ask of the same minutes, where they changed."""
    bests = [(book.time_ms, book.bids[0], book.asks[0]) for book in books()]
    changed = [bests[0], *(after for before, after in pairwise(bests) if after[1:] != before[1:])]
    rows = (
        ",".join([str(ms), *(trimmed(decimal_text(number)) for level in (bid, ask) for number in level)])
        for ms, bid, ask in changed
    )
    return packed("time_ms,bid,bid_size,ask,ask_size", rows)


def order_book() -> bytes:
    """The first seconds of the same book as Bybit archives them: a snapshot, then what changed."""
    messages = []
    before: dict[str, dict[str, str]] = {}
    for number, book in enumerate(books()[:BOOKS]):
        after = {
            side: {decimal_text(price): decimal_text(size) for price, size in levels[:DEPTH]}
            for side, levels in (("b", book.bids), ("a", book.asks))
        }
        changes = {side: changed_levels(before.get(side, {}), after[side]) for side in ("b", "a")}
        message = {
            "topic": f"orderbook.{DEPTH}.BTCUSDT",
            "type": "delta" if number else "snapshot",
            "ts": book.time_ms + 3,
            "data": {"s": "BTCUSDT", **changes, "u": 7_000_001 + number, "seq": 90_000_000 + book.seq},
            "cts": book.time_ms,
        }
        messages.append(json.dumps(message, separators=(",", ":")))
        before = after
    return packed(*messages[:1], messages[1:])


SAMPLES: Final[dict[str, Callable[[], bytes]]] = {
    "btcusdt-linear-1m-sample.csv.gz": minutes,
    "ethusdt-linear-15m-sample.csv.gz": quarter_hours,
    "ethusdt-linear-funding-sample.csv.gz": funding,
    "btcusdt-linear-trades-sample.csv.gz": trades,
    "btcusdt-linear-bbo-sample.csv.gz": quotes,
    "btcusdt-linear-ob50-sample.jsonl.gz": order_book,
}


@cache
def events() -> list[MarketEvent]:
    """Five minutes of BTCUSDT."""
    end_ms = parse_time(END)
    market = market_at(end_ms)
    return [event for event in market.advance(end_ms + TICKS_OF_MS) if event.symbol == "BTCUSDT"]


def books() -> list[MarketBook]:
    return [event for event in events() if isinstance(event, MarketBook)]


def candle_row(row: Kline) -> str:
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return ",".join([str(row.start_ms), *(trimmed(decimal_text(number)) for number in numbers)])


def trade_row(trade: MarketTrade) -> str:
    numbers = (trimmed(decimal_text(number)) for number in (trade.price, trade.size))
    return ",".join([str(trade.time_ms), str(9_000_000 + trade.seq), trade.side, *numbers])


def changed_levels(before: dict[str, str], after: dict[str, str]) -> list[list[str]]:
    changed = [[price, size] for price, size in after.items() if before.get(price) != size]
    return changed + [[price, "0"] for price in before if price not in after]


def trimmed(text: str) -> str:
    """Without trailing zeros, as recordings print numbers."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def packed(header: str, rows: Iterable[str]) -> bytes:
    return gzip.compress(("\n".join([header, *rows]) + "\n").encode("ascii"), compresslevel=9, mtime=0)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "tests" / "data"
    for name, make in SAMPLES.items():
        target = folder / name
        target.write_bytes(make())
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
