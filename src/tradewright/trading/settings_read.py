"""Reading back what a setting came to: the facts that show it, and whether they are as it was asked.

Lives here: `read_setting`, for leverage, exits, position mode and margin mode. Not here: when it is read (`look_backs`,
`reconciliation`), what follows for an outcome that nobody knows (`resolution`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from tradewright.core.errors import ReadRefused
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import RemotePosition, SymbolMode
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.journal import Fact
from tradewright.trading.model import ExitsIntent, LeverageIntent, MarginModeIntent, PositionModeIntent, SettingIntent


@dataclass(frozen=True, slots=True)
class SettingRead:
    facts: Sequence[Fact]
    is_met: bool


async def read_setting(gateway: OrderGateway, intent: SettingIntent) -> SettingRead:
    """Raises `ExchangeUnavailable`; `ReadRefused` also where a leg is gone, because the position mode was changed."""
    match intent:
        case MarginModeIntent():
            modes = await gateway.modes()
            return SettingRead([modes], intent.is_met_by(modes))
        case PositionModeIntent():
            legs = await gateway.legs(intent.instrument)
            return SettingRead(facts_of(intent.instrument, legs), is_hedged(legs) == intent.hedge)
        case LeverageIntent():
            legs = await gateway.legs(intent.instrument)
            return SettingRead(facts_of(intent.instrument, legs), intent.is_met_by(legs))
        case ExitsIntent():
            legs = await gateway.legs(intent.instrument)
            for leg in legs:
                if leg.position_index == intent.exits.position_index:
                    return SettingRead(facts_of(intent.instrument, legs), intent.is_met_by(leg))
            raise ReadRefused(
                f"{intent.instrument.symbol} has no position {intent.exits.position_index} any more: its position mode"
                " was changed"
            )
        case _:
            assert_never(intent)


def is_hedged(legs: Sequence[RemotePosition]) -> bool:
    return any(leg.position_index for leg in legs)


def facts_of(instrument: InstrumentId, legs: Sequence[RemotePosition]) -> list[Fact]:
    """All that was read of a contract, with what it says of its mode."""
    return [SymbolMode(instrument=instrument, hedge=is_hedged(legs)), *legs]
