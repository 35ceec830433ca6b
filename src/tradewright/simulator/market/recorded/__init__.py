"""Recorded markets: reading files of every kind, and playing them again as a `Market`."""
