"""Which quotas there are, what holds where the operator has said nothing, and how one that is used up is told. No I/O.

Not here: what is in force (`quotas`), counting (`quota_spending`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tradewright.core.errors import AppError
from tradewright.core.money import plain

Scope = Literal["workspace", "user"]
QuotaName = Literal[
    "connections",
    "orders_a_minute",
    "notional_usd_a_day",
    "backtests_waiting",
    "backtest_cpu_s_a_day",
    "bots_running",
    "assistant_usd_a_month",
]
SCOPES: tuple[Scope, ...] = ("workspace", "user")
NAMES: tuple[QuotaName, ...] = (
    "connections",
    "orders_a_minute",
    "notional_usd_a_day",
    "backtests_waiting",
    "backtest_cpu_s_a_day",
    "bots_running",
    "assistant_usd_a_month",
)
# Declared, and held once there is something to hold: the assistant.
NOT_YET_HELD: frozenset[QuotaName] = frozenset({"assistant_usd_a_month"})
WHOLE: frozenset[QuotaName] = frozenset({"connections", "orders_a_minute", "backtests_waiting", "bots_running"})
VALUE_MAX = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class QuotaDefaults:
    """What holds where the operator has set nothing, for a workspace and for each person in one."""

    workspace: Mapping[QuotaName, Decimal] = field(
        default_factory=lambda: {
            "connections": Decimal(50),
            "orders_a_minute": Decimal(3_000),
            "notional_usd_a_day": Decimal(100_000_000),
            "backtests_waiting": Decimal(20),
            "backtest_cpu_s_a_day": Decimal(14_400),
            "bots_running": Decimal(20),
            "assistant_usd_a_month": Decimal(50),
        }
    )
    user: Mapping[QuotaName, Decimal] = field(
        default_factory=lambda: {
            "connections": Decimal(50),
            "orders_a_minute": Decimal(3_000),
            "notional_usd_a_day": Decimal(100_000_000),
            "backtests_waiting": Decimal(5),
            "backtest_cpu_s_a_day": Decimal(3_600),
            "bots_running": Decimal(20),
            "assistant_usd_a_month": Decimal(50),
        }
    )

    def of(self, scope: Scope, name: QuotaName) -> Decimal:
        return (self.workspace if scope == "workspace" else self.user)[name]


USUAL = QuotaDefaults()


class QuotaReached(AppError):
    """A quota with a rate is used up; nothing was done."""

    def __init__(
        self, name: QuotaName, scope: Scope, *, limit: Decimal, used: Decimal, asked: Decimal, retry_after_s: int
    ) -> None:
        whose = "this workspace" if scope == "workspace" else "you in this workspace"
        super().__init__(
            f"{name} of {whose}: {plain(used)} of {plain(limit)} are used and this asks for {plain(asked)}; it begins"
            f" anew in {retry_after_s} s. Reducing orders and cancels are never counted. The operator can change it"
        )
        self.retry_after_s = retry_after_s
        self.params = {
            "scope": scope,
            "limit": plain(limit),
            "used": plain(used),
            "asked": plain(asked),
            "retry_after_s": str(retry_after_s),
        }


class OrdersQuotaReached(QuotaReached):
    """So many orders were placed within the minute."""

    code = "quota.orders_a_minute"


class NotionalQuotaReached(QuotaReached):
    """Orders of so much were placed within the day."""

    code = "quota.notional_a_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """One quota as it is in force. `used` None: nothing counts it yet, or nothing here."""

    scope: Scope
    name: QuotaName
    limit: Decimal
    default: Decimal
    used: Decimal | None
    is_held: bool


Key = tuple[Scope, QuotaName]
