"""Another workspace's ids, in every place that takes one, are answered as ids that never were (promise J2).

Ann's and Olga's workspaces are furnished alike. Olga asks with Ann's ids, alone and beside her own, and with ids that
nobody has: status and body must be the same, and nothing of Ann's may change. The places come from the contract
document, so a new one is asked, or the test says what it lacks.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from sqlalchemy import text

from integration.backtests.kit import waves
from integration.web.kit import Owner, Site, User, place_body, running_owner
from security.test_who_may_what import BODIES
from tradewright.identity.tables import passkeys
from tradewright.market.history.series import Series
from tradewright.system import SystemIds
from tradewright.trading.journal import Drift
from tradewright.web import intents
from tradewright.web.application import routes_only
from tradewright.web.contract import contract_of

Ids = Mapping[str, str]
# Ids inside bodies, by operation and field, and the body that brings one. A field that is not here is no id of a thing
# that is there: `id` is the new thing's own, made by who asks.
IN_BODIES: dict[tuple[str, str], Any] = {
    ("postIntent", "order_id"): lambda found: {"id": fresh(), "kind": "cancel", "order_id": found["order_id"]},
    ("kill", "account_id"): lambda found: {"scope": "account", "account_id": found["account_id"]},
    ("releaseKill", "account_id"): lambda found: {"scope": "account", "account_id": found["account_id"]},
    ("chooseWorkspace", "workspace_id"): lambda found: {"workspace_id": found["workspace_id"]},
}
# Path parameters that are no ids.
WORDS = {"table": "orders", "category": "linear", "symbol": "BTCUSDT"}


# What a query's parameter is the id of, where its name says another thing.
ID_OF = {"actor": "user_id", "object_id": "order_id"}


def fresh() -> str:
    return str(uuid.uuid4())


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
        for name, method, path, in_path, fields in operations():
            for mixed, made_up in mixtures(in_path, own, foreign, never):
                json_body = body_of(name, path, mixed)
                answers = [
                    await asked(olga, method, path.format_map({**WORDS, **ids}), json_body, ids)
                    for ids in (mixed, made_up)
                ]
                if answers[0] != answers[1] or answers[0][0] not in (403, 404):  # 403: to nobody but the operator
                    told.append(f"{name} with {sorted(set(in_path) - _same(mixed, own))}: {answers}")
            for field in fields:
                where = path.format_map({**WORDS, **own})
                answers = [
                    await asked(olga, method, where, IN_BODIES[name, field](ids), ids) for ids in (foreign, never)
                ]
                if answers[0] != answers[1] or answers[0][0] not in (404, 422):
                    told.append(f"{name}, its {field}: {answers}")
        for name, method, path, fields in questions():
            for field in fields:
                where = path.format_map({**WORDS, **own})
                value = {found: ids.get(ID_OF.get(field, field), "") for found, ids in (("a", foreign), ("n", never))}
                answers = [
                    await asked(olga, method, f"{where}?{field}={value[which]}", None, ids)
                    for which, ids in (("a", foreign), ("n", never))
                ]
                if answers[0] != answers[1] or answers[0][0] >= 500:
                    told.append(f"{name}, asked for {field}: {answers}")
        assert told == []
        assert await everything_of(site, ann) == before


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
        for account_id in (ann.account["id"], fresh()):
            topic = f"account:{account_id}"
            for resume in ({}, {topic: 0}, {topic: 5}):
                await stream.send_json({"op": "subscribe", "topics": [topic], "resume": resume})
                while (message := await stream.receive_json(timeout=20))["type"] == "heartbeat":
                    pass
                errors.append(json.dumps(message).replace(account_id, "ID"))
        assert len(set(errors)) == 1
        assert json.loads(errors[0])["code"] == "not_found"


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
    return BODIES.get(path)


async def asked(who: User, method: str, url: str, body: Any, ids: Ids) -> tuple[int, str]:
    """Status and body, in which the ids that were asked with are only that."""
    async with who.http.request(method, url, json=body) as response:
        told = await response.text()
    for value in ids.values():
        told = told.replace(value, "ID")
    return response.status, told


async def furnished(site: Site, user: User, owner: Owner) -> dict[str, str]:
    """One of everything that has an id in a path or a body, in the user's workspace."""
    order = place_body()
    async with user.http.post(f"{user.account_path}/intents", json=order) as response:
        assert response.status == 200, await response.text()
        order_id = str((await response.json())["order"]["id"])
    connection = {"id": fresh(), "environment": "demo", "name": "Demo", "key": "a-key", "secret": "a-secret"}
    backtest = {"id": fresh(), "template": "ema_cross"}
    for path, body in (("connections", connection), ("backtests", backtest)):
        async with user.http.post(f"/api/v1/{path}", json=body) as response:
            assert response.status == 202, await response.text()
    async with user.http.post("/api/v1/tokens", json=BODIES["/api/v1/tokens"]) as response:
        token_id = str((await response.json())["token"]["id"])
    await owner.journal.record_drift([Drift("order.foreign", f"{user.account['id']}'s", "", "New")])
    async with site.parts.engine.connect() as database:
        found = await database.scalar(
            text("SELECT id FROM differences WHERE account_id = :id"), {"id": user.account["id"]}
        )
    member = await site.second_user("viewer", workspace=user.workspace_id, username=f"Member {user.account['id'][-6:]}")
    async with user.http.post("/api/v1/workspace/invitations", json={"role": "viewer"}) as response:
        invitation_id = str((await response.json())["invitation"]["id"])
    async with user.http.get("/api/v1/sessions") as response:
        session_id = str((await response.json())["sessions"][0]["id"])
    passkey_id = SystemIds().new()
    async with site.parts.engine.begin() as database:
        await database.execute(
            passkeys.insert().values(
                id=passkey_id,
                user_id=UUID(user.session["user"]["id"]),
                credential_id=passkey_id.bytes,
                public_key=b"",
                sign_count=0,
                rp_id="localhost",
                name="Key",
                synced=False,
                created_at=site.clock.now(),
            )
        )
    return {
        "passkey_id": str(passkey_id),
        "workspace_id": str(user.workspace_id),
        "user_id": member.session["user"]["id"],
        "invitation_id": invitation_id,
        "session_id": session_id,
        "account_id": user.account["id"],
        "intent_id": order["id"],
        "order_id": order_id,
        "connection_id": connection["id"],
        "backtest_id": backtest["id"],
        "token_id": token_id,
        "difference_id": str(found),
    }


async def everything_of(site: Site, user: User) -> dict[str, list[Any]]:
    """Every row of the user's workspace."""
    async with site.parts.engine.connect() as database:
        tables = await database.scalars(
            text("SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id' ORDER BY 1")
        )
        return {
            table: [
                tuple(row)
                for row in await database.execute(
                    text(f"SELECT t::text FROM {table} t WHERE workspace_id = :id ORDER BY 1"),
                    {"id": user.workspace_id},
                )
            ]
            for table in tables
            if table != "sessions"
        }
