"""What a backtest is run with: capital, costs, the instrument's filters, funding, which bars.

Lives here: the values, their defaults by category, what cannot be. Not here: the command's options (`cli.backtest`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tradewright.core.money import ZERO
from tradewright.market.history.fine import FineCandles
from tradewright.market.history.funding import Funding
from tradewright.strategy.model import Signal, Strategy
from tradewright.strategy.prices import HUNDRED, Filters

BASIS_POINT = Decimal("0.0001")
TAKER_BPS = {"linear": Decimal("5.5"), "spot": Decimal(10)}
MAKER_BPS = {"linear": Decimal(2), "spot": Decimal(10)}


class BadSettings(ValueError):
    """A setting that this strategy cannot be run with; the text names it and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Money in quote coin, rates in basis points; fees None: the default of the strategy's category.

    Bars with `from_ms` <= open time < `to_ms` are run; those before are read as warm-up. `fine`: finer candles that
    tell what happens inside a bar.
    """

    equity: Decimal = Decimal(10_000)
    fee_taker_bps: Decimal | None = None
    fee_maker_bps: Decimal | None = None
    slippage_bps: Decimal = Decimal(1)
    filters: Filters = field(default_factory=Filters)
    maintenance_margin_pct: Decimal = Decimal("0.5")
    funding: Funding | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    fine: FineCandles | None = None

    def taker_rate(self, category: Literal["linear", "spot"]) -> Decimal:
        return (TAKER_BPS[category] if self.fee_taker_bps is None else self.fee_taker_bps) * BASIS_POINT

    def maker_rate(self, category: Literal["linear", "spot"]) -> Decimal:
        return (MAKER_BPS[category] if self.fee_maker_bps is None else self.fee_maker_bps) * BASIS_POINT

    def check(self, strategy: Strategy, *, has_funding: bool = False, has_fine: bool = False) -> None:
        """Raises `BadSettings` for what the contract does not allow with this strategy.

        `has_funding`, `has_fine`: they will be there, though they are not yet.
        """
        if self.equity <= 0:
            raise BadSettings(f"--equity is {self.equity}; it must be more than 0")
        self._check_costs()
        self._check_filters()
        if strategy.market.category == "spot" and (has_funding or self.funding is not None):
            raise BadSettings("--funding is for linear only: on spot no funding is paid. Leave it out")
        self._check_margin(strategy)
        if (has_fine or self.fine is not None) and not isinstance(strategy.plan, Signal):
            raise BadSettings("--fine is for strategies of kind signal only. Leave it out")

    def _check_costs(self) -> None:
        for name, value in (
            ("--fee-taker-bps", self.fee_taker_bps),
            ("--fee-maker-bps", self.fee_maker_bps),
            ("--slippage-bps", self.slippage_bps),
        ):
            if value is not None and abs(value) >= 10_000:
                raise BadSettings(f"{name} is {value}; it must be less than 10000 basis points, which is everything")
        if self.slippage_bps < 0:
            raise BadSettings(f"--slippage-bps is {self.slippage_bps}; it must be 0 or more")

    def _check_filters(self) -> None:
        filters = self.filters
        if filters.tick_size is not None and filters.tick_size <= 0:
            raise BadSettings(f"--tick-size is {filters.tick_size}; it must be more than 0")
        if filters.quantity_step <= 0:
            raise BadSettings(f"--qty-step is {filters.quantity_step}; it must be more than 0")
        for name, least in (("--min-qty", filters.min_quantity), ("--min-notional", filters.min_notional)):
            if least < ZERO:
                raise BadSettings(f"{name} is {least}; it must be 0 or more")

    def _check_margin(self, strategy: Strategy) -> None:
        margin = self.maintenance_margin_pct
        if margin < 0:
            raise BadSettings(f"--maintenance-margin-pct is {margin}; it must be 0 or more")
        if margin * strategy.leverage >= HUNDRED:
            raise BadSettings(
                f"--maintenance-margin-pct is {margin}; with leverage {strategy.leverage} it must be less than "
                f"{HUNDRED / strategy.leverage:.6g} (100/leverage), or a position would be liquidated as it opens"
            )
