"""Faults on purpose: what is armed, by hand or by seed, and what it does to a call, a stream or the market."""
