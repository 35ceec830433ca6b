"""How much there may be of what, where the operator has said nothing: from the settings, for every process alike."""

from __future__ import annotations

from decimal import Decimal

from tradewright.bots.admission import Slots
from tradewright.identity.quota_model import QuotaDefaults, QuotaName
from tradewright.settings import Settings


def quota_defaults(settings: Settings) -> QuotaDefaults:
    """What holds in a workspace of which the operator has said nothing."""
    alike: dict[QuotaName, Decimal] = {
        "connections": Decimal(settings.quota_connections),
        "orders_a_minute": Decimal(settings.quota_orders_a_minute),
        "notional_usd_a_day": settings.quota_notional_usd_a_day,
        "bots_running": Decimal(settings.quota_bots_running),
        "assistant_usd_a_month": settings.quota_assistant_usd_a_month,
    }
    of_user: dict[QuotaName, Decimal] = {
        "backtests_waiting": Decimal(settings.backtests_waiting),
        "backtest_cpu_s_a_day": Decimal(settings.backtest_cpu_s_a_day),
    }
    of_workspace = {name: 4 * value for name, value in of_user.items()}
    return QuotaDefaults(workspace=alike | of_workspace, user=alike | of_user)


def slots(settings: Settings) -> Slots:
    """How many runs of bots there may be at once."""
    return Slots(defaults=quota_defaults(settings), installation=settings.runs_at_once)
