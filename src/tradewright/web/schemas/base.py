"""What the shapes have in common: strict inputs, decimals as plain strings, times as Unix milliseconds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.environment import Environment as Environment

DECIMAL_PATTERN = r"^-?[0-9]{1,24}(\.[0-9]{1,18})?$"

DecimalText = Annotated[str, Field(pattern=DECIMAL_PATTERN, max_length=44, examples=["60412.5"])]
UnixMs = Annotated[int, Field(description="Unix milliseconds, UTC", ge=0)]
Language = Literal["en", "ru"]
Role = Literal["owner", "trader", "viewer"]


class Input(BaseModel):
    """A request body: unknown fields are refused, and nothing is coerced from another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Output(BaseModel):
    """An answer: every field is always there; what is not known is null."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(Output):
    """Why something that should run does not. The page has words for the code; `detail` is quoted as it is."""

    code: str
    params: dict[str, str]
    detail: str | None
