"""An account that is only watched: its key may only read, so nothing is sent for it, whoever wants it.

Lives here: `WatchingRule`, first of all rules of such an account's session, and `OnlyWatched`, for who goes beside the
session. Not here: what the exchange says of the key (`connections.verdicts`), the gates of its gateways, which are shut
beside that (`app.sessions`).
"""

from __future__ import annotations

from tradewright.connections.model import READ_ONLY
from tradewright.core.errors import Conflict
from tradewright.trading.model import Intent, Reason


class OnlyWatched(Conflict):
    """The key of the account may only read: what is open stays open unless somebody ends it at the exchange."""

    code = READ_ONLY


class WatchingRule:
    """Refuses every intent, those that reduce and cancel too: the exchange would, and an order that is asked to be
    cancelled looks as if somebody were doing it."""

    def judge(self, intent: Intent) -> Reason | None:
        return Reason(READ_ONLY)
