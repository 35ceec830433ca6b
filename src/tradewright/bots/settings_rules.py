"""What a bot's settings must meet, as values: sizes, and what its strategy and its instrument say.

Lives here: `settings_problems`. Not here: whether its account is there (`starting_facts`), whether it may start now
(`start_checks`).
"""

from __future__ import annotations

from tradewright.bots.model import DURATION_MS_MAX, DURATION_MS_MIN, ORDERS_A_MINUTE_MAX, BotSettings
from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument
from tradewright.core.money import plain
from tradewright.strategy.model import Strategy


def settings_problems(settings: BotSettings, strategy: Strategy, instrument: Instrument | None) -> list[Problem]:
    """Everything that is wrong; `instrument` None: its exchange lists no such thing.

    A strategy says on which listing it was thought out; a bot may run it on another of the same category, but not on
    the other one, where the same words mean something else (a short position, leverage, funding).
    """
    limits = settings.limits
    found: list[Problem] = []
    params: dict[str, str]
    if strategy.market.category != settings.category:
        params = {"value": settings.category, "allowed": strategy.market.category}
        found.append(Problem("bot.category_differs", "settings.category", params))
    elif instrument is None:
        params = {"symbol": settings.symbol, "category": settings.category}
        found.append(Problem("bot.symbol_not_listed", "settings.symbol", params))
    for name, value in (
        ("capital", settings.capital),
        ("limits.max_loss", limits.max_loss),
        ("limits.max_position", limits.max_position),
    ):
        if value is not None and not value > 0:
            found.append(Problem("input.range", f"settings.{name}", {"above": "0"}))
    if limits.max_loss > settings.capital > 0:
        params = {"value": plain(limits.max_loss), "maximum": plain(settings.capital)}
        found.append(Problem("bot.max_loss_above_capital", "settings.limits.max_loss", params))
    for name, number, least, most in (
        ("duration_ms", settings.duration_ms, DURATION_MS_MIN, DURATION_MS_MAX),
        ("limits.max_orders_a_minute", limits.max_orders_a_minute, 1, ORDERS_A_MINUTE_MAX),
    ):
        if not least <= number <= most:
            found.append(Problem("input.range", f"settings.{name}", {"minimum": str(least), "maximum": str(most)}))
    return found
