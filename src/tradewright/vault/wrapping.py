"""Wrapping: how a secret lies at rest once the worker has taken it: AES-256-GCM, one data key a row.

Lives here: `Wrapped`, `KeyEncryptionKey`. The data key encrypts the secret, the key-encryption key (from a file)
encrypts the data key; both boxes carry the binding as associated data. A new key-encryption key would re-wrap data keys
alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tradewright.core.errors import AppError
from tradewright.vault.binding import Binding

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = b"\x01"
_SECRET_USE, _DATA_KEY_USE = b"secret\x00", b"data key\x00"
RandomBytes = Callable[[int], bytes]


class Unopenable(AppError):
    """The box was changed, moved to another row, or made for another keyring. Nothing of it is known."""

    code = "vault.unopenable"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Both boxes of one row: version, nonce, ciphertext with its tag."""

    data_key: bytes
    secret: bytes


class KeyEncryptionKey:
    """32 bytes from a file; shows itself to nobody."""

    __slots__ = ("_cipher", "key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key-encryption key has {KEY_BYTES} bytes; got {len(key)}")
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"tradewright key-encryption key\x00" + key).digest()[:8]

    def __repr__(self) -> str:
        return f"KeyEncryptionKey(id={self.key_id.hex()})"

    def wrap(self, secret: bytes, binding: Binding, *, random_bytes: RandomBytes = os.urandom) -> Wrapped:
        """Encrypts under a fresh data key; `random_bytes` is the operating system's but for known answers in tests."""
        data_key = random_bytes(KEY_BYTES)
        return Wrapped(
            data_key=_encrypt(self._cipher, data_key, _DATA_KEY_USE, binding, random_bytes),
            secret=_encrypt(AESGCM(data_key), secret, _SECRET_USE, binding, random_bytes),
        )

    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes:
        """The secret. Raises `Unopenable` for any change of either box, of the binding or of the key."""
        data_key = _decrypt(self._cipher, wrapped.data_key, _DATA_KEY_USE, binding)
        return _decrypt(AESGCM(data_key), wrapped.secret, _SECRET_USE, binding)


def _encrypt(cipher: AESGCM, plain: bytes, use: bytes, binding: Binding, random_bytes: RandomBytes) -> bytes:
    nonce = random_bytes(NONCE_BYTES)
    return VERSION + nonce + cipher.encrypt(nonce, plain, use + binding.as_bytes())


def _decrypt(cipher: AESGCM, box: bytes, use: bytes, binding: Binding) -> bytes:
    nonce, text = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
    if box[:1] != VERSION or len(nonce) != NONCE_BYTES:
        raise Unopenable("a stored key is not of a form that this version knows; restore it, or add the key anew")
    try:
        return cipher.decrypt(nonce, text, use + binding.as_bytes())
    except (InvalidTag, ValueError):
        raise Unopenable(
            "a stored key cannot be opened: it was changed or moved, or HOME/vault is not the one it was stored with; "
            "restore that one and start again, or remove the connection and add the key anew"
        ) from None
