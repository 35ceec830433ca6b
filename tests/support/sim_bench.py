"""The simulated exchange's engine on a scripted market, without sockets and without waiting."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from support.scripted_market import START_MS, ScriptedMarket
from tradewright.simulator.accounts.events import Event, Side
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.config import QueueModel
from tradewright.simulator.market import InstrumentSpec, Listing
from tradewright.simulator.matching.amend import read_amend
from tradewright.simulator.matching.commands import CancelOrder, SetLeverage
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Outcome, Surroundings
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.simulator.matching.venue import Venue


class Bench:
    """`arrive` plays the delay between an acknowledgement and its effect; `move` lets the market go on."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        funds: str = "100000",
        coins: Mapping[str, str] | None = None,
        partial_fills: bool = False,
        fund: bool = True,
        spot: bool = False,
        others: Sequence[InstrumentSpec] = (),
        queue: QueueModel = "through",
    ) -> None:
        """`funds` is of USDT, `coins` what is paid in beside it; `spot` lists the spot pair too, and `others`."""
        self.wall_ms = START_MS + 5
        self.market = ScriptedMarket(spot=spot, others=others)
        self.log = EventLog(folder)
        self.told: list[Outcome] = []
        self._later: list[Callable[[], None]] = []
        ids = itertools.count(1_000 * len(self.log.entries) + 1)  # an entry may have used several
        self.engine = Engine(
            venue=Venue(self.market, wall_ms=lambda: self.wall_ms),
            log=self.log,
            around=Surroundings(
                wall_ms=lambda: self.wall_ms,
                new_id=lambda: f"id-{next(ids)}",
                later=lambda delay_ms, call: self._later.append(call),
                tell=self.told.append,
            ),
            order_delay_ms=30,
            partial_fills=partial_fills,
            queue=queue,
        )
        if fund and not self.log.entries:
            paid_in = {"USDT": funds, **(coins or {})}
            self.engine.fund([(coin, Decimal(amount)) for coin, amount in paid_in.items()])

    @property
    def wallet(self) -> Decimal:
        return self.coin("USDT")

    def coin(self, name: str) -> Decimal:
        return self.engine.account.coin(name).balance

    @property
    def size(self) -> Decimal:
        return self.engine.account.position("BTCUSDT").size

    def accept(self, side: str, qty: str, price: str | None = None, **more: Any) -> Order:
        """Send a create command; it is acknowledged but has not happened yet."""
        body = {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": side,
            "orderType": "Market" if price is None else "Limit",
            "qty": qty,
            "price": price,
            **more,
        }
        return self.engine.place(read_create(body, self.engine.specs))

    def place(self, side: str, qty: str, price: str | None = None, **more: Any) -> Order:
        """Send a create command and let it happen."""
        order = self.accept(side, qty, price, **more)
        self.arrive()
        return self.order(order)

    def spot(self, side: str, qty: str, price: str | None = None, **more: Any) -> Order:
        """The same as `place` for the spot pair."""
        return self.place(side, qty, price, category="spot", **more)

    def arrive(self) -> None:
        waiting, self._later = self._later, []
        for call in waiting:
            call()

    def cancel(self, order: Order) -> Order:
        return self.engine.cancel(CancelOrder(symbol=order.symbol, order_id=order.order_id, link_id=""))

    def amend(self, order: Order, **changes: Any) -> Order:
        spec = self.engine.specs[order.symbol]
        body = {"category": spec.category, "symbol": spec.symbol, "orderId": order.order_id, **changes}
        return self.engine.amend(read_amend(body, self.engine.specs))

    def trading_stop(self, **wanted: Any) -> None:
        body = {"category": "linear", "symbol": "BTCUSDT", **wanted}
        self.engine.set_trading_stop(read_trading_stop(body, self.engine.specs))

    def stops(self) -> dict[str, Order]:
        """The waiting stops of the position by their kind; of several of a kind the youngest."""
        live = self.engine.account.live_orders("BTCUSDT")
        return {order.stop_kind: order for order in live if order.is_protective and order.is_dormant}

    def set_leverage(self, leverage: str) -> None:
        self.engine.set_leverage(SetLeverage(symbol="BTCUSDT", leverage=Decimal(leverage)))

    def order(self, order: Order) -> Order:
        return self.engine.account.orders[order.order_id]

    def trade(self, price: str, size: str = "1.000", *, listing: Listing = "BTCUSDT", side: Side = "Sell") -> None:
        self.market.trade(price, size, listing=listing, side=side)
        self.engine.catch_up()

    def events(self) -> list[Event]:
        return [entry.event for entry in self.log.entries]
