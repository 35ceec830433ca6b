"""The API keys of the simulated account: made once, kept in the state folder, found by their public half.

Lives here: `ApiKey`, `KeyRing`, and their file. Not here: signatures (`auth`).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tradewright.simulator.disk import sync_folder
from tradewright.simulator.errors import StateUnusable

KEYS_FILE = "keys.json"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key pair; all keys of an account share its UID and therefore its rate limits. `may_withdraw` is only told,
    there is nothing to withdraw: a careful client refuses such a key. With `rsa_public_key` (PEM) a key signs by the
    private half that only its owner has, instead of the secret.
    """

    key: str
    secret: str = field(repr=False)
    read_only: bool = False
    may_withdraw: bool = False
    uid: str = field(default="", compare=False)  # of its account; a key ring fills it in
    rsa_public_key: str = ""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The account's keys: one that trades, one that only reads, one that trades and may withdraw, and another one that
    trades, for whoever changes keys."""

    uid: str
    trading: ApiKey
    read_only: ApiKey
    withdrawing: ApiKey
    spare: ApiKey = field(default_factory=lambda: ApiKey(secrets.token_hex(9), secrets.token_hex(18)), compare=False)

    def find(self, key: str) -> ApiKey | None:
        known = (self.trading, self.read_only, self.withdrawing, self.spare)
        return next((replace(one, uid=self.uid) for one in known if one.key == key), None)


class _Pair(msgspec.Struct, omit_defaults=True):
    """`rsa_public_key` is put into the file by hand: the exchange makes no such keys."""

    key: str
    secret: str
    rsa_public_key: str = ""

    def as_key(self, *, read_only: bool = False, may_withdraw: bool = False) -> ApiKey:
        """Raises `ValueError` if the RSA key is none."""
        if self.rsa_public_key:
            rsa_key(self.rsa_public_key)
        return ApiKey(self.key, self.secret, read_only, may_withdraw, rsa_public_key=self.rsa_public_key)


def rsa_key(pem: str) -> RSAPublicKey:
    """A public key from its PEM text. Raises `ValueError` for anything else."""
    try:
        found = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, RSAPublicKey):
        raise ValueError("rsa_public_key is not the PEM text of an RSA public key")
    return found


class _KeysFile(msgspec.Struct):
    uid: str
    trading: _Pair
    read_only: _Pair
    withdrawing: _Pair | None = None  # files of earlier versions have none
    spare: _Pair | None = None


def make_keys(*, key: str | None = None, secret: str | None = None) -> KeyRing:
    """Fresh random keys; `key` and `secret` set the trading pair instead."""
    return KeyRing(
        uid=str(100_000_000 + secrets.randbelow(900_000_000)),
        trading=ApiKey(key or secrets.token_hex(9), secret or secrets.token_hex(18)),
        read_only=ApiKey(secrets.token_hex(9), secrets.token_hex(18), read_only=True),
        withdrawing=_new_withdrawing(),
    )


def _new_withdrawing() -> ApiKey:
    return ApiKey(secrets.token_hex(9), secrets.token_hex(18), may_withdraw=True)


def load_or_make_keys(
    folder: Path, fresh: KeyRing | None = None, *, key: str | None = None, secret: str | None = None
) -> KeyRing:
    """The keys of `folder`/keys.json, made (mode 0600) on the first start, or `fresh` then.

    A given `key` and `secret` replace the trading pair and are written down. Raises `OSError` if the folder is not
    writable.
    """
    path = folder / KEYS_FILE
    ring, is_old = _read(path) if path.exists() else (None, False)
    if ring is None:
        ring = fresh or make_keys(key=key, secret=secret)
        _write(path, ring)
    elif key and secret and (ring.trading.key, ring.trading.secret) != (key, secret):
        ring = replace(ring, trading=ApiKey(key, secret))
        _write(path, ring)
    elif is_old:
        _write(path, ring)
    return ring


def _read(path: Path) -> tuple[KeyRing, bool]:
    """The keys of a file, and whether it lacked one, which is new then."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_KeysFile)
        withdrawing = found.withdrawing
        ring = KeyRing(
            uid=found.uid,
            trading=found.trading.as_key(),
            read_only=found.read_only.as_key(read_only=True),
            withdrawing=_new_withdrawing() if withdrawing is None else withdrawing.as_key(may_withdraw=True),
        )
        if found.spare is not None:
            ring = replace(ring, spare=found.spare.as_key())
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateUnusable(f"{path} cannot be read ({error}); remove it to have new keys made.") from None
    return ring, withdrawing is None or found.spare is None


def _pair(key: ApiKey) -> _Pair:
    return _Pair(key.key, key.secret, key.rsa_public_key)


def _write(path: Path, ring: KeyRing) -> None:
    """Write beside the target and rename, so that a crash never leaves half a file or a readable one."""
    content = _KeysFile(
        uid=ring.uid,
        trading=_pair(ring.trading),
        read_only=_pair(ring.read_only),
        withdrawing=_pair(ring.withdrawing),
        spare=_pair(ring.spare),
    )
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
