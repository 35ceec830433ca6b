"""Bybit's JSON as typed structs, exactly as far as it is read.

Lives here: the shapes. Unknown keys are ignored; a key that Bybit may leave out has a default, one that nothing can be
done without has none. Numbers that may be "" stay the text they are sent as; those of klines, trades and books never
are, and come as Decimal, still unchecked. Not here: what the values mean (`codec`, `market_codec`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

Data = TypeVar("Data")
Text = str
Number = str  # a decimal as text; "" where Bybit has none
Millis = int | str  # REST sends milliseconds as text, streams as a number
EMPTY_OBJECT = msgspec.Raw(b"{}")


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Every REST answer."""

    retCode: int
    retMsg: str = ""
    result: msgspec.Raw = EMPTY_OBJECT
    retExtInfo: msgspec.Raw = EMPTY_OBJECT
    time: Millis = 0


class BatchRow(msgspec.Struct, frozen=True, gc=False):
    """One order of a batch, where it was taken; its ids are "" where it failed."""

    orderId: Text = ""
    orderLinkId: Text = ""


class BatchRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[BatchRow] = msgspec.field(name="list")


class BatchWord(msgspec.Struct, frozen=True, gc=False):
    """What became of the order at the same place: `code` 0 is taken."""

    code: int
    msg: Text = ""


class BatchWords(msgspec.Struct, frozen=True, gc=False):
    rows: list[BatchWord] = msgspec.field(name="list")


class RefusalReason(msgspec.Struct, frozen=True, gc=False):
    reasonMsg: Text = ""


class RefusalResult(msgspec.Struct, frozen=True, gc=False):
    """The result of a refusal that says in detail why: that of the margin mode alone, as far as is documented."""

    reasons: list[RefusalReason] = []


class OrderAck(msgspec.Struct, frozen=True, gc=False):
    orderId: Text
    orderLinkId: Text = ""


class CancelledList(msgspec.Struct, frozen=True, rename={"rows": "list"}):
    rows: tuple[OrderAck, ...] = ()


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """An order of REST (without `category`, which is the page's) or of the stream."""

    orderId: Text
    symbol: Text
    side: Text
    orderType: Text
    orderStatus: Text
    qty: Number
    cumExecQty: Number
    createdTime: Millis
    updatedTime: Millis
    category: Text = ""
    orderLinkId: Text = ""
    price: Number = ""
    avgPrice: Number = ""
    timeInForce: Text = ""
    rejectReason: Text = ""
    cancelType: Text = ""
    reduceOnly: bool = False
    closeOnTrigger: bool = False
    marketUnit: Text = ""
    triggerPrice: Number = ""
    triggerDirection: int = 0
    triggerBy: Text = ""
    takeProfit: Number = ""
    stopLoss: Number = ""
    tpTriggerBy: Text = ""
    slTriggerBy: Text = ""
    stopOrderType: Text = ""
    parentOrderLinkId: Text = ""
    positionIdx: int = 0


class ExecutionRow(msgspec.Struct, frozen=True, gc=False):
    execId: Text
    orderId: Text
    symbol: Text
    side: Text
    execPrice: Number
    execQty: Number
    execTime: Millis
    category: Text = ""
    orderLinkId: Text = ""
    execFee: Number = ""
    feeCurrency: Text = ""
    isMaker: bool = False
    execType: Text = ""
    seq: int = 0


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """`avgPrice` is REST's name of the entry price, `entryPrice` the stream's."""

    symbol: Text
    side: Text
    size: Number
    category: Text = ""
    positionIdx: int = 0
    avgPrice: Number = ""
    entryPrice: Number = ""
    markPrice: Number = ""
    liqPrice: Number = ""
    leverage: Number = ""
    unrealisedPnl: Number = ""
    cumRealisedPnl: Number = ""
    positionIM: Number = ""
    positionMM: Number = ""
    positionValue: Number = ""
    takeProfit: Number = ""
    stopLoss: Number = ""
    trailingStop: Number = ""
    breakEvenPrice: Number = ""
    adlRankIndicator: int = 0
    updatedTime: Millis = ""
    seq: int = -1


class CoinRow(msgspec.Struct, frozen=True, gc=False):
    coin: Text
    walletBalance: Number
    equity: Number = ""
    totalOrderIM: Number = ""
    totalPositionIM: Number = ""
    unrealisedPnl: Number = ""
    locked: Number = ""
    usdValue: Number = ""


class WalletRow(msgspec.Struct, frozen=True, gc=False):
    coin: list[CoinRow]
    totalEquity: Number = ""
    totalAvailableBalance: Number = ""


class Page(msgspec.Struct, frozen=True, gc=False):
    """One page of any list; its rows are decoded by their own type."""

    rows: list[msgspec.Raw] = msgspec.field(name="list")
    category: Text = ""
    nextPageCursor: Text = ""


class FeeRateRow(msgspec.Struct, frozen=True, gc=False):
    symbol: Text
    takerFeeRate: Number
    makerFeeRate: Number


class KeyRow(msgspec.Struct, frozen=True, gc=False):
    """`GET /v5/user/query-api`: the key that asks."""

    userID: int
    readOnly: int
    permissions: dict[str, list[Text] | None]
    ips: list[Text] | None = None
    expiredAt: Text = ""
    uta: int = 0
    unified: int = 0


class AccountInfoRow(msgspec.Struct, frozen=True, gc=False):
    marginMode: Text


class RiskLimitRow(msgspec.Struct, frozen=True, gc=False):
    """Figures are documented as numbers and served as text; whether rates are percents, `market_codec` finds out."""

    symbol: Text
    riskLimitValue: msgspec.Raw
    maintenanceMargin: msgspec.Raw
    maxLeverage: Number
    initialMargin: msgspec.Raw = msgspec.Raw(b'""')
    mmDeduction: Number = ""


class LotSizeFilter(msgspec.Struct, frozen=True, gc=False):
    """Linear uses the first five, spot the others (and `minOrderQty`)."""

    minOrderQty: Number = ""
    maxOrderQty: Number = ""
    maxMktOrderQty: Number = ""
    qtyStep: Number = ""
    minNotionalValue: Number = ""
    basePrecision: Number = ""
    quotePrecision: Number = ""
    minOrderAmt: Number = ""
    maxLimitOrderQty: Number = ""
    maxMarketOrderQty: Number = ""


class PriceFilter(msgspec.Struct, frozen=True, gc=False):
    tickSize: Number
    minPrice: Number = ""
    maxPrice: Number = ""


class LeverageFilter(msgspec.Struct, frozen=True, gc=False):
    minLeverage: Number = ""
    maxLeverage: Number = ""
    leverageStep: Number = ""


class RiskParameters(msgspec.Struct, frozen=True, gc=False):
    priceLimitRatioX: Number = ""
    priceLimitRatioY: Number = ""


class InstrumentRow(msgspec.Struct, frozen=True, gc=False):
    symbol: Text
    status: Text
    baseCoin: Text
    quoteCoin: Text
    priceFilter: PriceFilter
    lotSizeFilter: LotSizeFilter
    settleCoin: Text = ""
    leverageFilter: LeverageFilter = LeverageFilter()
    riskParameters: RiskParameters = RiskParameters()
    fundingInterval: int = 0  # minutes
    launchTime: Millis = ""
    deliveryTime: Millis = ""


class TickerRow(msgspec.Struct, frozen=True, gc=False):
    """REST rows and stream snapshots are complete; a delta has only what changed: None means not in the message."""

    symbol: Text
    lastPrice: Number | None = None
    markPrice: Number | None = None
    indexPrice: Number | None = None
    bid1Price: Number | None = None
    bid1Size: Number | None = None
    ask1Price: Number | None = None
    ask1Size: Number | None = None
    price24hPcnt: Number | None = None
    highPrice24h: Number | None = None
    lowPrice24h: Number | None = None
    volume24h: Number | None = None
    turnover24h: Number | None = None
    fundingRate: Number | None = None
    nextFundingTime: Number | None = None


class KlinePage(msgspec.Struct, frozen=True, gc=False):
    """Rows of REST's klines: open time, open, high, low, close, volume, turnover, all as text, newest first."""

    rows: list[list[Text]] = msgspec.field(name="list")


class KlineRow(msgspec.Struct, frozen=True, gc=False):
    start: int
    interval: Text
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    confirm: bool


class TradeRow(msgspec.Struct, frozen=True, gc=False):
    T: int
    s: Text
    S: Text
    v: Decimal
    p: Decimal
    i: Text


class RecentTradeRow(msgspec.Struct, frozen=True, gc=False):
    """A trade as REST tells it: the stream's, under other names and as text."""

    execId: Text
    symbol: Text
    price: Text
    size: Text
    side: Text
    time: Text


class FundingRow(msgspec.Struct, frozen=True, gc=False):
    symbol: Text
    fundingRate: Text
    fundingRateTimestamp: Text


class BookRow(msgspec.Struct, frozen=True, gc=False):
    s: Text
    b: list[tuple[Decimal, Decimal]]
    a: list[tuple[Decimal, Decimal]]
    u: int
    seq: int = 0


class Push(msgspec.Struct, Generic[Data], frozen=True, gc=False):
    """A push of the public stream once its topic is known."""

    data: Data
    type: Text = ""
    ts: int = 0


class StreamFrame(msgspec.Struct, frozen=True, gc=False):
    """Any frame of the public or the private stream: a push has a `topic`, everything else an `op`."""

    topic: Text = ""
    type: Text = ""
    ts: int = 0
    data: msgspec.Raw = EMPTY_OBJECT
    op: Text = ""
    success: bool | None = None
    ret_msg: Text = ""
    req_id: Text | int = ""
    creationTime: Millis = ""  # of private pushes


class SimulatedClock(msgspec.Struct, frozen=True, gc=False):
    """`GET /sim/clock` of the simulated exchange."""

    market_now_ms: int
