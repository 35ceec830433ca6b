"""`make bench`: every row measured, a table printed, `build/bench/results.json` written."""

from __future__ import annotations

from pathlib import Path

from tests.bench import rows_messages, rows_orders
from tests.bench.harness import measure, table, write

FOLDER = Path("build/bench")


def main() -> None:
    rows = [*rows_messages.rows(), *rows_orders.rows()]
    results = []
    for row in rows:
        print(f"measuring {row.name} …", flush=True)
        results.append(measure(row))
    print("\n" + table(results))
    print(f"\nwritten to {write(results, FOLDER)}")


if __name__ == "__main__":
    main()
