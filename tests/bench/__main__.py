"""`make bench`: every row measured, a table printed, `build/bench/results.json` written."""

from __future__ import annotations

from pathlib import Path

from tests.bench import rows_installation, rows_messages, rows_orders
from tests.bench.harness import Result, Row, measure, table, table_of_absolutes, write

FOLDER = Path("build/bench")


def main() -> None:
    results = [_measured(row) for row in rows_messages.rows()]
    with rows_orders.rows() as rows:
        results += [_measured(row) for row in rows]
    print("measuring a whole installation …", flush=True)
    absolutes = rows_installation.measured()
    print("\n" + table(results))
    print("\n" + table_of_absolutes(absolutes))
    print(f"\nwritten to {write(results, absolutes, FOLDER)}")


def _measured(row: Row) -> Result:
    print(f"measuring {row.name} …", flush=True)
    return measure(row)


if __name__ == "__main__":
    main()
