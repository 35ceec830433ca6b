"""Shapes of workspaces: which there are, and which one a session is about."""

from __future__ import annotations

from tradewright.web.schemas.base import IdText, Input, Output
from tradewright.web.schemas.identity import SessionWorkspace


class WorkspaceList(Output):
    """Those that the caller is in, the oldest first."""

    workspaces: list[SessionWorkspace]


class ChooseWorkspace(Input):
    workspace_id: IdText
