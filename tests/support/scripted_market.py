"""A market that does what the test says: one contract and, if asked for, a spot pair and others; trades by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tradewright.simulator.market import (
    BTCUSDT,
    InstrumentSpec,
    Kline,
    Listing,
    MarketBook,
    MarketClock,
    MarketEvent,
    MarketTrade,
)
from tradewright.simulator.market.model import PRICE_UNBOUNDED, Bar, Level, PriceKind, Side

START_MS = 1_700_000_000_000
SPOT = "spot:BTCUSDT"
SPOT_BTCUSDT = replace(
    BTCUSDT,
    category="spot",
    settle_coin="",
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=PRICE_UNBOUNDED,
    qty_step=Decimal("0.000001"),
    min_qty=Decimal("0.000001"),
    quote_precision=Decimal("0.0000001"),
    max_limit_qty=Decimal("83"),
    max_market_qty=Decimal("41.5"),
    min_notional=Decimal(5),
    max_leverage=Decimal(1),
    maker_fee_rate=Decimal("0.001"),
    taker_fee_rate=Decimal("0.001"),
    maintenance_margin_rate=Decimal(0),
    funding_interval_min=0,
    launch_ms=0,
)

DELIVERY_MS = START_MS + 30 * 86_400_000
USDC_PERP = replace(BTCUSDT, symbol="BTCPERP", symbol_id=201, quote_coin="USDC", settle_coin="USDC")
BTCUSD = replace(
    BTCUSDT,
    category="inverse",
    symbol="BTCUSD",
    quote_coin="USD",
    settle_coin="BTC",
    tick_size=Decimal("0.50"),
    price_scale=2,
    min_price=Decimal("0.50"),
    max_price=Decimal("999999.50"),
    qty_step=Decimal(1),
    min_qty=Decimal(1),
    max_limit_qty=Decimal(25_000_000),
    max_market_qty=Decimal(5_000_000),
    min_notional=Decimal(1),
)
ETHUSDT = replace(
    BTCUSDT,
    symbol="ETHUSDT",
    symbol_id=6,
    base_coin="ETH",
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    qty_step=Decimal("0.01"),
    min_qty=Decimal("0.01"),
)
FUTURE = replace(
    BTCUSDT,
    symbol="BTCUSDT-14DEC23",
    symbol_id=301,
    contract_type="LinearFutures",
    delivery_ms=DELIVERY_MS,
    funding_interval_min=0,
)
CALL = replace(
    BTCUSDT,
    category="option",
    symbol="BTC-14DEC23-62000-C",
    symbol_id=401,
    option_type="Call",
    strike=Decimal(62_000),
    delivery_ms=DELIVERY_MS,
    funding_interval_min=0,
    tick_size=Decimal(5),
    min_price=Decimal(5),
    qty_step=Decimal("0.01"),
    min_qty=Decimal("0.01"),
    min_notional=Decimal(0),
    min_leverage=Decimal(1),
    max_leverage=Decimal(1),
    maker_fee_rate=Decimal("0.0003"),
    taker_fee_rate=Decimal("0.0003"),
    maintenance_margin_rate=Decimal(0),
)
PRICES = {
    **dict.fromkeys(("BTCUSDT", "BTCPERP", "inverse:BTCUSD", FUTURE.listing), Decimal("60000.00")),
    "ETHUSDT": Decimal("3000.00"),
    CALL.listing: Decimal(1_200),
}


def levels(*rows: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in rows)


def _trade(
    listing: Listing, price: Decimal, time_ms: int, seq: int, size: Decimal = Decimal(1), side: Side = "Sell"
) -> MarketTrade:
    return MarketTrade(symbol=listing, time_ms=time_ms, price=price, size=size, side=side, trade_id=f"t{seq}", seq=seq)


class ScriptedMarket:
    """BTCUSDT around 60 000. `trade` and `quote` queue what the next `advance` brings, to the contract unless told
    otherwise. With `spot` the pair of the same symbol is listed beside it, around 60 050.

    `others` are listed too, at their `PRICES`, with a book of one level a tick away on either side. `marks` may be set
    by listing, `rates` are (listing, moment, rate) of funding.
    """

    def __init__(self, *, spot: bool = False, others: Sequence[InstrumentSpec] = ()) -> None:
        self.now_ms = START_MS
        self.clock = MarketClock(wall_ms=START_MS, market_ms=START_MS, speed=1)
        self.ended = False
        self.link_lost = False
        self.notice = ""
        self.index = Decimal("60000.00")
        first = (BTCUSDT, SPOT_BTCUSDT) if spot else (BTCUSDT,)
        self.instruments: tuple[InstrumentSpec, ...] = (*first, *others)
        self.marks = {"BTCUSDT": PRICES["BTCUSDT"], **{spec.listing: PRICES[spec.listing] for spec in others}}
        self.rates: list[tuple[Listing, int, Decimal]] = []
        self._last: dict[Listing, Decimal] = {**self.marks, SPOT: Decimal("60050.00")}
        self.settled: dict[Listing, Decimal] = {}  # what `settlement_price` tells
        self._seq = 1
        self._queue: list[MarketEvent] = []
        self._trades = [_trade(listing, price, START_MS, 1) for listing, price in self._last.items()]
        self._books: dict[Listing, MarketBook] = {
            "BTCUSDT": MarketBook(
                symbol="BTCUSDT",
                bids=levels(("59999.90", "1.000"), ("59999.00", "2.000"), ("59990.00", "5.000")),
                asks=levels(("60000.10", "1.000"), ("60001.00", "2.000"), ("60010.00", "5.000")),
                time_ms=START_MS,
                update_id=1,
                seq=1,
            ),
            SPOT: MarketBook(
                symbol=SPOT,
                bids=levels(("60049.00", "0.500000"), ("60040.00", "2.000000")),
                asks=levels(("60051.00", "0.500000"), ("60060.00", "2.000000")),
                time_ms=START_MS,
                update_id=1,
                seq=1,
            ),
        }
        for spec in others:
            price, size = PRICES[spec.listing], "1000000" if spec.is_inverse else "100.00"
            bid, ask = str(price - spec.tick_size), str(price + spec.tick_size)
            self._books[spec.listing] = MarketBook(
                symbol=spec.listing,
                bids=levels((bid, size)),
                asks=levels((ask, size)),
                time_ms=START_MS,
                update_id=1,
                seq=1,
            )

    @property
    def mark(self) -> Decimal:
        """Of the contract that is always listed."""
        return self.marks["BTCUSDT"]

    @mark.setter
    def mark(self, price: Decimal) -> None:
        self.marks["BTCUSDT"] = price

    def trade(self, price: str, size: str = "1.000", *, listing: Listing = "BTCUSDT", side: Side = "Sell") -> None:
        self._seq += 1
        self._queue.append(_trade(listing, Decimal(price), self.now_ms, self._seq, Decimal(size), side))

    def quote(self, *, bid: str, ask: str, size: str = "10.000", listing: Listing = "BTCUSDT") -> None:
        self.show(levels((bid, size)), levels((ask, size)), listing=listing)

    def show(self, bids: Sequence[Level], asks: Sequence[Level], *, listing: Listing = "BTCUSDT") -> None:
        """The same with all levels of the book."""
        self._seq += 1
        book = MarketBook(
            symbol=listing,
            bids=bids,
            asks=asks,
            time_ms=self.now_ms,
            update_id=self._books[listing].update_id + 1,
            seq=self._seq,
        )
        self._queue.append(book)

    def advance(self, to_ms: int) -> list[MarketEvent]:
        self.now_ms = max(self.now_ms, to_ms)
        happened, self._queue = self._queue, []
        for event in happened:
            if isinstance(event, MarketBook):
                self._books[event.symbol] = event
            elif isinstance(event, MarketTrade):
                self._last[event.symbol] = event.price
                self._trades.append(event)
        return happened

    def book(self, symbol: str) -> MarketBook:
        return self._books[symbol]

    def last_price(self, symbol: str) -> Decimal:
        return self._last[symbol]

    def mark_price(self, symbol: str) -> Decimal:
        assert symbol != SPOT, "a spot pair has no mark price"
        return self.marks[symbol]

    def index_price(self, symbol: str) -> Decimal:
        """A contract's is its mark, an option's that of the contract that is always listed."""
        if symbol == SPOT:
            return self.index
        return self.mark if symbol == CALL.listing else self.marks[symbol]

    def funding_rate(self, symbol: str) -> Decimal:
        return Decimal("0.0001")

    def next_funding_ms(self, symbol: str) -> int:
        return START_MS + 28_800_000

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        first, last = start_ms or 0, self.now_ms if end_ms is None else min(end_ms, self.now_ms)
        due = sorted((ms, rate) for listing, ms, rate in self.rates if listing == symbol and first <= ms <= last)
        return due[::-1][:limit]

    def ticker(self, symbol: str) -> dict[str, str]:
        row = {"symbol": symbol, "lastPrice": str(self.last_price(symbol)), "markPrice": str(self.mark), "basis": ""}
        greeks = {"delta": "0.5", "gamma": "0.0001", "vega": "50", "theta": "-40"}
        return row | greeks if symbol == CALL.listing else row

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        return []

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        return []

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        return None

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        return [trade for trade in reversed(self._trades) if trade.symbol == symbol][:limit]

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        return []

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        return []

    def settlement_price(self, symbol: str) -> Decimal | None:
        return self.settled.get(symbol)

    def state(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.now_ms = state["now_ms"]
