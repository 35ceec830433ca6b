"""What a set of candles is called by what is in it, whatever file it came from.

The hash is SHA-256 over these bytes, one after another:
1. ASCII `tradewright candles 1`, a line feed, the timeframe (`1m`), a line feed, the number of bars in decimal digits,
   a line feed;
2. the columns `open_time_ms open high low close volume turnover` in this order, each as its values, oldest first:
   `open_time_ms` as 64-bit integers, the others as IEEE 754 doubles, both little-endian. Zero is +0; an absent turnover
   is the quiet NaN 0x7ff8000000000000.
So the same candles from CSV, Parquet and Feather have one hash, and any other number has another.
"""

from __future__ import annotations

import hashlib

from tradewright.market.history.rows import COLUMNS, TIME
from tradewright.strategy.candles import Candles


def data_sha256(candles: Candles) -> str:
    """64 hexadecimal digits."""
    import numpy as np

    digest = hashlib.sha256(f"tradewright candles 1\n{candles.timeframe}\n{len(candles)}\n".encode("ascii"))
    for name in COLUMNS:
        column = getattr(candles, name)
        if name == TIME:
            column = np.ascontiguousarray(column, dtype="<i8")
        else:
            column = np.ascontiguousarray(column, dtype="<f8") + 0.0  # −0 becomes 0
            column[np.isnan(column)] = np.nan
        digest.update(column.data)
    return digest.hexdigest()
