"""Shapes of an account as it stands: its session, what it can do, the budget of requests, one symbol's settings."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category
from tradewright.web.schemas.base import DecimalText, Environment, Fault, Input, Output, SymbolText, UnixMs


class AccountSession(Output):
    state: Literal["connecting", "reconciling", "ready", "degraded", "closed"]
    reason: Fault | None
    since_ms: UnixMs


class Capabilities(Output):
    """What an account can do, by its environment and its key; a control that is disabled says which of them lacks."""

    can_trade_linear: bool
    can_trade_spot: bool
    can_amend: bool
    can_place_conditional: bool
    can_attach_exits: bool
    can_set_leverage: bool
    can_trail_stops: bool
    can_set_margin_mode: bool
    can_set_position_mode: bool
    can_batch_linear: bool = Field(description="Several orders go in one request")
    can_batch_spot: bool
    has_fee_rates: bool
    has_trade_stream: bool = Field(description="The environment takes orders by WebSocket; we do not use it")


class AccountStop(Output):
    """The exchange refused the key or the account itself: nothing that adds exposure is sent until it is lifted."""

    exchange_code: int | None
    exchange_text: str | None
    since_ms: UnixMs


class Armed(Output):
    """Until when a live account may open positions, as it was armed by an owner of the workspace."""

    until_ms: UnixMs
    confirm_above: DecimalText = Field(description="Quote coin: an order by hand that is worth more is typed once more")


class ResumeAnswer(Output):
    was_stopped: bool


class EndpointBudget(Output):
    path: str
    used: int = Field(description="Calls that count in the last second, or that may still arrive")
    limit: int
    waiting: int
    is_closed: bool = Field(description="The exchange has said that it takes no more until then")
    resets_ms: UnixMs


class RateBudget(Output):
    """What may be asked of the exchange. `address_*`: this process's part of what one address may ask in 5 seconds."""

    told_ms: UnixMs | None = Field(description="When the account's owner told it; null: never yet")
    endpoints: list[EndpointBudget]
    address_used: int
    address_limit: int
    silent_until_ms: UnixMs | None = Field(description="The exchange blocked the address: nothing is sent until then")


class Account(Output):
    id: UUID
    name: str
    environment: Environment
    exchange: Literal["bybit"]
    connection_id: UUID | None = Field(description="Null for the account on the built-in simulated exchange")
    capabilities: Capabilities
    read_only: bool = Field(description="Its key may only read: the account is shown, and nothing is sent for it")
    margin_mode: str | None = Field(
        description="The exchange's word: REGULAR_MARGIN (cross), ISOLATED_MARGIN; null unread"
    )
    position_mode: Literal["one_way", "by_symbol"] = Field(
        description="By symbol: of some contracts two legs are held (hedge mode), as each symbol says"
    )
    session: AccountSession
    stopped: AccountStop | None
    armed: Armed | None = Field(description="Null: real money opens nothing here; other environments need no arming")
    drift_count: int
    reconciled_ms: UnixMs | None = Field(description="When everything was last read whole from the exchange")


class AccountList(Output):
    accounts: list[Account]


class ReconcileBody(Input):
    """Reads everything from the exchange again; with a symbol also its leverage and fees."""

    category: Category | None = None
    symbol: SymbolText | None = None


class ReconcileAnswer(Output):
    done: bool = Field(description="False: the owner did not come to it within five seconds; it will")
    account: Account


class AccountSymbol(Output):
    """What the exchange says of one symbol for this account; null where it has not been asked yet (it is then)."""

    category: Category
    symbol: str
    leverage: DecimalText | None
    maker_rate: DecimalText | None
    taker_rate: DecimalText | None
    fees_assumed: bool
    margin_mode: str | None
    position_mode: Literal["one_way", "hedge"] | None
    read_ms: UnixMs | None
