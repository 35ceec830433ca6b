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
from tradewright.exchange.bybit import codec, ledger_rows, market_codec
from tradewright.exchange.bybit.book import BookMerger
from tradewright.exchange.bybit.ledger_rows import ClosedPnlRow, TransactionRow
from tradewright.exchange.bybit.values import Unreadable, decode
from tradewright.exchange.bybit.wire import (
    BookRow,
    ExecutionRow,
    FeeRateRow,
    InstrumentRow,
    KeyRow,
    KlineRow,
    OrderRow,
    PositionRow,
    RiskLimitRow,
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


@pytest.mark.parametrize(
    ("reason", "filled", "state"),
    [
        ("EC_CancelByOrderValueZero", "0.001468", "filled"),
        ("EC_CancelByOrderValueZero", "0", "cancelled"),
        ("EC_NoImmediateQtyToFill", "0.001468", "cancelled"),
    ],
)
def test_an_amount_that_is_spent_but_for_less_than_a_step_is_filled(
    reason: str, filled: str, state: OrderState
) -> None:
    """Bybit ends such a spot order as partly filled and cancelled; who wished to spend 100 USDT has spent them."""
    row = order_row(orderStatus="PartiallyFilledCanceled", cumExecQty=filled, rejectReason=reason)
    order = codec.order(read(OrderRow, row), "spot")
    assert order is not None
    assert (order.state, order.raw_status) == (state, "PartiallyFilledCanceled")


def test_market_order_has_no_price_although_the_exchange_shows_its_protection_limit() -> None:
    order = codec.order(read(OrderRow, order_row(orderType="Market", price="63000", avgPrice="60010.2")), "linear")
    assert order is not None
    assert (order.price, order.average_price) == (None, Decimal("60010.2"))


def test_conditional_order_and_exits_have_their_fields_and_what_is_unset_is_none() -> None:
    conditional = {
        "orderStatus": "Untriggered",
        "stopOrderType": "Stop",
        "triggerPrice": "61000.50",
        "triggerDirection": 2,
        "triggerBy": "MarkPrice",
        "takeProfit": "65000",
        "stopLoss": "0.00",
    }
    order = codec.order(read(OrderRow, order_row(**conditional)), "linear")
    assert order is not None
    assert (order.state, order.stop_order_type) == ("waiting_trigger", "Stop")
    assert (order.trigger_price, order.trigger_by, order.trigger_rises) == (Decimal("61000.50"), "MarkPrice", False)
    assert (order.take_profit, order.stop_loss) == (Decimal(65000), None)
    unset = {"stopOrderType": "UNKNOWN", "triggerPrice": "0.00", "triggerDirection": 0, "triggerBy": "UNKNOWN"}
    order = codec.order(read(OrderRow, order_row(**unset)), "linear")
    assert order is not None
    assert (order.stop_order_type, order.trigger_price, order.trigger_by, order.trigger_rises) == ("", None, "", None)
    child = {"stopOrderType": "StopLoss", "parentOrderLinkId": "tw-parent", "orderLinkId": "", "closeOnTrigger": True}
    order = codec.order(read(OrderRow, order_row(**child)), "linear")
    assert order is not None
    assert (order.parent_link_id, order.link_id, order.close_on_trigger) == ("tw-parent", "", True)


@pytest.mark.parametrize(
    ("category", "changes", "unit"),
    [
        ("spot", {"orderType": "Market", "marketUnit": "quoteCoin"}, "quote"),
        ("spot", {"orderType": "Market", "marketUnit": "baseCoin"}, "base"),
        ("spot", {"orderType": "Market", "marketUnit": "", "side": "Buy"}, "quote"),
        ("spot", {"orderType": "Market", "marketUnit": "", "side": "Sell"}, "base"),
        ("spot", {"orderType": "Limit", "marketUnit": ""}, "base"),
        ("linear", {"orderType": "Market", "marketUnit": ""}, "base"),
    ],
)
def test_quantity_of_a_spot_market_order_is_in_the_unit_it_was_asked_in(
    category: str, changes: dict[str, str], unit: str
) -> None:
    order = codec.order(read(OrderRow, order_row(**changes)), category)
    assert order is not None
    assert order.quantity_unit == unit


def test_position_and_balance_have_every_figure_the_tables_show() -> None:
    figures = {"positionValue": "15225", "positionMM": "76.1", "trailingStop": "0.00", "breakEvenPrice": "60933.5"}
    position = codec.position(read(PositionRow, position_row(**figures, takeProfit="", stopLoss="65000")), "linear")
    assert position is not None
    assert (position.value, position.maintenance_margin) == (Decimal(15225), Decimal("76.1"))
    assert (position.take_profit, position.stop_loss, position.trailing_stop) == (None, Decimal(65000), None)
    assert (position.break_even_price, position.adl_rank) == (Decimal("60933.5"), 0)
    coin = wallet_row()["coin"][0] | {"locked": "12.5", "usdValue": "100020.1"}
    balance = codec.wallet(read(WalletRow, wallet_row(coin=[coin])), 1_700_000_000_000).coins["USDT"]
    assert (balance.locked, balance.usd_value) == (Decimal("12.5"), Decimal("100020.1"))


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
    assert (found.min_leverage, found.max_leverage, found.leverage_step) == (1, 100, Decimal("0.01"))
    assert (found.funding_interval_min, found.quote_step, found.risk_tiers) == (480, None, ())
    risk = {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"}
    row = instrument_row(riskParameters=risk, launchTime="1584230400000", deliveryTime="0")
    found = market_codec.instrument(BTC, read(InstrumentRow, row))
    assert (found.price_limit_ratio_x, found.price_limit_ratio_y) == (Decimal("0.01"), Decimal("0.02"))
    assert (found.launched_at_ms, found.delivery_at_ms) == (1_584_230_400_000, None)


def test_spot_instrument_has_the_same_rules_under_other_names() -> None:
    lot = {"basePrecision": "0.000001", "minOrderAmt": "5", "maxLimitOrderQty": "83", "maxMarketOrderQty": "41.5"}
    lot |= {"quotePrecision": "0.0000001"}
    row = instrument_row(lotSizeFilter=lot, priceFilter={"tickSize": "0.1"}, settleCoin="", leverageFilter={})
    found = market_codec.instrument(InstrumentId("spot", "BTCUSDT"), read(InstrumentRow, row))
    assert (found.quantity_step, found.min_quantity) == (Decimal("0.000001"), Decimal("0.000001"))
    assert (found.settle_coin, found.max_market_quantity) == ("USDT", Decimal("41.5"))
    assert (found.quote_step, found.max_leverage, found.funding_interval_min) == (Decimal("0.0000001"), 1, None)


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
def test_recorded_key_is_read() -> None:
    result = json.loads((FOLDER / "rest/get_v5_user_query-api.json").read_text())["result"]
    facts = codec.key_facts(read(KeyRow, result))
    assert (facts.uid, facts.read_only, facts.may_trade, facts.may_withdraw) == ("1448939", True, False, False)
    assert (facts.expires_at, facts.is_unified, len(facts.ips)) == (None, True, 3)


@recorded
def test_recorded_movements_of_the_wallet_are_told_apart_although_the_exchange_gives_two_one_id() -> None:
    rows, _category = rows_of("rest/get_v5_account_transaction-log.json")
    funding, second, first = (ledger_rows.transaction(read(TransactionRow, row)) for row in rows)
    assert funding.exchange_id == second.exchange_id
    assert len({funding.key, second.key, first.key}) == 3
    assert (funding.kind, funding.funding, funding.change) == ("SETTLEMENT", Decimal("-0.003676"), Decimal("-0.003676"))
    for row in (funding, second, first):
        assert row.change == row.cash_flow + row.funding - row.fee
        assert row.is_of_execution
    assert first.balance + second.change == second.balance
    assert second.balance + funding.change == funding.balance
    (closed,), category = rows_of("rest/get_v5_position_closed-pnl.json")
    pnl = ledger_rows.closed_pnl(read(ClosedPnlRow, closed), category)
    assert pnl is not None
    assert (pnl.profit, pnl.closed_quantity, pnl.gross) == (Decimal("-47.4065323"), Decimal(3), None)


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
        ("rest/get_v5_account_fee-rate.json", FeeRateRow, lambda row: row),
        ("rest/get_v5_account_transaction-log.json", TransactionRow, ledger_rows.transaction),
        ("rest/get_v5_position_closed-pnl.json", ClosedPnlRow, lambda row: ledger_rows.closed_pnl(row, "linear")),
        ("rest/get_v5_market_risk-limit.json", RiskLimitRow, market_codec.risk_tier),
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
