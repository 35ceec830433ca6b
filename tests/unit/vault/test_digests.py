"""What a request with a secret is known again by: nothing without the key, and the key is no one's who opens boxes."""

from __future__ import annotations

import base64
import json
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from tradewright.vault.digests import DigestKey, read_digest_key
from tradewright.vault.opening import open_keyring
from tradewright.vault.sealing import VaultNotReady

CONTENT = b'{"secret": "s3cret"}'


def test_a_digest_is_hmac_sha_256_and_says_nothing_without_its_key() -> None:
    key = bytes(range(32))
    # By hand, from the definition (RFC 2104): H(key ^ opad, H(key ^ ipad, text)).
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\x00")) for pad in (0x36, 0x5C))
    by_hand = sha256(outer + sha256(inner + b"tradewright request, version 1\x00" + CONTENT).digest()).digest()
    assert DigestKey(key).digest(CONTENT) == by_hand
    assert DigestKey(bytes(32)).digest(CONTENT) != by_hand
    assert DigestKey(key).digest(CONTENT + b" ") != by_hand
    assert key.hex() not in repr(DigestKey(key))
    assert repr(key) not in repr(DigestKey(key))


def test_its_file_is_made_once_for_its_owner_alone_and_has_nothing_of_the_keyring(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    made = read_digest_key(folder)
    path = folder / "requests.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == ["requests.key"], "the keyring is the worker's to make"
    open_keyring(folder)
    private = json.loads((folder / "trading.private").read_text())
    assert base64.b64encode(made.key).decode() not in private.values()
    assert read_digest_key(folder) == made


@pytest.mark.parametrize("content", ["", "{}", '{"key": "AAAA"}', '{"key": 5}', "[]"])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "requests.key").write_text(content)
    with pytest.raises(VaultNotReady, match=r"requests\.key .*delete"):
        read_digest_key(tmp_path)
