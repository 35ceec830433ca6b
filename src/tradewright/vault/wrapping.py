"""Wrapping: how a secret lies at rest: AES-256-GCM, one data key a row, under one of a ring of key-encryption keys.

Lives here: `Wrapped`, `KeyEncryptionKey`, `KeyRing`. The data key encrypts the secret, a key-encryption key encrypts
the data key; both boxes carry the binding as associated data. A new key-encryption key re-wraps data keys alone.
Not here: where the keys are (`sources`), which rows there are (`rows`, `connections`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tradewright.core.errors import AppError
from tradewright.vault.binding import Bound

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 8
FIRST_VERSION = b"\x01"  # bound by `as_bytes`; says nothing of its key
VERSION = b"\x02"  # bound by `context`; the id of its key-encryption key stands in front
_SECRET, _DATA_KEY = "secret", "data_key"
_FIRST_USES = {_SECRET: b"secret\x00", _DATA_KEY: b"data key\x00"}
RandomBytes = Callable[[int], bytes]


class Unopenable(AppError):
    """The box was changed, moved to another row, or made for another keyring. Nothing of it is known."""

    code = "vault.unopenable"


class UnknownKey(Unopenable):
    """The box names a key-encryption key that is not in the ring: it may have come since the ring was read."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Both boxes of one row: version, the key's id (before a data key), nonce, ciphertext with its tag."""

    data_key: bytes
    secret: bytes

    def joined(self) -> bytes:
        """Both in one column."""
        return struct.pack(">H", len(self.data_key)) + self.data_key + self.secret

    @classmethod
    def parted(cls, joined: bytes) -> Wrapped:
        """What `joined` made. Anything else does not open."""
        (length,) = struct.unpack(">H", joined[:2]) if len(joined) > 2 else (0,)
        return cls(joined[2 : 2 + length], joined[2 + length :])


class KeyEncryptionKey:
    """32 bytes; shows itself to nobody."""

    __slots__ = ("_cipher", "key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key-encryption key has {KEY_BYTES} bytes; got {len(key)}")
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"tradewright key-encryption key\x00" + key).digest()[:KEY_ID_BYTES]

    def __repr__(self) -> str:
        return f"KeyEncryptionKey(id={self.key_id.hex()})"

    def wrap(self, secret: bytes, binding: Bound, *, random_bytes: RandomBytes = os.urandom) -> Wrapped:
        """Encrypts under a fresh data key; `random_bytes` is the operating system's but for known answers in tests."""
        data_key = random_bytes(KEY_BYTES)
        return Wrapped(
            data_key=self._box_of(data_key, binding, random_bytes),
            secret=_encrypt(AESGCM(data_key), secret, binding.context(_SECRET), random_bytes),
        )

    def unwrap(self, wrapped: Wrapped, binding: Bound) -> bytes:
        """The secret. Raises `Unopenable` for any change of either box, of the binding or of the key."""
        return _open_secret(self.data_key_of(wrapped, binding), wrapped, binding)

    def data_key_of(self, wrapped: Wrapped, binding: Bound) -> bytes:
        """Raises `Unopenable`."""
        box = wrapped.data_key
        if box[:1] == FIRST_VERSION:
            return _decrypt(self._cipher, box[1:], _FIRST_USES[_DATA_KEY] + binding.as_bytes())
        return _decrypt(self._cipher, box[1 + KEY_ID_BYTES :], self._about_data_key(binding))

    def _box_of(self, data_key: bytes, binding: Bound, random_bytes: RandomBytes) -> bytes:
        return VERSION + self.key_id + _encrypt(self._cipher, data_key, self._about_data_key(binding), random_bytes)[1:]

    def _about_data_key(self, binding: Bound) -> bytes:
        return self.key_id + binding.context(_DATA_KEY)


class KeyRing:
    """Several key-encryption keys: the last one wraps, each opens what it wrapped."""

    __slots__ = ("_keys", "active")

    def __init__(self, keys: Sequence[KeyEncryptionKey]) -> None:
        if not keys:
            raise ValueError("a key ring has at least one key")
        self._keys = {key.key_id: key for key in keys}
        self.active = keys[-1]

    def __repr__(self) -> str:
        return f"KeyRing(active={self.active.key_id.hex()}, keys={len(self._keys)})"

    @property
    def key_ids(self) -> frozenset[bytes]:
        return frozenset(self._keys)

    def wrap(self, secret: bytes, binding: Bound) -> Wrapped:
        return self.active.wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: Bound) -> bytes:
        """Raises `Unopenable`; `UnknownKey` when it is for a key that this ring does not have."""
        return _open_secret(self._data_key_of(wrapped, binding), wrapped, binding)

    def rewrapped(self, wrapped: Wrapped, binding: Bound) -> Wrapped:
        """The same secret under the active key. It is opened first: what does not open now must not be touched.

        The secret's own box stays byte for byte, unless it is of version 1. Raises `Unopenable`.
        """
        data_key = self._data_key_of(wrapped, binding)
        secret = _open_secret(data_key, wrapped, binding)
        if wrapped.secret[:1] == FIRST_VERSION:
            return self.wrap(secret, binding)
        return Wrapped(self.active._box_of(data_key, binding, os.urandom), wrapped.secret)

    def _data_key_of(self, wrapped: Wrapped, binding: Bound) -> bytes:
        named = key_id_of(wrapped)
        if named is not None:
            key = self._keys.get(named)
            if key is None:
                raise UnknownKey(_foreign(named))
            return key.data_key_of(wrapped, binding)
        for key in self._keys.values():
            try:
                return key.data_key_of(wrapped, binding)
            except Unopenable as error:
                failure = error
        raise failure


def key_id_of(wrapped: Wrapped) -> bytes | None:
    """The id of the key-encryption key that opens it; None for a box of version 1, which does not say.

    Raises `Unopenable` for what is no box.
    """
    box = wrapped.data_key
    if box[:1] == FIRST_VERSION:
        return None
    if box[:1] != VERSION or len(box) <= 1 + KEY_ID_BYTES:
        raise Unopenable(_UNREADABLE)
    return box[1 : 1 + KEY_ID_BYTES]


_UNREADABLE = "a stored secret is not of a form that this version knows; restore it, or add it anew"


def _foreign(key_id: bytes) -> str:
    return (
        f"a stored secret is wrapped by the key-encryption key {key_id.hex()}, which the keyring does not hold; restore"
        " the keyring (HOME/vault) it was stored with, or remove what it belongs to and add it anew"
    )


def _open_secret(data_key: bytes, wrapped: Wrapped, binding: Bound) -> bytes:
    box, cipher = wrapped.secret, AESGCM(data_key)
    if box[:1] == FIRST_VERSION and wrapped.data_key[:1] == FIRST_VERSION:
        return _decrypt(cipher, box[1:], _FIRST_USES[_SECRET] + binding.as_bytes())
    if box[:1] != VERSION:
        raise Unopenable(_UNREADABLE)
    return _decrypt(cipher, box[1:], binding.context(_SECRET))


def _encrypt(cipher: AESGCM, plain: bytes, about: bytes, random_bytes: RandomBytes) -> bytes:
    nonce = random_bytes(NONCE_BYTES)
    return VERSION + nonce + cipher.encrypt(nonce, plain, about)


def _decrypt(cipher: AESGCM, box: bytes, about: bytes) -> bytes:
    nonce, text = box[:NONCE_BYTES], box[NONCE_BYTES:]
    if len(nonce) != NONCE_BYTES:
        raise Unopenable(_UNREADABLE)
    try:
        return cipher.decrypt(nonce, text, about)
    except (InvalidTag, ValueError):
        raise Unopenable(
            "a stored secret cannot be opened: it was changed or moved, or HOME/vault is not the one it was stored"
            " with; restore that one and start again, or remove what it belongs to and add it anew"
        ) from None
