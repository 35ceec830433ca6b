"""What seals cannot open; what is stored opens in its own row alone; known answers by other implementations."""

from __future__ import annotations

import base64
import contextlib
import json
import stat
from collections.abc import Callable
from hashlib import blake2b, sha256
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_aes256gcm_encrypt,
    crypto_box,
    crypto_scalarmult_base,
)
from nacl.exceptions import UnavailableError

from tradewright.core.errors import StartError
from tradewright.vault.binding import BINDING_LENGTH, Binding
from tradewright.vault.generations import Generation
from tradewright.vault.opening import LiveKeyring, TradingKeyring, keyring_file, open_keyring, read_keyring
from tradewright.vault.sealing import SealingKey, VaultNotReady, read_sealing_key
from tradewright.vault.wrapping import KeyEncryptionKey, KeyRing, Unopenable, Wrapped

IDS = [UUID(int=number) for number in (1, 2, 3)]
HERE = Binding(workspace_id=IDS[0], connection_id=IDS[1], row_id=IDS[2])
ELSEWHERE = [
    Binding(workspace_id=IDS[1], connection_id=IDS[1], row_id=IDS[2]),
    Binding(workspace_id=IDS[0], connection_id=IDS[0], row_id=IDS[2]),
    Binding(workspace_id=IDS[0], connection_id=IDS[1], row_id=IDS[0]),
]
SECRET = b'{"key": "k", "secret": "s3cret"}'
BOUND = b"tradewright trading keyring, version 1\x00" + b"".join(each.bytes for each in IDS)


@pytest.fixture
def keyring(tmp_path: Path) -> TradingKeyring:
    return open_keyring(tmp_path / "vault")


def every_change(box: bytes) -> list[bytes]:
    """Every byte changed, and cut at either end."""
    changed = [box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :] for at in range(len(box))]
    return [*changed, box[:-1], box[1:], box + b"\x00", b""]


def test_what_the_api_seals_the_worker_opens_in_its_own_row_alone(keyring: TradingKeyring) -> None:
    sealed = keyring.sealing_key().seal(SECRET, HERE)
    assert SECRET not in sealed
    assert keyring.open(sealed, HERE) == SECRET
    assert keyring.sealing_key().seal(SECRET, HERE) != sealed, "two seals of one secret do not look alike"
    for other in ELSEWHERE:
        with pytest.raises(Unopenable, match="another row"):
            keyring.open(sealed, other)
    for changed in every_change(sealed):
        with pytest.raises(Unopenable):
            keyring.open(changed, HERE)


def test_the_half_that_seals_has_nothing_that_opens(keyring: TradingKeyring, tmp_path: Path) -> None:
    sealing = read_sealing_key(tmp_path / "vault")
    assert sealing == keyring.sealing_key() == SealingKey(keyring.public)
    assert [name for name in dir(sealing) if not name.startswith("_")] == ["public", "seal"]
    stranger = TradingKeyring([Generation(bytes(range(32)), bytes(32))])
    with pytest.raises(Unopenable, match="another keyring"):
        stranger.open(sealing.seal(SECRET, HERE), HERE)


def test_a_seal_is_libsodiums_sealed_box_around_binding_and_secret() -> None:
    private, ephemeral = bytes(range(32)), bytes(range(32, 64))
    public, ephemeral_public = crypto_scalarmult_base(private), crypto_scalarmult_base(ephemeral)
    assert HERE.as_bytes() == BOUND
    assert len(BOUND) == BINDING_LENGTH
    nonce = blake2b(ephemeral_public + public, digest_size=24).digest()
    by_hand = ephemeral_public + crypto_box(BOUND + SECRET, nonce, public, ephemeral)
    keyring = TradingKeyring([Generation(private, bytes(32))])
    assert keyring.open(b"\x01" + sha256(public).digest()[:8] + by_hand, HERE) == SECRET


def counting_bytes() -> Callable[[int], bytes]:
    """Not random: 00 01 02 … over all calls, so that an answer can be known."""
    given = 0

    def next_bytes(count: int) -> bytes:
        nonlocal given
        given += count
        return bytes(number % 256 for number in range(given - count, given))

    return next_bytes


def lengthened(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_a_wrap_is_aes_256_gcm_twice_as_another_implementation_has_it() -> None:
    kek = bytes(range(100, 132))
    key = KeyEncryptionKey(kek)
    wrapped = key.wrap(SECRET, HERE, random_bytes=counting_bytes())
    data_key, first, second = bytes(range(32)), bytes(range(32, 44)), bytes(range(44, 56))
    ids = IDS[0].bytes, IDS[2].bytes, IDS[1].bytes  # workspace, row, connection
    about = {
        box: b"tradewright vault, version 2" + lengthened(b"connection_keys", box.encode(), *ids)
        for box in ("secret", "data_key")
    }
    key_id = sha256(b"tradewright key-encryption key\x00" + kek).digest()[:8]
    with contextlib.suppress(UnavailableError):  # libsodium has it only on processors with instructions for it
        by_libsodium = (
            crypto_aead_aes256gcm_encrypt(data_key, key_id + about["data_key"], first, kek),
            crypto_aead_aes256gcm_encrypt(SECRET, about["secret"], second, data_key),
        )
        assert wrapped == Wrapped(b"\x02" + key_id + first + by_libsodium[0], b"\x02" + second + by_libsodium[1])
    # That answer as it was written down, so that no later version stops to read what this one stored.
    assert sha256(wrapped.data_key + wrapped.secret).hexdigest() == KNOWN


KNOWN = "7363f64c5184553eac272abcb6ab7c87c1ab43ce8e20fbd1a87ef4839fc3a24e"


def wrapped_by_the_first_version(kek: bytes) -> Wrapped:
    """As it stored them: no id of the key, and the binding's bytes behind a word."""
    data_key, first, second = bytes(range(32)), bytes(range(32, 44)), bytes(range(44, 56))
    return Wrapped(
        b"\x01" + first + AESGCM(kek).encrypt(first, data_key, b"data key\x00" + BOUND),
        b"\x01" + second + AESGCM(data_key).encrypt(second, SECRET, b"secret\x00" + BOUND),
    )


def test_what_the_first_version_stored_opens_and_is_wrapped_anew_as_of_now() -> None:
    kek = bytes(range(100, 132))
    old = wrapped_by_the_first_version(kek)
    # What that version's own test had written down of its answer.
    assert sha256(old.data_key + old.secret).hexdigest() == FIRST_KNOWN
    ring = KeyRing([KeyEncryptionKey(kek), KeyEncryptionKey(bytes(32))])
    assert ring.unwrap(old, HERE) == SECRET
    for elsewhere in ELSEWHERE:
        with pytest.raises(Unopenable):
            ring.unwrap(old, elsewhere)
    fresh = ring.rewrapped(old, HERE)
    assert (fresh.data_key[:9], fresh.secret[:1]) == (b"\x02" + ring.active.key_id, b"\x02")
    assert ring.unwrap(fresh, HERE) == SECRET


FIRST_KNOWN = "ad1902c30c55933910fe9563c11e505346bf87580fb769b9d569ec199f85c297"


def test_what_is_wrapped_opens_in_its_own_row_with_its_own_key_and_unchanged_alone(keyring: TradingKeyring) -> None:
    wrapped = keyring.wrap(SECRET, HERE)
    other_row = keyring.wrap(SECRET, ELSEWHERE[2])
    assert keyring.unwrap(wrapped, HERE) == SECRET
    assert wrapped.data_key != other_row.data_key, "each row has a data key of its own"
    for other in ELSEWHERE:
        with pytest.raises(Unopenable):
            keyring.unwrap(wrapped, other)
    forged = [Wrapped(changed, wrapped.secret) for changed in every_change(wrapped.data_key)]
    forged += [Wrapped(wrapped.data_key, changed) for changed in every_change(wrapped.secret)]
    forged += [Wrapped(wrapped.secret, wrapped.data_key), Wrapped(other_row.data_key, wrapped.secret)]
    for box in forged:
        with pytest.raises(Unopenable):
            keyring.unwrap(box, HERE)
    with pytest.raises(Unopenable):
        KeyEncryptionKey(bytes(32)).unwrap(wrapped, HERE)


def test_files_are_made_once_for_their_owner_alone_and_the_public_half_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    with pytest.raises(VaultNotReady, match="not there yet"):
        read_sealing_key(folder)
    made = open_keyring(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "trading.private": 0o600,
        "trading.public": 0o600,
    }
    private = json.loads((folder / "trading.private").read_text())
    (folder / "trading.public").unlink()
    again = open_keyring(folder)
    assert again.public == made.public == read_sealing_key(folder).public
    assert again.open(made.sealing_key().seal(SECRET, HERE), HERE) == SECRET
    assert again.unwrap(made.wrap(SECRET, HERE), HERE) == SECRET
    public = (folder / "trading.public").read_text()
    assert not any(value in public for value in private.values())


def test_nothing_that_opens_shows_itself(keyring: TradingKeyring, tmp_path: Path) -> None:
    private = json.loads((tmp_path / "vault/trading.private").read_text())
    shown = repr(keyring) + repr(KeyEncryptionKey(base64.b64decode(private["key_encryption_key"])))
    for value in private.values():
        assert value not in shown
        assert base64.b64decode(value).hex() not in shown


def test_a_keyring_that_is_missing_opens_nothing_makes_nothing_and_is_there_again_once_restored(tmp_path: Path) -> None:
    folder, away = tmp_path / "vault", tmp_path / "away"
    made = open_keyring(folder)
    sealed, wrapped = made.sealing_key().seal(SECRET, HERE), made.wrap(SECRET, HERE)
    folder.rename(away)
    missing = LiveKeyring(keyring_file(folder), folder)
    for ask in (
        lambda: missing.open(sealed, HERE),
        lambda: missing.unwrap(wrapped, HERE),
        lambda: missing.wrap(SECRET, HERE),
    ):
        with pytest.raises(Unopenable, match=r"trading\.private\).*restore it: HOME/vault from a backup"):
            ask()
    with pytest.raises(StartError, match="TRADEWRIGHT_HOME") as failure:
        read_keyring(folder)
    assert failure.value.exit_code == 12
    assert not folder.exists(), "neither of them makes a file"
    away.rename(folder)
    assert missing.open(sealed, HERE) == missing.unwrap(wrapped, HERE) == SECRET
    assert read_keyring(folder).public == made.public


def test_a_keyring_that_came_back_damaged_is_a_reason_and_no_end_of_the_worker(tmp_path: Path) -> None:
    missing = LiveKeyring(keyring_file(tmp_path), tmp_path)
    (tmp_path / "trading.private").write_text("{")
    (tmp_path / "trading.private").chmod(0o600)
    with pytest.raises(Unopenable, match="restore it from a backup"):
        missing.unwrap(Wrapped(b"", b""), HERE)


@pytest.mark.parametrize("content", ["", "{}", '{"private": "AAAA", "key_encryption_key": "AAAA"}', "[]", "\x00"])
def test_a_damaged_private_half_is_one_sentence_and_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "trading.private"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(StartError, match="restore it from a backup") as failure:
        open_keyring(tmp_path)
    assert failure.value.exit_code == 12
    assert path.read_text() == content


def test_a_private_half_that_others_may_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    open_keyring(tmp_path)
    (tmp_path / "trading.private").chmod(0o640)
    with pytest.raises(StartError, match=r"mode 640.*chmod 600"):
        open_keyring(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"public": "AAAA"}', '{"public": 5}', "[]"])
def test_a_damaged_public_half_is_no_keyring(tmp_path: Path, content: str) -> None:
    (tmp_path / "trading.public").write_text(content)
    with pytest.raises(VaultNotReady):
        read_sealing_key(tmp_path)
