"""Is a recording served as it is written? One check per kind of file, used on samples and on real recordings alike."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from support.replayed import (
    ClientsBook,
    Row,
    as_book,
    as_numbers,
    collected,
    confirmed_candles,
    public_trades,
    recorded,
    recorded_candles,
    recorded_messages,
    recorded_trades,
    replayed,
)

INTERVALS = {60_000: "1", 300_000: "5", 900_000: "15", 14_400_000: "240"}
DAY_MS = 86_400_000


async def check_candles(path: Path, category: str, symbol: str, *, played: int) -> None:
    """The last `played` rows come by the stream, each once; all of them stand in REST, with the file's own holes."""
    rows = recorded_candles(path)
    length_ms = min(after[0] - before[0] for before, after in pairwise(rows))
    played = min(played, len(rows))
    begin_ms, end_ms = rows[-played][0], rows[-1][0] + length_ms
    interval = INTERVALS.get(length_ms)
    async with replayed(f"{path}@{category}:{symbol}", from_ms=begin_ms) as exchange:
        if interval is None:
            await check_unusual_candles(path, category, symbol, rows)
            return
        page = f"category={category}&symbol={symbol}&interval={interval}&limit=1000"
        told = [as_numbers(row) for row in (await exchange.market("kline", page))["list"]][::-1]
        assert told == [*rows[:-played], *_opened(rows[-played])][-1000:]
        stream = await exchange.subscribe(category, f"kline.{interval}.{symbol}")
        answer = await exchange.move(do="jump", to=end_ms)
        assert (answer["ended"], answer["market_now_ms"]) == (True, end_ms)
        assert f"{path} (" in answer["notice"]
        assert await collected(stream, confirmed_candles, played) == rows[-played:]
        assert await exchange.all_candles(category, symbol, interval) == rows
        await exchange.move(do="resume")
        assert (await exchange.clock())["market_now_ms"] == end_ms


async def check_unusual_candles(path: Path, category: str, symbol: str, rows: list[Row]) -> None:
    """Bars of a length that Bybit has no name for: their trades go through the recorded prices, and days add up."""
    length_ms = min(after[0] - before[0] for before, after in pairwise(rows))
    async with replayed(f"{path}@{category}:{symbol}", from_ms=rows[0][0]) as exchange:
        stream = await exchange.subscribe(category, f"publicTrade.{symbol}")
        first = (await exchange.market("recent-trade", f"category={category}&symbol={symbol}"))["list"]
        await exchange.move(do="jump", to=rows[-1][0] + length_ms)
        trades = [
            (int(row["time"]), row["execId"], row["side"], Decimal(row["price"]), Decimal(row["size"])) for row in first
        ]
        trades += await collected(stream, public_trades, len(rows) * 4 - len(first))
        bars: dict[int, list[Row]] = {}
        for trade in trades:
            bars.setdefault(trade[0] // length_ms * length_ms, []).append(trade)
        assert [
            (
                start,
                made[0][3],
                max(row[3] for row in made),
                min(row[3] for row in made),
                made[-1][3],
                sum(row[4] for row in made),
            )
            for start, made in bars.items()
        ] == [row[:6] for row in rows]
        days: dict[int, list[Row]] = {}
        for row in rows:
            days.setdefault(row[0] // DAY_MS * DAY_MS, []).append(row)
        assert [row[:6] for row in await exchange.all_candles(category, symbol, "D")] == [
            (
                start,
                made[0][1],
                max(row[2] for row in made),
                min(row[3] for row in made),
                made[-1][4],
                sum(row[5] for row in made),
            )
            for start, made in days.items()
        ]


async def check_trades(path: Path, category: str, symbol: str) -> None:
    """Every trade comes by the stream, each once; REST has the newest; minutes are what the trades add up to."""
    rows = recorded_trades(path)
    async with replayed(f"{path}@{category}:{symbol}", from_ms=rows[0][0]) as exchange:
        begun = sum(row[0] == rows[0][0] for row in rows)
        stream = await exchange.subscribe(category, f"publicTrade.{symbol}", f"kline.1.{symbol}")
        answer = await exchange.move(do="jump", to=rows[-1][0])
        assert answer["ended"]
        assert await collected(stream, public_trades, len(rows) - begun) == rows[begun:]
        told = (await exchange.market("recent-trade", f"category={category}&symbol={symbol}&limit=60"))["list"]
        assert [
            (int(row["time"]), row["execId"], row["side"], Decimal(row["price"]), Decimal(row["size"])) for row in told
        ] == rows[: -len(told) - 1 : -1]
        minutes = _minutes(rows)
        assert await exchange.all_candles(category, symbol, "1") == minutes
        # The last one is still open: the recording ends inside of it.
        assert await collected(stream, confirmed_candles, len(minutes) - 1) == minutes[:-1]
        book = await exchange.market("orderbook", f"category={category}&symbol={symbol}&limit=1")
        assert Decimal(book["b"][0][0]) == Decimal(book["a"][0][0]) == rows[-1][3]


async def check_quotes(path: Path, category: str, symbol: str, *, beside: Path | None = None, stride: int) -> None:
    """Each `stride`th quote is the book of its moment, by REST and by the stream; `beside` are trades of the symbol."""
    rows = [(int(row[0]), *map(Decimal, row[1:])) for row in recorded(path)]
    files = [path] if beside is None else [path, beside]
    # Of several rows of one moment the last one is what can be seen.
    last = {row[0]: row for row in rows}
    moments = list(last)
    targets = [f"{file}@{category}:{symbol}" for file in files]
    async with replayed(*targets, from_ms=moments[0]) as exchange:
        stream = await exchange.subscribe(category, f"orderbook.1.{symbol}")
        for moment in [*moments[::stride], moments[-1]]:
            await exchange.move(do="jump", to=moment)
            book = as_book(await exchange.market("orderbook", f"category={category}&symbol={symbol}&limit=200"))
            _, bid, bid_size, ask, ask_size = last[moment]
            assert book == {"b": {bid: bid_size}, "a": {ask: ask_size}}
            frame = stream.seen[-1]
            while (told := frame.get("data", {}).get("b")) is None or as_book(frame["data"]) != book:
                assert frame.get("cts", 0) < moment, (told, book)
                frame = await stream.next()
        if beside is not None:
            trades = recorded_trades(beside)
            told = (await exchange.market("recent-trade", f"category={category}&symbol={symbol}&limit=60"))["list"]
            assert [row["execId"] for row in told] == [row[1] for row in trades[: -len(told) - 1 : -1]]


async def check_archive(path: Path, category: str, symbol: str) -> None:
    """After each message REST and a client of the stream have the very levels of the archive."""
    messages = recorded_messages(path)
    expected = ClientsBook()
    expected.apply(messages[0])
    async with replayed(f"{path}@{category}:{symbol}", from_ms=messages[0]["cts"]) as exchange:
        stream = await exchange.subscribe(category, f"orderbook.1000.{symbol}")
        await exchange.move(do="step", seconds="0.001")  # the topic's pace begins with its first look at the market
        client, update = ClientsBook(), 0
        for place, message in enumerate(messages):
            if place:
                expected.apply(message)
                assert (await exchange.move(do="step", events=1))["market_now_ms"] == message["cts"]
            rest = await exchange.market("orderbook", f"category={category}&symbol={symbol}&limit=1000")
            assert (as_book(rest), rest["cts"]) == (expected.sides, message["cts"])
            frame = await stream.until(lambda frame: "topic" in frame)
            client.apply(frame)
            assert (client.sides, frame["cts"]) == (expected.sides, message["cts"])
            assert frame["data"]["u"] == update + 1 if place else frame["type"] == "snapshot"
            update = frame["data"]["u"]
        assert (await exchange.clock())["ended"]


async def check_funding(path: Path, prices: Path, symbol: str, *, stride: int) -> None:
    """The ticker tells each `stride`th rate and its moment while prices are played; then all of them are history."""
    rates = [(int(row[0]), Decimal(row[1])) for row in recorded(path)]
    candles = recorded_candles(prices)
    first_ms, last_ms = candles[0][0], candles[-1][0]
    async with replayed(f"{prices}@linear:{symbol}", f"{path}@linear:{symbol}", from_ms=first_ms) as exchange:
        for due_ms, rate in [row for row in rates if first_ms < row[0] <= last_ms][::stride]:
            await exchange.move(do="jump", to=due_ms - 1)
            [ticker] = (await exchange.market("tickers", f"category=linear&symbol={symbol}"))["list"]
            assert (Decimal(ticker["fundingRate"]), int(ticker["nextFundingTime"])) == (rate, due_ms)
        await exchange.move(do="jump", to=last_ms)
        due = [row for row in rates if row[0] <= last_ms]
        told: list[Row] = []
        while len(told) < len(due):
            page = f"category=linear&symbol={symbol}&endTime={told[-1][0] - 1 if told else last_ms}"
            rows = (await exchange.market("funding/history", page))["list"]
            assert rows
            told += [(int(row["fundingRateTimestamp"]), Decimal(row["fundingRate"])) for row in rows]
        assert told == due[::-1]


def _opened(row: Row) -> list[Row]:
    """A bar of which only the first of four points has been played."""
    quarter = [(amount / 4).quantize(amount, "ROUND_DOWN") for amount in row[5:]]
    return [(row[0], row[1], row[1], row[1], row[1], *quarter)]


def _minutes(trades: list[Row]) -> list[Row]:
    bars: dict[int, list[Row]] = {}
    for trade in trades:
        bars.setdefault(trade[0] // 60_000 * 60_000, []).append(trade)
    return [
        (
            start,
            made[0][3],
            max(row[3] for row in made),
            min(row[3] for row in made),
            made[-1][3],
            sum(row[4] for row in made),
            sum(row[3] * row[4] for row in made),
        )
        for start, made in bars.items()
    ]
