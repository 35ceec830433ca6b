"""Public reads: whole, ordered, and closed only when the market clock says so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from aiohttp import web

from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from unit.exchange.fake_bybit import SERVER_MS, Answer, FakeBybit, http, ok
from unit.exchange.fakes import KeptLogs
from unit.exchange.rows import instrument_row, page, ticker_data

BTC = InstrumentId("linear", "BTCUSDT")
MINUTE_MS = 60_000
OPEN_MS = 1_700_000_040_000


def plain_json(body: object) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer


def columns(open_ms: int) -> list[str]:
    return [str(open_ms), "10", "12", "9", "11", "5", "52.5"]


async def test_candle_is_closed_only_when_the_market_clock_is_past_its_end(
    bybit: FakeBybit, market: BybitMarketGateway
) -> None:
    bybit.script["/sim/clock"] = [plain_json({"market_now_ms": OPEN_MS + MINUTE_MS, "speed": 60})]
    bybit.script["/v5/market/kline"] = [ok({"list": [columns(OPEN_MS + MINUTE_MS), columns(OPEN_MS)]})]
    first, second = await market.candles(BTC, "1", start_ms=OPEN_MS, end_ms=OPEN_MS + MINUTE_MS, limit=2)
    assert (first.open_time_ms, first.confirmed) == (OPEN_MS, True)
    assert (second.open_time_ms, second.confirmed) == (OPEN_MS + MINUTE_MS, False)
    expected = f"category=linear&symbol=BTCUSDT&interval=1&start={OPEN_MS}&end={OPEN_MS + MINUTE_MS}&limit=2"
    assert bybit.queries("/v5/market/kline") == [expected]


async def test_where_there_is_no_market_clock_the_exchanges_own_is_used_and_it_is_asked_once(
    bybit: FakeBybit, market: BybitMarketGateway
) -> None:
    for _ in range(3):
        assert 0 <= await market.market_now_ms() - SERVER_MS < 5_000
    assert bybit.times_asked("/sim/clock") == 1


@pytest.mark.parametrize("body", [{}, {"market_now_ms": "soon"}, {"market_now_ms": -5}, []])
async def test_unreadable_market_clock_is_unavailable(
    bybit: FakeBybit, market: BybitMarketGateway, body: object
) -> None:
    bybit.script["/sim/clock"] = [plain_json(body)]
    with pytest.raises(ExchangeUnavailable):
        await market.market_now_ms()


@pytest.mark.parametrize(
    "answer",
    [http(500), ok({"list": [["1"]]}), ok({"list": [[*columns(OPEN_MS)[:6], "NaN"]]}), ok({}), http(200, b"[]")],
)
async def test_candles_that_cannot_all_be_read_are_unavailable(
    bybit: FakeBybit, market: BybitMarketGateway, answer: Answer
) -> None:
    bybit.script["/v5/market/kline"] = [answer]
    with pytest.raises(ExchangeUnavailable):
        await market.candles(BTC, "1", start_ms=None, end_ms=None, limit=10)


async def test_instruments_of_all_pages_and_one_that_cannot_be_traded_is_left_out_loudly(
    bybit: FakeBybit, market: BybitMarketGateway, logs: KeptLogs
) -> None:
    broken = instrument_row(symbol="ODDUSDT", priceFilter={"minPrice": "1", "maxPrice": "2", "tickSize": "0"})
    bybit.script["/v5/market/instruments-info"] = [
        ok(page(instrument_row(), cursor="second")),
        ok(page(broken, instrument_row(symbol="ETHUSDT"))),
    ]
    assert [row.id.symbol for row in await market.instruments("linear")] == ["BTCUSDT", "ETHUSDT"]
    assert [event["symbol"] for event in logs.named("market.instrument_unreadable")] == ["ODDUSDT"]


async def test_tickers_are_read_whole(bybit: FakeBybit, market: BybitMarketGateway) -> None:
    bybit.script["/v5/market/tickers"] = [ok(page(ticker_data(), ticker_data(symbol="ETHUSDT", markPrice="")))]
    first, second = await market.tickers("linear")
    assert first.mark_price == Decimal("60000.20")
    assert second.mark_price is None
    assert abs(first.exchange_time_ms - SERVER_MS) < 5_000


async def test_funding_rates_are_told_oldest_first(bybit: FakeBybit, market: BybitMarketGateway) -> None:
    rows = [
        {"symbol": "BTCUSDT", "fundingRate": "-0.0001", "fundingRateTimestamp": "57600000"},
        {"symbol": "BTCUSDT", "fundingRate": "0.00012345", "fundingRateTimestamp": "28800000"},
    ]
    bybit.script["/v5/market/funding/history"] = [ok(page(*rows))]
    found = await market.funding_rates(BTC, start_ms=0, end_ms=57_600_000, limit=200)
    assert [(one.due_at_ms, one.rate) for one in found] == [
        (28_800_000, Decimal("0.00012345")),
        (57_600_000, Decimal("-0.0001")),
    ]
    expected = "category=linear&symbol=BTCUSDT&startTime=0&endTime=57600000&limit=200"
    assert bybit.queries("/v5/market/funding/history") == [expected]
    bybit.script["/v5/market/funding/history"] = [ok(page({**rows[0], "fundingRate": "much"}))]
    with pytest.raises(ExchangeUnavailable):
        await market.funding_rates(BTC, start_ms=0, end_ms=57_600_000, limit=200)


async def test_a_limit_beyond_the_exchanges_is_refused_before_asking(market: BybitMarketGateway) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        await market.candles(BTC, "1", start_ms=None, end_ms=None, limit=1_001)
    with pytest.raises(ValueError, match="1 to 200"):
        await market.funding_rates(BTC, start_ms=0, end_ms=1, limit=201)


def risk_row(symbol: str, number: int, value: str, rate: str, leverage: str) -> dict[str, object]:
    return {
        "id": number,
        "symbol": symbol,
        "riskLimitValue": value,
        "maintenanceMargin": rate,
        "initialMargin": str(1 / Decimal(leverage)),
        "isLowestRisk": 1,
        "maxLeverage": leverage,
        "mmDeduction": "",
    }


async def test_risk_limits_of_all_contracts_are_read_over_all_pages_each_lowest_first(
    bybit: FakeBybit, market: BybitMarketGateway, logs: KeptLogs
) -> None:
    bybit.script["/v5/market/risk-limit"] = [
        ok(
            page(
                risk_row("BTCUSDT", 2, "4000000", "0.01", "50"),
                risk_row("BTCUSDT", 1, "2000000", "0.005", "100"),
                cursor="second",
            )
        ),
        ok(page(risk_row("ODDUSDT", 3, "1000", "NaN", "5"), risk_row("ETHUSDT", 4, "1000000", "0.02", "25"))),
    ]
    found = await market.all_risk_tiers()
    assert {key.symbol: [tier.leverage_max for tier in tiers] for key, tiers in found.items()} == {
        "BTCUSDT": [Decimal(100), Decimal(50)],
        "ETHUSDT": [Decimal(25)],
    }
    assert [event["symbol"] for event in logs.named("market.risk_tier_unreadable")] == ["ODDUSDT"]


def trade_row(number: int, **changed: object) -> dict[str, object]:
    usual = {"execId": f"t{number}", "symbol": "BTCUSDT", "price": "60000.5", "size": "0.010", "side": "Sell"}
    return {**usual, "time": str(OPEN_MS + number), "isBlockTrade": False, "isRPITrade": False, "seq": "1", **changed}


async def test_recent_trades_come_oldest_first_with_the_streams_ids(
    bybit: FakeBybit, market: BybitMarketGateway
) -> None:
    bybit.script["/v5/market/recent-trade"] = [ok(page(trade_row(2), trade_row(1, side="Buy")))]
    first, second = await market.trades(BTC, 60)
    assert (first.trade_id, first.side, second.trade_id, second.side) == ("t1", "Buy", "t2", "Sell")
    assert (first.price, first.quantity, first.traded_at_ms) == (Decimal("60000.5"), Decimal("0.010"), OPEN_MS + 1)
    assert bybit.queries("/v5/market/recent-trade") == ["category=linear&symbol=BTCUSDT&limit=60"]
    bybit.script["/v5/market/recent-trade"] = [ok(page(trade_row(1, side="")))]
    with pytest.raises(ExchangeUnavailable):
        await market.trades(BTC, 60)
    with pytest.raises(ValueError, match="1 to 60"):
        await market.trades(BTC, 61)
