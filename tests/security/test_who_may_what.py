"""Every route × who asks has a declared answer; a route that is not in the table fails.

A new route is one line in `EXPECTED`, and where it needs them its body in `BODIES` and the ids of its path in
`prepared`. Unless `BY_TOKEN` opens it, it must be closed to API tokens of every scope; unless `OF_OPERATOR` says
otherwise, the installation's operator is answered as anybody else of another workspace.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from integration.backtests.kit import waves
from integration.web.kit import PASSWORD, Owner, Site, User, place_body, running_owner
from security.askers import everybody
from tradewright.identity.model import Scope
from tradewright.identity.scopes import SCOPES, allows, lower_role
from tradewright.market.history.series import Series
from tradewright.trading.journal import Drift
from tradewright.web import intents
from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of
from tradewright.web.token_scopes import TOKEN_SCOPES

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
    ("GET", "/api/v1/audit"): READ,
    ("GET", "/api/v1/audit/export.csv"): READ,  # each session begins with a proof of who asks
    ("GET", "/api/v1/audit/exports"): (401, 403, 403, 200, 200),
    ("POST", "/api/v1/audit/digest"): (401, 403, 403, 200, 200),
    ("GET", "/api/v1/accounts/{account_id}/orders/{order_id}/story"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/kill"): READ,
    ("POST", "/api/v1/kill"): (401, 403, 200, 200, 200),  # each of the own workspace
    ("POST", "/api/v1/kill/release"): (401, 403, 200, 200, 200),
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
            "kill",
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
CONNECTION_ID = "0199d000-0000-7000-8000-000000000001"
BACKTEST_ID = "0199d000-0000-7000-8000-000000000002"
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
    "/api/v1/audit/digest": {"value": "a key"},
    "/api/v1/kill": {"scope": "workspace"},
    "/api/v1/kill/release": {"scope": "workspace"},
    "/api/v1/accounts/{account_id}/take-down": {"id": CONNECTION_ID},
    "/api/v1/claim": {"token": "made-up", "username": "Mallory", "password": "long enough 123", "language": "en"},
    "/api/v1/login": {"username": "nobody", "password": "a wrong password"},
}


def routes() -> Iterator[tuple[str, str]]:
    for path, operations in contract_of(routes_only())["paths"].items():
        for method in operations:
            yield method.upper(), path


def test_every_route_has_its_row() -> None:
    assert set(routes()) == set(EXPECTED)


def test_what_is_open_to_api_tokens_is_what_is_declared_so() -> None:
    """The socket is in `test_who_may_hear_what`. A scope that opens no route would be a line that nobody needs."""
    assert {route: scope for route, scope in TOKEN_SCOPES.items() if route[0] != "WEBSOCKET"} == BY_TOKEN
    assert set(BY_TOKEN) | TO_ANYBODY | set(OF_OPERATOR) <= set(EXPECTED)


async def test_every_route_answers_everybody_as_declared(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann claimed the installation: she is the operator. The workspace that is asked about is Olga's."""
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 0.05)  # the owner of the kit reads nothing again
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="x")
    olga = await site.second_user("owner", username="Olga")
    hashed = await site.parts.passwords.hash(PASSWORD)
    async with running_owner(site, olga) as owner:
        ids = await prepared(site, olga, owner)
        wrong = {}
        for (method, path), expected in EXPECTED.items():
            # Fresh ones for each route, because one of the routes ends sessions.
            askers = await everybody(site, olga, ann, hashed=hashed, tag=uuid.uuid4().hex[:8])
            url = url_of(path, ids)
            people = [await asked(who, method, path, url, ids) for who in askers.people.values()]
            tokens = {scope: await asked(who, method, path, url, ids) for scope, who in askers.tokens.items()}
            await askers.close()
            operator = OF_OPERATOR.get((method, path), expected[4])
            if (tuple(people), tokens) != ((*expected, operator), expected_of_tokens((method, path), expected)):
                wrong[method, path] = people, tokens
    assert not wrong


def expected_of_tokens(route: tuple[str, str], expected: tuple[int, ...]) -> dict[Scope, int]:
    """An owner's token is answered by its scope as the owner is, or refused."""
    if route in TO_ANYBODY:
        return dict.fromkeys(SCOPES, expected[0])
    needed = BY_TOKEN.get(route)
    return {scope: expected[3] if needed and allows([scope], needed) else 403 for scope in SCOPES}


async def prepared(site: Site, olga: User, owner: Owner) -> dict[str, str]:
    """What stands in Olga's workspace, by the names that it has in paths; `workspace_id` for bodies."""
    body = place_body()
    async with olga.http.post(f"{olga.account_path}/intents", json=body) as response:
        assert response.status == 200
    async with olga.http.post("/api/v1/tokens", json=BODIES["/api/v1/tokens"]) as response:
        token_id = (await response.json())["token"]["id"]
    await owner.journal.record_drift([Drift("order.foreign", "somebody's", "", "New")])
    async with site.parts.engine.connect() as connection:
        difference_id = str(await connection.scalar(text("SELECT id FROM differences")))
    mira = await site.second_user("viewer", workspace=olga.workspace_id, username="Mira")
    async with olga.http.post("/api/v1/workspace/invitations", json={"role": "viewer"}) as response:
        invitation_id = (await response.json())["invitation"]["id"]
    async with olga.http.get("/api/v1/sessions") as response:
        session_id = (await response.json())["sessions"][0]["id"]
    return {
        "user_id": mira.session["user"]["id"],
        "invitation_id": invitation_id,
        "session_id": session_id,
        "workspace_id": str(olga.workspace_id),
        "account_id": olga.account["id"],
        "intent_id": body["id"],
        "order_id": body["id"],
        "token_id": token_id,
        "difference_id": difference_id,
        "connection_id": CONNECTION_ID,
        "passkey_id": CONNECTION_ID,
        "backtest_id": BACKTEST_ID,
        "table": "orders",
        "category": "linear",
        "symbol": "BTCUSDT",
    }


def url_of(path: str, ids: Mapping[str, str]) -> str:
    url = path.format_map(ids)
    return f"{url}?symbol=BTCUSDT&interval=1" if path.endswith("/candles") else url


async def asked(who: Any, method: str, path: str, url: str, ids: Mapping[str, str]) -> int:
    body = BODIES.get(path)
    if path.endswith("/cancel-all"):
        body = {"id": str(uuid.uuid4())}
    elif path.endswith("/intents"):
        body = place_body()
    elif path == "/api/v1/workspaces" and method == "POST":
        body = {"id": str(uuid.uuid4()), "name": "Another"}
    elif path == "/api/v1/session/workspace":
        body = {"workspace_id": ids["workspace_id"]}
    async with who.request(method, url, json=body) as response:
        return int(response.status)


@pytest.mark.parametrize(
    ("role", "scopes", "lower"),
    [
        ("owner", ["read"], "viewer"),
        ("owner", ["trade"], "trader"),
        ("owner", ["manage"], "owner"),
        ("trader", ["manage"], "trader"),
        ("viewer", ["manage", "trade"], "viewer"),
        ("trader", ["read", "trade"], "trader"),
        ("owner", [], "viewer"),
    ],
)
def test_a_token_is_worth_the_lower_of_its_scopes_and_its_users_role(role: Any, scopes: Any, lower: str) -> None:
    assert lower_role(role, scopes) == lower
