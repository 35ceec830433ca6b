"""What works beside an account's session and what it may be stopped by: the two places where other parts plug in.

Lives here: `Companion` (a task as long as the session: guardian, ledger, kill switch), `SessionView` (what it sees of
the session) and `Rule` (a reason not to send, judged from memory).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import OrderGateway
from tradewright.trading.account_book import AccountBook
from tradewright.trading.journal import Journal
from tradewright.trading.model import AccountRef, Intent, Reason, SessionState
from tradewright.trading.own_orders import OwnOrder


class SessionView(Protocol):
    """The session as those beside it see it. What they want cancelled, closed or changed is proposed in the journal,
    then `wake`; what opens is placed."""

    @property
    def account(self) -> AccountRef: ...
    @property
    def state(self) -> SessionState: ...
    @property
    def book(self) -> AccountBook: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def gateway(self) -> OrderGateway:
        """For reading. What is sent goes through the journal and the session."""
        ...

    def place(self, own: OwnOrder) -> Reason | Held | None:
        """Judges an order that opens and sends it at once. None: it counts from here on and is on its way; what becomes
        of it is told like of any other, and the same id again sends nothing. Else why not: nothing is written then, and
        what is only `Held` may be asked again."""
        ...

    async def read_position(self, instrument: InstrumentId) -> None:
        """Reads the position, in hedge mode both legs, and books it: `book` has it then, or what is newer.

        Raises `ExchangeUnavailable`.
        """
        ...

    def wake(self) -> None: ...
    def want_reconcile(self) -> None: ...


class Companion(Protocol):
    """Runs as long as its session, in its task group: an error that it lets through ends the session."""

    async def run(self, session: SessionView) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """Not now: the intent stays proposed until the hold is over or it expires. `reason` is for the log and the page."""

    reason: Reason


class Rule(Protocol):
    """Asked once more of every intent right before its request is committed. Waits for nothing and changes nothing."""

    def judge(self, intent: Intent) -> Reason | Held | None: ...
