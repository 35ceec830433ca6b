"""Shapes of the ledger: results over a period, entries, breaks."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.tie_out import BreakKind
from tradewright.web.schemas.base import DecimalText, Output, UnixMs

Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="UTC")]


class ResultRow(Output):
    """Of one key and coin. `realised` is without fees; `fees` and `interest` are positive when paid."""

    category: str | None
    symbol: str | None = Field(description="Null where it is not asked by symbol, and for what belongs to none")
    person_id: UUID | None = Field(
        description="Null where it is not asked by person, and for what nobody here asked for"
    )
    day: Day | None
    coin: str
    realised: DecimalText
    fees: DecimalText
    funding: DecimalText
    interest: DecimalText
    other: DecimalText
    net: DecimalText


class WorthRow(Output):
    """What the account was worth at the last look of a day, by the exchange's reckoning."""

    day: Day
    total_usd: DecimalText | None
    coins: dict[str, DecimalText]
    at_ms: UnixMs


class Results(Output):
    by: Literal["account", "symbol", "person", "day"]
    from_ms: UnixMs
    to_ms: UnixMs
    rows: list[ResultRow]
    worth: list[WorthRow]


class LedgerLine(Output):
    kind: str
    book: str
    asset: str
    amount: DecimalText


class LedgerSet(Output):
    """What was booked together; its lines sum to zero in each asset."""

    sequence: int
    source: str
    at_ms: UnixMs
    category: str | None
    symbol: str | None
    execution_id: str | None
    exchange_order_id: str | None
    intent_id: UUID | None
    person_id: UUID | None
    run_id: UUID | None
    lines: list[LedgerLine]


class LedgerPage(Output):
    sets: list[LedgerSet]
    next: int | None = Field(description="`before` of the next page; null at the end")


class LedgerBreak(Output):
    """Two figures that should be one: ours and the exchange's."""

    number: int
    kind: BreakKind
    subject: str
    ours: str
    theirs: str
    since_ms: UnixMs
    cleared_ms: UnixMs | None


class LedgerBreaks(Output):
    opened_ms: UnixMs | None = Field(description="Since when there are books; null before the first look")
    checked_ms: UnixMs | None = Field(description="When everything was last compared in a quiet moment")
    tied_ms: UnixMs | None = Field(description="When that last found no break")
    breaks: list[LedgerBreak]
