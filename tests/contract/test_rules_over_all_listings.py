"""Our rules of orders against the simulated exchange's own filters, over everything that it lists (promise H5).

What the rules let pass is refused for no filter, and what they refuse by the grid is refused there too. An order is
read there from the body that would be sent, for an empty account. `RULED=2000` draws as many orders of each listing.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from tradewright.core.errors import Problem
from tradewright.core.ids import IntentId, LinkId, link_id_of, uuid7
from tradewright.core.instrument import Instrument, InstrumentId, Side, TriggerBy
from tradewright.core.order import Exit, NewOrder, Trigger
from tradewright.core.order_rules import Draft, place_problems
from tradewright.core.rule_parts import Quotes, Standing
from tradewright.core.sizing import Sizing, SizingUnit, quantity_of
from tradewright.exchange.bybit.market_codec import instrument as read_instrument
from tradewright.exchange.bybit.order_bodies import create_body
from tradewright.exchange.bybit.wire import InstrumentRow
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.build import build_market
from tradewright.simulator.market.model import InstrumentSpec, Market
from tradewright.simulator.matching.commands import CancelOrder
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Surroundings
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.rows.instruments import instrument_row

DRAWN = int(os.environ.get("RULED", "50"))
NOW_MS = 1_760_000_000_000
OF_THE_ACCOUNT = (RetCode.NOT_ENOUGH_MARGIN, RetCode.SPOT_INSUFFICIENT_BALANCE, RetCode.RISK_LIMIT)
# Spot's band moves with a premium of the last minutes that nobody knows but the exchange; the page warns beside it.
OF_THE_MOMENT = (RetCode.SPOT_PRICE_ABOVE_LIMIT, RetCode.SPOT_PRICE_BELOW_LIMIT)
ONE, NOTHING = Decimal(1), Standing()


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(["synthetic"], seed=1, speed=1.0, from_ms=NOW_MS, wall_now_ms=NOW_MS)


class Exchange:
    """The engine of the simulated exchange on a market, with an account that has nothing."""

    def __init__(self, market: Market) -> None:
        self._numbers = itertools.count(1)
        self._engine = Engine(
            venue=Venue(market, wall_ms=lambda: NOW_MS),
            log=EventLog(None),
            around=Surroundings(
                wall_ms=lambda: NOW_MS,
                new_id=lambda: f"id-{next(self._numbers)}",
                later=lambda _delay_ms, _call: None,
                tell=lambda _outcome: None,
            ),
            order_delay_ms=0,
            partial_fills=False,
            queue="through",
        )

    def refuses(self, instrument: Instrument, draft: Draft) -> ApiError | None:
        """For another reason than what the account has (that is asked last, of what fits) or the moment's prices."""
        link = link_id_of(IntentId(uuid7(NOW_MS, next(self._numbers))))
        body = msgspec.json.decode(msgspec.json.encode(create_body(order_of(instrument, draft, link))))
        try:
            order = self._engine.place(read_create(body, self._engine.specs))
        except ApiError as error:
            return None if error.code in OF_THE_ACCOUNT + OF_THE_MOMENT else error
        # A trigger that waits binds nothing, but only so many may.
        self._engine.cancel(CancelOrder(symbol=order.symbol, order_id=order.order_id, link_id=""))
        return None


@pytest.fixture
def exchange(market: Market) -> Exchange:
    return Exchange(market)


def listed(market: Market) -> list[tuple[InstrumentSpec, Instrument]]:
    """What we trade, with its rules as we read them from the exchange's own rows."""
    found = []
    for spec in market.instruments:
        if spec.category in ("linear", "spot") and spec.status == "Trading":
            row = msgspec.json.decode(msgspec.json.encode(instrument_row(spec)), type=InstrumentRow)
            found.append((spec, read_instrument(InstrumentId(spec.category, spec.symbol), row)))
    return found


def quotes_of(market: Market, spec: InstrumentSpec) -> Quotes:
    book = market.book(spec.listing)
    return Quotes(
        last=market.last_price(spec.listing),
        mark=None if spec.category == "spot" else market.mark_price(spec.listing),
        index=market.index_price(spec.listing),
        bid=book.bids[0][0],
        ask=book.asks[0][0],
    )


class Person:
    """Draws orders as people ask for them: in any unit, at prices around the market, rounded as the page does."""

    def __init__(self, instrument: Instrument, quotes: Quotes, seed: str) -> None:
        self._instrument, self._quotes, self._rng = instrument, quotes, random.Random(seed)
        assert quotes.last is not None
        self._last = quotes.last

    def near(self, side: Side, percent: int = 5) -> Decimal:
        """A price on the passive side of one that nobody rounded."""
        asked = self._last * (ONE + Decimal(self._rng.randint(-percent * 1000, percent * 1000)) / 100_000)
        rounded = self._instrument.to_tick_down if side == "Buy" else self._instrument.to_tick_up
        return rounded(asked)

    def draft(self) -> Draft:
        rng = self._rng
        side: Side = rng.choice(("Buy", "Sell"))
        is_limit = rng.random() < 0.6
        price = self.near(side) if is_limit else None
        draft = Draft(
            side=side,
            order_type="Limit" if is_limit else "Market",
            quantity=self.quantity(side, price),
            price=price,
            time_in_force=rng.choice(("GTC", "IOC", "FOK", "PostOnly")) if is_limit else "IOC",
            slippage_percent=None if is_limit else Decimal(rng.randint(1, 1000)) / 100,
        )
        if rng.random() < 0.3:
            by: TriggerBy = rng.choice(("LastPrice", "MarkPrice", "IndexPrice"))
            trigger = Trigger(price=self.near(side), by=by, rises=rng.random() < 0.5)
            draft = replace(draft, trigger=trigger, slippage_percent=None)
        if rng.random() < 0.3:
            leg = [self.leg(side) if rng.random() < 0.7 else None for _ in range(2)]
            draft = replace(draft, take_profit=leg[0], stop_loss=leg[1])
        spot_market = self._instrument.id.category == "spot" and not is_limit and draft.trigger is None
        if spot_market and side == "Buy" and rng.random() < 0.5:
            draft = replace(draft, quantity=self.amount(), quantity_unit="quote")
        return draft

    def leg(self, side: Side) -> Exit:
        limit = self.near(side) if self._rng.random() < 0.3 else None
        return Exit(trigger_price=self.near(side, percent=20), limit_price=limit)

    def amount(self) -> Decimal:
        step = self._instrument.quote_step or ONE
        least = self._instrument.min_notional
        return least + step * self._rng.choice((0, 1, self._rng.randrange(10**4)))

    def quantity(self, side: Side, price: Decimal | None) -> Decimal:
        """At an edge of what is allowed, or what a wish in another unit comes to."""
        of, rng = self._instrument, self._rng
        largest = of.max_market_quantity if price is None else of.max_limit_quantity
        edges = (of.min_quantity, of.min_quantity + of.quantity_step, largest, largest + of.quantity_step)
        if rng.random() < 0.3:
            return rng.choice(edges)
        unit: SizingUnit = rng.choice(("quote", "percent", "risk"))
        by = Sizing(
            side=side,
            order_type="Market" if price is None else "Limit",
            price=price or self._last,
            available=Decimal(rng.randint(1, 10**6)),
            leverage=Decimal(rng.randint(1, 10)),
            taker_rate=Decimal("0.001"),
            stop_loss=(price or self._last) * (Decimal("0.9") if side == "Buy" else Decimal("1.1")),
        )
        value = Decimal(rng.randint(1, 100 if unit == "percent" else 10**5))
        found = quantity_of(of, unit, value, by)
        assert not isinstance(found, Problem)
        return found


def order_of(instrument: Instrument, draft: Draft, link: LinkId) -> NewOrder:
    return NewOrder(
        link_id=link,
        instrument=instrument.id,
        side=draft.side,
        order_type=draft.order_type,
        quantity=draft.quantity,
        price=draft.price,
        time_in_force=draft.time_in_force,
        quantity_unit=draft.quantity_unit,
        trigger=draft.trigger,
        take_profit=draft.take_profit,
        stop_loss=draft.stop_loss,
        slippage_percent=draft.slippage_percent,
    )


def test_no_order_that_the_rules_let_pass_is_refused_for_a_filter(market: Market, exchange: Exchange) -> None:
    asked: Counter[str] = Counter()
    wrong = []
    for spec, instrument in listed(market):
        quotes = quotes_of(market, spec)
        person = Person(instrument, quotes, f"rules:{spec.listing}")
        for _ in range(DRAWN):
            draft = person.draft()
            if place_problems(instrument, draft, quotes, NOTHING):
                continue
            asked[spec.listing] += 1
            if error := exchange.refuses(instrument, draft):
                wrong.append(f"{spec.listing}: {error.code} {error} of {draft}")
    assert wrong == []
    everything = {spec.listing for spec, _ in listed(market)}
    assert set(asked) == everything, "each listing was asked for something"
    assert len(everything) > 40
    assert asked.total() > DRAWN * len(everything) / 4, "most of what was drawn is fit to be sent"


def test_one_step_beside_a_grid_or_beyond_an_edge_both_refuse(market: Market, exchange: Exchange) -> None:
    for spec, instrument in listed(market):
        quotes = quotes_of(market, spec)
        assert quotes.bid is not None
        price = instrument.to_tick_down(quotes.bid * Decimal("0.99"))
        enough = instrument.min_notional / price + instrument.min_quantity
        quantity = instrument.to_step_down(enough) + instrument.quantity_step
        fit = Draft(side="Buy", order_type="Limit", quantity=quantity, price=price)
        assert (place_problems(instrument, fit, quotes, NOTHING), exchange.refuses(instrument, fit)) == ([], None)
        for beside in (
            replace(fit, price=price + instrument.tick_size / 2),
            replace(fit, quantity=quantity + instrument.quantity_step / 2),
            replace(fit, quantity=instrument.max_limit_quantity + instrument.quantity_step),
        ):
            assert place_problems(instrument, beside, quotes, NOTHING), (spec.listing, beside)
            assert exchange.refuses(instrument, beside), (spec.listing, beside)
