"""Claim, login, logout and sessions over HTTP."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from sqlalchemy import text

from integration.web.kit import PASSWORD, Site, User, token_in
from tradewright.web.schemas.identity import SessionState
from tradewright.web.schemas.problems import ProblemDocument


async def problem(response: aiohttp.ClientResponse, status: int, code: str) -> ProblemDocument:
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    document = ProblemDocument.model_validate_json(await response.read())
    assert (document.status, document.code) == (status, code)
    return document


async def login(site: Site, username: str, password: str, **headers: str) -> aiohttp.ClientResponse:
    body = {"username": username, "password": password}
    return await site.browser().post("/api/v1/login", json=body, headers=headers)


async def test_a_claim_makes_user_workspace_account_session_and_audit_row(site: Site) -> None:
    async with site.browser().get("/api/v1/session") as response:
        before = SessionState.model_validate_json(await response.read())
    assert (before.claimed, before.user, before.version) == (False, None, "9.9.9")

    ann = await site.claim("Ann")

    state = SessionState.model_validate(ann.session)
    assert state.claimed
    assert state.user is not None
    assert state.user.is_operator
    assert state.workspace is not None
    assert state.workspace.role == "owner"
    assert (ann.account["environment"], ann.account["exchange"]) == ("sim", "bybit")
    async with site.parts.engine.connect() as connection:
        actions = (await connection.execute(text("SELECT action FROM audit_entries"))).scalars().all()
    assert actions == ["installation.claim"]


async def test_a_token_is_good_once_and_a_made_up_one_never(site: Site) -> None:
    token, other = await site.claim_token(), await site.claim_token()
    body = {"token": token, "username": "Ann", "password": PASSWORD, "language": "ru"}
    async with site.browser().post("/api/v1/claim", json={**body, "token": "made-up"}) as response:
        await problem(response, 404, "claim.unknown")
    async with site.browser().post("/api/v1/claim", json=body) as response:
        assert response.status == 201
    for used in (token, other):
        async with site.browser().post("/api/v1/claim", json={**body, "token": used}) as response:
            await problem(response, 409, "claim.used")
    assert await site.count("users") == 1


async def test_a_link_older_than_a_day_is_unknown(site: Site) -> None:
    body = {"token": await site.claim_token(), "username": "Ann", "password": PASSWORD, "language": "en"}
    site.clock.offset = timedelta(hours=24, seconds=1)
    async with site.browser().post("/api/v1/claim", json=body) as response:
        await problem(response, 404, "claim.unknown")


async def test_a_refused_claim_leaves_the_token_good(site: Site) -> None:
    body = {"token": await site.claim_token(), "username": "-", "password": "eleven char", "language": "en"}
    async with site.browser().post("/api/v1/claim", json=body) as response:
        found = await problem(response, 422, "input.invalid")
    assert [(each.field, each.code) for each in found.problems] == [
        ("username", "username.invalid"),
        ("password", "password.too_short"),
    ]
    assert found.problems[1].params == {"minimum": "12"}
    assert await site.count("users") == 0
    async with site.browser().post("/api/v1/claim", json={**body, "username": "Ann", "password": PASSWORD}) as response:
        assert response.status == 201


async def test_a_claim_before_the_simulated_exchange_is_there_can_be_tried_again(site: Site) -> None:
    body = {"token": await site.claim_token(), "username": "Ann", "password": PASSWORD, "language": "en"}
    site.market.is_away = True
    async with site.browser().post("/api/v1/claim", json=body) as response:
        assert (await problem(response, 503, "unavailable")).retryable
    assert await site.count("users") == 0
    site.market.is_away = False
    async with site.browser().post("/api/v1/claim", json=body) as response:
        assert response.status == 201


async def test_of_twenty_claims_at_once_one_wins_whichever_link_they_hold(site: Site) -> None:
    tokens = [await site.claim_token() for _ in range(2)]

    async def claim(n: int) -> int:
        body = {"token": tokens[n % 2], "username": f"user {n}", "password": PASSWORD, "language": "en"}
        async with site.browser().post("/api/v1/claim", json=body) as response:
            return response.status

    statuses = await asyncio.gather(*(claim(n) for n in range(20)))

    assert sorted(statuses) == [201] + [409] * 19
    assert [await site.count(table) for table in ("users", "workspaces", "memberships", "accounts", "sessions")] == [
        1
    ] * 5


async def test_the_cookie_is_strict_http_only_and_named_by_port(site: Site, ann: User) -> None:
    async with await login(site, "ann", PASSWORD) as response:
        assert response.status == 200
        header = response.headers["set-cookie"]
    name, _, rest = header.partition("=")
    assert name == f"tradewright_{site.port}"
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=2592000"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    assert "secure" not in attributes  # plain http; the name and the port keep it apart


async def test_the_session_token_is_stored_only_as_a_hash(site: Site, ann: User) -> None:
    async with site.parts.engine.connect() as connection:
        row = (await connection.execute(text("SELECT s::text FROM sessions s"))).scalar_one()
        stored = (await connection.execute(text("SELECT password_hash FROM users"))).scalar_one()
    assert ann.token not in row
    assert len(ann.token) == 43  # 256 bits
    assert stored.startswith("$argon2id$")


async def test_a_login_rotates_the_session(site: Site, ann: User) -> None:
    former = ann.token
    async with ann.http.post("/api/v1/login", json={"username": "Ann", "password": PASSWORD}) as response:
        assert response.status == 200
        fresh = token_in(response, site.port)
    assert fresh != former
    async with site.browser(former).get("/api/v1/accounts") as response:
        await problem(response, 401, "session.required")
    async with site.browser(fresh).get("/api/v1/accounts") as response:
        assert response.status == 200


async def test_logout_ends_the_session_at_once(site: Site, ann: User) -> None:
    async with ann.http.post("/api/v1/logout") as response:
        assert response.status == 204
        assert "Max-Age=0" in response.headers["set-cookie"]
    async with ann.http.get("/api/v1/accounts") as response:
        await problem(response, 401, "session.required")
    async with ann.http.get("/api/v1/session") as response:
        assert (await response.json())["user"] is None


@pytest.mark.parametrize(
    ("steps", "is_alive"),
    [
        ([timedelta(hours=11, minutes=59)], True),
        ([timedelta(hours=12, seconds=1)], False),
        ([timedelta(hours=11 * n) for n in range(1, 66)], True),
        ([timedelta(hours=11 * n) for n in range(1, 67)], False),  # 726 h: past the 30 days, though always in use
    ],
)
async def test_a_session_ends_by_disuse_and_by_age(
    site: Site, ann: User, steps: list[timedelta], is_alive: bool
) -> None:
    statuses = []
    for step in steps:
        site.clock.offset = step
        async with ann.http.get("/api/v1/accounts") as response:
            statuses.append(response.status)
    assert set(statuses[:-1]) <= {200}
    assert statuses[-1] == (200 if is_alive else 401)


async def test_unknown_name_and_wrong_password_are_answered_alike(site: Site, ann: User) -> None:
    answers = []
    for username in ("Ann", "nobody", "nul\0", "half \ud800", "x" * 256):
        async with site.browser().post(
            "/api/v1/login",
            data=f'{{"username": {_json(username)}, "password": "wrong password"}}',
            headers={"content-type": "application/json"},
        ) as response:
            if "\ud800" in username:
                assert response.status in (401, 422)
                continue
            await problem(response, 401, "login.failed")
            answers.append(await response.read())
    assert len(set(answers)) == 1


def _json(value: str) -> str:
    return json.dumps(value)


async def test_twenty_wrong_passwords_for_a_name_and_no_more_are_tried(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    matches = site.parts.passwords.matches

    async def counting(password: str, encoded: str | None) -> bool:
        nonlocal compared
        compared += 1
        return await matches(password, encoded)

    monkeypatch.setattr(site.parts.passwords, "matches", counting)

    async def guess(n: int) -> int:
        async with await login(site, "ANN", f"wrong password {n}") as response:
            return response.status

    statuses = await asyncio.gather(*(guess(n) for n in range(60)))

    assert (statuses.count(401), statuses.count(429)) == (20, 40)
    assert compared == 20
    async with await login(site, "Ann", PASSWORD) as response:
        refused = await problem(response, 429, "login.too_many")
        assert 3500 < int(refused.params["retry_after_s"]) <= 3600
        assert response.headers["retry-after"] == refused.params["retry_after_s"]
    async with ann.http.get("/api/v1/accounts") as response:
        assert response.status == 200  # an open session is not locked
    site.clock.offset = timedelta(hours=1, seconds=5)
    async with await login(site, "Ann", PASSWORD) as response:
        assert response.status == 200


async def test_guessing_many_names_from_one_address_is_limited_too(site: Site, ann: User) -> None:
    statuses = []
    for n in range(25):
        async with await login(site, f"name {n}", "wrong password") as response:
            statuses.append(response.status)
    assert statuses == [401] * 20 + [429] * 5


async def test_right_passwords_do_not_count(site: Site, ann: User) -> None:
    for _ in range(30):
        async with await login(site, "Ann", PASSWORD) as response:
            assert response.status == 200
    assert await site.count("login_attempts") == 0
    assert await site.count("sessions") <= 50


async def test_tried_names_are_not_readable_in_the_database(site: Site, ann: User) -> None:
    async with await login(site, "my secret password", "typed into the wrong field") as response:
        assert response.status == 401
    async with site.parts.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT a::text FROM login_attempts a"))).scalars().all()
    assert rows
    assert not any("secret" in row for row in rows)
