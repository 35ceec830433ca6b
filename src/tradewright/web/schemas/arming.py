"""Shapes of arming: whether a live account may open positions, what is missing, and what is asked."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import DecimalText, Environment, IdText, Input, Output, UnixMs
from tradewright.web.schemas.problems import FieldProblem


class Phrases(Output):
    """What is typed, exactly, in either language."""

    en: str
    ru: str


class ArmedNow(Output):
    by: str = Field(description="The name of the owner who armed it")
    since_ms: UnixMs
    until_ms: UnixMs
    confirm_above: DecimalText = Field(description="Quote coin: an order by hand worth more is typed once more")


class EndedArming(Output):
    """The last arming that is over."""

    at_ms: UnixMs
    why: Literal[
        "disarmed",
        "rearmed",
        "expired",
        "real_trading_off",
        "killed",
        "key_changed",
        "limits_loosened",
        "role_changed",
    ]


class ArmingState(Output):
    """An account of another environment needs no arming: `needed` is false then, and nothing is missing."""

    account_id: UUID
    environment: Environment
    needed: bool
    real_trading: bool = Field(description="Whether who runs the machine allows it: TRADEWRIGHT_REAL_TRADING")
    armed: ArmedNow | None
    ended: EndedArming | None
    missing: list[FieldProblem] = Field(description="What must be there before it can be armed")
    phrases: Phrases | None = Field(description="Null without a connection")
    order_notional: DecimalText | None = Field(description="The largest order by the limits in force, in quote coin")
    lasts_s: int = Field(description="For how long it is armed unless said otherwise")
    lasts_s_max: int


class ArmingBody(Input):
    """Arms a live account. `phrase` is one of the state's `phrases`, letter by letter."""

    id: IdText = Field(description="Made by the caller; the same id again is the same arming")
    phrase: Annotated[str, Field(min_length=1, max_length=100)]
    lasts_s: int = Field(86_400, ge=5, le=2_592_000, description="Seconds until it lapses by itself; at most 30 days")
    confirm_above: DecimalText = Field(
        description="Quote coin: an order by hand worth more is typed once more; at most the largest order"
    )
