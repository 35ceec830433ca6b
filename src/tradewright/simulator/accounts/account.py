"""The account: orders, executions, positions and coins, as the sum of the events of its log.

Lives here: `Account` and `apply`, the only way it changes, live and on a restart alike. Not here: deciding which
events happen (`engine`), writing them down (`log`), margin (`margin`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, assert_never

from tradewright.simulator.accounts import orders, spot
from tradewright.simulator.accounts.events import (
    AmendAccepted,
    AmendLost,
    AutoMarginSet,
    CancelAccepted,
    CancelLost,
    Entry,
    Event,
    Funded,
    FundingPaid,
    LeverageSet,
    Liquidating,
    MarginMode,
    MarginModeSet,
    MarginMoved,
    OrderAccepted,
    OrderAmended,
    OrderArmed,
    OrderClosed,
    OrderFilled,
    OrderOpened,
    OrderTriggered,
    PositionIndex,
    PositionModeSet,
    SettingChanged,
    Together,
)
from tradewright.simulator.accounts.live_orders import LiveOrders
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position, PositionKey, after_fill
from tradewright.simulator.accounts.settings import BORROWED
from tradewright.simulator.market.model import Listing, is_option

OF_ORDERS_ONLY: Final = (
    OrderAccepted,
    OrderOpened,
    OrderClosed,
    OrderArmed,
    OrderTriggered,
    OrderAmended,
    CancelAccepted,
    CancelLost,
    AmendAccepted,
    AmendLost,
    Together,
)


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill with the order as it stood right after it."""

    seq: int
    fill: OrderFilled
    order: Order


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """One funding payment with its place in the log."""

    seq: int
    paid: FundingPaid


@dataclass(frozen=True, slots=True)
class Coin:
    """What the account has of one coin; `realised` is profit and fees of contracts since the account exists."""

    coin: str
    balance: Decimal = ZERO
    realised: Decimal = ZERO


class Account:
    """One account of the exchange. Read it freely; change it by `apply` only."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}  # by order id, oldest first
        self.executions: list[Execution] = []  # oldest first
        self.funding: list[FundingPayment] = []  # oldest first
        self.funded_until: dict[PositionKey, int] = {}  # the last funding time each position paid for, market time
        self.positions: dict[PositionKey, Position] = {}
        self.coins: dict[str, Coin] = {}
        self.margin_mode: MarginMode = "REGULAR_MARGIN"
        self.settings: dict[str, str] = {}  # see `SettingChanged`
        self._hedged: dict[Listing, bool] = {}
        self._hedged_coins: set[str] = set()
        self.live = LiveOrders()
        self.held: dict[PositionKey, Position] = {}  # those of `positions` that are not flat
        self._version = 0
        self._ids_by_link: dict[str, str] = {}
        self._unprotected: dict[str, None] = {}

    def find_order(self, *, order_id: str = "", link_id: str = "") -> Order | None:
        """By the exchange's id if given, else by the client's."""
        return self.orders.get(order_id or self._ids_by_link.get(link_id, ""))

    def link_id_used(self, link_id: str) -> bool:
        return link_id in self._ids_by_link

    @property
    def version(self) -> tuple[int, int]:
        """Another one whenever its margin may be another at the same prices."""
        return self._version, self.live.version

    def live_orders(self, symbol: str | None = None) -> Iterator[Order]:
        """Live orders, oldest first. A snapshot, so that the account may change meanwhile."""
        return self.live.all() if symbol is None else self.live.of(symbol)

    def live_listings(self) -> set[Listing]:
        """Of the live orders. Not to be changed."""
        return self.live.listings

    def unprotected_orders(self, symbol: str) -> list[Order]:
        """Entries of a listing that filled and still wait for the take-profit or stop-loss they asked for."""
        waiting = [self.orders[order_id] for order_id in self._unprotected]
        return [order for order in waiting if order.symbol == symbol]

    @property
    def has_live_orders(self) -> bool:
        return len(self.live) > 0

    def position(self, symbol: Listing, index: PositionIndex = 0) -> Position:
        """The position, flat if there never was one; a new leg has the leverage of the one-way position."""
        found = self.positions.get((symbol, index))
        if found is not None:
            return found
        fresh = Position(symbol=symbol, index=index)
        net = self.positions.get((symbol, 0))
        return fresh if net is None else replace(fresh, leverage=net.leverage)

    def is_hedged(self, symbol: Listing, settle_coin: str) -> bool:
        """Whether a listing that settles in this coin holds two legs."""
        if ":" in symbol or "-" in symbol:  # as names of other categories and of dated contracts have: they cannot
            return False
        return self._hedged.get(symbol, settle_coin in self._hedged_coins)

    def hedges_coin(self, coin: str) -> bool:
        """Whether what settles in a coin holds two legs, unless a listing was told otherwise."""
        return coin in self._hedged_coins

    def positions_of(self, symbol: Listing, settle_coin: str) -> list[Position]:
        """The listing's positions in its present mode, flat ones too: one, or the long and the short leg."""
        if self.is_hedged(symbol, settle_coin):
            return [self.position(symbol, 1), self.position(symbol, 2)]
        return [self.position(symbol)]

    def coin(self, coin: str) -> Coin:
        return self.coins.get(coin) or Coin(coin)

    def apply(self, entry: Entry) -> None:
        """Take one event in. Events come in the order of their `seq`; one that cannot be is a bug and raises
        AssertionError.
        """
        self._apply(entry.event, seq=entry.seq)

    def _apply(self, event: Event, *, seq: int) -> None:
        if not isinstance(event, OF_ORDERS_ONLY):  # those are counted where they change what is bound
            self._version += 1
        match event:
            case Funded(coin=coin, amount=amount):
                held = self.coin(coin)
                self.coins[coin] = replace(held, balance=held.balance + amount)
            case OrderAccepted():
                self._accept(event)
            case CancelAccepted(order_id=order_id):
                self._put(replace(self.orders[order_id], cancel_requested=True))
            case OrderOpened(order_id=order_id):
                self._put(orders.opened(self.orders[order_id], wall_ms=event.at.wall_ms))
            case OrderFilled():
                self._fill(event, seq=seq)
            case OrderClosed(order_id=order_id):
                self._put(orders.closed(self.orders[order_id], event))
            case CancelLost(order_id=order_id):
                self._put(orders.cancel_lost(self.orders[order_id], wall_ms=event.at.wall_ms))
            case OrderArmed(order_id=order_id):
                self._put(orders.armed(self.orders[order_id], wall_ms=event.at.wall_ms))
            case OrderTriggered(order_id=order_id):
                self._put(orders.triggered(self.orders[order_id], event))
            case AmendAccepted(order_id=order_id):
                self._put(replace(self.orders[order_id], amend_requested=event))
            case OrderAmended(order_id=order_id):
                last = (len(self.orders), seq)
                self._put(orders.amended(self.orders[order_id], event, queued=last))
            case AmendLost(order_id=order_id):
                self._put(replace(self.orders[order_id], amend_requested=None))
            case Together(moves=moves, parent_id=parent_id, covers=covers):
                for move in moves:
                    self._apply(move, seq=seq)
                if parent_id:
                    parent = self.orders[parent_id]
                    self._put(replace(parent, protected_quantity=parent.protected_quantity + covers))
            case LeverageSet(symbol=symbol, leverage=leverage):
                self._put_position(replace(self.position(symbol, event.position_index), leverage=leverage), event)
            case MarginMoved(symbol=symbol, amount=amount):
                moved = self.position(symbol, event.position_index)
                self._put_position(replace(moved, added_margin=moved.added_margin + amount), event)
            case AutoMarginSet(symbol=symbol, on=on):
                self._put_position(replace(self.position(symbol, event.position_index), adds_margin=on), event)
            case Liquidating(symbol=symbol, on=on):
                self._put_position(replace(self.position(symbol, event.position_index), is_liquidated=on), event)
            case PositionModeSet(symbols=symbols, hedge=hedge, coin=coin):
                self._hedged |= dict.fromkeys(symbols, hedge)
                if coin:
                    (self._hedged_coins.add if hedge else self._hedged_coins.discard)(coin)
            case MarginModeSet(mode=mode):
                self.margin_mode = mode
            case SettingChanged(name=name, value=value):
                self.settings[name] = value
                if name.startswith(BORROWED):  # a coin that is borrowed is one the account has
                    coin = name.removeprefix(BORROWED)
                    self.coins.setdefault(coin, Coin(coin))
            case FundingPaid():
                self._pay_funding(event, seq=seq)
            case _:
                assert_never(event)

    def _accept(self, event: OrderAccepted) -> None:
        assert event.order_id not in self.orders, f"order id {event.order_id} was used before"
        if event.link_id:
            assert event.link_id not in self._ids_by_link, f"link id {event.link_id} was used before"
            self._ids_by_link[event.link_id] = event.order_id
        self._put(orders.accepted(event, number=len(self.orders) + 1))

    def _fill(self, event: OrderFilled, *, seq: int) -> None:
        order = orders.filled(self.orders[event.order_id], event)
        self._put(order)
        self.executions.append(Execution(seq, event, order))
        if order.is_spot:
            for coin, amount in spot.flows(event).items():
                self.coins[coin] = replace(self.coin(coin), balance=self.coin(coin).balance + amount)
            return
        before = self.position(event.symbol, event.position_index)
        after = after_fill(before, event, seq=seq)
        self._hold(after)
        if order.protected_quantity and after.side == order.side != before.side:
            self._put(orders.bared(order))
        won = event.realised - event.fee
        held = self.coin(event.settle_coin)
        self.coins[event.settle_coin] = replace(
            held, balance=held.balance + cash_flow(event), realised=held.realised + won
        )

    def _pay_funding(self, event: FundingPaid, *, seq: int) -> None:
        self.funding.append(FundingPayment(seq, event))
        held, position = self.coin(event.settle_coin), self.position(event.symbol, event.position_index)
        self.funded_until[position.key] = event.due_ms
        self.coins[event.settle_coin] = replace(
            held, balance=held.balance - event.fee, realised=held.realised - event.fee
        )
        paid = replace(
            position,
            holding_realised=position.holding_realised - event.fee,
            total_realised=position.total_realised - event.fee,
            updated_ms=event.at.wall_ms,
            seq=seq,
        )
        self._hold(paid)

    def _put_position(self, position: Position, event: LeverageSet | MarginMoved | AutoMarginSet | Liquidating) -> None:
        now_ms = event.at.wall_ms
        self._hold(replace(position, updated_ms=now_ms, created_ms=position.created_ms or now_ms))

    def _hold(self, position: Position) -> None:
        self.positions[position.key] = position
        if position.size:
            self.held[position.key] = position
        else:
            self.held.pop(position.key, None)

    def _put(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self.live.put(order)
        if order.unprotected_quantity:
            self._unprotected[order.order_id] = None
        else:
            self._unprotected.pop(order.order_id, None)


def cash_flow(fill: OrderFilled) -> Decimal:
    """What a fill of a contract adds to the wallet, in its settle coin: profit less fee; of an option the premium
    changes hands at once.
    """
    if not is_option(fill.symbol):
        return fill.realised - fill.fee
    premium = fill.quantity * fill.price
    return (-premium if fill.side == "Buy" else premium) - fill.fee
