"""Searching a strategy's params: many backtests at once, and what the best of them is worth.

`space` says which sets of values there are, `trial` runs one of them, `sweep` all of them over the cores,
`walk_forward` over windows of time; `deflated` says how much of a best result the number of tries explains.
"""
