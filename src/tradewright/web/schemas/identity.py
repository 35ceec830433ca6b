"""Shapes of session, claim and login."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import Input, Language, Output, Role, UnixMs


class SessionUser(Output):
    id: UUID
    username: str
    language: Language
    is_operator: bool


class SessionWorkspace(Output):
    id: UUID
    name: str
    role: Role


class SecondStep(Output):
    """What a login whose password was right still needs. Without ways: none works at this address."""

    ways: list[Literal["code", "recovery", "passkey"]]
    expires_ms: UnixMs


class SessionState(Output):
    """Who is asking. Without a session `user` and `workspace` are null."""

    claimed: bool = Field(description="False until the first user has claimed the installation")
    user: SessionUser | None
    workspace: SessionWorkspace | None
    second_step: SecondStep | None = Field(description="A login of this browser's that is half done; no session yet")
    version: str
    insecure: bool = Field(description="It is served in plain http to a network, as its operator wished")
    server_time_ms: UnixMs


# The bounds here only keep absurd input out; the rules with their own codes are in `identity`.
UsernameText = Annotated[str, Field(max_length=256)]
PasswordText = Annotated[str, Field(max_length=4096)]


class ClaimBody(Input):
    token: Annotated[str, Field(min_length=1, max_length=256, description="From the one-time link")]
    username: UsernameText
    password: PasswordText
    language: Language


class LoginBody(Input):
    username: UsernameText
    password: PasswordText
