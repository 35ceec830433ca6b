"""Sealing: whoever has the public half may put a secret in, and cannot take one out.

Lives here: `SealingKey` (a libsodium sealed box around binding and secret) and reading its file. Not here: the other
half (`opening`), which a process that only seals must not have.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PublicKey, SealedBox

from tradewright.core.errors import NotReady
from tradewright.vault.binding import Binding

PUBLIC_FILE = "trading.public"
SEALED_VERSION = b"\x01"
KEY_ID_LENGTH = 8
PLAINTEXT_BYTES_MAX = 16_384


class VaultNotReady(NotReady):
    """There is no keyring yet: the worker makes it at its first start."""

    code = "vault.not_ready"


def key_id(public: bytes) -> bytes:
    """Names a keyring: the beginning of the hash of its public half."""
    return hashlib.sha256(public).digest()[:KEY_ID_LENGTH]


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The public half: 32 bytes of Curve25519."""

    public: bytes

    def seal(self, secret: bytes, binding: Binding) -> bytes:
        """Version, key id, sealed box. Raises `ValueError` for a secret longer than `PLAINTEXT_BYTES_MAX`."""
        if len(secret) > PLAINTEXT_BYTES_MAX:
            raise ValueError(f"a secret of {len(secret)} bytes is too long; at most {PLAINTEXT_BYTES_MAX} are sealed")
        box = SealedBox(PublicKey(self.public)).encrypt(binding.as_bytes() + secret)
        return SEALED_VERSION + key_id(self.public) + box


def read_sealing_key(folder: Path) -> SealingKey:
    """The public half below `folder` (HOME/vault). Raises `VaultNotReady` while there is none or it cannot be read."""
    path = folder / PUBLIC_FILE
    try:
        public = base64.b64decode(str(json.loads(path.read_text())["public"]), validate=True)
    except FileNotFoundError:
        raise VaultNotReady(
            "the keyring for exchange keys is not there yet: the worker makes it when it starts; try again shortly. If"
            " it stays so, the worker's log says what to restore"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise VaultNotReady(f"the keyring's public half {path} cannot be read: {type(error).__name__}") from None
    if len(public) != PublicKey.SIZE:
        raise VaultNotReady(f"the keyring's public half {path} has {len(public)} bytes; expected {PublicKey.SIZE}")
    return SealingKey(public)
