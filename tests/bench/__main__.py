"""`make bench`: every row measured, a table printed, `build/bench/results.json` written."""

from __future__ import annotations

from pathlib import Path

from tests.bench import (
    rows_backtests,
    rows_exchange,
    rows_indicators,
    rows_installation,
    rows_messages,
    rows_orders,
    rows_passwords,
    rows_ticks,
)
from tests.bench.harness import Result, Row, measure, table, table_of_absolutes, table_of_figures, write

FOLDER = Path("build/bench")


def main() -> None:
    results = [_measured(row) for row in rows_messages.rows()]
    results += [_measured(row) for row in rows_indicators.rows()]
    with rows_orders.rows() as rows:
        results += [_measured(row) for row in rows]
    print("measuring from tick to wire …", flush=True)
    judged, stated = rows_ticks.measured()
    results += judged
    print("measuring backtests …", flush=True)
    of_backtests, absolutes, more = rows_backtests.measured()
    results += of_backtests
    stated += more
    print("measuring a whole installation …", flush=True)
    absolutes += rows_installation.measured()
    print("measuring the simulated exchange …", flush=True)
    figures = [*stated, *rows_passwords.measured(), *rows_exchange.measured()]
    print("\n" + table(results))
    print("\n" + table_of_absolutes(absolutes))
    print("\n" + table_of_figures(figures))
    print(f"\nwritten to {write(results, absolutes, figures, FOLDER)}")


def _measured(row: Row) -> Result:
    print(f"measuring {row.name} …", flush=True)
    return measure(row)


if __name__ == "__main__":
    main()
