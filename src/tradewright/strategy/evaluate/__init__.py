"""Programs worked out over candles: whole columns (`arrays`) or bar by bar (`bars`), to the same numbers.

Lives here: fields and times of bars, longer bars, unknown values, what hangs on a position. What a function computes is
in `strategy.functions`.
"""
