"""Shapes of API tokens."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import Input, Output, UnixMs

Scope = Literal["read", "trade", "manage"]


class TokenBody(Input):
    # The bounds here only keep absurd input out; the rules with their own codes are in `identity.api_tokens`.
    name: Annotated[str, Field(max_length=256, description="What its owner knows it by")]
    scopes: Annotated[list[Scope], Field(max_length=3)]
    expires_in_days: Annotated[int, Field(ge=1, le=365)]


class ApiToken(Output):
    id: UUID
    name: str
    scopes: list[Scope]
    ending: str = Field(description="Its last four letters")
    created_ms: UnixMs
    expires_ms: UnixMs
    ended: bool = Field(description="Past its end; it is shown for 30 days more")
    last_used_ms: UnixMs | None
    last_used_ip: str | None


class TokenList(Output):
    """The caller's own tokens in this workspace, newest first."""

    tokens: list[ApiToken]
    maximum: int = Field(description="How many a user may have, over all workspaces")


class MadeToken(Output):
    """The one answer that holds the token itself: it cannot be shown again."""

    token: ApiToken
    text: str = Field(description="For `Authorization: Bearer`", pattern=r"^tw_[0-9A-Za-z]{49}$")
