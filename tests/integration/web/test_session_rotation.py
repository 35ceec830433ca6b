"""The session's token is replaced with each step-up: what still holds of the old one, for how long, and what never."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from integration.web.kit import PASSWORD, Site, User, token_in
from integration.web.people_kit import told
from integration.web.test_stream import account_topic, connected
from tradewright.identity.model import OpenedSession
from tradewright.identity.sessions import REPLACED_FOR
from tradewright.identity.step_up import LIFETIME
from tradewright.web.stream.connection import CLOSE_TRY_LATER

PROOF = {"password": PASSWORD}


async def rotated(site: Site, token: str) -> str | None:
    """The token in the answer to a step-up that was asked with `token`; None where it keeps the one it has."""
    async with site.browser(token).post("/api/v1/session/step-up", json=PROOF) as response:
        assert response.status == 200, await response.text()
        return token_in(response, site.port) if f"tradewright_{site.port}" in response.cookies else None


async def status_of(site: Site, token: str, path: str = "accounts") -> int:
    return int((await told(site.browser(token), "GET", path))[0])


async def test_after_a_step_up_the_session_goes_on_with_another_token(site: Site, ann: User) -> None:
    before = (await told(ann.http, "GET", "sessions"))[1]["sessions"]
    fresh = await rotated(site, ann.token)
    assert fresh not in (None, ann.token)
    after = (await told(site.browser(fresh), "GET", "sessions"))[1]["sessions"]
    assert [each["id"] for each in after] == [each["id"] for each in before], "the same session, and no other"
    site.clock.offset += REPLACED_FOR
    assert (await status_of(site, ann.token), await status_of(site, str(fresh))) == (401, 200)


@pytest.mark.parametrize("proof", [{"password": "wrong"}, {"code": "123456"}])
async def test_a_proof_that_fails_leaves_the_token(site: Site, ann: User, proof: dict[str, str]) -> None:
    async with site.browser(ann.token).post("/api/v1/session/step-up", json=proof) as response:
        assert response.status in (401, 403, 409)
        assert not response.cookies
    site.clock.offset += REPLACED_FOR
    assert await status_of(site, ann.token) == 200


async def test_what_was_under_way_with_the_old_token_is_answered_and_gains_nothing(site: Site, ann: User) -> None:
    """Who holds a copy of the old cookie may not do what the proof is for, nor open a stream that would stay."""
    site.clock.offset += LIFETIME
    invite = {"role": "viewer"}
    fresh = await rotated(site, ann.token)
    site.clock.offset += REPLACED_FOR / 2
    assert await status_of(site, ann.token) == 200
    status, said = await told(site.browser(ann.token), "POST", "workspace/invitations", **invite)
    assert (status, said["code"]) == (403, "session.step_up_required")
    assert (await told(site.browser(fresh), "POST", "workspace/invitations", **invite))[0] == 201
    async with site.browser(ann.token).ws_connect("/api/v1/stream") as stream:
        await stream.receive()
        assert stream.close_code == CLOSE_TRY_LATER, "and not that nobody is signed in: the page comes again"


async def test_an_open_stream_of_the_session_stays(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        await stream.subscribe(account_topic(ann))
        assert (await stream.next())["type"] == "snapshot"
        assert await rotated(site, ann.token) is not None
        site.clock.offset += REPLACED_FOR
        await stream.subscribe(account_topic(ann))
        assert (await stream.next())["type"] == "snapshot"


async def test_of_many_step_ups_at_once_one_replaces_the_token_and_all_count(site: Site, ann: User) -> None:
    """Two tabs: the browser has one cookie, whichever answer came last."""
    answers = await asyncio.gather(*(rotated(site, ann.token) for _ in range(4)))
    (fresh,) = [each for each in answers if each is not None]
    site.clock.offset += REPLACED_FOR
    assert await status_of(site, fresh) == 200


async def test_who_proves_themselves_again_and_again_has_one_old_token_at_most(site: Site, ann: User) -> None:
    second = str(await rotated(site, ann.token))
    third = str(await rotated(site, second))
    assert [await status_of(site, token) for token in (ann.token, second, third)] == [401, 200, 200]


@pytest.mark.parametrize("which", ["old", "new"])
async def test_logging_in_ends_the_session_by_either_token(site: Site, ann: User, which: str) -> None:
    fresh = str(await rotated(site, ann.token))
    body = {"username": "Ann", "password": PASSWORD}
    other = {"old": ann.token, "new": fresh}[which]
    async with site.browser(other).post("/api/v1/login", json=body) as response:
        assert response.status == 200
    assert [await status_of(site, token) for token in (ann.token, fresh)] == [401, 401]


async def test_neither_token_is_stored_nor_shown(site: Site, ann: User) -> None:
    fresh = str(await rotated(site, ann.token))
    async with site.parts.engine.connect() as connection:
        rows = str((await connection.execute(text("SELECT * FROM sessions"))).all())
        trail = str((await connection.execute(text("SELECT * FROM audit_entries"))).all())
    for token in (ann.token, fresh):
        assert token not in rows + trail
    opened = OpenedSession(ann.session["user"]["id"], fresh, site.clock.now() + timedelta(hours=1))
    assert fresh not in repr(opened)
