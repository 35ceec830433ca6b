"""Specs, candles and settings drawn by chance, so that two engines can be compared on what nobody thought of.

Prices lie on a coarse grid and levels often on the same one, so that touching and passing differ; rules listen to a
small whole volume, so that anything may be decided at any close. One seed gives one scene.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np

from tradewright.backtest.settings import Settings
from tradewright.market.history.fine import FineCandles
from tradewright.market.history.funding import Funding
from tradewright.market.history.rows import Rows
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Filters

HOUR_MS = 3_600_000
MONDAY_MS = 1_704_067_200_000
_LENGTHS_MS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": 24 * HOUR_MS}
_PARTS = 4  # of a bar, for finer candles
_CALM_SHARE = 0.08  # of the scenes: long, with few decisions and small steps, so that much is skipped


@dataclass(frozen=True)
class Scene:
    text: str
    strategy: Strategy
    candles: Candles
    settings: Settings


def draw(seed: int) -> Scene:
    rng = Random(seed)
    is_calm = rng.random() < _CALM_SHARE
    bars = 1_200 if is_calm else 160
    kind = rng.choice(["signal", "signal", "signal", "dca", "grid"])
    category = rng.choice(["linear", "linear", "spot"])
    timeframe = rng.choice(["1h", "1h", "4h", "1d"])
    spec: dict[str, Any] = {
        "version": 1,
        "kind": kind,
        "name": f"seed {seed}",
        "market": {"category": category, "symbol": "BTCUSDT", "timeframe": timeframe},
    }
    if category == "linear":
        spec["leverage"] = rng.choice([1, 1, 2, 3, 10, 25])
    spec |= {"signal": _signal, "dca": _dca, "grid": _grid}[kind](rng, category)
    text = json.dumps(spec)
    checked = check_text(text)
    assert checked.strategy is not None, f"seed {seed}: {text}: {checked.errors}"
    fine_rows, rows = walk(rng, bars, is_calm, _LENGTHS_MS[timeframe], MONDAY_MS + rng.randrange(24) * HOUR_MS)
    candles = rows.candles(checked.strategy.market.timeframe)
    return Scene(text, checked.strategy, candles, drawn_settings(rng, spec, candles, fine_rows))


def _maybe(rng: Random, share: float, key: str, value: Any) -> dict[str, Any]:
    return {key: value} if rng.random() < share else {}


def _signal(rng: Random, category: str) -> dict[str, Any]:
    rules: dict[str, Any] = {"enter_long": f"volume >= {rng.choice([2, 6, 8])} and volume != 9"}
    if category == "linear":
        rules["enter_short"] = rng.choice(["volume == 1", "volume <= 2", "volume >= 7 and close < close[1]"])
    exits = [
        "volume == 5",
        "volume <= 3",
        "position.bars >= 4",
        "position.pnl_pct < -1 or position.best_pnl_pct > 3",
        "position.side * (close - position.entry_price) > 2",
    ]
    rules |= _maybe(rng, 0.6, "exit_long", rng.choice(exits))
    if category == "linear":
        rules |= _maybe(rng, 0.6, "exit_short", rng.choice(exits))
    protect = _protect(rng)
    size: dict[str, Any] = rng.choice([{"quote": 1000}, {"base": 3}, {"equity_pct": 60}, {"equity_pct": 100}])
    if "stop_loss" in protect and rng.random() < 0.4:
        size = {"risk_pct": rng.choice([1, 5, 40])}
    made = {"rules": rules, "size": size} | ({"protect": protect} if protect else {})
    if rng.random() < 0.4:
        offset = rng.choice([0, 0.5, 1, 2])
        made["entry"] = {"type": "limit", "offset_pct": offset, "expire_bars": rng.choice([1, 2, 5])}
    return made | _maybe(rng, 0.5, "limits", drawn_limits(rng))


def _protect(rng: Random) -> dict[str, Any]:
    stops = [
        {"pct": rng.choice([1, 2, 5])},
        {"atr": rng.choice([1, 2.5]), "length": rng.choice([1, 5])},
        {"price": "close - 2 * atr(3) * position.side"},
        {"price": "if(position.best_pnl_pct >= 2, position.entry_price, close * (1 - 0.03 * position.side))"},
        {"price": "position.entry_price - position.side * volume"},
    ]
    targets = [
        {"pct": rng.choice([1, 3, 120])},
        {"atr": 3, "length": 4},
        {"price": "close + (volume - 2) * position.side"},
        {"price": "position.entry_price + position.side * (6 - position.bars)"},
    ]
    protect = _maybe(rng, 0.7, "stop_loss", rng.choice(stops))
    if "stop_loss" in protect and rng.random() < 0.3:
        protect["take_profit"] = {"rr": rng.choice([0.5, 2])}
    elif rng.random() < 0.6:
        protect["take_profit"] = rng.choice(targets)
    if rng.random() < 0.4:
        protect["trailing"] = {"pct": rng.choice([1, 2, 5])} | _maybe(rng, 0.5, "activate_pct", rng.choice([1, 2]))
    return protect | _maybe(rng, 0.3, "max_bars", rng.choice([1, 3, 10]))


def drawn_limits(rng: Random) -> dict[str, Any]:
    limits: dict[str, Any] = _maybe(rng, 0.4, "max_entries_per_day", rng.choice([1, 2, 3]))
    limits |= _maybe(rng, 0.4, "cooldown_bars", rng.choice([0, 1, 2, 5]))
    limits |= _maybe(rng, 0.5, "max_daily_loss_pct", rng.choice([0.5, 2, 5]))
    limits |= _maybe(rng, 0.3, "trade_hours_utc", rng.choice(["07:00-21:00", "20:00-04:00", "00:00-24:00"]))
    return limits | _maybe(rng, 0.3, "trade_days", rng.choice([["mon", "tue"], ["sat", "sun", "wed"]]))


def _dca(rng: Random, category: str) -> dict[str, Any]:
    dca: dict[str, Any] = {
        "side": "long" if category == "spot" else rng.choice(["long", "short"]),
        "start": rng.choice(["now", "volume >= 7", "close > sma(close, 5)"]),
        "base": {"quote": rng.choice([100, 500, 3000])},
        "take_profit_pct": rng.choice([0.5, 1.5, 3]),
    }
    if rng.random() < 0.8:
        dca["safety"] = {
            "count": rng.choice([0, 1, 3, 5]),
            "quote": rng.choice([40, 100, 700]),
            "step_pct": rng.choice([0.5, 1, 1.5]),
            "step_scale": rng.choice([0.8, 1, 1.2]),
            "size_scale": rng.choice([0.7, 1, 1.5]),
        }
    dca |= _maybe(rng, 0.5, "stop_loss_pct", rng.choice([13, 15]))
    dca |= _maybe(rng, 0.5, "repeat", rng.random() < 0.8)
    return {"dca": dca} | _maybe(rng, 0.5, "limits", drawn_limits(rng))


def _grid(rng: Random, category: str) -> dict[str, Any]:
    lower, width = rng.choice([85, 90, 95, 98]), rng.choice([6, 10, 20])
    grid: dict[str, Any] = {
        "lower": lower,
        "upper": lower + width,
        "levels": rng.choice([2, 3, 5, 11, 21]),
        "spacing": rng.choice(["arithmetic", "geometric"]),
        "side": "long" if category == "spot" else rng.choice(["neutral", "long", "short"]),
        "per_level": rng.choice([{"quote": 300}, {"base": 2}, {"quote": 20}]),
    }
    grid |= _maybe(rng, 0.5, "stop_below", lower - rng.choice([1, 3]))
    return {"grid": grid | _maybe(rng, 0.5, "stop_above", lower + width + rng.choice([1, 3]))}


def walk(rng: Random, bars: int, is_calm: bool, length_ms: int, begin_ms: int) -> tuple[Rows, Rows]:
    """Four parts to a bar, and the bars made of them; now and then a gap between two bars, or a still one."""
    step, wild = (0.03125, 2) if is_calm else (rng.choice([0.25, 0.5, 1.0]), rng.choice([2, 4, 8]))
    parts: list[tuple[float, float, float, float]] = []
    price = 100.0
    for _ in range(bars * _PARTS):
        if rng.random() < 0.08:
            price = max(20.0, price + step * rng.randint(-2 * wild, 2 * wild))
        opened = price
        # A pull to 100, so that nothing runs away.
        drift = -1 if price > 106 else 1 if price < 94 else 0
        price = max(20.0, price + step * (rng.randint(-wild, wild) + drift))
        high = max(opened, price) + step * rng.randint(0, wild) * (rng.random() < 0.6)
        low = max(10.0, min(opened, price) - step * rng.randint(0, wild) * (rng.random() < 0.6))
        parts.append((opened, high, low, price))
    wholes = [
        (four[0][0], max(part[1] for part in four), min(part[2] for part in four), four[-1][3])
        for four in (parts[k : k + _PARTS] for k in range(0, len(parts), _PARTS))
    ]
    volumes = [4.0 if is_calm and rng.random() < 0.98 else float(rng.randint(0, 9)) for _ in wholes]
    part_ms = length_ms // _PARTS
    kept = [k for k in range(len(parts)) if rng.random() < 0.995]
    fine = _rows([begin_ms + k * part_ms for k in kept], [parts[k] for k in kept], [1.0] * len(kept))
    return fine, _rows([begin_ms + k * length_ms for k in range(bars)], wholes, volumes)


def _rows(times: list[int], prices: list[tuple[float, float, float, float]], volumes: list[float]) -> Rows:
    opened, high, low, close = (np.ascontiguousarray(column) for column in np.array(prices).T)
    return Rows(
        open_time_ms=np.array(times),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=np.array(volumes),
        turnover=np.full(len(times), np.nan),
    )


def drawn_settings(rng: Random, spec: dict[str, Any], candles: Candles, fine: Rows) -> Settings:
    times = candles.open_time_ms
    length_ms = int(times[1] - times[0])
    linear = spec["market"]["category"] == "linear"
    funding = fine_candles = None
    if linear and rng.random() < 0.5:
        due = sorted(
            {int(times[0]) + rng.randrange(len(times)) * length_ms - rng.choice([0, 0, 1, 60_000]) for _ in range(20)}
        )
        rates = [rng.choice([0.0001, -0.0003, 0.01, -0.002]) for _ in due]
        funding = Funding(time_ms=np.array(due), rate_ratio=np.array(rates))
    if spec["kind"] == "signal" and rng.random() < 0.3:
        fine_candles = FineCandles(spacing_ms=length_ms // _PARTS, rows=fine)
    margin = Decimal(rng.choice(["0", "0.5", "1"]))
    return Settings(
        equity=Decimal(rng.choice(["10000", "3000", "777.77"])),
        fee_taker_bps=rng.choice([None, Decimal(0), Decimal("7.3")]),
        fee_maker_bps=rng.choice([None, Decimal(0), Decimal("-1")]),
        slippage_bps=Decimal(rng.choice(["0", "1", "10", "37.5"])),
        filters=Filters(
            tick_size=rng.choice([None, Decimal("0.25"), Decimal("0.01"), Decimal(1)]),
            quantity_step=Decimal(rng.choice(["0.000001", "0.01", "1"])),
            min_quantity=Decimal(rng.choice(["0", "0.5"])),
            min_notional=Decimal(rng.choice(["0", "0", "90"])),
        ),
        maintenance_margin_pct=margin,
        funding=funding,
        from_ms=int(times[rng.randrange(1, 20)]) if rng.random() < 0.3 else None,
        to_ms=int(times[-rng.randrange(1, 20)]) if rng.random() < 0.2 else None,
        fine=fine_candles,
    )
