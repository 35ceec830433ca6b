"""Shapes of the audit trail: entries, the story of an order, how heads were exported, a value's digest."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import Environment, Input, Output, UnixMs

Said = dict[str, Any]


class AuditActor(Output):
    kind: Literal["user", "system", "exchange"]
    id: UUID | None
    name: str | None = Field(description="Null for who is no user any more")
    token_id: UUID | None = Field(description="The API token that it was done with")


class AuditEntry(Output):
    """One deed. `action`, `object_kind` and `outcome` are stable words; one that is not known is shown as it is."""

    id: UUID
    at_ms: UnixMs
    actor: AuditActor
    account_id: UUID | None
    account_name: str | None
    environment: Environment | None
    action: str
    object_kind: str
    object_id: str
    before: Said | None
    after: Said | None
    ip: str | None
    outcome: str


class AuditPerson(Output):
    id: UUID
    name: str


class AuditPage(Output):
    entries: list[AuditEntry]
    next: str | None = Field(description="`before` of the next page; null at the end")
    whole: bool = Field(description="Whether all of the workspace is shown, or the caller's own entries alone")
    people: list[AuditPerson] = Field(description="Whom to filter by")


class AuditExport(Output):
    target: Literal["file", "webhook"]
    ok_ms: UnixMs | None
    failed_ms: UnixMs | None = Field(description="Null while it works")
    fault: str | None


class AuditExports(Output):
    """How the heads of the chains were last written where the database does not reach."""

    exports: list[AuditExport]


class SensitiveValue(Input):
    value: Annotated[str, Field(min_length=1, max_length=512)]


class SensitiveDigest(Output):
    digest: str = Field(description="What the trail shows in the place of this value")


class StoryWho(Output):
    kind: Literal["user", "system", "elsewhere"]
    id: UUID | None
    name: str | None


class StoryWhy(Output):
    source: str
    reason: Any = Field(description="Of an order that a part of Tradewright wanted: its reason")
    note: str | None
    ended: Any = Field(description="Why it ended without an order, if it did")
    verdict: Any = Field(description="The limits it was held against, with their numbers")


class StoryRequest(Output):
    req_id: UUID
    kind: str
    attempt: int
    created_ms: UnixMs
    answered_ms: UnixMs | None
    outcome: str | None
    exchange_code: int | None
    exchange_text: str | None


class OrderStory(Output):
    """Who, what, when, why, which version of a strategy, which answer of a model."""

    order_id: UUID
    account_id: UUID
    account_name: str
    environment: Environment
    exchange_order_id: str | None
    who: StoryWho
    what: Said
    asked_ms: UnixMs
    why: StoryWhy
    spec_version: str | None
    model_answer: str | None
    state: str
    fills: int
    requests: list[StoryRequest]
    entries: list[AuditEntry]


class OrderStoryAnswer(Output):
    story: OrderStory
