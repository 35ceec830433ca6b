"""The service keyring: for secrets that pages and jobs must open themselves (second factors, webhooks).

Lives here: `ServiceKeyring`, its text, and `LiveServiceKeyring`, which reads it anew when it has changed. It knows
nothing of exchange keys: those are of the trading keyring (`opening`), which these processes do not have.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

from tradewright.core.errors import StartError
from tradewright.vault.binding import RowBinding
from tradewright.vault.sources import KEYRING_EXIT, FileSource, KeySource
from tradewright.vault.wrapping import KEY_BYTES, KeyEncryptionKey, KeyRing, UnknownKey, Unopenable, Wrapped

SERVICE_FILE = "service.keys"


class ServiceKeyring:
    """Wraps a secret for its row and unwraps it again. The last key wraps, each opens what it wrapped."""

    __slots__ = ("ring",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.ring = KeyRing([KeyEncryptionKey(key) for key in keys])

    def __repr__(self) -> str:
        return f"ServiceKeyring({self.ring!r})"

    def wrap(self, secret: bytes, binding: RowBinding) -> Wrapped:
        return self.ring.wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: RowBinding) -> bytes:
        """Raises `Unopenable`: changed, moved to another row, column or workspace, or of another keyring."""
        return self.ring.unwrap(wrapped, binding)


class LiveServiceKeyring:
    """The keyring of a source, made there by the first wrapping where there is none; read anew once it has changed.

    What was wrapped cannot be opened by a new one, so opening makes none: it says that the right one is not there.

    `may_make` says whether there is nothing stored with another one: a new keyring beside stored secrets would open
    none of them, and what it wraps would be lost when the right one comes back.
    """

    __slots__ = ("_known", "_may_make", "_source")

    def __init__(self, source: KeySource, *, may_make: bool = True) -> None:
        self._source = source
        self._may_make = may_make
        self._known: tuple[object, ServiceKeyring] | None = None

    def __repr__(self) -> str:
        return f"LiveServiceKeyring({self._source.name})"

    @property
    def name(self) -> str:
        """Where it is; nothing secret."""
        return self._source.name

    def wrap(self, secret: bytes, binding: RowBinding) -> Wrapped:
        """In a transaction that holds the keyring (`storage.keyring_locks`), or the key may be gone when the box is
        stored. Raises `Unopenable` where the keyring cannot be had.
        """
        return self._current(may_make=self._may_make).wrap(secret, binding)

    def unwrap(self, wrapped: Wrapped, binding: RowBinding) -> bytes:
        """Raises `Unopenable`."""
        try:
            return self._current(may_make=False).unwrap(wrapped, binding)
        except UnknownKey:
            self._known = None
            return self._current(may_make=False).unwrap(wrapped, binding)

    def read_again(self) -> None:
        """The source has changed, which one that is no file does not show by itself. Raises `StartError`; then what was
        known stays."""
        self._known = (self._source.stamp(), open_service_keyring(self._source, may_make=False))

    def _current(self, *, may_make: bool) -> ServiceKeyring:
        stamp = self._source.stamp()
        if self._known is None or self._known[0] != stamp:
            try:
                keyring = open_service_keyring(self._source, may_make=may_make)
            except StartError as error:
                raise Unopenable(str(error)) from None
            self._known = (self._source.stamp(), keyring)
        return self._known[1]


def open_service_keyring(source: KeySource, *, may_make: bool) -> ServiceKeyring:
    """Raises `StartError` (exit code 12) where there is none, or one that cannot be read."""
    if not source.is_there() and may_make and isinstance(source, FileSource):
        # Another process that came at the same moment may have been quicker: then its file stands.
        with contextlib.suppress(FileExistsError):
            source.write(service_text([os.urandom(KEY_BYTES)]), replace=False)
    if not source.is_there():
        raise StartError(
            f"the service keyring {source.name} is not there although secrets were stored with one; restore it from a"
            " backup",
            exit_code=KEYRING_EXIT,
        )
    return ServiceKeyring(service_keys(source.read(), source.name))


def service_text(keys: Sequence[bytes]) -> str:
    """The text of a service keyring; the last key wraps."""
    return json.dumps({"version": 1, "keys": [base64.b64encode(key).decode() for key in keys]}) + "\n"


def service_keys(content: str, name: str) -> list[bytes]:
    """The keys of such a text. Raises `StartError` (exit code 12), which repeats nothing of it."""
    try:
        found: Any = json.loads(content)
        keys = [base64.b64decode(each, validate=True) for each in found["keys"]]
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise StartError(
            f"the service keyring {name} cannot be read ({type(error).__name__}); restore it from a backup: without it"
            " no second factor that was stored with it opens",
            exit_code=KEYRING_EXIT,
        ) from None
    return keys
