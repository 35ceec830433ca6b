"""A moment as a person types it: Unix milliseconds, or ISO 8601, which is UTC when it says nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from tradewright.core.clock import from_milliseconds, milliseconds

MOMENT_MAX_MS = 253_402_300_799_999  # the last of the year 9999


def moment_ms(option: str, text: str) -> int:
    """Unix milliseconds. Raises `typer.BadParameter` naming the option, what it is and what it may be."""
    given = text.strip()
    if given.isascii() and given.isdecimal() and len(given) <= len(str(MOMENT_MAX_MS)) and int(given) <= MOMENT_MAX_MS:
        return int(given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(
            f"{option} is {text[:60]!r}; it must be milliseconds or ISO 8601, such as 2024-01-31T12:00"
        ) from None
    return milliseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def shown(ms: int) -> str:
    """To the minute, UTC."""
    return from_milliseconds(ms).strftime("%Y-%m-%d %H:%M")
