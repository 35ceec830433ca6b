"""Differences between us and the exchange that wait for a person, and what follows from what is decided."""
