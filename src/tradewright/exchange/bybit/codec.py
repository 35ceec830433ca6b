"""Private rows into what the core knows: orders, executions, positions, the wallet.

Lives here: one function a kind, each raising `Unreadable` and nothing else. Not here: market data (`market_codec`).
A word that we do not know (a new status, a new reason) is kept as text or becomes `unrecognised`; it is no error.
A row of a category that we do not trade is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import Category, OrderType, QuantityUnit, Side
from tradewright.core.order import CoinBalance, Execution, KeyFacts, OrderState, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit.values import (
    Unreadable,
    amount,
    identifier,
    instrument_id,
    moment,
    number,
    number_or_none,
    number_or_zero,
    price,
    price_or_none,
    sequence,
    words,
)
from tradewright.exchange.bybit.wire import ExecutionRow, KeyRow, Millis, OrderRow, PositionRow, WalletRow

_STATES: Mapping[str, OrderState] = {
    "Created": "working",
    "New": "working",
    "PartiallyFilled": "partially_filled",
    "Untriggered": "waiting_trigger",
    "Triggered": "working",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
    "Deactivated": "cancelled",
    "Rejected": "rejected",
}
_NO_REASON = ("EC_NoError", "UNKNOWN")
# Of a spot order for an amount of quote coin: what is left buys no whole step, so all that was wished for is done.
_SPENT = "EC_CancelByOrderValueZero"
_UNSET = ("UNKNOWN", "")  # both are written for a trigger or a kind that an order does not have
_ADL_RANK_MAX = 5
_RISES: Mapping[int, bool] = {1: True, 2: False}


def order(row: OrderRow, category: str) -> RemoteOrder | None:
    """One report of an order; `category` is the page's, for rows that carry none."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    filled = amount(row.cumExecQty, "cumExecQty")
    limit_price = price_or_none(row.price, "price")
    order_type = _order_type(row.orderType, limit_price)
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId")),
        link_id=identifier(row.orderLinkId, "orderLinkId") if row.orderLinkId else "",
        instrument=instrument,
        side=_side(row.side),
        order_type=order_type,
        time_in_force=words(row.timeInForce),
        quantity=amount(row.qty, "qty"),
        # The price of a market order is the exchange's own protection limit, not something anybody asked for.
        price=None if order_type == "Market" else limit_price,
        state=_state(row, filled),
        filled_quantity=filled,
        average_price=price_or_none(row.avgPrice, "avgPrice"),
        reduce_only=row.reduceOnly,
        reject_reason="" if row.rejectReason in _NO_REASON else words(row.rejectReason),
        cancel_type="" if row.cancelType in _NO_REASON else words(row.cancelType),
        raw_status=words(row.orderStatus),
        created_at=moment(row.createdTime, "createdTime"),
        updated_at=moment(row.updatedTime, "updatedTime"),
        quantity_unit=_quantity_unit(row, instrument.category, order_type),
        trigger_price=price_or_none(row.triggerPrice, "triggerPrice"),
        trigger_by="" if row.triggerBy in _UNSET else words(row.triggerBy, 40),
        trigger_rises=_RISES.get(row.triggerDirection),
        take_profit=price_or_none(row.takeProfit, "takeProfit"),
        stop_loss=price_or_none(row.stopLoss, "stopLoss"),
        stop_order_type="" if row.stopOrderType in _UNSET else words(row.stopOrderType, 40),
        parent_link_id=identifier(row.parentOrderLinkId, "parentOrderLinkId") if row.parentOrderLinkId else "",
        close_on_trigger=row.closeOnTrigger,
        position_index=_position_index(row.positionIdx),
    )


def execution(row: ExecutionRow, category: str) -> Execution | None:
    """One booking; `category` is the page's, for rows that carry none."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    return Execution(
        exec_id=ExecutionId(identifier(row.execId, "execId")),
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId") if row.orderId else ""),
        link_id=identifier(row.orderLinkId, "orderLinkId") if row.orderLinkId else "",
        instrument=instrument,
        side=_side(row.side),
        # What the exchange books without a trade (a delivery, a settlement) may have no price.
        price=price(row.execPrice, "execPrice")
        if row.execType == "Trade"
        else number_or_zero(row.execPrice, "execPrice"),
        quantity=amount(row.execQty, "execQty"),
        fee=number_or_zero(row.execFee, "execFee"),
        fee_coin=words(row.feeCurrency, 20),
        is_maker=row.isMaker,
        exec_type=words(row.execType),
        executed_at=moment(row.execTime, "execTime"),
        sequence=sequence(row.seq, "seq"),
    )


def position(row: PositionRow, category: str) -> RemotePosition | None:
    """One position; `category` is the page's, for rows that carry none. A flat one has no side and no entry price."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    size = amount(row.size, "size")
    return RemotePosition(
        instrument=instrument,
        position_index=_position_index(row.positionIdx),
        side=_side(row.side) if size else None,
        size=size,
        entry_price=price_or_none(row.entryPrice or row.avgPrice, "entryPrice") if size else None,
        mark_price=price_or_none(row.markPrice, "markPrice"),
        liquidation_price=price_or_none(row.liqPrice, "liqPrice"),
        leverage=price_or_none(row.leverage, "leverage"),
        unrealised_pnl=number_or_zero(row.unrealisedPnl, "unrealisedPnl"),
        realised_pnl=number_or_zero(row.cumRealisedPnl, "cumRealisedPnl"),
        initial_margin=number_or_zero(row.positionIM, "positionIM"),
        sequence=sequence(row.seq, "seq"),
        updated_at=moment(row.updatedTime, "updatedTime") if row.updatedTime != "" else from_milliseconds(0),
        value=number_or_none(row.positionValue, "positionValue"),
        maintenance_margin=number_or_none(row.positionMM, "positionMM"),
        take_profit=price_or_none(row.takeProfit, "takeProfit"),
        stop_loss=price_or_none(row.stopLoss, "stopLoss"),
        trailing_stop=price_or_none(row.trailingStop, "trailingStop"),
        # Of a position in profit this can lie below zero: there is no price at which it would end at a loss.
        break_even_price=number_or_none(row.breakEvenPrice, "breakEvenPrice") if size else None,
        adl_rank=row.adlRankIndicator if size and 0 <= row.adlRankIndicator <= _ADL_RANK_MAX else None,
    )


def _position_index(index: int) -> int:
    if index not in (0, 1, 2):
        raise Unreadable(f"positionIdx: {index} is not one of 0, 1, 2")
    return index


def wallet(row: WalletRow, reported_at: Millis) -> Wallet:
    """The wallet; its row carries no time, so the reply's or the message's own is given, in Unix milliseconds."""
    coins: dict[str, CoinBalance] = {}
    for item in row.coin:
        coin = identifier(item.coin, "coin")
        coins[coin] = CoinBalance(
            coin=coin,
            wallet_balance=number(item.walletBalance, "walletBalance"),
            equity=number_or_zero(item.equity, "equity"),
            order_margin=number_or_zero(item.totalOrderIM, "totalOrderIM"),
            position_margin=number_or_zero(item.totalPositionIM, "totalPositionIM"),
            unrealised_pnl=number_or_zero(item.unrealisedPnl, "unrealisedPnl"),
            locked=number_or_zero(item.locked, "locked"),
            usd_value=number_or_none(item.usdValue, "usdValue"),
        )
    return Wallet(
        total_equity=number_or_none(row.totalEquity, "totalEquity"),
        total_available=number_or_none(row.totalAvailableBalance, "totalAvailableBalance"),
        reported_at=moment(reported_at, "creationTime"),
        coins=coins,
    )


def key_facts(row: KeyRow) -> KeyFacts:
    """What a key may do. One that expires before 1971 does not expire: that is how Bybit writes "never"."""
    if row.userID <= 0:
        raise Unreadable(f"userID: {row.userID} is not an account's number")
    permissions = {
        words(group, 40): tuple(words(name, 40) for name in names or ())
        for group, names in sorted(row.permissions.items())
    }
    return KeyFacts(
        uid=str(row.userID),
        read_only=row.readOnly != 0,
        may_trade=row.readOnly == 0 and bool(categories_of(permissions)),
        may_withdraw=any("withdraw" in name.lower() for names in permissions.values() for name in names),
        permissions=permissions,
        ips=tuple(words(ip, 60) for ip in row.ips or ()),
        expires_at=_expiry(row.expiredAt),
        is_unified=row.uta == 1 or row.unified == 1,
    )


def categories_of(permissions: Mapping[str, tuple[str, ...]]) -> tuple[Category, ...]:
    """What a key with these permissions may trade."""
    contracts: tuple[Category, ...] = ("linear",) if "Order" in permissions.get("ContractTrade", ()) else ()
    pairs: tuple[Category, ...] = ("spot",) if "SpotTrade" in permissions.get("Spot", ()) else ()
    return contracts + pairs


def _expiry(text: str) -> datetime | None:
    if text == "":
        return None
    try:
        moment_of_expiry = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"expiredAt: {text[:40]!r} is not a time") from None
    if moment_of_expiry.tzinfo is None:
        moment_of_expiry = moment_of_expiry.replace(tzinfo=UTC)
    return moment_of_expiry if moment_of_expiry.year > 1970 else None


def _quantity_unit(row: OrderRow, category: Category, order_type: OrderType) -> QuantityUnit:
    """A spot market order may name an amount of the quote coin; a buy that does not say so does."""
    if category != "spot" or order_type != "Market":
        return "base"
    return "quote" if row.marketUnit == "quoteCoin" or (row.marketUnit == "" and row.side == "Buy") else "base"


def _state(row: OrderRow, filled: Decimal) -> OrderState:
    state = _STATES.get(row.orderStatus, "unrecognised")
    if state == "cancelled" and filled and row.rejectReason == _SPENT:
        return "filled"
    # Seen on Bybit: `Rejected` with fills. What was filled is real, so it reads as cancelled after a part.
    return "cancelled" if state == "rejected" and filled else state


def _side(text: str) -> Side:
    if text == "Buy":
        return "Buy"
    if text == "Sell":
        return "Sell"
    raise Unreadable(f"side: {text[:40]!r} is neither Buy nor Sell")


def _order_type(text: str, limit_price: Decimal | None) -> OrderType:
    known: Mapping[str, Literal["Market", "Limit"]] = {"Market": "Market", "Limit": "Limit"}
    # We send these two only, so any other word is on a foreign order; whether it has a price decides how it is shown.
    return known.get(text, "Market" if limit_price is None else "Limit")
