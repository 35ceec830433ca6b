"""Backtests that are asked for over the API: a row in a table is the job, a process of its own does the work.

Rooms: `model` (what is asked, the states, the quotas), `tables`, `commands` and `queries` (the API's side), `queue`
(the table as a queue), `keeper` (the jobs process: takes, starts, beats, ends), `child` (any process of it), `player`
(one backtest from outside), `play` (the same from inside), `fetching` (candles first), `bounding` (a report of bounded
size). Not here: the engine (`backtest`), candles (`market`).
"""
