"""How the quieter listings of the synthetic market behave: a table of prices, restlessness and trade.

Lives here: the numbers, and what follows from them in ticks and steps. Not here: BTCUSDT and ETHUSDT (`walk`), the
prices themselves (`paths`). The figures are round numbers of 2024, chosen to cover many orders of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec, Listing

_MINUTES_PER_DAY: Final = 1440
_LEVELS_PER_DAY: Final = 40_000  # a day's trade is so many times a level of the book
_INTEREST_PER_DAY: Final = 0.6  # open interest as a share of a day's trade


@dataclass(frozen=True, slots=True)
class Habits:
    """`price` is in quote coin, `volatility` a fraction per day, `turnover` in quote coin per day."""

    price: str
    volatility: float
    turnover: float

    def base_ticks(self, spec: InstrumentSpec) -> int:
        return int(Decimal(self.price) / spec.tick_size)

    def minute_steps(self, spec: InstrumentSpec) -> float:
        """Median volume of a minute, in steps of the base coin."""
        return self._steps(spec) / _MINUTES_PER_DAY

    def level_steps(self, spec: InstrumentSpec) -> float:
        """Median size of a level of the book, in steps of the base coin."""
        return self._steps(spec) / _LEVELS_PER_DAY

    def interest_steps(self, spec: InstrumentSpec) -> int:
        return round(self._steps(spec) * _INTEREST_PER_DAY)

    def _steps(self, spec: InstrumentSpec) -> float:
        return self.turnover / float(Decimal(self.price) * spec.qty_step)


HABITS: Final[dict[Listing, Habits]] = {
    "SOLUSDT": Habits("150", 0.038, 2.2e9),
    "XRPUSDT": Habits("0.52", 0.032, 6e8),
    "DOGEUSDT": Habits("0.125", 0.042, 7e8),
    "BNBUSDT": Habits("570", 0.022, 3e8),
    "ADAUSDT": Habits("0.42", 0.035, 1.2e8),
    "AVAXUSDT": Habits("28", 0.041, 1.5e8),
    "LINKUSDT": Habits("14", 0.037, 1.6e8),
    "LTCUSDT": Habits("75", 0.03, 1.1e8),
    "DOTUSDT": Habits("6.2", 0.036, 8e7),
    "TRXUSDT": Habits("0.125", 0.018, 4e7),
    "BCHUSDT": Habits("380", 0.035, 9e7),
    "NEARUSDT": Habits("5.2", 0.048, 1.4e8),
    "SUIUSDT": Habits("0.95", 0.052, 1.7e8),
    "APTUSDT": Habits("7.5", 0.047, 9e7),
    "ARBUSDT": Habits("0.78", 0.045, 1e8),
    "OPUSDT": Habits("1.8", 0.046, 9e7),
    "ATOMUSDT": Habits("6.6", 0.035, 5e7),
    "UNIUSDT": Habits("8.0", 0.044, 8e7),
    "1000PEPEUSDT": Habits("0.0112", 0.06, 6e8),
    "SHIB1000USDT": Habits("0.018", 0.045, 2e8),
    "spot:USDCUSDT": Habits("0.9998", 0.00015, 9e7),
}

_MAJOR_PRICES: Final = {"BTCUSDT": Decimal(65_000), "ETHUSDT": Decimal(3_200)}

FOLLOWED: Final[dict[Listing, Listing]] = {"spot:PEPEUSDT": "1000PEPEUSDT"}
"""The contract whose price a listing follows, where it is not the USDT perpetual of its own coin."""

# Contracts of one USD that an inverse one trades for each coin that its leader does: about a third of the leader's
# value, but for XRP, whose leader's lots are smaller than a contract.
_USD_PER_COIN: Final = {"BTC": 20_000, "ETH": 1_000, "SOL": 50, "XRP": 10}


def usual_price(leader: InstrumentSpec) -> Decimal:
    """About what a contract that others follow costs (quote coin)."""
    major = _MAJOR_PRICES.get(leader.listing)
    return major if major is not None else Decimal(HABITS[leader.listing].price)


def usd_per_coin(spec: InstrumentSpec) -> int:
    """Of an inverse contract, of a dated one a tenth; 0 for others."""
    if not spec.is_inverse:
        return 0
    return _USD_PER_COIN[spec.base_coin] // (10 if spec.delivery_ms else 1)
