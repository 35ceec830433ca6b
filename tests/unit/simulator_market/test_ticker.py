"""The ticker has every field of Bybit's linear item, as plain decimal text."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tradewright.simulator.market import Market, decimal_text
from unit.simulator_market.samples import MINUTE, NOON, SAMPLE, file_rows, replay, synthetic

FIELDS = [  # Bybit's REST linear ticker, as documented
    "symbol",
    "lastPrice",
    "indexPrice",
    "markPrice",
    "prevPrice24h",
    "price24hPcnt",
    "highPrice24h",
    "lowPrice24h",
    "prevPrice1h",
    "openInterest",
    "openInterestValue",
    "singleOpenInterest",
    "singleOpenInterestValue",
    "turnover24h",
    "volume24h",
    "fundingRate",
    "nextFundingTime",
    "predictedDeliveryPrice",
    "basisRate",
    "basis",
    "deliveryFeeRate",
    "deliveryTime",
    "bid1Price",
    "bid1Size",
    "ask1Price",
    "ask1Size",
    "preOpenPrice",
    "preQty",
    "curPreListingPhase",
    "fundingIntervalHour",
    "fundingCap",
    "basisRateYear",
]


@pytest.mark.parametrize("market", [synthetic(), replay(SAMPLE)], ids=["synthetic", "replay"])
def test_every_field_is_there_and_numbers_are_plain_text(market: Market) -> None:
    ticker = market.ticker("BTCUSDT")

    assert sorted(ticker) == sorted(FIELDS)
    for name, value in ticker.items():
        assert name == "symbol" or re.fullmatch(r"(-?\d+(\.\d+)?)?", value), (name, value)


def test_the_day_of_a_replay_is_that_of_the_last_1440_rows() -> None:
    market = replay(SAMPLE)
    rows = [row.split(",") for row in file_rows(SAMPLE)[60:1500]]

    ticker = market.ticker("BTCUSDT")

    assert ticker["lastPrice"] == rows[-1][4]
    assert ticker["prevPrice24h"] == rows[0][1]
    assert ticker["prevPrice1h"] == rows[-60][1]
    assert Decimal(ticker["highPrice24h"]) == max(Decimal(row[2]) for row in rows)
    assert Decimal(ticker["lowPrice24h"]) == min(Decimal(row[3]) for row in rows)
    assert Decimal(ticker["volume24h"]) == sum(Decimal(row[5]) for row in rows)
    assert Decimal(ticker["turnover24h"]) == sum(Decimal(row[6]) for row in rows)
    change = Decimal(rows[-1][4]) / Decimal(rows[0][1]) - 1
    assert abs(Decimal(ticker["price24hPcnt"]) - change) <= Decimal("0.0000005")
    assert ticker["fundingRate"] == "0"
    assert ticker["openInterest"] == ""


def test_the_ticker_moves_with_the_market() -> None:
    market = synthetic()
    before = market.ticker("BTCUSDT")

    market.advance(NOON + 2 * MINUTE)
    after = market.ticker("BTCUSDT")

    assert after["lastPrice"] == decimal_text(market.last_price("BTCUSDT")) != before["lastPrice"]
    assert after["bid1Price"] == decimal_text(market.book("BTCUSDT").bids[0][0])
    assert after["ask1Size"] == decimal_text(market.book("BTCUSDT").asks[0][1])
    assert after["nextFundingTime"] == "1709308800000"
    assert Decimal(after["volume24h"]) > Decimal(before["volume24h"])
