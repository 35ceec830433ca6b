"""A checked strategy as the API tells it."""

from __future__ import annotations

from typing import Any

from tradewright.core.money import plain
from tradewright.strategy.check import Checked
from tradewright.strategy.functions.table import FUNCTIONS, Function
from tradewright.strategy.model import Dca, Grid, Signal, Strategy


def checked_view(checked: Checked) -> dict[str, Any]:
    """As `web.schemas.specs.SpecChecked`."""
    return {**checked.plain(), "spec": None if checked.strategy is None else spec_view(checked.strategy)}


def spec_view(strategy: Strategy) -> dict[str, Any]:
    market = strategy.market
    return {
        "name": strategy.name,
        "description": strategy.description,
        "kind": kind_of(strategy),
        "category": market.category,
        "symbol": market.symbol,
        "timeframe": market.timeframe,
        "params": [{"name": name, "value": plain(value)} for name, value in strategy.params.items()],
        "sha256": strategy.sha256,
    }


def kind_of(strategy: Strategy) -> str:
    match strategy.plan:
        case Signal():
            return "signal"
        case Grid():
            return "grid"
        case Dca():
            return "dca"


def template_view(name: str, text: str, checked: Checked) -> dict[str, Any]:
    assert checked.strategy is not None, f"template {name} is right"
    return {"template": name, "text": text, "spec": spec_view(checked.strategy)}


def function_views() -> list[dict[str, Any]]:
    return [_function(function) for function in FUNCTIONS.values()]


def _function(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "group": function.group,
        "signature": function.signature(),
        "parameters": [
            {"name": each.name, "kind": each.kind, "least": each.least if each.kind == "length" else None}
            for each in function.parameters
        ],
        "result": function.result,
        "reads": list(function.reads),
        "variadic": function.variadic,
    }
