"""Budgets per account, the ban of an address, and who may connect: decided on a clock that the test moves."""

from __future__ import annotations

from typing import Any

from tradewright.simulator import RunningSimulator
from tradewright.simulator.rest.calls import Endpoint
from tradewright.simulator.rest.limits import IpLimit, RateLimits, RollingWindow

NOW = 1_700_000_000_000


def endpoint(path: str = "/v5/order/create", *, batch: bool = False) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        handle=lambda call: {},
        private=True,
        per_second=10,
        spot_per_second=20,
        option_per_second=10,
        batch=batch,
    )


def granted(
    limits: RateLimits, params: dict[str, Any], *, uid: str = "1", now_ms: int = NOW, batch: bool = False
) -> int:
    budget = limits.spend(uid, endpoint(batch=batch), params, now_ms=now_ms)
    assert budget is not None
    return budget.granted


def spent_of(limits: RateLimits, category: str, **more: Any) -> int:
    """How many single orders of a category pass before one is refused."""
    passed = 0
    while granted(limits, {"category": category}, **more):
        passed += 1
    return passed


def test_a_window_rolls_instead_of_starting_anew() -> None:
    window = RollingWindow(2, 1_000)
    assert [window.take(1, now_ms=NOW + ms) for ms in (0, 900, 999, 1_000, 1_001, 1_899, 1_900)] == [
        1,
        1,
        0,
        1,
        0,
        0,
        1,
    ]
    assert window.room_at_ms(now_ms=NOW + 1_901) == NOW + 2_000


def test_futures_share_a_budget_and_spot_and_options_have_their_own() -> None:
    limits = RateLimits()
    assert spent_of(limits, "linear") == 10
    assert spent_of(limits, "inverse") == 0
    assert spent_of(limits, "option") == 10
    assert spent_of(limits, "spot") == 20
    assert spent_of(limits, "linear", uid="2") == 10
    assert spent_of(limits, "inverse", now_ms=NOW + 1_000) == 10


def test_a_batch_costs_a_unit_per_order_and_what_does_not_fit_is_left_out() -> None:
    limits = RateLimits()
    seven = {"category": "linear", "request": [{}] * 7}
    assert [granted(limits, seven, batch=True) for _ in range(3)] == [7, 3, 0]
    last = limits.spend("1", endpoint(batch=True), seven, now_ms=NOW + 400)
    assert last is not None
    assert (last.limit, last.remaining, last.reset_ms, last.granted) == (10, 0, NOW + 1_000, 0)


def test_a_batch_of_options_costs_one_unit_whole() -> None:
    limits = RateLimits()
    twenty = {"category": "option", "request": [{}] * 20}
    assert [granted(limits, twenty, batch=True) for _ in range(11)] == [20] * 10 + [0]


def test_single_orders_and_batches_do_not_draw_on_each_other() -> None:
    limits = RateLimits()
    assert spent_of(limits, "linear") == 10
    other = limits.spend("1", endpoint("/v5/order/create-batch", batch=True), {"category": "linear"}, now_ms=NOW)
    assert other is not None
    assert other.granted == 1


def test_budgets_can_be_multiplied_or_lifted() -> None:
    assert spent_of(RateLimits(factor=3), "linear") == 30
    assert RateLimits(factor=0).spend("1", endpoint(), {"category": "linear"}, now_ms=NOW) is None


def test_one_call_too_many_bans_the_address_and_calls_during_the_ban_do_not_prolong_it() -> None:
    limit = IpLimit(most=600, ban_ms=600_000)
    calls = [limit.admits("1.2.3.4", now_ms=NOW + number) for number in range(601)]
    assert (calls[:600], calls[600]) == ([True] * 600, False)
    assert limit.admits("5.6.7.8", now_ms=NOW + 601)
    for later_ms in (5_000, 300_000, 600_599):
        assert not limit.admits("1.2.3.4", now_ms=NOW + later_ms)
    assert limit.admits("1.2.3.4", now_ms=NOW + 600_600)


def test_an_address_without_a_limit_is_never_banned() -> None:
    limit = IpLimit(most=0, ban_ms=600_000)
    assert all(limit.admits("1.2.3.4", now_ms=NOW) for _ in range(2_000))


def test_many_addresses_are_not_remembered_for_ever() -> None:
    limit = IpLimit(most=2, ban_ms=1)
    for number in range(12_000):
        assert limit.admits(f"address {number}", now_ms=NOW)
    assert limit.admits("address 11999", now_ms=NOW)
    assert not limit.admits("address 11999", now_ms=NOW)


# Bybit's default budgets per second and account: all categories alike, or linear, inverse, option, spot.
DOCUMENTED: dict[str, int | tuple[int, int, int, int]] = {
    **dict.fromkeys(
        (
            "/v5/order/create",
            "/v5/order/cancel",
            "/v5/order/pre-check",
            "/v5/order/create-batch",
            "/v5/order/amend-batch",
            "/v5/order/cancel-batch",
        ),
        (10, 10, 10, 20),
    ),
    "/v5/order/amend": 10,
    "/v5/order/cancel-all": (10, 10, 1, 20),
    "/v5/order/disconnected-cancel-all": 5,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/order/spot-borrow-check": 50,
    "/v5/execution/list": 50,
    "/v5/position/list": 50,
    "/v5/position/closed-pnl": 50,
    "/v5/position/get-closed-positions": 50,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/position/trading-stop": 10,
    "/v5/position/set-auto-add-margin": 10,
    "/v5/position/add-margin": 10,
    "/v5/position/confirm-pending-mmr": 10,
    "/v5/account/wallet-balance": 50,
    "/v5/account/info": 50,
    "/v5/account/withdrawal": 50,
    "/v5/account/borrow-history": 50,
    "/v5/account/collateral-info": 50,
    "/v5/account/user-setting-config": 50,
    "/v5/asset/coin-greeks": 50,
    "/v5/account/transaction-log": 25,
    "/v5/account/fee-rate": 5,
    "/v5/account/query-dcp-info": 5,
    "/v5/account/smp-group": 5,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/instruments-info": 10,
    "/v5/account/set-limit-px-action": 10,
    "/v5/account/borrow": 1,
    "/v5/account/no-convert-repay": 1,
    "/v5/asset/transfer/query-account-coins-balance": 5,
    "/v5/asset/transfer/query-account-coin-balance": 450,
    "/v5/asset/coin/query-info": 5,
    "/v5/asset/delivery-record": 50,
    "/v5/asset/settlement-record": 50,
    "/v5/user/query-api": 10,
}


async def test_every_private_endpoint_has_the_documented_budget(running: RunningSimulator) -> None:
    served = running.members.first.endpoints
    assert len(served) > 20
    for (_, path), found in served.items():
        documented = DOCUMENTED.get(path)
        budgets = [found.budget({"category": name})[1] for name in ("linear", "inverse", "option", "spot")]
        assert budgets == list(documented if isinstance(documented, tuple) else [documented] * 4), path
        assert found.window_ms == 1_000
