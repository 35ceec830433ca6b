"""Whatever bytes come, a codec ends in values that make sense or in a typed error: no crash, and no nonsense let in.

Messages of every kind are mutated: other values in place, keys gone or new, bytes cut and flipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.errors import ExchangeUnavailable, Trace
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit import codec, ledger_rows, market_codec
from tradewright.exchange.bybit.ledger_rows import ClosedPnlRow, TransactionRow
from tradewright.exchange.bybit.pages import read_rows
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.bybit.rest import Reply
from tradewright.exchange.bybit.values import Unreadable, decode
from tradewright.exchange.bybit.wire import (
    Envelope,
    ExecutionRow,
    InstrumentRow,
    KeyRow,
    KlinePage,
    OrderAck,
    OrderRow,
    PositionRow,
    RiskLimitRow,
    TickerRow,
    WalletRow,
)
from tradewright.exchange.ports import Endpoints
from unit.exchange.conftest import KEY
from unit.exchange.fakes import FakeClock, FixedRng, KeptLogs
from unit.exchange.rows import (
    execution_row,
    instrument_row,
    order_row,
    page,
    position_row,
    private_push,
    push,
    ticker_data,
    wallet_row,
)

CASES = int(os.environ.get("TRADEWRIGHT_CODEC_CASES", "0"))  # messages, four of them a run of the streams
EXAMPLES = settings(max_examples=CASES // 6 if CASES else 300, deadline=None)
BTC = InstrumentId("linear", "BTCUSDT")
AT_MS = 1_700_000_000_000
IN_LINEAR = {"category": "linear"}
KLINE = {
    "start": AT_MS,
    "end": AT_MS + 59_999,
    "interval": "1",
    "open": "10",
    "high": "12",
    "low": "9",
    "close": "11",
    "volume": "5",
    "turnover": "52.5",
    "confirm": True,
    "timestamp": AT_MS,
}
TRADE = {"T": AT_MS, "s": "BTCUSDT", "S": "Sell", "v": "0.5", "p": "11", "i": "t1", "BT": False, "seq": 5}
CONDITIONAL = {
    "triggerPrice": "61000.5",
    "triggerDirection": 1,
    "triggerBy": "MarkPrice",
    "takeProfit": "65000",
    "stopLoss": "",
    "stopOrderType": "Stop",
    "parentOrderLinkId": "tw-parent",
    "marketUnit": "quoteCoin",
}
RISK_LIMIT = {
    "symbol": "BTCUSDT",
    "riskLimitValue": "2000000",
    "maintenanceMargin": "0.005",
    "initialMargin": "0.01",
    "maxLeverage": "100.00",
    "mmDeduction": "",
}
KEY_ROW = {
    "userID": 1448939,
    "readOnly": 0,
    "permissions": {"ContractTrade": ["Order"], "Wallet": []},
    "ips": ["*"],
    "expiredAt": "2027-02-01T10:00:00Z",
    "uta": 1,
    "unified": 0,
}
TRANSACTION = {
    "id": "592324_XRPUSDT_161440249321",
    "type": "TRADE",
    "currency": "USDT",
    "transactionTime": str(AT_MS),
    "symbol": "XRPUSDT",
    "category": "linear",
    "side": "Buy",
    "qty": "88",
    "tradePrice": "0.3615",
    "funding": "",
    "fee": "0.01908720",
    "cashFlow": "0",
    "change": "-0.0190872",
    "cashBalance": "5086.56192602",
    "tradeId": "5184f079-88ec-54c7-8774-5173cafd2b4e",
    "orderId": "592b7e41-78fd-42e2-9aa3-91e1835ef3e1",
}
CLOSED_PNL = {
    "symbol": "ETHPERP",
    "orderId": "5a373bfe-188d-4913-9c81-d57ab5be8068",
    "side": "Sell",
    "closedSize": "3",
    "closedPnl": "-47.4065323",
    "openFee": "2.1",
    "closeFee": "",
    "createdTime": str(AT_MS),
    "updatedTime": str(AT_MS + 5),
}
BOOK = {"s": "BTCUSDT", "b": [["10", "1"], ["9", "2"]], "a": [["11", "1"]], "u": 5, "seq": 6}

PAGES: Mapping[str, tuple[msgspec.json.Decoder[Any], Callable[[Any, str], Any], dict[str, Any]]] = {
    "orders": (msgspec.json.Decoder(OrderRow), codec.order, order_row(**CONDITIONAL)),
    "executions": (msgspec.json.Decoder(ExecutionRow), codec.execution, execution_row()),
    "positions": (msgspec.json.Decoder(PositionRow), codec.position, position_row()),
    "wallet": (msgspec.json.Decoder(WalletRow), lambda row, _category: codec.wallet(row, AT_MS), wallet_row()),
    "instruments": (
        msgspec.json.Decoder(InstrumentRow),
        lambda row, _category: market_codec.instrument(BTC, row),
        instrument_row(),
    ),
    "risk limits": (
        msgspec.json.Decoder(RiskLimitRow),
        lambda row, _category: market_codec.risk_tier(row),
        RISK_LIMIT,
    ),
    "transactions": (
        msgspec.json.Decoder(TransactionRow),
        lambda row, _category: ledger_rows.transaction(row),
        TRANSACTION,
    ),
    "closed profits": (msgspec.json.Decoder(ClosedPnlRow), ledger_rows.closed_pnl, CLOSED_PNL),
    "keys": (msgspec.json.Decoder(KeyRow), lambda row, _category: codec.key_facts(row), KEY_ROW),
    "tickers": (
        msgspec.json.Decoder(TickerRow),
        lambda row, _category: market_codec.merged_ticker(None, BTC, row, AT_MS),
        ticker_data(),
    ),
}
PUSHES = [
    private_push("order", order_row(**IN_LINEAR)),
    private_push("execution", execution_row(**IN_LINEAR)),
    private_push("position", position_row(**IN_LINEAR)),
    private_push("wallet", wallet_row()),
    push("tickers.BTCUSDT", ticker_data()),
    push("tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "60001"}, "delta"),
    push("kline.1.BTCUSDT", [KLINE]),
    push("publicTrade.BTCUSDT", [TRADE]),
    push("orderbook.50.BTCUSDT", BOOK),
    push("orderbook.50.BTCUSDT", BOOK | {"u": 6}, "delta"),
    {"success": True, "ret_msg": "", "op": "subscribe", "conn_id": "c", "req_id": "1"},
    {"req_id": "test", "op": "pong", "args": ["1675418560633"], "conn_id": "c"},
]

NONSENSE = st.sampled_from(
    [
        *("NaN", "Infinity", "-Infinity", "1e400", "1E+3", "-0", "-1", "0", "", " ", "1 ", "0x10", "1_000", "٣", ".5"),
        *("9" * 30, "9" * 5_000, "1." + "0" * 40, "TypeOfTheFuture", "\x00", "a\nb", "\ud83d", "💸" * 50, "<script>"),
        *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**300, -(2**63) - 1, 1.5, -0.0, 1e308),
        *([], {}, [[]], [None], [["1", "2", "3"]], {"a": {"b": []}}),
    ]
)
anything = NONSENSE.map(deepcopy) | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False) | st.none()


@st.composite
def mutated(draw: st.DrawFn, message: Any) -> bytes:
    """The message as JSON with one to three places changed, and perhaps its bytes damaged."""
    copy = json.loads(json.dumps(message))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = _place(draw, copy)
        if holder is None:
            break
        what = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
        if what == "replace":
            holder[key] = draw(anything)
        elif what == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=8))] = draw(anything)
        else:
            holder.append(draw(anything))
    raw = json.dumps(copy).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        raw = raw[: draw(st.integers(0, len(raw)))]
    if draw(st.integers(0, 9)) == 0 and raw:
        at = draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + bytes([draw(st.integers(0, 255))]) + raw[at + 1 :]
    return raw


def _place(draw: st.DrawFn, tree: Any) -> tuple[Any, Any]:
    """A container somewhere in the tree and one of its keys; (None, None) when everything is empty."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in list(items):
            places.append((node, key))
            walk(child)

    walk(tree)
    return draw(st.sampled_from(places)) if places else (None, None)


def assert_sensible(value: Any) -> None:
    """Everything inside is finite, storable and of a known kind; no float anywhere."""
    if is_dataclass(value) or isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__ if isinstance(value, msgspec.Struct) else value.__dataclass_fields__:
            assert_sensible(getattr(value, name))
    elif isinstance(value, Decimal):
        assert value.is_finite()
        assert abs(value) < Decimal(10) ** 24
        assert not (value == 0 and value.is_signed()), "minus zero"
    elif isinstance(value, str):
        assert len(value) <= 120
        assert value.isprintable()
        value.encode()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            assert_sensible(key)
            assert_sensible(item)
    elif isinstance(value, list | tuple):
        for item in value:
            assert_sensible(item)
    elif isinstance(value, int):
        assert abs(value) < 2**63
    else:
        assert value is None or isinstance(value, datetime), f"{type(value)} got through"


@EXAMPLES
@given(data=st.data(), kind=st.sampled_from(sorted(PAGES)))
def test_rest_pages_are_whole_and_sensible_or_unavailable(data: st.DataObject, kind: str) -> None:
    decoder, convert, row = PAGES[kind]
    raw = data.draw(mutated(page(row, row)))
    try:
        rows = read_rows(Reply(msgspec.Raw(raw), Trace()), "/path", decoder, convert, KeptLogs().log)
    except ExchangeUnavailable:
        return
    assert_sensible(rows)


@EXAMPLES
@given(data=st.data())
def test_envelopes_acks_and_klines_are_read_or_unreadable(data: st.DataObject) -> None:
    envelope = {"retCode": 0, "retMsg": "OK", "result": {}, "retExtInfo": {}, "time": AT_MS}
    columns = [str(AT_MS), "10", "12", "9", "11", "5", "52.5"]
    shapes: list[tuple[type, Any]] = [
        (Envelope, envelope),
        (OrderAck, {"orderId": "1", "orderLinkId": "2"}),
        (KlinePage, {"list": [columns, columns]}),
    ]
    shape, message = data.draw(st.sampled_from(shapes))
    try:
        found = decode(msgspec.json.Decoder(shape), data.draw(mutated(message)))
        if isinstance(found, KlinePage):
            assert_sensible([market_codec.candle_of_page(row) for row in found.rows])
    except Unreadable:
        return


@EXAMPLES
@given(data=st.data())
def test_streams_survive_every_message_and_let_only_sense_through(data: st.DataObject) -> None:
    clock, logs = FakeClock(), KeptLogs()
    nowhere = Endpoints("", "", "")

    async def never() -> datetime:
        raise AssertionError

    private = BybitPrivateStream(
        lambda: nowhere, KEY, server_time=never, clock=clock, rng=FixedRng(), log=logs.log
    )._runner
    stream = BybitPublicStream(lambda: nowhere, "linear", clock=clock, rng=FixedRng(), log=logs.log)
    stream.subscribe("tickers.BTCUSDT", "kline.1.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT")
    for _ in range(4):
        raw = data.draw(mutated(data.draw(st.sampled_from(PUSHES))))
        private._heard(raw)
        stream._runner._heard(raw)
    assert_sensible(list(private._queue))
    for event in stream._runner._queue:
        assert_sensible(event)
        bids, asks = getattr(event, "bids", ()), getattr(event, "asks", ())
        assert not (bids and asks and bids[0][0] >= asks[0][0]), "a crossed book was published"


def test_a_surprise_is_a_typed_error_with_the_raw_text() -> None:
    with pytest.raises(Unreadable) as caught:
        decode(msgspec.json.Decoder(OrderRow), b'{"orderId": 5}')
    assert caught.value.raw == '{"orderId": 5}'


WORDS = {
    "order": ("orderType", "orderStatus", "timeInForce", "rejectReason", "cancelType", "stopOrderType", "triggerBy"),
    "execution": ("execType", "feeCurrency"),
    "position": (),
}
SHAPES: dict[str, tuple[type, Callable[[Any, str], Any], Callable[..., dict[str, Any]]]] = {
    "order": (OrderRow, codec.order, order_row),
    "execution": (ExecutionRow, codec.execution, execution_row),
    "position": (PositionRow, codec.position, position_row),
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in WORDS.items() for field in fields])
def test_a_word_of_the_future_is_read_as_unknown_and_takes_nothing_with_it(kind: str, field: str) -> None:
    shape, convert, row = SHAPES[kind]
    raw = json.dumps({**row(), field: "TypeOfTheFuture", "fieldOfTheFuture": {"a": [1]}}).encode()
    found = convert(decode(msgspec.json.Decoder(shape), raw), "linear")
    assert found is not None
    assert_sensible(found)
    if field == "orderStatus":
        assert (found.state, found.raw_status) == ("unrecognised", "TypeOfTheFuture")


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("order", {"side": "Neither"}), ("execution", {"side": ""}), ("position", {"positionIdx": 7, "size": "1"})],
)
def test_what_a_position_depends_on_is_never_guessed(kind: str, changes: dict[str, Any]) -> None:
    shape, convert, row = SHAPES[kind]
    with pytest.raises(Unreadable):
        convert(decode(msgspec.json.Decoder(shape), json.dumps({**row(), **changes}).encode()), "linear")
