"""Promise K3: of every combination of what a key may do, one that may withdraw is refused and wiped; what it may trade
besides, or whether it only reads, is no way around. One that only reads is taken, and said to be one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tradewright.connections.model import ShownFacts
from tradewright.connections.verdicts import Good, RefusedKey, judge, warnings_of
from tradewright.exchange.bybit import codec
from tradewright.exchange.bybit.wire import KeyRow

NOW = datetime(2026, 11, 27, tzinfo=UTC)
# Bybit's names, by their group.
NAMES = (
    ("ContractTrade", "Order"),
    ("ContractTrade", "Position"),
    ("Spot", "SpotTrade"),
    ("Wallet", "AccountTransfer"),
    ("Wallet", "SubMemberTransfer"),
    ("Wallet", "Withdraw"),
    ("Options", "OptionsTrade"),
    ("Derivatives", "DerivativesTrade"),
    ("Exchange", "ExchangeHistory"),
)


def key_row(chosen: tuple[bool, ...], read_only: bool) -> KeyRow:
    permissions: dict[str, list[str] | None] = {group: [] for group, _ in NAMES}
    for (group, name), is_there in zip(NAMES, chosen, strict=True):
        if is_there:
            permissions[group] = [*(permissions[group] or []), name]
    return KeyRow(userID=700, readOnly=int(read_only), permissions=permissions, ips=["*"], uta=1)


def test_whatever_else_a_key_may_do_one_that_may_withdraw_is_refused_and_wiped() -> None:
    taken = 0
    for *chosen, read_only in product((False, True), repeat=len(NAMES) + 1):
        verdict = judge(codec.key_facts(key_row(tuple(chosen), read_only)), NOW)
        may = {name for (_, name), is_there in zip(NAMES, chosen, strict=True) if is_there}
        if "Withdraw" in may:
            assert isinstance(verdict, RefusedKey)
            assert (verdict.fault.code, verdict.for_good) == ("connection.may_withdraw", True), may
        elif may & {"Order", "SpotTrade"}:
            assert verdict == Good(), may
            taken += 1
        else:
            assert isinstance(verdict, RefusedKey), may
    assert taken == 2 * 2**6 * 3  # of Order and SpotTrade at least one; the other six but Withdraw as they like


def shown(
    ips: tuple[str, ...], days: float | None, names: tuple[str, ...] = (), *, read_only: bool = False
) -> ShownFacts:
    expires_at = None if days is None else NOW + timedelta(days=days)
    return ShownFacts(uid="700", read_only=read_only, permissions={"Wallet": names}, ips=ips, expires_at=expires_at)


@pytest.mark.parametrize(
    ("facts", "environment", "codes"),
    [
        (shown(("10.0.0.1",), None), "live", []),
        (shown(("*",), None), "demo", ["connection.ip_unbound"]),
        (shown((), 8), "live", ["connection.ip_unbound"]),
        (shown((), 7), "live", ["connection.expires_soon", "connection.ip_unbound"]),
        (shown(("10.0.0.1",), -1), "live", ["connection.expires_soon"]),
        (shown(("10.0.0.1",), 90, ("AccountTransfer",)), "live", ["connection.may_transfer"]),
        (shown(("*",), None), "sim", []),
        (
            shown(("*",), 1, read_only=True),
            "demo",
            ["connection.read_only", "connection.expires_soon", "connection.ip_unbound"],
        ),
        (shown(("*",), None, read_only=True), "sim", ["connection.read_only"]),
    ],
)
def test_what_could_be_safer_is_said(facts: ShownFacts, environment: str, codes: list[str]) -> None:
    assert [each.code for each in warnings_of(facts, environment, NOW)] == codes  # type: ignore[arg-type]
