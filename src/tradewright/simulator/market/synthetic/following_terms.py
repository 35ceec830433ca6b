"""How the numbers of a listing follow from those of the contract that it follows.

Lives here: `Terms`. Not here: what is made of them (`following`, `following_candles`).
All is exact but the turnover of an inverse contract: nothing else is rounded away.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tradewright.simulator.market.intervals import HOUR_MS
from tradewright.simulator.market.model import InstrumentSpec, Kline

_HOURS_PER_YEAR: Final = 8_760
_COIN: Final = Decimal("0.00000001")


class Terms:
    """Prices are the leader's times a power of ten, plus a basis; sizes are the leader's times `ratio`.

    The basis of a dated contract shrinks by the hour and ends with it; that of the others stays what it is.
    """

    __slots__ = (
        "_basis",
        "_basis_ticks",
        "_carried",
        "_carry_ticks",
        "_end_hour",
        "_ratio",
        "_same_step",
        "_same_tick",
        "_scale",
        "_step",
        "_tick",
        "is_inverse",
    )

    def __init__(
        self, spec: InstrumentSpec, leader: InstrumentSpec, *, ratio: Decimal, basis_ticks: int, carry_ticks: int = 0
    ) -> None:
        """`carry_ticks` is what a dated contract is above its leader a year before its end. An inverse contract has
        `ratio` USD for each coin of its leader.
        """
        self._tick = spec.tick_size
        self._step = spec.qty_step
        self._scale = spec.tick_size / leader.tick_size
        # Also written the same: 0.1 and 0.10 are one number, but prices keep the decimals of their tick.
        self._same_tick = spec.tick_size.as_tuple() == leader.tick_size.as_tuple()
        self._basis_ticks = basis_ticks
        self._basis = basis_ticks * spec.tick_size
        self._carried = (-1, self._basis)  # an hour and its basis: it is asked for with every trade
        self._carry_ticks = carry_ticks
        self._end_hour = -(-spec.delivery_ms // HOUR_MS)
        self._ratio = ratio / self._scale
        # Where the ratio has just the decimals between the two steps, a product has the right ones by itself.
        self._same_step = (leader.qty_step * self._ratio).as_tuple().exponent == spec.qty_step.as_tuple().exponent
        self.is_inverse = spec.is_inverse
        assert leader.qty_step * self._ratio % spec.qty_step == 0, f"{spec.listing} trades in whole steps"

    def basis_ticks(self, ms: int) -> int:
        """Above the leader's price at a moment; the same for a whole hour."""
        if not self._carry_ticks:
            return self._basis_ticks
        return self._basis_ticks + self._carry_ticks * max(0, self._end_hour - ms // HOUR_MS) // _HOURS_PER_YEAR

    def price(self, price: Decimal, ms: int) -> Decimal:
        if not self._carry_ticks:
            basis = self._basis
        else:
            hour = ms // HOUR_MS
            if self._carried[0] != hour:
                self._carried = (hour, self.basis_ticks(ms) * self._tick)
            basis = self._carried[1]
        # On the same tick nothing is to be rounded, and most listings are.
        return price + basis if self._same_tick else (price * self._scale + basis).quantize(self._tick)

    def index(self, price: Decimal) -> Decimal:
        """Another index than the leader's where the quote coin is another: without the carry."""
        return (price * self._scale + self._basis).quantize(self._tick)

    def scaled(self, price: Decimal) -> Decimal:
        return (price * self._scale).quantize(self._tick)

    def volume(self, volume: Decimal) -> Decimal:
        own = volume * self._ratio
        return own if self._same_step else own.quantize(self._step)

    def turnover(self, turnover: Decimal, volume: Decimal, ms: int) -> Decimal:
        """Of an inverse contract in its coin, as if all had been traded at the mean price. What that is off by is the
        square of how far prices are spread, as a fraction: a millionth in a minute, a few ten thousandths in a day.
        """
        linear = (turnover * self._scale + volume * self.basis_ticks(ms) * self._tick) * self._ratio
        if not self.is_inverse:
            return linear
        traded = volume * self._ratio
        return (traded * traded / linear).quantize(_COIN, ROUND_HALF_EVEN) if linear else linear

    def kline(self, row: Kline) -> Kline:
        """Of a candle within one hour, or of any where the basis is constant."""
        at_ms = row.start_ms
        return Kline(
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            open=self.price(row.open, at_ms),
            high=self.price(row.high, at_ms),
            low=self.price(row.low, at_ms),
            close=self.price(row.close, at_ms),
            volume=self.volume(row.volume),
            turnover=self.turnover(row.turnover, row.volume, at_ms),
            confirm=row.confirm,
        )
