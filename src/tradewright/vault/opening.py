"""The worker's half of the trading keyring: its files, made at the first start, and what opens with them.

Lives here: `TradingKeyring`, `open_keyring`, `read_keyring`, and `MissingKeyring` for boxes whose keyring is not there.
The process that serves pages must not import this; a contract on imports holds it. The files are
`HOME/vault/trading.private` (the private half and the key-encryption key, mode 0600) and `trading.public`, which the
API reads.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
from pathlib import Path
from typing import Protocol

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from tradewright.core.errors import StartError
from tradewright.vault.binding import BINDING_LENGTH, Binding
from tradewright.vault.files import write_whole
from tradewright.vault.sealing import KEY_ID_LENGTH, PUBLIC_FILE, SEALED_VERSION, SealingKey, key_id
from tradewright.vault.wrapping import KEY_BYTES, KeyEncryptionKey, Unopenable, Wrapped

PRIVATE_FILE = "trading.private"
_WAY_OUT = (
    "HOME/vault from a backup, or the right HOME. To begin anew, remove every connection, start again and add the keys"
    " again"
)


class TradingKeyring:
    """Opens what the API sealed, wraps it for its row and unwraps it again."""

    __slots__ = ("_box", "_kek", "public")

    def __init__(self, private: bytes, key_encryption_key: bytes) -> None:
        half = PrivateKey(private)
        self._box = SealedBox(half)
        self._kek = KeyEncryptionKey(key_encryption_key)
        self.public = bytes(half.public_key)

    def __repr__(self) -> str:
        return f"TradingKeyring(id={key_id(self.public).hex()})"

    def sealing_key(self) -> SealingKey:
        return SealingKey(self.public)

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        """The secret that was sealed for this row. Raises `Unopenable`."""
        head = SEALED_VERSION + key_id(self.public)
        if sealed[: len(head)] != head:
            raise Unopenable(
                "a key was sealed for another keyring than HOME/vault holds now; restore the HOME/vault it was added"
                " with and start again, or remove the connection and add the key anew"
            )
        try:
            content = self._box.decrypt(sealed[1 + KEY_ID_LENGTH :])
        except (CryptoError, ValueError):
            raise Unopenable("a sealed key was changed after it was stored; add the key anew") from None
        if content[:BINDING_LENGTH] != binding.as_bytes():
            raise Unopenable("a sealed key belongs to another row than it was found in; add the key anew")
        return content[BINDING_LENGTH:]

    def wrap(self, secret: bytes, binding: Binding) -> Wrapped:
        return self._kek.wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes:
        """Raises `Unopenable`."""
        return self._kek.unwrap(wrapped, binding)


class Opener(Protocol):
    """What opens and wraps; `TradingKeyring`, or one that waits for its file."""

    def open(self, sealed: bytes, binding: Binding) -> bytes: ...
    def wrap(self, secret: bytes, binding: Binding) -> Wrapped: ...
    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes: ...


class MissingKeyring:
    """In the place of a keyring whose private half is not in HOME although keys are stored: opens nothing, makes
    nothing, and is the keyring once the file is back. Every method raises `Unopenable` until then."""

    __slots__ = ("_folder", "_found")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: TradingKeyring | None = None

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        return self._keyring().open(sealed, binding)

    def wrap(self, secret: bytes, binding: Binding) -> Wrapped:
        return self._keyring().wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes:
        return self._keyring().unwrap(wrapped, binding)

    def _keyring(self) -> TradingKeyring:
        path = self._folder / PRIVATE_FILE
        if self._found is None and path.exists():
            try:
                self._found = open_keyring(self._folder)
            except StartError as error:
                raise Unopenable(str(error)) from None
        if self._found is None:
            raise Unopenable(f"the keyring that this key was stored with is not there ({path}); restore it: {_WAY_OUT}")
        return self._found


def open_keyring(folder: Path) -> TradingKeyring:
    """The keyring below `folder` (HOME/vault), made there if there is none: only where nothing was stored with another.

    Raises `StartError` (exit code 12) when a file is damaged or others may read the private half.
    """
    path = folder / PRIVATE_FILE
    if not path.exists():
        _make(folder)
    keyring = _read(path)
    published = json.dumps({"public": base64.b64encode(keyring.public).decode()}) + "\n"
    public = folder / PUBLIC_FILE
    if not public.exists() or public.read_text() != published:
        write_whole(public, published, replace=True)
    return keyring


def read_keyring(folder: Path) -> TradingKeyring:
    """The keyring that is there; nothing is made or written. Raises `StartError` (exit code 12)."""
    if not has_keyring(folder):
        raise StartError(
            f"the keyring for exchange keys {folder / PRIVATE_FILE} is not there; is TRADEWRIGHT_HOME the one that"
            f" `tradewright run` uses? Else restore it: {_WAY_OUT}",
            exit_code=12,
        )
    return _read(folder / PRIVATE_FILE)


def has_keyring(folder: Path) -> bool:
    """Whether there is a private half, be it readable or not."""
    return (folder / PRIVATE_FILE).exists()


def _make(folder: Path) -> None:
    content = {
        "private": base64.b64encode(bytes(PrivateKey.generate())).decode(),
        "key_encryption_key": base64.b64encode(os.urandom(KEY_BYTES)).decode(),
    }
    # Another worker that starts at the same moment may have been quicker: then its file stands.
    with contextlib.suppress(FileExistsError):
        write_whole(folder / PRIVATE_FILE, json.dumps(content) + "\n", replace=False)


def _read(path: Path) -> TradingKeyring:
    try:
        mode = path.stat().st_mode & 0o777
        content = json.loads(path.read_text())
        private, kek = (base64.b64decode(content[name], validate=True) for name in ("private", "key_encryption_key"))
        keyring = TradingKeyring(private, kek)
    except (OSError, ValueError, KeyError, TypeError, CryptoError, binascii.Error) as error:
        raise StartError(
            f"the keyring for exchange keys {path} cannot be read ({type(error).__name__}); restore it from a backup: "
            f"without it no stored exchange key opens. To begin anew, move it away, start, remove every connection, "
            f"start again and add the keys again",
            exit_code=12,
        ) from None
    if mode & 0o077:
        raise StartError(
            f"the keyring for exchange keys {path} has mode {mode:03o}, so others may read it; expected 600. "
            f"Run `chmod 600 {path}`, and change the keys at the exchange if somebody may have read it",
            exit_code=12,
        )
    return keyring
