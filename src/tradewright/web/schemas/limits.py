"""Shapes of risk limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewright.web.schemas.base import DecimalText, Input, Output, SymbolText

LimitName = Literal[
    "order_notional",
    "position_notional",
    "total_notional",
    "leverage",
    "open_orders",
    "orders_per_minute",
    "price_distance",
    "daily_loss",
    "data_age",
    "quote_age",
]
LimitLevel = Literal["installation", "workspace", "account"]
SYMBOLS_MAX = 500


class LimitSetting(Input):
    name: LimitName
    value: DecimalText | None = Field(description="Null: no limit, which only the installation may say, and not of all")


class LimitsBody(Input):
    """What one level says from now on, whole: what is not named it says nothing of. The tightest level decides."""

    level: LimitLevel
    limits: list[LimitSetting] = Field(max_length=10)
    symbols: list[SymbolText] | None = Field(
        None, max_length=SYMBOLS_MAX, description="Those that may be traded; null: this level allows all"
    )
    confirmations: list[Annotated[str, Field(max_length=32)]] = Field(
        default_factory=list,
        max_length=16,
        description=(
            "What was typed once more: the name of each limit that this level loosens or takes away (`symbols` too), "
            "and of an account of real money `LIVE` or `ЛАЙВ`. Not needed for what tightens"
        ),
    )


class LimitState(Output):
    """One limit in force. Notional is quote coin, distances and losses are percent, ages seconds."""

    name: LimitName
    allowed: DecimalText | None = Field(description="Null: no limit")
    level: LimitLevel = Field(description="Which level it comes from")
    used: DecimalText | None = Field(description="Now; null for limits of a single order, and where it is not known")


class LevelSetting(Output):
    name: LimitName
    value: DecimalText | None


class LevelState(Output):
    """What one level says itself."""

    level: LimitLevel
    limits: list[LevelSetting]
    symbols: list[str] | None


class LimitsState(Output):
    limits: list[LimitState]
    symbols: list[str] | None = Field(description="Those that may be traded; null: all")
    symbols_level: LimitLevel
    levels: list[LevelState]
