"""Tiers of risk limits: the larger a position, the less leverage it may have.

Lives here: the tiers of each contract. Not here: what the account makes of them (`margin` of the simulator), the row on
the wire (`market_rows`). The shape is Bybit's; the numbers are plausible and not verified against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec, Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTier:
    """Rates are fractions of the position's value, `deduction` is taken off its maintenance margin (settle coin)."""

    number: int  # from 1, the lowest
    value_max: Decimal  # settle coin
    maintenance_rate: Decimal
    initial_rate: Decimal
    max_leverage: Decimal
    deduction: Decimal  # makes the maintenance margin continuous from tier to tier


_MAJOR: Final = (
    ("2000000", "0.005", "100.00"),
    ("10000000", "0.0075", "75.00"),
    ("25000000", "0.01", "50.00"),
    ("50000000", "0.02", "25.00"),
    ("100000000", "0.04", "12.50"),
)
_STEPS: Final[dict[Listing, tuple[tuple[str, str, str], ...]]] = {"BTCUSDT": _MAJOR, "ETHUSDT": _MAJOR}
_ONLY_VALUE: Final = "2000000"


def risk_tiers(spec: InstrumentSpec) -> tuple[RiskTier, ...]:
    """Lowest first; a contract without several has one, and a spot pair none."""
    if spec.is_spot:
        return ()
    only = ((_ONLY_VALUE, str(spec.maintenance_margin_rate), str(spec.max_leverage)),)
    tiers: list[RiskTier] = []
    for number, (value, maintenance, leverage) in enumerate(_STEPS.get(spec.listing, only), start=1):
        rate = Decimal(maintenance)
        deduction = Decimal(0)
        if tiers:
            below = tiers[-1]
            deduction = below.deduction + below.value_max * (rate - below.maintenance_rate)
        tiers.append(
            RiskTier(
                number=number,
                value_max=Decimal(value),
                maintenance_rate=rate,
                initial_rate=1 / Decimal(leverage),
                max_leverage=Decimal(leverage),
                deduction=deduction,
            )
        )
    return tuple(tiers)
