"""The options of the synthetic market: books, rare trades and greeks, all of them functions of the seed, the time and
the underlying contract.

Lives here: `OptionBoard`, which the market asks, and `ListedOption`. Not here: which options there are
(`options_chain`), what they are worth (`options_pricing`), the rare trades (`options_trades`).
A book changes every second, with the index of the underlying as it was at the beginning of it; an event is made of it
only before a trade. Nothing is stored: a restart finds the same options, trades and prices again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.intervals import bucket_end
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Listing,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.synthetic.listed import Candles, Listed
from tradewright.simulator.market.synthetic.options_chain import (
    COINS,
    chain,
    delivered,
    expiries,
    next_expiry_ms,
)
from tradewright.simulator.market.synthetic.options_pricing import exact, implied_volatility
from tradewright.simulator.market.synthetic.options_trades import SEQ_PER_SECOND, CoinDesk, Day, Quote
from tradewright.simulator.market.synthetic.walk import chance
from tradewright.simulator.market.ticker import OptionQuotes, option_ticker

BARS_MAX: Final = 500
_NOTHING: Final = Decimal(0)
_NO_CANDLES: Final = "an option has no candles of trades"

# The mean index of the half hour before a moment, as far as it is over; None before that half hour.
Settling = Callable[[Listing, int], Decimal | None]


class OptionBoard:
    """All options of one market. `second` and `close` are to be called as of a `Listed`; between them nothing moves."""

    def __init__(self, leaders: Mapping[Listing, Listed], *, seed: int, now_ms: int, settling: Settling) -> None:
        """`leaders` are what options may follow; coins whose contract is not among them have none."""
        self._seed = seed
        self._settling = settling
        self._now_ms = now_ms
        self._desks = {
            coin.base: CoinDesk(coin, leaders[coin.leader], seed=seed, now_ms=now_ms)
            for coin in COINS
            if coin.leader in leaders
        }
        self._options: dict[Listing, ListedOption] = {}
        self._specs: tuple[InstrumentSpec, ...] = ()
        self._changes_ms = 0
        self.close(now_ms)

    @property
    def specs(self) -> tuple[InstrumentSpec, ...]:
        """What trades now, and what was delivered within a week (`Closed`). The same object until that changes."""
        return self._specs

    def __contains__(self, listing: Listing) -> bool:
        return listing in self._options

    def __getitem__(self, listing: Listing) -> ListedOption:
        return self._options[listing]

    def second(self, second: int) -> list[MarketEvent]:
        """The trades of one second of market time, each with the book before it.

        To be called when the underlying has made the same second, and everything before it has happened.
        """
        self._list(second * 1000)
        made: list[MarketEvent] = []
        for desk in self._desks.values():
            desk.begin(second)
            for trade in desk.trades_of_second(second):
                book = self._options[trade.symbol].book
                made += [replace(book, time_ms=trade.time_ms, seq=trade.seq - 1), trade]
        return made

    def close(self, now_ms: int) -> None:
        """Market time is `now_ms` now."""
        self._now_ms = now_ms
        for desk in self._desks.values():
            desk.now_ms = now_ms
        self._list(now_ms)

    def settlement_price(self, listing: Listing) -> Decimal | None:
        """See `Market.settlement_price`."""
        option = self._options[listing]
        return self._settling(option.leader.spec.listing, option.spec.delivery_ms)

    def _list(self, now_ms: int) -> None:
        """Make the options of this moment, if they are not there yet."""
        if now_ms < self._changes_ms:
            return
        self._changes_ms = next_expiry_ms(now_ms)
        options: dict[Listing, ListedOption] = {}
        for desk in self._desks.values():
            for expiry in expiries(now_ms):
                for spec in chain(desk.coin, expiry):
                    options[spec.listing] = self._options.get(spec.listing) or ListedOption(spec, desk, self)
            for expiry in delivered(now_ms):
                for spec in chain(desk.coin, expiry):
                    options[spec.listing] = ListedOption(replace(spec, status="Closed"), desk, self)
        self._options = options
        self._specs = tuple(option.spec for option in options.values())


class ListedOption:
    """See `Listed`. A delivered option has no book any more and is worth what it paid."""

    __slots__ = ("_board", "_desk", "_quote", "_quoted", "_salt", "spec")

    def __init__(self, spec: InstrumentSpec, desk: CoinDesk, board: OptionBoard) -> None:
        self.spec = spec
        self._desk = desk
        self._board = board
        self._salt = chance(0, spec.symbol).getrandbits(32)
        self._quoted = -1
        self._quote: Quote | None = None

    @property
    def leader(self) -> Listed:
        return self._desk.leader

    @property
    def candles(self) -> Candles:
        raise AssertionError(_NO_CANDLES)

    @property
    def book(self) -> MarketBook:
        second = self._desk.second
        bids, asks = ((), ()) if self._paid() is not None else self._desk.sides(self._now(), self._salt)
        return MarketBook(
            symbol=self.spec.listing,
            bids=bids,
            asks=asks,
            time_ms=second * 1000,
            update_id=second,
            seq=second * SEQ_PER_SECOND,
        )

    @property
    def last_price(self) -> Decimal:
        """Of the newest trade of a day; without one, the mark on the tick."""
        day = self._day()
        if day is not None:
            return day.last
        tick = self.spec.tick_size
        return max(tick, self.mark_price() // tick * tick)

    def trades(self, limit: int) -> list[MarketTrade]:
        """Of the last day, newest first."""
        return self._desk.newest(limit, self.spec.listing)

    def mark_price(self) -> Decimal:
        paid = self._paid()
        return exact(self._now().worth.price) if paid is None else paid

    def index_price(self) -> Decimal:
        return self._desk.index

    def funding_rate(self, funding_ms: int) -> Decimal:
        return _NOTHING

    def open_interest(self, now_ms: int) -> Decimal:
        """Base coin; another one each hour."""
        return self._desk.interest(self.spec, now_ms)

    def close_bar(self, now_ms: int) -> None:
        """Nothing to close."""

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        """Candles of the mark, made from those of the underlying: an option moves with it or against it. The index is
        the underlying's, and there is no premium.
        """
        if kind != "mark":
            return []
        born_ms, dies_ms = self.spec.launch_ms, self.spec.delivery_ms - 1
        first_ms = born_ms if start_ms is None else max(start_ms, born_ms)
        last_ms = dies_ms if end_ms is None else min(end_ms, dies_ms)
        if start_ms is None:
            rows = self.leader.candles.klines(interval, None, last_ms, min(limit, BARS_MAX), now_ms)
        else:
            rows = self.leader.candles.klines(interval, first_ms, end_ms and last_ms, min(limit, BARS_MAX), now_ms)
        return [self._bar(row, interval, now_ms) for row in rows if first_ms <= row.start_ms <= last_ms]

    def ticker(self) -> dict[str, str]:
        """All fields of the REST item."""
        now, day, book = self._now(), self._day(), self.book
        settling = self._board.settlement_price(self.spec.listing)
        return option_ticker(
            self.spec,
            OptionQuotes(
                book=book,
                bid_iv=self._volatility_at(book.bids[0][0]) if book.bids else None,
                ask_iv=self._volatility_at(book.asks[0][0]) if book.asks else None,
                last_price=self.last_price,
                mark_price=self.mark_price(),
                mark_iv=exact(now.volatility),
                index_price=self._desk.index,
                underlying_price=exact(now.forward),
                open_interest=self.open_interest(self._desk.now_ms),
                day=None if day is None else day.window,
                delta=exact(now.worth.delta),
                gamma=exact(now.worth.gamma),
                vega=exact(now.worth.vega),
                theta=exact(now.worth.theta),
                settling=settling,
            ),
        )

    def _now(self) -> Quote:
        """As of the second that began last; worked out once a second at most."""
        if self._quote is None or self._quoted != self._desk.second:
            self._quoted = self._desk.second
            self._quote = self._desk.quote(self.spec, self._desk.index, self._desk.second * 1000)
        return self._quote

    def _day(self) -> Day | None:
        return self._desk.days().get(self.spec.listing)

    def _paid(self) -> Decimal | None:
        """What a delivered option paid per base coin; None while it trades."""
        if self._desk.second * 1000 < self.spec.delivery_ms:
            return None
        settled = self._board.settlement_price(self.spec.listing)
        assert settled is not None, f"{self.spec.symbol} is delivered"
        assert self.spec.strike is not None, f"{self.spec.symbol} is an option"
        return max(_NOTHING, (settled - self.spec.strike) * (1 if self.spec.option_type == "Call" else -1))

    def _volatility_at(self, price: Decimal) -> Decimal:
        now = self._now()
        return exact(implied_volatility(self.spec.option_type, now.forward, now.strike, now.years, float(price)))

    def _bar(self, row: Kline, interval: str, now_ms: int) -> Bar:
        start_ms, end_ms = row.start_ms, min(bucket_end(interval, row.start_ms), now_ms)
        moments = ((row.open, start_ms), (row.high, end_ms), (row.low, end_ms), (row.close, end_ms))
        first, *others = (exact(self._desk.quote(self.spec, price, ms).worth.price) for price, ms in moments)
        return Bar(
            start_ms=start_ms,
            open=first,
            high=max(first, *others),
            low=min(first, *others),
            close=others[-1],
        )
