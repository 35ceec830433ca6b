"""Small values of the core: plain decimals, ids, times, and rounding in a named direction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from contract.journal_worlds import BTC_RULES
from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.ids import IntentId, intent_of, link_id_of, made_id, uuid7
from tradewright.core.money import parse_decimal, plain

INTENT = IntentId(UUID("019b8e07-5f6a-7abc-8def-0123456789ab"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+2", "100"),
        ("0.10", "0.1"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("60412.50", "60412.5"),
        ("100", "100"),
        ("1E-18", "0.000000000000000001"),
        ("-5.5", "-5.5"),
        ("0E+10", "0"),
    ],
)
def test_a_decimal_is_written_plainly(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize("text", ["60412.5", "0", "-1", "0.000000000000000001", "9" * 24 + "." + "9" * 18, "007"])
def test_a_plain_decimal_is_read_exactly(text: str) -> None:
    assert parse_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "1.", ".5", "1e5", "1E400", "NaN", "nan", "Infinity", "-Infinity", "+1", " 1", "1 ", "1\n", "--1",
        "1,5", "1_000", "0x10", "١٢", "1" * 25, "0." + "1" * 19, "sNaN", "1.2.3",
    ],
)  # fmt: skip
def test_anything_else_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal"):
        parse_decimal(text)


def test_a_link_id_fits_the_exchange_and_leads_back_to_its_intent() -> None:
    link = link_id_of(INTENT)
    assert link == "tw019b8e075f6a7abc8def0123456789ab"
    assert len(link) <= 36
    assert intent_of(link) == INTENT


@pytest.mark.parametrize("link", ["", "tw", "tw-my-own", "xx" + INTENT.hex, "tw" + "g" * 32, "tw" + INTENT.hex + "0"])
def test_a_link_id_of_somebody_else_leads_to_no_intent(link: str) -> None:
    assert intent_of(link) is None


@pytest.mark.parametrize("link", ["tw" + INTENT.hex.upper(), "tw{" + "1" * 30 + "}", "tw" + "-" + "1" * 31])
def test_a_link_id_that_we_would_have_written_otherwise_is_not_ours(link: str) -> None:
    assert intent_of(link) is None


def test_a_uuid7_carries_its_time_version_and_variant() -> None:
    made = uuid7(0x019B8E075F6A, (1 << 74) - 1)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.hex == "019b8e075f6a7fffbfffffffffffffff"
    assert uuid7(0x019B8E075F6A, 0).hex == "019b8e075f6a70008000000000000000"


def test_times_are_whole_milliseconds_rounded_down() -> None:
    moment = datetime(2026, 1, 5, 12, 0, 0, 123_999, tzinfo=UTC)
    assert milliseconds(moment) == 1_767_614_400_123
    assert from_milliseconds(1_767_614_400_123) == datetime(2026, 1, 5, 12, 0, 0, 123_000, tzinfo=UTC)
    assert milliseconds(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == 1_767_614_400_123
    assert milliseconds(datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)) == -1


@pytest.mark.parametrize(("quantity", "down"), [("0.0019", "0.001"), ("0.001", "0.001"), ("0.0009", "0"), ("7", "7")])
def test_a_quantity_is_rounded_down_to_its_step(quantity: str, down: str) -> None:
    assert BTC_RULES.to_step_down(Decimal(quantity)) == Decimal(down)


@pytest.mark.parametrize(
    ("price", "down", "up"),
    [("60412.57", "60412.5", "60412.6"), ("60412.5", "60412.5", "60412.5"), ("0.01", "0", "0.1")],
)
def test_a_price_is_rounded_to_the_passive_side_that_is_named(price: str, down: str, up: str) -> None:
    assert BTC_RULES.to_tick_down(Decimal(price)) == Decimal(down)
    assert BTC_RULES.to_tick_up(Decimal(price)) == Decimal(up)


def test_an_id_is_made_of_its_parts_and_of_nothing_else() -> None:
    assert made_id("account", "naked", "BTCUSDT") == made_id("account", "naked", "BTCUSDT")
    others = [("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"), ("", "abc"), ("abc", ""), ("1:a", "bc"), ()]
    made = {made_id(*parts) for parts in others}
    assert len(made) == len(others)
    assert {(one.version, one.variant) for one in made} == {(8, "specified in RFC 4122")}
    assert intent_of(link_id_of(IntentId(made_id("a")))) == made_id("a")
