"""What needs a fresh proof of who asks: each marked operation is refused without one, and none is forgotten."""

from __future__ import annotations

import ast
import inspect
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from integration.web.kit import Site, User
from security.asked_with import BODIES
from tradewright import web
from tradewright.web.application import all_routes, routes_only
from tradewright.web.contract import contract_of
from tradewright.web.step_up import stepped_up_operations

# By what they do (promise J7): keys, going live, limits, factors, exports, tokens, people.
NEEDED = {
    "exportTable",
    "exportRunEventsCsv",
    "exportRunTradesJson",
    "setLimits",
    "changePassword",
    "beginTotp",
    "confirmTotp",
    "removeTotp",
    "makeRecoveryCodes",
    "askNewPasskey",
    "addPasskey",
    "removePasskey",
    "postConnection",
    "postToken",
    "armAccount",
    "invite",
    "changeRole",
}
_ID = "0199d000-0000-7000-8000-00000000000f"


def marked() -> dict[str, str]:
    return stepped_up_operations(contract_of(routes_only()))


def test_what_the_promise_names_is_marked() -> None:
    assert NEEDED - set(marked()) == set()


def test_a_route_is_marked_exactly_where_it_asks_for_a_proof() -> None:
    """By the source: a handler that calls `require_step_up`, or hands on to what does, has the mark, and no other."""
    calling = {
        name
        for path in Path(str(inspect.getsourcefile(web))).parent.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "require_step_up"
        for name in [function.name]
    }
    asking = set()
    for route in all_routes():
        if isinstance(route, APIRoute):
            source = ast.parse(inspect.getsource(route.endpoint).strip())
            names = {each.id for each in ast.walk(source) if isinstance(each, ast.Name)}
            if "require_step_up" in names or names & calling:
                asking.add(route.operation_id)
    assert asking == set(marked())


@pytest.mark.parametrize("operation", sorted(name for name, when in marked().items() if when == "always"))
async def test_it_is_refused_without_a_fresh_proof(site: Site, ann: User, operation: str) -> None:
    """Ann is operator and owner: nothing else stands in the way of it."""
    site.clock.offset += timedelta(minutes=11)
    paths = contract_of(routes_only())["paths"]
    ((path, method),) = [
        (path, method)
        for path, methods in paths.items()
        for method, each in methods.items()
        if each["operationId"] == operation
    ]
    url = path.replace("{account_id}", ann.account["id"]).replace("{table}", "orders")
    for parameter in paths[path][method].get("parameters", ()):
        url = url.replace(f"{{{parameter['name']}}}", _ID)
    async with ann.http.request(method, url, json=BODIES.get(path)) as response:
        assert (response.status, (await response.json())["code"]) == (403, "session.step_up_required")


async def test_limits_are_tightened_at_once_and_loosened_with_a_proof(site: Site, ann: User) -> None:
    site.clock.offset += timedelta(minutes=11)
    path = f"{ann.account_path}/limits"

    async def put(*limits: tuple[str, str], symbols: list[str] | None = None) -> int:
        body = {
            "level": "account",
            "limits": [{"name": n, "value": v} for n, v in limits],
            "symbols": symbols,
            "confirmations": ["open_orders", "leverage", "symbols"],
        }
        async with ann.http.put(path, json=body) as response:
            return response.status

    assert await put(("open_orders", "50")) == 200  # nothing was said before
    assert await put(("open_orders", "20"), ("leverage", "3"), symbols=["BTCUSDT", "ETHUSDT"]) == 200
    assert await put(("open_orders", "20"), ("leverage", "3"), symbols=["BTCUSDT"]) == 200
    assert await put(("open_orders", "21"), ("leverage", "3"), symbols=["BTCUSDT"]) == 403
    assert await put(("open_orders", "20"), symbols=["BTCUSDT"]) == 403  # a limit less
    assert await put(("open_orders", "20"), ("leverage", "3"), symbols=["SOLUSDT"]) == 403
    assert await put(("open_orders", "20"), ("leverage", "3")) == 403
