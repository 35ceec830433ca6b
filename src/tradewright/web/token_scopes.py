"""Which routes an API token may ask, and by which scope.

Lives here: the one table. A route that is not in it is closed to every token, so a new route is closed until somebody
opens it: people, sessions, factors, tokens, keys, arming, exports and whatever else needs a step-up stay closed, as do
the doors that are open to nobody's session (claim, login). Not here: what a token is (`identity.api_tokens`).

`read` looks. `trade` also places, changes and stops orders, starts and stops runs of bots, and stops trading (kill).
`manage` also decides what waits for a person: it releases what was stopped, tightens limits, settles differences, has
keys checked, runs backtests, and makes strategies and bots.
Each needs the role that a session needs for the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from tradewright.identity.model import Scope

_ACCOUNT = "/api/v1/accounts/{account_id}"

TOKEN_SCOPES: Mapping[tuple[str, str], Scope] = {
    ("WEBSOCKET", "/api/v1/stream"): "read",
    ("GET", "/api/v1/session"): "read",  # whose token it is
    ("GET", "/api/v1/instruments"): "read",
    ("GET", "/api/v1/tickers"): "read",
    ("GET", "/api/v1/candles"): "read",
    ("GET", "/api/v1/candle-series"): "read",
    ("GET", "/api/v1/environments"): "read",
    ("GET", "/api/v1/connections"): "read",
    ("GET", "/api/v1/connections/{connection_id}"): "read",
    ("GET", "/api/v1/connections/{connection_id}/top-up"): "read",
    ("GET", "/api/v1/accounts"): "read",
    ("GET", f"{_ACCOUNT}/orders"): "read",
    ("GET", f"{_ACCOUNT}/positions"): "read",
    ("GET", f"{_ACCOUNT}/fills"): "read",
    ("GET", f"{_ACCOUNT}/balances"): "read",
    ("GET", f"{_ACCOUNT}/budget"): "read",
    ("GET", f"{_ACCOUNT}/intents/{{intent_id}}"): "read",
    ("GET", f"{_ACCOUNT}/orders/{{order_id}}/story"): "read",
    ("GET", f"{_ACCOUNT}/symbols/{{category}}/{{symbol}}"): "read",
    ("GET", f"{_ACCOUNT}/limits"): "read",
    ("GET", f"{_ACCOUNT}/arming"): "read",
    ("GET", f"{_ACCOUNT}/pnl"): "read",
    ("GET", f"{_ACCOUNT}/ledger"): "read",
    ("GET", f"{_ACCOUNT}/ledger/breaks"): "read",
    ("GET", f"{_ACCOUNT}/differences"): "read",
    ("POST", "/api/v1/specs/check"): "read",
    ("POST", "/api/v1/specs/explain"): "read",
    ("POST", "/api/v1/specs/diff"): "read",
    ("GET", "/api/v1/specs/functions"): "read",
    ("GET", "/api/v1/specs/templates"): "read",
    ("GET", "/api/v1/specs/schema"): "read",
    ("GET", "/api/v1/backtests"): "read",
    ("GET", "/api/v1/backtests/{backtest_id}"): "read",
    ("GET", "/api/v1/backtests/{backtest_id}/report"): "read",
    ("GET", "/api/v1/strategies"): "read",
    ("GET", "/api/v1/strategies/{strategy_id}"): "read",
    ("GET", "/api/v1/strategies/{strategy_id}/versions/{number}"): "read",
    ("GET", "/api/v1/bots"): "read",
    ("GET", "/api/v1/bots/{bot_id}"): "read",
    ("GET", "/api/v1/bots/{bot_id}/versions"): "read",
    ("GET", "/api/v1/bots/{bot_id}/start-checks"): "read",
    ("GET", "/api/v1/runs"): "read",
    ("GET", "/api/v1/runs/{run_id}"): "read",
    ("GET", "/api/v1/runs/{run_id}/events"): "read",
    ("GET", "/api/v1/runs/{run_id}/trades"): "read",
    ("GET", "/api/v1/runs/{run_id}/report"): "read",
    ("GET", "/api/v1/kill"): "read",
    ("GET", "/api/v1/notifications"): "read",
    ("GET", "/api/v1/alerts"): "read",
    ("POST", f"{_ACCOUNT}/preview"): "trade",
    ("POST", f"{_ACCOUNT}/intents"): "trade",
    ("POST", f"{_ACCOUNT}/cancel-all"): "trade",
    ("POST", f"{_ACCOUNT}/reconcile"): "trade",
    ("POST", f"{_ACCOUNT}/take-down"): "trade",
    ("POST", f"{_ACCOUNT}/disarm"): "trade",  # it reduces
    ("POST", "/api/v1/bots/{bot_id}/runs"): "trade",  # but not untried with real money: that needs a step-up
    ("POST", "/api/v1/runs/{run_id}/pause"): "trade",
    ("POST", "/api/v1/runs/{run_id}/resume"): "trade",
    ("POST", "/api/v1/runs/{run_id}/extend"): "trade",
    ("POST", "/api/v1/runs/{run_id}/stop"): "trade",
    ("POST", "/api/v1/kill"): "trade",
    ("POST", "/api/v1/kill/release"): "manage",
    ("POST", f"{_ACCOUNT}/resume"): "manage",
    ("POST", f"{_ACCOUNT}/differences/{{difference_id}}/decide"): "manage",
    ("PUT", f"{_ACCOUNT}/limits"): "manage",  # to tighten them: loosening needs a step-up, which no token has
    ("POST", "/api/v1/connections/{connection_id}/check"): "manage",
    ("POST", "/api/v1/backtests"): "manage",
    ("POST", "/api/v1/backtests/{backtest_id}/cancel"): "manage",
    ("POST", "/api/v1/backtests/{backtest_id}/remove"): "manage",
    ("POST", "/api/v1/strategies"): "manage",
    ("POST", "/api/v1/strategies/{strategy_id}/versions"): "manage",
    ("POST", "/api/v1/strategies/{strategy_id}/rename"): "manage",
    ("POST", "/api/v1/strategies/{strategy_id}/archive"): "manage",
    ("POST", "/api/v1/strategies/{strategy_id}/restore"): "manage",
    ("POST", "/api/v1/bots"): "manage",
    ("PUT", "/api/v1/bots/{bot_id}/settings"): "manage",
    ("POST", "/api/v1/bots/{bot_id}/rename"): "manage",
    ("POST", "/api/v1/bots/{bot_id}/clone"): "manage",
    ("POST", "/api/v1/bots/{bot_id}/archive"): "manage",
    ("POST", "/api/v1/bots/{bot_id}/restore"): "manage",
}
