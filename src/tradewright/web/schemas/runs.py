"""Shapes of runs: a run as it stands, what is wished of it, its events, trades and report."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from tradewright.bots.model import EventKind, EventLevel, RunState
from tradewright.strategy.timeframe import Timeframe
from tradewright.web.schemas.base import Environment, Fault, IdText, Input, Output, UnixMs

Typed = Annotated[str | None, Field(max_length=256)]


class NewRun(Input):
    """The same id again is the same run. The last two are for real money alone."""

    id: IdText
    bot_version: Annotated[int, Field(ge=1, le=1_000_000, description="Number of the settings that were shown")]
    start_at_ms: Annotated[int, Field(ge=0, lt=4_102_444_800_000)] | None = Field(None, description="Null: at once")
    confirmation: Typed = Field(None, description="The bot's name, typed")
    untested: Typed = Field(None, description="Typed where no trial ran to its end: see `readStartChecks`")


class RunExtension(Input):
    duration_ms: Annotated[int, Field(ge=60_000, le=604_800_000, description="The whole, from the run's beginning")]


class RunStop(Input):
    how: Literal["gentle", "now", "close"] = Field(
        description="gentle: no new entries, exits until it holds nothing; now: its orders are cancelled, its position"
        " stays; close: its orders are cancelled and its position is closed"
    )


class RunSpec(Output):
    version_id: UUID
    strategy_id: UUID
    number: int
    name: str
    sha256: str


class RunWishes(Output):
    paused: bool
    paused_by: UUID | None
    stop: Literal["gentle", "now", "close"] | None
    stop_by: UUID | None
    stop_ms: UnixMs | None


class RunQueue(Output):
    """What a queued run waits for, and how many older ones wait for the same. `limit` is the quota's number."""

    held_by: Literal["account", "symbol", "user", "workspace", "installation"]
    ahead: int
    limit: int | None


class RunPosition(Output):
    direction: Literal["long", "short"]
    quantity: str
    entry_price: str | None
    stop: str | None
    target: str | None
    bars: int | None = Field(description="That it has been held for; null: its strategy does not count them")
    cells: int | None = Field(description="Of a grid: those that hold something")


class RunTotals(Output):
    """Of the run alone, quote coin, by mark. `net` has fees and funding taken off."""

    net: str
    gross: str
    fees: str
    funding: str
    trades: int
    equity: str
    position: RunPosition | None


class Run(Output):
    """`duration_ms` counts from `began_market_ms` by its account's venue clock, which is market time on the simulated
    exchange. `queue` is null of one that does not wait, or waits for its time alone."""

    id: UUID
    bot_id: UUID
    bot_name: str
    bot_version: int
    number: int
    spec: RunSpec
    account_id: UUID
    account_name: str
    environment: Environment
    category: Literal["linear", "spot"]
    symbol: str
    timeframe: Timeframe
    capital: str
    max_loss: str
    at_end: Literal["keep", "close"]
    state: RunState
    reason: Fault | None = Field(description="Why it ended, or what it waits for while it starts")
    started_by: UUID
    created_ms: UnixMs
    start_at_ms: UnixMs | None
    admitted_ms: UnixMs | None
    began_ms: UnixMs | None
    ended_ms: UnixMs | None
    began_market_ms: UnixMs | None
    duration_ms: int
    deadline_market_ms: UnixMs | None
    epoch: int
    wishes: RunWishes
    untested: bool = Field(description="Started with real money, without a trial, by a typed word")
    event_seq: int
    bar_open_ms: UnixMs | None = Field(description="The last bar that it decided on")
    totals: RunTotals | None
    has_report: bool
    events_removed_ms: UnixMs | None = Field(description="Since when its events are wiped")
    version: int
    queue: RunQueue | None


class RunAnswer(Output):
    run: Run


class RunPage(Output):
    runs: list[Run]
    next: str | None = Field(description="`before` of the next page; null: there is none")


class RunEvent(Output):
    """`payload` has what a text about it needs, by its kind. `caused_by` is the sequence of what led to it."""

    seq: int
    at_ms: UnixMs
    market_ms: UnixMs | None
    kind: EventKind
    level: EventLevel
    caused_by: int | None
    intent_id: UUID | None
    payload: dict[str, Any]


class RunEventPage(Output):
    """`next` is `after` or `before` of the next page, by which way was asked; a page of a search may be empty and have
    one, for each looks at so many events and no more."""

    events: list[RunEvent]
    next: int | None
    event_seq: int
    events_removed_ms: UnixMs | None


class RunTrade(Output):
    number: int
    trade: dict[str, Any] = Field(description="With the keys of a backtest's trade")


class RunTradePage(Output):
    trades: list[RunTrade]
    next: int | None = Field(description="`after` of the next page; null: there is none")


class RunReportAnswer(Output):
    report: dict[str, Any]


class RunEventsFile(Output):
    events: list[RunEvent]


class RunTradesFile(Output):
    trades: list[RunTrade]
