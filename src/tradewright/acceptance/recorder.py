"""What the exchange said and what was asked, kept as JSON lines that can become fixtures: without key, signature or
person.

Lives here: `Recorder` and the masking. Not here: who listens (`relay`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewright.core.clock import Clock, milliseconds

_SECRET_HEADERS = frozenset({"x-bapi-api-key", "x-bapi-sign", "cookie", "authorization"})
_KEPT_HEADERS = re.compile(r"content-type|retry-after|traceid|timenow|x-bapi-.*", re.IGNORECASE)
# Fields that say who somebody is, wherever they stand in an answer.
_PERSONAL = frozenset(
    {
        "apiKey", "secret", "note", "ips", "userID", "userIDInt64", "inviterID", "affiliateID", "parentUid", "uid",
        "rsaPublicKey", "kycRegion", "kycLevel", "accountId", "createdAt", "expiredAt",
    }
)  # fmt: skip
MASK = "masked"


class Recorder:
    """Appends to one file; every line is one request with its answer, or one frame of a stream."""

    def __init__(self, path: Path, *, secrets: Sequence[str], clock: Clock) -> None:
        """`secrets` are masked wherever they stand, whatever field the exchange has them in."""
        self._file = path.open("w", encoding="utf-8")
        self._secrets = tuple(filter(None, secrets))
        self._clock = clock
        self.step = 0  # which step speaks now
        self.lines = 0

    def call(
        self, method: str, target: str, sent_headers: Mapping[str, str], sent: bytes, status: int | None,
        headers: Mapping[str, str], answer: bytes, *, note: str = "",
    ) -> None:  # fmt: skip
        """One HTTP call; `status` None: it was not sent on, or its reply was lost on purpose (`note` says which)."""
        self._write(
            {
                "kind": "call",
                "method": method,
                "target": target,
                "headers_sent": {
                    name: MASK if name.lower() in _SECRET_HEADERS else value
                    for name, value in sent_headers.items()
                    if name.lower().startswith("x-bapi-")
                },
                "sent": masked(sent),
                "status": status,
                "headers": {name: value for name, value in headers.items() if _KEPT_HEADERS.fullmatch(name)},
                "answer": masked(answer),
                "note": note,
            }
        )

    def frame(self, stream: str, direction: str, text: str) -> None:
        self._write({"kind": "frame", "stream": stream, "direction": direction, "frame": masked(text.encode())})

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        stamped = {"step": self.step, "at_ms": milliseconds(self._clock.now()), **line}
        text = json.dumps(stamped, ensure_ascii=False)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        self._file.write(text + "\n")
        self._file.flush()
        self.lines += 1


def masked(raw: bytes) -> Any:
    """The JSON without what is secret or personal; what is no JSON is kept as its first 2,000 characters."""
    if not raw:
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return raw[:2_000].decode("utf-8", "replace")
    if isinstance(value, dict) and value.get("op") == "auth":
        return {**value, "args": [MASK]} if "args" in value else value
    return _without_person(value)


def _without_person(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: MASK if name in _PERSONAL and kept not in ("", None) else _without_person(kept)
            for name, kept in value.items()
        }
    if isinstance(value, list):
        return [_without_person(each) for each in value]
    return value
