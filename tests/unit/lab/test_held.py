"""Which of a position's levels a price reaches, and what it is called."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.feed import Piece
from tradewright.bots.machines.held import Held
from tradewright.strategy.prices import Direction


def held(direction: Direction = 1, **levels: str) -> Held:
    lot = Lot(
        direction=direction,
        quantity=Decimal(2),
        cost=Decimal(200),
        fees=Decimal(0),
        entry_time_ms=0,
        reason="enter_long",
    )
    bare = Held(
        lot=lot,
        price=Decimal(100),
        best=Decimal(100),
        stop=None,
        target=None,
        trailing=None,
        liquidation=None,
        activation=None,
        on_exchange=(None, None),
    )
    return replace(bare, **{name: Decimal(level) for name, level in levels.items()})  # type: ignore[arg-type]


def test_the_nearest_stop_counts_and_of_equal_ones_the_plain_one_names_the_reason() -> None:
    assert held(stop="95", trailing="97", liquidation="90").nearest_stop() == ("trailing", 97)
    assert held(-1, stop="105", trailing="103", liquidation="110").nearest_stop() == ("trailing", 103)
    assert held(stop="95", trailing="95", liquidation="95").nearest_stop() == ("stop_loss", 95)
    assert held(stop="95", liquidation="96").placed_stop == 95, "the exchange holds no liquidation level of ours"
    assert held().nearest_stop() is None


def test_a_level_that_is_touched_closes_and_a_stop_goes_before_the_target() -> None:
    position = held(stop="95", target="105")
    assert [position.reason_at(Decimal(price)) for price in ("95.1", "95", "94", "105", "104.9")] == [
        None,
        "stop_loss",
        "stop_loss",
        "take_profit",
        None,
    ]
    assert held(-1, stop="100", target="100").reason_at(Decimal(100)) == "stop_loss"
    assert held(stop="95", liquidation="96").is_liquidated_at(Decimal(95))
    assert not held(stop="96", liquidation="95").is_liquidated_at(Decimal(94)), "the stop lies before it"


def test_a_bar_that_reaches_both_sides_is_known_as_such() -> None:
    both, one = Piece(0, 100.0, 105.0, 95.0, 100.0), Piece(0, 100.0, 105.0, 95.5, 100.0)
    assert [held(side, **levels).covers_both(bar) for side, levels in _SIDES for bar in (both, one)] == [
        True,
        False,
        True,
        False,
    ]


_SIDES: tuple[tuple[Direction, dict[str, str]], ...] = (
    (1, {"stop": "95", "target": "105"}),
    (-1, {"stop": "105", "target": "95"}),
)
