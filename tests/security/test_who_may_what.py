"""Every route × who asks has a declared answer; a route that is not in the table fails.

A new route is one line in `EXPECTED` (`declared_people`), and where it needs them its body in `BODIES` (`asked_with`)
and the ids of its path in `prepared`. Unless `BY_TOKEN` (`declared_tokens`) opens it, it must be closed to API tokens
of every scope; unless `OF_OPERATOR` says otherwise, the installation's operator is answered as anybody else of another
workspace.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from integration.backtests.kit import waves
from integration.web.kit import PASSWORD, Owner, Site, User, place_body, running_owner
from security.asked_with import BACKTEST_ID, BODIES, CONNECTION_ID, bot_settings, furnished_bot
from security.askers import everybody
from security.declared_people import EXPECTED, OF_OPERATOR, TO_ANYBODY
from security.declared_tokens import BY_TOKEN
from security.furnished import notified
from tradewright.identity.model import Scope
from tradewright.identity.scopes import SCOPES, allows, lower_role
from tradewright.market.history.series import Series
from tradewright.trading.journal import Drift
from tradewright.web import intents
from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of
from tradewright.web.token_scopes import TOKEN_SCOPES


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
    told = await notified(site, olga)
    return {
        **await furnished_bot(olga),
        "number": "1",
        **told,
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
    elif path.endswith("{bot_id}/settings"):
        body = {"version": 1, "settings": bot_settings(ids)}
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
