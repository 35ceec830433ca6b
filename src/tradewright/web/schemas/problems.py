"""The problem document (RFC 9457) that every error is answered with."""

from __future__ import annotations

from pydantic import Field

from tradewright.web.schemas.base import Output


class FieldProblem(Output):
    """One fault of one field."""

    code: str
    field: str = Field(description="Path of the field in the input, dots between levels; empty for the whole of it")
    params: dict[str, str]


class ExchangeAnswer(Output):
    code: int
    text: str


class ProblemDocument(Output):
    """`code` is stable and what a program goes by; `title` and `detail` are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None
    params: dict[str, str]
    problems: list[FieldProblem]
    retryable: bool
    exchange: ExchangeAnswer | None
