"""Order books on the stream: whoever keeps one by the rules has what REST shows, at every depth and category."""

from __future__ import annotations

import pytest

from tradewright.simulator.market.model import Listing
from unit.simulator.public_market import Exchange, KeptBook, an_option, synthetic

DEPTHS = ("1", "50", "200", "1000", "rpi")
SYMBOLS: dict[str, tuple[str, ...]] = {
    "linear": ("BTCUSDT", "SOLUSDT"),
    "inverse": ("BTCUSD",),
    "spot": ("BTCUSDT", "USDCUSDT"),
    "option": ("",),
}


@pytest.mark.parametrize("category", SYMBOLS)
def test_a_kept_book_is_what_rest_shows_at_the_same_sequence_number(category: str) -> None:
    exchange = Exchange(synthetic())
    books: dict[str, KeptBook] = {}
    for symbol in SYMBOLS[category]:
        symbol = symbol or an_option(exchange.market).symbol
        for depth in ("25", "100") if category == "option" else DEPTHS:
            topic = f"orderbook.{depth}.{symbol}"
            snapshot = exchange.topic(topic, category).snapshot()
            assert snapshot is not None
            assert snapshot["type"] == "snapshot"
            books[topic] = KeptBook()
            books[topic].take(snapshot)
    told, compared = dict.fromkeys(books, 0), dict.fromkeys(books, 0)
    for tick in range(280):
        for frame in exchange.tick(50 if tick % 20 else 2_300):
            topic = frame["topic"]
            again = frame["data"]["u"] == books[topic].update  # orderbook.1 repeats itself
            books[topic].take(frame)
            assert (frame["type"] == "snapshot") == topic.startswith("orderbook.1.")
            _, depth, symbol = topic.split(".", 2)
            path, limit = (
                ("market/rpi_orderbook", 50) if depth == "rpi" else ("market/orderbook", min(int(depth), 1000))
            )
            if category == "option":
                limit = min(limit, 25)
            told[topic] += 1
            if limit > 50 and told[topic] % 4 != 1:
                continue  # deep books take long to write down
            shown = exchange.ask(path, category=category, symbol=symbol, limit=limit)
            assert again or shown["seq"] == books[topic].seq
            bids, asks = books[topic].levels()
            assert (bids[:limit], asks[:limit]) == (shown["b"], shown["a"])
            if depth != "100":
                assert max(len(bids), len(asks)) <= limit
            compared[topic] += 1
            if depth == "1000":
                assert shown["u"] == books[topic].update
    assert min(compared.values()) >= 3
    assert sum(book.deleted for book in books.values()) > 3


@pytest.mark.parametrize(("category", "symbol"), [("linear", "BTCUSDT"), ("inverse", "BTCUSD"), ("spot", "SOLUSDT")])
def test_deltas_of_the_full_book_go_on_from_the_rest_snapshot_of_any_moment(category: str, symbol: str) -> None:
    exchange = Exchange(synthetic())
    assert exchange.topic(f"orderbook.full.{symbol}", category).snapshot() is None
    kept: list[KeptBook] = []
    joined = 0
    for tick in range(300):
        frames = exchange.tick()
        for frame in frames:
            assert frame["type"] == "delta"
            for book in kept:
                book.take(frame)
        shown = exchange.ask("market/full_orderbook", category=category, symbol=symbol)
        if tick % 60 == 7:  # another client joins, between two deltas or right after one
            kept.append(KeptBook())
            kept[-1].start(shown)
            joined += 1
        for book in kept:
            assert (book.update, book.seq) == (shown["u"], shown["seq"])
            assert book.levels() == (shown["b"], shown["a"])
    assert joined == 5
    assert kept[0].deleted


def test_rest_speaks_of_the_markets_own_numbers_while_nobody_listens() -> None:
    exchange = Exchange(synthetic())
    topic = exchange.topic("orderbook.full.BTCUSDT")
    for _ in exchange.run(50, step_ms=1_000):
        pass
    told = exchange.ask("market/full_orderbook", category="linear", symbol="BTCUSDT")
    assert told["u"] < exchange.market.book("BTCUSDT").update_id
    exchange._topics.clear()
    del topic

    shown = exchange.ask("market/full_orderbook", category="linear", symbol="BTCUSDT")

    assert shown["u"] == exchange.market.book("BTCUSDT").update_id > told["u"]


def test_a_contract_that_is_not_launched_yet_has_a_silent_book() -> None:
    exchange = Exchange(synthetic())
    (early,) = (spec for spec in exchange.market.instruments if spec.status == "PreLaunch")

    assert exchange.topic(f"orderbook.50.{early.symbol}").snapshot() is None
    assert [frame for frame in exchange.run(100) if frame["topic"].startswith("orderbook")] == []


def test_a_topic_that_heard_nothing_is_left_alone() -> None:
    market = synthetic()
    exchange = Exchange(market)
    quiet: list[Listing] = ["SOLUSDT", "spot:USDCUSDT"]
    for listing in quiet:
        category, _, symbol = listing.rpartition(":")
        for name in ("orderbook.50", "tickers", "publicTrade", "allLiquidation" if not category else "priceLimit"):
            exchange.topic(f"{name}.{symbol}", category or "linear")
    for _ in exchange.run(40):  # the first events
        pass
    exchange.asked = 0

    for _ in exchange.run(1_200):  # a minute, in which each has six trades at most
        pass

    assert exchange.asked < 1_200  # of 9,600
