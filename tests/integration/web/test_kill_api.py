"""The kill switch over HTTP: with a database and without one, for those who may."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from integration.web.kit import Site, User, place_body
from integration.web.people_kit import invited, told
from integration.web.test_tokens_api import make
from security.askers import program
from tradewright.storage.engine import create_engine
from tradewright.trading.kill.latch import Scope
from tradewright.web.remembered import KEPT_S, Remembered


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.monotonic_s = 0.0

    def monotonic(self) -> float:
        return self.monotonic_s


def without_database(site: Site) -> None:
    """From here on the API's database does not answer."""
    dead = create_engine("postgresql://nobody:none@127.0.0.1:1/nothing")
    site.application.state.parts = replace(site.parts, engine=dead)


async def asked(user: Any, path: str, body: Any = None) -> tuple[int, Any]:
    method = user.http.get if body is None else user.http.post
    async with method(path, **({} if body is None else {"json": body})) as response:
        return response.status, await response.json()


async def test_a_stop_without_a_worker_is_a_file_and_a_row_and_a_release_ends_both(site: Site, ann: User) -> None:
    body = {"scope": "account", "account_id": ann.account["id"], "close_positions": True}
    status, answer = await asked(ann, "/api/v1/kill", body)
    assert (status, answer["reached"], answer["latch"]["close_positions"]) == (200, "file", True)
    (file,) = site.parts.kill.folder.read()
    assert (str(file.id), file.scope) == (answer["latch"]["id"], Scope("account", uuid.UUID(ann.account["id"])))
    status, shown = await asked(ann, "/api/v1/kill")
    assert (status, shown["worker"], [each["id"] for each in shown["latches"]]) == (200, False, [str(file.id)])
    status, again = await asked(ann, "/api/v1/kill", {**body, "close_positions": False})
    assert again["latch"] == answer["latch"], "asked again it is the same stop, and still closes"
    status, released = await asked(ann, "/api/v1/kill/release", {"scope": "account", "account_id": ann.account["id"]})
    assert (status, [each["id"] for each in released["released"]]) == (200, [str(file.id)])
    assert site.parts.kill.folder.read() == []
    assert (await asked(ann, "/api/v1/kill"))[1]["latches"] == []


async def test_who_was_seen_lately_stops_while_the_database_is_away_and_does_nothing_else(
    site: Site, ann: User
) -> None:
    stranger = await site.second_user("owner", username="stranger")
    viewer = await site.second_user("viewer", workspace=ann.workspace_id, username="viewer")
    for each in (ann, stranger, viewer):
        assert (await asked(each, "/api/v1/accounts"))[0] == 200
    without_database(site)
    body = {"scope": "account", "account_id": ann.account["id"]}
    status, answer = await asked(ann, "/api/v1/kill", body)
    assert (status, answer["reached"]) == (200, "file"), answer
    (latch,) = site.parts.kill.folder.read()
    assert latch.workspace_id == uuid.UUID(str(ann.workspace_id))
    assert (await asked(ann, "/api/v1/kill"))[0] == 200
    assert (await asked(ann, "/api/v1/kill/release", body))[0] == 503, "a release must be written down"
    assert site.parts.kill.folder.read() == [latch]
    assert (await asked(ann, f"{ann.account_path}/intents", place_body()))[0] == 503
    assert (await asked(viewer, "/api/v1/kill", {"scope": "workspace"}))[0] == 403
    # A stranger's stop of a foreign account names the stranger's own workspace, so it covers nothing of ours.
    other = uuid.uuid4()
    status, _ = await asked(stranger, "/api/v1/kill", {"scope": "account", "account_id": str(other)})
    named = next(each for each in site.parts.kill.folder.read() if each.scope.id == other)
    assert named.workspace_id != latch.workspace_id


async def test_a_session_that_was_never_seen_or_has_ended_is_not_remembered(site: Site, ann: User) -> None:
    await asked(ann, "/api/v1/accounts")
    gone = await site.second_user("trader", workspace=ann.workspace_id, username="gone")
    await asked(gone, "/api/v1/accounts")
    async with gone.http.post("/api/v1/logout") as response:
        assert response.status == 204
    without_database(site)
    assert (await asked(gone, "/api/v1/kill", {"scope": "workspace"}))[0] in (401, 503)
    assert site.parts.kill.folder.read() == []


@pytest.mark.parametrize("database", ["there", "away"])
async def test_each_tab_stops_the_workspace_that_it_shows(site: Site, ann: User, database: str) -> None:
    """Bob's session is about Ann's workspace by now; the tab that shows his own still stands open."""
    bob = await site.second_user("owner")
    status, _ = await told(bob.http, "POST", "invitations/accept", token=await invited(ann, "viewer"))
    assert status == 200
    _, session = await told(bob.http, "GET", "session")
    assert session["workspace"]["id"] == str(ann.workspace_id)
    if database == "away":
        without_database(site)

    async def pulled(workspace: Any) -> tuple[int, Any]:
        shown = {"x-tradewright-workspace": str(workspace)}
        async with bob.http.post("/api/v1/kill", json={"scope": "workspace"}, headers=shown) as response:
            return response.status, await response.json()

    assert (await pulled(bob.workspace_id))[0] == 200
    assert [latch.scope for latch in site.parts.kill.folder.read()] == [Scope("workspace", bob.workspace_id)]
    status, said = await pulled(ann.workspace_id)
    assert (status, said["code"]) == (403, "role.insufficient"), "the role is the one in the workspace that is shown"
    status, said = await pulled(uuid.uuid4())
    assert (status, said["code"]) == (409, "workspace.changed")
    assert len(site.parts.kill.folder.read()) == 1


async def test_a_stop_asked_with_an_api_token_says_so_in_its_file_and_its_row(site: Site, ann: User) -> None:
    made = await make(ann, scopes=["trade", "manage"])
    bot = program(site, made["text"])
    body = {"scope": "account", "account_id": ann.account["id"]}
    async with bot.post("/api/v1/kill", json=body) as response:
        assert response.status == 200, await response.text()
    (latch,) = site.parts.kill.folder.read()
    assert str(latch.token_id) == made["token"]["id"]
    # She releases it herself, by her session: each row says its own.
    async with ann.http.post("/api/v1/kill/release", json=body) as response:
        assert response.status == 200, await response.text()
    async with site.parts.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, token_id FROM audit_entries WHERE object_kind = 'kill' ORDER BY action")
        )
        assert [(row.action, row.token_id) for row in found] == [("kill.pull", latch.token_id), ("kill.release", None)]


async def test_only_the_operator_stops_the_installation_and_nobody_a_foreign_account(site: Site, ann: User) -> None:
    other = await site.second_user("owner", username="other")
    assert (await asked(other, "/api/v1/kill", {"scope": "installation"}))[0] == 403
    body = {"scope": "account", "account_id": ann.account["id"]}
    assert (await asked(other, "/api/v1/kill", body))[0] == 404
    assert (await asked(ann, "/api/v1/kill", {"scope": "account"}))[0] == 422
    assert (await asked(ann, "/api/v1/kill", {"scope": "workspace", "account_id": ann.account["id"]}))[0] == 422
    assert site.parts.kill.folder.read() == []
    assert (await asked(ann, "/api/v1/kill", {"scope": "installation"}))[0] == 200, "who claimed it is its operator"


def test_what_is_remembered_is_forgotten_after_ten_minutes() -> None:
    clock, remembered = Hands(), Remembered()
    principal: Any = object()
    remembered.note("token", principal, clock)  # type: ignore[arg-type]
    clock.monotonic_s = KEPT_S
    assert remembered.principal("token", clock) is principal  # type: ignore[arg-type]
    clock.monotonic_s = KEPT_S + 0.1
    assert remembered.principal("token", clock) is None  # type: ignore[arg-type]
    remembered.note("token", principal, clock)  # type: ignore[arg-type]
    remembered.note("token", None, clock)  # type: ignore[arg-type]
    assert remembered.principal("token", clock) is None  # type: ignore[arg-type]
