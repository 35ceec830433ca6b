"""Shapes of bots: what is asked, their settings by version, what stands against a start."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.bots.start_checks import CheckName
from tradewright.web.schemas.base import DecimalText, Environment, IdText, Input, Output, SymbolText, UnixMs
from tradewright.web.schemas.runs import Run
from tradewright.web.schemas.specs import ParamValue, ParamValues
from tradewright.web.schemas.strategies import KeptName

RowVersion = Annotated[int, Field(ge=1, le=2**31 - 1, description="`version` of the bot as it was read")]


class BotLimits(Input):
    """In quote coin. `max_loss` stops the run and closes what it holds."""

    max_loss: DecimalText
    max_position: DecimalText | None = Field(None, description="Value at most; null: as its strategy sizes it")
    max_orders_a_minute: Annotated[int, Field(ge=1, le=600)] = 60


class BotSettingsBody(Input):
    spec_version_id: IdText
    params: ParamValues = Field(default_factory=list)
    account_id: IdText
    category: Literal["linear", "spot"]
    symbol: SymbolText
    capital: DecimalText = Field(description="Quote coin")
    limits: BotLimits
    duration_ms: Annotated[int, Field(ge=60_000, le=604_800_000, description="By its account's venue clock")]
    at_end: Literal["keep", "close"] = Field(description="Of its position; its orders are always cancelled")


class NewBot(Input):
    """Without settings it is a draft. The same id and name again are the same bot."""

    id: IdText
    name: KeptName
    settings: BotSettingsBody | None = None


class BotEdit(Input):
    version: RowVersion
    settings: BotSettingsBody


class BotRename(Input):
    version: RowVersion
    name: KeptName


class BotClone(Input):
    id: IdText
    name: KeptName


class BotRemoval(Input):
    name: Annotated[str, Field(max_length=256, description="Typed, where the bot has runs")] = ""


class BotSpec(Output):
    version_id: UUID
    strategy_id: UUID
    strategy_name: str
    number: int
    name: str
    sha256: str


class BotLimitsTold(Output):
    max_loss: str
    max_position: str | None
    max_orders_a_minute: int


class BotVersion(Output):
    """What a run of it keeps, whatever the bot becomes. `params` are those that differ from the spec's own."""

    id: UUID
    number: int
    spec: BotSpec
    params: list[ParamValue]
    account_id: UUID
    account_name: str
    environment: Environment
    category: Literal["linear", "spot"]
    symbol: str
    capital: str
    limits: BotLimitsTold
    duration_ms: int
    at_end: Literal["keep", "close"]
    created_by: UUID
    created_ms: UnixMs


class Bot(Output):
    id: UUID
    name: str
    state: Literal["draft", "ready", "archived"]
    version: int
    created_by: UUID
    created_ms: UnixMs
    updated_ms: UnixMs
    archived_ms: UnixMs | None
    current: BotVersion | None = Field(description="Null: a draft")
    newest_run: Run | None


class BotAnswer(Output):
    bot: Bot


class BotPage(Output):
    bots: list[Bot]
    next: str | None = Field(description="`before` of the next page; null: there is none")


class BotVersions(Output):
    versions: list[BotVersion] = Field(description="Newest first, the last 200")


class BotRemoved(Output):
    removed: UUID


class StartCheck(Output):
    """`code` and `params` say what was found where it does not pass. What blocks refuses the start."""

    name: CheckName
    verdict: Literal["pass", "warn", "block"]
    code: str | None
    params: dict[str, str]


class StartChecks(Output):
    """What speaks for and against a start now. With real money the bot's name is typed (`confirmation`), and where no
    trial ran to its end one of `untested` as well."""

    bot_version: int
    environment: Environment
    checks: list[StartCheck]
    confirmation: str | None
    untested: list[str]
