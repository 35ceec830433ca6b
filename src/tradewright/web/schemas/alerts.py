"""Shapes of price alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewright.core.instrument import Category
from tradewright.web.schemas.base import DecimalText, Environment, IdText, Input, Output, PlainText, SymbolText, UnixMs

PriceBy = Literal["last", "mark"]
Direction = Literal["above", "below"]


class AlertBody(Input):
    """What is waited for: that the price of one market comes to a line from its other side."""

    environment: Environment
    category: Category
    symbol: SymbolText
    price_by: PriceBy
    direction: Direction
    price: DecimalText
    repeats: bool = Field(description="It waits again after it fired, a minute later at the earliest")
    ends_ms: Annotated[UnixMs, Field(le=4_102_444_800_000)] | None = Field(description="Within a year; null: no end")
    note: PlainText


class ChangeAlertBody(AlertBody):
    version: Annotated[int, Field(ge=1, le=2**31 - 1, description="Of the alert that was read")]


class PriceAlert(Output):
    id: IdText
    environment: Environment
    category: Category
    symbol: str
    price_by: PriceBy
    direction: Direction
    price: DecimalText
    repeats: bool
    ends_ms: UnixMs | None
    note: str
    state: Literal["waiting", "paused", "fired", "ended"]
    fired_ms: UnixMs | None
    fired_price: DecimalText | None
    fired_count: int
    created_ms: UnixMs
    version: int


class AlertList(Output):
    """The caller's own, newest first."""

    alerts: list[PriceAlert]
    maximum: int
