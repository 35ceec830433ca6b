"""The port `RiskStore` in memory, and prices that a test sets: what the owner's risk reads besides its journal.

Lives here: `MemoryRiskStore` on a `MemoryDatabase`, `SetPrices`. Not here: the journal's twin (`memory_journal`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradewright.core.clock import Clock
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FINAL_STATES, RemoteOrder, Wallet
from tradewright.core.risk import Level, Limits, default_limits
from tradewright.core.risk_prices import PriceView
from tradewright.core.rule_parts import Quotes
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.trading.model import AmendIntent, PlaceIntent
from tradewright.trading.risk.exposure import MINUTE_S, Holdings
from tradewright.trading.risk.positions import DayStart

_CLOCKS_APART = timedelta(seconds=2)


async def _pass(_name: str) -> None:
    return None


class MemoryRiskStore:
    """`days` and `limits` outlive a killed owner, as the tables do."""

    def __init__(
        self,
        database: MemoryDatabase,
        kept: KeptRisk,
        *,
        clock: Clock,
        point: Callable[[str], Awaitable[None]] = _pass,
    ) -> None:
        self._db = database
        self._kept = kept
        self._clock = clock
        self._point = point

    async def holdings(self) -> Holdings:
        await self._point("holdings.read")
        return holdings_of(self._db, self._clock.now())

    async def levels(self) -> Sequence[tuple[Level, Limits]]:
        await self._point("levels.read")
        return list(self._kept.levels)

    async def day(self, day: date) -> DayStart | None:
        await self._point("day.read")
        return self._kept.days.get(day)

    async def open_day(self, start: DayStart) -> DayStart:
        await self._point("open_day.before")
        known = self._kept.days.get(start.day, start)
        found = replace(known, realised={**start.realised, **known.realised})
        self._kept.days[start.day] = found
        await self._point("open_day.after")
        return found


@dataclass(slots=True)
class KeptRisk:
    """What is stored of risk."""

    levels: list[tuple[Level, Limits]] = field(default_factory=lambda: [("installation", default_limits("sim"))])
    days: dict[date, DayStart] = field(default_factory=dict)


def holdings_of(database: MemoryDatabase, now: datetime) -> Holdings:
    """By what the tables hold, as `trading.risk.holdings` reads them."""
    live = [row for row in database.orders.values() if row.tracked.state not in FINAL_STATES]
    reported = {row.intent_id for row in database.orders.values()}
    sequences = {key[:2]: row.position.sequence for key, row in database.positions.items()}
    read_until = database.executions_read_until
    intents = [
        database.intent_value(row, now)
        for row in database.intents.values()
        if (row.kind == "place" and (row.state in ("sending", "unknown") or _is_unreported(row, reported)))
        or (
            row.kind == "amend"
            and (row.state in ("sending", "unknown") or (row.state == "acknowledged" and not row.is_read_back))
        )
    ]
    first: dict[object, datetime] = {}
    for request in database.requests.values():
        first[request.intent_id] = min(first.get(request.intent_id, request.created_at), request.created_at)
    return Holdings(
        orders=[_as_held(row.report, row.tracked) for row in live],
        positions=[row.position for row in database.positions.values()],
        fills=[
            one.execution
            for one in database.executions.values()
            if one.execution.exec_type != "Funding"
            and (read_until is None or one.execution.executed_at > read_until - _CLOCKS_APART)
            and (
                database.wallet_reported_at is None or one.execution.executed_at >= database.wallet_reported_at
                if one.execution.instrument.category == "spot"
                else one.execution.sequence
                > sequences.get((one.execution.instrument.category, one.execution.instrument.symbol), -1)
            )
        ],
        wallet=None
        if database.wallet_reported_at is None
        else Wallet(
            total_equity=database.totals[0],
            total_available=database.totals[1],
            reported_at=database.wallet_reported_at,
            coins=dict(database.balances),
            is_whole=True,
        ),
        intents=[intent for intent in intents if isinstance(intent, PlaceIntent | AmendIntent)],
        sent_ages_s={
            row.id: (now - first[row.id]).total_seconds()
            for row in database.intents.values()
            if row.kind in ("place", "amend") and not row.reduces and row.id in first
            if (now - first[row.id]).total_seconds() < MINUTE_S
        },
    )


def _is_unreported(row: object, reported: Collection[object]) -> bool:
    return row.state == "acknowledged" and row.id not in reported  # type: ignore[attr-defined]


def _as_held(report: RemoteOrder, tracked: object) -> RemoteOrder:
    names = ("state", "quantity", "price", "filled_quantity", "average_price", "updated_at", "trigger_price")
    return replace(report, **{name: getattr(tracked, name) for name in names})


@dataclass(slots=True)
class SetPrices:
    """Prices as a test says they are; fresh unless it says otherwise."""

    price: Callable[[], Decimal]
    views: dict[InstrumentId, PriceView | None] = field(default_factory=dict)
    wanted: list[InstrumentId] = field(default_factory=list)

    def of(self, instrument: InstrumentId) -> PriceView | None:
        if instrument in self.views:
            return self.views[instrument]
        return view_of(self.price())

    def want(self, instrument: InstrumentId, arrived: Callable[[], None]) -> None:
        self.wanted.append(instrument)


def view_of(price: Decimal, **changes: object) -> PriceView:
    quotes = Quotes(last=price, mark=price, index=price, bid=price, ask=price)
    return replace(PriceView(quotes=quotes, link_age_s=0.0, quote_age_s=0.0), **changes)  # type: ignore[arg-type]


def nothing_lost_yet(day: date) -> DayStart:
    return DayStart(day, Decimal(100_000), {})
