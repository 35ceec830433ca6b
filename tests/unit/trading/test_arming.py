"""Arming: the gate before each send of real money, in memory, and what ends an arming."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tradewright.core.ids import AccountId, IntentId, UserId, WorkspaceId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder, PositionExits
from tradewright.core.risk import LIMITS_KEPT, Effective, Limits, default_limits, loosened
from tradewright.trading.arming.gate import KNOWN_FOR_S, Armed, ArmingRule
from tradewright.trading.arming.model import (
    LIMITS_NEEDED,
    Arming,
    ArmingEnd,
    KeySeen,
    Standing,
    key_mark,
    limits_as_json,
    limits_of_json,
    over,
    phrases,
    unset_limits,
)
from tradewright.trading.beside import Held
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
)
from tradewright.trading.session import AccountSession

BTC = InstrumentId("linear", "BTCUSDT")
LIMITS = Limits(order_notional=Decimal(500), position_notional=Decimal(1000), daily_loss=Decimal(2))


def place(**changes: Any) -> PlaceIntent:
    id_ = IntentId(uuid4())
    fields: dict[str, Any] = {
        "link_id": link_id_of(id_),
        "instrument": BTC,
        "side": "Buy",
        "order_type": "Market",
        "quantity": Decimal(1),
        "price": None,
        "time_in_force": "IOC",
        "reduce_only": False,
    }
    return PlaceIntent(id=id_, state="proposed", order=NewOrder(**(fields | changes)), valid_until=None)


def of(kind: type[Any], **fields: Any) -> Any:
    common = {"id": IntentId(uuid4()), "state": "proposed", "valid_until": None, "is_behind": False}
    return kind(**(common | fields))


AMEND = {"target_id": uuid4(), "instrument": BTC, "target_link_id": None, "target_exchange_order_id": None}
OPENING: list[Intent] = [
    place(),
    of(AmendIntent, **AMEND, target_final=False, asked=None, change=None, reduces=False),
    of(LeverageIntent, instrument=BTC, leverage=Decimal(3)),
    of(PositionModeIntent, instrument=BTC, hedge=True),
    of(MarginModeIntent, mode="ISOLATED_MARGIN"),
    of(ExitsIntent, instrument=BTC, exits=PositionExits(stop_loss=Decimal(0)), reduces=False),
]
REDUCING: list[Intent] = [
    place(reduce_only=True),
    of(AmendIntent, **AMEND, target_final=False, asked=None, change=None, reduces=True),
    of(ExitsIntent, instrument=BTC, exits=PositionExits(stop_loss=Decimal(50_000)), reduces=True),
    CancelIntent(id=IntentId(uuid4()), state="proposed", **AMEND, target_final=False),
]


class Gate:
    """A rule whose clock, limits and latches a test moves."""

    def __init__(self, *, real_trading: bool = True) -> None:
        self.now_s = 100.0
        self.limits: Limits | None = LIMITS
        self.latches = 0
        clock: Any = SimpleNamespace(monotonic=lambda: self.now_s)
        self.rule = ArmingRule(
            clock,
            real_trading=real_trading,
            limits=lambda: None if self.limits is None else Effective(self.limits, {}),
            latches=lambda: self.latches,
        )

    def arm(self, *, left_s: float = 3600.0) -> None:
        self.rule.know(Armed(self.now_s + left_s, LIMITS, self.latches), read_s=self.now_s)

    def said(self) -> set[str | None]:
        """What is said to everything that opens, one after another."""
        found = [self.rule.judge(intent) for intent in OPENING]
        return {None if one is None else one.reason.code if isinstance(one, Held) else one.code for one in found}

    def reduces(self) -> bool:
        return all(self.rule.judge(intent) is None for intent in REDUCING)


def test_nothing_that_opens_goes_before_it_is_known_to_be_armed_and_all_that_reduces_does() -> None:
    gate = Gate()
    assert gate.said() == {"account.arming_unread"}
    gate.rule.know(None, read_s=gate.now_s)
    assert gate.said() == {"account.not_armed"}
    gate.arm()
    assert gate.said() == {None}
    assert gate.reduces()


def test_an_arming_ends_by_itself_at_its_time_without_anybody_reading_anything() -> None:
    gate = Gate()
    gate.arm(left_s=2.0)
    gate.now_s += 1.999
    assert gate.said() == {None}
    gate.now_s += 0.001
    assert gate.said() == {"account.not_armed"}
    assert gate.reduces()


def test_what_was_not_read_lately_is_not_known() -> None:
    """The database is away: what opens waits, and expires."""
    gate = Gate()
    gate.arm()
    gate.now_s += KNOWN_FOR_S
    assert gate.said() == {None}
    gate.now_s += 0.001
    assert gate.said() == {"account.arming_unread"}
    assert gate.reduces()


def test_the_installations_word_decides_before_any_arming() -> None:
    gate = Gate(real_trading=False)
    gate.arm()
    assert gate.said() == {"account.real_trading_off"}
    assert gate.reduces()


def test_a_latch_that_came_and_went_since_the_arming_was_read_lets_nothing_open() -> None:
    gate = Gate()
    gate.arm()
    gate.latches += 2
    assert gate.said() == {"account.arming_unread"}
    assert gate.reduces()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_notional": Decimal(501)}, "account.not_armed"),
        ({"daily_loss": None}, "account.not_armed"),
        ({"order_notional": Decimal(499), "symbols": frozenset({"BTCUSDT"})}, None),
    ],
)
def test_a_limit_that_allows_more_than_when_it_was_armed_closes_the_gate_at_once(
    change: dict[str, Any], code: str | None
) -> None:
    gate = Gate()
    gate.arm()
    gate.limits = replace(LIMITS, **change)
    assert gate.said() == {code}
    gate.limits = None  # not read yet
    assert gate.said() == {"account.arming_unread"}


def test_no_session_of_a_live_account_is_built_without_the_gate() -> None:
    parts: Any = SimpleNamespace(account=SimpleNamespace(id="a", environment="live"), rules=[])
    with pytest.raises(AssertionError, match="whether it is armed"):
        AccountSession(parts)


# What ends an arming.

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEY = KeySeen(connection_id=uuid4(), name="Main", state="ok", mark="m")
ARMING = Arming(
    id=uuid4(),
    workspace_id=WorkspaceId(uuid4()),
    account_id=AccountId(uuid4()),
    armed_by=UserId(uuid4()),
    armed_at=NOW,
    armed_until=NOW + timedelta(days=1),
    confirm_above=Decimal(100),
    limits=LIMITS,
    key_mark="m",
)
STANDING = Standing(
    arming=ARMING,
    left_s=60.0,
    role="owner",
    armed_by_name="anna",
    key=KEY,
    is_killed=False,
    levels=[("installation", default_limits("live")), ("account", LIMITS)],
)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"left_s": 0.0}, "expired"),
        ({"role": "trader"}, "role_changed"),
        ({"role": None}, "role_changed"),
        ({"key": None}, "key_changed"),
        ({"key": replace(KEY, mark="another")}, "key_changed"),
        ({"is_killed": True}, "killed"),
        ({"levels": [("installation", default_limits("live"))]}, "limits_loosened"),
        ({"levels": [("account", replace(LIMITS, daily_loss=Decimal(1)))]}, None),
    ],
)
def test_whatever_it_rested_on_ends_it(change: dict[str, Any], why: ArmingEnd | None) -> None:
    arming = replace(ARMING, limits=STANDING.limits if "levels" not in change else LIMITS)
    assert over(replace(STANDING, arming=arming, **change), real_trading=True) == why
    assert over(replace(STANDING, arming=arming, **change), real_trading=False) in ("real_trading_off", "killed")


def test_a_key_is_another_one_by_itself_its_connection_and_by_what_the_exchange_says_of_it() -> None:
    connection, key = UUID(int=1), UUID(int=2)
    facts = {"permissions": {"Spot": ["a", "b"], "Wallet": []}, "ips": ["1.1.1.1", "2.2.2.2"], "read_only": False}
    turned = {"read_only": False, "ips": ["2.2.2.2", "1.1.1.1"], "permissions": {"Wallet": [], "Spot": ["b", "a"]}}
    mark = key_mark(connection, key, NOW, "cdef", facts)
    assert key_mark(connection, key, NOW, "cdef", turned) == mark
    others = [
        key_mark(UUID(int=3), key, NOW, "cdef", facts),
        key_mark(connection, UUID(int=3), NOW, "cdef", facts),
        key_mark(connection, None, NOW, "cdef", facts),
        key_mark(connection, key, NOW + timedelta(microseconds=1), "cdef", facts),
        key_mark(connection, key, None, "cdef", facts),
        key_mark(connection, key, NOW, "cdeg", facts),
        key_mark(connection, key, NOW, "cdef", {**facts, "ips": ["*"]}),
        key_mark(connection, key, NOW, "cdef", {**facts, "permissions": {"Spot": ["a"], "Wallet": []}}),
        key_mark(connection, key, NOW, "cdef", None),
    ]
    assert len({mark, *others}) == 1 + len(others)


def test_the_defaults_of_real_money_are_stricter_than_any_other() -> None:
    live, demo = default_limits("live"), default_limits("demo")
    assert not loosened(demo, live)
    assert set(LIMITS_KEPT) <= set(limits_as_json(live))
    assert all(live.amount(name) < demo.amount(name) for name in (*LIMITS_NEEDED, "leverage", "total_notional"))  # type: ignore[operator]


def test_a_limit_counts_as_set_when_it_is_said_of_the_account_and_decides() -> None:
    usual = default_limits("live")
    base = ("installation", usual)

    def unset(**own: Decimal) -> list[str]:
        return list(unset_limits([base, ("account", Limits(**own))]))  # type: ignore[arg-type,list-item]

    wanted = {"order_notional": Decimal(500), "position_notional": Decimal(900), "daily_loss": Decimal(1)}
    assert unset() == list(LIMITS_NEEDED)
    assert unset(**wanted) == []
    assert unset(**{**wanted, "daily_loss": usual.daily_loss or Decimal(0)}) == ["daily_loss"]  # the default itself
    assert unset(**{**wanted, "order_notional": Decimal(10**6)}) == ["order_notional"]  # the default decides


def test_limits_are_kept_to_the_digit_and_the_phrase_names_the_connection() -> None:
    kept = replace(default_limits("live"), daily_loss=Decimal("1.50"), symbols=frozenset({"BTCUSDT", "ETHUSDT"}))
    assert limits_of_json(limits_as_json(kept)) == kept
    assert dict(phrases("Мой счёт")) == {"en": "LIVE Мой счёт", "ru": "ЛАЙВ Мой счёт"}
