"""The live trading core in virtual time: one account's session against the simulated exchange, in one process.

Here the network, the database and the clock are in memory; everything between them is what trades live. The backtest's
exact mode is made of it, and so are the seeded simulations of the tests.
"""
