"""What the tests of the simulated market share: small markets, and an aggregation of trades written independently."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from tradewright.simulator.market import (
    InstrumentSpec,
    Kline,
    Market,
    MarketBook,
    MarketTrade,
    build_market,
    decimal_text,
)
from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.synthetic.market import SyntheticMarket

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data"
SAMPLE = DATA / "btcusdt-linear-1m-sample.csv.gz"
QUARTERS = DATA / "ethusdt-linear-15m-sample.csv.gz"
FUNDING = DATA / "ethusdt-linear-funding-sample.csv.gz"
TRADES = DATA / "btcusdt-linear-trades-sample.csv.gz"
QUOTES = DATA / "btcusdt-linear-bbo-sample.csv.gz"
ORDER_BOOK = DATA / "btcusdt-linear-ob50-sample.jsonl.gz"
RECORDED = ROOT.parent / "shared" / "data" / "btcusd-perp-1m-2022-01.csv.gz"
TRADE_HEADER = "time_ms,id,side,price,size"
QUOTE_HEADER = "time_ms,bid,bid_size,ask,ask_size"
FUNDING_HEADER = "funding_time_ms,funding_rate"
HEADER = "open_time_ms,open,high,low,close,volume,turnover"
NOON = 1_709_294_400_000  # 2024-03-01T12:00:00Z
MINUTE = 60_000
# One or two listings of each way in which prices come about.
FEW = tuple(
    spec
    for spec in LISTED
    if spec.listing
    in (
        "BTCUSDT",
        "ETHUSDT",
        "SOLUSDT",
        "1000PEPEUSDT",
        "spot:BTCUSDT",
        "spot:SOLUSDT",
        "spot:PEPEUSDT",
        "spot:USDCUSDT",
    )
)


def synthetic(
    *,
    seed: int = 7,
    start_ms: int = NOON,
    speed: float = 1.0,
    history_minutes: int = 3,
    listed: Sequence[InstrumentSpec] = FEW,
    dated: bool = False,
    weather: bool = True,
    past_days: int = 0,
) -> SyntheticMarket:
    """A synthetic market with a short history of a few listings, which makes it quick; its time is the wall's at
    speed 1.
    """
    clock = MarketClock(wall_ms=start_ms, market_ms=start_ms, speed=speed)
    return SyntheticMarket(
        seed=seed,
        clock=clock,
        start_ms=start_ms,
        follows_wall=speed == 1,
        history_minutes=history_minutes,
        past_days=past_days,
        listed=listed,
        dated=dated,
        weather=weather,
    )


def recording(folder: Path, rows: Sequence[str], *, header: str = HEADER, name: str = "rows.csv.gz") -> str:
    """A recording with these rows; its path."""
    path = folder / name
    path.write_bytes(gzip.compress("\n".join([header, *rows, ""]).encode()))
    return str(path)


def replay(path: str | Path, *, from_ms: int | None = None, speed: float = 60.0, symbol: str = "BTCUSDT") -> Market:
    """A replay that starts at wall time 0."""
    return build_market([f"replay:{path}@linear:{symbol}"], seed=1, speed=speed, from_ms=from_ms, wall_now_ms=0)


def replays(*targets: str, from_ms: int | None = None, speed: float = 60.0) -> Market:
    """A replay of several recordings, each "FILE@category:SYMBOL", that starts at wall time 0."""
    spec = [f"replay:{target}" for target in targets]
    return build_market(spec, seed=1, speed=speed, from_ms=from_ms, wall_now_ms=0)


def file_rows(path: Path) -> list[str]:
    """The rows of a recording as they are written, without the header."""
    return gzip.decompress(path.read_bytes()).decode().splitlines()[1:]


def as_row(kline: Kline) -> str:
    """A candle as a recording writes it."""
    numbers = (kline.open, kline.high, kline.low, kline.close, kline.volume, kline.turnover)
    return ",".join([str(kline.start_ms), *map(decimal_text, numbers)])


def as_trade_row(trade: MarketTrade) -> str:
    """A trade as a recording writes it."""
    numbers = map(decimal_text, (trade.price, trade.size))
    return ",".join([str(trade.time_ms), trade.trade_id, trade.side, *numbers])


def books_of(events: Iterable[MarketTrade | MarketBook], symbol: str) -> list[MarketBook]:
    return [event for event in events if isinstance(event, MarketBook) and event.symbol == symbol]


def trades_of(events: Iterable[MarketTrade | MarketBook], symbol: str) -> list[MarketTrade]:
    return [event for event in events if isinstance(event, MarketTrade) and event.symbol == symbol]


def aggregated(trades: Iterable[MarketTrade], length_ms: int) -> dict[int, tuple[Decimal, ...]]:
    """Open, high, low, close, volume, turnover by the start of the interval."""
    found: dict[int, list[MarketTrade]] = {}
    for trade in trades:
        found.setdefault(trade.time_ms // length_ms * length_ms, []).append(trade)
    return {
        start: (
            group[0].price,
            max(trade.price for trade in group),
            min(trade.price for trade in group),
            group[-1].price,
            sum((trade.size for trade in group), Decimal(0)),
            sum((trade.price * trade.size for trade in group), Decimal(0)),
        )
        for start, group in found.items()
    }


def numbers(kline: Kline) -> tuple[Decimal, ...]:
    return (kline.open, kline.high, kline.low, kline.close, kline.volume, kline.turnover)
