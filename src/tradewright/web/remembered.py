"""Who was seen signed in lately, for the one thing that must work while the database cannot say: the kill switch.

Lives here: `Remembered`, in the memory of one API process. Not here: sessions (`identity.sessions`), the routes that
may go by it (`routes_kill`). Only hashes of tokens are kept. What was revoked elsewhere meanwhile still counts, for at
most `KEPT_S`, and only for what stops trading: nobody can risk anything by it. Who was seen is known in all of their
workspaces, so that each of their tabs can stop the one that it shows.
"""

from __future__ import annotations

from collections import OrderedDict

from tradewright.core.clock import Clock
from tradewright.identity.model import Principal
from tradewright.identity.tokens import token_hash

KEPT_S = 600.0
_KEPT_MAX = 1_000


class Remembered:
    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    def note(self, token: str, principal: Principal | None, clock: Clock) -> None:
        """The database has said whose session it is; None: of nobody."""
        key = token_hash(token)
        self._seen.pop(key, None)
        if principal is not None:
            self._seen[key] = (principal, clock.monotonic())
        while len(self._seen) > _KEPT_MAX:
            self._seen.popitem(last=False)

    def replace(self, old: str | None, fresh: str, principal: Principal, clock: Clock) -> None:
        """The session goes on with another token; the old one is known to the database for a moment, and not here."""
        if old is not None:
            self.forget(old)
        self.note(fresh, principal, clock)

    def forget(self, token: str) -> None:
        self._seen.pop(token_hash(token), None)

    def principal(self, token: str, clock: Clock) -> Principal | None:
        """Who it was within the last ten minutes."""
        found = self._seen.get(token_hash(token))
        if found is None or clock.monotonic() - found[1] > KEPT_S:
            return None
        return found[0]
