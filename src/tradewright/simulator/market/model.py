"""The words of the market: instruments, trades, books, candles, and what a market can be asked.

Lives here: the value types and the `Market` protocol, which the matching and serving parts of the simulator use.
Not here: how prices come about (`synthetic`, `replay`), and anything about orders or accounts.
Money and sizes are Decimal; times are Unix milliseconds of market time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from tradewright.simulator.market.clock import MarketClock

Side = Literal["Buy", "Sell"]
Category = Literal["linear", "inverse", "spot", "option"]
ContractType = Literal["", "LinearPerpetual", "LinearFutures", "InversePerpetual", "InverseFutures"]
ListingStatus = Literal["PreLaunch", "Trading", "Delivering", "Closed"]
OptionType = Literal["", "Call", "Put"]
PriceKind = Literal["mark", "index", "premium"]
CATEGORIES: Final[tuple[Category, ...]] = ("linear", "inverse", "spot", "option")
Level = tuple[Decimal, Decimal]  # (price, size)

# What one listing is called inside the simulator: a linear contract by its symbol ("BTCUSDT"), everything else by its
# category and symbol ("spot:BTCUSDT", "inverse:BTCUSD", "option:BTC-…"), because two may have the same symbol. Tables,
# logs and states are keyed by it.
Listing = str
PRICE_UNBOUNDED: Final = Decimal("1000000000000")  # highest price of a spot pair: Bybit's filters name none


def listing_of(category: str, symbol: str) -> Listing:
    """The listing that a client names by category and symbol. Whether it exists is another question."""
    return symbol if category == "linear" and ":" not in symbol else f"{category}:{symbol}"


def is_spot(listing: Listing) -> bool:
    return listing.startswith("spot:")


def is_inverse(listing: Listing) -> bool:
    return listing.startswith("inverse:")


def is_option(listing: Listing) -> bool:
    return listing.startswith("option:")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSpec:
    """One contract, spot pair or option and its filters, as Bybit's instruments-info tells them (REST).

    A spot pair has no settle coin (""), leverage 1 in all three fields, no maintenance margin (0), no funding
    (0 and an interval of 0), no time of launch (0), and prices from one tick to `PRICE_UNBOUNDED`. A dated contract and
    an option have no funding either, and a `delivery_ms`.

    Quantities are in the base coin, of inverse contracts in contracts of one quote coin (USD). Money of a contract is
    in its settle coin: the quote coin of linear ones and options, the base coin of inverse ones.
    """

    category: Category
    symbol: str  # on the wire; `listing` is the key inside
    symbol_id: int
    base_coin: str
    quote_coin: str
    settle_coin: str
    price_scale: int
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    qty_step: Decimal
    min_qty: Decimal
    max_limit_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal  # quote coin; `minNotionalValue` of a contract, `minOrderAmt` of a spot pair
    min_leverage: Decimal
    max_leverage: Decimal
    leverage_step: Decimal
    maker_fee_rate: Decimal  # fraction of the value
    taker_fee_rate: Decimal
    maintenance_margin_rate: Decimal  # fraction of the position's value, first risk tier
    price_limit_ratio_x: Decimal
    price_limit_ratio_y: Decimal
    upper_funding_rate: Decimal
    lower_funding_rate: Decimal
    funding_interval_min: int
    launch_ms: int
    quote_precision: Decimal | None = None  # spot only: step of amounts in quote coin
    contract_type: ContractType = ""  # "" is LinearPerpetual on linear, InversePerpetual on inverse, nothing elsewhere
    status: ListingStatus = "Trading"
    delivery_ms: int = 0  # market time; 0 for what never ends
    option_type: OptionType = ""
    strike: Decimal | None = None  # options only, quote coin
    first_tier_value: Decimal | None = None  # settle coin, up to which full leverage is allowed; None: see `risk_tiers`

    @property
    def listing(self) -> Listing:
        return listing_of(self.category, self.symbol)

    @property
    def is_spot(self) -> bool:
        return self.category == "spot"

    @property
    def is_inverse(self) -> bool:
        return self.category == "inverse"

    @property
    def is_option(self) -> bool:
        return self.category == "option"

    @property
    def is_perpetual(self) -> bool:
        return self.category in ("linear", "inverse") and not self.delivery_ms

    @property
    def may_hedge(self) -> bool:
        """Whether a long and a short position may stand beside each other: in USDT perpetuals only."""
        return self.category == "linear" and self.is_perpetual and self.settle_coin == "USDT"

    @property
    def min_order_amount(self) -> Decimal:
        """Spot's name for `min_notional`: the least value of an order, in quote coin."""
        return self.min_notional

    @property
    def base_precision(self) -> Decimal:
        """Spot's name for `qty_step`, in base coin."""
        return self.qty_step


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionQuote:
    """What an option was worth when it traded. Volatilities are fractions per year; `iv` is that of the trade."""

    mark_price: Decimal
    index_price: Decimal
    mark_iv: Decimal
    iv: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTrade:
    """One public trade; `side` is the taker's."""

    symbol: Listing
    time_ms: int
    price: Decimal
    size: Decimal  # base coin
    side: Side
    trade_id: str
    seq: int  # rises with every event of the listing
    option: OptionQuote | None = None  # of options only


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBook:
    """The whole visible book at one moment: best level first, never crossed (in a replay both sides may touch).

    `bids` and `asks` may compute their levels when read, so a slice costs only what it holds: `book.bids[:50]`.
    Not every book is an event: `Market.book` may be newer than the last one, but never beyond what is told next.
    """

    symbol: Listing
    bids: Sequence[Level]
    asks: Sequence[Level]
    time_ms: int
    update_id: int  # rises with every book of the listing
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLiquidation:
    """A position of somebody was liquidated; `side` is the position's ("Buy": a long), `price` its bankruptcy price."""

    symbol: Listing
    time_ms: int
    side: Side
    size: Decimal
    price: Decimal
    seq: int


MarketEvent = MarketTrade | MarketBook | MarketLiquidation


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A candle of prices that nobody traded: mark, index or premium index."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Kline:
    """One candle. `end_ms` is inclusive (start + length - 1), as on Bybit's stream; `confirm` means closed for good."""

    start_ms: int
    end_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base coin
    turnover: Decimal  # quote coin
    confirm: bool


class Market(Protocol):
    """A source of prices in market time. It never reads a clock: time comes in through `advance`.

    Every `symbol` here is a `Listing`. An unknown one raises `KeyError`, an unknown interval `ValueError`: callers
    check both against `instruments` and `intervals.INTERVALS` first, because the refusal's text is theirs.
    """

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]: ...

    @property
    def clock(self) -> MarketClock: ...

    @property
    def now_ms(self) -> int:
        """How far the market has been advanced (market time); everything below is as of this moment."""
        ...

    @property
    def ended(self) -> bool:
        """A recording is over: the market stands still, prices stay. Never true for a synthetic market."""
        ...

    @property
    def notice(self) -> str:
        """One sentence for people once `ended`, else empty."""
        ...

    @property
    def link_lost(self) -> bool:
        """What this market repeats cannot be seen at the moment: nothing may be traded on its last prices."""
        ...

    def advance(self, to_ms: int) -> list[MarketEvent]:
        """Everything that happens up to and including market time `to_ms`, in time order.

        The events depend on the seed or the recording only, not on the size of the steps. A `to_ms` in the past
        is answered with nothing.
        """
        ...

    def book(self, symbol: str) -> MarketBook: ...

    def last_price(self, symbol: str) -> Decimal: ...

    def mark_price(self, symbol: str) -> Decimal: ...

    def index_price(self, symbol: str) -> Decimal: ...

    def funding_rate(self, symbol: str) -> Decimal:
        """Fraction of the position's value due at the next funding time."""
        ...

    def next_funding_ms(self, symbol: str) -> int: ...

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        """Moments and rates that were due in [`start_ms`, `end_ms`] and not after now, newest first."""
        ...

    def ticker(self, symbol: str) -> dict[str, str]:
        """All fields of Bybit's REST linear ticker; decimals as text, "" where there is no value."""
        ...

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        """Candles that start in [`start_ms`, `end_ms`], newest first; the first may still be open.

        With a start alone the oldest `limit` of them, else the newest. An interval finer than the market's own
        bars, or that they do not add up to, has no candles.
        """
        ...

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        """Confirmed candles that start after `after_ms`, oldest first, at most 1000: what a stream still owes."""
        ...

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        """The open candle, or None before its first trade (and always None for an interval without candles)."""
        ...

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        """The newest public trades, newest first; at most 1000 are kept."""
        ...

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        """Candles of a contract's mark or index price, or of its premium over the index (a fraction, may be negative),
        with the rules of `klines`.
        """
        ...

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        """Moments (multiples of `step_ms`, not after now) and open interest (base coin, inverse: USD), newest first."""
        ...

    def settlement_price(self, symbol: str) -> Decimal | None:
        """What a dated contract or option was or will be settled at: the mean index of the last half hour before its
        delivery, None before that half hour.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here; JSON types only."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved `state`. Raises `MarketStateError` when it is another market's; then nothing changed."""
        ...
