"""Shapes of backtests: what is asked, how far it is, the report, and which candles there are.

A report has the keys that the command line writes: times are Unix milliseconds there too, and ratios are numbers.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.strategy.timeframe import Timeframe
from tradewright.web.schemas.base import DecimalText, Fault, IdText, Input, Output, UnixMs
from tradewright.web.schemas.specs import ParamValues, SpecText

Origin = Literal["bybit", "testnet", "sim"]
MomentMs = Annotated[int, Field(description="Unix milliseconds, UTC", ge=0, lt=4_102_444_800_000)]


class BacktestSettings(Input):
    """Null: the usual value. Rates are in basis points; fees hang on the strategy's category unless given."""

    equity: DecimalText | None = None
    fee_taker_bps: DecimalText | None = None
    fee_maker_bps: DecimalText | None = None
    slippage_bps: DecimalText | None = None
    tick_size: DecimalText | None = None
    qty_step: DecimalText | None = None
    min_qty: DecimalText | None = None
    min_notional: DecimalText | None = None
    maintenance_margin_pct: DecimalText | None = None


class NewBacktest(Input):
    """A strategy's text or a template's name, on stored candles. What it trades, and its timeframe, the strategy says.

    Candles of `sim`, the simulated exchange that runs here, are fetched first; of others they have to be there.
    """

    id: IdText = Field(description="Made by the caller; the same id and body again is the same backtest")
    text: SpecText | None = None
    template: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    params: ParamValues = Field(default_factory=list)
    origin: Origin = Field("bybit", description="Whose prices")
    from_ms: MomentMs | None = Field(
        None, description="First bar; null: the first there is, of `sim` ten thousand before the end"
    )
    to_ms: MomentMs | None = Field(None, description="Bars that open before it; null: up to the last there is")
    fill_gaps: bool = Field(False, description="Put flat bars where some are missing")
    fine: Timeframe | None = Field(
        None, description="Finer candles of the same listing that tell what happened inside a bar; of `sim` fetched too"
    )
    funding: bool = Field(False, description="Pay the stored funding rates; of `sim` fetched too")
    settings: BacktestSettings = Field(default_factory=BacktestSettings)


class BacktestMetrics(Output):
    net_profit: str
    net_profit_pct: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    sortino: float | None
    profit_factor: float | None
    win_rate: float | None
    trades: int
    fees: str
    funding: str
    exposure_pct: float | None
    avg_trade_pct: float | None
    expectancy: str
    buy_and_hold_pct: float | None


class Backtest(Output):
    """`reason` says why it failed. `cpu_ms` is what it has taken, with tries that came to nothing."""

    id: UUID
    user_id: UUID
    name: str
    spec_sha256: str
    category: Literal["linear", "spot"]
    symbol: str
    timeframe: Timeframe
    origin: Origin
    state: Literal["queued", "running", "finished", "failed", "cancelled"]
    cancel_asked: bool
    bars_done: int
    bars_total: int | None
    reason: Fault | None
    metrics: BacktestMetrics | None = Field(description="Once it has finished")
    cpu_ms: int
    created_ms: UnixMs
    started_ms: UnixMs | None
    ended_ms: UnixMs | None


class BacktestAnswer(Output):
    backtest: Backtest


class BacktestPage(Output):
    backtests: list[Backtest]
    next: str | None = Field(description="`before` of the next page; null: there is none")


class BacktestRemoved(Output):
    removed: UUID


class ReportTrade(Output):
    side: Literal["long", "short"]
    qty: str
    entry_time: UnixMs
    entry_price: str
    entry_reason: str
    exit_time: UnixMs
    exit_price: str
    exit_reason: str
    fees: str
    funding: str
    pnl: str
    pnl_pct: float | None
    bars: int
    ambiguous: bool = Field(description="The order of prices inside one bar could have changed its outcome")


class ReportWarning(Output):
    code: str
    message: str
    count: int
    first_time: UnixMs | None


class ReportDrawdown(Output):
    pct: float | None
    from_: UnixMs = Field(alias="from")
    lowest: UnixMs
    recovered: UnixMs | None


class BuyAndHold(Output):
    net_profit_pct: float | None
    max_drawdown_pct: float | None


class ReportEngine(Output):
    name: str
    version: str
    program: str


class ReportData(Output):
    sha256: str
    timeframe: Timeframe
    origin: Origin


class ReportSettings(Output):
    """What was in force, defaults included."""

    equity: str
    fee_taker_bps: str
    fee_maker_bps: str
    slippage_bps: str
    tick_size: str | None
    qty_step: str
    min_qty: str
    min_notional: str
    maintenance_margin_pct: str
    funding_rates: int
    fine_ms: int | None
    params: dict[str, str]


class BacktestReport(Output):
    """Bounded: the last 2,000 trades, and of the equity a thousand points that keep each stretch's lowest and highest.
    What was left out is counted."""

    spec_sha256: str
    bars: int
    from_: UnixMs = Field(alias="from")
    to: UnixMs
    metrics: BacktestMetrics
    trades: list[ReportTrade]
    trades_left_out: int
    equity: list[tuple[UnixMs, float]]
    equity_left_out: int
    warnings: list[ReportWarning]
    drawdowns: list[ReportDrawdown]
    buy_and_hold: BuyAndHold
    engine: ReportEngine
    data: ReportData
    settings: ReportSettings


class ReportAnswer(Output):
    report: BacktestReport


class CandleSeries(Output):
    """Stored candles. `from_ms` is the first bar's open, `to_ms` the last one's close."""

    category: Literal["linear", "spot"]
    symbol: str
    timeframe: Timeframe
    origin: Origin
    from_ms: UnixMs
    to_ms: UnixMs
    bars: int
    gaps: int


class CandleSeriesList(Output):
    series: list[CandleSeries]
