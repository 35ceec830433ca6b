"""The plan of a position follows from what happened, by whatever way and in whatever order it was learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.protection import Asked, AskedStop, BookedFill, PlannedStop, planned

T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Trade:
    signed: Decimal
    has_stop: bool


@dataclass(frozen=True)
class Wish:
    """A person sets the stop of the position that is open, or takes it off."""

    removes: bool


@dataclass
class Told:
    """A story of one symbol, told step by step: the other way to know the plan."""

    size: Decimal = Decimal(0)
    plan: PlannedStop | None = None
    fills: list[BookedFill] = field(default_factory=list)
    stops: list[AskedStop] = field(default_factory=list)

    @property
    def side(self) -> Literal["Buy", "Sell"] | None:
        return None if not self.size else "Buy" if self.size > 0 else "Sell"

    def take(self, number: int, step: Trade | Wish) -> None:
        at = T0 + timedelta(seconds=number)
        asked = PlannedStop(price=Decimal(1000 + number), by="LastPrice", origin=UUID(int=number + 1))
        if isinstance(step, Wish):
            if self.side is None:
                return
            price = Decimal(0) if step.removes else asked.price
            self.stops.append(
                AskedStop(origin=asked.origin, side=self.side, price=price, by="LastPrice", at=at, is_open=False)
            )
            self.plan = None if step.removes else asked
            return
        before, self.size = self.side, self.size + step.signed
        self.fills.append(BookedFill(at=at, signed=step.signed, stop=asked if step.has_stop else None))
        if self.side != before:
            self.plan = None
        if self.side is not None and step.has_stop and (step.signed > 0) == (self.size > 0):
            self.plan = asked


_trades = st.builds(
    Trade,
    signed=st.integers(-3, 3).filter(bool).map(Decimal),
    has_stop=st.booleans(),
)
_stories = st.lists(_trades | st.builds(Wish, removes=st.booleans()), min_size=1, max_size=30)


@given(story=_stories)
def test_the_plan_read_from_rows_is_the_plan_of_the_story(story: list[Trade | Wish]) -> None:
    told = Told()
    for number, step in enumerate(story):
        told.take(number, step)
    asked = Asked(booked=told.size, fills=told.fills[::-1], stops=told.stops[::-1], reaches_back=True)
    if told.side is None:
        assert planned(asked, "Buy", Decimal(1)) is None
        return
    plan = planned(asked, told.side, abs(told.size))
    assert plan is not None
    assert plan.stop == told.plan
    assert (plan.adds_up, plan.is_whole) == (True, True)


@given(story=_stories, known=st.integers(1, 10))
def test_with_only_the_newest_fills_the_plan_is_the_same_or_says_that_it_is_not_whole(
    story: list[Trade | Wish], known: int
) -> None:
    told = Told()
    for number, step in enumerate(story):
        told.take(number, step)
    if told.side is None:
        return
    asked = Asked(
        booked=told.size,
        fills=told.fills[::-1][:known],
        stops=told.stops[::-1],
        reaches_back=len(told.fills) <= known,
    )
    plan = planned(asked, told.side, abs(told.size))
    assert plan is not None
    assert plan.stop == told.plan or not plan.is_whole
