"""The link to Bybit's public data: history over REST at the start, then the streams, again and again.

Lives here: what is fetched and subscribed, and what happens when the link breaks. Not here: what the rows mean
(`rows`), what becomes of them (`listing`, `market`).
After every reconnect books come as fresh snapshots and the newest trades and candles are read once more, so that no
candle keeps a hole. Only public reads are sent: there is no key here.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import aiohttp
import msgspec
import structlog

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.errors import MarketError, MarketSpecError
from tradewright.simulator.market.intervals import HOUR_MS, INTERVALS, MINUTE_MS
from tradewright.simulator.market.model import Category, PriceKind, listing_of
from tradewright.simulator.mirror import rows
from tradewright.simulator.mirror.listing import BOOK_DEPTH, MirroredListing
from tradewright.simulator.mirror.market import MirrorMarket

log = structlog.get_logger()

MIRROR: Final = "mirror"
USUAL: Final[tuple[tuple[Category, str], ...]] = (
    ("linear", "BTCUSDT"),
    ("linear", "ETHUSDT"),
    ("linear", "SOLUSDT"),
    ("linear", "XRPUSDT"),
    ("inverse", "BTCUSD"),
    ("spot", "BTCUSDT"),
    ("spot", "ETHUSDT"),
)
LISTINGS_MAX: Final = 50  # each costs some forty reads at the start, and 600 in five seconds is all an address may
PING_S: Final = 20.0
SILENCE_S: Final = 30.0  # a stream that says nothing for so long, not even a pong, is dead
REQUEST_S: Final = 10.0
CONNECT_S: Final = 15.0
PACE_S: Final = 0.012  # between two reads: about 80 a second of the 120 that are allowed
BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
ARGS_PER_FRAME: Final = 10  # spot takes no more
BAR_INTERVALS: Final = ("1", "5", "15", "60", "240", "D")
BAR_PATHS: Final[dict[PriceKind, str]] = {
    "mark": "mark-price-kline",
    "index": "index-price-kline",
    "premium": "premium-index-price-kline",
}
INTEREST_STEPS: Final = {"5min": 5 * MINUTE_MS, "15min": 15 * MINUTE_MS, "1h": HOUR_MS, "1d": 24 * HOUR_MS}
UNREADABLE: Final = (aiohttp.ClientError, TimeoutError, KeyError, ValueError, InvalidOperation)
_WISH: Final = re.compile(r"mirror(?:@(?P<category>[a-z]+):(?P<symbol>[A-Z0-9-]{1,40}))?")
_CATEGORIES: Final[tuple[Category, ...]] = ("linear", "inverse", "spot")


class MirrorUnreachable(MarketError):
    """Bybit's public data cannot be read, so there is nothing to mirror."""


class _Refused(ValueError):
    """A public read was answered with a code other than 0."""

    def __init__(self, path: str, code: int, text: str) -> None:
        super().__init__(f"{path} was answered with {code} {text!r}")
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorHosts:
    """Where public data comes from; `stream` is without the category."""

    rest: str = "https://api.bybit.com"
    stream: str = "wss://stream.bybit.com/v5/public"


def read_wish(texts: Sequence[str]) -> list[tuple[Category, str]] | None:
    """What `--market mirror` or `mirror@category:SYMBOL` (once per listing) asks for; None if it is no mirror.

    Raises `MarketSpecError`.
    """
    if not any(text.split("@")[0] == MIRROR for text in texts):
        return None
    wanted: list[tuple[Category, str]] = []
    for text in texts:
        match = _WISH.fullmatch(text)
        category = None if match is None else match["category"]
        if match is None or category not in (None, *_CATEGORIES):
            raise MarketSpecError(
                f"market is {text!r}; it must be mirror or mirror@category:SYMBOL with one of {', '.join(_CATEGORIES)}"
            )
        wanted += USUAL if category is None else [(cast(Category, category), match["symbol"])]
    found = list(dict.fromkeys(wanted))
    if len(found) > LISTINGS_MAX:
        raise MarketSpecError(f"market names {len(found)} listings; at most {LISTINGS_MAX} are mirrored at once")
    return found


class Mirror:
    """`open` gives the market once it can be traded on; `close` ends the link. `wall_ms` is Unix milliseconds."""

    def __init__(
        self, wanted: Sequence[tuple[Category, str]], *, hosts: MirrorHosts, wall_ms: Callable[[], int]
    ) -> None:
        self._wanted = list(wanted)
        self._hosts = hosts
        self._wall_ms = wall_ms
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._up: dict[Category, bool] = {}
        self._all_up = asyncio.Event()  # once, at the start
        self._market: MirrorMarket | None = None

    async def open(self) -> MirrorMarket:
        """Read what is needed and connect. Raises `MirrorUnreachable`, and `MarketSpecError` for unknown symbols."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_S))
        try:
            listings = [await self._described(category, symbol) for category, symbol in self._wanted]
        except MarketError:
            await self.close()
            raise
        except UNREADABLE as error:
            await self.close()
            raise MirrorUnreachable(
                f"Bybit's public data at {self._hosts.rest} cannot be read ({error or type(error).__name__}); "
                "check the network, or ask for the market synthetic"
            ) from error
        now_ms = self._wall_ms()
        clock = MarketClock(wall_ms=now_ms, market_ms=now_ms, speed=1, follows_real=True)
        self._market = MirrorMarket(listings, clock=clock, now_ms=now_ms)
        for category in dict.fromkeys(category for category, _ in self._wanted):
            self._up[category] = False
            self._tasks.append(asyncio.create_task(self._follow(category), name=f"mirror-{category}"))
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._all_up.wait()
        except TimeoutError:
            await self.close()
            down = ", ".join(category for category, up in self._up.items() if not up)
            raise MirrorUnreachable(
                f"Bybit's public streams at {self._hosts.stream} sent no order book of {down} in {CONNECT_S:g} s; "
                "check the network, or ask for the market synthetic"
            ) from None
        self._tasks.append(asyncio.create_task(self._read_the_rest(listings), name="mirror-history"))
        return self._market

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    # What is read at the start.

    async def _described(self, category: Category, symbol: str) -> MirroredListing:
        """A listing with its book, ticker, newest trades and candles: all that trading needs."""
        asked = {"category": category, "symbol": symbol}
        try:
            found = (await self._get("market/instruments-info", **asked))["list"]
        except _Refused as refused:
            raise MarketSpecError(f"market names {category}:{symbol}; Bybit says: {refused.text}") from None
        if not found:
            raise MarketSpecError(f"market names {category}:{symbol}, which Bybit does not list")
        tiers = [] if category == "spot" else (await self._get("market/risk-limit", **asked))["list"]
        lowest = next((tier for tier in tiers if int(tier["isLowestRisk"]) == 1), None)
        one = MirroredListing(rows.spec_of(category, found[0], lowest), now_ms=self._wall_ms())
        book = await self._get("market/orderbook", **asked, limit=BOOK_DEPTH)
        one.take_book(rows.levels_of(book["b"]), rows.levels_of(book["a"]), whole=True, at_ms=int(book["ts"]))
        ticker = (await self._get("market/tickers", **asked))["list"][0]
        one.take_ticker(ticker, at_ms=self._wall_ms())
        await self._read_newest(one)
        if not one.is_ready:
            raise MarketSpecError(f"market names {category}:{symbol}, which has no prices at the moment")
        return one

    async def _read_newest(self, one: MirroredListing) -> None:
        """The newest trades and candles: at the start, and again after the link was down."""
        asked = {"category": one.spec.category, "symbol": one.spec.symbol}
        trades = (await self._get("market/recent-trade", **asked, limit=60))["list"]
        for row in sorted(trades, key=lambda row: int(row["time"])):
            one.take_trade(rows.listed_trade(one.spec.listing, row, one.next_seq()))
        for interval in INTERVALS:
            listed = (await self._get("market/kline", **asked, interval=interval, limit=1_000))["list"]
            now_ms = self._wall_ms()
            one.take_candles(interval, (rows.kline_of(one.spec.category, interval, row, now_ms) for row in listed))

    async def _read_the_rest(self, listings: Iterable[MirroredListing]) -> None:
        """What charts show beside candles; trading does not wait for it."""
        for one in listings:
            if one.spec.is_spot:
                continue
            try:
                await self._read_contract_history(one)
            except UNREADABLE as error:
                log.warning("mirror.history_missing", listing=one.spec.listing, error=repr(error))

    async def _read_contract_history(self, one: MirroredListing) -> None:
        asked = {"category": one.spec.category, "symbol": one.spec.symbol}
        kinds = [kind for kind in BAR_PATHS if kind != "premium" or one.spec.category == "linear"]
        for kind in kinds:
            for interval in BAR_INTERVALS:
                listed = await self._get(f"market/{BAR_PATHS[kind]}", **asked, interval=interval, limit=1_000)
                one.bars[kind, interval] = [rows.bar_of(row) for row in reversed(listed["list"])]
        if one.spec.is_perpetual:
            paid = (await self._get("market/funding/history", **asked, limit=200))["list"]
            for row in reversed(paid):
                one.take_funding(int(row["fundingRateTimestamp"]), Decimal(row["fundingRate"]))
        for name, step_ms in INTEREST_STEPS.items():
            listed = await self._get("market/open-interest", **asked, intervalTime=name, limit=200)
            one.interest[step_ms] = [(int(row["timestamp"]), Decimal(row["openInterest"])) for row in listed["list"]]

    async def _get(self, path: str, **params: Any) -> dict[str, Any]:
        """One public read, paced. Raises `aiohttp.ClientError`, `TimeoutError`, `ValueError`."""
        assert self._session is not None, "the mirror is open"
        await asyncio.sleep(PACE_S)
        async with self._session.get(f"{self._hosts.rest}/v5/{path}", params=params) as response:
            response.raise_for_status()
            answer = msgspec.json.decode(await response.read(), type=dict[str, Any])
        if answer.get("retCode") != 0:
            raise _Refused(path, int(answer.get("retCode", -1)), str(answer.get("retMsg")))
        return cast(dict[str, Any], answer["result"])

    # The streams.

    async def _follow(self, category: Category) -> None:
        """Stay connected to one category's stream."""
        failures = 0
        while True:
            try:
                await self._stay(category)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("mirror.link_lost", category=category, error=str(error) or type(error).__name__)
            except (KeyError, ValueError, InvalidOperation) as error:
                log.warning("mirror.frame_not_understood", category=category, error=repr(error))
            if self._up[category]:
                failures = 0
            self._is_up(category, up=False)
            pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - nothing secret about it

    async def _stay(self, category: Category) -> None:
        """One connection, from subscribing to its end, which always is an error."""
        assert self._session is not None, "the mirror is open"
        assert self._market is not None, "the mirror is open"
        listings = [one for one in self._market.listings.values() if one.spec.category == category]
        async with self._session.ws_connect(f"{self._hosts.stream}/{category}", max_msg_size=0) as socket:
            topics = [topic for one in listings for topic in _topics(one.spec.symbol)]
            for first in range(0, len(topics), ARGS_PER_FRAME):
                await socket.send_json({"op": "subscribe", "args": topics[first : first + ARGS_PER_FRAME]})
            tasks = [asyncio.create_task(_ping(socket))]
            if self._all_up.is_set():  # it was up before
                tasks.append(asyncio.create_task(self._refresh(listings)))
            try:
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        message = await socket.receive()
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        break
                    self._take(category, msgspec.json.decode(message.data, type=dict[str, Any]))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        raise ConnectionResetError("the stream was closed")

    async def _refresh(self, listings: Iterable[MirroredListing]) -> None:
        """What the streams did not tell while they were down."""
        for one in listings:
            with contextlib.suppress(*UNREADABLE):
                await self._read_newest(one)

    def _is_up(self, category: Category, *, up: bool) -> None:
        assert self._market is not None, "the mirror is open"
        self._up[category] = up
        if all(self._up.values()):
            self._market.link_lost_ms = None
            self._all_up.set()
        elif self._market.link_lost_ms is None:
            self._market.link_lost_ms = self._wall_ms()

    def _take(self, category: Category, frame: dict[str, Any]) -> None:
        """One frame of the stream. Raises `KeyError`, `ValueError` for one that is not understood."""
        topic = frame.get("topic")
        if topic is None:
            if frame.get("success") is False:
                log.warning("mirror.not_subscribed", category=category, text=frame.get("ret_msg"))
            return
        assert self._market is not None, "the mirror is open"
        kind, _, rest = str(topic).partition(".")
        argument, _, symbol = rest.rpartition(".")
        one = self._market.listings.get(listing_of(category, symbol))
        if one is None:
            return
        data = frame["data"]
        match kind:
            case "orderbook":
                # A snapshot is the proof that the stream is whole again.
                if frame["type"] == "snapshot":
                    self._is_up(category, up=True)
                update, expected = int(data["u"]), one.stream_update + 1
                whole = frame["type"] == "snapshot" or update == 1
                if not whole and update != expected:
                    raise ValueError(f"{topic} went on with update {update}, expected {expected}")
                one.stream_update = update
                at_ms = max(int(frame.get("cts") or frame["ts"]), one.last_ms)
                book = one.take_book(rows.levels_of(data["b"]), rows.levels_of(data["a"]), whole=whole, at_ms=at_ms)
                if book is not None:
                    self._market.happened(book)
            case "publicTrade":
                for row in data:
                    trade = rows.pushed_trade(one.spec.listing, row, one.next_seq(), one.last_ms)
                    if one.take_trade(trade):
                        self._market.happened(trade)
            case "tickers":
                one.take_ticker(data, at_ms=int(frame["ts"]))
            case "kline":
                one.take_candles(argument, map(rows.pushed_kline, data))


def _topics(symbol: str) -> list[str]:
    return [
        f"orderbook.{BOOK_DEPTH}.{symbol}",
        f"publicTrade.{symbol}",
        f"tickers.{symbol}",
        *(f"kline.{interval}.{symbol}" for interval in INTERVALS),
    ]


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send_json({"op": "ping"})
