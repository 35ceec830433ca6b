"""Digests of requests that hold a secret: compared when the same request comes again, and of no use to who has a dump.

Lives here: `DigestKey` and its file, `HOME/vault/requests.key` (mode 0600), made by the process that serves pages. It
opens nothing: it is of the API, not of the keyring. Lost, it is made anew, and requests that were under way at that
moment are not known again, nor values that the audit trail shows as digests.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from tradewright.vault.files import write_whole
from tradewright.vault.sealing import VaultNotReady

DIGEST_FILE = "requests.key"
_KEY_BYTES = 32
_DOMAIN = b"tradewright request, version 1\x00"
_SHOWN_DOMAIN = b"tradewright audit, version 1\x00"


@dataclass(frozen=True, slots=True)
class DigestKey:
    """32 random bytes; shows itself to nobody."""

    key: bytes = field(repr=False)

    def digest(self, content: bytes) -> bytes:
        """HMAC-SHA-256: 32 bytes that say nothing of `content` to who has not the key."""
        return hmac.digest(self.key, _DOMAIN + content, "sha256")

    def shown(self, value: str) -> str:
        """What the audit trail shows in the place of a value that nobody may read there, and by which whoever has the
        value can tell that it was this one."""
        return (
            f"hmac-sha256:{hmac.digest(self.key, _SHOWN_DOMAIN + value.encode(errors='surrogatepass'), 'sha256').hex()}"
        )


def read_digest_key(folder: Path) -> DigestKey:
    """The key below `folder` (HOME/vault), made there if there is none. Raises `VaultNotReady` naming what is wrong."""
    path = folder / DIGEST_FILE
    try:
        if not path.exists():
            made = json.dumps({"key": base64.b64encode(os.urandom(_KEY_BYTES)).decode()}) + "\n"
            # Another process that came at the same moment may have been quicker: then its file stands.
            with contextlib.suppress(FileExistsError):
                write_whole(path, made, replace=False)
        key = base64.b64decode(str(json.loads(path.read_text())["key"]), validate=True)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise VaultNotReady(
            f"the key for digests of requests {path} cannot be made or read ({type(error).__name__}); let this process"
            f" write there, or delete the file if it is damaged: it is made anew"
        ) from None
    if len(key) != _KEY_BYTES:
        raise VaultNotReady(f"the key {path} has {len(key)} bytes; expected {_KEY_BYTES}; delete it to have it anew")
    return DigestKey(key)
