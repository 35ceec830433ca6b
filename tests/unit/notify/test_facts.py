"""Which events of a journal are worth telling, and as what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tradewright.core.ids import WorkspaceId
from tradewright.notify.facts import Event, fact_of
from tradewright.notify.model import KINDS, AccountOf, Fact, folded

ACCOUNT = AccountOf(id=UUID(int=1), workspace_id=WorkspaceId(UUID(int=2)), name="Main", environment="demo")
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def read(kind: str, **payload: Any) -> Fact | None:
    return fact_of(Event(account=ACCOUNT, seq=7, kind=kind, payload={"kind": kind, **payload}, at=AT))


def order(**changed: Any) -> dict[str, Any]:
    return {
        "id": "o1", "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "order_type": "Limit", "quantity": "1",
        "price": None, "status": "working", "reason": None, "amend": None, **changed,
    }  # fmt: skip


def fill(**changed: Any) -> dict[str, Any]:
    return {
        "id": "e1", "category": "linear", "symbol": "BTCUSDT", "side": "Sell", "price": "100.5", "quantity": "2",
        "exec_type": "Trade", "order_id": None, **changed,
    }  # fmt: skip


@pytest.mark.parametrize("status", ["acknowledged", "working", "filled", "cancelled", "expired", "unknown", "sending"])
def test_an_order_on_its_way_is_no_news(status):
    assert read("order", order=order(status=status)) is None


@pytest.mark.parametrize("status", ["refused", "rejected", "not_sent", "not_placed"])
def test_an_order_that_failed_is_told_once_however_often_it_is_read(status):
    told = read("order", order=order(status=status, reason={"code": "exchange.refused"}))
    again = read("order", order=order(status=status, reason={"code": "exchange.refused"}, version=9))
    assert told is not None
    assert again is not None
    assert told.kind == "order_failed"
    assert told.source == again.source == f"order:o1:{status}"
    assert "price" not in told.params


def test_what_the_owner_does_not_know_yet_is_no_limit():
    told = read("order", order=order(status="refused", reason={"code": "risk.no_price"}))
    assert told is not None
    assert told.kind == "order_failed"


def test_the_loss_of_a_day_is_more_than_another_limit():
    told = [
        read("order", order=order(status="refused", reason={"code": code}))
        for code in ("risk.daily_loss", "risk.leverage")
    ]
    assert [each and each.weight for each in told] == ["critical", "warning"]


def test_a_change_that_was_refused_is_told_while_its_order_works_on():
    amend = {"intent_id": "a1", "state": "rejected", "reason": {"code": "exchange.refused"}}
    told = read("order", order=order(amend=amend))
    assert told is not None
    assert told.source == "amend:a1:rejected"
    assert told.params["status"] == "rejected"


def test_funding_is_no_fill_and_a_liquidation_is_more_than_one():
    assert read("fill", fill=fill(exec_type="Funding")) is None
    told = read("fill", fill=fill(exec_type="BustTrade"))
    assert told is not None
    assert (told.kind, told.weight) == ("liquidation", "critical")


def test_two_fills_fold_into_their_sum_at_the_mean_price():
    one, two = read("fill", fill=fill()), read("fill", fill=fill(id="e2", price="103.5", quantity="1"))
    assert one is not None
    assert two is not None
    both = folded(one, two)
    assert (both.merged, both.params["quantity"], both.params["price"]) == (2, "3", "101.5")


@pytest.mark.parametrize(("news", "weight"), [("repairing", "warning"), ("flattening", "critical")])
def test_a_position_without_its_stop_is_told_when_something_is_done_about_it(news, weight):
    protection = {
        "news": news, "category": "linear", "symbol": "BTCUSDT", "position_index": 0, "side": "Buy", "stop": "90",
        "naked_since_ms": 5,
    }  # fmt: skip
    told = read("protection", protection=protection)
    assert told is not None
    assert (told.kind, told.weight) == ("naked_position", weight)
    assert read("protection", protection=protection | {"news": "naked"}) is None


def test_a_ledger_that_ties_again_is_no_news():
    assert read("ledger", state="tied", difference={}) is None
    told = read("ledger", state="broken", difference={})
    assert told is not None
    assert told.kind == "ledger_break"


def test_an_account_that_the_exchange_stopped_is_told_once_a_stop():
    stopped = {"since_ms": 12, "exchange_code": 10024, "exchange_text": "banned"}
    told = read("session", account={"stopped": stopped})
    assert told is not None
    assert (told.kind, told.params["exchange_code"]) == ("account_stopped", "10024")
    assert read("session", account={"stopped": None}) is None


def test_kinds_that_nobody_reads_are_passed_over():
    assert read("balances", balances={}) is None


def test_every_kind_has_a_severity():
    assert set(KINDS.values()) == {"info", "warning", "critical"}
