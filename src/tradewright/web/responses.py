"""Answers as bytes: JSON through msgspec, and problem documents.

Lives here: `JsonAnswer`, `ProblemAnswer` and `problem_answer`.
Not here: which error becomes which problem (`web.errors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from tradewright.core.errors import Problem


class JsonAnswer(Response):
    """Plain values as JSON, in the shape that the route's model declares. Never cached by anyone."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"cache-control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def empty_answer() -> Response:
    """It was done, and there is nothing to say."""
    return Response(status_code=204, headers={"cache-control": "no-store"})


class ProblemAnswer(JsonAnswer):
    media_type = "application/problem+json"


def problem_answer(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    params: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
) -> ProblemAnswer:
    """A problem document (RFC 9457). With `problems`, the first one also fills `field` and `params`."""
    if problems and field is None:
        field = problems[0].field
        params = params or problems[0].params
    return ProblemAnswer(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            "field": field,
            "params": dict(params or {}),
            "problems": [{"code": each.code, "field": each.field, "params": dict(each.params)} for each in problems],
            "retryable": retryable,
            "exchange": None,
        },
        status,
        headers,
    )
