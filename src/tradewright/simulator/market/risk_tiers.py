"""Tiers of risk limits: the larger a position, the less leverage it may have.

Lives here: the tiers of each contract, and which one a value falls in. Not here: what the account makes of them
(`accounts.needs`), the row on the wire (`rows.market`). The shape is Bybit's; the numbers are plausible and not
verified against it: a ladder goes up from the contract's own first tier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTier:
    """Rates are fractions of the position's value, `deduction` is taken off its maintenance margin (settle coin)."""

    number: int  # from 1, the lowest
    value_max: Decimal  # settle coin
    maintenance_rate: Decimal
    initial_rate: Decimal
    max_leverage: Decimal
    deduction: Decimal  # makes the maintenance margin continuous from tier to tier


_Step = tuple[Decimal, Decimal, Decimal]  # highest value, maintenance rate, highest leverage
_MAJOR: Final = (
    (Decimal(2_000_000), Decimal("0.005"), Decimal("100.00")),
    (Decimal(10_000_000), Decimal("0.0075"), Decimal("75.00")),
    (Decimal(25_000_000), Decimal("0.01"), Decimal("50.00")),
    (Decimal(50_000_000), Decimal("0.02"), Decimal("25.00")),
    (Decimal(100_000_000), Decimal("0.04"), Decimal("12.50")),
)
_MAJOR_COINS: Final = ("BTC", "ETH")
_VALUE: Final = Decimal(2_000_000)  # of the first tier, in dollars
_INVERSE_VALUES: Final = {"BTC": Decimal(150), "ETH": Decimal(2_000), "SOL": Decimal(20_000), "XRP": Decimal(1_000_000)}
_INVERSE_VALUE: Final = Decimal(100_000)  # of the first tier, in a coin that the table does not know
# Of the first tier's value, and of its leverage.
_LADDER: Final = tuple((Decimal(value), Decimal(share)) for value, share in (
    ("1", "1"), ("2.5", "0.75"), ("5", "0.5"), ("12.5", "0.25"), ("25", "0.125"),
))  # fmt: skip
_CENT: Final = Decimal("0.01")
_RATE_STEP: Final = Decimal("0.0001")


def risk_tiers(spec: InstrumentSpec) -> tuple[RiskTier, ...]:
    """Lowest first; a spot pair and an option have none."""
    if spec.is_spot or spec.is_option:
        return ()
    tiers: list[RiskTier] = []
    for number, (value, rate, leverage) in enumerate(_steps(spec), start=1):
        deduction = Decimal(0)
        if tiers:
            below = tiers[-1]
            deduction = below.deduction + below.value_max * (rate - below.maintenance_rate)
        tiers.append(
            RiskTier(
                number=number,
                value_max=value,
                maintenance_rate=rate,
                initial_rate=1 / leverage,
                max_leverage=leverage,
                deduction=deduction,
            )
        )
    return tuple(tiers)


def tier_at(tiers: Sequence[RiskTier], value: Decimal) -> RiskTier:
    """The tier of a position of this value (settle coin): the lowest that holds it, else the highest."""
    return next((tier for tier in tiers if value <= tier.value_max), tiers[-1])


def _steps(spec: InstrumentSpec) -> Sequence[_Step]:
    first = (spec.maintenance_margin_rate, spec.max_leverage)
    value = spec.first_tier_value
    if value is None:
        if not spec.is_inverse and spec.base_coin in _MAJOR_COINS and first == _MAJOR[0][1:]:
            return _MAJOR
        value = _INVERSE_VALUES.get(spec.base_coin, _INVERSE_VALUE) if spec.is_inverse else _VALUE
    steps: list[_Step] = []
    for times, share in _LADDER:
        leverage = spec.max_leverage if share == 1 else (spec.max_leverage * share).quantize(_CENT)
        if leverage < 1:
            break
        rate = spec.maintenance_margin_rate
        if share != 1:
            rate = (rate * spec.max_leverage / leverage).quantize(_RATE_STEP, ROUND_UP)
        steps.append((value * times, rate, leverage))
    return steps
