"""Which candles: of what market, listing and timeframe, and where they came from.

Lives here: `Series`, its names and its place below the store's folder. Not here: what is there (`store`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, cast, get_args

from tradewright.core.instrument import CATEGORIES, Category
from tradewright.strategy.timeframe import TIMEFRAMES, Timeframe

Origin = Literal["bybit", "testnet", "sim"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
_SYMBOL = re.compile(r"[A-Z0-9]{2,30}")


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Series:
    """One row of candles. Prices of testnet and of a simulated exchange are other prices: they have a folder of their
    own, so that they never get between those of the real market."""

    category: Category
    symbol: str
    timeframe: Timeframe
    origin: Origin = "bybit"

    def __post_init__(self) -> None:
        """The names become a path, so nothing else may come in. Raises `ValueError`."""
        if self.category not in CATEGORIES:
            raise ValueError(f"the category is {self.category!r}; allowed are {', '.join(CATEGORIES)}")
        if not _SYMBOL.fullmatch(self.symbol):
            raise ValueError(f"the symbol is {self.symbol!r}; it is 2 to 30 of A-Z and 0-9, such as BTCUSDT")
        if self.timeframe not in TIMEFRAMES:
            raise ValueError(f"the timeframe is {self.timeframe!r}; allowed are {', '.join(TIMEFRAMES)}")
        if self.origin not in ORIGINS:
            raise ValueError(f"the origin is {self.origin!r}; allowed are {', '.join(ORIGINS)}")

    @property
    def folder(self) -> PurePosixPath:
        """Below the store's: `linear/BTCUSDT`, or `sim/linear/BTCUSDT`."""
        own = () if self.origin == "bybit" else (self.origin,)
        return PurePosixPath(*own, self.category, self.symbol)

    def __str__(self) -> str:
        return f"{self.folder}/{self.timeframe}"


def series_at(manifest: Path, root: Path) -> Series | None:
    """The series whose manifest this is; None for a file that is none of ours."""
    parts = manifest.relative_to(root).with_suffix("").parts
    if len(parts) not in (3, 4):
        return None
    origin = "bybit" if len(parts) == 3 else parts[0]
    category, symbol, timeframe = parts[-3:]
    try:
        return Series(
            category=cast(Category, category),
            symbol=symbol,
            timeframe=cast(Timeframe, timeframe),
            origin=cast(Origin, origin),
        )
    except ValueError:
        return None
