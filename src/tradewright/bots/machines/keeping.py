"""What machines of all kinds remember alike: levels and a position as JSON, and what is no memory of ours.

Lives here: the parts. Not here: what a kind remembers (`signal_memory`, `dca`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from tradewright.backtest.book import SMALLEST
from tradewright.bots.machines.books import lot_memory, lot_restored
from tradewright.bots.machines.held import Held
from tradewright.bots.machines.model import MEMORY_VERSION, BadMemory
from tradewright.core.money import plain, rounded


def by_version(kind: str) -> dict[str, Any]:
    return {"version": MEMORY_VERSION, "kind": kind}


@contextmanager
def read_or_refuse(kind: str, kept: Mapping[str, Any]) -> Iterator[None]:
    """Raises `BadMemory` for what is of another kind or version, and for what within cannot be read."""
    if kept.get("version") != MEMORY_VERSION or kept.get("kind") != kind:
        raise BadMemory(
            f"the memory is of kind {kept.get('kind')!r}, version {kept.get('version')!r};"
            f" this program reads {kind!r}, version {MEMORY_VERSION}"
        )
    try:
        yield
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadMemory(f"the memory of the run cannot be read: {type(error).__name__} at {error}") from error


def held_memory(held: Held) -> dict[str, Any]:
    return {
        "lot": lot_memory(held.lot),
        "price": plain(held.price),
        "best": plain(held.best),
        "stop": optional(held.stop),
        "target": optional(held.target),
        "trailing": optional(held.trailing),
        "activation": optional(held.activation),
        "exit_reason": held.exit_reason,
    }


def held_restored(kept: Mapping[str, Any]) -> Held:
    return Held(
        lot=lot_restored(kept["lot"]),
        price=Decimal(kept["price"]),
        best=Decimal(kept["best"]),
        stop=number(kept["stop"]),
        target=number(kept["target"]),
        trailing=number(kept["trailing"]),
        liquidation=None,
        activation=number(kept["activation"]),
        on_exchange=(None, None),
        exit_reason=kept["exit_reason"],
    )


def optional(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def text_of(average: Decimal) -> str:
    """An average price, rounded as reports round."""
    return plain(rounded(average, SMALLEST))
