"""Tokens: 256 random bits as text, and what is stored of them.

Chance comes straight from the system's secure source here and not through the `Rng` port: a token must be secret, and
nothing that is replayed from a seed depends on it.
"""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """43 characters of A-Z a-z 0-9 - _."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What is stored and looked up. A fast hash is enough for 256 random bits, and an index look-up by the hash of what
    was sent tells nothing about the tokens that are stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
