"""The market of the simulated exchange: prices that exist without any orders of ours.

Lives here: instruments, the seeded synthetic market, the replay of recordings, and their common face `Market`.
Not here: orders, fills, accounts, the wire. No clock and no I/O but reading the recording at the start.
"""

from tradewright.simulator.market.build import build_market
from tradewright.simulator.market.clock import MarketClock, parse_time, time_text
from tradewright.simulator.market.errors import (
    MarketError,
    MarketSpecError,
    MarketStateError,
    MarketTimeError,
    RecordingError,
)
from tradewright.simulator.market.instruments import BTCUSDT, ETHUSDT
from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import (
    Bar,
    Category,
    InstrumentSpec,
    Kline,
    Level,
    Listing,
    Market,
    MarketBook,
    MarketEvent,
    MarketLiquidation,
    MarketTrade,
    PriceKind,
    Side,
    is_spot,
    listing_of,
)
from tradewright.simulator.market.recorded.replay import ReplayMarket, recording_behind, step_end_ms, still_until_ms
from tradewright.simulator.market.ticker import decimal_text

__all__ = [
    "BTCUSDT",
    "ETHUSDT",
    "INTERVALS",
    "Bar",
    "Category",
    "InstrumentSpec",
    "Kline",
    "Level",
    "Listing",
    "Market",
    "MarketBook",
    "MarketClock",
    "MarketError",
    "MarketEvent",
    "MarketLiquidation",
    "MarketSpecError",
    "MarketStateError",
    "MarketTimeError",
    "MarketTrade",
    "PriceKind",
    "RecordingError",
    "ReplayMarket",
    "Side",
    "build_market",
    "decimal_text",
    "is_spot",
    "listing_of",
    "parse_time",
    "recording_behind",
    "step_end_ms",
    "still_until_ms",
    "time_text",
]
