"""The contract document, `/openapi.json`: what FastAPI finds in the routes, with our problems and stream messages.

Lives here: `contract_of`, and `problems`, which declares a route's error answers. Not here: the shapes (`web.schemas`).
That a page may show another workspace than its session is about (409) no route declares: it is found by what it
depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from tradewright.web.auth import shown_workspace
from tradewright.web.schemas.problems import ProblemDocument
from tradewright.web.schemas.stream import StreamClientMessage, StreamServerMessage

TITLE = "Tradewright"
_PREFIX = "#/components/schemas/"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers of a route, for its `responses`."""
    return {status: {"model": ProblemDocument} for status in statuses}


def contract_of(application: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once. It depends on the routes alone, so it is the same in every process."""
    document: dict[str, Any] | None = application.openapi_schema
    if document is None:
        document = get_openapi(title=TITLE, version=application.version, routes=application.routes)
        _add_stream_messages(document)
        of_one_workspace = {
            route.operation_id
            for route in application.routes
            if isinstance(route, APIRoute) and _asks_what_is_shown(route.dependant)
        }
        for operation in _operations(document):
            if operation["operationId"] in of_one_workspace:
                operation["responses"].setdefault("409", {"description": "Conflict"})
            _declare_problems(operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        application.openapi_schema = document
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _asks_what_is_shown(dependant: Dependant) -> bool:
    return dependant.call is shown_workspace or any(map(_asks_what_is_shown, dependant.dependencies))


def _declare_problems(operation: dict[str, Any]) -> None:
    """FastAPI's own shape of a 422 goes; every problem has its media type; what is not listed is a problem as well."""
    answers = operation["responses"]
    problem = {"$ref": f"{_PREFIX}ProblemDocument"}
    answers["default"] = answers.pop("default", {"description": "Any other fault, as a problem document"})
    for status, answer in answers.items():
        if status == "default" or (status[0] in "45" and "Readiness" not in str(answer)):
            answer["content"] = {"application/problem+json": {"schema": problem}}


def _add_stream_messages(document: dict[str, Any]) -> None:
    """The messages of the WebSocket `/api/v1/stream`, which OpenAPI has no place for but the page's types need."""
    _, definitions = models_json_schema(
        [
            (StreamClientMessage, "validation"),
            (StreamServerMessage, "serialization"),
            (ProblemDocument, "serialization"),
        ],
        ref_template=_PREFIX + "{model}",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
