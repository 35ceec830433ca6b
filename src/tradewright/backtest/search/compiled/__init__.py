"""A `signal` run as one loop over doubles, compiled: what a sweep runs once for each set.

`layout` is what goes in and comes out, `numbers` and `orders` what is decided, `play` the loop over the bars. These are
written in the part of Python that numba compiles, and run as they stand too. `terms` makes what goes in, `columns` the
rules' columns, shared between sets, `tape` reads what came out, `machine` compiles, `runs` puts them together.
"""
