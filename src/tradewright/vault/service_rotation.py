"""A new key of the service keyring beside the old ones, and the end of those that no row needs.

Lives here: `add_service_key`, `retire_service_keys`. Not here: the rows (`service_boxes`). Whoever calls one sees to it
that nobody else changes the keyring or stores a box meanwhile. Only a file is written here; what the environment or a
command holds is changed by whoever keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from tradewright.core.errors import StartError
from tradewright.vault.generations import GENERATIONS_MAX
from tradewright.vault.service import ServiceKeyring, service_keys, service_text
from tradewright.vault.service_boxes import Reach
from tradewright.vault.sources import FileSource, KeySource
from tradewright.vault.wrapping import KEY_BYTES, KeyEncryptionKey


def add_service_key(source: KeySource, reach: Reach) -> ServiceKeyring:
    """The keyring with a fresh key, which wraps from now on. Raises `StartError`."""
    keys = service_keys(source.read(), source.name)
    if not isinstance(source, FileSource):
        raise StartError(
            f"the service keyring is in {source.name}, where nothing is written from here: `tradewright vault new-keys"
            " --service` prints it with a fresh key; put that there, start the API again where it is a variable, then"
            " run this with --only-rewrap",
            exit_code=2,
        )
    if len(keys) >= GENERATIONS_MAX:
        raise StartError(f"the service keyring has {GENERATIONS_MAX} keys; retire those that no row needs", exit_code=2)
    return _write(source, [*keys, os.urandom(KEY_BYTES)], reach)


def retire_service_keys(source: FileSource, needed: Collection[bytes], reach: Reach) -> int:
    """Takes away every key but the last whose id is not among `needed`; how many."""
    keys = service_keys(source.read(), source.name)
    kept = [key for key in keys[:-1] if KeyEncryptionKey(key).key_id in needed] + keys[-1:]
    if len(kept) < len(keys):
        _write(source, kept, reach)
    return len(keys) - len(kept)


def _write(source: FileSource, keys: Sequence[bytes], reach: Reach) -> ServiceKeyring:
    keyring = ServiceKeyring(keys)
    reach("keyring.before_write")
    source.write(service_text(keys), replace=True)
    reach("keyring.written")
    return keyring
