"""A contract that follows the USDT perpetual of its coin: inverse, settled in USDC, or dated.

Lives here: mark, index, premium, funding and interest of such a contract, and what is left of it after its end.
Not here: its books and trades (`following`), its candles (`following_candles`), when it ends (`dated`).
A dated contract is above its index by so much a year, until it meets it at its end (08:00 UTC of a day); after that
nothing happens any more, and its last price is what it settled at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.intervals import WEEK_MS
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Listing,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.price_bars import joined
from tradewright.simulator.market.synthetic.following import Follower
from tradewright.simulator.market.synthetic.following_candles import DatedCandles, FollowingCandles, Piece, in_candles
from tradewright.simulator.market.synthetic.following_terms import Terms
from tradewright.simulator.market.synthetic.listed import Listed, Moment
from tradewright.simulator.market.synthetic.walk import chance, funding_rate, open_interest

_BASIS_RATIO: Final = 0.0003  # of the usual price, at most
_CARRY_RATIOS: Final = (0.04, 0.09)  # of the usual price and a year
_LINEAR_RATIO: Final = Decimal("0.3")  # of the leader's sizes
_DATED_RATIO: Final = Decimal("0.1")
_INTEREST_VALUE: Final = 400_000_000  # dollars, of a perpetual; a dated contract has a tenth
_NO_FUNDING: Final = Decimal(0)
_TOUCH: Final = 1_000  # steps on each side of the book of a contract that has ended

Settling = Callable[[Listing, int], Decimal | None]


class FollowingContract(Follower):
    """See `Listed`."""

    def __init__(
        self,
        spec: InstrumentSpec,
        leader: Listed,
        *,
        seed: int,
        usual_price: Decimal,
        usd_per_coin: int,
        now: Moment,
        settling: Settling,
    ) -> None:
        """`usual_price` (quote coin) says how large basis and books are; `usd_per_coin` how many contracts an inverse
        one trades for each coin of its leader. `settling` tells the mean index of the half hour before a moment.
        """
        rng = chance(seed, spec.listing, "book")
        super().__init__(spec, leader, rng)
        self._seed = seed
        usual_ticks = int(usual_price / spec.tick_size)
        dated = bool(spec.delivery_ms)
        ratio = _DATED_RATIO if dated else _LINEAR_RATIO
        self.terms = Terms(
            spec,
            leader.spec,
            ratio=Decimal(usd_per_coin) if spec.is_inverse else ratio,
            basis_ticks=round(rng.uniform(-_BASIS_RATIO, _BASIS_RATIO) * usual_ticks),
            carry_ticks=round(rng.uniform(*_CARRY_RATIOS) * usual_ticks) if dated else 0,
        )
        self._sizes = self._level_sizes(rng, usual_price)
        lot_value = spec.qty_step * (1 if spec.is_inverse else usual_price)
        self._interest_steps = int(_INTEREST_VALUE / lot_value / (10 if dated else 1))
        self._settling = settling
        self._now = now
        self.candles: DatedCandles | FollowingCandles = (
            # A market may begin some days before the launch of what it lists: that has candles too.
            DatedCandles(leader.candles, self.terms, begin_ms=spec.launch_ms - WEEK_MS, end_ms=spec.delivery_ms)
            if dated
            else FollowingCandles(leader.candles, self.terms)
        )

    @property
    def ended(self) -> bool:
        return bool(self.spec.delivery_ms) and self._now.ms >= self.spec.delivery_ms

    @property
    def settlement_price(self) -> Decimal | None:
        """See `Market.settlement_price`."""
        if not self.spec.delivery_ms:
            return None
        index = self._settling(self._leader.spec.listing, self.spec.delivery_ms)
        return None if index is None else self.terms.index(index)

    @property
    def book(self) -> MarketBook:
        return self._last_book() if self.ended else self._book(self._leader.book)

    @property
    def last_price(self) -> Decimal:
        return self._settled() if self.ended else super().last_price

    def trades(self, limit: int) -> list[MarketTrade]:
        """None any more once it has ended."""
        return [] if self.ended else super().trades(limit)

    def mark_price(self) -> Decimal:
        """The leader's with the basis of now; so a dated contract's meets the index at its end."""
        return self._settled() if self.ended else self.terms.price(self._leader.mark_price(), self._now.ms)

    def index_price(self) -> Decimal:
        """The leader's, in this contract's quote coin."""
        return self._settled() if self.ended else self.terms.index(self._leader.index_price())

    def funding_rate(self, funding_ms: int) -> Decimal:
        return funding_rate(self._seed, self.spec, funding_ms) if self.spec.is_perpetual else _NO_FUNDING

    def open_interest(self, now_ms: int) -> Decimal:
        return open_interest(self._seed, self.spec, self._interest_steps, now_ms)

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        """Of a dated contract there is no premium: it has no funding that would need one."""
        end = self.spec.delivery_ms
        if kind == "premium":
            return [] if end else self._leader.price_bars(kind, interval, start_ms, end_ms, limit, now_ms)
        oldest_first = start_ms is not None and end_ms is None
        if end and now_ms >= end and not oldest_first:
            end_ms = end - 1 if end_ms is None else min(end_ms, end - 1)
        piece = Piece.of(interval, start_ms, end_ms, limit) if end else Piece(interval, start_ms, end_ms, limit)
        rows = self._leader.price_bars(kind, piece.interval, piece.start_ms, piece.end_ms, piece.limit, now_ms)
        own = [self._bar(kind, row) for row in rows if not end or row.start_ms < end]
        if piece.interval == interval:
            return own
        found = [joined(interval, group) for group in in_candles(interval, own)]
        return (found[:limit] if oldest_first else found[-limit:])[::-1] if limit > 0 else []

    def following(self, happened: Iterable[MarketEvent]) -> list[MarketEvent]:
        """Nothing any more from its end on."""
        end = self.spec.delivery_ms
        return super().following(event for event in happened if not end or event.time_ms < end)

    def _bar(self, kind: PriceKind, row: Bar) -> Bar:
        def price(leaders: Decimal) -> Decimal:
            return self.terms.price(leaders, row.start_ms) if kind == "mark" else self.terms.index(leaders)

        return Bar(
            start_ms=row.start_ms,
            open=price(row.open),
            high=price(row.high),
            low=price(row.low),
            close=price(row.close),
        )

    def _settled(self) -> Decimal:
        settled = self.settlement_price
        assert settled is not None, f"{self.spec.symbol} has ended"
        return settled

    def _last_book(self) -> MarketBook:
        """Nobody trades any more; what is told is where it settled."""
        price, tick = self._settled(), self.spec.tick_size
        size = self.spec.qty_step * _TOUCH
        end = self.spec.delivery_ms
        return MarketBook(
            symbol=self._listing,
            bids=((price - tick, size),),
            asks=((price, size),),
            time_ms=end,
            update_id=end,
            seq=end,
        )
