"""Shapes of workspaces: which there are, which one a session is about, and their quotas."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import DecimalText, IdText, Input, Output, UnixMs
from tradewright.web.schemas.identity import SessionWorkspace

WorkspaceName = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
Scope = Literal["workspace", "user"]
QuotaName = Literal[
    "connections",
    "orders_a_minute",
    "notional_usd_a_day",
    "backtests_waiting",
    "backtest_cpu_s_a_day",
    "bots_running",
    "assistant_usd_a_month",
]


class WorkspaceList(Output):
    """Those that the caller is in, the oldest first."""

    workspaces: list[SessionWorkspace]


class ChooseWorkspace(Input):
    workspace_id: IdText


class NewWorkspace(Input):
    """`id` is the caller's: the same one with the same name again is the same workspace."""

    id: IdText
    name: WorkspaceName


class RenameWorkspace(Input):
    name: WorkspaceName


class QuotaShown(Output):
    """`scope` user: of each person in the workspace; `used` is then the caller's. `used` null: nothing counts it here.
    `held` false: what it limits does not exist yet."""

    scope: Scope
    name: QuotaName
    limit: DecimalText
    default: DecimalText
    used: DecimalText | None
    held: bool


class QuotaList(Output):
    quotas: list[QuotaShown]


class InstallationWorkspace(Output):
    id: UUID
    name: str
    created_ms: UnixMs
    members: int
    quotas: list[QuotaShown]


class InstallationWorkspaceList(Output):
    """The oldest first."""

    workspaces: list[InstallationWorkspace]


class SetQuota(Input):
    """`value` null: the installation's default."""

    scope: Scope
    name: QuotaName
    value: DecimalText | None
