"""What a run asks of the live session, and the moment at which everything that was asked has happened.

Lives here: `Desk`: orders, cancels, closes and exits as intents of the account, the price as the exchange is to see it,
and the fills that came back through the private stream. Not here: why anything is asked (`signal_run`), how the account
is put together (`account`).

Market time stands still while the session works: a price is played, and the next one only once both sides agree on
what the last one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tradewright.core.ids import IntentId, OrderId
from tradewright.core.instrument import Side
from tradewright.core.money import rounded
from tradewright.core.order import Execution, Exit, PositionExits
from tradewright.core.order_rules import SLIPPAGE_MAX
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.lab.account import LabAccount
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.strategy.prices import Direction
from tradewright.trading.bodies import PlaceBody

_LOOK_S: Final = 0.005
_WITHIN_S: Final = 60.0  # virtual; more than the session's own patience with anything but a lost request
_WENT_THROUGH: Final = "acknowledged"


class LabFault(Exception):
    """The live core and the simulated exchange did not do what a run needs: a fault of ours, never of the strategy."""


class Desk:
    """Of one account and its one instrument. Prices are those that were played."""

    def __init__(self, account: LabAccount) -> None:
        self._account = account
        self._engine = account.exchange.engine
        self._symbol = account.instrument.id.symbol
        self._asked: dict[IntentId, None] = {}  # of these nobody has seen the end yet
        self._seen = 0  # executions that were told
        self._happened: tuple[int, int] = self._counted()

    @property
    def price(self) -> Decimal:
        """The last one."""
        return self._account.market.last_price(self._symbol)

    def on_grid(self, price: Decimal) -> Decimal:
        """As the exchange takes it: without a tick size a strategy's price may have more digits than can be told."""
        tick = self._account.instrument.tick_size
        return price if price % tick == 0 else rounded(price, tick)

    # The market.

    def play(self, price: Decimal, at_ms: int, *, is_slipping: bool = True) -> bool:
        """The price goes there. True when that did something to the account: then `settle`."""
        self._account.market.play(price, at_ms, is_slipping=is_slipping)
        return self.advance(at_ms)

    def advance(self, at_ms: int) -> bool:
        """Time goes on to there, and what is due by then is paid; the same answer."""
        self._engine.venue.play_to(at_ms)
        before, self._happened = self._happened, self._counted()
        return before != self._happened

    def leave(self) -> None:
        """The bar is over: nobody is on the other side until the next price."""
        self._account.market.leave()

    def owe_funding(self, at_ms: int, rate: Decimal) -> None:
        self._account.market.owe_funding(at_ms, rate)

    def triggers(self) -> list[Decimal]:
        """Where the exchange holds orders that wait for a price."""
        return [order.trigger.price for order in self._live() if order.is_dormant and order.trigger is not None]

    def resting(self) -> list[tuple[Direction, Decimal]]:
        """Sides and prices of the orders that rest in the book."""
        return [(1 if order.side == "Buy" else -1, order.price) for order in self._live() if order.is_resting]

    # What is asked.

    def leverage(self, leverage: Decimal) -> None:
        account = self._account
        self._note(account.database.propose_leverage(self._id(), account.instrument.id, leverage, account.clock.now()))

    def order(
        self,
        direction: Direction,
        quantity: Decimal,
        *,
        price: Decimal | None = None,
        is_post_only: bool = False,
        stop: Decimal | None = None,
        target: Decimal | None = None,
    ) -> IntentId:
        """An order that opens: at the market without a price, with the exits that the exchange is to attach."""
        body = PlaceBody(
            id=self._id(),
            category="linear",
            symbol=self._symbol,
            side=_side(direction),
            order_type="Market" if price is None else "Limit",
            quantity=quantity,
            price=None if price is None else self.on_grid(price),
            time_in_force="IOC" if price is None else "PostOnly" if is_post_only else "GTC",
            reduce_only=False,
            note=None,
            take_profit=None if target is None else Exit(trigger_price=self.on_grid(target)),
            stop_loss=None if stop is None else Exit(trigger_price=self.on_grid(stop)),
            slippage_percent=SLIPPAGE_MAX if price is None else None,
        )
        self._note(self._account.database.propose_place(body, self._account.clock.now()))
        return body.id

    def cancel(self, order: IntentId) -> None:
        account = self._account
        intent = account.database.propose_cancel(self._id(), OrderId(order), account.instrument.id, account.clock.now())
        self._note(intent)

    def close(self) -> None:
        """All of the position, at the market."""
        account = self._account
        intent = account.database.propose_close(self._id(), account.instrument.id, account.clock.now())
        if intent is None:
            raise LabFault("a position was to be closed that the session does not hold")
        self._note(intent)

    def protect(self, *, stop: Decimal | None, target: Decimal | None) -> None:
        """The position's exits; what is None stays as it is."""
        account = self._account
        exits = PositionExits(
            stop_loss=None if stop is None else self.on_grid(stop),
            take_profit=None if target is None else self.on_grid(target),
        )
        self._note(account.database.propose_exits(self._id(), account.instrument.id, exits, account.clock.now()))

    # What came of it.

    async def settle(self) -> None:
        """Until the session and the exchange agree on everything that was asked and that happened.

        Raises `LabFault` when something was refused, or when they do not come to agree.
        """
        account = self._account
        deadline_s = account.clock.monotonic() + _WITHIN_S
        while (open_end := self._open_end()) is not None:
            if account.task.done():
                raise LabFault("the account's session ended") from account.task.exception()
            if account.clock.monotonic() > deadline_s:
                raise LabFault(f"not settled within {_WITHIN_S:g} virtual seconds: {open_end}")
            await asyncio.sleep(_LOOK_S)
        self._asked.clear()
        self._happened = self._counted()

    def fills(self) -> Sequence[Execution]:
        """Those that the session has booked since this was last asked, oldest first; funding is among them."""
        rows = list(self._account.database.executions.values())
        fresh, self._seen = rows[self._seen :], len(rows)
        return [row.execution for row in fresh]

    def stop_type(self, fill: Execution) -> str:
        """The exchange's word for the order that was filled; "" for a plain one."""
        return self._account.database.orders[fill.exchange_order_id].report.stop_order_type

    def _open_end(self) -> str | None:
        """What is still under way; None: nothing is."""
        account, database = self._account, self._account.database
        if account.session.state != "ready":
            return "the session is not ready"
        for intent_id in self._asked:
            row = database.intents[intent_id]
            if row.state in UNSETTLED_INTENT_STATES:
                return f"an intent of kind {row.kind} is {row.state}"
            if row.state != _WENT_THROUGH:
                reason = "" if row.reason is None else f": {row.reason}"
                raise LabFault(f"an intent of kind {row.kind} was {row.state}{reason}; it should have gone through")
            is_followed = row.kind in ("place", "cancel")
            if not is_followed and not row.is_read_back:
                return f"an intent of kind {row.kind} was not read back"
            if row.kind == "place" and database.order_of(intent_id) is None:
                return "an order was not told"
        executions, _ = self._counted()
        if len(database.executions) != executions:
            return "a fill was not told"
        live = {order.order_id: order for order in self._live()}
        if any(order.status is OrderStatus.ACCEPTED or order.cancel_requested for order in live.values()):
            return "an order has not reached the market"
        if live.keys() != {order.exchange_order_id for order in account.session.book.orders()}:
            return "the live orders differ"
        return self._difference()

    def _difference(self) -> str | None:
        ours = self._account.session.book.position(self._account.instrument.id)
        size = Decimal(0) if ours is None or ours.side is None else ours.size if ours.side == "Buy" else -ours.size
        theirs = self._engine.account.position(self._symbol)
        if size != theirs.size:
            return f"the position is {size} here and {theirs.size} there"
        return None

    def _live(self) -> list[Order]:
        return list(self._engine.account.live_orders(self._symbol))

    def _counted(self) -> tuple[int, int]:
        account = self._engine.account
        return len(account.executions) + len(account.funding), len(self._engine.floor.entries)

    def _id(self) -> IntentId:
        return IntentId(self._account.ids.new())

    def _note(self, intent: IntentId) -> None:
        self._asked[intent] = None
        self._account.session.wake()


def _side(direction: Direction) -> Side:
    return "Buy" if direction > 0 else "Sell"
