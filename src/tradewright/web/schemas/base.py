"""What the shapes have in common: strict inputs, decimals and ids as plain strings, times as Unix milliseconds."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.environment import Environment as Environment

NOTE_LENGTH_MAX = 64
DECIMAL_PATTERN = r"^-?[0-9]{1,24}(\.[0-9]{1,18})?$"

DecimalText = Annotated[str, Field(pattern=DECIMAL_PATTERN, max_length=44, examples=["60412.5"])]
UnixMs = Annotated[int, Field(description="Unix milliseconds, UTC", ge=0)]
SymbolText = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", max_length=32)]  # dated ones have a dash
PlainText = Annotated[str, Field(max_length=NOTE_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
# In a strict model a UUID would have to be an object; JSON brings text.
IdText = Annotated[UUID, Field(strict=False)]
PositionIndex = Literal[0, 1, 2]
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
