"""What a grid machine remembers between two processes, as JSON.

Lives here: `memory_of` and `restore`. Not here: what machines of all kinds remember alike (`keeping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradewright.bots.machines.books import Round, lot_memory, lot_restored
from tradewright.bots.machines.grid_cells import Cell
from tradewright.bots.machines.keeping import by_version, read_or_refuse
from tradewright.core.money import plain

if TYPE_CHECKING:
    from tradewright.bots.machines.grid import GridMachine

_KIND = "grid"


def memory_of(machine: GridMachine) -> dict[str, Any]:
    return {
        **by_version(_KIND),
        "book": machine.book.memory(),
        "cells": [_cell(cell) for cell in machine.cells],
        "state": machine.state,
        "start": {
            "quantity": plain(machine.start_quantity),
            "filled": plain(machine.start_filled),
            "cost": plain(machine.start_cost),
            "fees": plain(machine.start_fees),
            "bar_ms": machine.start_bar_ms,
            "open_ms": machine.start_open_ms,
            "is_asked": machine.is_start_asked,
            "is_over": machine.is_start_over,
        },
        "may_open": machine.may_open,
        "is_withdrawn": machine.is_withdrawn,
        "close_reason": machine.close_reason,
        "close_bar_ms": machine.close_bar_ms,
        "bars": machine.bars,
        "last_open_ms": machine.last_open_ms,
        "last_price": plain(machine.last_price),
    }


def restore(machine: GridMachine, kept: Mapping[str, Any]) -> None:
    """Raises `BadMemory` for what this program did not write."""
    with read_or_refuse(_KIND, kept):
        start = kept["start"]
        machine.book.restore(kept["book"])
        machine.cells = [_restored(each) for each in kept["cells"]]
        machine.state = kept["state"]
        machine.start_quantity, machine.start_filled = Decimal(start["quantity"]), Decimal(start["filled"])
        machine.start_cost, machine.start_fees = Decimal(start["cost"]), Decimal(start["fees"])
        machine.start_bar_ms, machine.is_start_asked = int(start["bar_ms"]), bool(start["is_asked"])
        machine.start_open_ms, machine.is_start_over = int(start["open_ms"]), bool(start["is_over"])
        machine.may_open, machine.is_withdrawn = bool(kept["may_open"]), bool(kept["is_withdrawn"])
        machine.close_reason, machine.close_bar_ms = kept["close_reason"], int(kept["close_bar_ms"])
        machine.bars, machine.last_open_ms = int(kept["bars"]), int(kept["last_open_ms"])
        machine.last_price = Decimal(kept["last_price"])


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "number": cell.number,
        "direction": cell.direction,
        "lower": plain(cell.lower),
        "upper": plain(cell.upper),
        "quantity": plain(cell.quantity),
        "lot": None if cell.lot is None else lot_memory(cell.lot),
        "taken": None if cell.taken is None else cell.taken.memory(),
        "opened_bar": cell.opened_bar,
        "orders": cell.orders,
        "is_wanted": cell.is_wanted,
        "is_asked": cell.is_asked,
        "is_cancelled": cell.is_cancelled,
        "takes_off": cell.takes_off,
        "is_at_start": cell.is_at_start,
        "filled": plain(cell.filled),
    }


def _restored(kept: Mapping[str, Any]) -> Cell:
    return Cell(
        number=int(kept["number"]),
        direction=1 if kept["direction"] == 1 else -1,
        lower=Decimal(kept["lower"]),
        upper=Decimal(kept["upper"]),
        quantity=Decimal(kept["quantity"]),
        lot=None if kept["lot"] is None else lot_restored(kept["lot"]),
        taken=None if kept["taken"] is None else Round.restored(kept["taken"]),
        opened_bar=int(kept["opened_bar"]),
        orders=int(kept["orders"]),
        is_wanted=bool(kept["is_wanted"]),
        is_asked=bool(kept["is_asked"]),
        is_cancelled=bool(kept["is_cancelled"]),
        takes_off=bool(kept["takes_off"]),
        is_at_start=bool(kept["is_at_start"]),
        filled=Decimal(kept["filled"]),
    )
