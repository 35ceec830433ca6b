"""A run's events as they are read: pages by sequence, forward or newest first, by kinds, or by a word in them.

Each page is read by an index and looks at a bounded number of rows, however many the run has: a search that found
little within its bound says how far it looked, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.model import EventKind, EventLevel
from tradewright.bots.run_queries import require_run
from tradewright.core.clock import milliseconds
from tradewright.core.ids import WorkspaceId

Row = dict[str, Any]
PAGE_MAX = 500
SEARCHED_MAX = 5_000  # rows that one page of a search looks at
SNAPSHOT_EVENTS = 200

# What an event says is told as it was written, number by number.
_COLUMNS = "seq, at, market_ms, kind, level, caused_by, intent_id, CAST(payload AS text) AS payload"
_SEQ_END = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Empty or None: whatever. `search` is looked for in what an event says, in letters of either case; `level` is the
    least."""

    kinds: Collection[EventKind] = ()
    level: EventLevel = "info"
    intent_id: UUID | None = None
    search: str | None = None

    @property
    def is_narrow(self) -> bool:
        """No index knows how many rows have to be looked at for a page of it."""
        return self.search is not None or self.level != "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """`next` is where the next page begins (`after` or `before`); None: there is nothing more that way."""

    events: Sequence[Row]
    next: int | None


async def events_after(
    connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID, after: int, limit: int
) -> Sequence[tuple[int, Row]]:
    """Events by sequence after one, for who holds the run already."""
    found = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM run_events WHERE run_id = :run AND workspace_id = :workspace AND seq > :after"  # noqa: S608
            " ORDER BY seq LIMIT :limit"
        ),
        {"run": run_id, "workspace": workspace_id, "after": after, "limit": limit},
    )
    return [(row["seq"], event_view(row)) for row in found.mappings()]


async def newest_events(
    connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID, limit: int = SNAPSHOT_EVENTS
) -> Sequence[Row]:
    """The last ones, by sequence."""
    page = await read_events(connection, workspace_id, run_id, EventFilter(), after=None, before=_SEQ_END, limit=limit)
    return list(reversed(page.events))


async def read_events(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    run_id: UUID,
    wanted: EventFilter,
    *,
    after: int | None,
    before: int | None,
    limit: int,
) -> EventPage:
    """Oldest first from the one after `after`, or newest first from the one before `before`; neither: newest first.
    Raises `NotFound`."""
    await require_run(connection, workspace_id, run_id)
    forward = after is not None
    start = after if after is not None else _SEQ_END if before is None else before
    rows = await _rows(connection, workspace_id, run_id, wanted, start=start, forward=forward, limit=limit)
    found = [row for row in rows if row["is_wanted"]][:limit]
    if len(found) == limit:
        following = found[-1]["seq"]
    elif wanted.is_narrow and len(rows) == SEARCHED_MAX:
        following = rows[-1]["seq"]
    else:
        following = None
    return EventPage(events=[event_view(row) for row in found], next=following)


async def _rows(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    run_id: UUID,
    wanted: EventFilter,
    *,
    start: int,
    forward: bool,
    limit: int,
) -> Sequence[RowMapping]:
    """What was looked at, each with whether it is wanted. Of one kind the index of kinds is walked, of several the
    sequence, and what a search looks for is told apart afterwards."""
    values: dict[str, Any] = {"run": run_id, "workspace": workspace_id, "start": start}
    order, compared = ("ASC", ">") if forward else ("DESC", "<")
    more = f"AND seq {compared} :start"
    if wanted.intent_id is not None:
        more, values["intent"] = f"{more} AND intent_id = :intent", wanted.intent_id
    kinds = sorted(wanted.kinds)
    values["limit"] = SEARCHED_MAX if wanted.is_narrow else limit
    judged = "true"
    if wanted.search is not None:
        judged = "position(lower(:search) IN lower(kind || ' ' || payload)) > 0"
        values["search"] = wanted.search
    if wanted.level != "info":
        judged += " AND level = ANY(:levels)"
        values["levels"] = ["warning", "error"] if wanted.level == "warning" else ["error"]
    if not kinds:
        source = (
            f"SELECT {_COLUMNS} FROM run_events WHERE run_id = :run AND workspace_id = :workspace {more}"  # noqa: S608
            f" ORDER BY seq {order} LIMIT :limit"
        )
    else:
        # One walk of the index for each kind, and the pages of them put together: the plan that it is, spelt out.
        values["kinds"] = kinds
        source = (
            "SELECT e.* FROM unnest(CAST(:kinds AS text[])) AS k(kind) CROSS JOIN LATERAL"  # noqa: S608
            f" (SELECT {_COLUMNS} FROM run_events WHERE run_id = :run AND workspace_id = :workspace {more}"
            f" AND kind = k.kind ORDER BY seq {order} LIMIT :limit) e ORDER BY e.seq {order} LIMIT :limit"
        )
    found = await connection.execute(
        text(
            f"SELECT seq, is_wanted, at, market_ms, kind, level, caused_by, intent_id, CASE WHEN is_wanted THEN payload"  # noqa: S608
            f" END AS payload FROM (SELECT found.*, ({judged}) AS is_wanted FROM ({source}) found) judged"
            f" ORDER BY seq {order}"
        ),
        values,
    )
    return found.mappings().all()


def event_view(row: RowMapping) -> Row:
    """As `web.schemas.runs.RunEvent`."""
    return {
        "seq": row["seq"],
        "at_ms": milliseconds(row["at"]),
        "market_ms": row["market_ms"],
        "kind": row["kind"],
        "level": row["level"],
        "caused_by": row["caused_by"],
        "intent_id": None if row["intent_id"] is None else str(row["intent_id"]),
        "payload": msgspec.Raw(row["payload"].encode()),
    }
