"""A spot pair that follows the contract of its coin: the same movements, a small basis, its own books and sizes.

Lives here: what spot has beside `following`. Not here: the contract it follows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tradewright.simulator.market.model import Bar, InstrumentSpec, PriceKind
from tradewright.simulator.market.synthetic.following import Follower
from tradewright.simulator.market.synthetic.following_candles import FollowingCandles
from tradewright.simulator.market.synthetic.following_terms import Terms
from tradewright.simulator.market.synthetic.listed import Listed
from tradewright.simulator.market.synthetic.walk import chance

_BASIS_RATIO: Final = 0.0004  # of the usual price, at most
_SIZE_RATIO: Final = Decimal("0.37")  # of the contract's sizes
_NO_FUNDING: Final = Decimal(0)


class FollowingPair(Follower):
    """See `Listed`. The pair's tick is the contract's, or a power of ten of it where the contract bundles the coin."""

    def __init__(self, spec: InstrumentSpec, leader: Listed, *, seed: int, usual_price: Decimal) -> None:
        """`usual_price` (quote coin) says how large the basis and the levels of the book are."""
        rng = chance(seed, spec.listing, "book")
        super().__init__(spec, leader, rng)
        basis_ticks = round(rng.uniform(-_BASIS_RATIO, _BASIS_RATIO) * int(usual_price / spec.tick_size))
        self._sizes = self._level_sizes(rng, usual_price)
        self.terms = Terms(spec, leader.spec, ratio=_SIZE_RATIO, basis_ticks=basis_ticks)
        self.candles = FollowingCandles(leader.candles, self.terms)

    def mark_price(self) -> Decimal:
        """Spot has no mark; this is the price traded last."""
        return self.last_price

    def index_price(self) -> Decimal:
        """The contract's index, per unit of this pair's coin."""
        return self.terms.scaled(self._leader.index_price())

    def funding_rate(self, funding_ms: int) -> Decimal:
        return _NO_FUNDING

    def open_interest(self, now_ms: int) -> None:
        return None

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        """None: there is no mark, and its index is the contract's."""
        return []
