"""What is wanted of an account's owner, on the bus and back; what nobody of ours wrote is no wish."""

from __future__ import annotations

from uuid import UUID

import pytest

from tradewright.core.ids import AccountId
from tradewright.core.instrument import InstrumentId
from tradewright.trading.wishes import Wish, parse_wish, payload_of

ACCOUNT = AccountId(UUID(int=7))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("instrument", [None, InstrumentId("linear", "BTCUSDT"), InstrumentId("spot", "ETHUSDT")])
def test_a_wish_is_read_as_it_was_written(whole: bool, instrument: InstrumentId | None) -> None:
    wanted = Wish(account_id=ACCOUNT, whole=whole, instrument=instrument)
    assert parse_wish(payload_of(wanted)) == wanted


@pytest.mark.parametrize(
    "payload", ["", "x", "a|b", f"{ACCOUNT}|whole|inverse:BTCUSD", f"{ACCOUNT}|whole|linear:", f"x{ACCOUNT}|whole|"]
)
def test_what_nobody_of_ours_wrote_is_no_wish(payload: str) -> None:
    assert parse_wish(payload) is None
