"""Whole example messages of Bybit's shape through the codecs, with the values that must come out.

The samples below are our own. Recorded payloads (`rest/`, `ws/`) are read too where there are some: in the folder that
`TRADEWRIGHT_BYBIT_EXAMPLES` names, else in `../shared/bybit/examples`. They are not ours to distribute, so that part is
skipped elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewright.core.clock import from_milliseconds
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import CoinBalance, Execution, OrderState, RemoteOrder, Wallet
from tradewright.exchange.bybit import codec, market_codec
from tradewright.exchange.bybit.book import BookMerger
from tradewright.exchange.bybit.values import Unreadable, decode
from tradewright.exchange.bybit.wire import (
    BookRow,
    ExecutionRow,
    InstrumentRow,
    KlineRow,
    OrderRow,
    PositionRow,
    TickerRow,
    TradeRow,
    WalletRow,
)
from unit.exchange.rows import (
    execution_row,
    instrument_row,
    order_row,
    position_row,
    ticker_data,
    wallet_row,
)

BTC = InstrumentId("linear", "BTCUSDT")


def read(row_type: type[Any], row: object) -> Any:
    return decode(msgspec.json.Decoder(row_type), json.dumps(row).encode())


def test_order_row() -> None:
    assert codec.order(read(OrderRow, order_row()), "linear") == RemoteOrder(
        exchange_order_id="11111111-2222-3333-4444-555555555555",  # type: ignore[arg-type]
        link_id="tw0123456789abcdef0123456789abcdef",
        instrument=BTC,
        side="Buy",
        order_type="Limit",
        time_in_force="GTC",
        quantity=Decimal("0.010"),
        price=Decimal("60000.50"),
        state="working",
        filled_quantity=Decimal(0),
        average_price=None,
        reduce_only=False,
        reject_reason="",
        cancel_type="",
        raw_status="New",
        created_at=from_milliseconds(1_700_000_000_001),
        updated_at=from_milliseconds(1_700_000_000_002),
    )


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("Created", "0", "working"),
        ("New", "0", "working"),
        ("PartiallyFilled", "0.004", "partially_filled"),
        ("Untriggered", "0", "waiting_trigger"),
        ("Triggered", "0", "working"),
        ("Filled", "0.010", "filled"),
        ("Cancelled", "0", "cancelled"),
        ("Cancelled", "0.004", "cancelled"),
        ("PartiallyFilledCanceled", "0.004", "cancelled"),
        ("Deactivated", "0", "cancelled"),
        ("Rejected", "0", "rejected"),
        ("Rejected", "0.004", "cancelled"),
        ("Teleported", "0", "unrecognised"),
        ("", "0", "unrecognised"),
    ],
)
def test_every_status_has_a_state_and_an_unknown_one_is_unrecognised(
    status: str, filled: str, state: OrderState
) -> None:
    order = codec.order(read(OrderRow, order_row(orderStatus=status, cumExecQty=filled)), "linear")
    assert order is not None
    assert (order.state, order.raw_status) == (state, status)


def test_market_order_has_no_price_although_the_exchange_shows_its_protection_limit() -> None:
    order = codec.order(read(OrderRow, order_row(orderType="Market", price="63000", avgPrice="60010.2")), "linear")
    assert order is not None
    assert (order.price, order.average_price) == (None, Decimal("60010.2"))


def test_unknown_words_are_kept_as_text() -> None:
    order = codec.order(
        read(OrderRow, order_row(rejectReason="EC_NewReason", cancelType="CancelByMoon", timeInForce="RPI")), "linear"
    )
    assert order is not None
    assert (order.reject_reason, order.cancel_type, order.time_in_force) == ("EC_NewReason", "CancelByMoon", "RPI")


def test_execution_row_and_a_rebate_is_negative() -> None:
    execution = codec.execution(read(ExecutionRow, execution_row(execFee="-0.05", isMaker=True)), "linear")
    assert execution == Execution(
        exec_id="99999999-0000-0000-0000-000000000001",  # type: ignore[arg-type]
        exchange_order_id="11111111-2222-3333-4444-555555555555",  # type: ignore[arg-type]
        link_id="tw0123456789abcdef0123456789abcdef",
        instrument=BTC,
        side="Buy",
        price=Decimal("60000.50"),
        quantity=Decimal("0.004"),
        fee=Decimal("-0.05"),
        fee_coin="USDT",
        is_maker=True,
        exec_type="Trade",
        executed_at=from_milliseconds(1_700_000_000_500),
        sequence=7001,
    )


def test_flat_position_has_no_side_and_no_entry() -> None:
    row = position_row(side="", size="0", avgPrice="0", seq=-1, updatedTime="")
    position = codec.position(read(PositionRow, row), "linear")
    assert position is not None
    assert (position.side, position.size, position.entry_price) == (None, Decimal(0), None)


def test_wallet_row() -> None:
    assert codec.wallet(read(WalletRow, wallet_row()), 1_700_000_000_700) == Wallet(
        total_equity=Decimal("100025.5"),
        total_available=None,
        reported_at=from_milliseconds(1_700_000_000_700),
        coins={
            "USDT": CoinBalance(
                coin="USDT",
                wallet_balance=Decimal("100000.475"),
                equity=Decimal("100025.5"),
                order_margin=Decimal("60.0005"),
                position_margin=Decimal(0),
                unrealised_pnl=Decimal("25.025"),
            )
        },
    )


def test_linear_instrument() -> None:
    found = market_codec.instrument(BTC, read(InstrumentRow, instrument_row()))
    assert (found.tick_size, found.quantity_step, found.min_notional) == (Decimal("0.10"), Decimal("0.001"), Decimal(5))
    assert (found.max_limit_quantity, found.max_market_quantity) == (Decimal(1190), Decimal(500))


def test_spot_instrument_has_the_same_rules_under_other_names() -> None:
    lot = {"basePrecision": "0.000001", "minOrderAmt": "5", "maxLimitOrderQty": "83", "maxMarketOrderQty": "41.5"}
    row = instrument_row(lotSizeFilter=lot, priceFilter={"tickSize": "0.1"}, settleCoin="")
    found = market_codec.instrument(InstrumentId("spot", "BTCUSDT"), read(InstrumentRow, row))
    assert (found.quantity_step, found.min_quantity) == (Decimal("0.000001"), Decimal("0.000001"))
    assert (found.settle_coin, found.max_market_quantity) == ("USDT", Decimal("41.5"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"qty": "NaN"}, "qty"),
        ({"qty": "1e400"}, "qty"),
        ({"qty": "1E-3"}, "qty"),
        ({"qty": "-0.1"}, "qty"),
        ({"qty": ""}, "qty"),
        ({"price": "Infinity"}, "price"),
        ({"side": "Hold"}, "side"),
        ({"orderId": ""}, "orderId"),
        ({"orderId": "a\x00b"}, "orderId"),
        ({"orderLinkId": "x" * 65}, "orderLinkId"),
        ({"createdTime": "soon"}, "createdTime"),
        ({"updatedTime": "99999999999999999"}, "updatedTime"),
        ({"symbol": "btc usdt"}, "symbol"),
    ],
)
def test_nonsense_in_an_order_is_unreadable_and_names_the_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Unreadable, match=field):
        codec.order(read(OrderRow, order_row(**changes)), "linear")


def test_kline_that_contradicts_itself_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="do not fit"):
        market_codec.candle_of_page(["1700000000000", "10", "9", "8", "8.5", "1", "1"])


def test_ticker_without_a_bid_has_none() -> None:
    row = read(TickerRow, ticker_data(bid1Price="", bid1Size="", nextFundingTime="0"))
    ticker = market_codec.merged_ticker(None, BTC, row, 1_700_000_000_000)
    assert (ticker.bid_price, ticker.bid_size, ticker.next_funding_at_ms) == (None, None, None)
    assert ticker.change_24h_ratio == Decimal("-0.0125")


# Recorded payloads

FOLDER = Path(
    os.environ.get("TRADEWRIGHT_BYBIT_EXAMPLES") or Path(__file__).parents[3] / "shared/bybit/examples",
)
recorded = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no recorded payloads in {FOLDER.name}")
Converter = Callable[[Any], Any]


def rows_of(name: str) -> tuple[list[Any], str]:
    message = json.loads((FOLDER / name).read_text())
    inner = message.get("result", message)
    rows = inner["list"] if "list" in inner else inner["data"]
    return rows if isinstance(rows, list) else [rows], inner.get("category", "")


@recorded
@pytest.mark.parametrize(
    ("name", "row_type", "convert"),
    [
        ("rest/get_v5_order_realtime.json", OrderRow, lambda row: codec.order(row, "linear")),
        ("rest/get_v5_order_history.json", OrderRow, lambda row: codec.order(row, "linear")),
        ("rest/get_v5_execution_list.json", ExecutionRow, lambda row: codec.execution(row, "linear")),
        ("rest/get_v5_position_list.inverse.json", PositionRow, lambda row: codec.position(row, "linear")),
        ("rest/get_v5_account_wallet-balance.json", WalletRow, lambda row: codec.wallet(row, 1690872862481)),
        ("rest/get_v5_market_instruments-info.linear.json", InstrumentRow, lambda r: market_codec.instrument(BTC, r)),
        (
            "rest/get_v5_market_instruments-info.spot.json",
            InstrumentRow,
            lambda row: market_codec.instrument(InstrumentId("spot", row.symbol), row),
        ),
        ("rest/get_v5_market_tickers.spot.json", TickerRow, lambda r: market_codec.merged_ticker(None, BTC, r, 1)),
        ("rest/get_v5_market_tickers.inverse.json", TickerRow, lambda r: market_codec.merged_ticker(None, BTC, r, 1)),
        ("rest/get_v5_market_kline.inverse.json", list[str], market_codec.candle_of_page),
        ("ws/private_order.json", OrderRow, lambda row: codec.order(msgspec.structs.replace(row, category="spot"), "")),
        ("ws/private_execution.json", ExecutionRow, lambda row: codec.execution(row, "")),
        ("ws/private_position.json", PositionRow, lambda row: codec.position(row, "")),
        ("ws/private_wallet.json", WalletRow, lambda row: codec.wallet(row, 1700034722104)),
        ("ws/public_kline.json", KlineRow, lambda row: market_codec.candle_update(BTC, "5", row)),
        ("ws/public_publicTrade.json", TradeRow, lambda row: market_codec.trade(BTC, row)),
        ("ws/public_orderbook.snapshot.json", BookRow, lambda row: BookMerger(BTC, 50).apply("snapshot", row, 1)),
        (
            "ws/public_tickers.linear_perpetual.snapshot.json",
            TickerRow,
            lambda row: market_codec.merged_ticker(None, BTC, row, 1),
        ),
    ],
)
def test_recorded_payloads_are_read(name: str, row_type: type[Any], convert: Converter) -> None:
    rows, _category = rows_of(name)
    assert rows
    for row in rows:
        assert convert(read(row_type, row)) is not None
