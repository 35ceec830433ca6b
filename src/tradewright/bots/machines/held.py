"""A position of an exact run: its levels as the strategy wants them, and as the exchange holds them.

Lives here: `Held`, all in Decimal. Not here: when levels move (`signal_run`), who holds them (`desk`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.feed import Piece
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.prices import Direction, decimal_of


@dataclass(slots=True, kw_only=True)
class Held:
    """`best` is the most favourable price of completed bars. `activation`: the trailing stop waits for it; None: it is
    active, or there is none. `on_exchange` is what it holds: stop and target."""

    lot: Lot
    price: Decimal
    best: Decimal
    stop: Decimal | None
    target: Decimal | None
    trailing: Decimal | None
    liquidation: Decimal | None
    activation: Decimal | None
    on_exchange: tuple[Decimal | None, Decimal | None]
    exit_reason: str | None = None  # decided at a close, filled at the next open

    @property
    def direction(self) -> Direction:
        return self.lot.direction

    @property
    def placed_stop(self) -> Decimal | None:
        """What the exchange is to hold as the position's stop: the nearer of the two that it can."""
        both = [level for level in (self.stop, self.trailing) if level is not None]
        return max(both, key=lambda level: level * self.direction, default=None)

    def nearest_stop(self) -> tuple[str, Decimal] | None:
        """Of the levels at which it is lost the nearest, with its reason; of equal ones the first named."""
        named = (("stop_loss", self.stop), ("trailing", self.trailing), ("liquidation", self.liquidation))
        levels = [(reason, level) for reason, level in named if level is not None]
        return max(levels, key=lambda one: one[1] * self.direction, default=None)

    def is_liquidated_at(self, price: Decimal) -> bool:
        """Whether the price is at its liquidation level or beyond, and no stop lies before that."""
        nearest = self.nearest_stop()
        return nearest is not None and nearest[0] == "liquidation" and self.is_lost_at(price)

    def is_lost_at(self, price: Decimal) -> bool:
        """Whether the price is at the nearest stop or beyond."""
        nearest = self.nearest_stop()
        return nearest is not None and (price - nearest[1]) * self.direction <= 0

    def is_won_at(self, price: Decimal) -> bool:
        return self.target is not None and (price - self.target) * self.direction >= 0

    def reason_at(self, price: Decimal) -> str | None:
        """Why it is closed at this price, a stop before the target; None: it is not."""
        nearest = self.nearest_stop()
        if nearest is not None and self.is_lost_at(price):
            return nearest[0]
        return "take_profit" if self.is_won_at(price) else None

    def covers_both(self, piece: Piece) -> bool:
        """Whether a bar reaches a stop and the target."""
        worst, best = (piece.low, piece.high) if self.direction > 0 else (piece.high, piece.low)
        return self.is_lost_at(decimal_of(worst)) and self.is_won_at(decimal_of(best))

    def reaches_target(self, piece: Piece) -> bool:
        return self.is_won_at(decimal_of(piece.high if self.direction > 0 else piece.low))

    def seen(self, close: float) -> Position:  # lint: allow float-money: as expressions see it
        """As expressions see it at a close."""
        side, price = self.direction, float(self.price)  # lint: allow float-money: as expressions see it
        return Position(
            float(side),  # lint: allow float-money: as expressions see it
            price,
            float(self.lot.bars),  # lint: allow float-money: as expressions see it
            side * (close / price - 1.0) * 100.0,
            side * (float(self.best) / price - 1.0) * 100.0,  # lint: allow float-money: as expressions see it
        )
