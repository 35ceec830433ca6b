"""What an incoming order meets, in price-time priority: the market's book, and between it the account's own orders.

Lives here: pure walks, and self-match prevention (SMP), which decides whether own orders trade with each other. Not
here: what an order becomes of it (`decisions`), places in the queue of a price (`queue`).
Our orders do not move the market: the book is the market's, and it stays as it is. At one price an own order is served
after so much of the market's size as stands before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts.events import Side, SmpType
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.market.model import Level, MarketBook


@dataclass(frozen=True, slots=True)
class Own:
    """A resting order of the account on the other side: how much of it may fill, and how much of the market's size at
    its price stands before it, None where that is all of it.
    """

    order: Order
    quantity: Decimal
    ahead: Decimal | None


@dataclass(frozen=True, slots=True)
class Take:
    """Liquidity taken at one price, from an own order if `maker` is one."""

    price: Decimal
    quantity: Decimal
    maker: Order | None = None


@dataclass(frozen=True, slots=True)
class Prevented:
    """An own resting order that was met and must not trade: it ends."""

    maker: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """`steps` in the order in which they happen; `stopped_by` is the own order at which the incoming one ended."""

    steps: Sequence[Take | Prevented]
    stopped_by: Order | None = None

    @property
    def takes(self) -> list[Take]:
        return [step for step in self.steps if isinstance(step, Take)]

    @property
    def quantity(self) -> Decimal:
        return sum((part.quantity for part in self.takes), ZERO)

    @property
    def value(self) -> Decimal:
        """In quote coin."""
        return sum((part.quantity * part.price for part in self.takes), ZERO)


@dataclass(frozen=True, slots=True)
class _Offer:
    price: Decimal
    size: Decimal
    maker: Order | None = None


def is_within(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether trading at `price` is as good as `limit` or better for this side."""
    return price <= limit if side == "Buy" else price >= limit


def meets(order: Order, book: MarketBook, own: Sequence[Own]) -> bool:
    """Whether a limit order meets the other side on arrival, be it an own order."""
    best = next(_offers(book, order.side, own), None)
    return best is not None and is_within(order.side, best.price, order.price)


def walk(
    book: MarketBook,
    own: Sequence[Own],
    *,
    side: Side,
    limit: Decimal,
    amount: Decimal,
    step: Decimal,
    in_quote: bool = False,
    smp_type: SmpType = "None",
) -> Walk:
    """From the best price up to `limit`, for at most `amount` (base coin, or quote coin where `in_quote`).

    A level gives whole steps only: a recorded size may lie between them. For an amount of quote coin a level gives what
    is affordable in whole steps; what is left then buys nothing.
    """
    steps: list[Take | Prevented] = []
    rest = amount
    for offer in _offers(book, side, own):
        most = rest // (offer.price * step) * step if in_quote else rest
        if most <= 0 or not is_within(side, offer.price, limit):
            break
        if offer.maker is not None and smp_type != "None":
            if smp_type != "CancelTaker":
                steps.append(Prevented(offer.maker))
            if smp_type != "CancelMaker":
                return Walk(steps=steps, stopped_by=offer.maker)
            continue
        part = min(most, offer.size // step * step)
        if part > 0:
            steps.append(Take(offer.price, part, offer.maker))
            rest -= part * offer.price if in_quote else part
        if in_quote and part == most:
            break
    return Walk(steps=steps)


def _offers(book: MarketBook, side: Side, own: Sequence[Own]) -> Iterator[_Offer]:
    """What stands on the other side of `side`, best price first, at one price in the order of time."""
    levels: Iterable[Level] = book.asks if side == "Buy" else book.bids
    waiting = sorted(own, key=lambda one: (one.order.price if side == "Buy" else -one.order.price, one.order.queued))
    for price, size in levels:
        while waiting and waiting[0].order.price != price and is_within(side, waiting[0].order.price, price):
            yield _own(waiting.pop(0))
        served = ZERO
        while waiting and waiting[0].order.price == price:
            ahead = size if waiting[0].ahead is None else min(size, waiting[0].ahead)
            if ahead > served:
                yield _Offer(price, ahead - served)
                served = ahead
            yield _own(waiting.pop(0))
        if size > served:
            yield _Offer(price, size - served)
    for one in waiting:
        yield _own(one)


def _own(one: Own) -> _Offer:
    return _Offer(one.order.price, one.quantity, one.order)
