"""Who is asking: signatures over the raw bytes and the time rule, for REST and for the private streams.

Lives here: pure checks, given the time. Not here: where keys come from (`keys`), what a key may do (`rest`).
The signature covers the query or body exactly as it came over the wire: clients sort, space and escape differently.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from tradewright.simulator.accounts.keys import ApiKey, rsa_key
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter

DEFAULT_RECV_WINDOW_MS = 5_000
AHEAD_LIMIT_MS = 1_000
STREAM_AUTH_TEXT = "GET/realtime"
_MILLIS = re.compile(r"[0-9]{1,15}")


class KeyBook(Protocol):
    """Where keys are looked up: one account's, or all of them."""

    def find(self, key: str) -> ApiKey | None: ...


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """The authentication headers of one call, as text. `recv_window` is "" when the client sent none."""

    key: str
    timestamp: str
    recv_window: str
    signature: str


def sign(secret: str, text: bytes) -> str:
    """HMAC-SHA256 of the exact bytes, lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def is_signed(text: bytes, signature: str, key: ApiKey) -> bool:
    """Whether `signature` is the key's of `text`: HMAC in hex, or of a key with an RSA half PKCS#1 v1.5 in base64."""
    if key.rsa_public_key:
        try:
            given = base64.b64decode(signature, validate=True)
            rsa_key(key.rsa_public_key).verify(given, text, PKCS1v15(), hashes.SHA256())
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True
    # As bytes: of texts it only takes ASCII.
    return hmac.compare_digest(sign(key.secret, text).encode(), signature.lower().encode(errors="replace"))


def read_headers(headers: Mapping[str, str]) -> SignedHeaders:
    """Take the authentication headers. Raises `ApiError` with HTTP 401 if one of the necessary ones is missing."""
    found = SignedHeaders(
        key=header_text(headers, "X-BAPI-API-KEY"),
        timestamp=header_text(headers, "X-BAPI-TIMESTAMP"),
        recv_window=header_text(headers, "X-BAPI-RECV-WINDOW"),
        signature=header_text(headers, "X-BAPI-SIGN"),
    )
    if not (found.key and found.timestamp and found.signature):
        text = (
            f"empty value: apiTimestamp[{found.timestamp}] apiKey[{found.key}] "
            f"apiSignature[{found.signature}]: openapi sign params error!"
        )
        raise ApiError(RetCode.BAD_PARAMETER, text, http_status=401)
    return found


def header_text(headers: Mapping[str, str], name: str) -> str:
    return readable(headers.get(name, ""))


def readable(text: str) -> str:
    """Text from a head that can be told again: what is none in it becomes question marks."""
    return text.encode(errors="replace").decode()


def check_call(headers: SignedHeaders, payload: bytes, *, keys: KeyBook, now_ms: int) -> ApiKey:
    """The key behind a signed REST call whose raw query (GET) or raw body (POST) is `payload`.

    Raises `ApiError` 10003 (unknown key), 10002 (outside the time window), 10004 (the signature does not match).
    """
    key = keys.find(headers.key)
    if key is None:
        raise ApiError(RetCode.BAD_KEY, "API key is invalid.")
    check_time(headers.timestamp, headers.recv_window, now_ms=now_ms)
    text = f"{headers.timestamp}{headers.key}{headers.recv_window}".encode() + payload
    if not is_signed(text, headers.signature, key):
        raise ApiError(RetCode.BAD_SIGNATURE, "error sign! please check your signature generation algorithm.")
    return key


def check_time(timestamp: str, recv_window: str, *, now_ms: int) -> None:
    """Bybit's rule on wall time: server - window <= timestamp < server + 1000. Raises `ApiError` 10002."""
    if not (_MILLIS.fullmatch(timestamp) and (not recv_window or _MILLIS.fullmatch(recv_window))):
        raise bad_parameter(f"invalid timestamp[{timestamp[:40]}] or recv_window[{recv_window[:40]}]")
    sent_ms = int(timestamp)
    window_ms = int(recv_window) if recv_window else DEFAULT_RECV_WINDOW_MS
    if not now_ms - window_ms <= sent_ms < now_ms + AHEAD_LIMIT_MS:
        raise ApiError(
            RetCode.BAD_TIMESTAMP,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{now_ms}],recv_window[{window_ms}]",
        )


def check_stream(key_text: str, expires: str, signature: str, *, keys: KeyBook, now_ms: int) -> ApiKey | None:
    """The key behind a stream's auth frame, or None if key, expiry or signature is wrong."""
    key = keys.find(key_text)
    if key is None or not _MILLIS.fullmatch(expires) or int(expires) <= now_ms:
        return None
    return key if is_signed(f"{STREAM_AUTH_TEXT}{expires}".encode(), signature, key) else None
