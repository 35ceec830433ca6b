"""Backtests: a strategy over recorded candles, by the order and fill rules of the contract."""
