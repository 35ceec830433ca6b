"""The synthetic market: seeded prices that never end, for everything the simulated exchange lists.

Lives here: the merge of the listings into one stream of events, the pace, saving and restoring.
Not here: what a second of one listing holds. BTCUSDT and ETHUSDT live through every trade (`synthetic_symbol`) and are
saved; the other contracts are computed (`computed_symbol`), and spot pairs follow their contract (`spot_pair`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.computed_symbol import ComputedSymbol
from tradewright.simulator.market.errors import MarketStateError
from tradewright.simulator.market.habits import FOLLOWED, HABITS, usual_price
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.intervals import HOUR_MS, MINUTE_MS
from tradewright.simulator.market.listed import Listed
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
from tradewright.simulator.market.options import ListedOption, OptionBoard, half_hour_mean
from tradewright.simulator.market.price_bars import moments, traded_bars
from tradewright.simulator.market.spot_pair import FollowingPair
from tradewright.simulator.market.synthetic_symbol import HISTORY_MINUTES, SyntheticSymbol
from tradewright.simulator.market.ticker import Quotes, next_funding_ms, ticker_row
from tradewright.simulator.market.walk import PROFILES

# A longer jump (the machine slept) is a standstill: making up hours of trades at once would block the exchange.
CATCH_UP_MS = 3_600_000
_STATE_VERSION = 1


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
        listed: Sequence[InstrumentSpec] = LISTED,
        options: bool = False,
    ) -> None:
        """`listed` has the contract of every pair that follows one. With `options` there are those of its coins too."""
        self._specs = tuple(listed)
        self._has_options = options
        self._seen_options: tuple[InstrumentSpec, ...] = ()
        self._seed = seed
        self._clock = clock
        self._follows_wall = follows_wall
        self._history_minutes = history_minutes
        self._now_ms: int
        self._start(origin_ms=start_ms - start_ms % MINUTE_MS)
        self.advance(start_ms)

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        """The same object until the list changes, which that of options does once a day."""
        if self._board is not None and self._board.specs is not self._seen_options:
            self._seen_options = self._board.specs
            self._instruments = (*self._specs, *self._board.specs)
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
        return ticker_row(
            one.spec,
            Quotes(
                book=one.book,
                last_price=one.last_price,
                mark_price=one.mark_price(),
                index_price=one.index_price(),
                day=one.candles.day(self._now_ms),
                price_1h_ago=one.candles.price_at(self._now_ms - HOUR_MS),
                open_interest=one.open_interest(self._now_ms),
                funding_rate=self.funding_rate(symbol),
                next_funding_ms=self.next_funding_ms(symbol),
            ),
        )

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
        one = self._one(symbol)
        if isinstance(one, ListedOption):
            return one.price_bars(kind, interval, start_ms, end_ms, limit, self._now_ms)
        rows = one.candles.klines(interval, start_ms, end_ms, limit, self._now_ms)
        return traded_bars(kind, rows)

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
        assert not self._one(symbol).spec.delivery_ms, "nothing that ends is listed yet"
        return None

    def state(self) -> dict[str, Any]:
        return {
            "kind": "synthetic",
            "version": _STATE_VERSION,
            "seed": self._seed,
            "market_ms": self._now_ms,
            "second": self._next_second - 1,
            "symbols": {
                name: {**self._second_began[name], **symbol.save_bars_and_trades()}
                for name, symbol in self._symbols.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Market.restore`. Where market time is wall time, what passed since the state was saved becomes a gap.

        States of versions that listed less restore as well: what they do not know needs no state.
        """
        self._check_state(state)
        try:
            symbols = {
                name: self._restored_symbol(symbol.spec, state["symbols"][name])
                for name, symbol in self._symbols.items()
            }
            second, saved_ms = int(state["second"]), int(state["market_ms"])
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise MarketStateError(
                f"the saved state of the synthetic market is damaged ({error!r}); start with an empty state directory"
            ) from error
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
        resumed_ms = max(saved_ms, self._clock.start_ms if self._follows_wall else saved_ms)
        self._clock.start_from(resumed_ms)
        if resumed_ms > saved_ms:
            self._skip_to(resumed_ms)
            self.advance(resumed_ms)

    def _start(self, *, origin_ms: int) -> None:
        kept = [spec for spec in self._specs if spec.listing in PROFILES]
        self._list({spec.listing: self._made_symbol(spec, origin_ms) for spec in kept}, now_ms=origin_ms)
        self._pending: deque[MarketEvent] = deque()
        self._next_second = origin_ms // 1000
        self._now_ms = origin_ms - 1
        self._second_began: dict[str, dict[str, Any]] = {}

    def _list(self, symbols: dict[Listing, SyntheticSymbol], *, now_ms: int) -> None:
        """Everything listed, around the symbols that have a past of their own."""
        self._symbols = symbols
        self._makers: dict[Listing, SyntheticSymbol | ComputedSymbol] = {**symbols}
        for spec in self._specs:
            if spec.listing in HABITS:
                habits = HABITS[spec.listing]
                self._makers[spec.listing] = ComputedSymbol(spec, habits, seed=self._seed, now_ms=now_ms)
        self._followers = {FOLLOWED[spec.listing]: self._pair(spec) for spec in self._specs if spec.listing in FOLLOWED}
        pairs = {pair.spec.listing: pair for pair in self._followers.values()}
        self._listed: dict[Listing, Listed] = {**self._makers, **pairs}
        self._board = self._made_board(now_ms) if self._has_options else None
        self._seen_options = ()
        self._instruments = self._specs

    def _made_board(self, now_ms: int) -> OptionBoard:
        def settling(leader: Listing, moment_ms: int) -> Decimal | None:
            return half_hour_mean(self._listed[leader], moment_ms, self._now_ms)

        return OptionBoard(self._symbols, seed=self._seed, now_ms=now_ms, settling=settling)

    def _one(self, listing: Listing) -> Listed:
        """Raises `KeyError` for what is not listed."""
        if self._board is not None and listing in self._board:
            return self._board[listing]
        return self._listed[listing]

    def _close_bars(self, now_ms: int) -> None:
        for one in self._listed.values():
            one.close_bar(now_ms)
        if self._board is not None:
            self._board.close(now_ms)

    def _pair(self, spec: InstrumentSpec) -> FollowingPair:
        leader = self._makers[FOLLOWED[spec.listing]]
        return FollowingPair(spec, leader, seed=self._seed, usual_price=usual_price(spec))

    def _make_second(self) -> None:
        """Make the next second's events; the process as it stood before is kept for `state`."""
        made: list[MarketEvent] = []
        for name, symbol in self._symbols.items():
            self._second_began[name] = symbol.save_process()
        for name, maker in self._makers.items():
            own = maker.second(self._next_second)
            made.extend(own)
            if name in self._followers:
                made.extend(self._followers[name].following(own))
        if self._board is not None:
            made.extend(self._board.second(self._next_second))
        made.sort(key=_time_of)  # stable: of one moment, first listed first
        self._pending.extend(made)
        self._next_second += 1

    def _release(self, to_ms: int, events: list[MarketEvent]) -> None:
        pending = self._pending
        while pending and pending[0].time_ms <= to_ms:
            event = pending.popleft()
            symbol = self._symbols.get(event.symbol)
            if symbol is not None:
                symbol.apply(event)
            events.append(event)

    def _skip_to(self, to_ms: int) -> None:
        """Nothing happens until the second of `to_ms`; then the market goes on from the prices at which it stood."""
        self._pending.clear()
        self._next_second = to_ms // 1000
        self._close_bars(to_ms)

    def _made_symbol(self, spec: InstrumentSpec, origin_ms: int) -> SyntheticSymbol:
        return SyntheticSymbol(spec, seed=self._seed, origin_ms=origin_ms, history_minutes=self._history_minutes)

    def _restored_symbol(self, spec: InstrumentSpec, saved: Mapping[str, Any]) -> SyntheticSymbol:
        symbol = self._made_symbol(spec, saved["origin_ms"])
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
        if version != _STATE_VERSION:
            raise MarketStateError(f"the saved state has version {version!r}, but this program reads {_STATE_VERSION}")
        if seed != self._seed:
            raise MarketStateError(
                f"the saved market was made with seed {seed!r}, but the seed asked for is {self._seed}; "
                "ask for the same seed again or use another state directory"
            )


def _time_of(event: MarketEvent) -> int:
    return event.time_ms
