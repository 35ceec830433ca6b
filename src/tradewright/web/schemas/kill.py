"""Shapes of the kill switch."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import IdText, Input, Output, UnixMs

ScopeKind = Literal["account", "workspace", "installation"]


class KillBody(Input):
    """Stops: no new exposure from now on, every order cancelled; stops and take-profits of positions stay."""

    scope: ScopeKind = Field(description="`workspace` is the caller's; `installation` needs the operator")
    account_id: IdText | None = Field(None, description="Of the scope `account`, and only there")
    close_positions: bool = Field(False, description="Close positions too, reduce-only and at market")


class ReleaseBody(Input):
    """Lets new orders go again."""

    scope: ScopeKind
    account_id: IdText | None = None


class TakeDownBody(Input):
    """Cancels everything of an account once, without stopping it; needs no database."""

    id: IdText = Field(description="Made by the caller; a close with the same id again closes nothing twice")
    close_positions: bool = False


class KillLatch(Output):
    id: UUID
    scope: ScopeKind
    account_id: UUID | None
    close_positions: bool
    pulled_ms: UnixMs
    pulled_by: UUID | None = Field(description="A user; null: by the command line, or by a file that cannot be read")
    via: Literal["page", "cli", "api", "socket", "file"]


class KillAccount(Output):
    """One account as the worker sees it now. Counts are null until it has looked."""

    account_id: UUID
    blocked: bool = Field(description="Nothing new may be risked")
    state: Literal["idle", "acting", "done", "failing"]
    orders: int | None = Field(description="Still to be cancelled")
    positions: int | None
    kept: int | None = Field(description="Stops and take-profits that stay with their positions")
    fault: str | None = Field(description="A code, while `failing`")
    detail: str | None
    spooled: bool = Field(description="Something was done that the database does not know yet")


class KillState(Output):
    """`worker`: a worker on the API's machine answers; without one, latches are those of rows and files."""

    worker: bool
    latches: list[KillLatch]
    accounts: list[KillAccount]


class KillAnswer(Output):
    """`reached`: the worker acts on it now; `file` and `row`: the next owner of the accounts does, before all else."""

    latch: KillLatch
    reached: Literal["worker", "file", "row"]
    durable: bool = Field(description="False: it holds only as long as the worker lives; its disk cannot be written")
    accounts: list[KillAccount]


class ReleaseAnswer(Output):
    released: list[KillLatch]


class TakeDownAnswer(Output):
    """What was left when it ended; ask again for what is."""

    orders: int
    positions: int
    kept: int
