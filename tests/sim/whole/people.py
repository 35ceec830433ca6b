"""What people do in a run: one at our page, and now and then one at the exchange's own, who knows nothing of us.

Lives here: `Person`, whose wishes are written as the commands write them, and `Stranger`. Not here: when a run begins
and ends (`run`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sim.whole.world import World
from sim.world import BTC
from tradewright.core.ids import IntentId
from tradewright.core.order import Exit, OrderChange, PositionExits, Trigger
from tradewright.simulator.errors import ApiError
from tradewright.simulator.matching.commands import read_cancel, read_leverage
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.trading.bodies import CloseBody, PlaceBody
from tradewright.trading.proposals import close_order

INTENTS_MAX: Final = 12
_TENTH: Final = Decimal("0.1")
_LIVE: Final = ("acknowledged", "waiting_trigger", "working", "partially_filled", "amend_requested")


class Person:
    """Asks for at most `INTENTS_MAX` things while the faults are on, beside sweeps. `asked` are the orders."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._rng_of_legs = world.random_of("legs")
        self._rng_of_sweeps = world.random_of("sweeps")
        self._wishes = 0
        self.asked: list[IntentId] = []

    async def live(self, until_s: float) -> None:
        rng = self._rng
        most = rng.randint(5, INTENTS_MAX)
        while self._wishes < most:
            await asyncio.sleep(rng.choice((rng.uniform(0, 0.2), rng.uniform(0.5, 4), rng.uniform(2, 7))))
            if self._world.loop.time() > until_s:
                return
            self.act()

    def act(self) -> None:
        rng, choice = self._rng, self._rng.random()
        self._wishes += 1
        if self.asked and choice < 0.16:
            self._cancel(self._target())
        elif self.asked and choice < 0.30:
            self._amend(self._target())
        elif choice < 0.35:
            self._propose(lambda key, now: self._db.propose_leverage(key, BTC, Decimal(rng.randrange(2, 40)), now))
        elif choice < 0.42:
            exits = self._exits()
            self._propose(lambda key, now: self._db.propose_exits(key, BTC, exits, now))
        elif choice < 0.50 and self._world.night.hedged:
            self._close_leg()
        elif choice < 0.46:
            self._note(self._propose(lambda key, now: self._db.propose_close(key, BTC, now)))
        elif choice < 0.50:
            self._note(self._propose(lambda key, now: self._db.propose_reverse(key, BTC, now)))
        elif choice < 0.60:
            self._spot()
        elif choice < 0.74:
            self.market_order()
        elif choice < 0.82:
            self._conditional()
        else:
            self.limit_order()

    async def sweep(self, until_s: float) -> None:
        """Now and then lays out a handful of orders a way off, and cancels whatever lives at once."""
        rng = self._rng_of_sweeps
        while True:
            await asyncio.sleep(rng.uniform(2, 9))
            if self._world.loop.time() > until_s:
                return
            side = rng.choice(("Buy", "Sell"))
            for step in range(rng.randint(2, 5)):
                away = Decimal(rng.randint(200, 500) + 10 * step) * (-1 if side == "Buy" else 1)
                price = (self._world.price + away).quantize(_TENTH)
                self._place(side=side, quantity=Decimal("0.01"), price=price, time_in_force="GTC")
            await asyncio.sleep(rng.uniform(0.5, 3))
            for order_id in [one for one in self.asked if self._db.status(one) in _LIVE]:
                self._cancel(order_id)

    def limit_order(self, **changes: Any) -> IntentId:
        rng = self._rng
        tif = rng.choice(("GTC", "GTC", "GTC", "IOC", "PostOnly"))
        legs = self._legs() if rng.random() < 0.2 else {}
        return self._place(**({"price": self._near(30), "time_in_force": tif} | legs | changes))

    def market_order(self, **changes: Any) -> IntentId:
        legs = self._legs() if self._rng.random() < 0.35 else {}
        market = {"order_type": "Market", "price": None, "time_in_force": "IOC"}
        return self._place(**(market | legs | changes))

    @property
    def _db(self) -> Any:
        return self._world.database

    def _place(self, **changes: Any) -> IntentId:
        world, rng = self._world, self._rng
        side = changes.pop("side", rng.choice(("Buy", "Sell")))
        fields: dict[str, Any] = {
            "id": IntentId(world.ids.new()),
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": side,
            "order_type": "Limit",
            "quantity": self._quantity(),
            "price": None,
            "time_in_force": "GTC",
            "reduce_only": False,
            "note": None,
        }
        legs = changes.pop("legs", None)
        if legs is not None:
            fields |= legs(side)
        if world.night.hedged and fields["category"] == "linear":
            fields |= self._leg_of(side)
        intent_id: IntentId = self._db.propose_place(PlaceBody(**(fields | changes)), world.clock.now())
        world.wake()
        self.asked.append(intent_id)
        return intent_id

    def _leg_of(self, side: str) -> dict[str, Any]:
        """In hedge mode an order opens the leg of its side, or takes something off the other."""
        own, other = (1, 2) if side == "Buy" else (2, 1)
        if self._rng_of_legs.random() < 0.7:
            return {"position_index": own}
        return {"position_index": other, "reduce_only": True, "take_profit": None, "stop_loss": None}

    def _close_leg(self) -> None:
        """All of one leg that there is, at market: in hedge mode nothing is turned."""
        held = [row.position for key, row in self._db.positions.items() if key[2] and row.position.side is not None]
        if held:
            leg = self._rng_of_legs.choice(held)
            intent_id = IntentId(self._world.ids.new())
            body = CloseBody(
                id=intent_id,
                category="linear",
                symbol="BTCUSDT",
                side=leg.side,
                percent=Decimal(100),
                price=None,
                slippage_percent=None,
            )
            order = close_order(body, leg.size, leg.position_index)
            self._db.propose_order(intent_id, order, self._world.clock.now(), closes=True, seen_side=leg.side)
            self._world.wake()
            self.asked.append(intent_id)

    def _propose(self, write: Callable[[IntentId, Any], IntentId | None]) -> IntentId | None:
        made = write(IntentId(self._world.ids.new()), self._world.clock.now())
        self._world.wake()
        return made

    def _note(self, order: IntentId | None) -> None:
        if order is not None:
            self.asked.append(order)

    def _target(self) -> IntentId:
        """Mostly one that still lives, as a person would choose; now and then one that has ended."""
        live = [one for one in self.asked if self._db.status(one) in _LIVE]
        return self._rng.choice(live if live and self._rng.random() < 0.9 else self.asked)

    def _cancel(self, order_id: IntentId) -> None:
        instrument = self._db.intents[order_id].instrument
        self._propose(lambda key, now: self._db.propose_cancel(key, order_id, instrument, now))

    def _amend(self, order_id: IntentId) -> None:
        """Once, or several times in a moment, as a line that is dragged along."""
        row = self._db.intents[order_id]
        if row.order is None or row.order.order_type == "Market":
            self._cancel(order_id)
            return
        for _ in range(self._rng.choice((1, 1, 3))):
            change = (
                OrderChange(quantity=self._quantity())
                if self._rng.random() < 0.3
                else OrderChange(price=self._near(30))
            )
            self._propose(
                lambda key, now, change=change: self._db.propose_amend(key, order_id, row.instrument, change, now)  # type: ignore[misc]
            )

    def _exits(self) -> PositionExits:
        price, rng = self._world.price, self._rng
        above, below = (price * Decimal("1.03")).quantize(_TENTH), (price * Decimal("0.97")).quantize(_TENTH)
        up, down = (above, below) if rng.random() < 0.5 else (below, above)
        chosen = rng.choice(
            (
                PositionExits(take_profit=up, stop_loss=down),
                PositionExits(stop_loss=down),
                PositionExits(take_profit=Decimal(0)),
                PositionExits(take_profit=Decimal(0), stop_loss=Decimal(0)),
            )
        )
        return replace(chosen, position_index=self._rng_of_legs.choice(self._world.legs))

    def _legs(self) -> dict[str, Any]:
        """A stop on the losing side, and sometimes a take-profit."""
        price, both = self._world.price, self._rng.random() < 0.4

        def legs(side: str) -> dict[str, Exit]:
            loss, gain = ("0.98", "1.03") if side == "Buy" else ("1.02", "0.97")
            made = {"stop_loss": Exit(trigger_price=(price * Decimal(loss)).quantize(_TENTH))}
            if both:
                made["take_profit"] = Exit(trigger_price=(price * Decimal(gain)).quantize(_TENTH))
            return made

        return {"legs": legs}

    def _spot(self) -> None:
        rng = self._rng
        side, quantity = rng.choice(("Buy", "Buy", "Sell")), Decimal(rng.randrange(1, 400)) / 1000
        if rng.random() < 0.5:
            self.market_order(category="spot", side=side, quantity=quantity, legs=None)
        else:
            self._place(category="spot", side=side, quantity=quantity, price=self._near(20))

    def _conditional(self) -> None:
        rng = self._rng
        rises = rng.random() < 0.5
        distance = Decimal(rng.randrange(10, 2_000)) / 10
        price = self._world.price + (distance if rises else -distance)
        trigger = Trigger(price=price, by="LastPrice", rises=rises)
        if rng.random() < 0.5:
            self.market_order(trigger=trigger, legs=None)
        else:
            self._place(price=price, trigger=trigger)

    def _near(self, steps: int) -> Decimal:
        return self._world.price + Decimal(self._rng.randint(-steps, steps)) * 10

    def _quantity(self) -> Decimal:
        if self._rng.random() < 0.04:
            return Decimal(300)  # more than there is margin for
        return Decimal(self._rng.randrange(1, 600)) / 1000


class Stranger:
    """Somebody at the exchange's own page: orders, cancels of their own, settings. `orders` are the exchange's ids."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self.orders: list[str] = []
        self.cancelled: set[str] = set()

    async def live(self, until_s: float) -> None:
        most = self._rng.choice((0, 0, 0, 1, 2, 3))
        for _ in range(max(most, 4) if self._world.night.decides else most):
            await asyncio.sleep(self._rng.uniform(1, 15))
            if self._world.loop.time() > until_s:
                return
            self.act()

    def act(self) -> None:
        self._world.stranger_s = self._world.loop.time()
        with contextlib.suppress(ApiError):  # the exchange would not: no news of ours
            self._act()

    def _act(self) -> None:
        rng, engine, specs = self._rng, self._world.engine, self._world.engine.specs
        named = {"category": "linear", "symbol": "BTCUSDT"}
        choice = rng.random()
        if self.orders and choice < 0.3:
            order_id = rng.choice(self.orders)
            engine.cancel(read_cancel({**named, "orderId": order_id}, specs))
            self.cancelled.add(order_id)
        elif choice < 0.45:
            leverage = str(rng.randrange(2, 30))
            engine.set_leverage(read_leverage({**named, "buyLeverage": leverage, "sellLeverage": leverage}, specs))
        elif choice < 0.6:
            stop = str((self._world.price * Decimal(rng.choice(("0.96", "1.04")))).quantize(_TENTH))
            engine.set_trading_stop(
                read_trading_stop({**named, "tpslMode": "Full", "stopLoss": stop, **self._leg("")}, specs)
            )
        else:
            body: dict[str, Any] = {
                **named,
                "side": rng.choice(("Buy", "Sell")),
                "qty": str(Decimal(rng.randrange(1, 300)) / 1000),
                "orderLinkId": rng.choice(("", f"by-hand-{rng.randrange(10**6)}")),
            }
            body |= self._leg(body["side"])
            if rng.random() < 0.6:
                price = str(self._world.price + Decimal(rng.randint(-60, 60)) * 10)
                body |= {"orderType": "Limit", "price": price, "timeInForce": "GTC"}
            else:
                body |= {"orderType": "Market"}
            self._world.has_stranger = True
            self.orders.append(engine.place(read_create(body, specs)).order_id)

    def _leg(self, side: str) -> dict[str, int]:
        """Which of two legs, where there are two."""
        if not self._world.night.hedged:
            return {}
        return {"positionIdx": self._rng.choice(self._world.legs) if not side else 1 if side == "Buy" else 2}
