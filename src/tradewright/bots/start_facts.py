"""What is looked at before a run starts: the bot's current version, its account, and what stands there, in one moment.

Lives here: `StartFacts`, `read_start_facts`. Not here: what follows from it (`start_checks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.model import AtEnd, BotSettings, Limits
from tradewright.bots.refusals import BotIsArchived, BotIsDraft
from tradewright.core.environment import Environment
from tradewright.core.errors import NotFound
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.risk import Effective, tightest
from tradewright.trading.arming.model import over
from tradewright.trading.arming.store import read_standing
from tradewright.trading.risk.store import stored_levels

# Latches as `trading.kill` reads them: of the installation, of the workspace, of the account.
_FACTS = """
SELECT b.id AS bot_id, b.name AS bot_name, b.state AS bot_state, b.version AS bot_row_version, v.id AS version_id,
       v.number, v.spec_version_id, v.params, v.account_id, v.category, v.symbol, v.capital, v.limits, v.duration_ms,
       v.at_end, s.text AS spec_text, s.sha256 AS spec_sha256, a.name AS account_name, a.environment, a.resting,
       a.stopped, a.read_only, a.session_state, a.total_equity, m.hedge, d.equity AS day_equity,
       EXISTS (SELECT 1 FROM kill_latches l WHERE l.released_at IS NULL
                  AND (l.workspace_id IS NULL OR l.workspace_id = :workspace)
                  AND (l.scope = 'installation' OR (l.scope = 'workspace' AND l.scope_id = :workspace)
                       OR (l.scope = 'account' AND l.scope_id = a.id))) AS is_killed,
       EXISTS (SELECT 1 FROM runs r JOIN bot_versions w ON w.id = r.bot_version_id
                WHERE r.workspace_id = :workspace AND w.spec_version_id = v.spec_version_id
                  AND r.environment IN ('sim', 'demo') AND r.state = 'finished') AS has_evidence,
       (SELECT o.name || ' ' || r.number FROM runs r JOIN bots o ON o.id = r.bot_id
         WHERE r.workspace_id = :workspace AND r.account_id = a.id AND r.category = v.category
           AND r.symbol = v.symbol AND r.state IN ('starting', 'running', 'paused', 'stopping') LIMIT 1) AS holder,
       EXISTS (SELECT 1 FROM positions p WHERE p.workspace_id = :workspace AND p.account_id = a.id
                  AND p.category = v.category AND p.symbol = v.symbol AND p.size <> 0) AS has_position
  FROM bots b
  LEFT JOIN bot_versions v ON v.bot_id = b.id AND v.number = b.current_version AND v.workspace_id = :workspace
  LEFT JOIN spec_versions s ON s.id = v.spec_version_id AND s.workspace_id = :workspace
  LEFT JOIN accounts a ON a.id = v.account_id AND a.workspace_id = :workspace
  LEFT JOIN symbol_modes m ON m.account_id = a.id AND m.category = v.category AND m.symbol = v.symbol
  LEFT JOIN risk_days d ON d.account_id = a.id AND d.day = CAST(clock_timestamp() AT TIME ZONE 'UTC' AS date)
 WHERE b.id = :bot AND b.workspace_id = :workspace AND b.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFacts:
    """`equity` is the account's at 00:00 UTC, else as it was last told (quote coin); None: nobody has told it.
    `holder` names the run that holds the symbol of the account; `armed` is None of an account without real money."""

    bot_id: UUID
    bot_name: str
    version_id: UUID
    number: int
    settings: BotSettings
    spec_text: str
    spec_sha256: str
    account_name: str
    environment: Environment
    is_resting: bool
    is_refused: bool
    is_read_only: bool
    is_ready: bool
    is_killed: bool
    is_hedged: bool
    has_evidence: bool
    holder: str | None
    has_position: bool  # whosever it is
    equity: Decimal | None
    risk: Effective
    armed: bool | None


async def read_start_facts(
    connection: AsyncConnection, workspace_id: WorkspaceId, bot_id: UUID, *, real_trading: bool
) -> StartFacts:
    """Raises `NotFound`, `BotIsArchived`, `BotIsDraft`."""
    found = await connection.execute(text(_FACTS), {"workspace": workspace_id, "bot": bot_id})
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no bot {bot_id} in this workspace")
    if row["bot_state"] == "archived":
        raise BotIsArchived(f"the bot {row['bot_name']!r} is archived; restore it first")
    if row["bot_state"] == "draft":
        raise BotIsDraft(f"the bot {row['bot_name']!r} is a draft; give it settings first")
    account_id, environment = AccountId(row["account_id"]), row["environment"]
    levels = await stored_levels(connection, workspace_id, account_id, environment)
    armed = None
    if environment == "live":
        standing = await read_standing(connection, workspace_id, account_id)
        armed = standing.arming is not None and over(standing, real_trading=real_trading) is None
    return StartFacts(
        bot_id=row["bot_id"],
        bot_name=row["bot_name"],
        version_id=row["version_id"],
        number=row["number"],
        settings=settings_of(row),
        spec_text=row["spec_text"],
        spec_sha256=row["spec_sha256"],
        account_name=row["account_name"],
        environment=environment,
        is_resting=row["resting"],
        is_refused=row["stopped"] is not None,
        is_read_only=row["read_only"],
        is_ready=row["session_state"] == "ready",
        is_killed=row["is_killed"],
        is_hedged=bool(row["hedge"]),
        has_evidence=row["has_evidence"],
        holder=row["holder"],
        has_position=row["has_position"],
        equity=row["total_equity"] if row["day_equity"] is None else row["day_equity"],
        risk=tightest(levels),
        armed=armed,
    )


def settings_of(row: Any) -> BotSettings:
    """Of a row of `bot_versions`."""
    at_end: AtEnd = row["at_end"]
    return BotSettings(
        spec_version_id=row["spec_version_id"],
        account_id=row["account_id"],
        category=row["category"],
        symbol=row["symbol"],
        capital=row["capital"],
        limits=Limits.from_row(row["limits"]),
        duration_ms=row["duration_ms"],
        at_end=at_end,
        params={name: Decimal(value) for name, value in row["params"].items()},
    )
