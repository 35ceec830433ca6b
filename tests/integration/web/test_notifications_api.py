"""Notifications over HTTP and the stream: each their own, marked read everywhere at once, channels that keep quiet."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import text

from integration.web.kit import Site, User
from sim.facts import fill
from tradewright.core.ids import UserId
from tradewright.notify.centre import CHANNEL, Whose
from tradewright.notify.following import Follower
from tradewright.storage.bus import notify
from tradewright.trading.model import AccountRef
from tradewright.trading.store import PostgresJournal

PATH = "/api/v1/notifications"
SETTINGS: dict[str, Any] = {
    "version": 0, "time_zone": "Europe/Berlin", "quiet_from": 1320, "quiet_to": 420, "minimal_severity": "info",
    "alive_at": None, "alive_channel_id": None, "rules": [],
}  # fmt: skip
NOBODY_THERE = "json://127.0.0.1:9/SECRETPATH"


async def filled(site: Site, user: User, *names: str) -> None:
    """The owner books fills, and the process that leads follows."""
    account = AccountRef(user.account_id, user.workspace_id, "sim", "1001", 0)
    parts = site.parts
    await PostgresJournal(parts.engine, account, clock=parts.clock, ids=parts.ids).book(
        [fill(n) for n in names], "stream"
    )
    while await Follower(parts.engine, parts.bus, parts.clock, parts.ids).catch_up():
        pass


async def read(user: User, query: str = "") -> dict[str, Any]:
    async with user.http.get(f"{PATH}{query}") as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def test_what_happened_is_listed_newest_first_in_pages(site, ann):
    for n in range(5):
        await filled(site, ann, f"e-{n}")
        async with site.parts.engine.begin() as connection:  # so that the next is a line of its own
            await connection.execute(text("UPDATE notifications SET merge_key = merge_key || id::text"))
    first = await read(ann, "?limit=2")
    assert (len(first["notifications"]), first["unread"]) == (2, 5)
    rest = await read(ann, f"?limit=200&before={first['next'].replace('+', '%2B')}")
    assert (len(rest["notifications"]), rest["next"]) == (3, None)
    ids = [each["id"] for page in (first, rest) for each in page["notifications"]]
    assert len(set(ids)) == 5
    told = first["notifications"][0]
    assert (told["kind"], told["link"]["account_id"]) == ("fill", ann.account["id"])
    async with ann.http.get(f"{PATH}?before=nonsense") as response:
        assert (response.status, (await response.json())["problems"][0]["code"]) == (422, "cursor.invalid")


async def test_an_open_page_is_told_at_once_and_of_what_another_tab_has_read(site, ann):
    async with ann.http.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": ["notifications"]})
        assert (await next_news(stream))["data"] == {"kind": "notifications", "unread": 0, "newest": []}
        await filled(site, ann, "e-1")
        told = await next_news(stream)
        assert (told["type"], told["data"]["unread"]) == ("delta", 1)
        newest = told["data"]["newest"][0]
        async with ann.http.post(f"{PATH}/{newest['id']}/read") as response:
            assert response.status == 200
        assert (await next_news(stream))["data"]["unread"] == 0


async def test_nobody_hears_of_the_notifications_of_another(site, ann):
    bob = await site.second_user("owner", workspace=ann.workspace_id)
    async with bob.http.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": ["notifications"]})
        await next_news(stream)
        whose = Whose(workspace_id=ann.workspace_id, user_id=UserId(uuid.UUID(ann.session["user"]["id"])))
        async with site.parts.engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO notifications (id, workspace_id, user_id, kind, severity, params, link, merge_key,"
                    " merged, first_at, at) VALUES (gen_random_uuid(), :workspace, :user, 'fill', 'info',"
                    " '{\"symbol\": \"ANNSONLY\"}', '{}', 'x', 1, now(), now())"
                ),
                whose.values,
            )
            await notify(connection, CHANNEL, whose.payload)
        await filled(site, ann, "e-1")
        told = await next_news(stream)
        assert "ANNSONLY" not in str(told)
    assert [each["params"]["symbol"] for each in (await read(bob))["notifications"]] == ["BTCUSDT"]
    assert len((await read(ann))["notifications"]) == 2


async def next_news(stream: Any) -> dict[str, Any]:
    while True:
        message = await stream.receive_json(timeout=20)
        if message.get("topic") == "notifications":
            return dict(message)


async def test_all_up_to_a_moment_are_read(site, ann):
    await filled(site, ann, "e-1")
    newest = (await read(ann))["notifications"][0]
    async with ann.http.post(f"{PATH}/read-all", json={"until_ms": newest["at_ms"] - 1}) as response:
        assert response.status == 204
    assert (await read(ann))["unread"] == 1
    async with ann.http.post(f"{PATH}/read-all", json={"until_ms": newest["at_ms"]}) as response:
        assert response.status == 204
    assert (await read(ann, "?unread=true"))["notifications"] == []


async def test_a_channel_is_added_tested_and_removed_and_its_address_stays_inside(site, ann):
    async with ann.http.post(f"{PATH}/channels", json={"name": "Phone", "address": NOBODY_THERE}) as response:
        assert response.status == 201
        channel = await response.json()
    assert (channel["service"], channel["failure"]) == ("json", None)
    async with ann.http.post(f"{PATH}/channels/{channel['id']}/test") as response:
        assert await response.json() == {"failure": {"code": "channel.failed", "params": {}}}
    async with ann.http.post(f"{PATH}/channels/{channel['id']}/test") as response:
        assert (response.status, (await response.json())["code"]) == (409, "channel.tested_just_now")
    rules = [{"kind": "fill", "channel_ids": [channel["id"]], "escalate_minutes": None, "escalate_channel_id": None}]
    async with ann.http.put(f"{PATH}/settings", json=SETTINGS | {"rules": rules}) as response:
        assert response.status == 200
        kept = await response.json()
    assert (kept["version"], kept["rules"], kept["quiet_from"]) == (1, rules, 1320)
    assert kept["channels"][0]["failure"]["code"] == "channel.failed"
    assert "SECRETPATH" not in str(kept)
    async with ann.http.put(f"{PATH}/settings", json=SETTINGS) as response:
        assert (response.status, (await response.json())["code"]) == (409, "notify.settings_moved")
    async with ann.http.post(f"{PATH}/channels/{channel['id']}/remove") as response:
        assert response.status == 204
    async with ann.http.get(f"{PATH}/settings") as response:
        assert (await response.json())["channels"] == []
    async with ann.http.get("/api/v1/audit?limit=50") as response:
        trail = await response.text()
    assert "notify.channel_add" in trail
    assert "SECRETPATH" not in trail


async def test_an_address_inside_is_refused_with_the_next_step_and_repeats_no_secret(site, ann):
    for address, code in (
        ("jsons://127.0.0.1/SECRETPATH", "channel.inside"),
        ("json://hook.example/SECRETPATH", "channel.plain"),
        ("file:///etc/SECRETPATH", "channel.service"),
        ("tgram://SECRETPATH", "channel.unreadable"),
    ):
        async with ann.http.post(f"{PATH}/channels", json={"name": "Phone", "address": address}) as response:
            answer = await response.text()
            assert response.status == 422
        assert code in answer
        assert "SECRETPATH" not in answer


async def test_half_of_quiet_hours_is_refused(ann):
    async with ann.http.put(f"{PATH}/settings", json=SETTINGS | {"quiet_to": None}) as response:
        assert response.status == 422
        assert (await response.json())["problems"][0]["code"] == "notify.quiet_whole"
