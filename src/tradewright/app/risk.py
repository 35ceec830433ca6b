"""Risk in the worker: the prices that its sessions judge by, and each session's rule and keeper.

Lives here: `WorkerRisk`. Not here: what is judged and how (`trading.risk`, `core.risk`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.markets import follow_markets
from tradewright.core.environment import ENVIRONMENTS, Environment
from tradewright.core.instrument import Category, InstrumentId
from tradewright.market.hub import MarketHub
from tradewright.market.instruments import InstrumentCache, InstrumentLists
from tradewright.market.markets import MarketData, Markets
from tradewright.trading.arming.gate import ArmingRule
from tradewright.trading.arming.keeper import ArmingKeeper
from tradewright.trading.arming.store import PostgresArmings
from tradewright.trading.beside import Rule
from tradewright.trading.kill.board import LatchRule
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.keeper import RiskKeeper
from tradewright.trading.risk.prices import HubPrices
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.risk.store import PostgresRiskStore
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.watching import WatchingRule


class WorkerRisk:
    """One public link for each environment with an account, shared by all its sessions. `run` must be running."""

    def __init__(self, ground: Ground, places: ExchangePlaces, lists: InstrumentLists) -> None:
        self._ground = ground
        self._lists = lists
        self._markets = follow_markets(ground, places, lists)
        self._prices = {
            each: HubPrices(partial(_hub, self._markets, each), clock=ground.clock) for each in ENVIRONMENTS
        }

    def market(self, environment: Environment) -> MarketData:
        """What this process has of an environment's market. Raises `NoMarket`, or `NotReady` at the start."""
        return self._markets.of(environment)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._markets.run())
            for prices in self._prices.values():
                tasks.create_task(prices.run())

    def added_to(self, parts: SessionParts, latches: Callable[[], int]) -> SessionParts:
        """The same session, whose every intent that adds exposure is judged last of all rules; one of real money is
        asked before whether it is armed. `latches` is the version of the board of latches."""
        ground, account = self._ground, parts.account
        exposure = Exposure(partial(_base_coin, self._lists.of(account.environment)))
        store = PostgresRiskStore(ground.engine, account)
        rule = RiskRule(exposure, self._prices[account.environment], clock=ground.clock)
        keeper = RiskKeeper(exposure, rule, store, clock=ground.clock, bus=ground.bus)
        parts = replace(parts, exposure=exposure, holdings=store.holdings, companions=[*parts.companions, keeper])
        if account.environment == "live":
            parts = self._armed(parts, rule, latches)
        return replace(parts, rules=[*parts.rules, rule])

    def _armed(self, parts: SessionParts, risk: RiskRule, latches: Callable[[], int]) -> SessionParts:
        ground, real_trading = self._ground, self._ground.settings.real_trading == "on"
        rule = ArmingRule(ground.clock, real_trading=real_trading, limits=lambda: risk.limits, latches=latches)
        keeper = ArmingKeeper(
            rule,
            PostgresArmings(ground.engine, parts.account, clock=ground.clock, ids=ground.ids),
            ground.clock,
            real_trading=real_trading,
            latches=latches,
            bus=ground.bus,
        )
        # Said before anything else but a kill and a key that only reads: what else is in the way matters once it is
        # armed.
        first = [one for one in parts.rules if isinstance(one, LatchRule | WatchingRule)]
        others = [one for one in parts.rules if one not in first]
        rules: list[Rule] = [*first, rule, *others]
        return replace(parts, rules=rules, companions=[*parts.companions, keeper])


def _hub(markets: Markets, environment: Environment, category: Category) -> MarketHub:
    return markets.of(environment).hub(category)


def _base_coin(instruments: InstrumentCache, instrument: InstrumentId) -> str | None:
    listed = instruments.get(instrument)
    return None if listed is None else listed.base_coin
