"""`make bench`: every row measured, a table printed, `build/bench/results.json` written."""

from __future__ import annotations

from pathlib import Path

from tests.bench import rows_messages, rows_orders
from tests.bench.harness import Result, Row, measure, table, write

FOLDER = Path("build/bench")


def main() -> None:
    results = [_measured(row) for row in rows_messages.rows()]
    with rows_orders.rows() as rows:
        results += [_measured(row) for row in rows]
    print("\n" + table(results))
    print(f"\nwritten to {write(results, FOLDER)}")


def _measured(row: Row) -> Result:
    print(f"measuring {row.name} …", flush=True)
    return measure(row)


if __name__ == "__main__":
    main()
