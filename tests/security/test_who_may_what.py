"""Every route × who asks has a declared answer; a route that is not in the table fails."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from integration.backtests.kit import waves
from integration.web.kit import PASSWORD, Owner, Site, User, place_body, running_owner
from tradewright.market.history.series import Series
from tradewright.trading.journal import Drift
from tradewright.web import intents
from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of

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
    ("POST", "/api/v1/logout"): (401, 204, 204, 204, 204),
    ("GET", "/api/v1/workspaces"): READ,
    ("POST", "/api/v1/session/workspace"): (401, 200, 200, 200, 404),
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
    ("POST", "/api/v1/connections/{connection_id}/remove"): (401, 403, 200, 200, 404),
    ("GET", "/api/v1/accounts/{account_id}/symbols/{category}/{symbol}"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/limits"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/pnl"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/ledger"): READ_OF_ACCOUNT,
    ("GET", "/api/v1/accounts/{account_id}/ledger/breaks"): READ_OF_ACCOUNT,
    ("PUT", "/api/v1/accounts/{account_id}/limits"): (401, 403, 403, 200, 404),
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
    ("GET", "/api/v1/kill"): READ,
    ("POST", "/api/v1/kill"): (401, 403, 200, 200, 200),  # each of the own workspace
    ("POST", "/api/v1/kill/release"): (401, 403, 200, 200, 200),
    ("POST", "/api/v1/accounts/{account_id}/take-down"): (401, 403, 503, 503, 404),  # no worker in the kit
}
CONNECTION_ID = "0199d000-0000-7000-8000-000000000001"
BACKTEST_ID = "0199d000-0000-7000-8000-000000000002"
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/session/step-up": {"password": PASSWORD},
    "/api/v1/accounts/{account_id}/limits": {"level": "account", "limits": [{"name": "open_orders", "value": "50"}]},
    "/api/v1/connections": {
        "id": CONNECTION_ID,
        "environment": "demo",
        "name": "Demo",
        "key": "a-key",
        "secret": "a-secret",
    },
    "/api/v1/connections/{connection_id}/remove": {"name": "Demo"},
    "/api/v1/accounts/{account_id}/preview": {
        name: value for name, value in place_body().items() if name not in ("id", "kind", "note")
    },
    "/api/v1/accounts/{account_id}/reconcile": {},
    "/api/v1/accounts/{account_id}/differences/{difference_id}/decide": {"decision": "ignore", "version": 1},
    "/api/v1/specs/check": {"text": "version: 1"},
    "/api/v1/specs/explain": {"text": "version: 1"},
    "/api/v1/specs/diff": {"old": "version: 1", "new": "version: 1"},
    "/api/v1/backtests": {"id": BACKTEST_ID, "template": "ema_cross"},
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


async def test_every_route_answers_everybody_as_declared(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 0.05)  # the owner of the kit reads nothing again
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="x")
    async with running_owner(site, ann) as owner:
        body = place_body()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200
        difference_id = await a_difference(site, owner)
        seen: dict[tuple[str, str], tuple[int, ...]] = {}
        for method, path in EXPECTED:
            url = path.replace("{account_id}", ann.account["id"]).replace("{intent_id}", body["id"])
            url = url.replace("{table}", "orders").replace("{connection_id}", CONNECTION_ID)
            url = url.replace("{category}", "linear").replace("{symbol}", "BTCUSDT")
            url = url.replace("{difference_id}", difference_id).replace("{backtest_id}", BACKTEST_ID)
            if path.endswith("/candles"):
                url += "?symbol=BTCUSDT&interval=1"
            statuses = []
            # Sessions of their own for each route, because one of the routes ends them.
            for who in await everybody(site, ann, tag=uuid.uuid4().hex[:8]):
                json = BODIES.get(path, {"id": str(uuid.uuid4())} if path.endswith("/cancel-all") else None)
                if path == "/api/v1/session/workspace":
                    json = {"workspace_id": str(ann.workspace_id)}
                json = place_body() if path.endswith("/intents") else json
                async with who.request(method, url, json=json) as response:
                    statuses.append(response.status)
            seen[(method, path)] = tuple(statuses)
    assert seen == EXPECTED


async def a_difference(site: Site, owner: Owner) -> str:
    """The id of one that waits."""
    await owner.journal.record_drift([Drift("order.foreign", "somebody's", "", "New")])
    async with site.parts.engine.connect() as connection:
        return str(await connection.scalar(text("SELECT id FROM differences")))


async def everybody(site: Site, ann: User, *, tag: str) -> list[Any]:
    viewer = await site.second_user("viewer", workspace=ann.workspace_id, username=f"viewer {tag}")
    trader = await site.second_user("trader", workspace=ann.workspace_id, username=f"trader {tag}")
    owner = await site.second_user("owner", workspace=ann.workspace_id, username=f"owner {tag}")
    other = await site.second_user("owner", username=f"other {tag}")
    return [site.browser(), viewer.http, trader.http, owner.http, other.http]
