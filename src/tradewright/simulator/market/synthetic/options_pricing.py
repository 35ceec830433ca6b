"""What an option is worth: Black-76 on the forward, with a smile of implied volatilities, and its greeks.

Lives here: `worth`, `implied_volatility` and `smile`. Not here: which options there are (`options_chain`), their books
and trades (`options`).
Floats decide prices here as in `walk`; what leaves is a Decimal of eight places. Interest is zero: an option is worth
what is expected of it at its delivery. The smile's numbers are plausible and not fitted to any market.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec, OptionType

YEAR_S: Final = 365 * 86_400
PLACES: Final = Decimal("0.00000001")
CARRY_RATIO: Final = 0.05  # by which a forward of a year is above the index
VOLATILITY_MIN: Final = 0.05  # per year, as all volatilities here
VOLATILITY_MAX: Final = 5.0
_NORMAL: Final = NormalDist()
_SKEW: Final = -0.04
_CURVATURE: Final = 0.03
_HALVINGS: Final = 40


@dataclass(frozen=True, slots=True)
class Worth:
    """Value and greeks of one option. `price` is in quote coin; theta is per day, vega per percent of volatility."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float


def smile(forward: float, strike: float, years: float, *, at_the_money: float) -> float:
    """Implied volatility of a strike: a bit more below the forward than above it, and more far from it."""
    distance = math.log(strike / forward) / (at_the_money * math.sqrt(max(years, 1 / 365)))
    bent = at_the_money * (1 + _SKEW * distance + _CURVATURE * distance * distance)
    return min(max(bent, at_the_money / 2), 3 * at_the_money)


def worth(kind: OptionType, forward: float, strike: float, years: float, volatility: float) -> Worth:
    """Black-76 without interest. With no time left an option is worth what it pays."""
    sign = 1 if kind == "Call" else -1
    if years <= 0:
        pays = max(0.0, sign * (forward - strike))
        return Worth(price=pays, delta=float(sign) if pays else 0.0, gamma=0.0, vega=0.0, theta=0.0)
    spread = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / spread + spread / 2
    near, density = _NORMAL.cdf(sign * d1), _NORMAL.pdf(d1)
    price = sign * (forward * near - strike * _NORMAL.cdf(sign * (d1 - spread)))
    return Worth(
        price=max(0.0, price),
        delta=sign * near,
        gamma=density / (forward * spread),
        vega=forward * density * math.sqrt(years) / 100,
        theta=-forward * density * volatility / (2 * math.sqrt(years)) / 365,
    )


def implied_volatility(kind: OptionType, forward: float, strike: float, years: float, price: float) -> float:
    """The volatility at which an option costs `price`; 0 below what it pays at least, `VOLATILITY_MAX` above all."""
    low, high = 0.0, VOLATILITY_MAX
    if years <= 0 or price <= worth(kind, forward, strike, years, VOLATILITY_MIN / 100).price:
        return 0.0
    if price >= worth(kind, forward, strike, years, high).price:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if worth(kind, forward, strike, years, middle).price < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def price_at(spec: InstrumentSpec, *, forward: Decimal, now_ms: int, volatility: Decimal) -> Decimal:
    """What an option costs at a volatility (a fraction per year), on its tick grid and at least one tick."""
    assert spec.strike is not None, f"{spec.symbol} is an option"
    years = (spec.delivery_ms - now_ms) / 1000 / YEAR_S
    price = exact(worth(spec.option_type, float(forward), float(spec.strike), years, float(volatility)).price)
    return max(spec.tick_size, price - price % spec.tick_size)


def volatility_of(spec: InstrumentSpec, *, forward: Decimal, now_ms: int, price: Decimal) -> Decimal:
    """The other way round: the volatility (a fraction per year) at which an option costs `price`."""
    assert spec.strike is not None, f"{spec.symbol} is an option"
    years = (spec.delivery_ms - now_ms) / 1000 / YEAR_S
    return exact(implied_volatility(spec.option_type, float(forward), float(spec.strike), years, float(price)))


def exact(value: float) -> Decimal:
    """With Bybit's eight places."""
    return Decimal(value).quantize(PLACES)
