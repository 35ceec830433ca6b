"""Our own funding rates below HOME/data, beside the candles of their contract: `linear/BTCUSDT/funding.csv`.

Lives here: reading and merging into them. Not here: where they come from (`funding_download`), what they cost
(`backtest`). The file is what `--funding` takes. It is written beside the old one and takes its place in one step, and
writers exclude each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from tradewright.core.money import plain
from tradewright.market.history.delimited import Wanted
from tradewright.market.history.faults import BadCandles, CandleFault
from tradewright.market.history.funding import FUNDING_COLUMNS, ROWS_MAX, Funding, read_funding
from tradewright.market.history.series import Series
from tradewright.market.history.store import StoreBusy
from tradewright.process.lock import FileLock

Rates = Sequence[tuple[int, Decimal]]
"""(when it is due in Unix ms, the rate as a fraction), oldest first."""


class FundingStore:
    """The store below `root`, which need not be there yet. A series' timeframe does not matter."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, series: Series) -> Path:
        return self._root / series.folder / "funding.csv"

    def read(self, series: Series) -> Funding | None:
        """What is stored; None when there is nothing. Raises `BadCandles` for a file that somebody has changed."""
        path = self.path(series)
        return read_funding(path) if path.exists() else None

    def add(self, series: Series, rates: Iterable[tuple[int, Decimal]]) -> int:
        """Merges them into what is there; how many were not.

        Raises `BadCandles` (`conflict`), when nothing is changed, for a rate that contradicts the one that is there;
        `StoreBusy`; `OSError`.
        """
        path = self.path(series)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path.parent / ".funding.lock")
        holder = lock.take()
        if holder is not None:
            raise StoreBusy(f"the funding of {series.folder} is being written by process {holder}; try again later")
        try:
            known = dict(self._rows(path))
            fresh = {time_ms: rate for time_ms, rate in rates if known.get(time_ms) is None}
            wrong = [time_ms for time_ms, rate in rates if known.get(time_ms, rate) != rate]
            if wrong:
                message = f"{len(wrong)} rates are others than those of {path}; move it elsewhere and get them again"
                raise BadCandles([CandleFault(code="conflict", message=message, count=len(wrong), times=(wrong[0],))])
            if fresh:
                _write(path, sorted((known | fresh).items())[-ROWS_MAX:])
            return len(fresh)
        finally:
            lock.release()

    def _rows(self, path: Path) -> Rates:
        if not path.exists():
            return ()
        read_funding(path)  # it is told what is wrong with it before it is read as text, digit for digit
        lines = path.read_text().splitlines()[1:]
        return [(int(time), Decimal(rate)) for time, _, rate in (line.partition(",") for line in lines)]


def _write(path: Path, rates: Rates) -> None:
    fresh = path.with_name(f".{path.name}.new")
    lines = [_header(FUNDING_COLUMNS), *(f"{time_ms},{plain(rate)}" for time_ms, rate in rates)]
    try:
        with fresh.open("w") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _header(columns: Wanted) -> str:
    return ",".join((columns.whole, *columns.numbers))
