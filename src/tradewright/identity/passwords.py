"""Passwords: the rules of length and of what is common, and argon2id in a thread.

Lives here: `Passwords`, which hashes and compares; `password_problems`. Not here: how often one may try (`throttle`).
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tradewright.core.errors import Problem
from tradewright.identity.common_passwords import is_common

LENGTH_MIN = 12
LENGTH_MAX = 1024


def password_problems(password: str, username: str = "") -> list[Problem]:
    """Faults of a new password: its length, and being what is tried first. Composition rules make passwords worse."""
    if len(password) < LENGTH_MIN:
        return [Problem("password.too_short", "password", {"minimum": str(LENGTH_MIN)})]
    if len(password) > LENGTH_MAX:
        return [Problem("password.too_long", "password", {"maximum": str(LENGTH_MAX)})]
    if is_common(password, username):
        return [Problem("password.common", "password")]
    return []


@dataclass(frozen=True, slots=True)
class HashCost:
    """Cost of one argon2id hash: 150 ms on the machine it was chosen on; memory in KiB."""

    time_cost: int = 3
    memory_kib: int = 65_536
    parallelism: int = 1


def hasher_of(cost: HashCost) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.time_cost, memory_cost=cost.memory_kib, parallelism=cost.parallelism)


class Passwords:
    """Hashes and compares, at most `concurrent_max` at a time: each holds 64 MiB, and more would queue for a core."""

    def __init__(self, cost: HashCost | None = None, *, concurrent_max: int = 2) -> None:
        cost = cost or HashCost()
        self._hasher = hasher_of(cost)
        self._slots = asyncio.Semaphore(concurrent_max)
        self._decoy = _decoy(cost)

    async def hash(self, password: str) -> str:
        """The encoded argon2id hash with its own salt and cost."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    def is_of_another_cost(self, encoded: str) -> bool:
        """Whether the hash was made with other costs than those of now, and should be made anew."""
        return self._hasher.check_needs_rehash(encoded)

    async def matches(self, password: str, encoded: str | None) -> bool:
        """Whether the password belongs to the hash. Without a hash (no such user) the same work is done, then False."""
        if len(password) > LENGTH_MAX:
            password = ""  # it cannot be anyone's; the work is done all the same
        if encoded is None:
            await self._compare(password, self._decoy)
            return False
        return await self._compare(password, encoded)

    async def _compare(self, password: str, encoded: str) -> bool:
        async with self._slots:
            return await asyncio.to_thread(self._verify, password, encoded)

    def _verify(self, password: str, encoded: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False


def _decoy(cost: HashCost) -> str:
    """A hash that no password has been hashed to, of the same cost: comparing with it takes as long as with any."""
    salt, digest = b64encode(b"decoy salt 16 by").decode().rstrip("="), b64encode(bytes(32)).decode().rstrip("=")
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.time_cost},p={cost.parallelism}${salt}${digest}"
