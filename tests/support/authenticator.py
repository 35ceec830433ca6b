"""A passkey in software: what a browser's `navigator.credentials` would answer, right or wrong in one thing.

Lives here: `SoftPasskey`. Its bytes are made after the WebAuthn specification, not with the library that checks them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _HAS_CREDENTIAL = 0x01, 0x04, 0x40


def b64(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class SoftPasskey:
    """`origin` is the page's; `counter` is raised before each signature unless `counts` is False."""

    origin: str
    rp_id: str = "localhost"
    counts: bool = True
    counter: int = 0
    verifies: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes = b""

    def create(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to the question for a new one."""
        self.user_handle = unb64(question["user"]["id"])
        point = self.key.public_key().public_numbers()
        # COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        cose = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + point.x.to_bytes(32, "big")
        cose += b"\x22\x58\x20" + point.y.to_bytes(32, "big")
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        data = self._data(_HAS_CREDENTIAL) + attested
        # CBOR: {"fmt": "none", "attStmt": {}, "authData": data}
        attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + struct.pack(">H", len(data)) + data
        return self._answer(
            clientDataJSON=b64(self._client_data("webauthn.create", question["challenge"])),
            attestationObject=b64(attestation),
        )

    def get(self, question: dict[str, Any], *, kind: str = "webauthn.get") -> dict[str, Any]:
        """The answer to a question for one that is there."""
        client = self._client_data(kind, question["challenge"])
        data = self._data(0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=b64(client),
            authenticatorData=b64(data),
            signature=b64(signature),
            userHandle=b64(self.user_handle),
        )

    def _data(self, flags: int) -> bytes:
        self.counter += self.counts
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, **response: str) -> dict[str, Any]:
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}
