"""Public market endpoints, `/v5/market/*`: what there is, what it costs, who traded.

Lives here: time, instruments, candles, books, tickers, trades. Not here: the rows (`rows.market`, `rows.instruments`),
where prices come from (`market`), funding, limits and the market's other figures (`figures`).
Candles, trades and tickers are in market time; `/v5/market/time` is the wall's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, get_args

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import InstrumentSpec, ListingStatus, MarketTrade, OptionType, PriceKind
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.paging import read_limit, read_page, whole
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rest.figures import FigureEndpoints, Notices
from tradewright.simulator.rest.named import Named, category_of, one_of, part
from tradewright.simulator.rows.instruments import instrument_row
from tradewright.simulator.rows.market import bar_row, kline_row, level_row, trade_row
from tradewright.simulator.rows.told_books import ToldBooks

STATUSES: Final[tuple[str, ...]] = get_args(ListingStatus)
OPTION_TYPES: Final = tuple(kind for kind in get_args(OptionType) if kind)
USUAL_STATUSES: Final = {"option": ("PreLaunch", "Trading", "Delivering")}
USUAL_OPTION_COIN: Final = "BTC"
BOOK_LEVELS: Final = {"spot": (1000, 1), "option": (25, 1)}  # most and usual; of contracts 1000 and 25
FULL_LEVELS: Final = 10_000
RPI_LEVELS: Final = 50
TRADES: Final = {"spot": (60, 60)}  # of others 1000 and 500
BARS: Final[dict[PriceKind, tuple[str, ...]]] = {
    "mark": ("linear", "inverse", "option"),
    "index": ("linear", "inverse"),
    "premium": ("linear",),
}
OPTION_BARS_MAX: Final = 500

T = TypeVar("T")


class MarketEndpoints:
    """The handlers; `all` lists them for the server, those of the market's figures with them.

    `told` are the books as the public streams told them last, `notices` the rows of system/status.
    """

    def __init__(self, venue: Venue, told: ToldBooks | None = None, *, notices: Notices = list) -> None:
        self._market = venue.market
        self._named = Named(venue.market, venue.specs)
        self._told = told or ToldBooks()
        self._figures = FigureEndpoints(venue, notices=notices)

    def all(self) -> list[Endpoint]:
        handlers: dict[str, Callable[[Call], Result]] = {
            "time": self._time,
            "instruments-info": self._instruments,
            "kline": self._klines,
            "mark-price-kline": lambda call: self._bars("mark", call),
            "index-price-kline": lambda call: self._bars("index", call),
            "premium-index-price-kline": lambda call: self._bars("premium", call),
            "orderbook": self._book,
            "rpi_orderbook": self._rpi_book,
            "full_orderbook": self._full_book,
            "tickers": self._tickers,
            "recent-trade": self._trades,
        }
        own = [Endpoint(method="GET", path=f"/v5/market/{name}", handle=handle) for name, handle in handlers.items()]
        return [*own, *self._figures.all()]

    def _time(self, call: Call) -> Result:
        return {"timeSecond": str(call.now_ms // 1000), "timeNano": str(call.now_ms * 1_000_000)}

    def _instruments(self, call: Call) -> Result:
        """Spot comes as one page. With a base coin linear and inverse are one list; options have one, BTC, anyway."""
        params, category = call.params, category_of(call.params)
        status = text(params, "status")
        if status:
            one_of("status", status, STATUSES)
        statuses = (status,) if status else USUAL_STATUSES.get(category, ("Trading",))
        symbol, base_coin = text(params, "symbol"), text(params, "baseCoin")
        if symbol:
            listed = [self._named.spec(params)]
        elif category == "option":
            listed = self._named.of_coin("option", base_coin or USUAL_OPTION_COIN)
        elif base_coin and category != "spot":
            listed = [spec for kind in ("linear", "inverse") for spec in self._named.of_coin(kind, base_coin)]
        else:
            listed = self._named.of(category)
        kind = text(params, "symbolType")  # nothing here is of a special kind
        found = [spec for spec in listed if spec.status in statuses and (not kind or category == "option")]
        if category == "spot":
            return {"category": category, "list": [instrument_row(spec) for spec in found]}
        page = read_page(params, highest=1000, default=500)
        shown, cursor = part(found, page.before or 0, page.limit)
        return {"category": category, "list": [instrument_row(spec) for spec in shown], "nextPageCursor": cursor}

    def _klines(self, call: Call) -> Result:
        spec = self._named.spec(call.params, default="linear", served=("linear", "inverse", "spot"))
        found = self._candles(call.params, spec, self._market.klines, most=1000)
        return {"category": spec.category, "symbol": spec.symbol, "list": [kline_row(row) for row in found]}

    def _bars(self, kind: PriceKind, call: Call) -> Result:
        spec = self._named.spec(call.params, default="linear", served=BARS[kind])
        found = self._candles(
            call.params,
            spec,
            lambda *window: self._market.price_bars(kind, *window),
            most=OPTION_BARS_MAX if spec.is_option else 1000,
        )
        return {"category": spec.category, "symbol": spec.symbol, "list": [bar_row(row) for row in found]}

    def _candles(
        self,
        params: Body,
        spec: InstrumentSpec,
        ask: Callable[[str, str, int | None, int | None, int], list[T]],
        *,
        most: int,
    ) -> list[T]:
        """Candles of any kind by interval, start, end and limit."""
        interval = one_of("interval", text(params, "interval"), INTERVALS)
        start_ms, end_ms = whole(params, "start"), whole(params, "end")
        limit = read_limit(params, highest=most, default=200)
        # Nothing is known of the future, and a month that begins in the year 9999 has no end to count with.
        now_ms = self._market.now_ms
        if start_ms is not None and start_ms > now_ms:
            return []
        return ask(spec.listing, interval, start_ms, None if end_ms is None else min(end_ms, now_ms), limit)

    def _book(self, call: Call) -> Result:
        spec = self._named.spec(call.params)
        most, usual = BOOK_LEVELS.get(spec.category, (1000, 25))
        depth = read_limit(call.params, highest=most, default=usual)
        book = self._market.book(spec.listing)
        return {
            "s": spec.symbol,
            "b": [level_row(spec, level) for level in book.bids[:depth]],
            "a": [level_row(spec, level) for level in book.asks[:depth]],
            "ts": self._market.now_ms,
            "u": self._told.update_of(spec.listing, book),
            "seq": book.seq,
            "cts": book.time_ms,
        }

    def _rpi_book(self, call: Call) -> Result:
        """With the size of retail orders at each level: there are none here."""
        if not text(call.params, "limit"):
            raise bad_parameter(f"params error: limit is missing, it must be between 1 and {RPI_LEVELS}")
        spec = self._named.spec(call.params, default="linear", served=("linear", "inverse", "spot"))
        depth = read_limit(call.params, highest=RPI_LEVELS, default=RPI_LEVELS)
        book = self._market.book(spec.listing)
        return {
            "s": spec.symbol,
            "b": [[*level_row(spec, level), "0"] for level in book.bids[:depth]],
            "a": [[*level_row(spec, level), "0"] for level in book.asks[:depth]],
            "ts": self._market.now_ms,
            "u": book.update_id,
            "seq": book.seq,
            "cts": book.time_ms,
        }

    def _full_book(self, call: Call) -> Result:
        """What the deltas of `orderbook.full` are to be applied to: the book of its last message."""
        spec = self._named.spec(call.params, served=("linear", "inverse", "spot"))
        book, update = self._told.full(spec.listing, self._market.book(spec.listing))
        return {
            "s": spec.symbol,
            "b": [level_row(spec, level) for level in book.bids[:FULL_LEVELS]],
            "a": [level_row(spec, level) for level in book.asks[:FULL_LEVELS]],
            "ts": self._market.now_ms,
            "u": update,
            "seq": book.seq,
            "cts": book.time_ms,
        }

    def _tickers(self, call: Call) -> Result:
        """All that trade; of options those of a coin, which must be named, and of one expiry if asked for."""
        params, category = call.params, category_of(call.params)
        base_coin, expiry = text(params, "baseCoin"), text(params, "expDate")
        if text(params, "symbol"):
            specs = [self._named.spec(params)]
        elif category == "option":
            if not base_coin:
                raise bad_parameter("params error: options need symbol or baseCoin")
            specs = [
                spec
                for spec in self._named.of_coin("option", base_coin)
                if spec.status == "Trading" and expiry in ("", spec.symbol.split("-")[1])
            ]
        else:
            specs = [spec for spec in self._named.of(category) if spec.status in ("Trading", "PreLaunch")]
        return {"category": category, "list": [self._market.ticker(spec.listing) for spec in specs]}

    def _trades(self, call: Call) -> Result:
        """Of one listing; of options all of a coin, BTC if none is named."""
        params, category = call.params, category_of(call.params)
        most, usual = TRADES.get(category, (1000, 500))
        limit = read_limit(params, highest=most, default=usual)
        if category == "option" and not text(params, "symbol"):
            return {"category": category, "list": self._option_trades(params, limit)}
        spec = self._named.spec(params)
        trades = self._market.trades(spec.listing, limit)
        return {"category": category, "list": [trade_row(spec, trade) for trade in trades]}

    def _option_trades(self, params: Body, limit: int) -> list[dict[str, Any]]:
        kind = text(params, "optionType")
        if kind:
            one_of("optionType", kind, OPTION_TYPES)
        found: list[tuple[InstrumentSpec, MarketTrade]] = []
        for spec in self._named.of_coin("option", text(params, "baseCoin") or USUAL_OPTION_COIN):
            if kind in ("", spec.option_type):
                found += [(spec, trade) for trade in self._market.trades(spec.listing, limit)]
        found.sort(key=lambda one: (one[1].time_ms, one[1].seq), reverse=True)
        return [trade_row(spec, trade) for spec, trade in found[:limit]]
