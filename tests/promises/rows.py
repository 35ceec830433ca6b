"""All promises, and what is owed: the groups together, in no order that means anything."""

from __future__ import annotations

from typing import Final

from promises import (
    owed,
    rows_audit,
    rows_edges,
    rows_identity,
    rows_money,
    rows_orders,
    rows_running,
    rows_secrets,
    rows_simulator,
    rows_strategies,
)
from promises.model import Owed, Promise

PROMISES: Final[tuple[Promise, ...]] = (
    *rows_orders.ROWS,
    *rows_running.ROWS,
    *rows_money.ROWS,
    *rows_edges.ROWS,
    *rows_identity.ROWS,
    *rows_audit.ROWS,
    *rows_secrets.ROWS,
    *rows_simulator.ROWS,
    *rows_strategies.ROWS,
)
OWED: Final[tuple[Owed, ...]] = owed.ROWS
# What the list of promises asks for by the end of the third step, and what the fifth adds; the rest comes later.
DUE: Final = frozenset(
    [
        *(f"A{number}" for number in range(1, 9)),
        *(f"B{number}" for number in range(1, 9)),
        *(f"C{number}" for number in range(1, 6)),
        *("D1", "D2", "D3", "D5", "E6", "F1", "F2", "F3", "F4", "F5"),
        *(f"G{number}" for number in range(1, 5)),
        *(f"H{number}" for number in range(1, 8)),
        *(f"K{number}" for number in range(1, 6)),
        *("I2", "I3", "I4", "I6", *(f"M{number}" for number in range(1, 7)), "O2", "O6", "O7"),
    ]
)
