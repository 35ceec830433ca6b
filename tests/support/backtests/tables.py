"""Hand-worked backtests as tables: bars in, trades out.

A case of `tests/data/backtests/*.yaml`:
- `promise`: what it shows; the test's name.
- `spec`: the strategy but for version, name and market (`market` changes the latter: linear, BTCUSDT, 1h).
- `options`: of the run. Money options as in the command, but that costs are 0 unless given; `from`, `to` are bars;
  `funding` is [[bar, rate], …], where a bar and a half is half an hour later; `fine` is a table of bars of 15m, four to
  a bar, oldest first, `-` for a missing one.
- `begin`: the hour of Monday, 2024-01-01 at which bar 0 opens (0).
- `bars`: a line each: open high low close volume.
- `trades`: a line each: side quantity bar@price bar@price exit_reason bars pnl; `~` at the end when ambiguous. A bar
  stands for its open; behind the last one it is the last close. `15m` parts of a bar are .25 .5 .75.
- `warnings`: code: count@bar, the first decision's close being that bar's open. All that the run has, none left out.
- `equity`: the equity at each close, where a case is about it. `bars_run`, `exposed` likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tradewright.backtest.engine import run
from tradewright.backtest.result import Result
from tradewright.backtest.settings import Settings
from tradewright.market.history.fine import FineCandles
from tradewright.market.history.funding import Funding
from tradewright.market.history.rows import Rows
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Filters

FOLDER = Path(__file__).parents[2] / "data" / "backtests"
HOUR_MS = 3_600_000
MONDAY_MS = 1_704_067_200_000
_QUARTER_MS = HOUR_MS // 4


@dataclass(frozen=True)
class Case:
    promise: str
    strategy: Strategy
    candles: Candles
    settings: Settings
    begin_ms: int
    expected: dict[str, Any]

    def play(self) -> Result:
        return run(self.strategy, self.candles, self.settings)

    def time(self, bar: str | float) -> int:
        return self.begin_ms + round(float(bar) * HOUR_MS)


def read_cases(name: str) -> list[Case]:
    # Every scalar as its text: numbers keep their decimals.
    return [_case(case) for case in yaml.load((FOLDER / name).read_text(), yaml.BaseLoader)]


def expected_trades(case: Case) -> list[str]:
    return [" ".join(line.split()) for line in case.expected.get("trades", "").splitlines() if line.strip()]


def told_trades(case: Case, result: Result) -> list[str]:
    """The result's trades as a case writes them."""
    return [
        f"{'long' if trade.direction > 0 else 'short'} {_plain(trade.quantity)} "
        f"{_bar(case, trade.entry_time_ms)}@{_plain(trade.entry_price)} "
        f"{_bar(case, trade.exit_time_ms)}@{_plain(trade.exit_price)} "
        f"{trade.exit_reason} {trade.bars} {_plain(trade.pnl)}{' ~' if trade.is_ambiguous else ''}"
        for trade in result.trades
    ]


def expected_warnings(case: Case) -> dict[str, str]:
    return dict(case.expected.get("warnings", {}))


def told_warnings(case: Case, result: Result) -> dict[str, str]:
    return {one.code: f"{one.count}@{_bar(case, one.first_time_ms or 0)}" for one in result.warnings}


def _case(raw: dict[str, Any]) -> Case:
    market = {"category": "linear", "symbol": "BTCUSDT", "timeframe": "1h"} | raw.get("market", {})
    kind = {"kind": raw["kind"]} if "kind" in raw else {}
    text = yaml.dump({"version": 1, "name": "a case", "market": market, **kind, **_numbers(raw["spec"])})
    checked = check_text(text)
    assert checked.strategy is not None, f"{raw['promise']}: {checked.errors}"
    begin_ms = MONDAY_MS + int(raw.get("begin", 0)) * HOUR_MS
    bars = [line.split() for line in raw["bars"].splitlines() if line.strip()]
    candles = Candles(timeframe="1h", **_columns(bars, [begin_ms + k * HOUR_MS for k in range(len(bars))]))
    return Case(raw["promise"], checked.strategy, candles, _settings(raw.get("options", {}), begin_ms), begin_ms, raw)


def _numbers(value: Any) -> Any:
    """YAML's own numbers again where a text is one, so that a spec's keys that want numbers get them."""
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    try:
        return yaml.safe_load(value) if Decimal(value).is_finite() else value
    except ArithmeticError:
        return {"true": True, "false": False}.get(value, value)


def _columns(bars: list[list[str]], times: list[int]) -> dict[str, Any]:
    prices = np.array([[float(cell) for cell in bar] for bar in bars]).T
    names = ("open", "high", "low", "close", "volume")
    columns = {name: np.ascontiguousarray(column) for name, column in zip(names, prices, strict=True)}
    return {"open_time_ms": np.array(times), **columns, "turnover": np.full(len(bars), np.nan)}


def _settings(options: dict[str, Any], begin_ms: int) -> Settings:
    def money(name: str, default: str = "0") -> Decimal:
        return Decimal(options.get(name, default))

    def moment(name: str) -> int | None:
        return begin_ms + int(options[name]) * HOUR_MS if name in options else None

    return Settings(
        equity=money("equity", "10000"),
        fee_taker_bps=money("fee_taker_bps"),
        fee_maker_bps=money("fee_maker_bps"),
        slippage_bps=money("slippage_bps"),
        filters=Filters(
            tick_size=Decimal(options["tick_size"]) if "tick_size" in options else None,
            quantity_step=money("qty_step", "0.000001"),
            min_quantity=money("min_qty"),
            min_notional=money("min_notional"),
        ),
        maintenance_margin_pct=money("maintenance_margin_pct", "0.5"),
        funding=_funding(options["funding"], begin_ms) if "funding" in options else None,
        from_ms=moment("from"),
        to_ms=moment("to"),
        fine=_fine(options["fine"], begin_ms) if "fine" in options else None,
    )


def _funding(rates: list[list[str]], begin_ms: int) -> Funding:
    return Funding(
        time_ms=np.array([begin_ms + round(float(bar) * HOUR_MS) for bar, _ in rates]),
        rate_ratio=np.array([float(rate) for _, rate in rates]),
    )


def _fine(table: str, begin_ms: int) -> FineCandles:
    lines = [line.split() for line in table.splitlines() if line.strip()]
    there = [(number, [*line, "1"]) for number, line in enumerate(lines) if line != ["-"]]
    times = [begin_ms + number * _QUARTER_MS for number, _ in there]
    return FineCandles(spacing_ms=_QUARTER_MS, rows=Rows(**_columns([line for _, line in there], times)))


def _bar(case: Case, time_ms: int) -> str:
    return _plain(Decimal(time_ms - case.begin_ms) / HOUR_MS)


def _plain(value: Decimal) -> str:
    """As the report does: at most 18 decimals."""
    with localcontext() as context:
        context.prec = 60
        return format((value.quantize(Decimal("1e-18")) + 0).normalize(), "f")
