"""With the audit trail unavailable each route that does something refuses, and nothing is done; but what only reduces.

The routes are those of the table of who may what: a new one is asked here by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.backtests.kit import waves
from integration.web.kit import Site, User, running_owner
from security.declared_people import EXPECTED
from security.test_who_may_what import asked, prepared, url_of
from tradewright.market.history.series import Series
from tradewright.web import intents

# Each of these would do something here.
_REFUSE = {
    "/api/v1/alerts",
    "/api/v1/notifications/channels",
    "/api/v1/notifications/settings",
    "/api/v1/accounts/{account_id}/cancel-all",
    "/api/v1/accounts/{account_id}/differences/{difference_id}/decide",
    "/api/v1/accounts/{account_id}/intents",
    "/api/v1/accounts/{account_id}/limits",
    "/api/v1/backtests/{backtest_id}/cancel",
    "/api/v1/bots",
    "/api/v1/bots/{bot_id}/clone",
    "/api/v1/bots/{bot_id}/rename",
    "/api/v1/bots/{bot_id}/runs",
    "/api/v1/runs/{run_id}/extend",
    "/api/v1/runs/{run_id}/pause",
    "/api/v1/runs/{run_id}/stop",
    "/api/v1/strategies",
    "/api/v1/strategies/{strategy_id}/archive",
    "/api/v1/connections/{connection_id}/check",
    "/api/v1/connections/{connection_id}/remove",
    "/api/v1/session/step-up",
    "/api/v1/tokens",
    "/api/v1/workspace/invitations",
    "/api/v1/workspaces",
}
# It only takes exposure off: its latch is a file first, and its entry waits in the spool.
_REDUCES = {"/api/v1/kill"}
# Of no deed: when a session was seen, which passwords were tried, what markets said, which news somebody has read.
_PASSING = ("sessions", "login_attempts", "instruments", "instrument_lists", "audit_exports", "notifications")
_AWAY = ("ALTER TABLE audit_entries RENAME TO away", "ALTER TABLE away RENAME TO audit_entries")


async def test_no_deed_without_its_row(site: Site, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 0.05)
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="x")
    engine = site.parts.engine
    async with running_owner(site, ann) as owner:
        ids = await prepared(site, ann, owner)
        for path in ("/api/v1/connections", "/api/v1/backtests"):
            assert await asked(ann.http, "POST", path, path, ids) == 202
    done, answered = {}, {}
    routes = [route for route, expected in EXPECTED.items() if route[0] != "GET" and expected[3] < 300]
    assert len(routes) > 15
    await _run(engine, _AWAY[0])
    before = await _fingerprint(engine)
    for method, path in routes:
        status = await asked(ann.http, method, path, url_of(path, ids), ids)
        after = await _fingerprint(engine)
        changed = {table for table in before if before[table] != after[table]}
        if changed and path not in _REDUCES:
            done[path] = changed
        if status != 503:
            answered[path] = status
        before = after
    await _run(engine, _AWAY[1])
    assert done == {}
    # What is answered although the trail is away found nothing to do: it is there already, or was not there.
    assert _REFUSE - answered.keys() == _REFUSE


async def _run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def _fingerprint(engine: AsyncEngine) -> Mapping[str, str]:
    """By table, what stands in it."""
    async with engine.connect() as connection:
        names = await connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        )
        return {
            name: str(
                await connection.scalar(
                    text(f"SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY t::text), '')) FROM \"{name}\" t")
                )
            )
            for name in list(names)
            if name not in _PASSING
        }
