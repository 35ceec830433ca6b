"""One symbol of the synthetic market: history, then second after second of books and trades.

Lives here: what a second holds, and what has become of it once its time has come (`apply`).
Not here: the random process (`walk`), the merge of several symbols and the pace (`synthetic`).
A second is made whole from the state at its beginning and a chance of its own: the size of the steps changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from tradewright.simulator.market.bars import BarRing, OpenBar
from tradewright.simulator.market.candles import CandleView
from tradewright.simulator.market.intervals import DAY_MS, MINUTE_MS, fixed_length_ms
from tradewright.simulator.market.levels import DepthSide, LevelSizes
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    MarketBook,
    MarketEvent,
    MarketLiquidation,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.market.synthetic.liquidations import Hurt, hurt_by
from tradewright.simulator.market.synthetic.past import past_before
from tradewright.simulator.market.synthetic.price_record import PriceRecord
from tradewright.simulator.market.synthetic.walk import (
    PROFILES,
    Sky,
    Walk,
    chance,
    funding_rate,
    leans_to_buyers,
    open_interest,
    pace_of,
    size_steps,
    spread_ticks,
    swept_ticks,
    trade_count,
)
from tradewright.simulator.market.synthetic.weather import Weather

HISTORY_MINUTES = 3 * 24 * 60
BARS_KEPT = 7 * DAY_MS // MINUTE_MS
ROLLED_KEPT = {"60": 180 * 24, "15": 30 * 96}  # longer candles that outlive their minutes, the longest first
TRADES_KEPT = 1000
_TRADES_SAVED = 60
_ROLLED = {"hours": "60", "quarters": "15"}  # in a saved state
_SLOT_MS = 200
_SLOTS = 1000 // _SLOT_MS
_SLOT_PACE = pace_of(_SLOT_MS / 1000)
_HISTORY_STEPS = 6  # of ten seconds, per minute
_LEVEL_SIZES = 1024


class SyntheticSymbol:
    """Everything the market knows of one symbol as of the last event applied."""

    def __init__(
        self,
        spec: InstrumentSpec,
        *,
        seed: int,
        origin_ms: int,
        history_minutes: int,
        weather: Weather,
        past_days: int = 0,
    ) -> None:
        """`origin_ms` is the start of the first live minute; the history (at least one minute of it) ends there.

        Before it there are `past_days` of candles that are made when they are asked for.
        """
        self.spec = spec
        self._seed = seed
        self._weather = weather
        self._profile = PROFILES[spec.symbol]
        self._record = PriceRecord(spec.tick_size, BARS_KEPT, saved_from_ms=origin_ms)
        rng = chance(seed, spec.symbol, "book")
        self._salts = (rng.getrandbits(32), rng.getrandbits(32))
        self._sizes = LevelSizes(
            [size_steps(rng, self._profile.median_level_steps) for _ in range(_LEVEL_SIZES)], spec.qty_step
        )
        self._history, self.walk = self._make_history(origin_ms, history_minutes)
        self._origin_ms = origin_ms
        self._past = (
            past_before(self._history[0], spec, self._profile, seed=seed, days=past_days) if past_days else None
        )
        self.bars = BarRing(BARS_KEPT, self._history)
        self._saved_rows: list[str] = []  # of `bars` since the origin, as text, so that saving is cheap
        self.open_bar: OpenBar | None = None
        self._trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.last_price = self._history[-1].close
        self.seq = 0
        self.update_id = 1  # the first book has 2: on Bybit's streams 1 means that the service was restarted
        self.candles = self._view()
        bid_ticks = int(self.walk.mid)
        self.book = self._book(origin_ms, bid_ticks, bid_ticks + 1, thin=0)

    def second(self, second: int) -> list[MarketEvent]:
        """Make the books and trades of one second of market time, and move the process to its end."""
        rng = chance(self._seed, self.spec.symbol, second)
        sky = self._weather.sky(second)
        hurt = self._hurt(second, sky)
        events: list[MarketEvent] = []
        for slot in range(_SLOTS):
            before = self.walk.mid
            self.walk.step(rng, self._profile, _SLOT_PACE, heat=sky.heat, move=sky.move / _SLOTS)
            slot_ms = second * 1000 + slot * _SLOT_MS
            spread = spread_ticks(rng) * (1 + sky.thin)
            bid_ticks = max(1, int(self.walk.mid - spread / 2))
            events.append(self._book(slot_ms, bid_ticks, bid_ticks + spread, thin=sky.thin))
            count = trade_count(rng, self._profile.trades_per_s / _SLOTS, self.walk.heat)
            for offset in sorted(rng.randrange(_SLOT_MS) for _ in range(count)):
                events.append(self._trade(rng, slot_ms + offset, bid_ticks, spread, self.walk.mid - before))
            if hurt is not None and slot in hurt.slots:
                events.append(self._liquidation(hurt, slot_ms + _SLOT_MS - 1, falls=self.walk.mid < before))
        self._record.sample(second * 1000, round(self.walk.mark), round(self.walk.index))
        return events

    def apply(self, event: MarketEvent) -> None:
        """The event's time has come: it is now part of what the market knows."""
        if isinstance(event, MarketBook):
            self.book = event
            return
        if not isinstance(event, MarketTrade):
            return
        self.last_price = event.price
        self._trades.append(event)
        self.close_bar(event.time_ms)
        if self.open_bar is None:
            self.open_bar = OpenBar(event.time_ms - event.time_ms % MINUTE_MS, event.price, event.size)
        else:
            self.open_bar.add(event.price, event.size)

    def close_bar(self, now_ms: int) -> None:
        """Confirm the open bar if its minute is over."""
        bar = self.open_bar
        if bar is not None and now_ms >= bar.start_ms + MINUTE_MS:
            self._append(bar.kline(MINUTE_MS, confirm=True))
            self.open_bar = None

    def mark_price(self) -> Decimal:
        return round(self.walk.mark) * self.spec.tick_size

    def index_price(self) -> Decimal:
        return round(self.walk.index) * self.spec.tick_size

    def funding_rate(self, funding_ms: int) -> Decimal:
        return funding_rate(self._seed, self.spec, funding_ms)

    def open_interest(self, now_ms: int) -> Decimal:
        return open_interest(self._seed, self.spec, self._profile.open_interest_steps, now_ms)

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        return self._record.bars(kind, interval, start_ms, end_ms, limit)

    def trades(self, limit: int) -> list[MarketTrade]:
        """The newest `limit` trades, newest first."""
        return list(islice(reversed(self._trades), max(0, limit)))

    def save_bars_and_trades(self) -> dict[str, Any]:
        """What is known up to now; the made-up history is left out, because its seed makes it again."""
        history_rows = self.bars.index_at(self._origin_ms)
        kept_ms = self.bars.bar(0).start_ms
        opened = self.open_bar
        return {
            "origin_ms": self._origin_ms,
            "history_rows": history_rows,
            **{
                name: [_bar_row(bar) for bar in self.candles.rolled_before(interval, kept_ms)]
                for name, interval in _ROLLED.items()
            },
            "bars": list(self._saved_rows),
            "prices": self._record.saved_rows(),
            "open_bar": _bar_row(opened.kline(MINUTE_MS, confirm=False)) if opened is not None else None,
            "trades": [_trade_row(trade) for trade in list(self._trades)[-_TRADES_SAVED:]],
            "last_price": str(self.last_price),
        }

    def load_bars_and_trades(self, saved: Mapping[str, Any]) -> None:
        """Undo of `save_bars_and_trades`, for a symbol made with the saved origin."""
        history_rows = saved["history_rows"]
        self.bars = BarRing(BARS_KEPT, self._history[len(self._history) - history_rows :])
        self.candles = self._view()
        for name, interval in _ROLLED.items():
            length_ms = fixed_length_ms(interval)
            rows = saved.get(name, ())  # an earlier version kept hours alone
            self.candles.remember_rolled(interval, [_bar_of(row).kline(length_ms, confirm=True) for row in rows])
        self._saved_rows = []
        for row in saved["bars"]:
            self._append(_bar_of(row).kline(MINUTE_MS, confirm=True))
        self.open_bar = _bar_of(saved["open_bar"]) if saved["open_bar"] is not None else None
        self._trades = deque((self._trade_of(row) for row in saved["trades"]), maxlen=TRADES_KEPT)
        self.last_price = Decimal(saved["last_price"])
        traded = (self.bars.bar(index) for index in range(len(self.bars)))
        self._record.load(traded, saved.get("prices", ()), saved.get("price_minute", ()))

    def save_process(self) -> dict[str, Any]:
        """The process and the counters between two seconds."""
        return {
            "walk": self.walk.saved(),
            "seq": self.seq,
            "update_id": self.update_id,
            "price_minute": self._record.open_minute(),
        }

    def load_process(self, saved: Mapping[str, Any]) -> None:
        self.walk = Walk(**saved["walk"])
        self.seq = saved["seq"]
        self.update_id = saved["update_id"]

    def _append(self, bar: Kline) -> None:
        self.candles.keep_rolled()
        self.bars.append(bar)
        self._saved_rows.append(_bar_row(bar))
        del self._saved_rows[: max(0, len(self._saved_rows) - len(self.bars))]

    def _view(self) -> CandleView:
        return CandleView(self.bars, MINUTE_MS, self._live, kept_max=ROLLED_KEPT, older=self._past)

    def _live(self) -> Kline | None:
        return self.open_bar.kline(MINUTE_MS, confirm=False) if self.open_bar is not None else None

    def _book(self, time_ms: int, bid_ticks: int, ask_ticks: int, *, thin: int) -> MarketBook:
        self.seq += 1
        self.update_id += 1
        epoch = time_ms // _SLOT_MS
        bids, asks = (
            DepthSide(
                best_ticks=best,
                direction=direction,
                epoch=epoch,
                salt=salt,
                sizes=self._sizes,
                tick_size=self.spec.tick_size,
                thin=thin,
            )
            for best, direction, salt in ((bid_ticks, -1, self._salts[0]), (ask_ticks, 1, self._salts[1]))
        )
        return MarketBook(
            symbol=self.spec.symbol, bids=bids, asks=asks, time_ms=time_ms, update_id=self.update_id, seq=self.seq
        )

    def _trade(self, rng: Random, time_ms: int, bid_ticks: int, spread: int, moved: float) -> MarketTrade:
        self.seq += 1
        buys = leans_to_buyers(rng, moved)
        swept = swept_ticks(rng)
        ticks = bid_ticks + spread + swept if buys else max(1, bid_ticks - swept)
        return MarketTrade(
            symbol=self.spec.symbol,
            time_ms=time_ms,
            price=ticks * self.spec.tick_size,
            size=size_steps(rng, self._profile.median_size_steps) * self.spec.qty_step,
            side="Buy" if buys else "Sell",
            trade_id=f"{self.spec.symbol_id:08x}-{rng.getrandbits(64):016x}-{self.seq:08x}",
            seq=self.seq,
        )

    def _hurt(self, second: int, sky: Sky) -> Hurt | None:
        """Whether somebody is liquidated in this second; with a chance of its own, so that it moves nothing else."""
        if not self._weather.hurts():
            return None
        return hurt_by(sky, chance(self._seed, self.spec.symbol, "hurt", second))

    def _liquidation(self, hurt: Hurt, time_ms: int, *, falls: bool) -> MarketLiquidation:
        """A long is hurt by a fall. Its bankruptcy price is beyond the price at which it is taken over."""
        self.seq += 1
        beyond = max(1, round(self.walk.mid * hurt.distance))
        ticks = max(1, int(self.walk.mid) + (-beyond if falls else beyond))
        return MarketLiquidation(
            symbol=self.spec.symbol,
            time_ms=time_ms,
            side="Buy" if falls else "Sell",
            size=max(1, round(self._profile.median_size_steps * hurt.size)) * self.spec.qty_step,
            price=ticks * self.spec.tick_size,
            seq=self.seq,
        )

    def _make_history(self, origin_ms: int, minutes: int) -> tuple[list[Kline], Walk]:
        """One-minute bars up to `origin_ms`, and the process as they leave it."""
        profile, symbol = self._profile, self.spec.symbol
        walk = Walk.at(profile.base_ticks * (1 + chance(self._seed, symbol, "start").uniform(-0.02, 0.02)))
        bars: list[Kline] = []
        rng = chance(self._seed, symbol, "history")
        median = profile.median_size_steps * profile.trades_per_s * 60 / _HISTORY_STEPS
        length = 60 // _HISTORY_STEPS
        pace, last = pace_of(length), 0
        tick, lot = self.spec.tick_size, self.spec.qty_step
        for start_ms in range(origin_ms - minutes * MINUTE_MS, origin_ms, MINUTE_MS):
            hour, within = divmod(start_ms // MINUTE_MS, 60)
            heat = self._weather.minute_heats(hour)[within]
            jumps = self._weather.jump(hour) is not None
            ticks, volume, turnover = [], 0, 0  # in whole ticks and steps: a start makes tens of thousands of them
            for step in range(_HISTORY_STEPS):
                second = start_ms // 1000 + step * length
                move = self._weather.moved(second, second + length) if jumps else 0.0
                walk.step(rng, profile, pace, heat=heat, move=move)
                self._record.sample(second * 1000, round(walk.mark), round(walk.index))
                ticks.append(max(1, round(walk.mid)) if step or not bars else last)
                size = size_steps(rng, median)
                volume, turnover = volume + size, turnover + ticks[-1] * size
            last = ticks[-1]
            bars.append(
                Kline(
                    start_ms=start_ms,
                    end_ms=start_ms + MINUTE_MS - 1,
                    open=ticks[0] * tick,
                    high=max(ticks) * tick,
                    low=min(ticks) * tick,
                    close=last * tick,
                    volume=volume * lot,
                    turnover=turnover * (tick * lot),
                    confirm=True,
                )
            )
        return bars, walk

    def _trade_of(self, row: Iterable[Any]) -> MarketTrade:
        time_ms, price, size, side, trade_id, seq = row
        return MarketTrade(
            symbol=self.spec.symbol,
            time_ms=time_ms,
            price=Decimal(price),
            size=Decimal(size),
            side=side,
            trade_id=trade_id,
            seq=seq,
        )


def _trade_row(trade: MarketTrade) -> list[Any]:
    return [trade.time_ms, str(trade.price), str(trade.size), trade.side, trade.trade_id, trade.seq]


def _bar_row(bar: Kline) -> str:
    return f"{bar.start_ms} {bar.open} {bar.high} {bar.low} {bar.close} {bar.volume} {bar.turnover}"


def _bar_of(row: str) -> OpenBar:
    start, *numbers = row.split(" ")
    first, high, low, close, volume, turnover = map(Decimal, numbers)
    bar = OpenBar(int(start), first, volume)
    bar.high, bar.low, bar.close, bar.turnover = high, low, close, turnover
    return bar
