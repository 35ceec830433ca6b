"""What a signal machine remembers between two processes, as JSON: money as text, every field named.

Lives here: `memory_of` and `restore`. Not here: when it is written (`bots.runner`), what all kinds remember alike
(`keeping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradewright.bots.machines.books import Round
from tradewright.bots.machines.keeping import (
    by_version,
    held_memory,
    held_restored,
    number,
    optional,
    read_or_refuse,
)
from tradewright.core.money import plain
from tradewright.strategy.entries import Entry, Measured

if TYPE_CHECKING:
    from tradewright.bots.machines.signal import Pending, SignalMachine

_KIND = "signal"


def memory_of(machine: SignalMachine) -> dict[str, Any]:
    held = machine.held
    return {
        **by_version(_KIND),
        "book": machine.book.memory(),
        "brakes": machine.brakes.memory(),
        "held": None if held is None else held_memory(held),
        "round": machine.round.memory(),
        "entries": [_pending(each) for each in machine.entries],
        "exit_bar_ms": machine.exit_bar_ms,
        "bars": machine.bars,
        "last_open_ms": machine.last_open_ms,
    }


def restore(machine: SignalMachine, kept: Mapping[str, Any]) -> None:
    """Raises `BadMemory` for what this program did not write."""
    from tradewright.bots.machines.signal import Pending

    with read_or_refuse(_KIND, kept):
        machine.book.restore(kept["book"])
        machine.brakes.restore(kept["brakes"])
        machine.held = None if kept["held"] is None else held_restored(kept["held"])
        machine.round = Round.restored(kept["round"])
        machine.entries = [
            Pending(
                key=each["key"],
                entry=_entry_restored(each["entry"]),
                bar_open_ms=int(each["bar_open_ms"]),
                last_bar=each["last_bar"],
                is_asked=bool(each["is_asked"]),
                is_cancelled=bool(each["is_cancelled"]),
                filled=Decimal(each["filled"]),
            )
            for each in kept["entries"]
        ]
        machine.exit_bar_ms = int(kept["exit_bar_ms"])
        machine.bars, machine.last_open_ms = int(kept["bars"]), int(kept["last_open_ms"])


def _pending(pending: Pending) -> dict[str, Any]:
    entry = pending.entry
    return {
        "key": pending.key,
        "bar_open_ms": pending.bar_open_ms,
        "last_bar": pending.last_bar,
        "is_asked": pending.is_asked,
        "is_cancelled": pending.is_cancelled,
        "filled": plain(pending.filled),
        "entry": {
            "direction": entry.direction,
            "reference": plain(entry.reference),
            "quantity": plain(entry.quantity),
            "measured": {"stop": optional(entry.measured.stop), "target": optional(entry.measured.target)},
            "is_limit": entry.is_limit,
            "is_capped": entry.is_capped,
        },
    }


def _entry_restored(kept: Mapping[str, Any]) -> Entry:
    measured = kept["measured"]
    return Entry(
        direction=1 if kept["direction"] == 1 else -1,
        reference=Decimal(kept["reference"]),
        quantity=Decimal(kept["quantity"]),
        measured=Measured(stop=number(measured["stop"]), target=number(measured["target"])),
        is_limit=bool(kept["is_limit"]),
        is_capped=bool(kept["is_capped"]),
    )
