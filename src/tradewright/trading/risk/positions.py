"""What an account holds, in the count of its exposure: positions, coins, leverages, and what the day has cost so far.

Lives here: `Positions` and `DayStart`. Not here: orders that may still change them (`exposure`), limits (`core.risk`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.money import ZERO
from tradewright.core.order import RemotePosition, Wallet
from tradewright.core.risk import Day
from tradewright.core.risk_prices import PriceView

PricesOf = Callable[[InstrumentId], PriceView | None]


@dataclass(frozen=True, slots=True)
class DayStart:
    """How a day (UTC) began: equity, and what each symbol had realised by then, fees and funding included."""

    day: date
    equity: Decimal | None
    realised: Mapping[InstrumentId, Decimal]


class Positions:
    """Of one account. Reports come in any order; one that is older than what is held changes nothing."""

    def __init__(self, base_coin_of: Callable[[InstrumentId], str | None]) -> None:
        self.day: DayStart | None = None
        self._base_coin_of = base_coin_of
        self._legs: dict[InstrumentId, dict[int, RemotePosition]] = {}
        self._realised: dict[InstrumentId, dict[int, Decimal]] = {}
        self._inherited: dict[InstrumentId, Decimal] = {}  # what of it the owner before us has left
        self._sequences: dict[InstrumentId, int] = {}
        self._leverages: dict[InstrumentId, dict[int, tuple[datetime, Decimal | None]]] = {}
        self._leverages_sure: set[InstrumentId] = set()
        self._wallet: Wallet | None = None

    # Facts of the exchange.

    def inherit(self, legs: Sequence[RemotePosition]) -> None:
        """What is stored, before anything else is taken. A leverage of it may have been changed while nobody looked."""
        for leg in legs:
            self.take(leg)
        self._inherited = self.realised()
        self.doubt_leverages()

    def take(self, report: RemotePosition) -> bool:
        """Whether it is news of what is held."""
        self._take_leverage(report)
        legs = self._legs.setdefault(report.instrument, {})
        known = legs.get(report.position_index)
        newest = self.sequence(report.instrument)
        if known is not None and (report.sequence, report.updated_at) < (known.sequence, known.updated_at):
            return False
        if known is None and report.sequence < newest:
            return False  # it was flat since
        legs[report.position_index] = report
        self._realised.setdefault(report.instrument, {})[report.position_index] = report.realised_pnl
        self._sequences[report.instrument] = max(newest, report.sequence)
        if self.day is not None and report.instrument not in self.day.realised:
            # Never seen before today: what it had realised until now is not today's.
            self.day = replace(self.day, realised={**self.day.realised, report.instrument: report.realised_pnl})
        return True

    def take_wallet(self, wallet: Wallet) -> bool:
        """Whether it is news."""
        if not wallet.replaces(None if self._wallet is None else self._wallet.reported_at):
            return False
        coins = wallet.coins if self._wallet is None or wallet.is_whole else {**self._wallet.coins, **wallet.coins}
        self._wallet = replace(wallet, coins=coins)
        return True

    def flatten_absent(self, named: Sequence[RemotePosition]) -> None:
        """A complete list of open positions: those it does not name are flat. Their leverage stays as it was told."""
        keys = {(held.instrument, held.position_index) for held in named}
        for instrument, legs in self._legs.items():
            for index in [index for index in legs if (instrument, index) not in keys]:
                del legs[index]

    # What is held.

    def instruments(self) -> set[InstrumentId]:
        return {instrument for instrument, legs in self._legs.items() if legs}

    def sequence(self, instrument: InstrumentId) -> int:
        """Fills of a contract up to here are in its position; -1 while none was told of."""
        return self._sequences.get(instrument, -1)

    def toward(self, instrument: InstrumentId, side: Side) -> Decimal:
        """Base coin that is held on this side. What is held on the other one takes nothing off: its stop may fire, or
        somebody may close it, a moment before an order of this side fills."""
        if instrument.category == "spot":
            coin = self.base_coin(instrument)
            held = None if coin is None or self._wallet is None else self._wallet.coins.get(coin)
            return ZERO if held is None or side == "Sell" else max(ZERO, held.wallet_balance)
        legs = self._legs.get(instrument, {}).values()
        return sum((leg.size for leg in legs if leg.side == side), ZERO)

    def base_coin(self, instrument: InstrumentId) -> str | None:
        return self._base_coin_of(instrument)

    def told_prices(self, instrument: InstrumentId) -> Iterable[Decimal | None]:
        """What the exchange last valued a symbol's position at."""
        for leg in self._legs.get(instrument, {}).values():
            yield leg.mark_price
            yield leg.entry_price

    # Leverage: the exchange tells it with each report of a position, flat ones too, but lists no flat ones by itself.

    def leverage(self, instrument: InstrumentId) -> Decimal | None:
        """As last told; None where nobody has looked, or where the exchange tells none."""
        told = self._leverages.get(instrument, {}).values()
        return max((leverage for _at, leverage in told if leverage is not None), default=None)

    def is_leverage_sure(self, instrument: InstrumentId) -> bool:
        """Whether it was told since somebody could have changed it unseen."""
        return instrument in self._leverages_sure

    def doubt_leverages(self) -> None:
        """Changes go unseen from here on: each is to be told anew."""
        self._leverages_sure.clear()

    def _take_leverage(self, report: RemotePosition) -> None:
        self._leverages_sure.add(report.instrument)
        legs = self._leverages.setdefault(report.instrument, {})
        known = legs.get(report.position_index)
        if known is not None and report.updated_at < known[0]:
            return
        legs[report.position_index] = (report.updated_at, report.leverage)
        for index in [index for index in legs if bool(index) != bool(report.position_index)]:
            del legs[index]  # one position became two legs, or two one

    # Money.

    def begin_day(self, start: DayStart) -> None:
        """How the day began, as it is stored; symbols that came up since keep what they were first seen with."""
        known = {} if self.day is None or self.day.day != start.day else self.day.realised
        self.day = replace(start, realised={**self.realised(), **known, **start.realised})

    def goes_on(self, stored: DayStart | None) -> DayStart | None:
        """A day that the owner before us has begun. What it saw first of a symbol may be not stored yet: then a loss
        that it left is counted as of today, whole."""
        if stored is None:
            return None
        unstored = {instrument: max(ZERO, total) for instrument, total in self._inherited.items()}
        return replace(stored, realised={**unstored, **stored.realised})

    def realised(self) -> dict[InstrumentId, Decimal]:
        """What each symbol that was ever reported has realised in all its time, as the exchange tells it."""
        return {instrument: sum(legs.values(), ZERO) for instrument, legs in self._realised.items()}

    def equity(self) -> Decimal | None:
        """Of the wallet; None while none was seen, or where it tells none."""
        if self._wallet is None:
            return None
        usdt = self._wallet.coins.get("USDT")
        told = self._wallet.total_equity
        return told if told is not None or usdt is None else usdt.equity

    def loss_today(self, prices_of: PricesOf) -> Day | None:
        """What was realised today, fees and funding included, and what open positions stand to lose now. Open profits
        do not make up for it: they may be gone before anybody takes them."""
        if self.day is None:
            return None
        realised = sum(
            (total - self.day.realised.get(instrument, total) for instrument, total in self.realised().items()), ZERO
        )
        unrealised = sum(
            (
                _unrealised(leg, prices_of(instrument))
                for instrument, legs in self._legs.items()
                for leg in legs.values()
            ),
            ZERO,
        )
        return Day(loss=-(realised + min(ZERO, unrealised)), equity_at_start=self.day.equity)


def _unrealised(leg: RemotePosition, prices: PriceView | None) -> Decimal:
    mark = None if prices is None else prices.reference
    if mark is None or leg.entry_price is None or leg.side is None:
        return leg.unrealised_pnl if leg.side is not None else ZERO
    return (mark - leg.entry_price) * (leg.size if leg.side == "Buy" else -leg.size)
