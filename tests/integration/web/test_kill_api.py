"""The kill switch over HTTP: with a database and without one, for those who may."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from integration.web.kit import Site, User, place_body
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
