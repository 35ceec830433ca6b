"""Types of identity: who someone is and what they may do, and the errors of claiming and logging in.

Lives here: `Principal` and its parts, roles and their order, the named errors. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

from tradewright.core.errors import AppError, Conflict, NotFound
from tradewright.core.ids import UserId, WorkspaceId

SessionId = NewType("SessionId", UUID)
TokenId = NewType("TokenId", UUID)
Scope = Literal["read", "trade", "manage"]
Role = Literal["owner", "trader", "viewer"]
Language = Literal["en", "ru"]

_RANK: dict[Role, int] = {"viewer": 0, "trader": 1, "owner": 2}


@dataclass(frozen=True, slots=True)
class User:
    id: UserId
    username: str
    language: Language
    is_operator: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """The workspace a request is about and the caller's role in it."""

    workspace_id: WorkspaceId
    name: str
    role: Role

    def allows(self, needed: Role) -> bool:
        return _RANK[self.role] >= _RANK[needed]


@dataclass(frozen=True, slots=True)
class UsedToken:
    """The API token that somebody asks with, and what it may."""

    id: TokenId
    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, by which session.

    With an API token, `token` says which: then `session_id` is the token's id, which is no session's, so whatever is
    asked of sessions by it finds none; the role in `membership` is at most what the token's scopes are worth.

    `elsewhere` are the other workspaces that the person is in, oldest first; none with an API token, which is of one.
    `is_replaced`: the session has got another cookie a moment ago, and this request came with the one before. It may
    finish what was under way, and proves nothing.
    """

    session_id: SessionId
    user: User
    membership: Membership
    token: UsedToken | None = None
    elsewhere: tuple[Membership, ...] = ()
    is_replaced: bool = False

    def within(self, workspace_id: str) -> Principal | None:
        """The same person, asking about that workspace; None where they are not in it."""
        for membership in (self.membership, *self.elsewhere):
            if str(membership.workspace_id) == workspace_id:
                others = (other for other in (self.membership, *self.elsewhere) if other is not membership)
                return replace(self, membership=membership, elsewhere=tuple(others))
        return None


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just opened. `token` exists only here and in the cookie; what is stored is its hash."""

    id: SessionId
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"OpenedSession(id={self.id}, token=***, expires_at={self.expires_at.isoformat()})"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for the audit trail and the list of sessions."""

    ip: str | None
    user_agent: str


class ClaimUnknown(NotFound):
    """The link's token was never given out, or it is older than its 24 hours."""

    code = "claim.unknown"


class ClaimUsed(Conflict):
    """The token was used already, or somebody else has claimed the installation."""

    code = "claim.used"


class LoginFailed(AppError):
    """Name or password is wrong; which of the two is not said."""

    code = "login.failed"


class StepUpRequired(AppError):
    """What is asked needs a proof of the last ten minutes that the session is still in its person's hands."""

    code = "session.step_up_required"


class ProofFailed(AppError):
    """The password or code of a step-up is wrong. The session stays as it was."""

    code = "session.proof_failed"


class UserDisabled(AppError):
    """The operator has disabled the user. Said only to who knew the password."""

    code = "user.disabled"


class NotAMember(NotFound):
    """There is no such workspace, or the user is not in it."""

    code = "workspace.unknown"


class WorkspaceIdUsed(Conflict):
    """The id was used for another workspace."""

    code = "workspace.id_used"


class TooManyWorkspaces(Conflict):
    """The user has made as many workspaces as the installation allows."""

    code = "workspace.too_many"


class RoleLost(AppError):
    """Who asks was an owner when the request came, and is none any more; nothing was done."""

    code = "role.insufficient"


class MemberUnknown(NotFound):
    """There is no such member in the workspace."""

    code = "member.unknown"


class LastOwner(Conflict):
    """A workspace keeps an owner who can sign in: the last one can be neither removed nor given another role."""

    code = "member.last_owner"


class AlreadyMember(Conflict):
    """The user is in the workspace that the invitation is to; it stays good for somebody else."""

    code = "invitation.already_member"


class InvitationUnknown(NotFound):
    """The invitation never was, was revoked, or is too old."""

    code = "invitation.unknown"


class InvitationUsed(Conflict):
    """Somebody has come in by the invitation."""

    code = "invitation.used"


class TooManyInvitations(Conflict):
    """So many invitations to the workspace are open that another is refused."""

    code = "invitation.too_many"


class UserUnknown(NotFound):
    """The installation has no such user."""

    code = "user.unknown"


class OperatorStays(Conflict):
    """The operator cannot be disabled: nobody could enable them again."""

    code = "user.operator_stays"


class SessionUnknown(NotFound):
    """There is no such session of the caller, or it has ended."""

    code = "session.unknown"


class PasswordLinkUnknown(NotFound):
    """The link for a new password never was, was used, or is too old."""

    code = "password_link.unknown"


class TooManyTries(AppError):
    """Too many wrong passwords for this name or from this address; nothing was compared."""

    code = "login.too_many"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many wrong passwords; the next one can be tried in {retry_after_s} s")
        self.retry_after_s = retry_after_s
