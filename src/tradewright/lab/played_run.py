"""What exact runs of all kinds share: bars that are played to the exchange, funding, fills, the beginning and the end.

Lives here: `PlayedRun`. Not here: what a kind decides and asks for (`signal_run`, `dca_run`, `grid_run`), the way of
the price (`path`), session and exchange behind the desk (`desk`), books and brakes, which the fast engine has too
(`backtest`).

What rests is placed, moved and cancelled while the price stands at the close; what is sent at the market leaves after
the jump to the next open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.feed import Feed, Piece
from tradewright.backtest.run import Run, Watch
from tradewright.backtest.settings import Settings
from tradewright.core.order import Execution
from tradewright.lab.desk import Desk, LabFault
from tradewright.lab.path import next_point, turns
from tradewright.strategy.evaluate.bars import Evaluator, Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import decimal_of

_ONE = Decimal(1)
_LEVERAGE_STEP = Decimal("0.01")  # of the account's; it binds margin, of which there is more than enough
_BOOKED_TO = Decimal("5e-9")  # the exchange books amounts of a coin to eight places, half even


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a run is played with. `bars` are all candles, those before the first bar included."""

    strategy: Strategy
    feed: Feed
    bars: Sequence[Bar]
    settings: Settings
    watch: Watch | None
    desk: Desk
    tick: Decimal


class PlayedRun(Run):
    """To be used inside `core.money.exactly()`, once."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.strategy, stage.feed, stage.settings, stage.watch)
        self.desk = stage.desk
        self.bar = 0  # the one that is played
        self._bars, self._tick = stage.bars, stage.tick
        self._evaluator = Evaluator(stage.strategy.program)
        self._outputs = stage.strategy.program.outputs
        self._now_ms = 0

    async def play(self) -> None:
        """All bars; `self.last` is the last one that was run. Raises `LabFault`, and `Cancelled` as `look`."""
        await self.desk.settle()
        self.desk.leverage(max(_ONE, self.strategy.leverage // _LEVERAGE_STEP * _LEVERAGE_STEP))
        await self.desk.settle()
        for bar in range(self.feed.first):
            self._evaluator.close(self._bars[bar])
        for bar in range(self.feed.first, self.last + 1):
            self.look(bar)
            if await self._play(bar):
                return

    # What a kind has to say.

    def is_idle(self) -> bool:
        """Whether no price can change anything."""
        raise NotImplementedError

    def open_lots(self) -> Sequence[Lot]:
        raise NotImplementedError

    def watched(self, piece: Piece) -> Iterable[Decimal]:
        """Prices at which the run itself does something, beside those at which the exchange does."""
        raise NotImplementedError

    async def jump(self, piece: Piece) -> None:
        """To the open, and what was decided for it."""
        raise NotImplementedError

    async def went(self, piece: Piece) -> None:
        """After each price inside a bar."""

    def closes(self, bar: int, values: Values) -> None:
        """Step e1: what the close changes of what is open."""
        raise NotImplementedError

    async def decide(self, bar: int, values: Values) -> None:
        raise NotImplementedError

    async def end(self, bar: int) -> None:
        """At the last close: everything is closed."""
        raise NotImplementedError

    def book_fill(self, fill: Execution, piece: Piece) -> None:
        raise NotImplementedError

    # One bar.

    async def _play(self, bar: int) -> bool:
        """True when it was the last."""
        self.bar = bar
        if not self.is_idle():
            await self._pay_funding(bar)
            for piece in self.feed.pieces(bar):
                await self._walk(piece)
        values = self._evaluator.close(self._bars[bar])
        self.closes(bar, values)
        if self.is_ruined(bar) or bar == self.last:
            self.last = bar
            await self.end(bar)
            return True
        await self.decide(bar, values)
        return False

    async def _pay_funding(self, bar: int) -> None:
        rate = self.feed.funding.due(bar)
        lots = self.open_lots()
        if rate is None or not lots:
            return
        open_ms = int(self.feed.times[bar])
        close = decimal_of(self.feed.close[bar - 1])
        self.desk.owe_funding(open_ms, rate)
        if self.desk.advance(open_ms):
            await self.desk.settle()
        told = [fill for fill in self.desk.fills() if fill.exec_type == "Funding"]
        due = sum((lot.direction * rate * lot.quantity * close for lot in lots), Decimal(0))
        check_booked(sum((fill.fee for fill in told), Decimal(0)), due)
        for lot in lots:
            self.book.pay_funding(lot, rate, close)
        self.book.mark(bar)

    async def _walk(self, piece: Piece) -> None:
        self._now_ms = max(self._now_ms, piece.time_ms)
        await self.jump(piece)
        for turn in turns(piece):
            while self.desk.price != turn:
                point = next_point(
                    self.desk.price,
                    turn,
                    levels=[*self.desk.triggers(), *self.watched(piece)],
                    resting=self.desk.resting(),
                    tick=self._tick,
                )
                await self.move_to(point, piece)

    async def move_to(self, price: Decimal, piece: Piece, *, is_slipping: bool = True) -> None:
        """The price goes there, and whatever that sets off is booked."""
        await self.show(price, piece, is_slipping=is_slipping)
        await self.went(piece)

    async def show(self, price: Decimal, piece: Piece, *, is_slipping: bool = True) -> None:
        """The same without what the run itself does at a price."""
        self._now_ms += 1
        if self.desk.play(price, self._now_ms, is_slipping=is_slipping):
            await self.settle(piece)

    async def settle(self, piece: Piece) -> None:
        """Until everything that was asked has happened; what it filled is booked."""
        await self.desk.settle()
        for fill in self.desk.fills():
            self.book_fill(fill, piece)
            self.book.mark(self.bar)

    def stand(self, bar: int) -> None:
        """The price is at this bar's close, which nothing had to be told while nothing was open."""
        self._now_ms = max(self._now_ms + 1, self.feed.close_ms(bar) - 1)
        self.desk.play(decimal_of(self.feed.close[bar]), self._now_ms)

    def without_slippage(self) -> None:
        """What is sent at the market now gets the price itself."""
        self._now_ms += 1
        self.desk.play(self.desk.price, self._now_ms, is_slipping=False)

    def is_true(self, rule: str, values: Values, seen: Position) -> bool:
        return rule in self._outputs and values.at(rule, seen) == 1.0


def check_booked(told: Decimal, exact: Decimal) -> None:
    """The report tells costs to the last digit, as the contract defines them; the exchange books them rounded."""
    if abs(told - exact) > _BOOKED_TO:
        raise LabFault(f"the exchange charged {told} where {exact} was due")
