"""Connections to an exchange: accounts that a person adds by an API key, from the sealed key to the account's session.

The API adds (`commands`) and shows (`queries`) them; the worker checks their keys (`checks`, `verdicts`) and opens them
for the sessions that sign with them (`store`). Not here: accounts (`trading`), boxes (`vault`).
"""
