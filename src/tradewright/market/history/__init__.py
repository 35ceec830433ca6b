"""Candles and funding that were: files of others, and our own store of them.

Lives here: reading and judging files, the data hash, the store below HOME/data, imports and downloads.
Not here: what a candle means to a strategy (`strategy.candles`), live candles (`market.candles`).
"""
