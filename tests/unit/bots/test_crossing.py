"""An order that is to rest is kept back where it would trade with one of the same account."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest

from tradewright.bots.machines.model import OrderWanted
from tradewright.bots.runner.crossing import meets_own
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import ExchangeOrderId, RemoteOrder
from tradewright.exchange.ports import Ticker

BTC = InstrumentId("linear", "BTCUSDT")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def wanted(direction: Literal[1, -1], price: int | None) -> OrderWanted:
    return OrderWanted(
        key="cell:0:0",
        bar_open_ms=0,
        direction=direction,
        quantity=Decimal(1),
        price=None if price is None else Decimal(price),
        is_post_only=False,
        stop=None,
        target=None,
        rests=True,
    )


def resting(side: Literal["Buy", "Sell"], price: int, *, trigger: int | None = None) -> RemoteOrder:
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId(f"{side}{price}"),
        link_id="",
        instrument=BTC,
        side=side,
        order_type="Limit",
        time_in_force="GTC",
        quantity=Decimal(1),
        price=Decimal(price),
        state="open",
        filled_quantity=Decimal(0),
        average_price=None,
        reduce_only=False,
        reject_reason="",
        cancel_type="",
        raw_status="New",
        created_at=NOW,
        updated_at=NOW,
        trigger_price=None if trigger is None else Decimal(trigger),
    )


def quote(bid: int, ask: int) -> Ticker:
    return Ticker(instrument=BTC, bid_price=Decimal(bid), ask_price=Decimal(ask))


@pytest.mark.parametrize(
    ("order", "other", "ticker", "is_met"),
    [
        (wanted(1, 100), resting("Sell", 100), quote(99, 100), True),
        (wanted(1, 101), resting("Sell", 100), quote(99, 100), True),
        (wanted(-1, 100), resting("Buy", 100), quote(100, 101), True),
        (wanted(1, 100), resting("Sell", 100), None, True),
        (wanted(1, 100), resting("Sell", 101), quote(99, 101), False),
        (wanted(1, 100), resting("Buy", 100), quote(100, 101), False),
        (wanted(1, 102), resting("Sell", 102), quote(99, 100), False),
        (wanted(-1, 98), resting("Buy", 98), quote(99, 100), False),
        (wanted(1, 100), resting("Sell", 100, trigger=99), quote(99, 100), False),
        (wanted(1, None), resting("Sell", 100), quote(99, 100), False),
    ],
    ids=[
        "at its level",
        "through it",
        "a sale",
        "no quote",
        "behind",
        "same side",
        "the market is before it",
        "the market is before the purchase",
        "not in the book yet",
        "at market",
    ],
)
def test_an_order_meets_its_own(order: OrderWanted, other: RemoteOrder, ticker: Ticker | None, is_met: bool) -> None:
    assert meets_own(order, [other], ticker) is is_met
