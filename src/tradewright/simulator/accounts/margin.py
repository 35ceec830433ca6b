"""The account's margin: what all its coins back, what is bound, what is free, and where a position would be liquidated.

Lives here: `MarginView`, per coin in that coin and over all in dollars. Not here: what one position or order binds
(`needs`, `isolated`), haircuts (`collateral`), refusing an order (`ledger`).
Cross margin (REGULAR_MARGIN): every coin counts at its index price less a haircut, gains and losses of contracts
included; what spot orders lock is not free for contracts. Isolated margin: nothing backs anything else, so what counts
is each coin's wallet less what its positions and orders keep. The value of options is equity and backs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tradewright.simulator.accounts import collateral, isolated
from tradewright.simulator.accounts.contracts import OPTION_FEE_CAP, rounded
from tradewright.simulator.accounts.events import MarginMode
from tradewright.simulator.accounts.needs import Need, Terms, position_need
from tradewright.simulator.accounts.positions import ZERO, Position, PositionKey
from tradewright.simulator.market.model import Listing, is_inverse
from tradewright.simulator.market.risk_tiers import RiskTier, tier_at

__all__ = ["CoinMargin", "MarginView", "bankruptcy_price", "liquidation_price", "rounded", "view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinMargin:
    """One coin's part, all in that coin; `price` is in dollars, `ratio` what of it backs contracts."""

    coin: str
    price: Decimal
    ratio: Decimal
    balance: Decimal = ZERO
    locked: Decimal = ZERO  # by spot orders
    unrealised: Decimal = ZERO  # of perpetual and dated contracts
    option_value: Decimal = ZERO  # negative for what was sold
    position_initial: Decimal = ZERO
    order_initial: Decimal = ZERO
    maintenance: Decimal = ZERO

    @property
    def equity(self) -> Decimal:
        return self.balance + self.unrealised + self.option_value

    @property
    def backing(self) -> Decimal:
        """In dollars, after the haircut."""
        return collateral.backing(self.balance + self.unrealised, price=self.price, ratio=self.ratio)

    @property
    def free(self) -> Decimal:
        """What isolated positions and orders that settle in the coin may still take of it."""
        return self.balance - self.position_initial - self.order_initial - self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginView:
    """The account at the prices of one moment. What has no coin in its name is in dollars."""

    mode: MarginMode
    coins: Mapping[str, CoinMargin]
    needs: Mapping[PositionKey, Need] = field(default_factory=dict)

    @property
    def wallet(self) -> Decimal:
        return sum((coin.balance * coin.price for coin in self.coins.values()), ZERO)

    @property
    def unrealised(self) -> Decimal:
        return sum((coin.unrealised * coin.price for coin in self.coins.values()), ZERO)

    @property
    def equity(self) -> Decimal:
        return sum((coin.equity * coin.price for coin in self.coins.values()), ZERO)

    @property
    def balance(self) -> Decimal:
        """Bybit's margin balance: wallet and unrealised profit, before the haircut."""
        return self.wallet + self.unrealised

    @property
    def backing(self) -> Decimal:
        """Margin balance less haircut."""
        return sum((coin.backing for coin in self.coins.values()), ZERO)

    @property
    def position_initial(self) -> Decimal:
        return sum((coin.position_initial * coin.price for coin in self.coins.values()), ZERO)

    @property
    def order_initial(self) -> Decimal:
        return sum((coin.order_initial * coin.price for coin in self.coins.values()), ZERO)

    @property
    def initial(self) -> Decimal:
        return self.position_initial + self.order_initial

    @property
    def maintenance(self) -> Decimal:
        return sum((coin.maintenance * coin.price for coin in self.coins.values()), ZERO)

    @property
    def locked(self) -> Decimal:
        """What the coins that spot orders lock would back."""
        return sum((coin.locked * coin.price * coin.ratio for coin in self.coins.values()), ZERO)

    @property
    def available(self) -> Decimal:
        """What new orders may bind in cross margin; negative when losses have eaten the margin."""
        return self.backing - self.initial - self.locked

    @property
    def must_liquidate(self) -> bool:
        """Whether what backs the account no longer covers the maintenance margin (cross margin)."""
        needed = self.maintenance
        return needed > 0 and self.backing <= needed

    def free(self, coin: str) -> Decimal:
        """What new orders that settle in `coin` may bind, in that coin; negative when it is overdrawn."""
        one = self.coin(coin)
        if self.mode == "ISOLATED_MARGIN":
            return one.free
        worth = one.price * one.ratio
        return self.available / worth if worth else one.balance - one.locked

    def coin(self, coin: str) -> CoinMargin:
        return self.coins.get(coin) or CoinMargin(coin=coin, price=ZERO, ratio=ZERO)

    def need(self, position: Position, terms: Terms) -> Need:
        """What a position binds; one that is flat binds nothing."""
        return self.needs.get(position.key) or position_need(position, terms, self.mode)


def view(
    *,
    mode: MarginMode,
    balances: Mapping[str, Decimal],
    locked: Mapping[str, Decimal],
    positions: Iterable[Position],
    bound: Iterable[tuple[str, Decimal]],
    terms: Callable[[Listing], Terms],
    price: Callable[[str], Decimal],
    ratio: Callable[[str], Decimal] = collateral.ratio_of,
) -> MarginView:
    """The account's margin now. `balances` and `locked` are by coin, and `bound` is what the orders of each position
    need, in which coin; `terms` is asked for every listing with an open position, `price` for a coin's worth in
    dollars. Spot orders and those that wait for a trigger bind no margin.
    """
    tally = _Tally()
    needs: dict[PositionKey, Need] = {}
    for position in positions:
        if position.size:
            asked = terms(position.symbol)
            need = needs[position.key] = position_need(position, asked, mode)
            settles = asked.spec.settle_coin
            tally.add("position_initial", settles, need.initial)
            tally.add("maintenance", settles, need.maintenance)
            if asked.spec.is_option:
                tally.add("option_value", settles, position.size * asked.mark_price)
            else:
                tally.add("unrealised", settles, rounded(position.unrealised(asked.mark_price)))
    for settles, amount in bound:
        tally.add("order_initial", settles, amount)
    for coin, amount in balances.items():
        tally.add("balance", coin, amount)
    for coin, amount in locked.items():
        tally.add("locked", coin, amount)
    coins = {
        coin: CoinMargin(coin=coin, price=price(coin), ratio=ratio(coin), **amounts)
        for coin, amounts in tally.coins.items()
    }
    return MarginView(mode=mode, coins=coins, needs=needs)


class _Tally:
    """Sums by coin and by what they are of."""

    def __init__(self) -> None:
        self.coins: dict[str, dict[str, Decimal]] = {}

    def add(self, name: str, coin: str, amount: Decimal) -> None:
        sums = self.coins.setdefault(coin, {})
        sums[name] = sums.get(name, ZERO) + amount


def liquidation_price(
    position: Position, terms: Terms, account: MarginView, legs: Sequence[Position]
) -> Decimal | None:
    """Mark price at which the position is liquidated, all else equal; None if there is no such price.

    In cross margin an estimate, as on the exchange: where the account's backing meets its maintenance margin, with the
    other listings at their present marks. `legs` are all positions of the listing: both legs of hedge mode move.
    """
    if not position.size or terms.spec.is_option:
        return None
    if account.mode == "ISOLATED_MARGIN":
        price = isolated.liquidation_price(position, tier_at(terms.tiers, position.cost))
    else:
        price = _cross_price(position, terms, account, [leg for leg in legs if leg.size])
    return price if price is not None and price > 0 else None


def _cross_price(position: Position, terms: Terms, account: MarginView, legs: Sequence[Position]) -> Decimal | None:
    """What is over is, tier by tier, a straight line over the mark price: where it crosses zero."""
    mark = terms.mark_price
    at = mark
    for _ in range(len(terms.tiers) + 2):
        tiers = [tier_at(terms.tiers, leg.value(at)) for leg in legs]
        owes = _settle_amount(account, terms, legs, at) <= 0
        left, right = (_left(account, terms, legs, tiers, owes, price) for price in (mark, 2 * mark))
        slope = (right - left) / mark
        if not slope or (slope > 0) != (position.size > 0):
            return None
        found = mark - left / slope
        if found <= 0 or found == at:
            return found
        at = found
    return at


def _settle_amount(account: MarginView, terms: Terms, legs: Sequence[Position], price: Decimal) -> Decimal:
    """The settle coin's wallet and unrealised profit if the listing's mark were `price`."""
    coin = account.coin(terms.spec.settle_coin)
    moved = sum((_profit(leg, price) - _profit(leg, terms.mark_price) for leg in legs), ZERO)
    return coin.balance + coin.unrealised + moved


def _left(
    account: MarginView,
    terms: Terms,
    legs: Sequence[Position],
    tiers: Sequence[RiskTier],
    owes: bool,
    price: Decimal,
) -> Decimal:
    """Backing less maintenance margin in dollars if the listing's mark were `price`, with these tiers."""
    coin = account.coin(terms.spec.settle_coin)
    dollars = coin.price * price / terms.mark_price if terms.spec.is_inverse else coin.price
    backing = account.backing - coin.backing
    backing += _settle_amount(account, terms, legs, price) * dollars * (1 if owes else coin.ratio)
    maintenance = account.maintenance - sum((account.needs[leg.key].maintenance for leg in legs), ZERO) * coin.price
    for leg, tier in zip(legs, tiers, strict=True):
        rate = tier.maintenance_rate + terms.spec.taker_fee_rate
        maintenance += (_value(leg, price) * rate - tier.deduction) * dollars
    return backing - maintenance


def _value(position: Position, price: Decimal) -> Decimal:
    """As `Position.value`, unrounded: a rounded line would not be straight."""
    size = abs(position.size)
    return size / price if is_inverse(position.symbol) else size * price


def _profit(position: Position, price: Decimal) -> Decimal:
    gain = _value(position, price) - position.cost
    rises = (position.size > 0) != is_inverse(position.symbol)
    return gain if rises else -gain


def bankruptcy_price(position: Position, terms: Terms, account: MarginView) -> Decimal | None:
    """Price at which a position of a cross account is taken over; None if it could cost what it may at no price.

    It may cost what the account has beyond the maintenance margin of its other positions, the fee of closing included:
    about its own maintenance margin, so that the others may survive, and everything if it is the only one. It costs at
    least that fee, and at most its share of what there is by maintenance margin: then the account has nothing left and
    owes nothing once all are taken over. Where it is worth less than nothing already that share is negative and the
    price beyond the mark: the insurance fund takes what is missing. How Bybit shares out is not documented.
    """
    need, coin = account.needs[position.key], account.coin(terms.spec.settle_coin)
    maintenance = need.maintenance * coin.price
    cost = account.backing * maintenance / account.maintenance
    if cost > 0:
        fee = _value(position, terms.mark_price) * terms.spec.taker_fee_rate * coin.price
        cost = min(cost, max(account.backing - (account.maintenance - maintenance), fee))
    if not coin.price:
        return None
    left = collateral.amount_that_backs(coin.backing - cost, price=coin.price, ratio=coin.ratio)
    return _price_of_cost(position, coin.balance + coin.unrealised - left, terms)


def _price_of_cost(position: Position, cost: Decimal, terms: Terms) -> Decimal | None:
    """Where closing, fee included, takes `cost` (settle coin) of what backs the account: gains and losses to the mark
    do already, what an option is worth does not.
    """
    spec = terms.spec
    if spec.is_option:
        value = max(cost / (1 + OPTION_FEE_CAP), abs(position.size) * spec.tick_size)
    else:
        value = _value(position, terms.mark_price)
        rises = (position.size > 0) != spec.is_inverse
        fee_rate = spec.taker_fee_rate
        value = (value - cost) / (1 - fee_rate) if rises else (value + cost) / (1 + fee_rate)
    if value <= 0:
        return None
    return abs(position.size) / value if spec.is_inverse else value / abs(position.size)
