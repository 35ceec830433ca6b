"""What an account's session is put together from.

Lives here: `SessionParts`. Not here: the session (`session`), where its parts come from (`app.sessions`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.exchange.ports import OrderGateway, PrivateStream
from tradewright.trading.account_book import AccountBook
from tradewright.trading.beside import Companion, Rule
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.journal import Journal
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Ownership, SoleOwner
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.exposure import Exposure, Holdings


async def _nobody_to_tell() -> None:
    return None


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What a session is built from; `instrument_of` answers None for what the exchange does not list.

    `instruments_stale` is awaited when the exchange refused an order by rules that are not those we hold. `book` is the
    account's memory, filled by the session, `exposure` what of it counts as risk, rebuilt from `holdings` at the start;
    `rules` may hold an intent back or refuse it, `companions` run beside.
    `ownership` is asked before anything leaves. `reach` is told of each crash point. `waits_beside`: whether something
    that was sent waits beside the database to be written down in it.
    """

    account: AccountRef
    gateway: OrderGateway
    stream: PrivateStream
    journal: Journal
    instrument_of: Callable[[InstrumentId], Instrument | None]
    clock: Clock
    ids: Ids
    rng: Rng
    evidence: EvidenceRule
    instruments_stale: Callable[[], Awaitable[None]] = _nobody_to_tell
    book: AccountBook = field(default_factory=AccountBook)
    exposure: Exposure = field(default_factory=Exposure)
    holdings: Callable[[], Awaitable[Holdings]] | None = None
    rules: Sequence[Rule] = ()
    companions: Sequence[Companion] = ()
    ownership: Ownership = field(default_factory=SoleOwner)
    reach: Reach = nowhere
    waits_beside: Callable[[], bool] = lambda: False
