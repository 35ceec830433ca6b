"""Which routes API tokens may ask, by which scope: once more by hand, beside `web.token_scopes`.

A route that is not here must be closed to tokens of every scope. Not here: people (`declared_people`).
"""

from __future__ import annotations

from tradewright.identity.model import Scope

# By which scope an API token of the workspace's owner is answered as its owner is; by every other it is 403.
ACCOUNT = "/api/v1/accounts/{account_id}"
BY_TOKEN: dict[tuple[str, str], Scope] = {
    **{
        ("GET", f"/api/v1/{path}"): "read"
        for path in (
            "session",
            "instruments",
            "tickers",
            "candles",
            "candle-series",
            "environments",
            "connections",
            "connections/{connection_id}",
            "connections/{connection_id}/top-up",
            "accounts",
            "specs/functions",
            "specs/templates",
            "specs/schema",
            "backtests",
            "backtests/{backtest_id}",
            "backtests/{backtest_id}/report",
            "strategies",
            "strategies/{strategy_id}",
            "strategies/{strategy_id}/versions/{number}",
            "bots",
            "bots/{bot_id}",
            "bots/{bot_id}/versions",
            "bots/{bot_id}/start-checks",
            "runs",
            "runs/{run_id}",
            "runs/{run_id}/events",
            "runs/{run_id}/trades",
            "runs/{run_id}/report",
            "kill",
            "notifications",
            "alerts",
        )
    },
    **{
        ("GET", f"{ACCOUNT}/{path}"): "read"
        for path in (
            "orders",
            "positions",
            "fills",
            "balances",
            "budget",
            "intents/{intent_id}",
            "orders/{order_id}/story",
            "symbols/{category}/{symbol}",
            "limits",
            "arming",
            "pnl",
            "ledger",
            "ledger/breaks",
            "differences",
        )
    },
    **{("POST", f"/api/v1/specs/{path}"): "read" for path in ("check", "explain", "diff")},
    **{("POST", f"{ACCOUNT}/{path}"): "trade" for path in ("preview", "intents", "cancel-all", "reconcile", "disarm")},
    ("POST", f"{ACCOUNT}/take-down"): "trade",
    ("POST", "/api/v1/bots/{bot_id}/runs"): "trade",
    **{("POST", f"/api/v1/runs/{{run_id}}/{wish}"): "trade" for wish in ("pause", "resume", "extend", "stop")},
    **{
        ("POST", f"/api/v1/strategies{path}"): "manage"
        for path in ("", *(f"/{{strategy_id}}/{what}" for what in ("versions", "rename", "archive", "restore")))
    },
    **{
        ("POST", f"/api/v1/bots{path}"): "manage"
        for path in ("", *(f"/{{bot_id}}/{what}" for what in ("rename", "clone", "archive", "restore")))
    },
    ("PUT", "/api/v1/bots/{bot_id}/settings"): "manage",
    ("POST", "/api/v1/kill"): "trade",
    ("POST", "/api/v1/kill/release"): "manage",
    ("POST", f"{ACCOUNT}/resume"): "manage",
    ("POST", f"{ACCOUNT}/differences/{{difference_id}}/decide"): "manage",
    ("PUT", f"{ACCOUNT}/limits"): "manage",
    ("POST", "/api/v1/connections/{connection_id}/check"): "manage",
    ("POST", "/api/v1/backtests"): "manage",
    ("POST", "/api/v1/backtests/{backtest_id}/cancel"): "manage",
    ("POST", "/api/v1/backtests/{backtest_id}/remove"): "manage",
}
