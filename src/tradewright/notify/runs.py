"""Facts of bots' runs, found in their rows: began, ended, and those of which nothing is heard.

Lives here: `run_moves`, `silent_runs`, both `looks.Look`s. Not here: what a run is (`bots`).
A run that has begun or ended is told for an hour; later it is old news, also to who was not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import WorkspaceId
from tradewright.notify.model import AccountOf, Fact, Kind
from tradewright.strategy.timeframe import TIMEFRAMES, length_ms

SILENT_BARS = 3  # a run says something at each bar's close
SILENT_MORE_S = 60
_READ_MAX = 500

_RUN = (
    "r.id, r.bot_id, r.workspace_id, r.symbol, r.category, r.state, r.reason, r.began_at, r.ended_at,"
    " r.timeframe, r.event_seq,"
    " b.name AS bot, a.id AS account_id, a.name, a.environment"
    " FROM runs r JOIN bots b ON b.id = r.bot_id JOIN accounts a ON a.id = r.account_id"
)
_MOVED = text(
    f"SELECT {_RUN} WHERE r.began_at > clock_timestamp() - interval '1 hour'"
    " OR r.ended_at > clock_timestamp() - interval '1 hour' ORDER BY r.created_at, r.id LIMIT :most"
)
_SILENT = text(
    f"SELECT e.at AS heard_at, clock_timestamp() AS now, {_RUN}"  # noqa: S608
    " JOIN LATERAL (SELECT at FROM run_events e WHERE e.run_id = r.id AND e.workspace_id = r.workspace_id"
    "   ORDER BY e.seq DESC LIMIT 1) e ON true"
    " WHERE r.state = 'running' AND e.at < clock_timestamp() - interval '1 minute' ORDER BY r.id LIMIT :most"
)


async def run_moves(connection: AsyncConnection) -> Sequence[Fact]:
    """Runs that have begun, and that have ended, each with why."""
    found = await connection.execute(_MOVED, {"most": _READ_MAX})
    return [fact for row in found.mappings() for fact in _moves(row)]


def _moves(row: RowMapping) -> list[Fact]:
    facts = []
    if row["began_at"] is not None:
        facts.append(_fact(row, "run", "began", row["began_at"], {"state": "running"}))
    if row["ended_at"] is not None:
        kind: Kind = "run_failed" if row["state"] in ("failed", "halted") else "run"
        reason = row["reason"] or {}
        told = {"state": str(row["state"]), "code": str(reason.get("code", ""))}
        facts.append(_fact(row, kind, "ended", row["ended_at"], told))
    return facts


async def silent_runs(connection: AsyncConnection) -> Sequence[Fact]:
    """Running ones that have said nothing for three of their bars and a minute."""
    found = await connection.execute(_SILENT, {"most": _READ_MAX})
    facts = []
    for row in found.mappings():
        silent_s = int((row["now"] - row["heard_at"]).total_seconds())
        bar_s = next((length_ms(each) // 1000 for each in TIMEFRAMES if each == row["timeframe"]), None)
        if bar_s is not None and silent_s > SILENT_BARS * bar_s + SILENT_MORE_S:
            told = {"silent_s": str(silent_s)}
            facts.append(_fact(row, "bot_silent", f"silent:{row['event_seq']}", row["now"], told))
    return facts


def _fact(row: RowMapping, kind: Kind, what: str, at: datetime, told: dict[str, str]) -> Fact:
    account = AccountOf(
        id=row["account_id"],
        workspace_id=WorkspaceId(row["workspace_id"]),
        name=row["name"],
        environment=row["environment"],
    )
    return Fact(
        source=f"run:{row['id']}:{what}",
        workspace_id=account.workspace_id,
        kind=kind,
        at=at,
        params=account.params | {"bot": row["bot"], "symbol": row["symbol"], "category": row["category"], **told},
        merge_key=f"{kind}:{row['id']}:{what}",
        link=account.link("run", run_id=str(row["id"]), bot_id=str(row["bot_id"])),
    )
