"""Signatures and the time rule, against the vectors of the protocol reference."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tradewright.simulator.accounts.keys import ApiKey, KeyRing, load_or_make_keys
from tradewright.simulator.auth import SignedHeaders, check_call, check_stream, check_time, read_headers, sign
from tradewright.simulator.errors import ApiError, StateUnusable

KEYS = KeyRing(
    uid="1",
    trading=ApiKey("test-key", "test-secret"),
    read_only=ApiKey("other-key", "other-secret", read_only=True),
    withdrawing=ApiKey("third-key", "third-secret", may_withdraw=True),
)
QUERY = b"category=option&symbol=BTC-29JUL22-25000-C"
QUERY_MS = 1658384314791
QUERY_SIGNATURE = "65548120da59aeb18c9c3c11a3d9793cefd43f6f6f84ef264d2ac76ab24c8a39"
BODY = b'{"category":"linear","symbol":"BTCUSDT"}'
BODY_MS = 1658385579423
BODY_SIGNATURE = "6138a9928d12e269baf9878584f0f45b4462faf6a9008d8dfc070eaed809a966"
STREAM_SIGNATURE = "f072aab6fa18cd774da998325df6cfc87c3ccf10d5722e6b43b570c5feaf6172"


def headers(time_ms: int, signature: str, *, key: str = "test-key", window: str = "5000") -> SignedHeaders:
    return SignedHeaders(key=key, timestamp=str(time_ms), recv_window=window, signature=signature)


def refusal_of(given: SignedHeaders, payload: bytes, now_ms: int) -> int:
    with pytest.raises(ApiError) as caught:
        check_call(given, payload, keys=KEYS, now_ms=now_ms)
    return int(caught.value.code)


def test_the_reference_vectors_are_accepted() -> None:
    assert check_call(headers(QUERY_MS, QUERY_SIGNATURE), QUERY, keys=KEYS, now_ms=QUERY_MS) == KEYS.trading
    assert check_call(headers(BODY_MS, BODY_SIGNATURE), BODY, keys=KEYS, now_ms=BODY_MS) == KEYS.trading
    assert check_stream("test-key", "1662350400000", STREAM_SIGNATURE, keys=KEYS, now_ms=1662350399000) == KEYS.trading


def test_the_same_json_with_other_spaces_is_another_message() -> None:
    assert refusal_of(headers(BODY_MS, BODY_SIGNATURE), BODY.replace(b":", b": "), BODY_MS) == 10004


def test_a_missing_window_is_signed_as_nothing_and_lasts_five_seconds() -> None:
    signature = sign("test-secret", f"{BODY_MS}test-key".encode() + BODY)
    given = headers(BODY_MS, signature, window="")
    assert check_call(given, BODY, keys=KEYS, now_ms=BODY_MS + 5000) == KEYS.trading
    assert refusal_of(given, BODY, BODY_MS + 5001) == 10002


def test_an_unknown_key_is_told_apart_from_a_bad_signature() -> None:
    assert refusal_of(headers(QUERY_MS, QUERY_SIGNATURE, key="nobody"), QUERY, QUERY_MS) == 10003
    assert refusal_of(headers(QUERY_MS, "0" * 64), QUERY, QUERY_MS) == 10004


@pytest.mark.parametrize(
    ("behind_ms", "allowed"), [(5000, True), (5001, False), (0, True), (-999, True), (-1000, False)]
)
def test_the_window_reaches_back_by_its_length_and_ahead_by_less_than_a_second(behind_ms: int, allowed: bool) -> None:
    now_ms = 1_700_000_000_000
    if allowed:
        check_time(str(now_ms - behind_ms), "5000", now_ms=now_ms)
        return
    with pytest.raises(ApiError) as caught:
        check_time(str(now_ms - behind_ms), "5000", now_ms=now_ms)
    assert int(caught.value.code) == 10002
    assert f"req_timestamp[{now_ms - behind_ms}],server_timestamp[{now_ms}],recv_window[5000]" in caught.value.text


@pytest.mark.parametrize(
    "garbled", ["+1700000000000", " 1700000000000", "1_700_000_000_000", "١٧٠٠٠٠٠٠٠٠٠٠٠", "9" * 5000]
)
def test_a_time_or_window_that_is_not_plain_milliseconds_is_refused(garbled: str) -> None:
    for timestamp, window in ((garbled, "5000"), ("1700000000000", garbled)):
        with pytest.raises(ApiError) as caught:
            check_time(timestamp, window, now_ms=1_700_000_000_000)
        assert int(caught.value.code) == 10001
        assert len(caught.value.text) < 200


@pytest.mark.parametrize("missing", ["X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-SIGN"])
def test_a_call_without_one_of_the_headers_is_unauthorized(missing: str) -> None:
    given = {"X-BAPI-API-KEY": "k", "X-BAPI-TIMESTAMP": "1", "X-BAPI-SIGN": "s"}
    del given[missing]
    with pytest.raises(ApiError) as caught:
        read_headers(given)
    assert caught.value.http_status == 401


@pytest.fixture(scope="module")
def self_made() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def test_a_self_made_key_signs_with_its_private_half_and_not_with_a_secret(self_made: RSAPrivateKey) -> None:
    keys = replace(KEYS, trading=replace(KEYS.trading, rsa_public_key=pem(self_made)))
    text = f"{BODY_MS}test-key5000".encode() + BODY
    good = headers(BODY_MS, signed(self_made, text))
    assert check_call(good, BODY, keys=keys, now_ms=BODY_MS).key == "test-key"
    for wrong in (BODY_SIGNATURE, signed(self_made, text + b" "), "", "====", "ключ"):
        with pytest.raises(ApiError) as caught:
            check_call(headers(BODY_MS, wrong), BODY, keys=keys, now_ms=BODY_MS)
        assert int(caught.value.code) == 10004
    login = signed(self_made, b"GET/realtime1662350400000")
    assert check_stream("test-key", "1662350400000", login, keys=keys, now_ms=1662350399000) is not None


def test_a_public_half_put_into_the_file_of_keys_is_kept_and_a_broken_one_is_named(
    self_made: RSAPrivateKey, tmp_path: Path
) -> None:
    load_or_make_keys(tmp_path)
    path = tmp_path / "keys.json"
    content = json.loads(path.read_text())
    content["read_only"]["rsa_public_key"] = pem(self_made)
    del content["withdrawing"]  # which is made anew, and the file written with it
    path.write_text(json.dumps(content))
    for _ in range(2):
        assert load_or_make_keys(tmp_path).read_only.rsa_public_key == pem(self_made)
    content["trading"]["rsa_public_key"] = "ssh-rsa AAAA"
    path.write_text(json.dumps(content))
    with pytest.raises(StateUnusable, match="rsa_public_key is not the PEM text of an RSA public key"):
        load_or_make_keys(tmp_path)


@pytest.mark.parametrize("signature", ["ключ", "\udcff", "\x00", "x" * 100_000])
def test_a_signature_that_is_no_ascii_is_wrong_like_any_other(signature: str) -> None:
    assert refusal_of(headers(BODY_MS, signature), BODY, BODY_MS) == 10004
    assert check_stream("test-key", "1662350400000", signature, keys=KEYS, now_ms=1662350399000) is None


def test_a_stream_login_that_has_expired_or_is_garbled_is_refused() -> None:
    for expires in ("1662350400000", "soon", "", "-5", "٢٦٦٢٣٥٠٤٠٠٠٠٠", "9" * 5000):
        assert check_stream("test-key", expires, STREAM_SIGNATURE, keys=KEYS, now_ms=1662350400000) is None
