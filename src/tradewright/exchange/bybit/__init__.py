"""Bybit V5 behind the ports of `exchange.ports`.

Lives here: signing, REST, streams, wire types and what becomes of them, Bybit's codes. Not here: what to do about an
answer (`trading`), caches (`market`).
The peer is distrusted: a surprise is a typed error with the raw text, never a guess.
"""
