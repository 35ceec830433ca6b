"""Shapes of proving who one is."""

from __future__ import annotations

from pydantic import Field

from tradewright.web.schemas.base import Input, Output, UnixMs
from tradewright.web.schemas.identity import PasswordText


class StepUpBody(Input):
    password: PasswordText


class SteppedUp(Output):
    until_ms: UnixMs = Field(description="Until then this session may do what needs a fresh proof")
