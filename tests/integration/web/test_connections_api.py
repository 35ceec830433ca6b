"""Connections over HTTP: added with a secret that never comes back, shown as they stand, removed by their name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.web.kit import Site, User
from tradewright.system import SystemIds
from tradewright.web.schemas.connections import ConnectionAnswer, ConnectionList, EnvironmentList

CONNECTIONS = "/api/v1/connections"
SECRETS = {"key": "canary-key-a1b2", "secret": "canary-secret", "proxy": "socks5://canary-u:canary-p@proxy:1080"}


def new_connection(**changes: Any) -> dict[str, Any]:
    return {"id": str(SystemIds().new()), "environment": "demo", "name": "My demo", **SECRETS, **changes}


async def asked(user: User, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with user.http.request(method, path, json=body) as response:
        text = await response.text()
        assert "canary" not in text
        return response.status, json.loads(text)


async def test_a_connection_is_added_once_shown_without_its_secrets_and_removed_by_its_name(
    site: Site, ann: User
) -> None:
    body = new_connection()
    status, answer = await asked(ann, "POST", CONNECTIONS, body)
    ConnectionAnswer.model_validate_json(json.dumps(answer))
    assert (status, answer["connection"]["state"], answer["connection"]["key_shown"]) == (202, "checking", "a1b2")
    assert answer["connection"]["host"] == "https://demo.global.example"
    assert answer["connection"]["proxy_shown"] == "socks5://proxy:1080"
    assert await asked(ann, "POST", CONNECTIONS, body) == (202, answer)
    status, conflict = await asked(ann, "POST", CONNECTIONS, body | {"secret": "canary-other"})
    assert (status, conflict["code"]) == (409, "connection.conflict")
    status, listed = await asked(ann, "GET", CONNECTIONS)
    ConnectionList.model_validate_json(json.dumps(listed))
    assert (status, listed["connections"]) == (200, [answer["connection"]])
    path = f"{CONNECTIONS}/{body['id']}"
    assert await asked(ann, "GET", path) == (200, answer)
    assert (await asked(ann, "POST", f"{path}/check"))[0] == 202
    status, wrong = await asked(ann, "POST", f"{path}/remove", {"name": "another"})
    assert (status, wrong["problems"][0]["code"]) == (422, "connection.name_mismatch")
    status, removed = await asked(ann, "POST", f"{path}/remove", {"name": "My demo"})
    assert (status, removed["connection"]["state"]) == (200, "removed")
    assert (await asked(ann, "GET", CONNECTIONS))[1] == {"connections": []}
    assert (await asked(ann, "POST", f"{path}/check"))[1]["code"] == "connection.removed"


async def test_environments_say_what_they_can_and_why_nothing_can_be_added(site: Site, ann: User) -> None:
    status, answer = await asked(ann, "GET", "/api/v1/environments")
    EnvironmentList.model_validate_json(json.dumps(answer))
    found = {each["environment"]: each for each in answer["environments"]}
    assert (status, list(found)) == (200, ["sim", "demo", "testnet", "live"])
    assert found["demo"]["refusal"] is None
    assert found["demo"]["uncertain"] == ["has_fee_rates", "can_batch_spot"]
    assert found["live"]["refusal"]["code"] == "connection.live_closed"
    assert found["sim"]["refusal"] is None
    assert {"id": "eu", "rest": "https://live.eu.example"} in found["live"]["regions"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"environment": "live"}, "connection.live_closed"),
        ({"environment": "moon"}, "input.not_allowed"),
        ({"region": "nowhere"}, "connection.region_unknown"),
        ({"region": "../etc"}, "input.format"),
        ({"proxy": "canary"}, "connection.proxy_invalid"),
        ({"key": "canary key with spaces"}, "connection.key_text"),
        ({"secret": "canary" * 1_000}, "input.too_long"),
        ({"secret": ["canary"]}, "input.type"),
        ({"surplus": "canary"}, "input.unknown_field"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_without_its_secrets(
    site: Site, ann: User, changes: dict[str, Any], code: str
) -> None:
    status, answer = await asked(ann, "POST", CONNECTIONS, new_connection(**changes))
    assert (status, answer["problems"][0]["code"]) == (422, code)
    assert (await asked(ann, "GET", CONNECTIONS))[1] == {"connections": []}


async def test_a_connection_is_changed_and_renamed_without_its_secrets_and_what_is_wrong_is_said(
    site: Site, ann: User
) -> None:
    body = new_connection()
    assert (await asked(ann, "POST", CONNECTIONS, body))[0] == 202
    path = f"{CONNECTIONS}/{body['id']}"
    change = {"id": str(SystemIds().new()), "key": "canary-next-c3d4", "secret": "canary-next"}
    status, answer = await asked(ann, "POST", f"{path}/change", change)
    ConnectionAnswer.model_validate_json(json.dumps(answer))
    shown = answer["connection"]
    assert (status, shown["key_shown"], shown["region"], shown["state"]) == (202, "a1b2", "global", "checking")
    assert (shown["change"]["key_shown"], shown["change"]["state"]) == ("c3d4", "checking")
    assert await asked(ann, "POST", f"{path}/change", change) == (202, answer), "the same id is the same change"
    for wrong, code in (
        ({"key": "canary alone"}, "input.missing"),
        ({"key": "canary with blanks", "secret": "canary"}, "connection.key_text"),
        ({"keep_proxy": False, "proxy": "canary-proxy"}, "connection.proxy_invalid"),
        ({"secret": "canary" * 1_000, "key": "canary"}, "input.too_long"),
        ({"region": "nowhere"}, "connection.region_unknown"),
    ):
        status, refused = await asked(ann, "POST", f"{path}/change", {"id": str(SystemIds().new()), **wrong})
        assert (status, refused["problems"][0]["code"]) == (422, code)
    status, refused = await asked(ann, "POST", f"{path}/change", {"id": str(SystemIds().new())})
    assert (status, refused["code"]) == (409, "connection.nothing_changed")
    status, dropped = await asked(ann, "POST", f"{path}/change/drop")
    assert (status, dropped["connection"]["change"]) == (200, None)
    status, renamed = await asked(ann, "POST", f"{path}/rename", {"name": "Другое"})
    assert (status, renamed["connection"]["name"]) == (200, "Другое")
    assert await asked(ann, "GET", f"{path}/top-up") == (200, {"top_up": None})
    top_up = {"id": str(SystemIds().new()), "coin": "USDT", "amount": "1000"}
    status, refused = await asked(ann, "POST", f"{path}/top-up", top_up)
    assert (status, refused["code"]) == (409, "connection.not_ready")
    status, refused = await asked(ann, "POST", f"{path}/top-up", top_up | {"amount": "100001"})
    assert (status, refused["problems"][0]["code"]) == (422, "connection.top_up_amount")
