"""The shared vectors read into the values of `core`: the server's half of what the page's tests read too."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument, InstrumentId, RiskTier
from tradewright.core.order import Exit, Trigger
from tradewright.core.order_rules import Draft
from tradewright.core.rule_parts import Quotes, Standing

DATA = Path(__file__).parents[2] / "data"
_WORDS = frozenset({"status", "base_coin", "quote_coin", "settle_coin"})
_COUNTS = frozenset({"funding_interval_min", "launched_at_ms", "delivery_at_ms"})


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / name).read_text())
    return loaded


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def instrument_of(row: dict[str, Any]) -> Instrument:
    given = dict(row)
    key = InstrumentId(given.pop("category"), given.pop("symbol"))
    tiers = tuple(
        RiskTier(**{name: Decimal(value) for name, value in tier.items()}) for tier in given.pop("risk_tiers", ())
    )
    values = {name: value if name in _WORDS | _COUNTS else number(value) for name, value in given.items()}
    return Instrument(id=key, risk_tiers=tiers, **values)


def quotes_of(row: dict[str, Any]) -> Quotes:
    return Quotes(**{name: number(value) for name, value in row.items()})


def standing_of(row: dict[str, Any]) -> Standing:
    values = {name: number(row[name]) for name in row if name != "position_side"}
    return Standing(position_side=row["position_side"], **values)


def trigger_of(row: dict[str, Any] | None) -> Trigger | None:
    return None if row is None else Trigger(price=Decimal(row["price"]), by=row["by"], rises=row["rises"])


def exit_of(row: dict[str, Any] | None) -> Exit | None:
    if row is None:
        return None
    return Exit(
        trigger_price=Decimal(row["trigger_price"]),
        trigger_by=row["trigger_by"],
        limit_price=number(row["limit_price"]),
    )


def draft_of(row: dict[str, Any]) -> Draft:
    special = {
        "quantity": Decimal(row["quantity"]),
        "price": number(row["price"]),
        "trigger": trigger_of(row["trigger"]),
        "take_profit": exit_of(row["take_profit"]),
        "stop_loss": exit_of(row["stop_loss"]),
        "slippage_percent": number(row["slippage_percent"]),
    }
    return Draft(**{field.name: special.get(field.name, row[field.name]) for field in fields(Draft)})


def told(problems: list[Problem]) -> list[dict[str, Any]]:
    return [{"code": each.code, "field": each.field, "params": dict(each.params)} for each in problems]
