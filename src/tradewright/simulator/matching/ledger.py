"""The account, its log and the prices of the moment: what is true, and the one way in which it changes.

Lives here: a batch of events is logged, applied and then told; margin and coins at the prices of now; `Scene`s.
Not here: what happens next (`floor`), commands and their refusals (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts import collateral, margin, needs, spot
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import Entry, Event, Moment
from tradewright.simulator.accounts.listed import BindingOrders, Listed, changed
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position, PositionKey
from tradewright.simulator.accounts.settings import borrowed, is_collateral
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import InstrumentSpec, Listing, MarketBook, is_option
from tradewright.simulator.market.risk_tiers import RiskTier, risk_tiers, tier_at
from tradewright.simulator.matching.decisions import Scene
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.texts import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A batch that is on disk and applied. `delay_ms` is how long the streams still wait to tell it."""

    entries: Sequence[Entry]
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the exchange needs from outside: time, ids, the loop, and somebody who listens.

    `later(delay_ms, call)` runs something after so much wall time; `tell(outcome)` hears of every batch.
    """

    wall_ms: Callable[[], int]
    new_id: Callable[[], str]
    later: Callable[[int, Callable[[], None]], None]
    tell: Callable[[Outcome], None]


class Ledger:
    """One account on one market, as far as its log goes."""

    def __init__(self, *, venue: Venue, log: EventLog, around: Surroundings) -> None:
        self.venue = venue
        self.market = venue.market
        self.account = Account()
        self.specs: dict[str, InstrumentSpec] = venue.specs
        self.around = around
        self._log = log
        self._tiers: dict[Listing, tuple[RiskTier, ...]] = {}
        self._margin: tuple[tuple[int, int], list[tuple[Decimal, Decimal]], margin.MarginView] | None = None
        self._needs: dict[PositionKey, tuple[Listed, int, Position | None, Decimal]] = {}
        self._priced_by: dict[str, Listing] = {}  # the listing whose index price a coin is worth
        for entry in log.entries:
            self.account.apply(entry)

    @property
    def entries(self) -> Sequence[Entry]:
        """All that happened on the account, oldest first."""
        return self._log.entries

    def commit(self, events: Sequence[Event], *, delay_ms: int = 0, tell: bool = True) -> None:
        """Write, apply, tell: in this order, so that nobody ever hears of what a crash could undo."""
        if not events:
            return
        entries = self._log.append(events)
        for entry in entries:
            self.account.apply(entry)
        if tell:
            self.around.tell(Outcome(entries=entries, delay_ms=delay_ms))

    def margin_now(self) -> margin.MarginView:
        """At the prices of this moment; worked out again only if one of these or the account is another."""
        version, marks = self.account.version, self._marks()
        if self._margin is not None and self._margin[:2] == (version, marks):
            view = self._margin[2]
            if all(part.price == self.usd_price(coin) for coin, part in view.coins.items()):
                return view
        view = self.margin_of(self.account.positions)
        self._margin = version, marks, view
        return view

    def _marks(self) -> list[tuple[Decimal, Decimal]]:
        """The prices that margin hangs on, but for those of coins; of orders only options' have any."""
        account = self.account
        listings = (*account.held, *(key for key in account.live.listed if is_option(key[0])))
        return [
            (self.market.mark_price(listing), self.market.index_price(listing) if is_option(listing) else ZERO)
            for listing, _ in listings
        ]

    def margin_of(self, positions: Mapping[PositionKey, Position]) -> margin.MarginView:
        """The margin the account would have now with these positions and its orders."""
        account = self.account
        return margin.view(
            mode=account.margin_mode,
            balances={coin: held.balance for coin, held in account.coins.items()},
            locked=account.live.locked(self.specs),
            positions=positions.values(),
            bound=[
                (self.specs[key[0]].settle_coin, self._bound(listed, key, positions.get(key)))
                for key, listed in account.live.listed.items()
            ],
            terms=self.terms,
            price=self.usd_price,
            ratio=self.collateral_ratio,
        )

    def margin_if(self, order: Order | None, *, instead_of: Order) -> margin.MarginView:
        """The margin the account would have now if there were an order of a contract `instead_of` another one, in
        whatever form that is live, if it is.
        """
        now, account = self.margin_now(), self.account
        key: PositionKey = (instead_of.symbol, instead_of.position_index)
        listed, held = account.live.listed_of(key), account.positions.get(key)
        settles = self.specs[instead_of.symbol].settle_coin
        more = self._needed(changed(listed, instead_of=instead_of, more=order), held or _flat(key))
        more -= self._bound(listed, key, held) if listed else ZERO
        part = now.coins.get(settles) or margin.CoinMargin(
            coin=settles, price=self.usd_price(settles), ratio=self.collateral_ratio(settles)
        )
        return replace(now, coins={**now.coins, settles: replace(part, order_initial=part.order_initial + more)})

    def _bound(self, listed: Listed, key: PositionKey, position: Position | None) -> Decimal:
        """What the orders of a position bind; of a contract that hangs on them and on the position only."""
        known = self._needs.get(key)
        if known is not None and known[0] is listed and known[1] == listed.version and known[2] is position:
            return known[3]
        amount = self._needed(listed, position or _flat(key))
        if not is_option(key[0]):
            self._needs[key] = listed, listed.version, position, amount
        return amount

    def _needed(self, orders: BindingOrders, position: Position) -> Decimal:
        if is_option(position.symbol):
            return needs.option_order_need(orders, position, self.terms(position.symbol))
        spec = self.specs[position.symbol]
        return needs.order_need(orders, position, spec, self.tiers(spec))

    def tiers(self, spec: InstrumentSpec) -> tuple[RiskTier, ...]:
        """Lowest first; empty for an option."""
        found = self._tiers.get(spec.listing)
        if found is None:
            found = self._tiers[spec.listing] = risk_tiers(spec)
        return found

    def terms(self, listing: Listing) -> needs.Terms:
        """What the exchange asks of a contract or option now."""
        spec = self.specs[listing]
        return needs.Terms(
            spec=spec,
            tiers=self.tiers(spec),
            mark_price=self.market.mark_price(listing),
            index_price=self.market.index_price(listing) if spec.is_option else ZERO,
        )

    def usd_price(self, coin: str) -> Decimal:
        """What a coin is worth in dollars: the index price of the first listing that trades it against them, 0 where
        there is none.
        """
        if coin in collateral.DOLLARS:
            return Decimal(1)
        if coin not in self._priced_by:
            listings = (spec.listing for spec in self.specs.values() if spec.base_coin == coin and _prices_coin(spec))
            found = next(listings, None)
            if found is None:
                return ZERO
            self._priced_by[coin] = found
        return self.market.index_price(self._priced_by[coin])

    def collateral_ratio(self, coin: str) -> Decimal:
        """The part of a coin's worth that backs contracts."""
        return collateral.ratio_of(coin) if is_collateral(self.account.settings, coin) else ZERO

    def needs_collateral(self, coin: str) -> bool:
        """Whether the account would lack margin if a coin backed nothing any more."""
        account = self.account
        if account.margin_mode == "ISOLATED_MARGIN":
            return False
        now = self.margin_now()
        coins = {**now.coins, coin: replace(now.coin(coin), ratio=ZERO)}
        return now.initial > 0 and replace(now, coins=coins).available < 0

    def free_coins(self, coin: str, *, without: str = "") -> Decimal:
        """What a spot order may lock of a coin; negative if there is less than is locked already.

        The order with the id `without` is not counted. What contracts need of the collateral is not free.
        """
        locked = self.account.live.locked(self.specs, without=without).get(coin, ZERO)
        free = self.account.coin(coin).balance + borrowed(self.account.settings, coin) - locked
        if not self.collateral_ratio(coin):
            return free
        now = self.margin_now()
        part = now.coins.get(coin)
        if part is not None:
            now = replace(now, coins={**now.coins, coin: replace(part, locked=locked)})
        return min(free, now.free(coin))

    def reference_price(self, symbol: str) -> Decimal:
        """The mark price of a contract; a spot pair has none, and its index price stands in."""
        if self.specs[symbol].is_spot:
            return self.market.index_price(symbol)
        return self.market.mark_price(symbol)

    def shortage(self, order: Order, *, instead_of: Order | None = None) -> ApiError | None:
        """Why the account cannot pay for or back an order, or None if it can: a new one, a triggered one, or one that
        is changed and then stands `instead_of` the old. An order that binds no more than before is always let through.
        """
        if order.is_spot:
            coin, amount = spot.lock_of(order, self.specs[order.symbol])
            free = self.free_coins(coin, without=order.order_id)
            if amount <= free:
                return None
            return ApiError(
                RetCode.SPOT_INSUFFICIENT_BALANCE,
                f"Insufficient balance: the order needs {plain(amount)} {coin}, {plain(max(free, ZERO))} are free.",
            )
        if (excess := self._beyond_risk_limit(order)) is not None:
            return excess
        settles = self.specs[order.symbol].settle_coin
        after = self.margin_if(order, instead_of=order)
        backs_nothing = after.mode == "REGULAR_MARGIN" and not self.collateral_ratio(settles)
        if not backs_nothing and after.free(settles) >= 0:  # what is looked at first is what mostly settles it
            return None
        before = self.margin_if(instead_of, instead_of=order)
        if after.order_initial <= before.order_initial:
            return None
        if backs_nothing:
            return ApiError(RetCode.SETTLE_COIN_NO_COLLATERAL, f"The collateral of {settles} is not enabled.")
        if self.specs[order.symbol].is_option and order.side == "Sell":
            return ApiError(RetCode.OPTION_MARGIN, "Margin is insufficient for the option order.")
        return ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new order")

    def _beyond_risk_limit(self, order: Order) -> ApiError | None:
        """Why the position would be too large for its leverage, were all that is listed on the order's side filled."""
        terms, position = self.terms(order.symbol), self.position_of(order)
        if order.reduce_only or not terms.tiers:
            return None
        listed = self.account.live.listed_of(position.key)
        held, value = (
            needs.exposure(changed(listed, instead_of=order, more=more), position, order.side, terms.mark_price)
            for more in (None, order)
        )
        tier = tier_at(terms.tiers, value)
        leverage = min(position.leverage, terms.spec.max_leverage)
        if value <= held or (value <= tier.value_max and leverage <= tier.max_leverage):
            return None
        return ApiError(
            RetCode.RISK_LIMIT,
            f"The position would be worth {plain(value)} {terms.spec.settle_coin}; the risk limit allows "
            f"{plain(min(tier.value_max, terms.tiers[-1].value_max))} with a leverage of up to "
            f"{plain(tier.max_leverage)}, and {plain(leverage)} is set.",
        )

    def position_of(self, order: Order) -> Position:
        """The position that an order of a contract works on."""
        return self.account.position(order.symbol, order.position_index)

    def book(self, symbol: str) -> MarketBook:
        """See `Venue.book`."""
        return self.venue.book(symbol)

    def last_price(self, symbol: str) -> Decimal:
        """See `Venue.last_price`."""
        return self.venue.last_price(symbol)

    def moment(self) -> Moment:
        """See `Venue.moment`."""
        return self.venue.moment()

    def scene(self, symbol: str) -> Scene:
        return Scene(
            spec=self.specs[symbol],
            mark_price=self.reference_price(symbol),
            index_price=self.market.index_price(symbol),
            at=self.moment(),
            new_id=self.around.new_id,
        )


def _flat(key: PositionKey) -> Position:
    return Position(symbol=key[0], index=key[1])


def _prices_coin(spec: InstrumentSpec) -> bool:
    return spec.quote_coin in collateral.DOLLARS and spec.status != "PreLaunch" and not spec.delivery_ms
