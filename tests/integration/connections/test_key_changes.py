"""Another key, region or proxy takes the place of the one in force only once the exchange has said that it is good."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from integration.connections.conftest import IDS, Desk, facts
from tradewright.connections import changes
from tradewright.connections.change_model import ChangeConflict, NothingChanged
from tradewright.connections.model import Connection, ConnectionRemoved, Credentials, KeyWiped
from tradewright.core.errors import ExchangeUnavailable, InvalidInput, NotFound, Trace
from tradewright.core.ids import WorkspaceId
from tradewright.trading.provision import rename_account

KEY, NEXT = "key-one", "key-two"
PROXY = "socks5://u:p@proxy:1080"


def judged(code: int) -> ExchangeUnavailable:
    return ExchangeUnavailable(f"Bybit answered {code}", Trace(http_status=200, ret_code=code, ret_msg="no"))


async def taken(desk: Desk, **more: Any) -> Connection:
    desk.exchange.answers.setdefault(KEY, [facts()])
    return await desk.concluded(await desk.add(**more))


async def ended(desk: Desk, connection: Connection) -> Connection:
    """Once the change was taken or refused."""
    return await desk.until(connection.id, lambda found: found.change is None or found.change.state == "refused")


async def way(desk: Desk) -> int:
    ((found,),) = await desk.rows("SELECT way FROM accounts WHERE environment <> 'sim'")
    return int(found)


async def test_a_new_key_of_the_same_account_takes_the_old_ones_place_and_keeps_the_proxy(desk: Desk) -> None:
    desk.exchange.answers[NEXT] = [facts(ips=("10.0.0.1",))]
    async with desk.checking():
        known = await taken(desk, proxy=PROXY)
        desk.exchange.gate.clear()
        asked = await desk.change(known.id, NEXT)
        assert (asked.state, asked.key_shown) == ("ok", "one"), "the old one is in force until the answer"
        assert asked.change is not None
        assert (asked.change.state, asked.change.key_shown) == ("checking", "two")
        assert await desk.credentials(known.id) == Credentials.of(KEY, f"secret-of-{KEY}", PROXY)
        desk.exchange.gate.set()
        found = await ended(desk, known)
    assert (found.state, found.change, found.key_shown, found.proxy_shown) == ("ok", None, "two", "socks5://proxy:1080")
    assert found.facts is not None
    assert found.facts.ips == ("10.0.0.1",)
    assert found.account_id == known.account_id
    assert await desk.credentials(known.id) == Credentials.of(NEXT, f"secret-of-{NEXT}", PROXY)
    assert desk.exchange.asked[-1] == Credentials.of(NEXT, f"secret-of-{NEXT}", PROXY)
    assert await way(desk) == 0, "the running session goes on with the new key"
    assert await desk.rows("SELECT 1 FROM connection_changes") == []
    trail = await desk.rows(
        "SELECT action, outcome FROM audit_entries WHERE object_kind = 'connection' ORDER BY at, id"
    )
    assert [tuple(row) for row in trail][2:] == [("connection.change", "asked"), ("connection.change_checked", "ok")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (facts(may_withdraw=True), "connection.may_withdraw"),
        (facts(read_only=True, may_trade=False), "connection.read_only_change"),
        (facts(uid="701"), "connection.other_account"),
        (judged(10003), "connection.key_unknown"),
        (judged(10010), "connection.ip_not_bound"),
    ],
)
async def test_a_key_that_is_not_taken_leaves_the_old_one_in_force_and_is_wiped(
    desk: Desk, answer: Any, code: str
) -> None:
    desk.exchange.answers[NEXT] = [answer]
    async with desk.checking():
        known = await taken(desk)
        await desk.change(known.id, NEXT)
        found = await ended(desk, known)
        assert found.change is not None
        assert found.change.reason is not None
        assert (found.change.reason.code, found.state, found.key_shown) == (code, "ok", "one")
        assert [account.resting for account in await desk.accounts()] == [False]
        assert len(await desk.accounts()) == 1
        assert await desk.credentials(known.id) == Credentials.of(KEY, f"secret-of-{KEY}", None)
        assert [row.sealed for row in await desk.rows("SELECT sealed FROM connection_changes")] == [None]
        await desk.check_again(known.id)
        desk.clock.ahead += 6
        assert (await desk.until(known.id, lambda each: each.state == "ok")).state == "ok"


async def test_a_change_that_gets_no_answer_waits_and_can_be_given_up_or_replaced(desk: Desk) -> None:
    desk.exchange.answers[NEXT] = [ExchangeUnavailable("nobody is there", Trace())]
    desk.exchange.answers["key-three"] = [facts()]
    async with desk.checking():
        known = await taken(desk)
        await desk.change(known.id, NEXT)
        found = await desk.until(known.id, lambda each: each.change is not None and each.change.reason is not None)
        assert found.change is not None
        assert (found.state, found.change.state) == ("ok", "checking")
        await desk.change(known.id, "key-three")
        found = await ended(desk, known)
        assert (found.change, found.key_shown) == (None, "hree")
        await desk.change(known.id, NEXT)
        async with desk.engine.begin() as connection:
            found = await changes.drop_change(
                connection, desk.workspace_id, known.id, actor=desk.actor, clock=desk.clock, ids=IDS
            )
        assert (found.change, found.key_shown) == (None, "hree")


async def test_region_and_proxy_change_without_the_key_and_open_the_session_anew(desk: Desk) -> None:
    async with desk.checking():
        known = await taken(desk, proxy=PROXY, environment="testnet")
        await desk.change(known.id, region="jp", proxy=None)
        found = await ended(desk, known)
        assert (found.change, found.region, found.proxy_shown, found.key_shown) == (None, "jp", None, "one")
        assert await desk.credentials(known.id) == Credentials.of(KEY, f"secret-of-{KEY}", None)
        assert await way(desk) == 1


async def test_a_new_key_brings_back_a_connection_whose_key_was_wiped_with_its_account(desk: Desk) -> None:
    desk.exchange.answers[KEY] = [facts(), facts(may_withdraw=True)]
    desk.exchange.answers[NEXT] = [facts(uid="701"), facts()]
    async with desk.checking():
        known = await taken(desk)
        await desk.check_again(known.id)
        desk.clock.ahead += 6
        assert (await desk.concluded(known.id)).state == "refused"
        with pytest.raises(KeyWiped):
            await desk.change(known.id, proxy=None)
        await desk.change(known.id, NEXT)
        found = await ended(desk, known)
        assert found.change is not None
        assert found.change.reason is not None
        assert found.change.reason.code == "connection.other_account", "also when only the account knows whose it was"
        await desk.change(known.id, NEXT)
        found = await ended(desk, known)
    assert (found.state, found.account_id) == ("ok", known.account_id)
    assert [account.resting for account in await desk.accounts()] == [False]


async def test_what_is_asked_wrongly_changes_nothing(desk: Desk) -> None:
    async with desk.checking():
        known = await taken(desk)
    with pytest.raises(NothingChanged):
        await desk.change(known.id, region="global")
    with pytest.raises(InvalidInput) as caught:
        await desk.change(known.id, "a b", region="nowhere", proxy="not-a-proxy")
    assert [(each.code, each.field) for each in caught.value.problems] == [
        ("connection.key_text", "key"),
        ("connection.secret_text", "secret"),
        ("connection.proxy_invalid", "proxy"),
        ("connection.region_unknown", "region"),
    ]
    assert "secret-of" not in str(caught.value) + repr(caught.value.problems)
    with pytest.raises(NotFound):
        await desk.change(uuid4(), NEXT)
    same = uuid4()
    first = await desk.change(known.id, NEXT, id=same)
    assert await desk.change(known.id, "key-three", id=same) == first, "the same id is the same change"
    other = await desk.add("key-four")
    with pytest.raises(ChangeConflict):
        await desk.change(other, NEXT, id=same)
    await desk.remove(known.id)
    with pytest.raises(ConnectionRemoved):
        await desk.change(known.id, NEXT)
    assert await desk.rows("SELECT 1 FROM connection_changes WHERE sealed IS NOT NULL") == []


async def test_a_connection_is_renamed_with_its_account_and_by_its_own_workspace_alone(desk: Desk) -> None:
    async with desk.checking():
        known = await taken(desk)

    async def rename(name: str, workspace_id: WorkspaceId = desk.workspace_id) -> Connection:
        async with desk.engine.begin() as connection:
            return await changes.rename_connection(
                connection,
                workspace_id,
                known.id,
                name=name,
                rename_account=rename_account,
                actor=desk.actor,
                clock=desk.clock,
                ids=IDS,
            )

    assert (await rename("Другое имя")).name == "Другое имя"
    assert [row.name for row in await desk.rows("SELECT name FROM accounts WHERE environment = 'demo'")] == [
        "Другое имя"
    ]
    with pytest.raises(NotFound):
        await rename("Mallory's", WorkspaceId(uuid4()))
    with pytest.raises(InvalidInput):
        await rename("  ")
