"""Invitations, members and roles over HTTP: who comes in, who may what, who is out, and races between them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from integration.web.kit import PASSWORD, Site, User, place_body
from integration.web.people_kit import invited, joined, told
from tradewright.core.ids import UserId
from tradewright.identity import members
from tradewright.identity.audited import By
from tradewright.identity.model import LastOwner, RoleLost


async def test_who_is_invited_comes_in_with_the_role_and_sees_the_workspace(site: Site, ann: User) -> None:
    token = await invited(ann, "trader", note="Bob from work", days=3)
    status, offer = await told(site.browser(), "POST", "invitations/read", token=token)
    assert (status, offer["workspace"], offer["role"], offer["invited_by"]) == (200, "Ann", "trader", "Ann")

    bob, session = await joined(site, token, "Bob")

    assert session["workspace"] == {"id": str(ann.workspace_id), "name": "Ann", "role": "trader"}
    assert not session["user"]["is_operator"]
    _, found = await told(bob, "GET", "workspace/members")
    assert [(each["username"], each["role"]) for each in found["members"]] == [("Ann", "owner"), ("Bob", "trader")]
    async with site.parts.engine.connect() as connection:
        actions = list(await connection.scalars(text("SELECT action FROM audit_entries ORDER BY at, id")))
        stored = await connection.scalar(text("SELECT string_agg(to_jsonb(i)::text, '') FROM invitations i"))
    assert actions[-2:] == ["invitation.create", "invitation.accept"]
    assert token not in str(stored)


async def test_a_link_is_good_once_until_it_expires_or_is_revoked(site: Site, ann: User) -> None:
    used, revoked, old = await invited(ann), await invited(ann), await invited(ann, days=1)
    await joined(site, used, "Bob")
    _, found = await told(ann.http, "GET", "workspace/invitations")
    newest_first = [each["id"] for each in found["invitations"]]
    assert len(newest_first) == 2
    assert (await told(ann.http, "POST", f"workspace/invitations/{newest_first[1]}/revoke"))[0] == 204
    site.clock.offset = timedelta(days=1, seconds=1)
    body = {"username": "Eve", "password": PASSWORD, "language": "en"}
    for token, expected in (
        (used, (409, "invitation.used")),
        (revoked, (404, "invitation.unknown")),
        (old, (404, "invitation.unknown")),
        ("made-up", (404, "invitation.unknown")),
    ):
        status, said = await told(site.browser(), "POST", "invitations/join", token=token, **body)
        assert (status, said["code"]) == expected
    assert await site.count("users") == 2


async def test_of_ten_who_hold_one_link_one_comes_in(site: Site, ann: User) -> None:
    token = await invited(ann)

    async def join(n: int) -> int:
        body = {"token": token, "username": f"guest {n}", "password": PASSWORD, "language": "en"}
        return (await told(site.browser(), "POST", "invitations/join", **body))[0]

    assert sorted(await asyncio.gather(*(join(n) for n in range(10)))) == [201] + [409] * 9
    assert await site.count("memberships") == await site.count("users") == 2


async def test_a_name_that_is_taken_leaves_the_link_good(site: Site, ann: User) -> None:
    token = await invited(ann)
    body = {"token": token, "username": "ANN", "password": PASSWORD, "language": "en"}
    status, said = await told(site.browser(), "POST", "invitations/join", **body)
    assert (status, said["problems"][0]["code"], said["field"]) == (422, "username.taken", "username")
    await joined(site, token, "Bob")


async def test_who_is_signed_in_joins_with_what_they_have_and_finds_both(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    token = await invited(ann, "viewer")
    status, session = await told(bob.http, "POST", "invitations/accept", token=token)
    assert (status, session["workspace"]["id"], session["workspace"]["role"]) == (200, str(ann.workspace_id), "viewer")
    _, found = await told(bob.http, "GET", "workspaces")
    assert {each["id"] for each in found["workspaces"]} == {str(ann.workspace_id), str(bob.workspace_id)}
    assert (await told(bob.http, "POST", f"accounts/{ann.account['id']}/intents", **place_body()))[0] == 403
    again = await invited(ann)
    assert (await told(bob.http, "POST", "invitations/accept", token=again))[1]["code"] == "invitation.already_member"
    status, _ = await told(bob.http, "POST", "session/workspace", workspace_id=str(bob.workspace_id))
    assert status == 200
    assert (await told(bob.http, "GET", f"accounts/{ann.account['id']}/orders"))[0] == 404
    assert (await told(bob.http, "GET", f"accounts/{bob.account['id']}/orders"))[0] == 200


async def test_a_role_holds_for_the_next_request(site: Site, ann: User) -> None:
    bob, session = await joined(site, await invited(ann, "viewer"), "Bob")
    who = session["user"]["id"]
    path = f"accounts/{ann.account['id']}/preview"
    asked = {name: value for name, value in place_body().items() if name not in ("id", "kind", "note")}
    assert (await told(bob, "POST", path, **asked))[0] == 403
    status, member = await told(ann.http, "POST", f"workspace/members/{who}/role", role="trader")
    assert (status, member["role"]) == (200, "trader")
    assert (await told(bob, "POST", path, **asked))[0] == 200
    assert (await told(bob, "POST", f"workspace/members/{who}/role", role="owner"))[0] == 403
    assert (await told(bob, "GET", "workspace/invitations"))[0] == 403


async def test_who_is_removed_is_out_at_once_and_gets_an_empty_workspace(site: Site, ann: User) -> None:
    bob, session = await joined(site, await invited(ann), "Bob")
    who = session["user"]["id"]
    assert (await told(ann.http, "POST", f"workspace/members/{who}/remove"))[0] == 204
    assert (await told(bob, "GET", "accounts"))[0] == 401
    async with site.browser().post("/api/v1/login", json={"username": "Bob", "password": PASSWORD}) as response:
        state = await response.json()
    assert (state["workspace"]["name"], state["workspace"]["role"]) == ("Bob", "owner")
    assert state["workspace"]["id"] != str(ann.workspace_id)
    assert (await told(ann.http, "POST", f"workspace/members/{who}/remove"))[1]["code"] == "member.unknown"


async def test_the_last_owner_can_be_neither_removed_nor_demoted_and_cannot_leave(site: Site, ann: User) -> None:
    me = ann.session["user"]["id"]
    _, session = await joined(site, await invited(ann, "owner"), "Bob")
    bob = session["user"]["id"]
    # An owner who cannot sign in is none to rely on.
    assert (await told(ann.http, "POST", f"installation/users/{bob}/disable"))[0] == 204
    for path, body in (
        (f"workspace/members/{me}/role", {"role": "viewer"}),
        (f"workspace/members/{me}/remove", {}),
        ("workspace/leave", {}),
    ):
        status, said = await told(ann.http, "POST", path, **body)
        assert (status, said["code"]) == (409, "member.last_owner")
    assert (await told(ann.http, "POST", f"installation/users/{bob}/enable"))[0] == 204
    assert (await told(ann.http, "POST", "workspace/leave"))[0] == 204


@pytest.mark.parametrize("what", ["remove each other", "demote each other", "both leave"])
async def test_two_owners_at_once_leave_one(site: Site, ann: User, what: str) -> None:
    """On two connections, the second of which has to wait for the first: who lost the role does nothing more."""
    _, session = await joined(site, await invited(ann, "owner"), "Bob")
    both = [UserId(uuid.UUID(each["user"]["id"])) for each in (ann.session, session)]

    async def act(me: UserId, other: UserId) -> str:
        by = By(user_id=me, ip=None, now=site.clock.now(), ids=site.parts.ids)
        try:
            async with site.parts.engine.begin() as connection:
                match what:
                    case "remove each other":
                        await members.remove_member(connection, ann.workspace_id, other, by=by)
                    case "demote each other":
                        await members.change_role(connection, ann.workspace_id, other, "viewer", by=by)
                    case _:
                        await members.leave(connection, ann.workspace_id, by=by)
                await asyncio.sleep(0.05)  # the other one is waiting by now
        except (RoleLost, LastOwner) as error:
            return type(error).__name__
        return "done"

    ends = await asyncio.gather(act(both[0], both[1]), act(both[1], both[0]))

    assert sorted(ends) == ["LastOwner" if what == "both leave" else "RoleLost", "done"]
    async with site.parts.engine.connect() as connection:
        owners = await connection.scalar(
            text("SELECT count(*) FROM memberships WHERE workspace_id = :id AND role = 'owner'"),
            {"id": ann.workspace_id},
        )
    assert owners == 1


async def test_the_open_links_of_who_was_an_owner_bring_nobody_in(site: Site, ann: User) -> None:
    bob, session = await joined(site, await invited(ann, "owner"), "Bob")
    async with bob.post("/api/v1/workspace/invitations", json={"role": "owner"}) as response:
        token = (await response.json())["token"]
    assert (await told(ann.http, "POST", f"workspace/members/{session['user']['id']}/role", role="trader"))[0] == 200
    status, said = await told(site.browser(), "POST", "invitations/read", token=token)
    assert (status, said["code"]) == (404, "invitation.unknown")


async def test_what_a_tab_shows_of_another_workspace_is_not_done_in_this_one(site: Site, ann: User) -> None:
    """The page says with each request which workspace it shows."""
    bob = await site.second_user("owner")
    await told(bob.http, "POST", "invitations/accept", token=await invited(ann, "owner"))
    shown = {"x-tradewright-workspace": str(bob.workspace_id)}
    async with bob.http.post(f"/api/v1/accounts/{ann.account['id']}/resume", headers=shown) as response:
        assert (response.status, (await response.json())["code"]) == (409, "workspace.changed")
    async with bob.http.get("/api/v1/session", headers=shown) as response:
        assert response.status == 200
