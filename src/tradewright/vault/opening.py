"""The worker's half of the trading keyring: what opens with it, made at the first start.

Lives here: `TradingKeyring`, `LiveKeyring`, which follows its source while the worker runs, and how both are had. The
process that serves pages must not import this; a contract on imports holds it. By default the source is the file
`HOME/vault/trading.private` (mode 0600); beside it `trading.public` is kept, which the API reads.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from tradewright.core.errors import StartError
from tradewright.vault.binding import BINDING_LENGTH, Binding
from tradewright.vault.files import write_whole
from tradewright.vault.generations import Generation, keyring_text, new_generation, read_generations
from tradewright.vault.sealing import KEY_ID_LENGTH, PUBLIC_FILE, SEALED_VERSION, SealingKey, key_id
from tradewright.vault.sources import KEYRING_EXIT, FileSource, KeySource
from tradewright.vault.wrapping import KeyEncryptionKey, KeyRing, UnknownKey, Unopenable, Wrapped

PRIVATE_FILE = "trading.private"
_WAY_OUT = (
    "HOME/vault from a backup, or the right HOME. To begin anew, remove every connection, start again and add the keys"
    " again"
)


class TradingKeyring:
    """Opens what the API sealed, wraps it for its row and unwraps it again. The last generation seals and wraps."""

    __slots__ = ("_boxes", "public", "ring")

    def __init__(self, generations: Sequence[Generation]) -> None:
        halves = [PrivateKey(each.private) for each in generations]
        self._boxes = {key_id(bytes(half.public_key)): SealedBox(half) for half in halves}
        self.ring = KeyRing([KeyEncryptionKey(each.key_encryption_key) for each in generations])
        self.public = bytes(halves[-1].public_key)

    def __repr__(self) -> str:
        return f"TradingKeyring(id={key_id(self.public).hex()}, generations={len(self._boxes)})"

    def sealing_key(self) -> SealingKey:
        return SealingKey(self.public)

    def is_sealed_anew(self, sealed: bytes) -> bool:
        """Whether a seal is of the generation that seals now."""
        return sealed[1 : 1 + KEY_ID_LENGTH] == key_id(self.public)

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        """The secret that was sealed for this row. Raises `Unopenable`."""
        box = self._boxes.get(sealed[1 : 1 + KEY_ID_LENGTH]) if sealed[:1] == SEALED_VERSION else None
        if box is None:
            raise UnknownKey(
                "a key was sealed for another keyring than HOME/vault holds now; restore the HOME/vault it was added"
                " with and start again, or remove the connection and add the key anew"
            )
        try:
            content = box.decrypt(sealed[1 + KEY_ID_LENGTH :])
        except (CryptoError, ValueError):
            raise Unopenable("a sealed key was changed after it was stored; add the key anew") from None
        if content[:BINDING_LENGTH] != binding.as_bytes():
            raise Unopenable("a sealed key belongs to another row than it was found in; add the key anew")
        return content[BINDING_LENGTH:]

    def wrap(self, secret: bytes, binding: Binding) -> Wrapped:
        return self.ring.wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes:
        """Raises `Unopenable`."""
        return self.ring.unwrap(wrapped, binding)


class Opener(Protocol):
    """What opens and wraps; `TradingKeyring`, or one that follows its source."""

    def open(self, sealed: bytes, binding: Binding) -> bytes: ...
    def wrap(self, secret: bytes, binding: Binding) -> Wrapped: ...
    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes: ...


class LiveKeyring:
    """The keyring that its source holds now: after a rotation the new generations, and after it was restored that one.

    Makes nothing. While there is none, or one that cannot be read, every method raises `Unopenable`.
    """

    __slots__ = ("_folder", "_found", "_source", "_stamp")

    def __init__(self, source: KeySource, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._found: TradingKeyring | None = None
        self._stamp: object = None

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        return self._current().open(sealed, binding)

    def wrap(self, secret: bytes, binding: Binding) -> Wrapped:
        return self._current().wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: Binding) -> bytes:
        return self._current().unwrap(wrapped, binding)

    def read_again(self) -> None:
        """Reads the source anew. What is not a file may take its time: from a thread. Raises `StartError`."""
        stamp, found = self._source.stamp(), read_keyring(self._folder, self._source)
        publish(self._folder, found)
        self._found, self._stamp = found, stamp

    def _current(self) -> TradingKeyring:
        stamp = self._source.stamp()
        if self._found is None or stamp != self._stamp:
            try:
                self.read_again()
            except StartError as error:
                self._found = None
                raise Unopenable(str(error)) from None
        assert self._found is not None
        return self._found


def open_keyring(folder: Path, source: KeySource | None = None) -> TradingKeyring:
    """The keyring of `source` (a file below `folder`, HOME/vault), made there if there is none: only where nothing was
    stored with another. Raises `StartError` (exit code 12) when it is damaged or others may read it.
    """
    found = source or keyring_file(folder)
    if not found.is_there() and isinstance(found, FileSource):
        # Another worker that starts at the same moment may have been quicker: then its file stands.
        with contextlib.suppress(FileExistsError):
            found.write(keyring_text([new_generation()]), replace=False)
    keyring = read_keyring(folder, found)
    publish(folder, keyring)
    return keyring


def read_keyring(folder: Path, source: KeySource | None = None) -> TradingKeyring:
    """The keyring that is there; nothing is made or written. Raises `StartError` (exit code 12)."""
    return TradingKeyring(generations_of(source or keyring_file(folder)))


def generations_of(source: KeySource) -> list[Generation]:
    """Raises `StartError` (exit code 12)."""
    if not source.is_there():
        raise StartError(
            f"the keyring that exchange keys are stored with is not there ({source.name}); is TRADEWRIGHT_HOME the one"
            f" that `tradewright run` uses? Else restore it: {_WAY_OUT}",
            exit_code=KEYRING_EXIT,
        )
    return read_generations(source.read(), source.name)


def keyring_file(folder: Path) -> FileSource:
    return FileSource(folder / PRIVATE_FILE)


def has_keyring(folder: Path) -> bool:
    """Whether there is a private half, be it readable or not."""
    return keyring_file(folder).is_there()


def publish(folder: Path, keyring: TradingKeyring) -> None:
    """Writes the half that seals beside it, where the API finds it."""
    published = json.dumps({"public": base64.b64encode(keyring.public).decode()}) + "\n"
    public = folder / PUBLIC_FILE
    if not public.exists() or public.read_text() != published:
        write_whole(public, published, replace=True)
