"""One seed, one session on the simulated exchange: a market of its own and commands drawn from it, in virtual time.

Lives here: playing it and boiling all it said down to a digest, `python -m support.seeded_session FIRST COUNT` prints
one a seed. Not here: what is right (`property/test_simulator_determinism.py` compares runs).
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tradewright.simulator.accounts.events import Event
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market import Market, MarketClock, MarketEvent
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.matching.amend import read_amend
from tradewright.simulator.matching.commands import read_cancel, read_leverage
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Outcome, Surroundings
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.simulator.matching.venue import Venue

NOON_MS = 1_795_694_400_000  # 2026-11-26 12:00 UTC
COMMANDS = 14
HISTORY_MINUTES = 10  # of the listings that are played: making three days of it takes longer than the session
FUNDS = (("USDT", "100000"), ("USDC", "100000"), ("BTC", "2"), ("ETH", "20"))


class SeededSession:
    """The session of a seed. `play` plays it whole; `said` is every byte of it, in order."""

    def __init__(self, seed: int, *, start_ms: int = NOON_MS) -> None:
        self.rng = random.Random(seed)
        self.wall_ms = start_ms + self.rng.randrange(3_600_000)
        self.market: Market = SyntheticMarket(
            seed=seed,
            clock=MarketClock(wall_ms=self.wall_ms, market_ms=self.wall_ms, speed=1),
            start_ms=self.wall_ms,
            follows_wall=False,
            history_minutes=HISTORY_MINUTES,
        )
        self.log = EventLog(None)
        self.said = hashlib.sha256()
        self._places = itertools.count()
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        ids = itertools.count(1)
        self.venue = Venue(self.market, wall_ms=lambda: self.wall_ms)
        self.engine = Engine(
            venue=self.venue,
            log=self.log,
            around=Surroundings(
                wall_ms=lambda: self.wall_ms,
                new_id=lambda: f"id-{next(ids)}",
                later=self._in_a_while,
                tell=self._told,
            ),
            order_delay_ms=30,
            partial_fills=bool(seed % 2),
        )
        self.engine.fund([(coin, Decimal(amount)) for coin, amount in FUNDS])
        tradable = [spec for spec in self.market.instruments if spec.status == "Trading"]
        self.specs = [*self.rng.sample(tradable, 2), self.engine.specs["BTCUSDT"]]

    def play(self) -> str:
        for _ in range(COMMANDS):
            self._command()
            self._pass(self.rng.choice((5, 40, 900, 4_000)))
        self._pass(10_000)
        return self.said.hexdigest()

    def events(self) -> list[Event]:
        return [entry.event for entry in self.log.entries]

    def _in_a_while(self, delay_ms: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self.wall_ms + delay_ms, next(self._places), call))

    def _told(self, outcome: Outcome) -> None:
        for entry in outcome.entries:
            self._say(entry)

    def _pass(self, milliseconds: int) -> None:
        """Wall time goes on, timers at their moments."""
        until_ms = self.wall_ms + milliseconds
        while self._later and self._later[0][0] <= until_ms:
            self.wall_ms, _, call = heapq.heappop(self._later)
            call()
        self.wall_ms = until_ms
        while not self.engine.catch_up():
            pass
        self._hear(self.venue.take_events())

    def _hear(self, events: Sequence[MarketEvent]) -> None:
        watched = {spec.listing for spec in self.specs}
        for event in events:
            if event.symbol in watched:
                self._say(repr((event.symbol, event.time_ms, event.seq, getattr(event, "price", None))))

    def _command(self) -> None:
        try:
            answer = self.rng.choice(
                (self._create, self._create, self._create, self._amend, self._cancel, self._leverage, self._stop)
            )()
        except ApiError as error:
            answer = f"{int(error.code)} {error.text}"
        self._say(answer)

    def _create(self) -> str:
        spec = self.rng.choice(self.specs)
        return self.engine.place(read_create(self._body_of_order(spec), self.engine.specs)).order_id

    def _body_of_order(self, spec: InstrumentSpec) -> dict[str, Any]:
        rng, last = self.rng, self.market.last_price(spec.listing)
        body: dict[str, Any] = {
            **_named(spec),
            "side": rng.choice(("Buy", "Sell")),
            "orderType": rng.choice(("Limit", "Market")),
            "qty": str(spec.qty_step * rng.randint(1, 40) + spec.min_qty),
            "orderLinkId": f"l{len(self.log.entries)}-{rng.randrange(3)}",
            "timeInForce": rng.choice(("GTC", "IOC", "FOK", "PostOnly")),
            "reduceOnly": rng.random() < 0.2,
        }
        if body["orderType"] == "Limit":
            body["price"] = self._near(spec, last, 30)
        if rng.random() < 0.2 and spec.category in ("linear", "inverse"):
            trigger = self._near(spec, last, 200)
            body |= {"triggerPrice": trigger, "triggerDirection": 1 if Decimal(trigger) > last else 2}
        elif rng.random() < 0.2 and spec.category == "linear":
            body |= {"stopLoss": self._near(spec, last * (Decimal("0.98" if body["side"] == "Buy" else "1.02")), 5)}
        return body

    def _near(self, spec: InstrumentSpec, price: Decimal, ticks: int) -> str:
        whole = price // spec.tick_size + self.rng.randint(-ticks, ticks)
        return str(max(whole, Decimal(1)) * spec.tick_size)

    def _some_order(self) -> Order | None:
        orders = list(self.engine.account.orders.values())
        return self.rng.choice(orders) if orders else None

    def _amend(self) -> str:
        order = self._some_order()
        if order is None:
            return "none"
        spec = self.engine.specs[order.symbol]
        body = {
            **_named(spec),
            "orderId": order.order_id,
            "qty": str(spec.qty_step * self.rng.randint(1, 60)),
            "price": self._near(spec, self.market.last_price(spec.listing), 30),
        }
        return self.engine.amend(read_amend(body, self.engine.specs)).order_id

    def _cancel(self) -> str:
        order = self._some_order()
        if order is None:
            return "none"
        body = {**_named(self.engine.specs[order.symbol]), "orderId": order.order_id}
        return self.engine.cancel(read_cancel(body, self.engine.specs)).order_id

    def _leverage(self) -> str:
        leverage = str(self.rng.randint(1, 30))
        spec = self.rng.choice(self.specs)
        body = {**_named(spec), "buyLeverage": leverage, "sellLeverage": leverage}
        self.engine.set_leverage(read_leverage(body, self.engine.specs))
        return leverage

    def _stop(self) -> str:
        spec = self.rng.choice(self.specs)
        price = self._near(spec, self.market.last_price(spec.listing), 300)
        body = {**_named(spec), "tpslMode": "Full", self.rng.choice(("takeProfit", "stopLoss")): price}
        self.engine.set_trading_stop(read_trading_stop(body, self.engine.specs))
        return price

    def _say(self, value: Any) -> None:
        self.said.update(msgspec.json.encode(value))


def _named(spec: InstrumentSpec) -> dict[str, Any]:
    return {"category": spec.category, "symbol": spec.symbol}


def main(first: int, count: int) -> None:
    for seed in range(first, first + count):
        print(SeededSession(seed).play())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
