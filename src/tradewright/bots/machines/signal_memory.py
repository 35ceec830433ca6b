"""What a signal machine remembers between two processes, as JSON: money as text, every field named.

Lives here: `memory_of` and `restore`. Not here: when it is written (`bots.runner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradewright.bots.machines.books import Round, lot_memory, lot_restored
from tradewright.bots.machines.held import Held
from tradewright.bots.machines.model import MEMORY_VERSION, BadMemory
from tradewright.core.money import plain
from tradewright.strategy.entries import Entry, Measured

if TYPE_CHECKING:
    from tradewright.bots.machines.signal import Pending, SignalMachine

_KIND = "signal"


def memory_of(machine: SignalMachine) -> dict[str, Any]:
    held = machine.held
    return {
        "version": MEMORY_VERSION,
        "kind": _KIND,
        "book": machine.book.memory(),
        "brakes": machine.brakes.memory(),
        "held": None if held is None else _held(held),
        "round": machine.round.memory(),
        "entries": [_pending(each) for each in machine.entries],
        "exit_bar_ms": machine.exit_bar_ms,
        "bars": machine.bars,
        "last_open_ms": machine.last_open_ms,
    }


def restore(machine: SignalMachine, kept: Mapping[str, Any]) -> None:
    """Raises `BadMemory` for what this program did not write."""
    from tradewright.bots.machines.signal import Pending

    if kept.get("version") != MEMORY_VERSION or kept.get("kind") != _KIND:
        raise BadMemory(
            f"the memory is of kind {kept.get('kind')!r}, version {kept.get('version')!r};"
            f" this program reads {_KIND!r}, version {MEMORY_VERSION}"
        )
    try:
        machine.book.restore(kept["book"])
        machine.brakes.restore(kept["brakes"])
        machine.held = None if kept["held"] is None else _held_restored(kept["held"])
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
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadMemory(f"the memory of the run cannot be read: {type(error).__name__} at {error}") from error


def _held(held: Held) -> dict[str, Any]:
    return {
        "lot": lot_memory(held.lot),
        "price": plain(held.price),
        "best": plain(held.best),
        "stop": _text(held.stop),
        "target": _text(held.target),
        "trailing": _text(held.trailing),
        "activation": _text(held.activation),
        "exit_reason": held.exit_reason,
    }


def _held_restored(kept: Mapping[str, Any]) -> Held:
    return Held(
        lot=lot_restored(kept["lot"]),
        price=Decimal(kept["price"]),
        best=Decimal(kept["best"]),
        stop=_number(kept["stop"]),
        target=_number(kept["target"]),
        trailing=_number(kept["trailing"]),
        liquidation=None,
        activation=_number(kept["activation"]),
        on_exchange=(None, None),
        exit_reason=kept["exit_reason"],
    )


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
            "measured": {"stop": _text(entry.measured.stop), "target": _text(entry.measured.target)},
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
        measured=Measured(stop=_number(measured["stop"]), target=_number(measured["target"])),
        is_limit=bool(kept["is_limit"]),
        is_capped=bool(kept["is_capped"]),
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
