"""Market data for everyone in this process: one upstream, caches with their age, and what is missing said openly.

Lives here: the hub, candle, ticker and instrument caches, the market clock.
Not here: the exchange's wire (`exchange.bybit`).
"""
