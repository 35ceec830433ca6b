"""Authenticators, recovery codes, half-open logins and step-up, over HTTP on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from integration.web.factors_kit import Visitor, code_of, visitor, with_totp
from integration.web.kit import PASSWORD, Site, User
from tradewright.core.ids import UserId
from tradewright.identity.audited import By
from tradewright.identity.factor_reset import reset_factors
from tradewright.identity.passwords import HashCost, Passwords
from tradewright.identity.second_factors import WRONG_CODES_IN_ROW_MAX
from tradewright.identity.throttle import TRIES_MAX
from tradewright.identity.totp import matched_step, take_code
from tradewright.vault.wrapping import Unopenable
from tradewright.web.secret_box import UserSecrets

STEP = timedelta(seconds=30)


async def half_open(site: Site) -> Visitor:
    """A browser in which the password was right."""
    there = visitor(site)
    answer = await there.login()
    assert answer["user"] is None
    return there


async def test_with_an_authenticator_the_password_opens_no_session_and_a_code_does(site: Site, ann: User) -> None:
    _, secret, codes = await with_totp(site, ann)
    assert len(codes) == 10
    there = await half_open(site)
    status, state = await there.get("/session")
    assert state["user"] is None
    assert sorted(state["second_step"]["ways"]) == ["code", "recovery"]
    assert (await there.get("/accounts"))[0] == 401
    site.clock.offset += STEP
    status, state = await there.post("/login/second", {"code": code_of(secret, site)})
    assert (status, state["user"]["username"], state["second_step"]) == (200, "Ann", None)
    assert (await there.get("/accounts"))[0] == 200


async def test_each_code_opens_once(site: Site, ann: User) -> None:
    _, secret, _ = await with_totp(site, ann)
    site.clock.offset += STEP
    code = code_of(secret, site)
    first, second = await half_open(site), await half_open(site)
    assert (await first.post("/login/second", {"code": code}))[0] == 200
    assert (await second.post("/login/second", {"code": code}))[1]["code"] == "login.second_failed"
    # Nor one of a step before the one that was used.
    assert (await second.post("/login/second", {"code": code_of(secret, site, steps=-1)}))[0] == 401


async def test_of_many_that_give_the_same_code_at_once_one_is_let_in(site: Site, ann: User) -> None:
    _, secret, recovery = await with_totp(site, ann)
    for code in (code_of(secret, site, steps=1), recovery[0]):
        doors = [await half_open(site) for _ in range(6)]
        answers = await asyncio.gather(*(door.post("/login/second", {"code": code}) for door in doors))
        assert sorted(status for status, _ in answers) == [200, 401, 401, 401, 401, 401]


async def test_two_processes_do_not_take_the_same_code(site: Site, ann: User) -> None:
    """Two transactions on two connections, as two processes have them; the second waits and is refused."""
    _, secret, _ = await with_totp(site, ann)
    user_id, box = UserId(await user_id_of(site)), UserSecrets(site.parts)
    now = site.clock.now() + STEP
    code = code_of(secret, site, steps=1)
    assert matched_step(secret, code, now) is not None
    async with site.parts.engine.begin() as one, site.parts.engine.begin() as other:
        assert await take_code(one, user_id, code, box=box, now=now)
        waiting = asyncio.create_task(take_code(other, user_id, code, box=box, now=now))
        await one.commit()
        assert not await waiting


async def test_a_recovery_code_opens_once_and_a_new_set_ends_the_old(site: Site, ann: User) -> None:
    here, _, codes = await with_totp(site, ann)
    there = await half_open(site)
    assert (await there.post("/login/second", {"code": codes[0].upper().replace("-", " ")}))[0] == 200
    again = await half_open(site)
    assert (await again.post("/login/second", {"code": codes[0]}))[0] == 401
    assert (await there.get("/session/security"))[1]["recovery_left"] == 9
    status, made = await here.post("/session/recovery-codes")
    assert (status, len(made["recovery_codes"])) == (200, 10)
    assert (await again.post("/login/second", {"code": codes[1]}))[0] == 401
    assert (await again.post("/login/second", {"code": made["recovery_codes"][1]}))[0] == 200


async def test_a_half_open_login_is_bound_to_its_browser_and_ends_after_five_minutes_or_five_tries(
    site: Site, ann: User
) -> None:
    _, secret, codes = await with_totp(site, ann)
    stranger = visitor(site)
    assert (await stranger.post("/login/second", {"code": codes[0]}))[1]["code"] == "login.half_open_ended"
    there = await half_open(site)
    for _ in range(5):
        assert (await there.post("/login/second", {"code": "000000"}))[1]["code"] == "login.second_failed"
    assert (await there.post("/login/second", {"code": codes[0]}))[1]["code"] == "login.half_open_ended"
    late = await half_open(site)
    site.clock.offset += timedelta(minutes=5)
    assert (await late.post("/login/second", {"code": code_of(secret, site)}))[1]["code"] == "login.half_open_ended"
    assert (await late.get("/session"))[1]["second_step"] is None


async def test_guessing_codes_tries_twenty_an_hour_and_a_hundred_at_all(site: Site, ann: User) -> None:
    """Who knows the password guesses without an end, five tries a login; parallel ones are counted, too."""
    _, secret, _ = await with_totp(site, ann)
    tried = 0
    for hour in range(7):
        site.clock.offset += timedelta(hours=1, seconds=1)
        this_hour = 0
        for _ in range(8):
            door = await half_open(site)
            wrong = "000000" if code_of(secret, site) != "000000" else "000001"
            answers = await asyncio.gather(*(door.post("/login/second", {"code": wrong}) for _ in range(5)))
            this_hour += sum(answer["code"] == "login.second_failed" for _, answer in answers)
        assert this_hour == TRIES_MAX, f"hour {hour}"
        tried += this_hour
    assert tried > WRONG_CODES_IN_ROW_MAX
    # No code is taken any more, not even the right one; the page says so.
    site.clock.offset += timedelta(hours=1, seconds=1)
    door = await half_open(site)
    assert (await door.get("/session"))[1]["second_step"]["ways"] == ["recovery"]
    assert (await door.post("/login/second", {"code": code_of(secret, site)}))[0] == 401


async def test_step_up_lasts_ten_minutes_and_is_asked_for_what_needs_it(site: Site, ann: User) -> None:
    here = visitor(site)
    await here.login()
    assert (await here.post("/session/totp"))[0] == 200  # a login is a proof
    site.clock.offset += timedelta(minutes=10)
    assert (await here.post("/session/totp"))[1]["code"] == "session.step_up_required"
    assert (await here.get("/session/security"))[1]["step_up_until_ms"] is None
    assert (await here.post("/session/step-up", {"password": "a wrong password"}))[1]["code"] == "session.proof_failed"
    assert (await here.post("/session/totp"))[0] == 403
    assert (await here.post("/session/step-up", {"password": PASSWORD}))[0] == 200
    assert (await here.post("/session/totp"))[0] == 200
    # Of this session alone.
    other = visitor(site)
    await other.login()
    site.clock.offset += timedelta(minutes=9)
    await here.post("/session/step-up", {"password": PASSWORD})
    site.clock.offset += timedelta(minutes=2)
    assert (await here.post("/session/totp"))[0] == 200
    assert (await other.post("/session/totp"))[0] == 403


async def test_who_has_a_second_factor_proves_themselves_by_it(site: Site, ann: User) -> None:
    here, secret, codes = await with_totp(site, ann)
    assert (await here.get("/session/security"))[1]["step_up_ways"] == ["code", "recovery"]
    site.clock.offset += timedelta(minutes=11)
    status, answer = await here.post("/session/step-up", {"password": PASSWORD})
    assert (status, answer["code"]) == (403, "session.factor_needed")
    assert (await here.post("/session/step-up", {"code": "000000"}))[0] == 403
    assert (await here.post("/session/step-up", {"code": code_of(secret, site)}))[0] == 200
    assert (await here.post("/session/step-up", {"code": code_of(secret, site)}))[0] == 403  # used
    assert (await here.post("/session/totp/remove"))[0] == 204
    # With the last factor its codes went, and the password alone is asked for again.
    assert (await here.get("/session/security"))[1]["recovery_left"] == 0
    assert (await visitor(site).login())["user"]["username"] == "Ann"
    assert codes


async def test_tries_of_a_step_up_count_with_those_of_the_login(site: Site, ann: User) -> None:
    here = visitor(site)
    await here.login()
    wrong = {"password": "a wrong password"}
    answers = await asyncio.gather(*(here.post("/session/step-up", wrong) for _ in range(TRIES_MAX + 5)))
    assert sorted(status for status, _ in answers) == [403] * TRIES_MAX + [429] * 5
    assert (await visitor(site).post("/login", {"username": "Ann", "password": PASSWORD}))[0] == 429


async def test_a_changed_password_ends_the_other_sessions_and_half_open_logins(site: Site, ann: User) -> None:
    here, other = visitor(site), visitor(site)
    await here.login()
    await other.login()
    path, body = "/profile/password", {"old_password": PASSWORD, "new_password": "owl mango thirty"}
    assert (await here.post(path, body | {"old_password": "a wrong password"}))[0] == 403
    status, answer = await here.post(path, body | {"new_password": "password1234"})
    assert (status, answer["problems"][0]["code"]) == (422, "password.common")
    assert (await here.post(path, body))[0] == 204
    assert (await here.get("/accounts"))[0] == 200
    assert (await other.get("/accounts"))[0] == 401
    assert (await visitor(site).post("/login", {"username": "Ann", "password": PASSWORD}))[0] == 401
    assert (await visitor(site).login(password="owl mango thirty"))["user"]["username"] == "Ann"


async def test_a_hash_of_another_cost_is_made_anew_at_the_next_login(site: Site, ann: User) -> None:
    async with site.parts.engine.begin() as connection:
        cheaper = await Passwords(HashCost(time_cost=2, memory_kib=16)).hash(PASSWORD)
        await connection.execute(text("UPDATE users SET password_hash = :hash"), {"hash": cheaper})
    await visitor(site).login()
    async with site.parts.engine.connect() as connection:
        kept = str(await connection.scalar(text("SELECT password_hash FROM users")))
    assert not site.parts.passwords.is_of_another_cost(kept)
    assert kept != cheaper
    await visitor(site).login()


async def test_the_secret_lies_wrapped_and_opens_in_its_own_row_alone(site: Site, ann: User) -> None:
    _, secret, codes = await with_totp(site, ann)
    async with site.parts.engine.connect() as connection:
        kept = bytes(await connection.scalar(text("SELECT secret FROM totp_factors")))
        hashes = [bytes(row[0]) for row in await connection.execute(text("SELECT code_hash FROM recovery_codes"))]
    assert secret.encode() not in kept
    assert not any(code.encode() in b"".join(hashes) for code in codes)
    box = UserSecrets(site.parts)
    assert box.unwrap(kept, user_id=UserId(await user_id_of(site))).decode() == secret
    with pytest.raises(Unopenable):
        box.unwrap(kept, user_id=UserId(site.parts.ids.new()))


async def test_the_machine_resets_the_factors_of_who_lost_them(site: Site, ann: User) -> None:
    here, _, _ = await with_totp(site, ann)
    half = await half_open(site)
    by = By(user_id=None, ip=None, now=site.clock.now(), ids=site.parts.ids)
    async with site.parts.engine.begin() as connection:
        before = await reset_factors(connection, UserId(await user_id_of(site)), by=by)
    assert (before.has_totp, before.recovery_left) == (True, 10)
    assert (await here.get("/accounts"))[0] == 401
    assert (await half.get("/session"))[1]["second_step"] is None
    assert (await visitor(site).login())["user"]["username"] == "Ann"
    async with site.parts.engine.connect() as connection:
        noted = (await connection.execute(text("SELECT * FROM audit_entries WHERE action = 'factor.reset'"))).one()
    assert (noted.actor_kind, noted.before["totp"], noted.after["totp"]) == ("system", True, False)


async def test_every_deed_about_ones_own_ways_in_is_noted(site: Site, ann: User) -> None:
    here, secret, codes = await with_totp(site, ann)
    there = await half_open(site)
    await there.post("/login/second", {"code": "000000"})
    await there.post("/login/second", {"code": codes[0]})
    site.clock.offset += timedelta(minutes=11)
    await here.post("/session/step-up", {"code": code_of(secret, site)})
    await here.post("/session/totp/remove")
    async with site.parts.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, outcome, after FROM audit_entries WHERE object_kind = 'user' ORDER BY at, id")
        )
        rows = [(row.action, row.outcome, (row.after or {}).get("by")) for row in found]
    assert rows[1:] == [
        ("session.login", "done", "password"),
        ("factor.totp_begun", "done", None),
        ("factor.totp_added", "done", None),
        ("factor.recovery_made", "done", None),
        ("session.login", "refused", "code"),
        ("factor.recovery_used", "done", None),
        ("session.login", "done", "password, recovery"),
        ("session.step_up", "done", "code"),
        ("factor.totp_removed", "done", None),
    ]


async def user_id_of(site: Site) -> UUID:
    async with site.parts.engine.connect() as connection:
        return UUID(str(await connection.scalar(text("SELECT id FROM users WHERE username = 'Ann'"))))
