"""How Bybit's public archive calls its files of trades, and what a file of that name has.

Lives here: names and addresses below the archive's, both ways. Not here: getting them (`exchange.bybit.archive`).

    trading/BTCUSDT/BTCUSDT2024-01-31.csv.gz    contracts, a UTC day each
    spot/BTCUSDT/BTCUSDT_2024-01-31.csv.gz      spot, a UTC day each; BTCUSDT-2024-01.csv.gz a month
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.instrument import Category
from tradewright.market.history.trade_bars import Span
from tradewright.strategy.timeframe import DAY_MS

_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,30}?)(?P<mark>[_-]?)(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2}))?"
    r"\.csv(\.gz)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What the name of a file says is in it."""

    category: Category
    symbol: str
    span: Span


def path_of(category: Category, symbol: str, day_ms: int) -> str:
    """Below the archive's address: the file of the UTC day that begins at `day_ms`."""
    day = from_milliseconds(day_ms).strftime("%Y-%m-%d")
    if category == "spot":
        return f"spot/{symbol}/{symbol}_{day}.csv.gz"
    return f"trading/{symbol}/{symbol}{day}.csv.gz"


def dated(name: str) -> Dated | None:
    """None for a name that is not the archive's, or of no day of the calendar."""
    found = _NAME.fullmatch(PurePath(name).name)
    if found is None:
        return None
    mark, day = found["mark"], found["day"]
    if (mark == "-") == (day is not None) or (mark == "" and day is None):
        return None
    try:
        begin = datetime(int(found["year"]), int(found["month"]), int(day or 1), tzinfo=UTC)
    except ValueError:
        return None
    if day is not None:
        end_ms = milliseconds(begin) + DAY_MS
    else:
        end_ms = milliseconds(datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1, tzinfo=UTC))
    category: Category = "linear" if mark == "" else "spot"
    return Dated(category=category, symbol=found["symbol"], span=Span(first_ms=milliseconds(begin), end_ms=end_ms))
