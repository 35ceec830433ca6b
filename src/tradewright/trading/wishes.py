"""What anybody may want an account's owner to read from the exchange: everything again, or what a symbol is set to.

Lives here: `Wish`, the channel of the bus it goes by, and `wish`, which notifies. Not here: who serves it (`worker`,
`session`). A wish is a hint like every notification: it may be lost, and then the next periodic reading serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import AccountId
from tradewright.core.instrument import InstrumentId
from tradewright.storage.bus import notify

log = structlog.get_logger(__name__)

WANTED_CHANNEL = "account_wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`whole`: everything of the account; `instrument`: its leverage and fees."""

    account_id: AccountId
    whole: bool
    instrument: InstrumentId | None


async def wish(connection: AsyncConnection, wanted: Wish) -> None:
    """Tells the account's owner once the caller's transaction commits."""
    await notify(connection, WANTED_CHANNEL, payload_of(wanted))


def payload_of(wanted: Wish) -> str:
    instrument = wanted.instrument
    named = "" if instrument is None else f"{instrument.category}:{instrument.symbol}"
    return f"{wanted.account_id}|{'whole' if wanted.whole else ''}|{named}"


def parse_wish(payload: str) -> Wish | None:
    """None for what is no wish: it is logged, since only a program of another version writes one."""
    parts = payload.split("|")
    try:
        account, whole, named = parts
        category, _, symbol = named.partition(":")
        instrument = None
        if named:
            if category not in ("linear", "spot") or not symbol:
                raise ValueError(named)
            instrument = InstrumentId("linear" if category == "linear" else "spot", symbol)
        return Wish(account_id=AccountId(UUID(account)), whole=whole == "whole", instrument=instrument)
    except ValueError:
        log.warning("wish.unreadable", payload=payload[:100])
        return None
