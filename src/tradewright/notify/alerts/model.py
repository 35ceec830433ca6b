"""A price alert and when it fires. No I/O and no clock.

Lives here: `Alert`, `judged`, and the rules of what may be asked for. Not here: SQL (`commands`), prices (`keeping`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from tradewright.core.environment import Environment
from tradewright.core.errors import Conflict, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import ZERO

CHANNEL = "price_alerts"  # of the bus: some alert was made, changed or removed

PriceBy = Literal["last", "mark"]
Direction = Literal["above", "below"]
AlertState = Literal["waiting", "paused", "fired", "ended"]

ALERTS_OF_USER_MAX = 100
INSTRUMENTS_OF_USER_MAX = 20  # each is a topic of the exchange's stream, which pages need, too
ENDS_WITHIN = timedelta(days=366)
# A price that trembles about the line would fire with every tick.
FIRES_AFTER = timedelta(seconds=60)


class TooManyAlerts(Conflict):
    """The person has as many alerts, or as many instruments in them, as they may."""

    code = "alert.too_many"


class AlertMoved(Conflict):
    """It was changed, or has fired, since it was read; nothing was changed."""

    code = "alert.moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """What is asked for. `price` is in quote coin; `repeats`: it waits again after it fired."""

    environment: Environment
    instrument: InstrumentId
    price_by: PriceBy
    direction: Direction
    price: Decimal
    repeats: bool
    ends_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`is_reached`: whether the price was there when it was last judged; None: it was not judged yet."""

    id: UUID
    workspace_id: WorkspaceId
    user_id: UserId
    version: int
    asked: NewAlert
    is_reached: bool | None = None
    fired_at: datetime | None = None


Judgement = Literal["nothing", "moved", "fires"]


def judged(alert: Alert, price: Decimal, now: datetime) -> Judgement:
    """It fires when a price is there that was not there before; the first price only tells where it stands.

    What was there is kept with the alert, so a line that was crossed while nobody looked fires with the first price.
    """
    if alert.fired_at is not None and now - alert.fired_at < FIRES_AFTER:
        return "nothing"
    reached = price >= alert.asked.price if alert.asked.direction == "above" else price <= alert.asked.price
    if reached == alert.is_reached:
        return "nothing"
    return "fires" if reached and alert.is_reached is False else "moved"


def is_reached(alert: Alert, price: Decimal) -> bool:
    return price >= alert.asked.price if alert.asked.direction == "above" else price <= alert.asked.price


def problems_of(asked: NewAlert, now: datetime, *, tick: Decimal, has_mark: bool) -> list[Problem]:
    """What is wrong with it, by the instrument's rules."""
    problems = []
    if asked.price <= ZERO:
        problems.append(Problem("alert.price", "price", {"tick": str(tick)}))
    elif asked.price % tick:
        problems.append(Problem("alert.tick", "price", {"tick": str(tick)}))
    if asked.price_by == "mark" and not has_mark:
        problems.append(Problem("alert.no_mark", "price_by"))
    if asked.ends_at is not None and not now < asked.ends_at <= now + ENDS_WITHIN:
        problems.append(Problem("alert.ends_at", "ends_ms", {"days": str(ENDS_WITHIN.days)}))
    return problems
