"""Ids: one type each, so that an account id never fits where an order id goes.

Lives here: the id types, how `LinkId` comes from an intent, and ids that are made of what they are about (`made_id`).
The walk is intentId → reqId → exchange order id.
"""

from __future__ import annotations

import hashlib
from typing import NewType
from uuid import UUID

WorkspaceId = NewType("WorkspaceId", UUID)
UserId = NewType("UserId", UUID)
AccountId = NewType("AccountId", UUID)
IntentId = NewType("IntentId", UUID)
RequestId = NewType("RequestId", UUID)
OrderId = NewType("OrderId", UUID)  # ours, of a row in `orders`
LinkId = NewType("LinkId", str)  # `orderLinkId`: ours, echoed by the exchange, at most 36 of A-Z a-z 0-9 - _
ExchangeOrderId = NewType("ExchangeOrderId", str)  # the exchange's `orderId`, opaque
ExecutionId = NewType("ExecutionId", str)  # the exchange's `execId`, opaque

_PREFIX = "tw"


def link_id_of(intent: IntentId) -> LinkId:
    """The one client order id of an intent, for its whole life: 34 characters, injective, the same after a restart."""
    return LinkId(_PREFIX + intent.hex)


def intent_of(link: str) -> IntentId | None:
    """The intent a client order id was made from, or None if we did not make it."""
    if len(link) != len(_PREFIX) + 32 or not link.startswith(_PREFIX):
        return None
    try:
        intent = IntentId(UUID(hex=link[len(_PREFIX) :]))
    except ValueError:
        return None
    # Other spellings of the same id, in capitals or with dashes, are somebody else's.
    return intent if link_id_of(intent) == link else None


def made_id(*parts: str) -> UUID:
    """A UUIDv8 (RFC 9562) made of its parts alone: the same parts make the same id, also after a restart, and others
    make another one (SHA-256, 122 bits of it). For what must not be asked twice by an owner that starts anew."""
    told = "".join(f"{len(part)}:{part}" for part in parts)  # with lengths: ("a", "bc") is not ("ab", "c")
    value = int.from_bytes(hashlib.sha256(told.encode()).digest()[:16])
    value = value & ~(0xF << 76) | (0x8 << 76)
    value = value & ~(0b11 << 62) | (0b10 << 62)
    return UUID(int=value)


def uuid7(unix_ms: int, random_bits: int) -> UUID:
    """A UUIDv7 (RFC 9562) from Unix milliseconds and 74 random bits."""
    value = (unix_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((random_bits >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random_bits & ((1 << 62) - 1)
    return UUID(int=value)
