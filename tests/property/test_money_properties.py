"""Plain decimals and rounding, for any value: what is written is read back, and rounding goes the way it is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from contract.journal_worlds import BTC_RULES
from tradewright.core.instrument import Instrument, order_problems
from tradewright.core.money import parse_decimal, plain

_VALUES = st.decimals(min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=12)
_STEPS = st.sampled_from([Decimal(step) for step in ("0.0000001", "0.001", "0.05", "0.1", "0.5", "1", "5", "100")])
_POSITIVE = st.decimals(min_value=Decimal(0), max_value=Decimal(1_000_000), places=8)


@given(_VALUES)
def test_what_is_written_is_read_back(value: Decimal) -> None:
    assert parse_decimal(plain(value)) == value


@given(_VALUES)
def test_one_value_has_one_text(value: Decimal) -> None:
    assert plain(value) == plain(value.normalize()) == plain(value + Decimal("0E-20"))


@given(st.text(max_size=30))
def test_any_text_is_refused_or_a_finite_number(text: str) -> None:
    try:
        number = parse_decimal(text)
    except ValueError:
        return
    assert number.is_finite()
    assert set(text) <= set("-.0123456789")


def _with_grid(step: Decimal) -> Instrument:
    return replace(BTC_RULES, quantity_step=step, tick_size=step)


@given(_POSITIVE, _STEPS)
def test_rounding_stays_on_the_grid_on_the_side_it_names_and_less_than_one_step_away(
    value: Decimal, step: Decimal
) -> None:
    rules = _with_grid(step)
    down, up, quantity = rules.to_tick_down(value), rules.to_tick_up(value), rules.to_step_down(value)
    assert down <= value <= up
    assert up - value < step
    assert value - down < step
    assert down % step == up % step == 0
    assert quantity == down


@given(_POSITIVE, _POSITIVE, st.sampled_from(("Buy", "Sell")), _STEPS)
def test_what_is_suggested_for_a_fault_of_the_grid_is_without_it(
    price: Decimal, quantity: Decimal, side: str, step: Decimal
) -> None:
    rules = _with_grid(step)

    def problems(at: Decimal, of: Decimal) -> dict[str, dict[str, str]]:
        found = order_problems(
            rules,
            side=side,
            order_type="Limit",
            quantity=of,
            price=at,
            reference_price=None,  # type: ignore[arg-type]
        )
        return {problem.code: dict(problem.params) for problem in found}

    suggestion = problems(price, quantity).get("order.price_tick", {}).get("suggestion")
    if suggestion is not None:
        better = parse_decimal(suggestion)
        assert (better < price) if side == "Buy" else (better > price)
        assert "order.price_tick" not in problems(better, quantity)
