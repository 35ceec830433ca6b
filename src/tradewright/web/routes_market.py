"""Routes of market data: instruments, tickers, candles, each from our caches with its age."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tradewright.core.instrument import Category, InstrumentId
from tradewright.market.candles import ROWS_MAX
from tradewright.web.auth import Reader
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.base import Environment, SymbolText
from tradewright.web.schemas.market import CandleList, InstrumentList, Interval, TickerList
from tradewright.web.views_market import candle_view, instrument_view, ticker_view

CategoryQuery = Annotated[Category, Query()]
EnvironmentQuery = Annotated[Environment, Query(description="Whose market: each environment has its own")]
MomentQuery = Annotated[int | None, Query(ge=0, le=4_102_444_800_000, description="Unix milliseconds, UTC")]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["market"])
    routes.add_api_route(
        "/instruments",
        read_instruments,
        methods=["GET"],
        response_model=InstrumentList,
        operation_id="readInstruments",
        responses=problems(401, 404, 422, 503),
    )
    routes.add_api_route(
        "/tickers",
        read_tickers,
        methods=["GET"],
        response_model=TickerList,
        operation_id="readTickers",
        responses=problems(401, 404, 422, 503),
    )
    routes.add_api_route(
        "/candles",
        read_candles,
        methods=["GET"],
        response_model=CandleList,
        operation_id="readCandles",
        responses=problems(401, 404, 422, 503),
    )
    return routes


async def read_instruments(
    parts: Parts, _caller: Reader, environment: EnvironmentQuery = "sim", category: CategoryQuery = "linear"
) -> Response:
    """Every instrument of a category with its trading rules, by symbol."""
    known = parts.markets.of(environment).instruments
    return JsonAnswer(
        {
            "environment": environment,
            "category": category,
            "instruments": [instrument_view(row) for row in known.all(category)],
            "version": known.version(category),
            "age_ms": known.age_ms(category),
        }
    )


async def read_tickers(
    parts: Parts, _caller: Reader, environment: EnvironmentQuery = "sim", category: CategoryQuery = "linear"
) -> Response:
    """Every ticker of a category."""
    answer = await parts.markets.of(environment).tickers.all(category)
    return JsonAnswer(
        {
            "environment": environment,
            "category": category,
            "tickers": [ticker_view(row) for row in answer.rows],
            "age_ms": answer.age_ms,
        }
    )


async def read_candles(
    parts: Parts,
    _caller: Reader,
    symbol: Annotated[SymbolText, Query()],
    interval: Annotated[Interval, Query()],
    environment: EnvironmentQuery = "sim",
    category: CategoryQuery = "linear",
    start_ms: MomentQuery = None,
    end_ms: MomentQuery = None,
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = 1500,
) -> Response:
    """The newest `limit` candles that open in [start_ms, end_ms), oldest first; what is missing is named in `gaps`."""
    instrument = InstrumentId(category, symbol)
    market = parts.markets.of(environment)
    market.instruments.require(instrument)
    found = await market.candles.get(instrument, interval, start_ms=start_ms, end_ms=end_ms, limit=limit)
    return JsonAnswer(
        {
            "environment": environment,
            "category": category,
            "symbol": symbol,
            "interval": interval,
            "candles": [candle_view(row) for row in found.rows],
            "gaps": [{"from_ms": gap.from_ms, "to_ms": gap.to_ms} for gap in found.gaps],
            "market_now_ms": found.market_now_ms,
            "age_ms": found.age_ms,
        }
    )
