"""Another workspace's ids, in every place that takes one, are answered as ids that never were (promise J2).

Ann's and Olga's workspaces are furnished alike. Olga asks with Ann's ids, alone and beside her own, and with ids that
nobody has: status and body must be the same, the database must have been asked the same and found as much, so that time
tells nothing either, and nothing of Ann's may change. The places come from the contract document, so a new one is
asked, or the test says what it lacks.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from integration.backtests.kit import waves
from integration.web.kit import Site, User, place_body, running_owner
from security.asked_with import BODIES, bot_settings, furnished_bot
from security.furnished import everything_of, fresh, furnished
from security.statements import watched
from tradewright.market.history.series import Series
from tradewright.web import intents
from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of

Ids = Mapping[str, str]
Ask = Callable[[], Awaitable[tuple[int, str]]]
# Ids inside bodies, by operation and field, and the body that brings one. A field that is not here is no id of a thing
# that is there: `id` is the new thing's own, made by who asks.
IN_BODIES: dict[tuple[str, str], Any] = {
    ("postIntent", "order_id"): lambda found: {"id": fresh(), "kind": "cancel", "order_id": found["order_id"]},
    ("kill", "account_id"): lambda found: {"scope": "account", "account_id": found["account_id"]},
    ("releaseKill", "account_id"): lambda found: {"scope": "account", "account_id": found["account_id"]},
    **{
        ("postBot", field): lambda found: {"id": fresh(), "name": fresh(), "settings": bot_settings(found)}
        for field in ("spec_version_id", "account_id")
    },
    **{
        ("editBot", field): lambda found: {"version": 1, "settings": bot_settings(found)}
        for field in ("spec_version_id", "account_id")
    },
    ("setNotificationSettings", "alive_channel_id"): lambda found: {
        **BODIES["/api/v1/notifications/settings"],
        "alive_at": 540,
        "alive_channel_id": found["alive_channel_id"],
    },
    ("setNotificationSettings", "escalate_channel_id"): lambda found: {
        **BODIES["/api/v1/notifications/settings"],
        "rules": [
            {
                "kind": "kill",
                "channel_ids": [found["escalate_channel_id"]],
                "escalate_minutes": 5,
                "escalate_channel_id": found["escalate_channel_id"],
            }
        ],
    },
    ("chooseWorkspace", "workspace_id"): lambda found: {"workspace_id": found["workspace_id"]},
}
# Path parameters that are no ids.
WORDS = {"number": "1", "table": "orders", "category": "linear", "symbol": "BTCUSDT"}


# What a query's parameter is the id of, where its name says another thing.
ID_OF = {"actor": "user_id", "object_id": "order_id"}


def operations() -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    """Operation, method, path, the ids in its path, the ids in its body beside its own."""
    document = contract_of(routes_only())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            named = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            fields = set(_ids_of(content.get("schema", {}), document["components"]["schemas"]))
            in_path = [name for name in named if name not in WORDS]
            yield operation["operationId"], method.upper(), path, in_path, sorted(fields - {"id"})


def questions() -> Iterator[tuple[str, str, str, list[str]]]:
    """Operation, method, path, and the parameters of its query that are ids."""
    document = contract_of(routes_only())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            asked_for = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
            fields = [each["name"] for each in asked_for if _is_id(each["schema"]) or each["name"] in ID_OF]
            if fields:
                yield operation["operationId"], method.upper(), path, fields


def _is_id(schema: Mapping[str, Any]) -> bool:
    return "uuid" in (schema.get("format"), *(one.get("format") for one in schema.get("anyOf", ())))


def _ids_of(schema: Mapping[str, Any], shapes: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = shapes[schema["$ref"].rpartition("/")[2]]
    for kind in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(kind, ()):
            yield from _ids_of(each, shapes)
    for name, each in schema.get("properties", {}).items():
        if _is_id(each):
            yield name
        yield from _ids_of(each, shapes)
    yield from _ids_of(schema.get("items", {}), shapes) if "items" in schema else ()


def test_every_id_that_a_body_brings_is_known_here() -> None:
    asked = {(name, field) for name, _, _, _, fields in operations() for field in fields}
    assert asked == set(IN_BODIES)


async def test_foreign_ids_are_answered_as_ids_that_never_were(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="x")
    olga = await site.second_user("owner", username="Olga")
    async with running_owner(site, ann) as anns, running_owner(site, olga) as olgas:
        foreign, own = await furnished(site, ann, anns), await furnished(site, olga, olgas)
        monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 0.05)  # the owners of the kit read nothing again
        assert set(foreign) == set(own)
        assert not set(foreign.values()) & set(own.values())
        never = {name: fresh() for name in own}
        before = await everything_of(site, ann)
        told: list[str] = []
        async with watched(site) as watch:
            for about, allowed, asks in every_pair(olga, own, foreign, never):
                answers = [await watch.during(ask) for ask in asks]
                if answers[0] != answers[1]:  # the first of its kind may have read what is kept from then on
                    answers = [await watch.during(ask) for ask in asks]
                if answers[0] != answers[1] or answers[0][0][0] not in allowed:
                    told.append(f"{about}: {answers}")
        assert told == []
        assert await everything_of(site, ann) == before


async def test_the_watch_tells_what_is_there_from_what_is_not(site: Site, ann: User) -> None:
    """The control of the test above: with Ann's own account the database is asked otherwise, and finds."""
    async with watched(site) as watch:
        told = []
        for account_id in (ann.account["id"], fresh()):
            url = f"/api/v1/accounts/{account_id}/budget"
            told.append(await watch.during(lambda url=url: asked(ann, "GET", url, None, {})))
    (status, _), statements = told[1]
    assert status == 404
    assert len(statements) >= 3, "who asks, whose account, and how the transactions ended"
    assert told[0][1] != statements
    found = [next(one for one in each if "FROM accounts" in one) for _, each in told]
    assert [one.rpartition(" [")[2] for one in found] == ["1 rows]", "0 rows]"]


async def test_a_page_of_another_workspaces_list_leads_to_nothing_of_it(site: Site, ann: User) -> None:
    """Cursors are what the server gave out: one that Ann got brings Olga her own rows, or a refusal."""
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="x")
    olga = await site.second_user("owner", username="Olga")
    async with running_owner(site, ann) as anns, running_owner(site, olga) as olgas:
        found = await furnished(site, ann, anns)
        for _ in range(2):
            async with ann.http.post(f"{ann.account_path}/intents", json=place_body()) as response:
                assert response.status == 200
            backtest = {"id": fresh(), "template": "ema_cross"}
            async with ann.http.post("/api/v1/backtests", json=backtest) as response:
                assert response.status == 202
        own = await furnished(site, olga, olgas)
        paged = set()
        for name, methods in contract_of(routes_only())["paths"].items():
            named = {each["name"] for each in methods.get("get", {}).get("parameters", ())}
            if not {"before", "limit"} <= named:
                continue
            async with ann.http.get(f"{name.format_map({**WORDS, **found})}?limit=1") as response:
                cursor = (await response.json())["next"]
            if cursor is None:
                continue
            paged.add(name)
            url = f"{name.format_map({**WORDS, **own})}?limit=200&before={quote(str(cursor), safe='')}"
            async with olga.http.get(url) as response:
                assert response.status in (200, 422), name
                told = await response.text()
            assert [key for key, value in found.items() if value in told] == [], name
    assert {"/api/v1/accounts/{account_id}/orders", "/api/v1/backtests", "/api/v1/audit"} <= paged


async def test_foreign_topics_are_answered_as_topics_that_never_were(site: Site, ann: User) -> None:
    olga = await site.second_user("owner", username="Olga")
    async with olga.http.ws_connect("/api/v1/stream") as stream:
        errors = []
        run_id = (await furnished_bot(ann))["run_id"]
        for kind, some_id in (("account", ann.account["id"]), ("account", fresh()), ("run", run_id), ("run", fresh())):
            topic = f"{kind}:{some_id}"
            for resume in ({}, {topic: 0}, {topic: 5}):
                await stream.send_json({"op": "subscribe", "topics": [topic], "resume": resume})
                while (message := await stream.receive_json(timeout=20))["type"] == "heartbeat":
                    pass
                errors.append(json.dumps(message).replace(topic, "TOPIC"))
        assert len(set(errors)) == 1
        assert json.loads(errors[0])["code"] == "not_found"


def every_pair(olga: User, own: Ids, foreign: Ids, never: Ids) -> Iterator[tuple[str, Collection[int], list[Ask]]]:
    """What is asked for, the statuses that may answer it, and both requests: with Ann's ids, and with nobody's."""

    def ask(method: str, url: str, body: Any, ids: Ids) -> Ask:
        return lambda: asked(olga, method, url, body, ids)

    for name, method, path, in_path, fields in operations():
        for pair in mixtures(in_path, own, foreign, never):
            body = body_of(name, path, pair[0])
            about = f"{name} with {sorted(set(in_path) - _same(pair[0], own))}"
            # 403: to nobody but the operator.
            yield about, (403, 404), [ask(method, path.format_map({**WORDS, **ids}), body, ids) for ids in pair]
        where = path.format_map({**WORDS, **own})
        for field in fields:
            bodies = [(IN_BODIES[name, field]({**own, field: ids[field]}), ids) for ids in (foreign, never)]
            yield f"{name}, its {field}", (404, 422), [ask(method, where, body, ids) for body, ids in bodies]
    for name, method, path, fields in questions():
        where = path.format_map({**WORDS, **own})
        for field in fields:
            urls = [(f"{where}?{field}={ids.get(ID_OF.get(field, field), '')}", ids) for ids in (foreign, never)]
            yield f"{name}, asked for {field}", range(200, 500), [ask(method, url, None, ids) for url, ids in urls]


def mixtures(in_path: list[str], own: Ids, foreign: Ids, never: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Ann's ids in each choice of places and Olga's in the others, beside the same with ids that never were."""
    for count in range(1, len(in_path) + 1):
        for places in itertools.combinations(in_path, count):
            missing = [name for name in in_path if name not in own]
            assert not missing, f"`furnished` must say what {missing} are"
            yield {**own, **{name: foreign[name] for name in places}}, {**own, **{name: never[name] for name in places}}


def _same(mixed: Ids, own: Ids) -> set[str]:
    return {name for name in mixed if mixed[name] == own[name]}


def body_of(name: str, path: str, ids: Ids) -> Any:
    if name == "cancelAll":
        return {"id": fresh()}
    if name == "postIntent":
        return place_body()
    if name == "editBot":
        return {"version": 1, "settings": bot_settings(ids)}
    return BODIES.get(path)


async def asked(who: User, method: str, url: str, body: Any, ids: Ids) -> tuple[int, str]:
    """Status and body, in which the ids that were asked with are only that."""
    async with who.http.request(method, url, json=body) as response:
        told = await response.text()
    for value in ids.values():
        told = told.replace(value, "ID")
    return response.status, told
