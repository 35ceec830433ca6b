"""Pages of lists that are read newest first: where one begins, and the cursor of the next.

A cursor is the moment and the id of the last row that was told, so what is added meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from tradewright.core.errors import InvalidInput, Problem

_NOWHERE = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Rows before it are told: all of them where there is no cursor."""

    at: datetime
    id: UUID
    is_start: bool = False

    @classmethod
    def of(cls, cursor: str | None) -> Place:
        """Raises `InvalidInput` for what is no cursor."""
        if cursor is None:
            return cls(_NOWHERE, UUID(int=0), is_start=True)
        moment, _, key = cursor.partition("~")
        try:
            at = datetime.fromisoformat(moment)
            if at.tzinfo is None or not 1970 < at.year < 2200:
                raise ValueError
            return cls(at, UUID(key))
        except ValueError:
            raise InvalidInput([Problem("cursor.invalid", "before", {"value": cursor[:60]})]) from None

    def values(self) -> dict[str, Any]:
        return {} if self.is_start else {"before_at": self.at, "before_id": self.id}


def place_of(alias: str, place: Place) -> str:
    """The condition on the rows of `alias`, which have `created_at` and `id`."""
    return "" if place.is_start else f"AND ({alias}.created_at, {alias}.id) < (:before_at, :before_id)"


def page_of(
    rows: Sequence[RowMapping], limit: int, view: Callable[[RowMapping], dict[str, Any]]
) -> tuple[list[dict[str, Any]], str | None]:
    """What is told of the rows, of which one more was read than a page has, and the cursor of the next page."""
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return [view(row) for row in page], None if last is None else f"{last['created_at'].isoformat()}~{last['id']}"
