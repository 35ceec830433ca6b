"""Which sets a search tries, and what the best of them is worth."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradewright.backtest.search.deflated import deflated, expected_best_ratio, probability_above
from tradewright.backtest.search.space import SETS_MAX, BadSearch, drawn, whole_grid
from tradewright.strategy.check.binding import Bindings, Range

A = Range(name="a", low=Decimal("0.5"), step=Decimal("0.25"), count=3)
B = Range(name="b", low=Decimal(10), step=Decimal(5), count=2)
LARGE = [Range(name=name, low=Decimal(0), step=Decimal(1), count=10_001) for name in ("x", "y", "z")]


def test_a_grid_has_every_set_once_the_last_param_moving_first() -> None:
    space = whole_grid([A, B])
    found = [tuple(str(value) for value in space.values(number).values()) for number in range(len(space))]
    assert found == [("0.50", "10"), ("0.50", "15"), ("0.75", "10"), ("0.75", "15"), ("1.00", "10"), ("1.00", "15")]


def test_drawn_sets_differ_and_the_same_seed_draws_the_same() -> None:
    one, same, other = (drawn(LARGE, 500, seed) for seed in (3, 3, 4))
    assert one == same
    assert one != other
    assert len({tuple(one.values(number).values()) for number in range(500)}) == 500


def test_no_more_is_drawn_than_there_is() -> None:
    assert drawn([A, B], 100, 1) == whole_grid([A, B])
    assert len(drawn([A, B], 4, 1)) == 4


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (lambda: whole_grid([]), "no param of the strategy has a range"),
        (lambda: whole_grid(LARGE), f"at most {SETS_MAX}"),
        (lambda: drawn([A], 0, 1), "--random is 0"),
        (lambda: drawn(LARGE, SETS_MAX + 1, 1), f"--random is {SETS_MAX + 1}"),
    ],
)
def test_a_search_that_cannot_be_made_says_what_is_allowed(search, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadSearch, match=words):
        search()


def test_the_deflated_sharpe_ratio_is_that_of_the_papers_example() -> None:
    """Bailey and López de Prado (2014), "A numerical example": five years of days, a yearly ratio of 2.5 found by 100
    tries whose yearly ratios vary by 1/2, skewness -3, kurtosis 10."""
    expected = expected_best_ratio(100, 0.5 / 250)
    assert expected == pytest.approx(0.1132, abs=5e-5)
    probability = probability_above(2.5 / 250**0.5, expected, 1250, -3.0, 10.0)
    assert probability == pytest.approx(0.9004, abs=5e-5)
    after_46 = probability_above(2.5 / 250**0.5, expected_best_ratio(46, 0.5 / 250), 1250, -3.0, 10.0)
    assert after_46 == pytest.approx(0.9505, abs=5e-5)


def test_variance_and_number_come_from_the_tries_themselves() -> None:
    """Two ratios, 0.1 and 0.3: variance 0.02. Of a normal variable 1/2 is below 0 and 1 - 1/2e = 0.816060 below
    0.900453: 0.141421 · 0.577216 · 0.900453."""
    found = deflated(0.3, days=101, skewness=0.0, kurtosis=3.0, ratios_tried=[0.1, 0.3])
    assert found.tries == 2
    assert found.expected_ratio == pytest.approx(0.0735045, abs=1e-6)
    # (0.3 - 0.0735045) · 10 / sqrt(1 + 0.045) = 2.21565, and of a normal variable 0.98664 is below that.
    assert found.probability == pytest.approx(0.98664, abs=1e-5)
    assert "99 %" in found.words()


def test_one_try_is_not_deflated_and_nothing_that_happened_tells_nothing() -> None:
    alone = deflated(0.1, days=401, skewness=0.0, kurtosis=3.0, ratios_tried=[0.1])
    assert alone.expected_ratio == 0
    assert alone.probability == pytest.approx(0.9771, abs=1e-3)  # Z(0.1 · 20 / sqrt(1.005))
    still = deflated(0.0, days=401, skewness=0.0, kurtosis=3.0, ratios_tried=[0.0, 0.0])
    assert still.probability is None
    assert "too few days" in still.words()


MACD = """
version: 1
name: Two lengths that meet
market: { category: linear, symbol: BTCUSDT, timeframe: 1h }
params:
  fast: { default: 12, min: 4, max: 20, step: 4 }
  slow: { default: 26, min: 16, max: 40, step: 8 }
  back: { default: 0, min: 0, max: 2, step: 1 }
  stop: { default: 2, min: 1, max: 3, step: 1 }
rules: { enter_long: "macd(close, fast, slow, 9) > close[back] / stop" }
size: { quote: 100 }
protect: { stop_loss: { pct: stop } }
"""


def test_a_set_that_the_check_refuses_is_none_and_its_fault_is_told() -> None:
    bindings = Bindings(MACD, {})
    space = whole_grid(bindings.ranges)
    refused = 0
    for number in range(0, len(space), 7):
        values = space.values(number)
        bound, whole = bindings.bind(values), bindings.strategy_of(values)
        assert type(bound).__name__ == ("Impossible" if type(whole).__name__ == "Impossible" else "Bound"), values
        if type(bound).__name__ == "Impossible":
            refused += 1
            assert "below" in bound.faults[0].message  # type: ignore[union-attr]
    assert refused
    assert refused < len(space) // 7


def test_a_param_that_is_set_is_not_varied() -> None:
    bindings = Bindings(MACD, {"fast": "8", "back": "1"})
    assert [each.name for each in bindings.ranges] == ["slow", "stop"]
    assert [each.count for each in bindings.ranges] == [4, 3]
