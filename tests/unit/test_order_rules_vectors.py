"""The rules of orders and the table of statuses, held to the same files as the page's twins.

Lives here: the server's half; the page's half is `frontend/src/rules/order.test.ts` and `src/status/table.test.ts`.
The expected values in the files are worked by hand.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradewright.core.instrument import Instrument, InstrumentId, order_problems
from tradewright.core.order_status import STATUS_TABLE

DATA = Path(__file__).parents[1] / "data"
RULES: dict[str, Any] = json.loads((DATA / "order_rules.json").read_text())
WORDS = ("status", "base_coin", "quote_coin", "settle_coin")


def instrument(name: str) -> Instrument:
    fields = dict(RULES["instruments"][name])
    key = InstrumentId(category=fields.pop("category"), symbol=fields.pop("symbol"))
    values = {field: value if field in WORDS else Decimal(value) for field, value in fields.items()}
    return Instrument(id=key, **values)


def decimal_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize("case", RULES["cases"], ids=lambda case: case["name"])
def test_an_order_has_exactly_the_problems_of_the_shared_vector(case: dict[str, Any]) -> None:
    order = case["order"]
    problems = order_problems(
        instrument(case["instrument"]),
        side=order["side"],
        order_type=order["order_type"],
        quantity=Decimal(order["quantity"]),
        price=decimal_or_none(order["price"]),
        reference_price=decimal_or_none(order["reference_price"]),
        reduce_only=order["reduce_only"],
    )
    assert [{"code": p.code, "field": p.field, "params": dict(p.params)} for p in problems] == case["problems"]


def test_the_status_table_is_the_one_the_page_is_held_to() -> None:
    ours = [
        {"status": row.status, "terminal": row.terminal, "role": row.role, "next": list(row.next)}
        for row in STATUS_TABLE
    ]
    assert ours == json.loads((DATA / "statuses.json").read_text())
