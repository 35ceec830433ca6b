"""Shapes of the two health answers."""

from __future__ import annotations

from typing import Literal

from tradewright.web.schemas.base import Output


class Health(Output):
    status: Literal["ok"]
    version: str


class Readiness(Output):
    status: Literal["ok", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]]
