"""Sizes and previews, held to the same vectors as the page's twins (`frontend/src/rules`)."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import pytest

from tradewright.core.errors import Problem
from tradewright.core.order import FeeRates
from tradewright.core.order_rules import place_warnings
from tradewright.core.preview import Holding, Means, preview_of
from tradewright.core.rule_parts import Standing
from tradewright.core.sizing import Sizing, quantity_of
from unit.core.vectors import draft_of, instrument_of, load, number, quotes_of, told

SIZES = load("sizing.json")
PREVIEWS = load("preview.json")


@pytest.mark.parametrize("case", SIZES["cases"], ids=lambda case: case["name"])
def test_a_wish_comes_to_the_quantity_of_its_vector(case: dict[str, Any]) -> None:
    row = case["by"]
    by = Sizing(
        side=row["side"],
        order_type=row["order_type"],
        reduce_only=row["reduce_only"],
        taker_rate=Decimal(row["taker_rate"]),
        **{
            name: number(row[name])
            for name in ("price", "slippage_percent", "stop_loss", "available", "reducible", "leverage")
        },
    )
    instrument = instrument_of(SIZES["instruments"][case["instrument"]])
    found = quantity_of(instrument, case["unit"], Decimal(case["value"]), by)
    if isinstance(found, Problem):
        assert told([found]) == [case["problem"]]
    else:
        assert (found, None) == (number(case["quantity"]), case["problem"])


@pytest.mark.parametrize("case", PREVIEWS["cases"], ids=lambda case: case["name"])
def test_a_preview_is_the_one_of_its_vector(case: dict[str, Any]) -> None:
    means = case["means"]
    fees = means["fees"] and FeeRates(maker=Decimal(means["fees"]["maker"]), taker=Decimal(means["fees"]["taker"]))
    levels = {side: [(Decimal(p), Decimal(q)) for p, q in rows] for side, rows in (case["book"] or {}).items()}
    found = preview_of(
        instrument_of(PREVIEWS["instruments"][case["instrument"]]),
        draft_of(case["draft"]),
        quotes_of(case["quotes"]),
        (levels["bids"], levels["asks"]) if levels else None,
        _holding(case["held"]),
        Means(
            fees=fees or None,
            leverage=number(means["leverage"]),
            margin_mode=means["margin_mode"],
            equity=number(means["equity"]),
        ),
    )
    expected = {name: value if name == "liquidation" else _value(value) for name, value in case["preview"].items()}
    assert asdict(found) == expected


def _value(value: Any) -> Any:
    return asdict(_holding(value)) if isinstance(value, dict) else number(value)


def _holding(row: dict[str, Any]) -> Holding:
    return Holding(side=row["side"], size=Decimal(row["size"]), entry_price=number(row["entry_price"]))


@pytest.mark.parametrize("case", PREVIEWS["cases"][:8], ids=lambda case: case["name"])
@pytest.mark.parametrize("absurd", ["9" * 24 + "." + "9" * 18, "0." + "0" * 17 + "1"])
def test_an_absurd_number_has_a_preview_like_any_other(case: dict[str, Any], absurd: str) -> None:
    """Rounded to eight decimals, a number of 24 digits has more than the usual 28."""
    draft = draft_of(case["draft"])
    for changed in ({"quantity": Decimal(absurd)}, {"price": Decimal(absurd)}):
        instrument, quotes = instrument_of(PREVIEWS["instruments"][case["instrument"]]), quotes_of(case["quotes"])
        means = Means(fees=FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055")), leverage=Decimal(10))
        found = preview_of(instrument, replace(draft, **changed), quotes, None, Holding(), means)
        assert found.expected_price is not None
        place_warnings(instrument, replace(draft, **changed), quotes, Standing())
