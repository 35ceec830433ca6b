"""What is written down before and after each act of the kill switch, alike in the database and in the spool.

Lives here: the entries and their form as plain values. Not here: the spool's files (`audit.spool`), the SQL (`store`).
An entry has an id, and written twice it counts once: so a spool may be loaded again after a crash. `act_id` is that of
the intent; a close's client order id comes from it, so whoever repeats it cannot close twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from tradewright.core.errors import Trace
from tradewright.core.instrument import Category, Side

Outcome = Literal["acknowledged", "refused", "duplicate", "not_sent", "unknown"]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """On whose word: of a latch (`id` is its id) or of a single command. `token_id`: with which API token of theirs."""

    id: UUID
    kind: Literal["latch", "command"]
    via: str
    user_id: UUID | None = None
    token_id: UUID | None = None


class CancelBegun(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """One order is about to be cancelled."""

    id: UUID
    at: datetime
    account_id: UUID
    act_id: UUID
    req_id: UUID
    cause: Cause
    category: Category
    symbol: str
    exchange_order_id: str
    link_id: str


class CloseBegun(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """A position of this side and size is about to be closed: reduce-only, at market."""

    id: UUID
    at: datetime
    account_id: UUID
    act_id: UUID
    req_id: UUID
    cause: Cause
    category: Category
    symbol: str
    side: Side
    size: Decimal
    position_index: int


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """How a request ended. `unknown` and `duplicate` are resolved by the session, by evidence."""

    id: UUID
    at: datetime
    account_id: UUID
    act_id: UUID
    req_id: UUID
    outcome: Outcome
    exchange_order_id: str | None = None
    signed_at: datetime | None = None
    answered_at: datetime | None = None
    http_status: int | None = None
    ret_code: int | None = None
    ret_msg: str = ""
    trace_id: str = ""


class TakenDown(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """A latch was carried out for the account: nothing is open any more, and with `closed` no position either."""

    id: UUID
    at: datetime
    account_id: UUID
    latch_id: UUID
    closed: bool


Entry = CancelBegun | CloseBegun | Answered | TakenDown


def answered_fields(trace: Trace) -> dict[str, Any]:
    """Of a trace, what an entry keeps."""
    return {
        "signed_at": trace.signed_at,
        "answered_at": trace.answered_at,
        "http_status": trace.http_status,
        "ret_code": trace.ret_code,
        "ret_msg": trace.ret_msg[:500],
        "trace_id": trace.trace_id[:100],
    }


def as_plain(entry: Entry) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = msgspec.to_builtins(entry)
    return plain


def entry_of(plain: Mapping[str, Any]) -> Entry:
    """Raises `msgspec.ValidationError`."""
    found: Entry = msgspec.convert(plain, Entry)
    return found
