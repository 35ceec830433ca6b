"""A listing that follows the contract of its coin: the same movements, a basis, its own books and sizes.

Lives here: `Follower`. Not here: by which terms (`following_terms`), what is special about spot pairs (`spot_pair`) and
contracts (`following_contract`), candles (`following_candles`).
Every price is the leader's plus a basis that is known for every moment, every size the leader's times a ratio. So each
candle is exactly what its trades make it, of any interval and after any restart; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import Final

from tradewright.simulator.market.levels import DepthSide, LevelSizes
from tradewright.simulator.market.model import (
    InstrumentSpec,
    Level,
    MarketBook,
    MarketEvent,
    MarketLiquidation,
    MarketTrade,
)
from tradewright.simulator.market.synthetic.following_terms import Terms
from tradewright.simulator.market.synthetic.listed import Listed
from tradewright.simulator.market.synthetic.walk import size_steps

_LEVEL_SIZES: Final = 64
_LEVEL_VALUE: Final = 9_000  # dollars, the median of a level of the book
_SLOT_MS: Final = 200
_PREFIX: Final = 8  # characters of a trade's id that tell the listing


class Follower:
    """What spot pairs and contracts have in common. `terms` are to be set before anything is asked."""

    terms: Terms

    def __init__(self, spec: InstrumentSpec, leader: Listed, rng: Random) -> None:
        self.spec = spec
        self._listing = spec.listing
        self._id_prefix = f"{spec.symbol_id:08x}"
        self._leader = leader
        self._salts = (rng.getrandbits(32), rng.getrandbits(32))

    @property
    def book(self) -> MarketBook:
        return self._book(self._leader.book)

    @property
    def last_price(self) -> Decimal:
        """Of the last trade, which is the leader's."""
        newest = self._leader.trades(1)
        at_ms = newest[0].time_ms if newest else self._leader.book.time_ms
        return self.terms.price(self._leader.last_price, at_ms)

    def trades(self, limit: int) -> list[MarketTrade]:
        return [self._trade(trade) for trade in self._leader.trades(limit)]

    def following(self, happened: Iterable[MarketEvent]) -> list[MarketEvent]:
        """What happens here when this happens to the leader: all its trades, and one book a second."""
        found: list[MarketEvent] = []
        for event in happened:
            if isinstance(event, MarketTrade):
                found.append(self._trade(event))
            elif isinstance(event, MarketBook):
                if event.time_ms % 1000 == 0:
                    found.append(self._book(event))
            elif not self.spec.is_spot:
                found.append(self._liquidation(event))
        return found

    def _level_sizes(self, rng: Random, usual_price: Decimal) -> LevelSizes:
        """`usual_price` in quote coin; a lot of an inverse contract is a dollar."""
        lot_value = self.spec.qty_step * (1 if self.spec.is_inverse else usual_price)
        median_steps = float(_LEVEL_VALUE / lot_value)
        return LevelSizes([size_steps(rng, median_steps) for _ in range(_LEVEL_SIZES)], self.spec.qty_step)

    _sizes: LevelSizes

    def _book(self, book: MarketBook) -> MarketBook:
        epoch = book.time_ms // _SLOT_MS
        basis = self.terms.basis_ticks(book.time_ms)
        return MarketBook(
            symbol=self._listing,
            bids=self._side(book.bids, -1, self._salts[0], epoch, basis),
            asks=self._side(book.asks, 1, self._salts[1], epoch, basis),
            time_ms=book.time_ms,
            update_id=book.update_id,
            seq=book.seq,
        )

    def _side(self, side: Sequence[Level], direction: int, salt: int, epoch: int, basis: int) -> DepthSide:
        assert isinstance(side, DepthSide), "the contracts that are followed are synthetic"
        return DepthSide(
            best_ticks=side.best_ticks + basis,
            direction=direction,
            epoch=epoch,
            salt=salt,
            sizes=self._sizes,
            tick_size=self.spec.tick_size,
            thin=side.thin,
        )

    def _trade(self, trade: MarketTrade) -> MarketTrade:
        return MarketTrade(
            symbol=self._listing,
            time_ms=trade.time_ms,
            price=self.terms.price(trade.price, trade.time_ms),
            size=self.terms.volume(trade.size),
            side=trade.side,
            trade_id=self._id_prefix + trade.trade_id[_PREFIX:],
            seq=trade.seq,
        )

    def _liquidation(self, event: MarketLiquidation) -> MarketLiquidation:
        return MarketLiquidation(
            symbol=self._listing,
            time_ms=event.time_ms,
            side=event.side,
            size=self.terms.volume(event.size),
            price=self.terms.price(event.price, event.time_ms),
            seq=event.seq,
        )
