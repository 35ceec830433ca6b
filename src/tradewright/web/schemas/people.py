"""Shapes of people: members and invitations of a workspace, sessions, profile, the installation's users."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import Input, Language, Output, PlainText, Role, UnixMs
from tradewright.web.schemas.identity import PasswordText, UsernameText

TokenText = Annotated[str, Field(min_length=1, max_length=256, description="From the one-time link")]


class MemberShown(Output):
    user_id: UUID
    username: str
    role: Role
    disabled: bool = Field(description="By the operator of the installation: cannot sign in")


class MemberList(Output):
    """By name."""

    members: list[MemberShown]


class ChangeRole(Input):
    role: Role


class Ended(Output):
    """How many sessions ended."""

    ended: int


class InvitationShown(Output):
    id: UUID
    role: Role
    note: str
    invited_by: str
    created_ms: UnixMs
    expires_ms: UnixMs


class InvitationList(Output):
    """Those that would bring somebody in now, the newest first."""

    invitations: list[InvitationShown]


class NewInvitation(Input):
    role: Role
    note: PlainText = Field("", description="For whom it is; only owners read it")
    days: Annotated[int, Field(ge=1, le=30)] = 7


class MadeInvitation(Output):
    """`token` is shown only now: the link is `/invite#<token>`."""

    invitation: InvitationShown
    token: str


class ReadInvitation(Input):
    token: TokenText


class Offer(Output):
    """What the holder of a link is told before accepting."""

    workspace: str
    role: Role
    invited_by: str
    expires_ms: UnixMs


class JoinAsNew(Input):
    token: TokenText
    username: UsernameText
    password: PasswordText
    language: Language


class SessionShown(Output):
    id: UUID
    user_agent: str
    address: str | None
    created_ms: UnixMs
    last_seen_ms: UnixMs
    current: bool


class SessionList(Output):
    """The caller's own: the one that asks first, then the last used. `idle_s` and `lifetime_s` are their limits."""

    sessions: list[SessionShown]
    idle_s: int
    lifetime_s: int


class ProfileBody(Input):
    language: Language


class ChangePassword(Input):
    old_password: PasswordText
    new_password: PasswordText


class PasswordByLink(Input):
    token: TokenText
    password: PasswordText


class InstallationUser(Output):
    id: UUID
    username: str
    is_operator: bool
    created_ms: UnixMs
    disabled_ms: UnixMs | None
    last_seen_ms: UnixMs | None = Field(description="In a session that has not ended or was not swept yet")
    workspaces: int


class InstallationUserList(Output):
    """By name."""

    users: list[InstallationUser]
