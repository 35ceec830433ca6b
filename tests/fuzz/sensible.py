"""Bodies that a person would send: orders that fit their instrument, changes of orders that are there.

Lives here: `sensible_body`, by operation. What the rules then refuse is refused for its numbers, not for its shape.
Not here: bodies drawn from the schema alone (`values`).
"""

from __future__ import annotations

from typing import Any

from fuzz.values import Values
from integration.backtests.kit import BEGIN_MS
from tradewright.strategy.templates import TEMPLATES, template_text

_KINDS = ("place",) * 9 + (
    "cancel",
    "cancel",
    "amend",
    "amend",
    "amend",
    "close",
    "reverse",
    "leverage",
    "exits",
    "exits",
    "position_mode",
    "margin_mode",
)


def sensible_body(values: Values, operation: str) -> dict[str, Any] | None:
    """None where the schema alone says everything."""
    match operation:
        case "postIntent":
            return _intent(values)
        case "previewOrder":
            order = _order(values)
            unit = values.rng.choice(("base", "base", "quote", "percent", "risk"))
            return order | {"quantity_unit": unit, "quantity": order["quantity"] if unit == "base" else "100"}
        case "postConnection":
            return _connection(values)
        case "removeConnection" if values.known.connections:
            return {"name": values.rng.choice(values.known.connections)[1]}
        case "cancelAll":
            scope = values.rng.choice(({}, {"category": "linear"}, {"category": "spot", "symbol": "BTCUSDT"}))
            spared = values.rng.choice(({}, {}, {"external": True}, {"conditional": False}))
            return {"id": values.id_of("id"), **scope, **spared}
        case "reconcileAccount":
            return values.rng.choice(({}, {"category": "linear", "symbol": "BTCUSDT"}, {"category": "spot"}))
        case "checkSpec" | "explainSpec":
            return {"text": _spec_text(values)}
        case "diffSpecs":
            return {"old": _spec_text(values), "new": _spec_text(values), "language": values.rng.choice(("en", "ru"))}
        case "postBacktest":
            return _backtest(values)
        case "postStrategy":
            return {"id": values.id_of("id"), "name": "Kept", "template": values.rng.choice(TEMPLATES)}
        case "postSpecVersion":
            return {"id": values.id_of("id"), "text": _spec_text(values)}
        case "postBot":
            settings = {"settings": _bot_settings(values)} if values.rng.random() < 0.8 else {}
            return {"id": values.id_of("id"), "name": f"Bot {values.rng.randrange(1000)}", **settings}
        case "editBot":
            return {"version": values.rng.choice((1, 1, 2, 3)), "settings": _bot_settings(values)}
        case "cloneBot":
            return {"id": values.id_of("id"), "name": f"Bot {values.rng.randrange(1000)}"}
        case "startRun":
            return {"id": values.id_of("id"), "bot_version": values.rng.choice((1, 1, 1, 2))}
        case "login" if values.rng.random() < 0.5:
            return {"username": values.known.username, "password": values.known.password}
        case "claim" if values.rng.random() < 0.05:
            token = values.known.claim_token
            return {"token": token, "username": "First", "password": values.known.password, "language": "en"}
        case _:
            return None


def _spec_text(values: Values) -> str:
    """A template, often with a part of it gone."""
    text = template_text(values.rng.choice(TEMPLATES))
    if values.rng.random() < 0.5:
        begin = values.rng.randrange(len(text))
        text = text[:begin] + text[begin + values.rng.randrange(200) :]
    return text


def _backtest(values: Values) -> dict[str, Any]:
    rng = values.rng
    body: dict[str, Any] = {"id": values.id_of("id"), "template": rng.choice(TEMPLATES)}
    if rng.random() < 0.3:
        body = {"id": body["id"], "text": _spec_text(values)}
    if rng.random() < 0.3:
        body |= {"from_ms": rng.choice((0, BEGIN_MS, BEGIN_MS + 86_400_000)), "to_ms": BEGIN_MS + 200_000_000}
    if rng.random() < 0.2:
        body["origin"] = rng.choice(("sim", "testnet"))
    if rng.random() < 0.2:
        body["settings"] = {"equity": rng.choice(("1000", "0", "-1")), "slippage_bps": "2"}
    return body


def _bot_settings(values: Values) -> dict[str, Any]:
    rng = values.rng
    return {
        "spec_version_id": values.id_of("spec_version_id"),
        "account_id": rng.choice((values.known.account,) * 5 + (values.known.foreign_account,)),
        "category": rng.choice(("linear", "linear", "linear", "spot")),
        "symbol": rng.choice(("BTCUSDT", "BTCUSDT", "ETHUSDT", "NONEUSDT")),
        "capital": rng.choice(("1000", "250.5", "0")),
        "limits": {"max_loss": rng.choice(("50", "10", "5000")), "max_orders_a_minute": rng.choice((1, 60))},
        "duration_ms": rng.choice((60_000, 300_000, 604_800_000)),
        "at_end": rng.choice(("keep", "close")),
    }


def _intent(values: Values) -> dict[str, Any]:
    rng, known = values.rng, values.known
    kind = rng.choice(_KINDS)
    body: dict[str, Any] = {"id": values.id_of("id"), "kind": kind}
    if kind == "place":
        return body | _order(values) | ({"note": "by hand"} if rng.random() < 0.2 else {})
    if kind == "cancel":
        return body | {"order_id": values.id_of("order_id")}
    if kind == "amend":
        changes = {
            "price": _price(values, 50_000, 59_000),
            "quantity": rng.choice(("0.002", "0.05", "0.3")),
            "stop_loss": rng.choice(("0", "40000.5")),
            "trigger_price": _price(values, 61_000, 70_000),
        }
        names = rng.sample(sorted(changes), rng.choice((1, 1, 2)))
        return body | {"order_id": values.id_of("order_id")} | {name: changes[name] for name in names}
    if kind == "margin_mode":
        return body | {"mode": rng.choice(("REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"))}
    held = rng.choice(known.positions) if known.positions else {"symbol": "BTCUSDT", "side": "Buy", "size": "0.01"}
    body |= {"category": "linear", "symbol": held["symbol"]}
    match kind:
        case "close":
            body |= {"side": held["side"], "percent": rng.choice(("100", "50", "10"))}
            return body | ({"price": _price(values, 50_000, 70_000)} if rng.random() < 0.3 else {})
        case "reverse":
            return body | {"side": held["side"], "size": held["size"]}
        case "leverage":
            return body | {"leverage": rng.choice(("2", "5", "10", "25"))}
        case "position_mode":
            return body | {"symbol": rng.choice(("ETHUSDT", "BTCUSDT")), "mode": rng.choice(("one_way", "hedge"))}
        case _ if rng.random() < 0.3:
            trailing = {"trailing_stop": rng.choice(("100", "250.5", "0"))}
            return body | trailing | ({"trailing_active_price": "70000"} if rng.random() < 0.3 else {})
        case _:
            is_long = held["side"] == "Buy"
            legs = {"take_profit": "75000" if is_long else "45000.5", "stop_loss": "45000.5" if is_long else "75000"}
            return body | {name: rng.choice((level, level, "0")) for name, level in legs.items()}


def _order(values: Values) -> dict[str, Any]:
    """Without id and kind, so that a preview can be asked for as well."""
    rng = values.rng
    side = rng.choice(("Buy", "Sell"))
    is_buy = side == "Buy"
    order: dict[str, Any] = {
        "category": rng.choice(("linear", "linear", "linear", "spot")),
        "symbol": rng.choice(("BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT", "TINYUSDT")),
        "side": side,
        "quantity": rng.choice(("0.001", "0.002", "0.01", "0.05", "0.1")),
    }
    form = rng.random()
    if form < 0.35:
        order |= {"order_type": "Market", "time_in_force": "IOC", "slippage_percent": "0.5"}
    else:
        price = _price(values, 50_000, 59_000) if is_buy else _price(values, 61_000, 70_000)
        order |= {"order_type": "Limit", "price": price, "time_in_force": rng.choice(("GTC", "GTC", "PostOnly", "IOC"))}
    if rng.random() < 0.15:
        order["trigger"] = {"price": _price(values, 61_000, 64_000), "rises": True, "by": "LastPrice"}
    if rng.random() < 0.05:
        order["position_index"] = rng.choice((0, 1, 2))
    if rng.random() < 0.2:
        order["stop_loss"] = {"trigger_price": "45000.5" if is_buy else "75000"}
        order["take_profit"] = {"trigger_price": "75000" if is_buy else "45000.5"}
    return order


def _price(values: Values, low: int, high: int) -> str:
    return f"{values.rng.randrange(low, high)}.{values.rng.randrange(10)}"


def _connection(values: Values) -> dict[str, Any]:
    rng = values.rng
    body = {
        "id": values.id_of("id"),
        "environment": rng.choice(("demo", "demo", "testnet", "sim", "live")),
        "name": rng.choice(("Demo", "Zweites", "третий")),
        "key": values.draw({"type": "string"}, "key"),
        "secret": values.draw({"type": "string"}, "secret"),
    }
    return body | ({"proxy": values.draw({"type": "string"}, "proxy")} if rng.random() < 0.4 else {})
