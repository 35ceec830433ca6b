"""The synthetic market: seeded prices that never end, for everything the simulated exchange lists.

Lives here: the merge of the listings into one stream of events, the pace, saving and restoring.
Not here: what a second of one listing holds. BTCUSDT and ETHUSDT live through every trade (`synthetic_symbol`) and are
saved; other USDT perpetuals are computed (`computed_symbol`); spot pairs, inverse, USDC and dated contracts follow the
contract of their coin (`following`), and options are on a board of their own (`options`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.errors import MarketStateError
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.intervals import HOUR_MS, MINUTE_MS
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Listing,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.price_bars import moments
from tradewright.simulator.market.synthetic.dated import closed, dated_contracts
from tradewright.simulator.market.synthetic.following_contract import FollowingContract
from tradewright.simulator.market.synthetic.habits import Habits
from tradewright.simulator.market.synthetic.listed import Listed
from tradewright.simulator.market.synthetic.listings import Listings
from tradewright.simulator.market.synthetic.options import ListedOption, OptionBoard
from tradewright.simulator.market.synthetic.settlement import Settlements
from tradewright.simulator.market.synthetic.synthetic_symbol import HISTORY_MINUTES, SyntheticSymbol
from tradewright.simulator.market.synthetic.timetable import Timetable
from tradewright.simulator.market.synthetic.walk import PROFILES
from tradewright.simulator.market.synthetic.weather import Changing, Climate, Still, Weather
from tradewright.simulator.market.ticker import Quotes, next_funding_ms, ticker_row

# A longer jump (the machine slept) is a standstill: making up hours of trades at once would block the exchange.
CATCH_UP_MS = 3_600_000
_STATE_VERSION = 2
_STILL_VERSION = 1  # there was no weather yet: a market of that version goes on without any


class SyntheticMarket:
    """See `Market`. `follows_wall`: market time is wall time (speed 1 and no `--from`), also after a restart."""

    def __init__(
        self,
        *,
        seed: int,
        clock: MarketClock,
        start_ms: int,
        follows_wall: bool,
        history_minutes: int = HISTORY_MINUTES,
        past_days: int = 0,
        listed: Sequence[InstrumentSpec] = LISTED,
        habits: Mapping[Listing, Habits] | None = None,
        dated: bool = False,
        options: bool = False,
        weather: bool = True,
    ) -> None:
        """`listed` has the contract of everything that follows one, and `habits` tell those of made-up contracts.

        `past_days` of candles come before the history of the symbols that have one. With `dated` there are the next
        quarters' contracts of BTC and ETH, with `options` those of the coins in `listed`. Without `weather` nothing
        ever gets restless, jumps or is liquidated.
        """
        self._fixed = tuple(listed)
        self._habits = habits or {}
        self._has_dated = dated
        self._has_options = options
        self._has_weather = weather
        self._seed = seed
        self._clock = clock
        self._follows_wall = follows_wall
        self._history_minutes = history_minutes
        self._past_days = past_days
        self._climate = Climate(seed)
        self._now_ms: int
        self._first_ms: int
        self._listings: Listings
        self._settlements: Settlements
        self._board: OptionBoard | None = None
        self._seen_options: tuple[InstrumentSpec, ...] = ()
        self._start(origin_ms=start_ms - start_ms % MINUTE_MS)
        self.advance(start_ms)

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        """The same object until the list changes, which that of options does once a day and of dated contracts once a
        quarter. What has ended is in it as `Closed`.
        """
        options = () if self._board is None else self._board.specs
        if options is not self._seen_options:
            self._seen_options = options
            self._instruments = (*self._specs, *options)
        return self._instruments

    @property
    def clock(self) -> MarketClock:
        return self._clock

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @property
    def ended(self) -> bool:
        return False

    @property
    def link_lost(self) -> bool:
        return False

    @property
    def notice(self) -> str:
        return ""

    def advance(self, to_ms: int) -> list[MarketEvent]:
        """See `Market.advance`. A jump of more than an hour makes a gap: the market stood still meanwhile."""
        if to_ms <= self._now_ms:
            return []
        if to_ms - self._now_ms > CATCH_UP_MS:
            self._skip_to(to_ms)
        events: list[MarketEvent] = []
        while self._next_second * 1000 <= to_ms:
            self._release(self._next_second * 1000 - 1, events)
            self._make_second()
        self._release(to_ms, events)
        self._now_ms = to_ms
        self._close_bars(to_ms)
        return events

    def book(self, symbol: str) -> MarketBook:
        return self._one(symbol).book

    def last_price(self, symbol: str) -> Decimal:
        return self._one(symbol).last_price

    def mark_price(self, symbol: str) -> Decimal:
        return self._one(symbol).mark_price()

    def index_price(self, symbol: str) -> Decimal:
        return self._one(symbol).index_price()

    def funding_rate(self, symbol: str) -> Decimal:
        return self._one(symbol).funding_rate(self.next_funding_ms(symbol))

    def next_funding_ms(self, symbol: str) -> int:
        return next_funding_ms(self._one(symbol).spec, self._now_ms)

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        one = self._one(symbol)
        interval_ms = one.spec.funding_interval_min * MINUTE_MS
        if not interval_ms:
            return []
        newest_ms = self._now_ms if end_ms is None else min(end_ms, self._now_ms)
        newest_ms -= newest_ms % interval_ms
        oldest_ms = max(start_ms or 0, newest_ms - (limit - 1) * interval_ms)
        return [(ms, one.funding_rate(ms)) for ms in range(newest_ms, oldest_ms - 1, -interval_ms)]

    def ticker(self, symbol: str) -> dict[str, str]:
        one = self._one(symbol)
        if isinstance(one, ListedOption):
            return one.ticker()
        due_ms = self.next_funding_ms(symbol)
        rate, interest = self._slow_fields(one, due_ms)
        return ticker_row(
            one.spec,
            Quotes(
                book=one.book,
                last_price=one.last_price,
                mark_price=one.mark_price(),
                index_price=one.index_price(),
                day=one.candles.day(self._now_ms),
                price_1h_ago=one.candles.price_at(self._now_ms - HOUR_MS),
                open_interest=interest,
                funding_rate=rate,
                next_funding_ms=due_ms,
                now_ms=self._now_ms,
                settling=self.settlement_price(symbol),
            ),
        )

    def _slow_fields(self, one: Listed, due_ms: int) -> tuple[Decimal, Decimal | None]:
        """Funding rate and open interest, which are drawn once a minute at most; tickers ask ten times a second."""
        drawn_at = due_ms, self._now_ms // MINUTE_MS
        known = self._slow.get(one.spec.listing)
        if known is None or known[0] != drawn_at:
            known = drawn_at, (one.funding_rate(due_ms), one.open_interest(self._now_ms))
            self._slow[one.spec.listing] = known
        return known[1]

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        return self._one(symbol).candles.klines(interval, start_ms, end_ms, limit, self._now_ms)

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        return self._one(symbol).candles.closed_klines(interval, after_ms, self._now_ms)

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        return self._one(symbol).candles.live_kline(interval, self._now_ms)

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        return self._one(symbol).trades(limit)

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        return self._one(symbol).price_bars(kind, interval, start_ms, end_ms, limit, self._now_ms)

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        found: list[tuple[int, Decimal]] = []
        for ms in moments(step_ms, start_ms, end_ms, limit, self._now_ms):
            interest = self._one(symbol).open_interest(ms)
            if interest is not None:
                found.append((ms, interest))
        return found

    def settlement_price(self, symbol: str) -> Decimal | None:
        if self._board is not None and symbol in self._board:
            return self._board.settlement_price(symbol)
        one = self._one(symbol)
        return one.settlement_price if isinstance(one, FollowingContract) else None

    def state(self) -> dict[str, Any]:
        return {
            "kind": "synthetic",
            "version": _STATE_VERSION if self._has_weather else _STILL_VERSION,
            "seed": self._seed,
            "first_ms": self._first_ms,
            "market_ms": self._now_ms,
            "second": self._next_second - 1,
            "settled": self._settlements.saved(),
            "symbols": {
                name: {**self._second_began[name], **symbol.save_bars_and_trades()}
                for name, symbol in self._listings.lived.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Market.restore`. Where market time is wall time, what passed since the state was saved becomes a gap.

        States of versions that listed less restore as well: what they do not know needs no state.
        """
        self._check_state(state)
        weather = state["version"] != _STILL_VERSION
        settlements = self._made_settlements()
        try:
            symbols = {
                name: self._restored_symbol(symbol.spec, state["symbols"][name], weather=weather)
                for name, symbol in self._listings.lived.items()
            }
            second, saved_ms = int(state["second"]), int(state["market_ms"])
            first_ms = int(state.get("first_ms", saved_ms))
            settlements.load(state.get("settled", {}))
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise MarketStateError(
                f"the saved state of the synthetic market is damaged ({error!r}); start with an empty state directory"
            ) from error
        self._has_weather, self._first_ms, self._settlements = weather, first_ms, settlements
        self._list(symbols, now_ms=saved_ms)
        self._next_second = second
        self._pending.clear()
        self._now_ms = second * 1000 - 1
        # The second in which it was saved is made again; what had happened of it by then is in the bars already.
        self._make_second()
        while self._pending and self._pending[0].time_ms <= saved_ms:
            event = self._pending.popleft()
            if isinstance(event, MarketBook) and event.symbol in symbols:
                symbols[event.symbol].apply(event)
        self._now_ms = saved_ms
        self._close_bars(saved_ms)
        resumed_ms = max(saved_ms, self._clock.start_ms if self._follows_wall else saved_ms)
        self._clock.start_from(resumed_ms)
        if resumed_ms > saved_ms:
            self._skip_to(resumed_ms)
            self.advance(resumed_ms)

    def _start(self, *, origin_ms: int) -> None:
        self._first_ms = origin_ms
        self._now_ms = origin_ms - 1
        self._settlements = self._made_settlements()
        kept = [spec for spec in self._fixed if spec.listing in PROFILES]
        symbols = {spec.listing: self._made_symbol(spec, origin_ms, weather=self._has_weather) for spec in kept}
        self._list(symbols, now_ms=origin_ms)
        self._pending: deque[MarketEvent] = deque()
        self._next_second = origin_ms // 1000
        self._second_began: dict[str, dict[str, Any]] = {}

    def _list(self, symbols: Mapping[Listing, SyntheticSymbol], *, now_ms: int) -> None:
        """Everything listed, around the symbols that have a past of their own."""
        self._listings = Listings(
            symbols,
            habits=self._habits,
            seed=self._seed,
            now_ms=now_ms,
            skies=lambda listing, volatility: self._weather(listing, volatility, wanted=self._has_weather),
            settling=self._settlements.price,
        )
        self._listings.add(self._fixed)
        self._timetable = Timetable(self._listings.computed)
        self._unsettled: deque[InstrumentSpec] = deque()  # dated contracts, the earliest end first
        self._list_dated(now_ms)
        self._board = self._made_board(now_ms) if self._has_options else None

    def _list_dated(self, now_ms: int) -> None:
        """List the dated contracts of this moment, beside those that were listed before; what has ended is closed."""
        self._slow: dict[Listing, tuple[tuple[int, int], tuple[Decimal, Decimal | None]]] = {}
        self._specs = self._fixed
        self._next_end_ms: int | None = None
        if self._has_dated:
            dated = dated_contracts(self._first_ms, now_ms)
            added = [spec for spec in dated if spec.listing not in self._listings]
            self._listings.add(added)
            self._unsettled.extend(added)
            self._specs = (*self._fixed, *(closed(spec, now_ms) for spec in dated))
            self._next_end_ms = min(spec.delivery_ms for spec in dated if spec.delivery_ms > now_ms)
        self._seen_options = ()
        self._instruments = self._specs

    def _made_board(self, now_ms: int) -> OptionBoard:
        return OptionBoard(self._listings.lived, seed=self._seed, now_ms=now_ms, settling=self._settlements.price)

    def _made_settlements(self) -> Settlements:
        return Settlements(lambda listing: self._listings[listing], lambda: self._now_ms)

    def _weather(self, listing: Listing, volatility: float, *, wanted: bool) -> Weather:
        return Changing(self._climate, name=listing, daily_volatility=volatility) if wanted else Still()

    def _one(self, listing: Listing) -> Listed:
        """Raises `KeyError` for what is not listed."""
        if self._board is not None and listing in self._board:
            return self._board[listing]
        return self._listings[listing]

    def _close_bars(self, now_ms: int) -> None:
        self._listings.close(now_ms)
        while self._unsettled and self._unsettled[0].delivery_ms <= now_ms:
            # Now, while the minutes it comes from are known.
            self.settlement_price(self._unsettled.popleft().listing)
        if self._board is not None:
            self._board.close(now_ms)

    def _make_second(self) -> None:
        """Make the next second's events; the process as it stood before is kept for `state`."""
        made: list[MarketEvent] = []
        second, listings = self._next_second, self._listings
        if self._next_end_ms is not None and second * 1000 >= self._next_end_ms:
            self._list_dated(second * 1000)  # not when a step ends: its size must change nothing
        for name, symbol in listings.lived.items():
            self._second_began[name] = symbol.save_process()
            self._tell(name, symbol.second(second), made)
        for name, computed in self._timetable.busy(second):
            self._tell(name, computed.second(second), made)
        if self._board is not None:
            made.extend(self._board.second(second))
        made.sort(key=_time_of)  # stable: of one moment, first listed first
        self._pending.extend(made)
        self._next_second += 1

    def _tell(self, name: Listing, own: Sequence[MarketEvent], made: list[MarketEvent]) -> None:
        """What happens to a listing, and what that makes happen to those that follow it."""
        made.extend(own)
        for follower in self._listings.followers.get(name, ()):
            made.extend(follower.following(own))

    def _release(self, to_ms: int, events: list[MarketEvent]) -> None:
        pending, lived = self._pending, self._listings.lived
        while pending and pending[0].time_ms <= to_ms:
            event = pending.popleft()
            if event.symbol in lived:
                lived[event.symbol].apply(event)
            events.append(event)

    def _skip_to(self, to_ms: int) -> None:
        """Nothing happens until the second of `to_ms`; then the market goes on from the prices at which it stood."""
        self._pending.clear()
        self._next_second = to_ms // 1000
        self._close_bars(to_ms)

    def _made_symbol(self, spec: InstrumentSpec, origin_ms: int, *, weather: bool) -> SyntheticSymbol:
        return SyntheticSymbol(
            spec,
            seed=self._seed,
            origin_ms=origin_ms,
            history_minutes=self._history_minutes,
            past_days=self._past_days,
            weather=self._weather(spec.listing, PROFILES[spec.listing].daily_volatility, wanted=weather),
        )

    def _restored_symbol(self, spec: InstrumentSpec, saved: Mapping[str, Any], *, weather: bool) -> SyntheticSymbol:
        symbol = self._made_symbol(spec, saved["origin_ms"], weather=weather)
        symbol.load_bars_and_trades(saved)
        symbol.load_process(saved)
        return symbol

    def _check_state(self, state: Mapping[str, Any]) -> None:
        kind, version, seed = (state.get(key) for key in ("kind", "version", "seed"))
        if kind != "synthetic":
            raise MarketStateError(
                f"the saved state is of a market of kind {kind!r}, but the market asked for is 'synthetic'; "
                "ask for the same market again or use another state directory"
            )
        if version not in (_STILL_VERSION, _STATE_VERSION):
            raise MarketStateError(
                f"the saved state has version {version!r}, but this program reads {_STILL_VERSION} and {_STATE_VERSION}"
            )
        if seed != self._seed:
            raise MarketStateError(
                f"the saved market was made with seed {seed!r}, but the seed asked for is {self._seed}; "
                "ask for the same seed again or use another state directory"
            )


def _time_of(event: MarketEvent) -> int:
    return event.time_ms
