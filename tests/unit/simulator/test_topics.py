"""What the public topics other than books say: trades, liquidations, tickers, candles, limits, pools and notices."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from tradewright.simulator.frames import Frame, encode
from tradewright.simulator.market.model import MarketLiquidation
from tradewright.simulator.streams.topics import topic_of
from unit.simulator.public_market import Exchange, an_option, synthetic
from unit.simulator_market.samples import NOON

MINUTE = 60_000
TICKER_ONLY_REST = {"deliveryTime", "predictedDeliveryPrice", "basis", "basisRate", "basisRateYear", "deliveryFeeRate"}


def on(topic: str, frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["topic"] == topic]


@pytest.mark.parametrize(
    ("category", "there", "missing"),
    [
        (
            "linear",
            "orderbook.200.BTCUSDT publicTrade.BTCUSDT kline.M.BTCUSDT allLiquidation.BTCPERP priceLimit.BTCUSDT "
            "tickers.BTCUSDT-29MAR24 insurance.USDT adlAlert.USDC orderbook.rpi.BTCUSDT",
            "orderbook.25.BTCUSDT orderbook.500.BTCUSDT orderbook.BTCUSDT kline.7.BTCUSDT tickers.BTCUSD kline.BTCUSDT "
            "insurance.inverse publicTrade.BTC system.status tickers.spot:BTCUSDT liquidation.BTCUSDT tickers. x",
        ),
        ("inverse", "tickers.BTCUSD allLiquidation.BTCUSD insurance.inverse", "tickers.BTCUSDT insurance.USDT"),
        ("spot", "tickers.BTCUSDT priceLimit.BTCUSDT orderbook.full.BTCUSDT", "allLiquidation.BTCUSDT insurance.USDT"),
        (
            "option",
            "publicTrade.BTC publicTrade.ETH tickers.{option} orderbook.25.{option} orderbook.100.{option}",
            "publicTrade.{option} publicTrade.SOL orderbook.50.{option} orderbook.full.{option} kline.1.{option} "
            "priceLimit.{option} tickers.{gone}",
        ),
        ("misc/status", "system.status", "tickers.BTCUSDT"),
    ],
)
def test_each_stream_has_the_topics_of_its_category_only(category: str, there: str, missing: str) -> None:
    exchange = Exchange(synthetic())
    gone = next(spec.symbol for spec in exchange.market.instruments if spec.is_option and spec.status == "Closed")
    names = {"option": an_option(exchange.market).symbol, "gone": gone}

    for topic in there.format(**names).split():
        assert topic_of(topic, exchange.sources, category=category) is not None, topic
    for topic in missing.format(**names).split():
        assert topic_of(topic, exchange.sources, category=category) is None, topic


def test_trades_of_a_coins_options_come_on_one_topic_with_what_they_were_worth() -> None:
    exchange = Exchange(synthetic())
    exchange.topic("publicTrade.BTC", "option")

    frames = [frame for _ in range(4) for frame in exchange.tick(MINUTE)]

    assert frames
    rows = [row for frame in frames for row in frame["data"]]
    assert {frame["type"] for frame in frames} == {"snapshot"}
    assert len({frame["id"] for frame in frames}) == len(frames)
    assert [row["T"] for row in rows] == sorted(row["T"] for row in rows)
    shown = {row["execId"]: row for row in exchange.rows("market/recent-trade", category="option", limit=1000)}
    for row in rows:
        assert set(row) == {"T", "s", "S", "v", "p", "i", "BT", "RPI", "seq", "mP", "iP", "mIv", "iv"}
        rest = shown[row["i"]]
        assert (rest["symbol"], rest["price"], rest["size"], rest["side"]) == (row["s"], row["p"], row["v"], row["S"])
        assert all(rest[name] == row[name] for name in ("mP", "iP", "mIv", "iv"))
        assert rest["seq"] == str(row["seq"])


def test_trades_have_a_direction_on_contracts_and_none_on_spot() -> None:
    exchange = Exchange(synthetic())
    exchange.topic("publicTrade.BTCUSD", "inverse")
    exchange.topic("publicTrade.BTCUSDT", "spot")

    rows = [row for frame in exchange.run(60, step_ms=200) for row in frame["data"]]

    inverse = [row for row in rows if row["s"] == "BTCUSD"]
    assert len(inverse) > 10
    for before, after in pairwise(inverse):
        moved = Decimal(after["p"]) - Decimal(before["p"])
        way = "Plus" if moved > 0 else "Minus" if moved else "Minus" if before["L"].endswith("MinusTick") else "Plus"
        assert after["L"] == f"{'' if moved else 'Zero'}{way}Tick"
    assert not any("L" in row for row in rows if row["s"] == "BTCUSDT")


def test_liquidations_are_gathered_for_half_a_second_and_name_the_side_of_the_position() -> None:
    exchange = Exchange(synthetic())
    exchange.topic("allLiquidation.BTCUSD", "inverse")

    def liquidated(size: str) -> MarketLiquidation:
        now_ms = exchange.market.now_ms
        price = Decimal("60000.50")
        return MarketLiquidation(
            symbol="inverse:BTCUSD", time_ms=now_ms, side="Buy", size=Decimal(size), price=price, seq=1
        )

    frames = {tick: exchange.tick(also=(liquidated(str(tick)),) if tick in (1, 3, 4) else ()) for tick in range(40)}

    told = {tick: on("allLiquidation.BTCUSD", found) for tick, found in frames.items()}
    assert [tick for tick, found in told.items() if found] == [1, 11]
    (first,), (second,) = told[1], told[11]
    assert first["type"] == "snapshot"
    assert first["data"] == [{"T": NOON + 50, "s": "BTCUSD", "S": "Buy", "v": "1", "p": "60000.50"}]
    assert [row["v"] for row in second["data"]] == ["3", "4"]


def test_deltas_of_a_contracts_ticker_add_up_to_the_whole() -> None:
    exchange = Exchange(synthetic())
    for category, symbol in (("linear", "BTCUSDT"), ("inverse", "BTCUSD"), ("linear", "SOLUSDT")):
        topic = f"tickers.{symbol}"
        snapshot = exchange.topic(topic, category).snapshot()
        assert snapshot is not None
        merged, deltas = dict(snapshot["data"]), 0
        for frame in on(topic, [*exchange.run(60, step_ms=500), *exchange.run(25, step_ms=0)]):
            assert frame["type"] == "delta"
            assert frame["data"].pop("symbol") == symbol
            assert all(merged[name] != value for name, value in frame["data"].items()), "only what changed"
            merged |= frame["data"]
            deltas += 1
        assert deltas > 5
        (row,) = exchange.rows("market/tickers", category=category, symbol=symbol)
        assert {name: merged[name] for name in row if name not in TICKER_ONLY_REST} == {
            name: value for name, value in row.items() if name not in TICKER_ONLY_REST
        }
        assert set(merged) == set(row) - TICKER_ONLY_REST | {"tickDirection"}


def test_the_ticker_of_a_dated_contract_has_its_delivery_as_iso_text_and_no_funding() -> None:
    exchange = Exchange(synthetic())
    snapshot = exchange.topic("tickers.BTCUSDT-29MAR24").snapshot()

    assert snapshot is not None
    data = snapshot["data"]
    assert data["deliveryTime"] == "2024-03-29T08:00:00Z"
    assert (data["fundingRate"], data["nextFundingTime"]) == ("", "")
    assert "fundingCap" not in data
    assert Decimal(data["basis"]) == Decimal(data["lastPrice"]) - Decimal(data["indexPrice"])


def test_tickers_of_options_and_spot_are_whole_each_time_and_have_their_own_names() -> None:
    exchange = Exchange(synthetic())
    option = an_option(exchange.market).symbol
    exchange.topic(f"tickers.{option}", "option")
    exchange.topic("tickers.BTCUSDT", "spot")

    frames = list(exchange.run(100, step_ms=100))

    options, pairs = on(f"tickers.{option}", frames), on("tickers.BTCUSDT", frames)
    assert len(options) > 3
    assert len(pairs) > 3
    assert {frame["type"] for frame in frames} == {"snapshot"}
    rest_only = {"bid1Price", "bid1Size", "bid1Iv", "ask1Price", "ask1Size", "ask1Iv", "markIv"}
    (row,) = exchange.rows("market/tickers", category="option", symbol=option)
    names = set(row) - rest_only | {"bidPrice", "bidSize", "bidIv", "askPrice", "askSize", "askIv", "markPriceIv"}
    assert all(set(frame["data"]) == names and frame["id"].startswith(f"tickers.{option}-") for frame in options)
    assert all("bid1Price" not in frame["data"] and "cs" in frame for frame in pairs)


@pytest.mark.parametrize(("category", "symbol"), [("inverse", "BTCUSD"), ("linear", "SOLUSDT"), ("spot", "BTCUSDT")])
def test_every_candle_is_confirmed_once_and_as_rest_has_it(category: str, symbol: str) -> None:
    exchange = Exchange(synthetic())
    exchange.topic(f"kline.1.{symbol}", category)

    frames = [
        frame for step_ms in (700, 61_000, 5_000) for frame in exchange.run(40 if step_ms < 9_000 else 3, step_ms)
    ]

    candles = [row for frame in frames for row in frame["data"]]
    confirmed = [row for row in candles if row["confirm"]]
    shown = exchange.rows("market/kline", category=category, symbol=symbol, interval=1, limit=10)
    assert {row["end"] - row["start"] for row in candles} == {MINUTE - 1}
    starts = [row["start"] for row in confirmed]
    assert starts == list(range(NOON, NOON + len(starts) * MINUTE, MINUTE))
    assert len(starts) == (exchange.market.now_ms - NOON) // MINUTE
    rest = {int(row[0]): row[1:] for row in shown}
    for row in confirmed:
        assert rest[row["start"]] == [row[name] for name in ("open", "high", "low", "close", "volume", "turnover")]
    assert all(row["timestamp"] <= row["end"] for row in candles)


def test_price_limits_are_told_when_they_change_and_as_rest_has_them() -> None:
    exchange = Exchange(synthetic())
    first = exchange.topic("priceLimit.BTCUSDT").snapshot()
    frames = [*exchange.run(100, step_ms=300), *exchange.run(25, step_ms=0)]

    assert first is not None
    assert "type" not in first
    assert len(frames) > 5
    shown = exchange.ask("market/price-limit", symbol="BTCUSDT")
    del shown["ts"]
    assert frames[-1]["data"] == shown
    assert len({encode(frame["data"]) for frame in frames}) == len(frames)


def test_pools_and_alerts_are_told_once_a_second_and_shared_pools_only_by_rest() -> None:
    exchange = Exchange(synthetic())
    insurance = exchange.topic("insurance.USDT").snapshot()
    exchange.topic("adlAlert.inverse", "inverse")
    assert insurance is not None
    assert [row["symbols"] for row in insurance["data"]] == ["SOLUSDT"]
    rest = exchange.rows("market/insurance", coin="USDT")
    assert {"BTCUSDT", "ETHUSDT"} <= set(rest[0]["symbols"].split(","))

    frames = list(exchange.run(62, step_ms=1_000))

    (changed,) = on("insurance.USDT", frames)[:1]
    assert changed["type"] == "delta"
    assert changed["data"][0]["balance"] != insurance["data"][0]["balance"]
    alerts = on("adlAlert.inverse", frames)
    assert 3 <= len(alerts) <= 4  # 62 ticks are three seconds of wall time
    row = next(row for row in alerts[0]["data"] if row["s"] == "BTCUSD")
    assert set(row) == {"c", "s", "b", "mb", "i_pr", "pr", "adl_tt", "adl_sr"}
    assert '"i_pr":-0.3,' in encode(alerts[0])


def test_a_notice_of_the_exchange_reaches_the_status_stream_and_rest() -> None:
    notice = {"id": "m-1", "title": "Maintenance", "state": "ongoing", "begin": "1", "end": "2", "href": ""}
    exchange = Exchange(synthetic())
    assert exchange.topic("system.status", "misc/status").snapshot() is None
    assert list(exchange.run(10)) == []
    assert exchange.rows("system/status") == []

    exchange.notices.append(notice)
    frames = list(exchange.run(10))

    assert [frame["data"] for frame in frames] == [[notice]]
    assert exchange.rows("system/status", state="ongoing") == [notice]
    assert exchange.rows("system/status", id="m-2") == []
