"""Arming over HTTP and in the owner's memory, on PostgreSQL: who may, what is missing, and each thing that ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from integration.web.kit import Site, User, keep_instruments, place_body, running_owner, with_settings
from tradewright.core.ids import IntentId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.core.risk import Effective, tightest
from tradewright.storage.bus import notify
from tradewright.trading.arming.gate import ArmingRule
from tradewright.trading.arming.keeper import ARMING_CHANNEL, ArmingKeeper
from tradewright.trading.arming.store import PostgresArmings
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.store import KillStore
from tradewright.trading.model import AccountRef, PlaceIntent
from tradewright.trading.risk.store import PostgresRiskStore

BTC = InstrumentId("linear", "BTCUSDT")
WAIT_S = 60.0
LIMITS = {"order_notional": "900", "position_notional": "2000", "daily_loss": "2"}
FACTS = {"uid": "7", "read_only": False, "permissions": {"Spot": ["SpotTrade"]}, "ips": ["1.1.1.1"], "expires_at": None}


@dataclass
class Live:
    """Ann's live account, in an installation that allows real trading."""

    site: Site
    ann: User
    connection_id: Any

    @property
    def path(self) -> str:
        return self.ann.account_path

    async def run(self, statement: str, **values: Any) -> list[Any]:
        async with self.site.parts.engine.begin() as connection:
            found = await connection.execute(text(statement), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    async def limits(self, **changes: str) -> None:
        limits = [{"name": name, "value": value} for name, value in (LIMITS | changes).items()]
        body = {"level": "account", "limits": limits, "confirmations": [*LIMITS, *changes, "LIVE"]}
        async with self.ann.http.put(f"{self.path}/limits", json=body) as response:
            assert response.status == 200, await response.text()

    async def state(self) -> Any:
        async with self.ann.http.get(f"{self.path}/arming") as response:
            assert response.status == 200
            return await response.json()

    async def arm(self, who: User | None = None, **changes: Any) -> tuple[int, Any]:
        id_ = str(self.site.parts.ids.new())
        body = {"id": id_, "phrase": "LIVE Main", "lasts_s": 3600, "confirm_above": "300", **changes}
        async with (who or self.ann).http.post(f"{self.path}/arming", json=body) as response:
            return response.status, await response.json()

    async def disarm(self, who: User | None = None) -> tuple[int, Any]:
        async with (who or self.ann).http.post(f"{self.path}/disarm") as response:
            return response.status, await response.json()

    async def audited(self) -> list[Any]:
        return await self.run(
            "SELECT action, actor_kind, before, after FROM audit_entries WHERE account_id = :account"
            " AND action LIKE 'account.%arm%' ORDER BY at, id",
            account=self.ann.account_id,
        )


@pytest_asyncio.fixture
async def live(site: Site, ann: User) -> Live:
    site.parts = with_settings(site.parts, real_trading=True)
    site.application.state.parts = site.parts
    account_id, connection_id = await site.add_account(ann, "live"), site.parts.ids.new()
    found = Live(site, replace(ann, account={"id": str(account_id)}), connection_id)
    given = {"id": connection_id, "workspace": ann.workspace_id, "account": account_id, "now": site.clock.now()}
    await found.run(
        "INSERT INTO connections (id, workspace_id, environment, name, region, state, key_shown, facts, account_id,"
        " created_at) VALUES (:id, :workspace, 'live', 'Main', 'global', 'ok', 'cdef', CAST(:facts AS jsonb), :account,"
        " :now)",
        **given,
        facts=json.dumps(FACTS),
    )
    await found.run(
        "INSERT INTO connection_keys (id, connection_id, workspace_id, sealed, stored_at)"
        " VALUES (:key, :id, :workspace, 'x', :now)",
        **{name: given[name] for name in ("id", "workspace", "now")},
        key=site.parts.ids.new(),
    )
    await found.run("UPDATE accounts SET connection_id = :id WHERE id = :account", id=connection_id, account=account_id)
    return found


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["field"]) for each in answer["problems"]]


# Arming and disarming.


async def test_what_is_missing_is_named_one_by_one_and_nothing_is_armed_before(live: Live) -> None:
    state = await live.state()
    assert (state["needed"], state["armed"], state["phrases"]) == (True, None, {"en": "LIVE Main", "ru": "ЛАЙВ Main"})
    parts, account = live.site.parts, AccountRef(live.ann.account_id, live.ann.workspace_id, "live", "7")
    stands = await PostgresArmings(parts.engine, account, clock=parts.clock, ids=parts.ids).standing()
    assert (stands.arming, stands.left_s) == (None, 0.0), "of what is not armed no time is left"
    unset = [("arming.limit_unset", f"limits.{name}") for name in LIMITS]
    assert [(each["code"], each["field"]) for each in state["missing"]] == unset
    status, answer = await live.arm(phrase="LIVE main", confirm_above="1001")
    wrong = [("arming.phrase_mismatch", "phrase"), ("arming.confirm_above_range", "confirm_above")]
    assert (status, codes(answer)) == (422, [*unset, *wrong])
    await live.limits()
    await live.run("UPDATE connections SET state = 'checking'")
    await KillStore(live.site.parts.engine, live.site.clock, live.site.parts.ids).pull(latch(live))
    status, answer = await live.arm()
    assert (status, codes(answer)) == (422, [("arming.key_not_good", "key"), ("arming.killed", "kill")])
    assert await live.audited() == []


async def test_an_owner_arms_and_a_trader_disarms_and_each_is_written_down_before_and_after(live: Live) -> None:
    await live.limits()
    trader = await live.site.second_user("trader", workspace=live.ann.workspace_id)
    stranger = await live.site.second_user("owner", username="Eve")
    assert [(await live.arm(who))[0] for who in (trader, stranger)] == [403, 404]
    id_ = str(live.site.parts.ids.new())
    armed = [await live.arm(id=id_, phrase="ЛАЙВ Main"), await live.arm(id=id_)]  # the same again is the same
    assert [(status, answer["armed"]["by"]) for status, answer in armed] == [(200, "Ann")] * 2
    assert await live.arm(lasts_s=60) != armed[0]  # another one takes its place
    for who in (stranger, trader, live.ann):
        status, answer = await live.disarm(who)
        assert status == (404 if who is stranger else 200)
    assert (answer["armed"], answer["ended"]["why"]) == (None, "disarmed")
    said = await live.audited()
    assert [(row["action"], row["actor_kind"], row["before"] is None) for row in said] == [
        ("account.arm", "user", True),
        ("account.disarm", "user", False),  # by the one that took its place
        ("account.arm", "user", False),
        ("account.disarm", "user", False),
    ]
    assert [row["after"]["armed_until"] is None for row in said] == [False, True, False, True]
    assert said[0]["after"]["limits"]["order_notional"] == "900"


async def test_arming_needs_a_fresh_proof_and_disarming_none(live: Live) -> None:
    await live.limits()
    live.site.clock.offset = timedelta(minutes=11)
    status, answer = await live.arm()
    assert (status, answer["code"]) == (403, "session.step_up_required")
    assert (await live.disarm())[0] == 200
    assert await live.audited() == []


@pytest.mark.parametrize("word", ["LIVE", "ЛАЙВ"])
async def test_a_limit_of_real_money_is_loosened_with_the_word_beside_its_name(live: Live, word: str) -> None:
    await live.limits()
    limits = [{"name": name, "value": value} for name, value in (LIMITS | {"order_notional": "901"}).items()]

    async def put(*said: str) -> tuple[int, Any]:
        body = {"level": "account", "limits": limits, "confirmations": said}
        async with live.ann.http.put(f"{live.path}/limits", json=body) as response:
            return response.status, await response.json()

    status, answer = await put("order_notional")
    assert (status, codes(answer)) == (422, [("limits.live_needed", "confirmations")])
    assert answer["problems"][0]["params"] == {"en": "LIVE", "ru": "ЛАЙВ"}
    assert [code for code, _ in codes((await put(word))[1])] == ["limits.confirmation_needed"]
    assert (await put("order_notional", word))[0] == 200


async def test_an_arming_lasts_thirty_days_at_most(live: Live) -> None:
    await live.limits()
    for lasts_s in (0, 4, 30 * 86_400 + 1):
        assert (await live.arm(lasts_s=lasts_s))[0] == 422
    status, answer = await live.arm(lasts_s=30 * 86_400)
    assert (status, answer["armed"]["until_ms"] - answer["armed"]["since_ms"]) == (200, 30 * 86_400_000)


async def test_where_the_installation_does_not_allow_it_nothing_is_armed(live: Live) -> None:
    await live.limits()
    live.site.application.state.parts = with_settings(live.site.parts, real_trading=False)
    status, answer = await live.arm()
    assert (status, answer["code"]) == (409, "account.real_trading_off")
    assert (await live.state())["real_trading"] is False


async def test_other_environments_need_no_arming(site: Site, ann: User) -> None:
    async with ann.http.get(f"{ann.account_path}/arming") as response:
        state = await response.json()
    assert (state["needed"], state["missing"], state["phrases"]) == (False, [], None)


# What ends it, as the account's owner notices.


class Watched:
    """The owner's side: the gate, and what keeps it."""

    def __init__(self, live: Live, *, real_trading: bool = True) -> None:
        parts = live.site.parts
        self.live, self.latches = live, 0
        self.account = AccountRef(live.ann.account_id, live.ann.workspace_id, "live", "7")
        self.limits: Effective | None = None
        self.rule = ArmingRule(
            parts.clock, real_trading=real_trading, limits=lambda: self.limits, latches=lambda: self.latches
        )
        store = PostgresArmings(parts.engine, self.account, clock=parts.clock, ids=parts.ids)
        self.keeper = ArmingKeeper(
            self.rule, store, parts.clock, real_trading=real_trading, latches=lambda: self.latches, bus=parts.bus
        )

    def said(self) -> str | None:
        id_ = IntentId(self.live.site.parts.ids.new())
        order = NewOrder(
            link_id=link_id_of(id_),
            instrument=BTC,
            side="Buy",
            order_type="Market",
            quantity=Decimal(1),
            price=None,
            time_in_force="IOC",
            reduce_only=False,
        )
        reducing = PlaceIntent(id=id_, state="proposed", order=replace(order, reduce_only=True), valid_until=None)
        assert self.rule.judge(reducing) is None
        found = self.rule.judge(PlaceIntent(id=id_, state="proposed", order=order, valid_until=None))
        return None if found is None else getattr(found, "reason", found).code

    async def until(self, code: str | None) -> None:
        async with asyncio.timeout(WAIT_S):
            while self.said() != code:
                self.limits = tightest(await PostgresRiskStore(self.live.site.parts.engine, self.account).levels())
                async with self.live.site.parts.engine.begin() as connection:
                    await notify(connection, ARMING_CHANNEL, str(self.account.id))
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watched(live: Live, *, real_trading: bool = True) -> AsyncIterator[Watched]:
    found = Watched(live, real_trading=real_trading)
    session: Any = SimpleNamespace(account=found.account, wake=lambda: None)
    task = asyncio.create_task(found.keeper.run(session))
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait([task])


def latch(live: Live) -> Latch:
    return Latch(
        id=live.site.parts.ids.new(),
        scope=Scope("account", live.ann.account_id),
        close_positions=False,
        pulled_at=live.site.clock.now(),
        pulled_by=None,
        via="cli",
    )


async def pull_and_release(live: Live) -> None:
    store, pulled = KillStore(live.site.parts.engine, live.site.clock, live.site.parts.ids), latch(live)
    await store.pull(pulled)
    await store.release(pulled.scope, None)


async def until_written(live: Live, count: int = 1) -> None:
    async with asyncio.timeout(WAIT_S):
        while len(await live.run("SELECT 1 FROM armings WHERE ended_at IS NOT NULL")) < count:
            await asyncio.sleep(0.02)


FACTS_AGAIN = f"UPDATE connections SET facts = '{json.dumps(FACTS)}'"
KEY_AGAIN = """INSERT INTO connection_keys (id, connection_id, workspace_id, sealed, stored_at)
SELECT gen_random_uuid(), id, workspace_id, 'x', clock_timestamp() FROM connections"""
# What ends an arming, why, and how it is put right again.
ENDS: dict[str, tuple[str, Any, str | None]] = {
    "its time": ("expired", "UPDATE armings SET armed_until = clock_timestamp() WHERE ended_at IS NULL", None),
    "another key": ("key_changed", "UPDATE connections SET key_changed_at = clock_timestamp()", None),
    "another row of keys": ("key_changed", "UPDATE connection_keys SET id = gen_random_uuid()", None),
    "no key": ("key_changed", "DELETE FROM connection_keys", KEY_AGAIN),
    "other permissions": (
        "key_changed",
        "UPDATE connections SET facts = jsonb_set(facts, '{permissions,Wallet}', '[\"AccountTransfer\"]')",
        FACTS_AGAIN,
    ),
    "another address": (
        "key_changed",
        "UPDATE connections SET facts = jsonb_set(facts, '{ips}', '[\"*\"]')",
        FACTS_AGAIN,
    ),
    "a looser limit": ("limits_loosened", lambda live: live.limits(order_notional="901"), None),
    "a limit that is gone": ("limits_loosened", "DELETE FROM risk_limits WHERE name = 'daily_loss'", None),
    "another role": (
        "role_changed",
        "UPDATE memberships SET role = 'trader'",
        "UPDATE memberships SET role = 'owner'",
    ),
    "a disabled user": (
        "role_changed",
        "UPDATE users SET disabled_at = clock_timestamp()",
        "UPDATE users SET disabled_at = NULL",
    ),
    "a kill, released": ("killed", pull_and_release, None),
    "no member": ("role_changed", "DELETE FROM memberships", None),
}


async def test_whatever_it_rested_on_ends_it_and_is_told(live: Live) -> None:
    lapsed: list[tuple[str, str]] = []
    async with watched(live) as owner:
        for name, (why, change, undo) in ENDS.items():
            await live.limits()
            assert (await live.arm())[0] == 200, name
            await owner.until(None)
            await (live.run(change) if isinstance(change, str) else change(live))
            await owner.until("account.not_armed")
            await until_written(live, 1 + len(lapsed))  # the gate hears first
            lapse = (await live.audited())[-1]
            assert (lapse["action"], lapse["actor_kind"]) == ("account.arming_lapsed", "system"), name
            assert lapse["before"]["armed_by"] == live.ann.session["user"]["id"]
            told = await live.run("SELECT payload FROM account_events WHERE kind = 'session' ORDER BY seq DESC LIMIT 1")
            assert told[0]["payload"]["account"]["armed"] is None
            lapsed.append((name, lapse["after"]["why"]))
            assert lapsed[-1] == (name, why)
            if undo is not None:
                await live.run(undo)
    ended = await live.run("SELECT ended_why FROM armings ORDER BY armed_at")
    assert [row["ended_why"] for row in ended] == [why for _, why in lapsed]


async def test_an_installation_that_allows_it_no_more_ends_it_and_another_word_does_not_bring_it_back(
    live: Live,
) -> None:
    await live.limits()
    assert (await live.arm())[0] == 200
    async with watched(live, real_trading=False) as owner:
        await owner.until("account.real_trading_off")
        await until_written(live)
    assert (await live.state())["ended"]["why"] == "real_trading_off"
    async with watched(live) as owner:
        await owner.until("account.not_armed")


async def test_what_makes_nothing_looser_and_a_check_that_finds_the_same_key_end_nothing(live: Live) -> None:
    await live.limits()
    assert (await live.arm())[0] == 200
    async with watched(live) as owner:
        await owner.until(None)
        await live.limits(order_notional="800")
        await live.run("UPDATE connection_keys SET sealed = NULL, data_key = 'y', secret = 'z'")
        await live.run("UPDATE connections SET state = 'ok', checked_at = clock_timestamp()")
        await owner.until(None)
    assert (await live.state())["ended"] is None


# Large orders of real money are typed once more.


async def test_a_large_order_by_hand_is_not_written_before_its_symbol_was_typed(live: Live) -> None:
    await keep_instruments(live.site.parts.engine, live.site.market, "live")
    await live.limits()
    assert (await live.arm(confirm_above="300"))[0] == 200
    large, small = place_body(quantity="0.010"), place_body(quantity="0.005")  # at 60,000: 600 and 300.0005 USDT

    async def post(body: Any, **changes: Any) -> tuple[int, Any]:
        async with live.ann.http.post(f"{live.path}/intents", json=body | changes) as response:
            return response.status, await response.json()

    async with running_owner(live.site, live.ann):
        for said in ({}, {"confirmation": "ETHUSDT"}):
            status, answer = await until_followed(post, large | said)
            assert (status, codes(answer)) == (422, [("order.confirmation_needed", "confirmation")])
            assert answer["params"] == {"expected": "BTCUSDT", "above": "300"}
        assert await live.site.count("intents") == 0
        assert (await post(large, confirmation="BTCUSDT"))[0] == 200
        assert (await post(large))[0] == 200  # the same wish: it was confirmed when it was made
        assert (await post(small))[0] == 422
        assert (await post(place_body(quantity="0.004")))[0] == 200
        amend = {"id": str(live.site.parts.ids.new()), "kind": "amend", "order_id": large["id"]}
        status, answer = await post(amend, quantity="0.011")
        assert (status, codes(answer)) == (422, [("order.confirmation_needed", "confirmation")])
        assert await live.site.count("intents") == 2


async def until_followed(post: Any, body: Any) -> tuple[int, Any]:
    """The answer once the live market is followed, which begins with its first account."""
    async with asyncio.timeout(WAIT_S):
        while True:
            status, answer = await post(body)
            if answer.get("code") not in ("market.no_account", "unavailable"):
                return status, answer
            await asyncio.sleep(0.05)
