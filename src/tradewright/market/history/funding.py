"""Funding rates from a file: CSV `funding_time_ms,funding_rate` (also .gz), Parquet or Feather; `-` is standard input.

Lives here: reading and judging them. Not here: when they are due in a run and what they cost (`backtest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewright.market.history.delimited import Wanted, columns_of_pieces
from tradewright.market.history.faults import TIMES_TOLD_MAX, BadCandles, CandleCode, CandleFault, bad_file
from tradewright.market.history.frames import columns_of_table, table_of
from tradewright.market.history.rows import TIME_MAX_MS
from tradewright.market.history.source import Source, kind_of, name_of, opened, whole_frame, whole_lines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FUNDING_COLUMNS = Wanted(whole="funding_time_ms", numbers=("funding_rate",))
ROWS_MAX = 1_000_000
RATE_MAX_RATIO = 1  # of the position's value at one settlement: a larger one is per cent or basis points by mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """`time_ms` grows strictly (Unix ms). `rate_ratio`: paid by a long, as a part of its value (0.0001 is 0.01 %);
    the double nearest to its text. Negative: a long receives it."""

    time_ms: NDArray[np.int64]
    rate_ratio: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_ms)


def read_funding(source: Source) -> Funding:
    """The rates, oldest first; none is fine. Raises `CannotOpen`, and `BadCandles`: `bad_file`, `disorder` for times
    out of order, `duplicate`, `bad_candle` for a rate that is no finite number or beyond ±100 %."""
    import numpy as np

    name = name_of(source)
    pieces: list[list[NDArray[Any]]] = []
    with opened(source) as stream:
        kind = kind_of(stream)
        if kind != "text":
            table = table_of(whole_frame(stream, name), kind, name)
            pieces = [columns_of_table(table, FUNDING_COLUMNS)]
        else:
            for columns in columns_of_pieces(whole_lines(stream, name), FUNDING_COLUMNS, name):
                pieces.append(columns)
                if sum(len(piece[0]) for piece in pieces) > ROWS_MAX:
                    raise bad_file(f"{name} has more than {ROWS_MAX} rows")
    times = np.concatenate([piece[0] for piece in pieces]) if pieces else np.empty(0, dtype=np.int64)
    rates = np.concatenate([piece[1] for piece in pieces]) if pieces else np.empty(0)
    faults = _faults(times, rates)
    if faults:
        raise BadCandles([fault.of(name) for fault in faults])
    return Funding(time_ms=times, rate_ratio=rates)


def _faults(times: NDArray[np.int64], rates: NDArray[np.float64]) -> list[CandleFault]:
    import numpy as np

    steps = np.diff(times)
    found: list[tuple[CandleCode, str, NDArray[np.int64]]] = [
        ("bad_file", "funding times before 1970 or after 9999", times[(times < 0) | (times > TIME_MAX_MS)]),
        (
            "disorder",
            "funding times older than the one before; they go from the oldest to the newest",
            times[1:][steps < 0],
        ),
        ("duplicate", "funding times that were there already", times[1:][steps == 0]),
        (
            "bad_candle",
            f"funding rates that are no number within ±{RATE_MAX_RATIO}; 0.0001 is 0.01 %",
            times[~(np.abs(rates) <= RATE_MAX_RATIO)],
        ),
    ]
    return [
        CandleFault(
            code=code,
            message=f"{len(where)} {what}",
            count=len(where),
            times=tuple(int(time) for time in where[:TIMES_TOLD_MAX]),
        )
        for code, what, where in found
        if len(where)
    ]
