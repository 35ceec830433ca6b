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

_USUAL_MAJOR_PRICES: Final = {"spot:BTCUSDT": Decimal(65_000), "spot:ETHUSDT": Decimal(3_200)}

FOLLOWED: Final[dict[Listing, Listing]] = {
    "spot:BTCUSDT": "BTCUSDT",
    "spot:ETHUSDT": "ETHUSDT",
    "spot:SOLUSDT": "SOLUSDT",
    "spot:XRPUSDT": "XRPUSDT",
    "spot:DOGEUSDT": "DOGEUSDT",
    "spot:BNBUSDT": "BNBUSDT",
    "spot:ADAUSDT": "ADAUSDT",
    "spot:AVAXUSDT": "AVAXUSDT",
    "spot:LINKUSDT": "LINKUSDT",
    "spot:LTCUSDT": "LTCUSDT",
    "spot:PEPEUSDT": "1000PEPEUSDT",
}
"""The contract whose price a spot pair follows."""


def usual_price(pair: InstrumentSpec) -> Decimal:
    """About what a spot pair that follows a contract costs (quote coin)."""
    major = _USUAL_MAJOR_PRICES.get(pair.listing)
    if major is not None:
        return major
    coins = 1000 if FOLLOWED[pair.listing].startswith("1000") else 1
    return Decimal(HABITS[FOLLOWED[pair.listing]].price) / coins
