"""A key that was added becomes an account, a refusal with its reason, or waits; the worker may die at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from contract.journal_worlds import make_home
from integration.connections.conftest import IDS, Desk, facts
from tradewright.connections.boxes import access_of, open_credentials
from tradewright.connections.model import Credentials
from tradewright.core.errors import ExchangeUnavailable, NotFound, Trace
from tradewright.core.ids import AccountId
from tradewright.exchange.bybit.errors import ProxyUnavailable
from tradewright.system import SystemClock
from tradewright.trading.provision import held_name
from tradewright.vault.wrapping import Unopenable

KEY = "key-one"
NOTHING = {"body_digest": None, "facts": None, "proxy_shown": None}


def refused_with(code: int, text: str = "no") -> ExchangeUnavailable:
    return ExchangeUnavailable(f"Bybit answered {code}", Trace(http_status=200, ret_code=code, ret_msg=text))


def http(status: int) -> ExchangeUnavailable:
    return ExchangeUnavailable(f"Bybit answered HTTP {status}", Trace(http_status=status))


def judged_401(code: int) -> ExchangeUnavailable:
    """HTTP 401 with the exchange's own envelope in it."""
    return ExchangeUnavailable("Bybit answered HTTP 401", Trace(http_status=401, ret_code=code, ret_msg="no"))


async def test_a_good_key_becomes_an_account_and_its_box_is_the_workers_own(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts(permissions={"ContractTrade": ("Order",), "Wallet": ()})]
    connection_id = await desk.add(proxy="socks5://u:p@proxy:1080")
    sealed = (await desk.boxes(connection_id))[0]
    async with desk.checking():
        found = await desk.concluded(connection_id)
    assert (found.state, found.reason, found.key_shown, found.proxy_shown) == (
        "ok",
        None,
        "one",
        "socks5://proxy:1080",
    )
    assert found.facts is not None
    assert (found.facts.uid, found.facts.ips) == ("700", ("*",))
    (account,) = await desk.accounts()
    assert (account.id, account.uid, account.resting) == (found.account_id, "700", False)
    assert (account.connection_id, account.categories) == (connection_id, ["linear"])
    (box,) = await desk.boxes(connection_id)
    assert (box.id, box.sealed) == (sealed.id, None)
    expected = Credentials.of(KEY, "secret-of-key-one", "socks5://u:p@proxy:1080")
    assert desk.exchange.asked == [expected]
    assert found.account_id is not None
    async with desk.engine.connect() as connection:
        access = await access_of(connection, desk.keyring, desk.workspace_id, found.account_id)
        assert (access.credentials, access.categories) == (expected, ("linear",))
        other = await make_home(desk.engine, IDS, SystemClock(), uid="2")
        with pytest.raises(NotFound):
            await access_of(connection, desk.keyring, other.workspace_id, found.account_id)
    trail = await desk.rows("SELECT action, outcome, actor_kind FROM audit_entries ORDER BY at, id")
    assert [tuple(row) for row in trail] == [
        ("connection.add", "asked", "user"),
        ("connection.checked", "ok", "exchange"),
    ]


@pytest.mark.parametrize(
    ("answer", "code", "is_wiped"),
    [
        (refused_with(10003, "API key is invalid."), "connection.key_unknown", True),
        (judged_401(10003), "connection.key_unknown", True),
        (judged_401(10004), "connection.secret_wrong", True),
        (refused_with(10004), "connection.secret_wrong", True),
        (refused_with(33004), "connection.key_expired", True),
        (refused_with(10010), "connection.ip_not_bound", False),
        (refused_with(10005), "connection.permission_missing", False),
        (refused_with(10024), "connection.region_refused", False),
        (facts(may_withdraw=True), "connection.may_withdraw", True),
        (facts(may_withdraw=True, read_only=True), "connection.may_withdraw", True),
        (facts(expires_at=datetime(2024, 1, 1, tzinfo=UTC)), "connection.key_expired", True),
        (facts(read_only=True, may_trade=False, permissions={}), "connection.permission_missing", False),
        (facts(may_trade=False, permissions={}), "connection.permission_missing", False),
        (facts(is_unified=False), "connection.not_unified", False),
    ],
)
async def test_a_key_that_is_not_right_is_refused_with_its_reason_and_makes_no_account(
    desk: Desk, answer: Any, code: str, is_wiped: bool
) -> None:
    desk.exchange.answers[KEY] = [answer]
    connection_id = await desk.add()
    async with desk.checking():
        found = await desk.concluded(connection_id)
    assert found.state == "refused"
    assert found.reason is not None
    assert found.reason.code == code
    assert (found.account_id, await desk.accounts()) == (None, [])
    boxes = await desk.boxes(connection_id)
    assert (boxes == []) == is_wiped, "what cannot become right, or is dangerous, is not kept"
    assert all(box.sealed is None for box in boxes)
    assert not is_wiped or await desk.remembered(connection_id) == NOTHING


@pytest.mark.parametrize(
    ("failure", "code", "waits_s"),
    [
        (ExchangeUnavailable("no connection"), "connection.unreachable", 1),
        (http(503), "connection.unreachable", 1),
        (refused_with(10006), "connection.unreachable", 1),
        (refused_with(424242), "connection.unreachable", 1),
        (http(401), "connection.unauthorized", 1),  # a gateway in between says it, too
        (http(403), "connection.address_blocked", 600),
        (ProxyUnavailable("through the proxy http://proxy:1: refused"), "connection.proxy_failed", 1),
    ],
)
async def test_an_exchange_that_does_not_answer_says_nothing_of_the_key_and_is_asked_again(
    desk: Desk, failure: Exception, code: str, waits_s: int
) -> None:
    desk.exchange.answers[KEY] = [failure, failure, facts()]
    connection_id = await desk.add()
    async with desk.checking():
        waiting = await desk.until(connection_id, lambda found: found.reason is not None)
        assert waiting.reason is not None
        assert (waiting.state, waiting.reason.code, waiting.checked_at) == ("checking", code, None)
        ((due,),) = await desk.rows("SELECT next_check_at FROM connections")
        assert due >= waiting.created_at + timedelta(seconds=waits_s)
        assert len(desk.exchange.asked) == 1, "not again before its time"
        desk.clock.ahead += 700
        await desk.until(connection_id, lambda _found: len(desk.exchange.asked) == 2)
        desk.clock.ahead += 700
        assert (await desk.concluded(connection_id)).state == "ok"


async def test_a_check_that_was_cut_off_by_a_death_is_done_by_the_next_worker(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts()]
    desk.exchange.gate.clear()
    connection_id = await desk.add()
    async with desk.checking():
        await desk.until(connection_id, lambda _found: len(desk.exchange.asked) == 1)
    assert (await desk.read(connection_id)).state == "checking"
    desk.exchange.gate.set()
    async with desk.checking():
        assert (await desk.concluded(connection_id)).state == "ok"
    assert len(await desk.accounts()) == 1


async def test_an_exchange_account_is_connected_once_in_an_installation(desk: Desk) -> None:
    desk.exchange.answers = {KEY: [facts()], "key-two": [facts()], "key-three": [facts()]}
    other = await make_home(desk.engine, IDS, SystemClock(), uid="2")
    async with desk.checking():
        first = await desk.add()
        assert (await desk.concluded(first)).state == "ok"
        second = await desk.add("key-two")
        third = await desk.add("key-three", workspace_id=other.workspace_id)
        for connection_id, workspace_id in ((second, desk.workspace_id), (third, other.workspace_id)):
            found = await desk.concluded(connection_id, workspace_id)
            assert found.reason is not None
            assert (found.state, found.reason.code) == ("refused", "connection.already_owned")
            assert found.account_id is None
            assert await desk.boxes(connection_id) == []
    assert len(await desk.accounts()) == 1


async def test_an_account_that_is_added_again_is_the_account_it_was(desk: Desk) -> None:
    desk.exchange.answers = {KEY: [facts()], "key-two": [facts()]}
    async with desk.checking():
        first = await desk.concluded(await desk.add())
        removed = await desk.remove(first.id)
        assert removed.state == "removed"
        assert await desk.boxes(first.id) == []
        assert await desk.remembered(first.id) == NOTHING
        (resting,) = await desk.accounts()
        assert resting.resting
        second = await desk.concluded(await desk.add("key-two"))
    (account,) = await desk.accounts()
    assert (account.id, account.resting, account.connection_id) == (first.account_id, False, second.id)
    assert second.account_id == first.account_id
    assert (await desk.remove(first.id)).state == "removed", "harmless twice, and the new one goes on"
    assert not (await desk.accounts())[0].resting


async def test_what_was_removed_while_it_was_checked_stays_removed(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts()]
    desk.exchange.gate.clear()
    async with desk.checking():
        connection_id = await desk.add()
        await desk.until(connection_id, lambda _found: len(desk.exchange.asked) == 1)
        await desk.remove(connection_id)
        desk.exchange.gate.set()
        other = await desk.add("key-two", id=IDS.new())
        desk.exchange.answers["key-two"] = [facts(uid="701")]
        await desk.concluded(other)
    assert (await desk.read(connection_id)).state == "removed"
    assert [account.uid for account in await desk.accounts()] == ["701"]


async def test_checked_again_a_key_goes_on_serving_until_the_exchange_says_otherwise(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts(), ExchangeUnavailable("away"), facts(may_withdraw=True)]
    async with desk.checking():
        connection_id = await desk.add()
        first = await desk.concluded(connection_id)
        assert first.account_id is not None
        await desk.check_again(connection_id)
        ((due,),) = await desk.rows("SELECT next_check_at FROM connections")
        assert due > desk.clock.now() + timedelta(seconds=3), "not at once after the last answer"
        desk.clock.ahead += 6
        await desk.until(connection_id, lambda found: found.reason is not None)
        assert not (await desk.accounts())[0].resting
        async with desk.engine.connect() as connection:
            access = await access_of(connection, desk.keyring, desk.workspace_id, first.account_id)
        assert access.credentials.key == KEY
        await desk.check_again(connection_id)
        found = await desk.concluded(connection_id)
    assert found.reason is not None
    assert (found.state, found.reason.code) == ("refused", "connection.may_withdraw")
    assert found.account_id == first.account_id
    assert (await desk.accounts())[0].resting
    assert await desk.boxes(connection_id) == []


async def test_a_refused_key_that_was_put_right_at_the_exchange_is_taken_when_checked_again(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [refused_with(10010), facts()]
    async with desk.checking():
        connection_id = await desk.add()
        assert (await desk.concluded(connection_id)).state == "refused"
        await desk.check_again(connection_id)
        desk.clock.ahead += 6
        assert (await desk.concluded(connection_id)).state == "ok"


async def test_a_stopped_account_goes_on_once_its_key_was_checked_again_and_found_good(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts(), facts()]
    async with desk.checking():
        connection_id = await desk.add()
        found = await desk.concluded(connection_id)
        stop = """{"exchange_code": 10010, "exchange_text": "Unmatched IP", "since_ms": 1}"""
        async with desk.engine.begin() as connection:
            await connection.execute(
                text("UPDATE accounts SET stopped = CAST(:stop AS jsonb) WHERE uid = '700'"), {"stop": stop}
            )
        await desk.check_again(connection_id)
        desk.clock.ahead += 6
        assert (await desk.concluded(connection_id)).account_id == found.account_id
        assert [tuple(row) for row in await desk.rows("SELECT stopped FROM accounts WHERE uid = '700'")] == [(None,)]


async def test_asking_again_does_not_break_the_silence_that_a_blocked_address_owes(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [http(403)]
    connection_id = await desk.add()
    async with desk.checking():
        await desk.until(connection_id, lambda found: found.reason is not None)
        await desk.check_again(connection_id)
        ((due,),) = await desk.rows("SELECT next_check_at FROM connections")
        assert due > desk.clock.now() + timedelta(minutes=9)
        found = await desk.read(connection_id)
        assert found.reason is not None
        assert (found.state, found.reason.code) == ("checking", "connection.address_blocked")


async def test_a_box_that_was_moved_to_another_connection_does_not_open(desk: Desk) -> None:
    desk.exchange.answers = {KEY: [facts()], "key-two": [facts(uid="701")]}
    mine, theirs = await desk.add(), await desk.add("key-two")
    async with desk.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE connection_keys SET sealed = other.sealed FROM connection_keys AS other"
                " WHERE connection_keys.connection_id = :mine AND other.connection_id = :theirs"
            ),
            {"mine": mine, "theirs": theirs},
        )
    async with desk.checking():
        found = await desk.concluded(mine)
        assert (await desk.concluded(theirs)).state == "ok"
    assert found.reason is not None
    assert (found.state, found.reason.code) == ("refused", "vault.unopenable")
    assert len(await desk.boxes(mine)) == 1, "what does not open is not deleted"
    assert [asked.key for asked in desk.exchange.asked] == ["key-two"], "nobody was asked about what did not open"
    async with desk.engine.connect() as connection:
        with pytest.raises(Unopenable):
            await open_credentials(connection, desk.keyring, desk.workspace_id, mine)


async def test_a_bug_in_one_check_is_said_and_leaves_the_other_keys_and_the_worker_alone(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.exchange.answers = {KEY: [ZeroDivisionError("canary"), facts()], "key-two": [facts(uid="701")]}
    mine = await desk.add()
    async with desk.checking():
        found = await desk.until(mine, lambda found: found.reason is not None)
        assert found.reason is not None
        assert (found.state, found.reason.code) == ("checking", "connection.check_failed")
        assert (found.reason.params, found.reason.detail) == ({"error": "ZeroDivisionError"}, None)
        assert (await desk.concluded(await desk.add("key-two"))).state == "ok"
        desk.clock.ahead += 700
        assert (await desk.concluded(mine)).state == "ok", "the key was kept, and is asked about again"
    assert "Traceback" in capsys.readouterr().out


async def test_a_row_that_cannot_be_read_holds_checks_up_and_ends_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.exchange.answers[KEY] = [facts()]
    connection_id = await desk.add()
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE connections SET facts = '{}'"))
    async with desk.checking():  # asserts at its end that the checker still ran
        said = ""
        async with asyncio.timeout(60):
            while "connections.unread" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().out
        async with desk.engine.begin() as connection:
            await connection.execute(text("UPDATE connections SET facts = NULL"))
        assert (await desk.concluded(connection_id)).state == "ok"


async def test_an_account_that_an_acceptance_uses_is_not_woken_by_a_check_before_its_end(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts()]
    async with desk.checking():
        first = await desk.concluded(await desk.add())
        assert first.account_id is not None
        async with held(desk, first.account_id):
            await desk.check_again(first.id)
            desk.clock.ahead += 6
            waiting = await desk.until(first.id, lambda found: found.reason is not None)
            assert waiting.reason is not None
            assert (waiting.state, waiting.reason.code) == ("checking", "connection.account_held")
            assert (await desk.accounts())[0].resting
        desk.clock.ahead += 700
        assert (await desk.concluded(first.id)).state == "ok"
        assert not (await desk.accounts())[0].resting


async def test_after_an_acceptance_an_account_wakes_unless_its_connection_was_removed_or_refused_meanwhile(
    desk: Desk,
) -> None:
    desk.exchange.answers = {KEY: [facts()], "key-two": [facts(uid="701"), facts(uid="701", may_withdraw=True)]}
    async with desk.checking():
        removed, refused = await desk.concluded(await desk.add()), await desk.concluded(await desk.add("key-two"))
        assert removed.account_id is not None
        assert refused.account_id is not None
        for each in (removed, refused):
            await desk.let_rest(each.account_id)
            assert await desk.wake(each.account_id, each.id)
            await desk.let_rest(each.account_id)
        assert [account.resting for account in await desk.accounts()] == [True, True]
        await desk.remove(removed.id)
        await desk.check_again(refused.id)
        desk.clock.ahead += 6
        assert (await desk.concluded(refused.id)).state == "refused"
        for each in (removed, refused):
            assert not await desk.wake(each.account_id, each.id)
    assert [account.resting for account in await desk.accounts()] == [True, True]


@contextlib.asynccontextmanager
async def held(desk: Desk, account_id: AccountId) -> AsyncIterator[None]:
    """As `tradewright accept` holds it: the lock first, then the rest."""
    name = {"name": held_name(account_id)}
    async with desk.engine.connect() as holding:
        assert await holding.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), name)
        await desk.let_rest(account_id)
        yield
        await holding.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), name)
