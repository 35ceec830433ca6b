"""Shapes of strategies that are kept, with all their versions."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import IdText, Input, Output, UnixMs
from tradewright.web.schemas.specs import SpecText

_PRINTED = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"

KeptName = Annotated[
    str, Field(min_length=1, max_length=80, pattern=_PRINTED, description="Printable, no blanks at its ends")
]
MessageText = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Why it was changed")]
TemplateName = Annotated[str, Field(min_length=1, max_length=40)]
Author = Literal["user", "template", "assistant"]


class NewStrategy(Input):
    """A strategy's text or a template's name. The id is the caller's, and that of the first version, too; the same
    request again is the same strategy."""

    id: IdText
    name: KeptName
    text: SpecText | None = None
    template: TemplateName | None = None
    message: MessageText = ""


class NewSpecVersion(Input):
    """The same id and text again are the same version; the text of the newest makes none."""

    id: IdText
    text: SpecText
    message: MessageText = ""
    parent: Annotated[int | None, Field(ge=1, le=1_000_000)] = Field(
        None, description="Number of the version it was made from; null: the newest"
    )


class StrategyName(Input):
    name: KeptName


class NewestSpec(Output):
    id: UUID
    number: int
    sha256: str
    spec_name: str
    author: Author
    created_ms: UnixMs


class KeptStrategy(Output):
    id: UUID
    name: str
    created_by: UUID
    created_ms: UnixMs
    archived_ms: UnixMs | None
    newest: NewestSpec


class SpecVersion(Output):
    """`sha256` is of what the strategy means: the same for texts that differ by comments and spaces alone."""

    id: UUID
    strategy_id: UUID
    number: int
    sha256: str
    spec_name: str
    author: Author
    created_by: UUID
    message: str
    parent: int | None = Field(description="Number of the version it was made from")
    created_ms: UnixMs


class KeptStrategyVersions(KeptStrategy):
    versions: list[SpecVersion] = Field(description="Newest first")


class SpecVersionText(SpecVersion):
    text: str


class StrategyAnswer(Output):
    strategy: KeptStrategyVersions


class StrategyPage(Output):
    strategies: list[KeptStrategy]
    next: str | None = Field(description="`before` of the next page; null: there is none")


class SpecVersionAnswer(Output):
    version: SpecVersionText
