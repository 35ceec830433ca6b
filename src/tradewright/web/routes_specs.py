"""Routes of strategies as text: check, explain, compare, and what an editor needs. Nothing is stored.

Who may ask is checked here, how much is asked in `specs`. A strategy that is wrong is a good answer: 200 with its
errors.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.check.json_schema import json_schema
from tradewright.strategy.words import LANGUAGES, differences, explain
from tradewright.web.auth import Reader
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.specs import (
    DiffBody,
    ExplainBody,
    FunctionList,
    SpecBody,
    SpecChecked,
    SpecDiff,
    SpecExplained,
    SpecSchema,
    TemplateList,
)
from tradewright.web.views_specs import checked_view, function_views


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/specs", tags=["specs"])
    works = problems(401, 422, 429, 503)
    routes.add_api_route(
        "/check",
        check_spec,
        methods=["POST"],
        response_model=SpecChecked,
        operation_id="checkSpec",
        responses=works,
    )
    routes.add_api_route(
        "/explain",
        explain_spec,
        methods=["POST"],
        response_model=SpecExplained,
        operation_id="explainSpec",
        responses=works,
    )
    routes.add_api_route(
        "/diff", diff_specs, methods=["POST"], response_model=SpecDiff, operation_id="diffSpecs", responses=works
    )
    routes.add_api_route(
        "/functions",
        read_functions,
        methods=["GET"],
        response_model=FunctionList,
        operation_id="readFunctions",
        responses=problems(401),
    )
    routes.add_api_route(
        "/templates",
        read_templates,
        methods=["GET"],
        response_model=TemplateList,
        operation_id="readTemplates",
        responses=problems(401, 429, 503),
    )
    routes.add_api_route(
        "/schema",
        read_spec_schema,
        methods=["GET"],
        response_model=SpecSchema,
        operation_id="readSpecSchema",
        responses=problems(401),
    )
    return routes


async def check_spec(parts: Parts, caller: Reader, body: Annotated[SpecBody, Body()]) -> Response:
    """What is wrong with a strategy, and where; else what it needs and what it may cost."""
    checked = await parts.specs.ask(caller.user.id, parts.clock, lambda: _checked(body))
    return JsonAnswer(checked_view(checked))


async def explain_spec(parts: Parts, caller: Reader, body: Annotated[ExplainBody, Body()]) -> Response:
    """A strategy in plain words."""

    def work() -> dict[str, Any]:
        checked = _checked(body)
        told = {"checked": checked_view(checked), "language": body.language}
        if checked.errors:
            return {**told, "sections": None}
        return {**told, **explain(checked, LANGUAGES[body.language]).plain()}

    return JsonAnswer(await parts.specs.ask(caller.user.id, parts.clock, work))


async def diff_specs(parts: Parts, caller: Reader, body: Annotated[DiffBody, Body()]) -> Response:
    """What changed in meaning from one strategy to another, in plain words."""

    def work() -> dict[str, Any]:
        old, new = check_text(body.old), check_text(body.new)
        told = {"old": checked_view(old), "new": checked_view(new), "language": body.language}
        if old.errors or new.errors:
            return {**told, "changes": None}
        changes = differences(old, new, LANGUAGES[body.language])
        return {**told, "changes": [change.plain() for change in changes]}

    return JsonAnswer(await parts.specs.ask(caller.user.id, parts.clock, work))


async def read_functions(_caller: Reader) -> Response:
    """Every function of the language."""
    return JsonAnswer({"functions": function_views()})


async def read_templates(parts: Parts, caller: Reader) -> Response:
    """Well-known strategies to begin with."""
    return JsonAnswer({"templates": await parts.specs.templates(caller.user.id, parts.clock)})


async def read_spec_schema(_caller: Reader) -> Response:
    """The JSON Schema of a strategy, for editors."""
    return JsonAnswer({"json_schema": json_schema()})


def _checked(body: SpecBody) -> Checked:
    return check_text(body.text, settings={param.name: param.value for param in body.params})
