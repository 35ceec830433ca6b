"""Reading one thing after another was done to it, or because somebody asks: an order, a position, a symbol's settings.

Lives here: `LookBacks`, of one account's session. Not here: the whole read (`reconciliation`), what is unknown
(`resolution`). A read that fails here is made up for by the next reconciliation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import assert_never

import structlog

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.ids import LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FINAL_STATES, Execution, RemoteOrder
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.journal import Fact, Journal
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ChangeIntent,
    ExitsIntent,
    LeverageIntent,
    MarginModeIntent,
    PositionModeIntent,
    SymbolFacts,
)
from tradewright.trading.owed_reports import OwedReports
from tradewright.trading.reconciliation import give_up_reading
from tradewright.trading.settings_read import facts_of, read_setting

log = structlog.get_logger()

# The acknowledgement comes before the change shows. After the first looks what is read stands, as asked or not; the
# others are for what could not be read: a failed read, or an order that does not show at all yet.
_FIRST_PAUSES_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0)
_LATER_PAUSES_SECONDS = (4.0,) * 10
_SYMBOLS_WAITING_MAX = 100
_OWED_LOOK_SECONDS = 2.5


class LookBacks:
    """`positions` is held while a position is read and booked, so that this does not cross a reconciliation."""

    def __init__(
        self, gateway: OrderGateway, journal: Journal, clock: Clock, positions: asyncio.Lock, owed: OwedReports
    ) -> None:
        self._gateway = gateway
        self._journal = journal
        self._clock = clock
        self._positions = positions
        self._owed = owed
        self._symbols: dict[InstrumentId, None] = {}  # wanted, in the order in which they were asked for
        self._symbol_wanted = asyncio.Event()

    async def order_of(self, intent: CancelIntent | AmendIntent) -> RemoteOrder | None:
        """It came too late: what became of its order is asked at once, not left to the stream. None: nobody can say."""
        try:
            order = await self._gateway.find_order(
                intent.instrument,
                link_id=intent.target_link_id,
                exchange_order_id=intent.target_exchange_order_id,
            )
        except ExchangeUnavailable as error:
            log.warning("order.look_failed", intent_id=str(intent.id), error=str(error))
            return None
        if order is not None:
            await self._journal.book([order], "reconciliation")
        return order

    async def read_back(self, intent: ChangeIntent) -> None:
        """Reads what an acknowledged change is about until it shows, and marks it as read back."""
        for number, pause_seconds in enumerate((*_FIRST_PAUSES_SECONDS, *_LATER_PAUSES_SECONDS), start=1):
            await self._clock.sleep(pause_seconds)
            try:
                if await self._look(intent, is_enough=number >= len(_FIRST_PAUSES_SECONDS)):
                    return
            except ReadRefused as refusal:
                await self._journal.record_drift([await give_up_reading(self._journal, intent, refusal)])
                return
            except ExchangeUnavailable as error:
                log.warning("change.look_failed", intent_id=str(intent.id), error=str(error))
        log.warning("change.unread", intent_id=str(intent.id), kind=intent.kind)

    async def _look(self, intent: ChangeIntent, *, is_enough: bool) -> bool:
        """Whether it is read back now: as asked, or whatever is there where that is enough."""
        match intent:
            case AmendIntent():
                order = await self._gateway.find_order(
                    intent.instrument,
                    link_id=intent.target_link_id,
                    exchange_order_id=intent.target_exchange_order_id,
                )
                if order is None:
                    return False
                is_shown = intent.is_met_by(order) or order.state in FINAL_STATES
                return await self._take(intent, [order], is_enough=is_shown or is_enough)
            case LeverageIntent() | ExitsIntent() | PositionModeIntent() | MarginModeIntent():
                async with self._positions:
                    found = await read_setting(self._gateway, intent)
                    return await self._take(intent, found.facts, is_enough=found.is_met or is_enough)
            case _:
                assert_never(intent)

    async def _take(self, intent: ChangeIntent, facts: Sequence[Fact], *, is_enough: bool) -> bool:
        if is_enough:
            await self._journal.confirm(intent, facts, "reconciliation")
        return is_enough

    async def read_owed(self) -> None:
        """Asks for each order whose report is owed, until cancelled."""
        while True:
            await self._clock.sleep(_OWED_LOOK_SECONDS)
            for fill in self._owed.due(self._clock.monotonic()):
                await self._read_owed(fill)

    async def _read_owed(self, fill: Execution) -> None:
        log.info("order.report_owed", order=fill.exchange_order_id)
        try:
            order = await self._gateway.find_order(
                fill.instrument,
                link_id=LinkId(fill.link_id) if fill.link_id else None,
                exchange_order_id=fill.exchange_order_id,
            )
        except ExchangeUnavailable as error:
            log.warning("order.look_failed", order=fill.exchange_order_id, error=str(error))
            return
        if order is not None:
            await self._journal.book([order], "reconciliation")

    # What somebody asks about a symbol.

    async def read_position(self, instrument: InstrumentId) -> None:
        """The position, or both legs, as the exchange has them now, booked. Raises `ExchangeUnavailable`."""
        async with self._positions:
            legs = await self._gateway.legs(instrument)
            await self._journal.book(facts_of(instrument, legs), "reconciliation")

    def want_symbol(self, instrument: InstrumentId) -> None:
        """Bounded: what is asked for beyond it is asked for again by whoever still wants to know."""
        if len(self._symbols) < _SYMBOLS_WAITING_MAX:
            self._symbols[instrument] = None
            self._symbol_wanted.set()

    async def read_symbols(self) -> None:
        """Reads what is wanted, one after another, until cancelled."""
        while True:
            await self._symbol_wanted.wait()
            self._symbol_wanted.clear()
            while self._symbols:
                instrument = next(iter(self._symbols))
                del self._symbols[instrument]
                try:
                    await self._read_symbol(instrument)
                except ExchangeUnavailable as error:
                    log.warning("symbol.look_failed", symbol=instrument.symbol, error=str(error))

    async def _read_symbol(self, instrument: InstrumentId) -> None:
        leverage = None
        if instrument.category == "linear":
            async with self._positions:
                legs = await self._gateway.legs(instrument)
                await self._journal.book(facts_of(instrument, legs), "reconciliation")
            leverage = legs[0].leverage
        rates = await self._gateway.fee_rates(instrument)
        await self._journal.note_symbol(SymbolFacts(instrument=instrument, leverage=leverage, rates=rates))
