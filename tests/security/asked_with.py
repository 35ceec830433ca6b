"""What each route is asked with in the tests of who may ask it: bodies by path, and the ids that they bring.

A new route with a body is one line here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from integration.web.kit import PASSWORD, User, place_body
from tradewright.strategy.templates import template_text

CONNECTION_ID = "0199d000-0000-7000-8000-000000000001"
BACKTEST_ID = "0199d000-0000-7000-8000-000000000002"
STRATEGY_ID = "0199d000-0000-7000-8000-000000000003"
BOT_ID = "0199d000-0000-7000-8000-000000000004"
CHANNEL = "json://127.0.0.1:9/hook"  # what the kit allows; nobody listens there
ALERT = {
    "environment": "sim",
    "category": "linear",
    "symbol": "BTCUSDT",
    "price_by": "last",
    "direction": "above",
    "price": "70000",
    "repeats": False,
    "ends_ms": None,
    "note": "",
}
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/session/step-up": {"password": PASSWORD},
    "/api/v1/workspace": {"name": "Renamed"},
    "/api/v1/workspace/members/{user_id}/role": {"role": "viewer"},
    "/api/v1/workspace/invitations": {"role": "viewer"},
    "/api/v1/invitations/read": {"token": "made-up"},
    "/api/v1/invitations/join": {"token": "made-up", "username": "Eve", "password": PASSWORD, "language": "en"},
    "/api/v1/invitations/accept": {"token": "made-up"},
    "/api/v1/profile": {"language": "ru"},
    "/api/v1/profile/password": {"old_password": PASSWORD, "new_password": f"{PASSWORD} too"},
    "/api/v1/password-link": {"token": "made-up", "password": PASSWORD},
    "/api/v1/installation/workspaces/{workspace_id}/quota": {
        "scope": "workspace",
        "name": "connections",
        "value": "9",
    },
    "/api/v1/session/totp/confirm": {"code": "123456"},
    "/api/v1/session/passkeys": {"name": "Key", "passkey": {}},
    "/api/v1/session/passkeys/{passkey_id}/rename": {"name": "Key"},
    "/api/v1/login/second": {"code": "123456"},
    "/api/v1/login/passkey/question": {"second": False},
    "/api/v1/login/passkey": {"passkey": {}},
    "/api/v1/tokens": {"name": "a program", "scopes": ["read"], "expires_in_days": 30},
    "/api/v1/accounts/{account_id}/limits": {"level": "account", "limits": [{"name": "open_orders", "value": "50"}]},
    "/api/v1/connections": {
        "id": CONNECTION_ID,
        "environment": "demo",
        "name": "Demo",
        "key": "a-key",
        "secret": "a-secret",
    },
    "/api/v1/connections/{connection_id}/rename": {"name": "Demo"},
    "/api/v1/connections/{connection_id}/change": {"id": BACKTEST_ID, "key": "b-key", "secret": "b-secret"},
    "/api/v1/connections/{connection_id}/top-up": {"id": BACKTEST_ID, "coin": "USDT", "amount": "1000"},
    "/api/v1/connections/{connection_id}/remove": {"name": "Demo"},
    "/api/v1/accounts/{account_id}/arming": {"id": CONNECTION_ID, "phrase": "LIVE Demo", "confirm_above": "10"},
    "/api/v1/accounts/{account_id}/preview": {
        name: value for name, value in place_body().items() if name not in ("id", "kind", "note")
    },
    "/api/v1/accounts/{account_id}/reconcile": {},
    "/api/v1/accounts/{account_id}/differences/{difference_id}/decide": {"decision": "ignore", "version": 1},
    "/api/v1/specs/check": {"text": "version: 1"},
    "/api/v1/specs/explain": {"text": "version: 1"},
    "/api/v1/specs/diff": {"old": "version: 1", "new": "version: 1"},
    "/api/v1/backtests": {"id": BACKTEST_ID, "template": "ema_cross"},
    "/api/v1/strategies": {"id": STRATEGY_ID, "name": "Mine", "template": "ema_cross"},
    "/api/v1/strategies/{strategy_id}/versions": {"id": BOT_ID, "text": template_text("rsi_reversion")},
    "/api/v1/strategies/{strategy_id}/rename": {"name": "Renamed"},
    "/api/v1/bots": {"id": BOT_ID, "name": "Another bot"},
    "/api/v1/bots/{bot_id}/rename": {"version": 1, "name": "Renamed bot"},
    "/api/v1/bots/{bot_id}/clone": {"id": STRATEGY_ID, "name": "A clone"},
    "/api/v1/bots/{bot_id}/remove": {"name": "Renamed bot"},
    "/api/v1/bots/{bot_id}/runs": {"id": BOT_ID, "bot_version": 1},
    "/api/v1/runs/{run_id}/extend": {"duration_ms": 600_000},
    "/api/v1/runs/{run_id}/stop": {"how": "gentle"},
    "/api/v1/notifications/read-all": {"until_ms": 1},
    "/api/v1/notifications/settings": {
        "version": 0,
        "time_zone": "UTC",
        "quiet_from": None,
        "quiet_to": None,
        "minimal_severity": "info",
        "alive_at": None,
        "alive_channel_id": None,
        "rules": [],
    },
    "/api/v1/notifications/channels": {"name": "Phone", "address": CHANNEL},
    "/api/v1/alerts": ALERT,
    "/api/v1/alerts/{alert_id}": {**ALERT, "version": 1},
    "/api/v1/audit/digest": {"value": "a key"},
    "/api/v1/kill": {"scope": "workspace"},
    "/api/v1/kill/release": {"scope": "workspace"},
    "/api/v1/accounts/{account_id}/take-down": {"id": CONNECTION_ID},
    "/api/v1/claim": {"token": "made-up", "username": "Mallory", "password": "long enough 123", "language": "en"},
    "/api/v1/login": {"username": "nobody", "password": "a wrong password"},
}


def bot_settings(ids: Mapping[str, str]) -> dict[str, Any]:
    """Of a bot of the account, by a spec version that is kept."""
    return {
        "spec_version_id": ids["spec_version_id"],
        "account_id": ids["account_id"],
        "category": "linear",
        "symbol": "BTCUSDT",
        "capital": "1000",
        "limits": {"max_loss": "50"},
        "duration_ms": 300_000,
        "at_end": "close",
    }


async def furnished_bot(user: User) -> dict[str, str]:
    """A kept strategy, a bot of it and a run, in the user's workspace, by the names that they have in paths."""
    ids = {name: str(uuid.uuid4()) for name in ("strategy_id", "bot_id", "run_id")}
    ids |= {"spec_version_id": ids["strategy_id"], "account_id": user.account["id"]}
    steps = (
        ("strategies", {"id": ids["strategy_id"], "name": "Kept", "template": "ema_cross"}, 201),
        ("bots", {"id": ids["bot_id"], "name": "A bot", "settings": bot_settings(ids)}, 201),
        (f"bots/{ids['bot_id']}/runs", {"id": ids["run_id"], "bot_version": 1}, 202),
    )
    for path, body, status in steps:
        async with user.http.post(f"/api/v1/{path}", json=body) as response:
            assert response.status == status, await response.text()
    return ids
