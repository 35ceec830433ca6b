"""The text of a trading keyring: its generations, the last of which seals and wraps.

Lives here: `Generation`, reading and writing that text. Pure. Not here: where it is kept (`sources`), what is opened
with it (`opening`).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey

from tradewright.core.errors import StartError
from tradewright.vault.sealing import key_id
from tradewright.vault.sources import KEYRING_EXIT
from tradewright.vault.wrapping import KEY_BYTES, KeyEncryptionKey

GENERATIONS_MAX = 50


@dataclass(frozen=True, slots=True)
class Generation:
    """A private half and a key-encryption key that were made together."""

    private: bytes = field(repr=False)
    key_encryption_key: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        return bytes(PrivateKey(self.private).public_key)

    @property
    def seal_id(self) -> bytes:
        """What a seal for this generation names."""
        return key_id(self.public)

    @property
    def wrap_id(self) -> bytes:
        """What a wrapped row of this generation names."""
        return KeyEncryptionKey(self.key_encryption_key).key_id


def new_generation() -> Generation:
    return Generation(bytes(PrivateKey.generate()), os.urandom(KEY_BYTES))


def keyring_text(generations: Sequence[Generation]) -> str:
    """One generation is written as every version reads it; several need this one."""
    if len(generations) == 1:
        return json.dumps(_fields(generations[0])) + "\n"
    return json.dumps({"version": 2, "generations": [_fields(each) for each in generations]}) + "\n"


def read_generations(content: str, name: str) -> list[Generation]:
    """Oldest first. Raises `StartError` (exit code 12), which repeats nothing of it."""
    try:
        found: Any = json.loads(content)
        rows = found.get("generations", [found])
        generations = [_generation(row) for row in rows]
        if not 0 < len(generations) <= GENERATIONS_MAX:
            raise ValueError("no generation, or too many")
    except (ValueError, KeyError, TypeError, AttributeError, CryptoError, binascii.Error) as error:
        raise StartError(
            f"the keyring for exchange keys {name} cannot be read ({type(error).__name__}); restore it from a backup: "
            f"without it no stored exchange key opens. To begin anew, move it away, start, remove every connection, "
            f"start again and add the keys again",
            exit_code=KEYRING_EXIT,
        ) from None
    return generations


def _fields(generation: Generation) -> dict[str, str]:
    return {
        "private": base64.b64encode(generation.private).decode(),
        "key_encryption_key": base64.b64encode(generation.key_encryption_key).decode(),
    }


def _generation(row: Any) -> Generation:
    private, kek = (base64.b64decode(row[name], validate=True) for name in ("private", "key_encryption_key"))
    made = Generation(private, kek)
    assert made.seal_id, "both can be used, or this raises what the caller tells"
    assert made.wrap_id
    return made
