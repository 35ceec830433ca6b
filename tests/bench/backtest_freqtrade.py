"""freqtrade's backtest of what `backtest_peers.py` runs: `python backtest_freqtrade.py CANDLES [once]`.

Asked and answering as `backtest_peers.py`. It asks no exchange: the one market that it needs is put where a download of
them would be. Timed are its indicators, signals and its loop over the candles, not its tables of results.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from backtest_peers import CASH, FEE, answer, candles, told
from freqtrade.enums import CandleType, MarginMode, RunMode, TradingMode
from freqtrade.exchange import Binance
from freqtrade.optimize.backtesting import Backtesting

PAIR = "BTC/USDT"
CROSS = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from backtest_peers import signals
from freqtrade.strategy import IStrategy


class Cross(IStrategy):
    INTERFACE_VERSION = 3
    timeframe, can_short, startup_candle_count = "1m", False, 0
    minimal_roi, stoploss, process_only_new_candles = {{}}, -0.99, True

    def populate_indicators(self, frame, metadata):
        frame["up"], frame["down"] = signals(frame["close"])
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[frame["up"], "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[frame["down"], "exit_long"] = 1
        return frame

    def custom_stake_amount(self, current_rate, **kwargs):
        return current_rate
"""
MARKET = {
    "id": "BTCUSDT", "symbol": PAIR, "base": "BTC", "quote": "USDT", "active": True, "spot": True, "type": "spot",
    "margin": False, "swap": False, "future": False, "linear": None, "contract": False, "contractSize": None,
    "taker": FEE, "maker": FEE, "precision": {"amount": 1e-8, "price": 0.01, "cost": 1e-8}, "info": {},
    "limits": {name: {"min": None, "max": None} for name in ("amount", "price", "cost", "leverage")},
}  # fmt: skip


def settings(folder: Path) -> dict[str, Any]:
    price = {"price_side": "same"}
    return {
        "strategy": "Cross", "strategy_path": str(folder), "user_data_dir": folder, "datadir": folder,
        "dataformat_ohlcv": "feather", "timeframe": "1m", "runmode": RunMode.HYPEROPT, "export": "none",
        "exchange": {"name": "binance", "pair_whitelist": [PAIR], "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}], "stake_currency": "USDT", "stake_amount": 1000, "dry_run": True,
        "dry_run_wallet": CASH, "max_open_trades": 1, "fee": FEE, "trading_mode": TradingMode.SPOT,
        "margin_mode": MarginMode.NONE, "candle_type_def": CandleType.SPOT, "entry_pricing": price,
        "exit_pricing": price, "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes"},
        "tradable_balance_ratio": 1.0, "internals": {}, "max_entry_position_adjustment": -1,
        "reduce_df_footprint": False, "fiat_display_currency": "",
    }  # fmt: skip


def of_freqtrade(frame: pd.DataFrame, folder: Path) -> Any:
    (folder / "cross.py").write_text(CROSS)
    config = settings(folder)
    exchange = Binance(config, validate=False)
    exchange._markets = {PAIR: MARKET}
    exchange.reload_markets = lambda *_, **__: None
    backtesting = Backtesting(config, exchange=exchange)
    backtesting._set_strategy(backtesting.strategylist[0])
    rows = frame[["Open", "High", "Low", "Close", "Volume"]].rename(columns=str.lower)
    rows.insert(0, "date", pd.DatetimeIndex(frame.index).tz_localize("UTC"))
    rows = rows.reset_index(drop=True)
    first, last = rows["date"].iloc[0].to_pydatetime(), rows["date"].iloc[-1].to_pydatetime()

    def run() -> list[list[float]]:
        processed = backtesting.strategy.advise_all_indicators({PAIR: rows.copy()})
        trades = backtesting.backtest(processed=processed, start_date=first, end_date=last)["results"]
        opened, closed = (rows["date"].searchsorted(trades[name]) for name in ("open_date", "close_date"))
        return [told(*one) for one in zip(opened, trades["open_rate"], closed, trades["close_rate"], strict=True)]

    return run


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        answer(of_freqtrade(candles(sys.argv[1]), Path(home)))
