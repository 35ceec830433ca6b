"""A person's sessions, password and profile over HTTP, and what ends open streams."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from integration.web.kit import PASSWORD, Site, User, running_owner, token_in
from integration.web.people_kit import invited, joined, told
from integration.web.test_stream import account_topic, connected
from tradewright.identity.audited import By
from tradewright.identity.model import SessionId
from tradewright.identity.profile import make_password_link
from tradewright.identity.sessions import SessionLimits, alive_sessions
from tradewright.identity.users import user_named
from tradewright.web.stream.hub import SESSION_CHECK_S

NEW = "another correct horse"


async def another_browser(site: Site, username: str = "Ann", password: str = PASSWORD, agent: str = "Other/1.0") -> str:
    """The token of one more session."""
    body = {"username": username, "password": password}
    async with site.browser().post("/api/v1/login", json=body, headers={"User-Agent": agent}) as response:
        assert response.status == 200, await response.text()
        return token_in(response, site.port)


async def test_a_person_sees_their_sessions_and_ends_one_or_all_others(site: Site, ann: User) -> None:
    tokens = [await another_browser(site, agent=f"Phone/{n}") for n in range(3)]
    await site.second_user("owner")
    _, found = await told(ann.http, "GET", "sessions")
    assert [each["current"] for each in found["sessions"]] == [True, False, False, False]
    assert {each["user_agent"] for each in found["sessions"][1:]} == {"Phone/0", "Phone/1", "Phone/2"}
    assert {each["address"] for each in found["sessions"]} == {"127.0.0.1"}
    assert (found["idle_s"], found["lifetime_s"]) == (12 * 3600, 30 * 24 * 3600)

    ended = next(each["id"] for each in found["sessions"] if each["user_agent"] == "Phone/1")
    assert (await told(ann.http, "POST", f"sessions/{ended}/end"))[0] == 204
    assert [(await told(site.browser(token), "GET", "accounts"))[0] for token in tokens] == [200, 401, 200]
    assert (await told(ann.http, "POST", f"sessions/{ended}/end"))[1]["code"] == "session.unknown"

    assert await told(ann.http, "POST", "sessions/end-others") == (200, {"ended": 2})
    assert [(await told(site.browser(token), "GET", "accounts"))[0] for token in tokens] == [401] * 3
    assert (await told(ann.http, "GET", "accounts"))[0] == 200


async def test_nobody_ends_somebody_elses_session(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    _, found = await told(ann.http, "GET", "sessions")
    status, said = await told(bob.http, "POST", f"sessions/{found['sessions'][0]['id']}/end")
    assert (status, said["code"]) == (404, "session.unknown")
    assert (await told(ann.http, "GET", "accounts"))[0] == 200


@pytest.mark.parametrize("what", ["ended elsewhere", "removed", "signed out by the owner", "disabled", "password"])
async def test_a_stream_that_runs_is_closed_within_five_seconds(site: Site, ann: User, what: str) -> None:
    """By whatever ends the session: over a real socket, while events come in."""
    http, session = await joined(site, await invited(ann), "Bob")
    who = session["user"]["id"]
    bob = User(http, "", session, ann.workspace_id, ann.account)
    async with running_owner(site, ann) as owner, connected(bob) as stream, connected(ann) as mine:
        await stream.subscribe(account_topic(ann))
        await owner.events(3)
        assert (await stream.next())["type"] == "snapshot"
        began = time.monotonic()
        match what:
            case "ended elsewhere":
                other = site.browser(await another_browser(site, "Bob"))
                assert (await told(other, "POST", "sessions/end-others"))[0] == 200
            case "removed":
                assert (await told(ann.http, "POST", f"workspace/members/{who}/remove"))[0] == 204
            case "signed out by the owner":
                assert await told(ann.http, "POST", f"workspace/members/{who}/end-sessions") == (200, {"ended": 1})
            case "disabled":
                assert (await told(ann.http, "POST", f"installation/users/{who}/disable"))[0] == 204
            case _:
                other = site.browser(await another_browser(site, "Bob"))
                body = {"old_password": PASSWORD, "new_password": NEW}
                assert (await told(other, "POST", "profile/password", **body))[0] == 204
        assert (await told(http, "GET", "accounts"))[0] == 401  # HTTP at once
        assert await stream.closed() == 4401
        # Looked for every SESSION_CHECK_S; the rest is for a machine that has other things to do.
        assert SESSION_CHECK_S * 2 <= 5
        assert time.monotonic() - began <= 60
        await mine.subscribe(account_topic(ann))
        assert (await mine.next())["type"] == "snapshot"


async def test_a_session_that_changed_its_workspace_loses_the_streams_of_the_one_before(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    await told(bob.http, "POST", "invitations/accept", token=await invited(ann))
    async with connected(bob) as stream:
        await told(bob.http, "POST", "session/workspace", workspace_id=str(bob.workspace_id))
        assert await stream.closed() == 4409


async def test_the_topics_of_another_workspace_are_as_if_they_were_not(site: Site, ann: User) -> None:
    """Of every kind that names something of a workspace: the same answer as for what never was."""
    bob = await site.second_user("owner")
    never = account_topic(ann).replace(ann.account["id"], "0199d000-0000-7000-8000-0000000000ff")
    answers = []
    async with connected(bob) as stream:
        for topic in (account_topic(ann), never):
            await stream.subscribe(topic)
            said = await stream.next()
            answers.append({name: value for name, value in said.items() if name != "topic"})
    assert answers[0] == answers[1]
    assert answers[0]["type"] == "error"


async def test_shorter_limits_hold_at_once_for_sessions_that_are_open(site: Site, ann: User) -> None:
    now = site.clock.now()
    _, found = await told(ann.http, "GET", "sessions")
    mine = SessionId(uuid.UUID(found["sessions"][0]["id"]))
    async with site.parts.engine.connect() as connection:
        for limits, after, is_there in (
            (SessionLimits(), timedelta(hours=11), True),
            (SessionLimits(inactivity=timedelta(hours=1)), timedelta(hours=11), False),
            (SessionLimits(lifetime=timedelta(minutes=5)), timedelta(minutes=6), False),
        ):
            alive = await alive_sessions(connection, [mine], now + after, limits)
            assert alive == ({mine: ann.workspace_id} if is_there else {})


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(site: Site, ann: User) -> None:
    other = await another_browser(site)
    wrong = {"old_password": "not the old one", "new_password": NEW}
    status, said = await told(ann.http, "POST", "profile/password", **wrong)
    assert (status, said["code"]) == (403, "session.proof_failed")
    for new, code in (("short", "password.too_short"), (PASSWORD, "password.unchanged")):
        status, said = await told(ann.http, "POST", "profile/password", old_password=PASSWORD, new_password=new)
        assert (status, said["problems"][0]["code"], said["field"]) == (422, code, "new_password")
    assert (await told(ann.http, "POST", "profile/password", old_password=PASSWORD, new_password=NEW))[0] == 204
    assert (await told(ann.http, "GET", "accounts"))[0] == 200
    assert (await told(site.browser(other), "GET", "accounts"))[0] == 401
    assert (await told(site.browser(), "POST", "login", username="Ann", password=PASSWORD))[0] == 401
    await another_browser(site, password=NEW)


async def test_wrong_old_passwords_are_tries_to_log_in(site: Site, ann: User) -> None:
    wrong = {"old_password": "not the old one", "new_password": NEW}
    statuses = [(await told(ann.http, "POST", "profile/password", **wrong))[0] for _ in range(21)]
    assert statuses == [403] * 20 + [429]


async def test_a_link_from_the_machine_sets_a_password_once(site: Site, ann: User) -> None:
    by = By(user_id=None, ip=None, now=site.clock.now(), ids=site.parts.ids)
    async with site.parts.engine.begin() as connection:
        user_id = await user_named(connection, "ann")
        earlier = await make_password_link(connection, user_id, site.base, by=by)
        link = await make_password_link(connection, user_id, site.base, by=by)
    for token, status in ((earlier, 404), (link, 204), (link, 404)):
        body = {"token": token.partition("#")[2], "password": NEW}
        assert (await told(site.browser(), "POST", "password-link", **body))[0] == status
    assert (await told(ann.http, "GET", "accounts"))[0] == 401
    await another_browser(site, password=NEW)


async def test_who_is_disabled_cannot_log_in_until_enabled_and_only_who_knows_the_password_is_told(
    site: Site, ann: User
) -> None:
    _, session = await joined(site, await invited(ann), "Bob")
    who = session["user"]["id"]
    await told(ann.http, "POST", f"installation/users/{who}/disable")
    body = {"username": "Bob", "password": PASSWORD}
    assert (await told(site.browser(), "POST", "login", **body))[1]["code"] == "user.disabled"
    wrong = await told(site.browser(), "POST", "login", username="Bob", password="not their password")
    assert wrong[1]["code"] == "login.failed"
    _, found = await told(ann.http, "GET", "installation/users")
    assert [(each["username"], each["disabled_ms"] is not None) for each in found["users"]] == [
        ("Ann", False),
        ("Bob", True),
    ]
    status, said = await told(ann.http, "POST", f"installation/users/{ann.session['user']['id']}/disable")
    assert (status, said["code"]) == (409, "user.operator_stays")
    await told(ann.http, "POST", f"installation/users/{who}/enable")
    assert (await told(site.browser(), "POST", "login", **body))[0] == 200


async def test_a_language_is_kept_and_told(site: Site, ann: User) -> None:
    status, state = await told(ann.http, "PUT", "profile", language="ru")
    assert (status, state["user"]["language"]) == (200, "ru")
    assert (await told(ann.http, "GET", "session"))[1]["user"]["language"] == "ru"


async def test_what_is_done_to_people_stands_in_the_audit_trail(site: Site, ann: User) -> None:
    _, session = await joined(site, await invited(ann), "Bob")
    who = session["user"]["id"]
    await told(ann.http, "POST", f"workspace/members/{who}/role", role="viewer")
    await told(ann.http, "POST", f"workspace/members/{who}/end-sessions")
    await told(ann.http, "POST", f"workspace/members/{who}/remove")
    await told(ann.http, "POST", f"installation/users/{who}/disable")
    async with site.parts.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, before, after, workspace_id FROM audit_entries WHERE object_id = :id ORDER BY at, id"),
            {"id": who},
        )
        rows = [tuple(row) for row in found]
    assert [row[0] for row in rows] == [
        "invitation.accept",
        "member.role",
        "member.end_sessions",
        "member.remove",
        "user.disable",
    ]
    assert rows[1][1:3] == ({"role": "trader"}, {"role": "viewer"})
    assert rows[4][3] is None
