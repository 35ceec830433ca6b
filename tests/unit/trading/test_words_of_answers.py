"""What the exchange says of a request is kept whole up to a stated length, whoever keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tradewright.core.errors import Trace
from tradewright.core.ids import AccountId, ExchangeOrderId, RequestId, WorkspaceId
from tradewright.trading.answering import asked
from tradewright.trading.kill.entries import answered_fields
from tradewright.trading.model import AccountRef
from unit.trading.test_arming import place

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ACCOUNT = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
TRACE = Trace(signed_at=NOW, answered_at=NOW, http_status=200, ret_code=0)


def kept_of_an_order(trace: Trace) -> tuple[Any, Any]:
    values = asked(
        ACCOUNT, place(), {"version": 3}, RequestId(UUID(int=4)), ExchangeOrderId("x-1"), trace,
        entry=UUID(int=5), at=NOW,
    )  # fmt: skip
    return values["message"], values["trace"]


def kept_of_a_kill(trace: Trace) -> tuple[Any, Any]:
    values = answered_fields(trace)
    return values["ret_msg"], values["trace_id"]


@pytest.mark.parametrize("kept", [kept_of_an_order, kept_of_a_kill])
def test_words_are_kept_whole_to_five_hundred_characters_and_ids_to_a_hundred(kept: Any) -> None:
    for words, name in (("", ""), ("w" * 500, "n" * 100)):
        assert kept(replace(TRACE, ret_msg=words, trace_id=name)) == (words, name)
    longer = replace(TRACE, ret_msg="w" * 500 + "x", trace_id="n" * 100 + "x")
    assert kept(longer) == ("w" * 500, "n" * 100)
