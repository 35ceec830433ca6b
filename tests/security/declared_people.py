"""What each route answers to whom, by their part in the workspace that is asked about: a new route is one line here.

Not here: API tokens (`declared_tokens`), what is asked with (`asked_with`), the test (`test_who_may_what`).
"""

from __future__ import annotations

# Statuses for: nobody, a viewer, a trader, the owner, the owner of another workspace (with this workspace's ids).
READ = (401, 200, 200, 200, 200)
READ_OF_ACCOUNT = (401, 200, 200, 200, 404)
OPEN = (200, 200, 200, 200, 200)
EXPECTED: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): (503, 503, 503, 503, 503),  # told to everybody; no worker in the kit
    ("GET", "/api/v1/session"): OPEN,
    ("POST", "/api/v1/claim"): (404, 404, 404, 404, 404),  # with a made-up token
    ("POST", "/api/v1/login"): (401, 401, 401, 401, 401),  # with a wrong password
    ("POST", "/api/v1/session/step-up"): (401, 200, 200, 200, 200),
    # One's own ways in are everybody's who is signed in; the kit is at an IP address, where passkeys are refused.
    ("GET", "/api/v1/session/security"): READ,
    ("POST", "/api/v1/session/step-up/passkey-question"): (401, 409, 409, 409, 409),
    ("POST", "/api/v1/session/totp"): READ,
    ("POST", "/api/v1/session/totp/confirm"): (401, 404, 404, 404, 404),  # nothing was begun
    ("POST", "/api/v1/session/totp/remove"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/session/recovery-codes"): (401, 409, 409, 409, 409),  # without a factor
    ("POST", "/api/v1/session/passkeys/question"): (401, 409, 409, 409, 409),
    ("POST", "/api/v1/session/passkeys"): (401, 409, 409, 409, 409),
    ("POST", "/api/v1/session/passkeys/{passkey_id}/rename"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/session/passkeys/{passkey_id}/remove"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/login/second"): (401, 401, 401, 401, 401),  # no login is under way
    ("POST", "/api/v1/login/passkey/question"): (409, 409, 409, 409, 409),
    ("POST", "/api/v1/login/passkey"): (409, 409, 409, 409, 409),
    ("POST", "/api/v1/logout"): (401, 204, 204, 204, 204),
    ("GET", "/api/v1/workspaces"): READ,
    ("POST", "/api/v1/session/workspace"): (401, 200, 200, 200, 404),
    ("POST", "/api/v1/workspaces"): (401, 201, 201, 201, 201),  # each for themselves
    ("PUT", "/api/v1/workspace"): (401, 403, 403, 200, 200),  # each of the own workspace
    ("GET", "/api/v1/workspace/quotas"): READ,
    ("GET", "/api/v1/workspace/members"): READ,
    ("POST", "/api/v1/workspace/members/{user_id}/role"): (401, 403, 403, 200, 404),
    ("POST", "/api/v1/workspace/members/{user_id}/end-sessions"): (401, 403, 403, 200, 404),
    ("POST", "/api/v1/workspace/members/{user_id}/remove"): (401, 403, 403, 204, 404),
    ("POST", "/api/v1/workspace/leave"): (401, 204, 204, 204, 409),  # the only owner of their own stays
    ("GET", "/api/v1/workspace/invitations"): (401, 403, 403, 200, 200),
    ("POST", "/api/v1/workspace/invitations"): (401, 403, 403, 201, 201),
    ("POST", "/api/v1/workspace/invitations/{invitation_id}/revoke"): (401, 403, 403, 204, 404),
    ("POST", "/api/v1/invitations/read"): (404, 404, 404, 404, 404),  # with a made-up token
    ("POST", "/api/v1/invitations/join"): (404, 404, 404, 404, 404),
    ("POST", "/api/v1/invitations/accept"): (401, 404, 404, 404, 404),
    ("GET", "/api/v1/sessions"): READ,
    ("POST", "/api/v1/sessions/{session_id}/end"): (401, 404, 404, 404, 404),  # somebody else's, of whatever role
    ("POST", "/api/v1/sessions/end-others"): READ,
    ("PUT", "/api/v1/profile"): READ,
    ("POST", "/api/v1/profile/password"): (401, 204, 204, 204, 204),
    ("POST", "/api/v1/password-link"): (404, 404, 404, 404, 404),  # with a made-up token
    ("GET", "/api/v1/installation/users"): (401, 403, 403, 403, 403),
    ("POST", "/api/v1/installation/users/{user_id}/disable"): (401, 403, 403, 403, 403),
    ("POST", "/api/v1/installation/users/{user_id}/enable"): (401, 403, 403, 403, 403),
    ("POST", "/api/v1/installation/users/{user_id}/end-sessions"): (401, 403, 403, 403, 403),
    ("GET", "/api/v1/installation/workspaces"): (401, 403, 403, 403, 403),
    ("PUT", "/api/v1/installation/workspaces/{workspace_id}/quota"): (401, 403, 403, 403, 403),
    ("GET", "/api/v1/tokens"): READ,
    ("POST", "/api/v1/tokens"): (401, 201, 201, 201, 201),  # each for themselves
    ("POST", "/api/v1/tokens/{token_id}/revoke"): (401, 404, 404, 404, 404),  # somebody else's, of whatever role
    ("GET", "/api/v1/instruments"): READ,
    ("GET", "/api/v1/tickers"): READ,
    ("GET", "/api/v1/candles"): READ,
    ("GET", "/api/v1/accounts"): READ,
    ("GET", "/api/v1/accounts/{account_id}/orders"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/positions"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/fills"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/balances"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/budget"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/accounts/{account_id}/resume"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/accounts/{account_id}/intents/{intent_id}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/export/{table}.csv"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/environments"): READ,
    ("GET", "/api/v1/connections"): READ,
    ("POST", "/api/v1/connections"): (401, 403, 202, 202, 409),  # the same id and body each time
    ("GET", "/api/v1/connections/{connection_id}"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/connections/{connection_id}/check"): (401, 403, 202, 202, 404),
    ("POST", "/api/v1/connections/{connection_id}/rename"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/connections/{connection_id}/change"): (401, 403, 202, 202, 404),
    ("POST", "/api/v1/connections/{connection_id}/change/drop"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/connections/{connection_id}/top-up"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/connections/{connection_id}/top-up"): (401, 403, 409, 409, 404),  # its key is not checked yet
    ("POST", "/api/v1/connections/{connection_id}/remove"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/accounts/{account_id}/symbols/{category}/{symbol}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/limits"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/pnl"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/ledger"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/ledger/breaks"): READ_OF_ACCOUNT,
    ("PUT", "/api/v1/accounts/{account_id}/limits"): (401, 403, 403, 200, 404),
    ("GET", "/api/v1/accounts/{account_id}/arming"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/accounts/{account_id}/arming"): (401, 403, 403, 409, 404),  # it is no live account
    ("POST", "/api/v1/accounts/{account_id}/disarm"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/accounts/{account_id}/preview"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/accounts/{account_id}/reconcile"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/accounts/{account_id}/cancel-all"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/accounts/{account_id}/intents"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/accounts/{account_id}/differences"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/accounts/{account_id}/differences/{difference_id}/decide"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/specs/check"): READ,
    ("POST", "/api/v1/specs/explain"): READ,
    ("POST", "/api/v1/specs/diff"): READ,
    ("GET", "/api/v1/specs/functions"): READ,
    ("GET", "/api/v1/specs/templates"): READ,
    ("GET", "/api/v1/specs/schema"): READ,
    ("GET", "/api/v1/candle-series"): READ,
    ("POST", "/api/v1/backtests"): (401, 403, 202, 202, 409),  # the same id and body each time
    ("GET", "/api/v1/backtests"): READ,
    ("GET", "/api/v1/backtests/{backtest_id}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/backtests/{backtest_id}/report"): (401, 409, 409, 409, 404),  # it has not finished
    ("POST", "/api/v1/backtests/{backtest_id}/cancel"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/backtests/{backtest_id}/remove"): (401, 403, 200, 404, 404),  # the trader was quicker
    ("POST", "/api/v1/strategies"): (401, 403, 201, 201, 409),  # the same id and body each time
    ("GET", "/api/v1/strategies"): READ,
    ("GET", "/api/v1/strategies/{strategy_id}"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/strategies/{strategy_id}/versions"): (401, 403, 201, 201, 404),
    ("GET", "/api/v1/strategies/{strategy_id}/versions/{number}"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/strategies/{strategy_id}/rename"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/strategies/{strategy_id}/archive"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/strategies/{strategy_id}/restore"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/bots"): (401, 403, 201, 201, 409),
    ("GET", "/api/v1/bots"): READ,
    ("GET", "/api/v1/bots/{bot_id}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/bots/{bot_id}/versions"): READ_OF_ACCOUNT,
    ("PUT", "/api/v1/bots/{bot_id}/settings"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/bots/{bot_id}/rename"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/bots/{bot_id}/clone"): (401, 403, 201, 201, 404),
    ("POST", "/api/v1/bots/{bot_id}/archive"): (401, 403, 409, 409, 404),  # a run of it has not ended
    ("POST", "/api/v1/bots/{bot_id}/restore"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/bots/{bot_id}/remove"): (401, 403, 409, 409, 404),
    ("GET", "/api/v1/bots/{bot_id}/start-checks"): READ_OF_ACCOUNT,
    ("POST", "/api/v1/bots/{bot_id}/runs"): (401, 403, 202, 202, 409),
    ("GET", "/api/v1/runs"): READ,
    ("GET", "/api/v1/runs/{run_id}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/events"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/trades"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/report"): (401, 409, 409, 409, 404),  # it has not ended
    ("POST", "/api/v1/runs/{run_id}/pause"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/runs/{run_id}/resume"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/runs/{run_id}/extend"): (401, 403, 200, 200, 404),
    ("POST", "/api/v1/runs/{run_id}/stop"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/runs/{run_id}/export/events.csv"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/export/trades.csv"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/export/events.json"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/runs/{run_id}/export/trades.json"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/audit"): READ,
    ("GET", "/api/v1/audit/export.csv"): READ,  # each session begins with a proof of who asks
    ("GET", "/api/v1/audit/exports"): (401, 403, 403, 200, 200),
    ("POST", "/api/v1/audit/digest"): (401, 403, 403, 200, 200),
    ("GET", "/api/v1/accounts/{account_id}/orders/{order_id}/story"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/kill"): READ,
    ("POST", "/api/v1/kill"): (401, 403, 200, 200, 200),  # each of the own workspace
    ("POST", "/api/v1/kill/release"): (401, 403, 200, 200, 200),
    # What is told to whom is each person's own, also in one workspace; the ids are Olga's, who asks nothing here.
    ("GET", "/api/v1/notifications"): READ,
    ("POST", "/api/v1/notifications/read-all"): (401, 204, 204, 204, 204),
    ("POST", "/api/v1/notifications/{notification_id}/read"): (401, 404, 404, 404, 404),
    ("GET", "/api/v1/notifications/settings"): READ,
    ("PUT", "/api/v1/notifications/settings"): READ,
    ("POST", "/api/v1/notifications/channels"): (401, 201, 201, 201, 201),
    ("POST", "/api/v1/notifications/channels/{channel_id}/test"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/notifications/channels/{channel_id}/remove"): (401, 404, 404, 404, 404),
    ("GET", "/api/v1/alerts"): READ,
    ("POST", "/api/v1/alerts"): (401, 201, 201, 201, 201),
    ("PUT", "/api/v1/alerts/{alert_id}"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/alerts/{alert_id}/pause"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/alerts/{alert_id}/resume"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/alerts/{alert_id}/remove"): (401, 404, 404, 404, 404),
    ("POST", "/api/v1/accounts/{account_id}/take-down"): (401, 403, 503, 503, 404),  # no worker in the kit
}
# Of the operator, who has a workspace of their own, with this workspace's ids.
OF_OPERATOR: dict[tuple[str, str], int] = {
    ("GET", "/api/v1/installation/users"): 200,
    ("POST", "/api/v1/installation/users/{user_id}/disable"): 204,
    ("POST", "/api/v1/installation/users/{user_id}/enable"): 204,
    ("POST", "/api/v1/installation/users/{user_id}/end-sessions"): 200,
    ("GET", "/api/v1/installation/workspaces"): 200,
    ("PUT", "/api/v1/installation/workspaces/{workspace_id}/quota"): 200,
    ("POST", "/api/v1/session/totp/confirm"): 409,  # it was begun, by the row before
}
# Nobody looks who asks.
TO_ANYBODY = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/api/v1/claim"), ("POST", "/api/v1/login")} | {
    ("POST", f"/api/v1/{path}")
    for path in (
        "invitations/read",
        "invitations/join",
        "password-link",
        "login/second",
        "login/passkey/question",
        "login/passkey",
    )
}
