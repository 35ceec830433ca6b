"""A spot pair that follows the contract of its coin: the same movements, a small basis, its own books and sizes.

Lives here: `FollowingPair` and the candles it derives. Not here: the contract it follows.
Every price is the contract's plus a basis, every size the contract's times a ratio, and both stay what they are. So
each candle of the pair is exactly what its trades make it, of any interval and after any restart; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.levels import DepthSide
from tradewright.simulator.market.listed import Candles, Listed
from tradewright.simulator.market.model import InstrumentSpec, Kline, Level, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.walk import chance, size_steps

_BASIS_RATIO: Final = 0.0004  # of the usual price, at most
_SIZE_RATIO: Final = Decimal("0.37")  # of the contract's sizes
_LEVEL_SIZES: Final = 64
_LEVEL_VALUE: Final = 9_000  # quote coin, the median of a level of the book
_SLOT_MS: Final = 200
_NO_FUNDING: Final = Decimal(0)


class FollowingPair:
    """See `Listed`. The pair's tick is the contract's, or a power of ten of it where the contract bundles the coin."""

    def __init__(self, spec: InstrumentSpec, leader: Listed, *, seed: int, usual_price: Decimal) -> None:
        """`usual_price` (quote coin) says how large the basis and the levels of the book are."""
        self.spec = spec
        self._listing = spec.listing
        self._leader = leader
        rng = chance(seed, spec.listing, "book")
        self._salts = (rng.getrandbits(32), rng.getrandbits(32))
        self._basis_ticks = round(rng.uniform(-_BASIS_RATIO, _BASIS_RATIO) * int(usual_price / spec.tick_size))
        median_steps = float(_LEVEL_VALUE / (usual_price * spec.qty_step))
        self._sizes = tuple(size_steps(rng, median_steps) * spec.qty_step for _ in range(_LEVEL_SIZES))
        self._terms = _Terms(spec, leader.spec, self._basis_ticks)
        self.candles = _FollowingCandles(leader.candles, self._terms)

    @property
    def book(self) -> MarketBook:
        return self._book(self._leader.book)

    @property
    def last_price(self) -> Decimal:
        return self._terms.price(self._leader.last_price)

    def trades(self, limit: int) -> list[MarketTrade]:
        return [self._trade(trade) for trade in self._leader.trades(limit)]

    def mark_price(self) -> Decimal:
        """Spot has no mark; this is the price traded last."""
        return self.last_price

    def index_price(self) -> Decimal:
        """The contract's index, per unit of this pair's coin."""
        return self._terms.scaled(self._leader.index_price())

    def funding_rate(self, funding_ms: int) -> Decimal:
        return _NO_FUNDING

    def open_interest(self, now_ms: int) -> None:
        return None

    def close_bar(self, now_ms: int) -> None:
        """Nothing to close: its candles are the contract's."""

    def following(self, happened: Iterable[MarketEvent]) -> list[MarketEvent]:
        """What happens here when this happens to the contract: all its trades, and one book a second."""
        return [
            self._trade(event) if isinstance(event, MarketTrade) else self._book(event)
            for event in happened
            if isinstance(event, MarketTrade) or (isinstance(event, MarketBook) and event.time_ms % 1000 == 0)
        ]

    def _book(self, book: MarketBook) -> MarketBook:
        epoch = book.time_ms // _SLOT_MS
        return MarketBook(
            symbol=self._listing,
            bids=self._side(book.bids, -1, self._salts[0], epoch),
            asks=self._side(book.asks, 1, self._salts[1], epoch),
            time_ms=book.time_ms,
            update_id=book.update_id,
            seq=book.seq,
        )

    def _side(self, side: Sequence[Level], direction: int, salt: int, epoch: int) -> DepthSide:
        assert isinstance(side, DepthSide), "the contracts that are followed are synthetic"
        return DepthSide(
            best_ticks=side.best_ticks + self._basis_ticks,
            direction=direction,
            epoch=epoch,
            salt=salt,
            sizes=self._sizes,
            tick_size=self.spec.tick_size,
        )

    def _trade(self, trade: MarketTrade) -> MarketTrade:
        return MarketTrade(
            symbol=self._listing,
            time_ms=trade.time_ms,
            price=self._terms.price(trade.price),
            size=self._terms.volume(trade.size),
            side=trade.side,
            trade_id=f"{self.spec.symbol_id:08x}-{trade.trade_id.partition('-')[2]}",
            seq=trade.seq,
        )


class _Terms:
    """How the numbers of a pair follow from those of its contract. All exact: nothing is rounded away."""

    __slots__ = ("_basis", "_ratio", "_scale", "_step", "_tick")

    def __init__(self, pair: InstrumentSpec, contract: InstrumentSpec, basis_ticks: int) -> None:
        self._tick = pair.tick_size
        self._step = pair.qty_step
        self._scale = pair.tick_size / contract.tick_size
        self._basis = basis_ticks * pair.tick_size
        self._ratio = _SIZE_RATIO / self._scale
        assert contract.qty_step * self._ratio % pair.qty_step == 0, f"{pair.listing} trades in whole steps"

    def price(self, price: Decimal) -> Decimal:
        return (price * self._scale + self._basis).quantize(self._tick)

    def scaled(self, price: Decimal) -> Decimal:
        return (price * self._scale).quantize(self._tick)

    def volume(self, volume: Decimal) -> Decimal:
        return (volume * self._ratio).quantize(self._step)

    def turnover(self, turnover: Decimal, volume: Decimal) -> Decimal:
        return (turnover * self._scale + volume * self._basis) * self._ratio

    def kline(self, row: Kline) -> Kline:
        return Kline(
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            open=self.price(row.open),
            high=self.price(row.high),
            low=self.price(row.low),
            close=self.price(row.close),
            volume=self.volume(row.volume),
            turnover=self.turnover(row.turnover, row.volume),
            confirm=row.confirm,
        )


class _FollowingCandles:
    """See `Candles`."""

    def __init__(self, leaders: Candles, terms: _Terms) -> None:
        self._leaders = leaders
        self._terms = terms

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        rows = self._leaders.klines(interval, start_ms, end_ms, limit, now_ms)
        return [self._terms.kline(row) for row in rows]

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        return [self._terms.kline(row) for row in self._leaders.closed_klines(interval, after_ms, now_ms)]

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        row = self._leaders.live_kline(interval, now_ms)
        return self._terms.kline(row) if row is not None else None

    def day(self, now_ms: int) -> Window | None:
        window = self._leaders.day(now_ms)
        if window is None:
            return None
        return Window(
            open=self._terms.price(window.open),
            high=self._terms.price(window.high),
            low=self._terms.price(window.low),
            volume=self._terms.volume(window.volume),
            turnover=self._terms.turnover(window.turnover, window.volume),
        )

    def price_at(self, ms: int) -> Decimal | None:
        price = self._leaders.price_at(ms)
        return self._terms.price(price) if price is not None else None
