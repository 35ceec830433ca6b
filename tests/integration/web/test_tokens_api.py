"""API tokens over HTTP and the stream's socket: made, used, slowed down, revoked; and what the audit trail says."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from integration.web.kit import Site, User, place_body, running_owner
from integration.web.test_identity_api import problem
from security.askers import program
from tradewright.identity.api_tokens import TOKENS_OF_USER_MAX
from tradewright.identity.token_text import is_well_formed, new_token_text
from tradewright.web.token_guard import WRONG_MAX

ORDER = {"name": "my bot", "scopes": ["trade"], "expires_in_days": 30}


async def make(user: User, **changed: Any) -> dict[str, Any]:
    async with user.http.post("/api/v1/tokens", json={**ORDER, **changed}) as response:
        assert response.status == 201, await response.text()
        return dict(await response.json())


async def entries(site: Site, action: str) -> list[Any]:
    async with site.parts.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT * FROM audit_entries WHERE action = :action ORDER BY at, id"), {"action": action}
        )
        return list(found)


def test_a_token_says_what_it_is_and_a_typo_is_known_without_asking() -> None:
    token = new_token_text()
    assert len(token) == 52
    assert is_well_formed(token)
    assert len({new_token_text() for _ in range(1_000)}) == 1_000
    wrong = [token[:-1], token + "a", token.upper(), token[3:], "", "tw_", "tw_" + "é" * 49, f" {token}"]
    wrong += [token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :] for place in range(3, 52)]
    assert not any(map(is_well_formed, wrong))


async def test_a_token_is_shown_once_works_at_once_and_leaves_its_trace(site: Site, ann: User) -> None:
    made = await make(ann)
    told = made["token"]
    assert (told["name"], told["scopes"], told["ending"]) == ("my bot", ["trade"], made["text"][-4:])
    async with ann.http.get("/api/v1/tokens") as response:
        listed = await response.text()
    assert made["text"] not in listed
    bot = program(site, made["text"])
    async with bot.get("/api/v1/session") as response:
        assert (await response.json())["user"]["is_operator"] is False  # Ann is; her program is not
    body = place_body()
    async with running_owner(site, ann), bot.post(f"{ann.account_path}/intents", json=body) as response:
        assert response.status == 200, await response.text()
    async with ann.http.get("/api/v1/tokens") as response:
        (used,) = (await response.json())["tokens"]
    assert used["last_used_ip"] == "127.0.0.1"
    assert used["last_used_ms"] is not None
    (making,) = await entries(site, "token.make")
    assert (str(making.object_id), making.token_id) == (told["id"], None)
    assert made["text"] not in str(making)
    placed = [each for each in await entries(site, "order.place") if each.actor_kind == "user"]
    assert [str(each.token_id) for each in placed] == [told["id"]]
    async with ann.http.post(f"{ann.account_path}/cancel-all", json={"id": str(uuid.uuid4())}) as response:
        assert response.status == 200
    assert [each.token_id for each in await entries(site, "order.cancel_all")] == [None]  # by herself, after it


async def test_a_revoked_token_is_refused_at_once_and_its_open_stream_ends(site: Site, ann: User) -> None:
    made = await make(ann, scopes=["read"])
    bot = program(site, made["text"])
    async with bot.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": [f"account:{ann.account['id']}"]})
        while (await stream.receive_json(timeout=20))["type"] != "snapshot":
            pass  # a busy machine may say first that it lives
        async with ann.http.post(f"/api/v1/tokens/{made['token']['id']}/revoke") as response:
            assert response.status == 204
        async with bot.get("/api/v1/accounts") as response:
            await problem(response, 401, "token.refused")
        async with asyncio.timeout(20):
            while (await stream.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert stream.close_code == 4401
    async with bot.ws_connect("/api/v1/stream") as stream:
        await stream.receive(timeout=20)
        assert stream.close_code == 4401
    async with ann.http.post(f"/api/v1/tokens/{made['token']['id']}/revoke") as response:
        await problem(response, 404, "token.unknown")
    (revoked,) = await entries(site, "token.revoke")
    assert revoked.before["name"] == "my bot"


async def test_it_ends_with_its_date_its_users_place_and_its_user(site: Site, ann: User) -> None:
    bob = await site.second_user("trader", workspace=ann.workspace_id)
    month, week = await make(bob), await make(bob, expires_in_days=7)
    bots = [program(site, each["text"]) for each in (month, week)]
    site.clock.offset = timedelta(days=8)
    statuses = [(await bot.get("/api/v1/accounts")).status for bot in bots]
    assert statuses == [200, 401]
    async with site.parts.engine.begin() as connection:
        await connection.execute(text("UPDATE memberships SET role = 'viewer' WHERE user_id = :id"), {"id": _id(bob)})
    async with bots[0].post(f"{ann.account_path}/intents", json=place_body()) as response:
        await problem(response, 403, "role.insufficient")  # the lower of scope and role
    async with site.parts.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET disabled_at = now() WHERE id = :id"), {"id": _id(bob)})
    async with bots[0].get("/api/v1/accounts") as response:
        await problem(response, 401, "token.refused")
    async with site.parts.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET disabled_at = NULL WHERE id = :id"), {"id": _id(bob)})
        await connection.execute(text("DELETE FROM memberships WHERE user_id = :id"), {"id": _id(bob)})
        await connection.execute(
            text("INSERT INTO memberships (workspace_id, user_id, role) VALUES (:w, :id, 'owner')"),
            {"w": ann.workspace_id, "id": _id(bob)},
        )
    async with bots[0].get("/api/v1/accounts") as response:
        await problem(response, 401, "token.refused")  # it ended with the membership, and comes back with none
    assert await site.count("api_tokens") == 0


async def test_what_a_token_may_not_is_refused_whatever_its_scopes(site: Site, ann: User) -> None:
    every = program(site, (await make(ann, scopes=["read", "trade", "manage"]))["text"])
    async with every.post("/api/v1/tokens", json=ORDER) as response:
        await problem(response, 403, "token.not_allowed")
    async with every.get(f"{ann.account_path}/export/orders.csv") as response:
        await problem(response, 403, "token.not_allowed")
    async with every.post("/api/v1/session/step-up", json={"password": "correct horse battery"}) as response:
        await problem(response, 403, "token.not_allowed")
    reader = program(site, (await make(ann, scopes=["read"]))["text"])
    async with reader.post("/api/v1/kill", json={"scope": "workspace"}) as response:
        await problem(response, 403, "token.scope_missing")
    async with every.post("/api/v1/kill", json={"scope": "installation"}) as response:
        await problem(response, 403, "role.insufficient")  # no token is the operator
    # A token beside a cookie: the token counts, good or not, and never the cookie behind it.
    headers = {"Authorization": f"Bearer {new_token_text()}"}
    async with ann.http.get("/api/v1/accounts", headers=headers) as response:
        await problem(response, 401, "token.refused")
    async with ann.http.get("/api/v1/accounts", headers={"Authorization": "Basic eDp5"}) as response:
        assert response.status == 200  # a proxy's own sign-in is no affair of ours


async def test_wrong_tokens_are_slowed_down_by_address_and_good_ones_are_not(site: Site, ann: User) -> None:
    good = program(site, (await make(ann))["text"])
    fresh = program(site, (await make(ann))["text"])
    assert (await good.get("/api/v1/accounts")).status == 200
    statuses = []
    for _ in range(WRONG_MAX + 2):
        async with program(site, new_token_text()).get("/api/v1/accounts") as response:
            statuses.append(response.status)
    assert statuses == [401] * WRONG_MAX + [429] * 2
    async with fresh.get("/api/v1/accounts") as response:
        told = await problem(response, 429, "request.too_many")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert told.params["retry_after_s"] == response.headers["retry-after"]
    assert (await good.get("/api/v1/accounts")).status == 200  # it was good here a moment ago
    async with ann.http.get("/api/v1/accounts") as response:
        assert response.status == 200  # nobody's session is held up


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"name": " "}, 422, "token.name", "name"),
        ({"name": "a\nb"}, 422, "token.name", "name"),
        ({"name": "x" * 65}, 422, "token.name", "name"),
        ({"scopes": []}, 422, "input.missing", "scopes"),
        ({"scopes": ["manage"]}, 422, "token.beyond_role", "scopes"),
        ({"scopes": ["admin"]}, 422, "input.not_allowed", "scopes.0"),
        ({"expires_in_days": 366}, 422, "input.range", "expires_in_days"),
        ({"expires_in_days": 0}, 422, "input.range", "expires_in_days"),
    ],
)
async def test_what_is_asked_wrongly_makes_none(
    site: Site, ann: User, changed: dict[str, Any], status: int, code: str, field: str
) -> None:
    viewer = await site.second_user("viewer", workspace=ann.workspace_id)
    async with viewer.http.post("/api/v1/tokens", json={**ORDER, "scopes": ["read"], **changed}) as response:
        told = await response.json()
    assert (response.status, told["problems"][0]["code"], told["problems"][0]["field"]) == (status, code, field)
    assert await site.count("api_tokens") == 0


async def test_one_may_have_so_many_and_no_more_also_when_they_are_asked_for_at_once(site: Site, ann: User) -> None:
    async def one() -> int:
        async with ann.http.post("/api/v1/tokens", json=ORDER) as response:
            return response.status

    statuses = await asyncio.gather(*(one() for _ in range(TOKENS_OF_USER_MAX + 4)))
    assert sorted(statuses) == [201] * TOKENS_OF_USER_MAX + [409] * 4
    async with ann.http.post("/api/v1/tokens", json=ORDER) as response:
        await problem(response, 409, "token.too_many")


async def test_making_one_needs_a_fresh_proof(site: Site, ann: User) -> None:
    site.clock.offset = timedelta(minutes=11)
    async with ann.http.post("/api/v1/tokens", json=ORDER) as response:
        await problem(response, 403, "session.step_up_required")


def _id(user: User) -> str:
    return str(user.session["user"]["id"])
