"""What the best of many tries is worth: the deflated Sharpe ratio of Bailey and López de Prado (2014).

The best of N strategies without any skill has a Sharpe ratio that grows with N and with how much the tries differ. This
is taken off before one asks how probable it is that the true ratio is above nothing, with the returns' own skewness and
kurtosis. Ratios here are of one return period (a day), not annualised.
Source: "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

_EULER = 0.5772156649015329
SURE_PROBABILITY = 0.95  # what is usually asked for before one believes


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflated:
    """`expected_ratio`: the Sharpe ratio that the best of so many tries without skill would be expected to show.
    `probability`: that the true one of the best is above nothing all the same; None where the days cannot tell."""

    tries: int
    expected_ratio: float
    probability: float | None

    def words(self) -> str:
        """For a person."""
        tried = "one try" if self.tries == 1 else f"{self.tries} tries"
        if self.probability is None:
            return f"After {tried}: there are too few days, or too little happened in them, to say what is luck."
        pct = f"{100 * self.probability:.0f} %"
        if self.probability >= SURE_PROBABILITY:
            return (
                f"After {tried} the probability that the best is more than luck is {pct}, "
                "if the days ahead are like those tried."
            )
        return (
            f"After {tried} the probability that the best is more than luck is {pct}: "
            f"below {100 * SURE_PROBABILITY:.0f} % it is to be taken for luck."
        )


def expected_best_ratio(tries: int, variance: float) -> float:
    """The expected highest of so many Sharpe ratios that are 0 in truth and vary by `variance`."""
    if tries < 2:
        return 0.0
    normal = NormalDist()
    near, far = normal.inv_cdf(1 - 1 / tries), normal.inv_cdf(1 - 1 / (tries * math.e))
    return math.sqrt(variance) * ((1 - _EULER) * near + _EULER * far)


def probability_above(ratio: float, least: float, days: int, skewness: float, kurtosis: float) -> float | None:
    """That the true Sharpe ratio is above `least` when `ratio` was seen over so many days."""
    spread = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio * ratio
    if days < 2 or spread <= 0:
        return None
    return NormalDist().cdf((ratio - least) * math.sqrt(days - 1) / math.sqrt(spread))


def deflated(ratio: float, *, days: int, skewness: float, kurtosis: float, ratios_tried: Sequence[float]) -> Deflated:
    """`ratios_tried`: the Sharpe ratios of all tries, the best one included."""
    tries = len(ratios_tried)
    variance = 0.0
    if tries > 1:
        mean = math.fsum(ratios_tried) / tries
        variance = math.fsum((each - mean) ** 2 for each in ratios_tried) / (tries - 1)
    expected = expected_best_ratio(tries, variance)
    probability = None if ratio == 0 else probability_above(ratio, expected, days, skewness, kurtosis)
    return Deflated(tries=tries, expected_ratio=expected, probability=probability)
