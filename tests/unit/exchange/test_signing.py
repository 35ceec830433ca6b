"""Signatures are those of Bybit's rules, and the secret stays inside."""

from __future__ import annotations

import hmac
import pickle

import pytest

from tradewright.exchange.bybit.signing import Secret, Signer
from tradewright.exchange.ports import ApiKey

KEY = ApiKey("test-key", "test-secret")


@pytest.mark.parametrize(
    ("timestamp", "payload", "signature"),
    [
        (
            1658384314791,
            b"category=option&symbol=BTC-29JUL22-25000-C",
            "65548120da59aeb18c9c3c11a3d9793cefd43f6f6f84ef264d2ac76ab24c8a39",
        ),
        (
            1658385579423,
            b'{"category":"linear","symbol":"BTCUSDT"}',
            "6138a9928d12e269baf9878584f0f45b4462faf6a9008d8dfc070eaed809a966",
        ),
    ],
)
def test_rest_signature_matches_the_known_vector(timestamp: int, payload: bytes, signature: str) -> None:
    headers = Signer(KEY).rest_headers(timestamp, payload)
    assert headers == {
        "X-BAPI-API-KEY": "test-key",
        "X-BAPI-TIMESTAMP": str(timestamp),
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature,
    }


def test_stream_signature_matches_the_known_vector() -> None:
    expected = "f072aab6fa18cd774da998325df6cfc87c3ccf10d5722e6b43b570c5feaf6172"
    assert Signer(KEY).stream_signature(1662350400000) == expected


def test_secret_shows_itself_in_no_text() -> None:
    secret, signer = Secret("test-secret"), Signer(KEY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", repr(signer), str(vars(signer)), repr(KEY)):
        assert "test-secret" not in text


def test_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="not to be pickled"):
        pickle.dumps(Secret("test-secret"))


@pytest.mark.parametrize("length", [1, 36, 63, 64, 65, 200])
def test_a_secret_of_any_length_signs_as_the_standard_library_does(length: int) -> None:
    secret = ("0123456789abcdef" * 13)[:length]
    message = b"1700000000000key5000" + bytes(range(256))
    assert Secret(secret).sign(message) == hmac.digest(secret.encode(), message, "sha256").hex()
    assert Secret(secret).sign(message) == Secret(secret).sign(message), "what was signed before changes nothing"
