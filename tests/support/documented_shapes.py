"""The shapes that Bybit's documentation gives to REST results and stream messages, from its examples and field tables.

Lives here: reading `../shared/bybit` (`endpoints.json` has the field tables, `examples/` the payloads), what
`REFERENCE.md` says beyond them, and the committed result. Not here: what a shape is and how messages are held against
one (`shapes`).

Usage, with tests/ on the path: `python -m support.documented_shapes FOLDER` writes tests/data/bybit_shapes/*.json anew.
The payloads are not ours to distribute; which key has which type is a fact, and all that is kept.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.shapes import MAP, Shape, merged, shape_of

KEPT: Final = Path(__file__).parents[1] / "data" / "bybit_shapes"
CATEGORIES: Final = ("linear", "inverse", "spot", "option")
EVERY = "*"  # the variant that holds for all categories without one of their own

# The types as the field tables spell them.
TYPES: Final[Mapping[str, Shape]] = {
    "string": "string",
    "String": "string",
    "datetime": "string",
    "boolean": "boolean",
    "integer": "integer",
    "int": "integer",
    "long": "integer",
    "number": "number",
    "array": ["string"],
    "array<int>": ["integer"],
    "json": {MAP: "string"},
    "Object": {MAP: "string"},
}


@dataclass(frozen=True, slots=True)
class Only:
    """Keys that the documentation gives to some categories alone. `place` leads to the object that has them, keys and
    `[]` separated by dots.
    """

    endpoint: str
    place: str
    keys: tuple[str, ...]
    categories: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Departure:
    """One of the at most ten places where the exchange does not do what the documentation shows, and why not."""

    endpoint: str
    place: str
    key: str
    shape: Shape | None  # None: the key is not sent
    source: str


CONTRACTS = ("linear", "inverse", "option")
ONLY: Final = (
    Only("GET /v5/market/recent-trade", "list.[]", ("mP", "iP", "mIv", "iv"), ("option",), "section 5"),
    *(
        only
        for path in ("GET /v5/order/realtime", "GET /v5/order/history")
        for only in (
            Only(path, "list.[]", ("createType", "tpslMode"), CONTRACTS, "section 6"),
            Only(path, "list.[]", ("basePrice", "ocoTriggerBy"), ("spot",), "section 6"),
        )
    ),
    Only("GET /v5/execution/list", "list.[]", ("createType",), CONTRACTS, "section 6"),
    Only("GET /v5/position/list", "list.[]", ("delta", "gamma", "vega", "theta"), ("option",), "section 7"),
    Only("GET /v5/account/fee-rate", "", ("category",), ("spot", "option"), "section 8"),
    Only("GET /v5/account/fee-rate", "list.[]", ("baseCoin",), ("option",), "section 8"),
)
DEPARTURES: Final = (
    Departure(
        "GET /v5/position/list",
        "list.[]",
        "mmrSysUpdateTime",
        None,
        "section 7 and examples/INDEX.md: the key is mmrSysUpdatedTime, the example has it misspelt",
    ),
    *(
        Departure(
            path,
            "list.[]",
            "lastPriceOnCreated",
            "string",
            "section 6 has it not for spot, but nautilus_trader (section 13.3) rejects a page of orders without it",
        )
        for path in ("GET /v5/order/realtime", "GET /v5/order/history")
    ),
)
# Endpoints that are documented by an example or a sentence alone.
BY_HAND: Final[Mapping[str, Shape]] = {"POST /v5/account/set-hedging-mode": {}}
BY_EXAMPLE: Final = {"GET /v5/market/historical-volatility": ["option"]}  # with its categories

DEMO_BY_HAND: Final = frozenset({"/v5/account/set-hedging-mode"})  # section 1.1

_OPTION_TRADE = {"mP": "string", "iP": "string", "mIv": "string", "iv": "string"}


def documented_rest(folder: Path) -> dict[str, Any]:
    """`envelope`, and under `results` the variants of each endpoint's `result` by category; `categories` are those it
    serves, `items` is the `retExtInfo` of batches, `beside` what an envelope has more than the usual keys, `demo` the
    private paths that the demo environment has.
    """
    table = json.loads((folder / "endpoints.json").read_text())["endpoints"]
    results: dict[str, dict[str, Shape]] = {}
    items: dict[str, Shape] = {}
    categories: dict[str, list[str]] = {}
    for row in table:
        name = f"{row['method']} {row['path']}"
        categories[name] = row["categories"]
        results[name] = _variants(folder, name, row["result_shape"], row["categories"])
        if "retExtInfo_shape" in row:
            items[name] = _from_table(row["retExtInfo_shape"])
    results |= {name: {EVERY: shape} for name, shape in BY_HAND.items()}
    envelope = shape_of(_example(folder / "examples/rest/_envelope_success.json"))
    beside: dict[str, Shape] = {}
    for name in BY_EXAMPLE:
        ((_, example),) = _examples(folder, name)
        whole = shape_of(example)
        results[name] = {EVERY: whole["result"]}
        beside[name] = {key: shape for key, shape in whole.items() if key not in envelope}
    return {
        "envelope": envelope,
        "results": results,
        "categories": categories | {name: [] for name in BY_HAND} | BY_EXAMPLE,
        "beside": beside,
        "items": items,
        "demo": sorted({row["path"] for row in table if row["auth"] and row["demo_supported"]} | DEMO_BY_HAND),
    }


def _variants(folder: Path, name: str, table: Shape, categories: list[str]) -> dict[str, Shape]:
    by_category = bool(table) and set(table) <= set(CATEGORIES)
    variants = {key: _from_table(shape) for key, shape in table.items()} if by_category else {EVERY: _from_table(table)}
    if "linear" in variants and "inverse" in categories:
        variants["inverse"] = deepcopy(variants["linear"])
    for variant, example in _examples(folder, name):
        shape = shape_of(example.get("result", {}))
        for key in variants:
            if key in (EVERY, variant) or {key, variant} == {"linear", "inverse"}:
                variants[key] = merged(variants[key], shape)
    notes = [only for only in ONLY if only.endpoint == name]
    if notes and EVERY in variants:
        variants = {category: deepcopy(variants[EVERY]) for category in categories}
    for only in notes:
        for category, shape in variants.items():
            if category not in only.categories:
                for key in only.keys:
                    del _at(shape, only.place)[key]
    for departure in DEPARTURES:
        if departure.endpoint == name:
            for shape in variants.values():
                _depart(_at(shape, departure.place), departure)
    return {key: _filled(shape) for key, shape in variants.items()}


def _filled(shape: Shape) -> Shape:
    """Arrays that no example shows an element of and no table describes are lists of names."""
    if isinstance(shape, dict):
        return {key: _filled(inner) for key, inner in shape.items()}
    if isinstance(shape, list):
        return [_filled(inner) for inner in shape] or ["string"]
    return shape


def _depart(shape: dict[str, Shape], departure: Departure) -> None:
    if departure.shape is None:
        del shape[departure.key]
    else:
        shape[departure.key] = departure.shape


def _examples(folder: Path, endpoint: str) -> Iterable[tuple[str, Any]]:
    """The answers of an endpoint with their variant: a category, "" or a word of the documentation's."""
    method, path = endpoint.split()
    stem = method.lower() + path.replace("/", "_")
    for file in sorted((folder / "examples/rest").glob(f"{stem}*.json")):
        rest = file.name.removeprefix(stem)
        if rest == ".json" or (rest.startswith(".") and not rest.endswith(".request.json")):
            yield rest.removesuffix(".json").removeprefix(".").split("_")[0], _example(file)


def _from_table(shape: Shape) -> Shape:
    if isinstance(shape, str):
        return TYPES[shape] if shape in TYPES else TYPES[shape.split()[-1]]  # "open string": name and type
    if isinstance(shape, list):
        return [_from_table(item) for item in shape]
    return {key: _from_table(item) for key, item in shape.items()}


def _at(shape: Shape, place: str) -> dict[str, Shape]:
    for step in place.split(".") if place else ():
        shape = shape[0] if step == "[]" else shape[step]
    assert isinstance(shape, dict), f"{place} is no object"
    return shape


def documented_streams(folder: Path) -> dict[str, Any]:
    """`public` and `private` by topic, `.`, variant; `frames` are the answers to what clients send."""

    def ws(name: str) -> Shape:
        return shape_of(_example(folder / f"examples/ws/{name}.json"))

    results = documented_rest(folder)["results"]
    return {
        "public": _public(ws, results),
        "private": _private(ws, results),
        "frames": _frames(ws, results),
    }


def _public(ws: Callable[[str], Shape], rest: Mapping[str, dict[str, Shape]]) -> dict[str, Shape]:
    """Section 11.5; the levels of a book are pairs, of the RPI book triples."""
    book = merged(ws("public_orderbook.snapshot"), ws("public_orderbook.delta"))
    full = ws("public_orderbook_full.delta")
    rpi = ws("public_orderbook_rpi")
    for shape, width in ((book, 2), (full, 2), (rpi, 3)):
        shape["data"] |= {side: [["string"] * width] for side in ("a", "b")}
    trade = ws("public_publicTrade")
    trade["data"][0]["RPI"] = "boolean"  # added 2025
    spot_trade, option_trade = deepcopy(trade), deepcopy(trade)
    for shape in (spot_trade, option_trade):
        del shape["data"][0]["L"]  # futures only
    option_trade["data"][0] |= _OPTION_TRADE
    option_trade["id"] = "string"
    status = ws("system_status")
    status["data"] = [merged(rest["GET /v5/system/status"][EVERY]["list"][0], status["data"][0])]
    perpetual, dated = ws("public_tickers.linear_perpetual.snapshot"), ws("public_tickers.linear_futures.snapshot")
    for shape in (perpetual, dated):
        shape["data"] |= {"singleOpenInterest": "string", "singleOpenInterestValue": "string"}  # added 2026-06-11
    return {
        "orderbook": book,
        "orderbook.rpi": rpi,
        "orderbook.full": full,
        "publicTrade.linear": trade,
        "publicTrade.inverse": trade,
        "publicTrade.spot": spot_trade,
        "publicTrade.option": option_trade,
        "tickers.perpetual.snapshot": perpetual,
        "tickers.perpetual.delta": _delta(perpetual),
        "tickers.dated.snapshot": dated,
        "tickers.dated.delta": _delta(dated),
        "tickers.spot.snapshot": ws("public_tickers.spot"),
        "tickers.option.snapshot": ws("public_tickers.option"),
        "kline": ws("public_kline"),
        "allLiquidation": ws("public_allLiquidation"),
        "priceLimit": ws("public_priceLimit"),
        "insurance": ws("public_insurance"),
        "adlAlert": ws("public_adlAlert"),
        "system.status": status,
    }


def _delta(snapshot: Shape) -> Shape:
    """Only what changed, and the symbol."""
    data = {key if key == "symbol" else f"{key}?": shape for key, shape in snapshot["data"].items()}
    return {**snapshot, "data": data}


def _private(ws: Callable[[str], Shape], rest: Mapping[str, dict[str, Shape]]) -> dict[str, Shape]:
    """Section 11.6: most rows are those of REST with a few keys more."""
    orders = {}
    for category, result in rest["GET /v5/order/realtime"].items():
        row = merged(result["list"][0], ws("private_order")["data"][0])
        row["lastPriceOnCreated"] = "string"  # required by a client, spot or not
        if category in ("spot", "option"):
            row.pop("createType", None)
        if category == "spot":
            row.pop("tpslMode", None)
        orders[f"order.{category}"] = {**ws("private_order"), "data": [row]}
    positions = {}
    for category, result in rest["GET /v5/position/list"].items():
        row = merged(ws("private_position")["data"][0], result["list"][0])
        del row["avgPrice"]
        positions[f"position.{category}"] = {**ws("private_position"), "data": [row]}
    wallet = ws("private_wallet")
    wallet["data"] = [merged(wallet["data"][0], rest["GET /v5/account/wallet-balance"][EVERY]["list"][0])]
    executions = {}
    for category in CATEGORIES:
        row = ws("private_execution")["data"][0]
        row["extraFees"] = {"anyOf": ["string", row["extraFees"]]}
        if category == "spot":
            row["createType?"] = row.pop("createType")  # REST has none on spot
        executions[f"execution.{category}"] = {**ws("private_execution"), "data": [row]}
    return {
        **orders,
        **positions,
        **executions,
        "execution.fast": ws("private_execution_fast"),
        "wallet": wallet,
        "greeks": ws("private_greeks"),
    }


def _frames(ws: Callable[[str], Shape], rest: Mapping[str, dict[str, Shape]]) -> dict[str, Shape]:
    """Sections 11.2, 11.3 and 11.7. `req_id` and `reqId` come back when they were sent."""

    def echoing(shape: Shape, key: str = "req_id") -> Shape:
        return {**{name: inner for name, inner in shape.items() if name != key}, f"{key}?": "string"}

    trade, batch = ws("trade_order_create.response"), ws("trade_order_create_batch.response")
    header = dict.fromkeys(trade["header"], "string")
    orders = {}
    for verb in ("create", "amend", "cancel"):
        for op, frame in ((verb, trade), (f"{verb}-batch", batch)):
            data = rest[f"POST /v5/order/{op}"][EVERY]
            orders[f"order.{op}"] = {**echoing(frame, "reqId"), "data": data, "header": header}
    subscribed = {
        "private": echoing(ws("subscribe.response.private")),
        "linear": ws("subscribe.response.public_linear_inverse"),
        "inverse": ws("subscribe.response.public_linear_inverse"),
        "spot": echoing(ws("subscribe.response.public_spot")),
        "option": merged(ws("subscribe.response.public_option_spread"), {"data": {"failTopics": ["string"]}}),
    }
    return {
        "auth.private": echoing(ws("auth.response")),
        "auth.trade": echoing(ws("trade_auth.response"), "reqId"),
        "pong.private": echoing(ws("pong.private")),
        "pong.linear": ws("pong.public_linear_inverse"),
        "pong.inverse": ws("pong.public_linear_inverse"),
        "pong.spot": echoing(ws("pong.public_spot")),
        "pong.option": ws("pong.public_option_spread"),
        "pong.trade": echoing(ws("trade_ping.response"), "reqId"),
        **{f"{op}.{stream}": shape for op in ("subscribe", "unsubscribe") for stream, shape in subscribed.items()},
        **orders,
    }


def _example(file: Path) -> Any:
    return json.loads(file.read_text())


def documentation() -> Path | None:
    """The folder that `TRADEWRIGHT_BYBIT_DOCUMENTATION` names, else `../shared/bybit` beside the project; None if it is
    not there.
    """
    named = os.environ.get("TRADEWRIGHT_BYBIT_DOCUMENTATION")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "bybit"
    return folder if (folder / "endpoints.json").exists() else None


def kept(name: str) -> dict[str, Any]:
    """The committed shapes, `rest` or `streams`."""
    shapes: dict[str, Any] = json.loads((KEPT / f"{name}.json").read_text())
    return shapes


def write(folder: Path) -> None:
    KEPT.mkdir(exist_ok=True)
    for name, shapes in (("rest", documented_rest(folder)), ("streams", documented_streams(folder))):
        (KEPT / f"{name}.json").write_text(compact(shapes) + "\n")


def compact(shapes: Mapping[str, Any], depth: int = 3, indent: str = "") -> str:
    """JSON with a line per shape, so that a change shows."""
    if depth == 0 or not shapes:
        return json.dumps(shapes, separators=(",", ":"))
    inside = ",\n".join(
        f"{indent} {json.dumps(key)}: "
        + (compact(value, depth - 1, indent + " ") if isinstance(value, dict) else json.dumps(value))
        for key, value in shapes.items()
    )
    return f"{{\n{inside}\n{indent}}}"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
