"""Public market endpoints, `/v5/market/*`.

Lives here: reading parameters and choosing what to show. Not here: the rows (`market_rows`), where prices come from
(`market`).
Candles, trades and tickers are in market time; `/v5/market/time` is the wall's.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import InstrumentSpec, listing_of
from tradewright.simulator.market.risk_tiers import risk_tiers
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.liquidity import price_bounds
from tradewright.simulator.paging import read_limit, read_page, whole
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.market import instrument_row, kline_row, level_row, risk_row, trade_row
from tradewright.simulator.texts import plain, price_text

CATEGORIES = ("linear", "inverse", "spot", "option")
SERVED = ("linear", "spot")
RISK_SYMBOLS_PER_PAGE = 15


class MarketEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._market = engine.market

    def all(self) -> list[Endpoint]:
        handlers = {
            "time": self._time,
            "instruments-info": self._instruments,
            "kline": self._klines,
            "orderbook": self._book,
            "tickers": self._tickers,
            "recent-trade": self._trades,
            "risk-limit": self._risk_limit,
            "price-limit": self._price_limit,
            "funding/history": self._funding_history,
        }
        return [Endpoint(method="GET", path=f"/v5/market/{name}", handle=handle) for name, handle in handlers.items()]

    def _time(self, call: Call) -> Result:
        return {"timeSecond": str(call.now_ms // 1000), "timeNano": str(call.now_ms * 1_000_000)}

    def _instruments(self, call: Call) -> Result:
        """Everything listed trades; inverse contracts and options are truthfully empty. Spot comes as one page."""
        category, status = _category(call.params), text(call.params, "status") or "Trading"
        symbol, base_coin = text(call.params, "symbol"), text(call.params, "baseCoin")
        kind = text(call.params, "symbolType")
        if symbol and category in SERVED:
            self._spec(call.params)
        found = [
            spec
            for spec in self._of(category)
            if status == "Trading"
            and kind == ""
            and symbol in ("", spec.symbol)
            and (base_coin in ("", spec.base_coin) or spec.is_spot)
        ]
        if category == "spot":
            return {"category": category, "list": [instrument_row(spec) for spec in found]}
        page = read_page(call.params, highest=1000, default=500)
        shown, cursor = _part(found, page.before or 0, page.limit)
        return {"category": category, "list": [instrument_row(spec) for spec in shown], "nextPageCursor": cursor}

    def _klines(self, call: Call) -> Result:
        spec = self._spec(call.params, default="linear")
        interval = text(call.params, "interval")
        if interval not in INTERVALS:
            raise bad_parameter(f"params error: interval [{interval}] is not one of {' '.join(INTERVALS)}")
        start_ms, end_ms = whole(call.params, "start"), whole(call.params, "end")
        limit = read_limit(call.params, highest=1000, default=200)
        # Nothing is known of the future, and a month that begins in the year 9999 has no end to count with.
        now_ms = self._market.now_ms
        if start_ms is not None and start_ms > now_ms:
            rows = []
        else:
            end_ms = None if end_ms is None else min(end_ms, now_ms)
            rows = self._market.klines(spec.listing, interval, start_ms, end_ms, limit)
        return {"category": spec.category, "symbol": spec.symbol, "list": [kline_row(row) for row in rows]}

    def _book(self, call: Call) -> Result:
        spec = self._spec(call.params)
        depth = read_limit(call.params, highest=1000, default=1 if spec.is_spot else 25)
        book = self._market.book(spec.listing)
        return {
            "s": spec.symbol,
            "b": [level_row(spec, level) for level in book.bids[:depth]],
            "a": [level_row(spec, level) for level in book.asks[:depth]],
            "ts": self._market.now_ms,
            "u": book.update_id,
            "seq": book.seq,
            "cts": book.time_ms,
        }

    def _tickers(self, call: Call) -> Result:
        category = _category(call.params, served=SERVED)
        specs = [self._spec(call.params)] if text(call.params, "symbol") else self._of(category)
        return {"category": category, "list": [self._market.ticker(spec.listing) for spec in specs]}

    def _trades(self, call: Call) -> Result:
        spec = self._spec(call.params)
        highest, usual = (60, 60) if spec.is_spot else (1000, 500)
        trades = self._market.trades(spec.listing, read_limit(call.params, highest=highest, default=usual))
        return {"category": spec.category, "list": [trade_row(spec, trade) for trade in trades]}

    def _risk_limit(self, call: Call) -> Result:
        """All tiers of one contract, or those of fifteen contracts a page."""
        category = _category(call.params, served=("linear",))
        page = read_page(call.params, highest=1000, default=1000)
        specs, cursor = [self._spec(call.params)] if text(call.params, "symbol") else self._of(category), ""
        if not text(call.params, "symbol"):
            specs, cursor = _part(specs, page.before or 0, RISK_SYMBOLS_PER_PAGE)
        rows = [risk_row(spec, tier) for spec in specs for tier in risk_tiers(spec)]
        return {"category": category, "list": rows, "nextPageCursor": cursor}

    def _price_limit(self, call: Call) -> Result:
        spec = self._spec(call.params, default="linear")
        index = self._market.index_price(spec.listing)
        lowest_sell, highest_buy = price_bounds(
            spec,
            mark_price=index if spec.is_spot else self._market.mark_price(spec.listing),
            index_price=index,
        )
        return {
            "symbol": spec.symbol,
            "buyLmt": price_text(spec, highest_buy),
            "sellLmt": price_text(spec, lowest_sell),
            "ts": str(call.now_ms),
        }

    def _funding_history(self, call: Call) -> Result:
        """What was due. A start needs an end, as on Bybit."""
        _category(call.params, served=("linear",))
        spec = self._spec(call.params)
        start_ms, end_ms = whole(call.params, "startTime"), whole(call.params, "endTime")
        if start_ms is not None and end_ms is None:
            raise bad_parameter("params error: startTime needs endTime")
        limit = read_limit(call.params, highest=200, default=200)
        rows = [
            {"symbol": spec.symbol, "fundingRate": plain(rate), "fundingRateTimestamp": str(ms)}
            for ms, rate in self._market.funding_history(spec.listing, start_ms, end_ms, limit)
        ]
        return {"category": "linear", "list": rows}

    def _of(self, category: str) -> list[InstrumentSpec]:
        return [spec for spec in self._market.instruments if spec.category == category]

    def _spec(self, params: Body, *, default: str = "") -> InstrumentSpec:
        """The instrument of `category` and `symbol`. An unknown one is a wrong parameter here, of spot as well."""
        category = _category(params, default=default, served=SERVED)
        spec = self._engine.specs.get(listing_of(category, text(params, "symbol")))
        if spec is None:
            raise bad_parameter("Not supported symbols" if category == "spot" else "params error: symbol invalid")
        return spec


def _category(params: Body, *, default: str = "", served: Sequence[str] = CATEGORIES) -> str:
    """One that this endpoint answers for. Raises `ApiError` 10001."""
    category = text(params, "category") or default
    if category not in CATEGORIES:
        raise bad_parameter(f"params error: category [{category}] is not one of {' '.join(CATEGORIES)}")
    if category not in served:
        raise bad_parameter(f"params error: category [{category}] is not served here, use {' or '.join(served)}")
    return category


def _part(specs: Sequence[InstrumentSpec], first: int, limit: int) -> tuple[list[InstrumentSpec], str]:
    """One page, and the cursor of the next or "" after the last."""
    return list(specs[first : first + limit]), f"p{first + limit}" if first + limit < len(specs) else ""
