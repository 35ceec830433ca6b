"""Heads of the chains to the operator's own address: one POST of JSON, answered by any 2xx.

Lives here: `HeadsWebhook`. Not here: when it is sent and again (`exporting`). The address is the operator's setting,
not a user's, so it may be on the same machine or network; it may hold a secret, so it is in no log and no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import aiohttp

from tradewright.audit.heads import Head
from tradewright.core.errors import AppError

WITHIN_S = 10.0
_HEADS_AT_ONCE = 1_000


class WebhookFailed(AppError):
    """The address did not take the heads; they will be sent again."""

    code = "audit.webhook_failed"


class HeadsWebhook:
    """`within_s` is the time that one POST may take, from looking up the name to the answer's status."""

    def __init__(self, address: str, *, within_s: float = WITHIN_S) -> None:
        self._address = address
        self._within_s = within_s

    def __repr__(self) -> str:
        return "HeadsWebhook(•••)"

    async def send(self, heads: Sequence[Head], at: datetime) -> None:
        """Raises `WebhookFailed`. A redirection is not followed: it may lead anywhere. Of an answer the status is read,
        and what comes after it is cut off, however long."""
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._within_s)) as session:
                for first in range(0, len(heads), _HEADS_AT_ONCE):
                    said = {"heads": [head.as_json(at) for head in heads[first : first + _HEADS_AT_ONCE]]}
                    async with session.post(self._address, json=said, allow_redirects=False) as answer:
                        if not 200 <= answer.status < 300:
                            raise WebhookFailed(f"HTTP {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise WebhookFailed(type(error).__name__) from None
