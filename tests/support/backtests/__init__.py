"""For the tests of backtests: a second engine, specs and candles drawn by chance, tables of bars."""
