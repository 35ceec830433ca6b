"""Passkeys over HTTP with a passkey in software: what is taken, and everything that is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from integration.web.factors_kit import Visitor, visitor, with_totp
from integration.web.kit import Site, User
from support.authenticator import SoftPasskey


async def registered(site: Site, here: Visitor, **made: Any) -> SoftPasskey:
    key = SoftPasskey(here.origin, **made)
    status, asked = await here.post("/session/passkeys/question")
    assert status == 200, asked
    status, answer = await here.post("/session/passkeys", {"name": "Laptop", "passkey": key.create(asked["question"])})
    assert status == 200, answer
    return key


async def with_passkey(site: Site, **made: Any) -> tuple[Visitor, SoftPasskey]:
    here = visitor(site)
    await here.login()
    return here, await registered(site, here, **made)


async def question(there: Visitor, *, second: bool = False) -> dict[str, Any]:
    status, asked = await there.post("/login/passkey/question", {"second": second})
    assert status == 200, asked
    return dict(asked["question"])


async def test_a_passkey_alone_opens_a_session(site: Site, ann: User) -> None:
    _, key = await with_passkey(site)
    there = visitor(site)
    asked = await question(there)
    assert (asked["rpId"], asked["userVerification"], asked.get("allowCredentials", [])) == (
        "localhost",
        "required",
        [],
    )
    status, state = await there.post("/login/passkey", {"passkey": key.get(asked)})
    assert (status, state["user"]["username"]) == (200, "Ann")
    assert (await there.get("/accounts"))[0] == 200


async def test_a_passkey_is_a_second_factor_too(site: Site, ann: User) -> None:
    _, key = await with_passkey(site)
    there = visitor(site)
    state = await there.login()
    assert state["user"] is None
    assert state["second_step"]["ways"] == ["passkey", "recovery"]
    asked = await question(there, second=True)
    assert [each["id"] for each in asked["allowCredentials"]] == [key.get(asked)["id"]]
    asked = await question(there, second=True)
    status, state = await there.post("/login/second", {"passkey": key.get(asked)})
    assert (status, state["user"]["username"]) == (200, "Ann")


async def test_an_answer_is_good_once_from_the_browser_that_asked_and_for_five_minutes(site: Site, ann: User) -> None:
    _, key = await with_passkey(site)
    there, other = visitor(site), visitor(site)
    asked = await question(there)
    answer = {"passkey": key.get(asked)}
    assert (await other.post("/login/passkey", answer))[1]["code"] == "login.passkey_failed"
    assert (await there.post("/login/passkey", answer))[0] == 200
    assert (await there.post("/login/passkey", answer))[0] == 401
    late = visitor(site)
    asked = await question(late)
    site.clock.offset += timedelta(minutes=5)
    assert (await late.post("/login/passkey", {"passkey": key.get(asked)}))[0] == 401
    # A wrong answer uses the question up as well.
    again = visitor(site)
    asked = await question(again)
    wrong = key.get({**asked, "challenge": "AAAA"})
    assert (await again.post("/login/passkey", {"passkey": wrong}))[0] == 401
    assert (await again.post("/login/passkey", {"passkey": key.get(asked)}))[0] == 401


async def test_of_many_answers_at_once_one_is_let_in(site: Site, ann: User) -> None:
    _, key = await with_passkey(site)
    there = visitor(site)
    asked = await question(there)
    answers = [{"passkey": key.get(asked)} for _ in range(5)]
    statuses = [status for status, _ in await asyncio.gather(*(there.post("/login/passkey", each) for each in answers))]
    assert sorted(statuses) == [200, 401, 401, 401, 401]


@pytest.mark.parametrize("wrong", ["origin", "host", "unverified", "kind", "signature", "another's user", "unknown"])
async def test_an_answer_that_is_wrong_in_one_thing_opens_nothing(site: Site, ann: User, wrong: str) -> None:
    _, key = await with_passkey(site)
    there = visitor(site)
    asked = await question(there)
    match wrong:
        case "origin":
            answer = replace(key, origin="http://localhost.evil.example").get(asked)
        case "host":
            answer = replace(key, rp_id="evil.example").get(asked)
        case "unverified":
            answer = replace(key, verifies=False).get(asked)
        case "kind":
            answer = key.get(asked, kind="webauthn.create")
        case "signature":
            answer = replace(key, key=SoftPasskey("").key).get(asked)
        case "another's user":
            answer = replace(key, user_handle=bytes(16)).get(asked)
        case _:
            answer = SoftPasskey(there.origin).get(asked)
    assert (await there.post("/login/passkey", {"passkey": answer}))[1]["code"] == "login.passkey_failed"
    assert (await there.get("/session"))[1]["user"] is None


async def test_a_counter_that_goes_back_is_told_and_the_passkey_taken_no_more(site: Site, ann: User) -> None:
    here, key = await with_passkey(site)
    copy = replace(key)
    for _ in range(2):
        there = visitor(site)
        assert (await there.post("/login/passkey", {"passkey": key.get(await question(there))}))[0] == 200
    there = visitor(site)
    status, answer = await there.post("/login/passkey", {"passkey": copy.get(await question(there))})
    assert (status, answer["code"]) == (401, "passkey.suspect")
    there = visitor(site)
    assert (await there.post("/login/passkey", {"passkey": key.get(await question(there))}))[1]["code"] == (
        "passkey.suspect"
    )
    (shown,) = (await here.get("/session/security"))[1]["passkeys"]
    assert (shown["suspect"], shown["works_here"]) == (True, False)
    async with site.parts.engine.connect() as connection:
        noted = await connection.scalar(
            text("SELECT count(*) FROM audit_entries WHERE action = 'factor.passkey_suspect' AND outcome = 'refused'")
        )
    assert noted == 2


async def test_a_device_that_does_not_count_is_taken_each_time(site: Site, ann: User) -> None:
    _, key = await with_passkey(site, counts=False)
    for _ in range(2):
        there = visitor(site)
        assert (await there.post("/login/passkey", {"passkey": key.get(await question(there))}))[0] == 200


@pytest.mark.parametrize("wrong", ["origin", "host", "unverified", "challenge", "noise"])
async def test_what_does_not_fit_is_not_registered(site: Site, ann: User, wrong: str) -> None:
    here = visitor(site)
    await here.login()
    asked = (await here.post("/session/passkeys/question"))[1]["question"]
    key = SoftPasskey(here.origin)
    match wrong:
        case "origin":
            answer = replace(key, origin="http://127.0.0.1").create(asked)
        case "host":
            answer = replace(key, rp_id="evil.example").create(asked)
        case "unverified":
            answer = replace(key, verifies=False).create(asked)
        case "challenge":
            answer = key.create({**asked, "challenge": "AAAA"})
        case _:
            answer = {"id": 1, "response": {"attestationObject": "////", "clientDataJSON": [None]}}
    status, said = await here.post("/session/passkeys", {"name": "Key", "passkey": answer})
    assert (status, said["code"]) == (409, "passkey.refused")
    assert await site.count("passkeys") == 0
    # The question was used up by it.
    assert (await here.post("/session/passkeys", {"name": "Key", "passkey": key.create(asked)}))[0] == 409


async def test_passkeys_are_named_renamed_and_removed_by_their_own_person(site: Site, ann: User) -> None:
    here, _ = await with_passkey(site)
    (shown,) = (await here.get("/session/security"))[1]["passkeys"]
    path = f"/session/passkeys/{shown['id']}"
    bob = await site.second_user("owner")
    for ending, body in (("rename", {"name": "Mine"}), ("remove", None)):
        async with bob.http.post(f"/api/v1{path}/{ending}", json=body) as response:
            assert response.status == 404
    assert (await here.post(f"{path}/rename", {"name": "Phone"}))[0] == 204
    assert (await here.get("/session/security"))[1]["passkeys"][0]["name"] == "Phone"
    site.clock.offset += timedelta(minutes=11)
    assert (await here.post(f"{path}/remove"))[1]["code"] == "session.step_up_required"


async def test_step_up_by_a_passkey(site: Site, ann: User) -> None:
    here, key = await with_passkey(site)
    site.clock.offset += timedelta(minutes=11)
    assert (await here.get("/session/security"))[1]["step_up_ways"] == ["passkey", "recovery"]
    asked = (await here.post("/session/step-up/passkey-question"))[1]["question"]
    stranger = SoftPasskey(here.origin)
    assert (await here.post("/session/step-up", {"passkey": stranger.get(asked)}))[0] == 403
    asked = (await here.post("/session/step-up/passkey-question"))[1]["question"]
    assert (await here.post("/session/step-up", {"passkey": key.get(asked)}))[0] == 200
    shown = (await here.get("/session/security"))[1]
    assert (await here.post(f"/session/passkeys/{shown['passkeys'][0]['id']}/remove"))[0] == 204
    assert (await here.get("/session/security"))[1]["step_up_ways"] == ["password"]


async def test_at_an_ip_address_passkeys_are_refused_with_a_reason(site: Site, ann: User) -> None:
    await with_passkey(site)
    there = visitor(site, at_address=True)
    status, answer = await there.post("/login/passkey/question", {"second": False})
    assert (status, answer["code"]) == (409, "passkey.at_address")
    state = await there.login()
    assert state["second_step"]["ways"] == ["recovery"]


async def test_over_plain_http_elsewhere_passkeys_are_refused_with_a_reason(site: Site, ann: User) -> None:
    there = visitor(site)
    there.http.headers["Host"] = f"trade.example:{site.port}"
    there.http.headers["Origin"] = f"http://trade.example:{site.port}"
    status, answer = await there.post("/login/passkey/question", {"second": False})
    assert (status, answer["code"]) == (409, "passkey.insecure")


async def test_questions_to_nobody_are_limited_by_address(site: Site, ann: User) -> None:
    there = visitor(site)
    statuses = [(await there.post("/login/passkey/question", {"second": False}))[0] for _ in range(21)]
    assert statuses == [200] * 20 + [429]


async def test_an_authenticator_and_a_passkey_stand_beside_each_other(site: Site, ann: User) -> None:
    here, _, codes = await with_totp(site, ann)
    status, asked = await here.post("/session/passkeys/question")
    key = SoftPasskey(here.origin)
    status, answer = await here.post("/session/passkeys", {"name": "Laptop", "passkey": key.create(asked["question"])})
    assert (status, answer["recovery_codes"]) == (200, None)  # there are some already
    state = await visitor(site).login()
    assert state["second_step"]["ways"] == ["code", "passkey", "recovery"]
    assert (await here.post("/session/totp/remove"))[0] == 204
    assert (await here.get("/session/security"))[1]["recovery_left"] == len(codes)
