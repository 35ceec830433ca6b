"""When an unknown outcome is worth asking for: at once, then ever more seldom, until its absence counts.

Lives here: `Looks`, the memory of one session between its looks. Not here: the questions, and what their answers mean
(`resolution`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from tradewright.core.ids import IntentId

_FIRST_PAUSE = timedelta(seconds=2)
_READING_PAUSE = timedelta(seconds=4)  # the reading that a session begins with is given the address to itself
_PAUSE_MAX = timedelta(seconds=8)


class Looks:
    """By the exchange's clock. It ends with the session, which only makes the next one wait longer.

    A look is three questions of what an address may ask, so that the hundred unknowns that a killed process leaves,
    asked for every two seconds, kept everything else from being read. In between the stream tells what arrives late,
    and so does every whole reading.
    """

    def __init__(self) -> None:
        self.first_seen: dict[IntentId, datetime] = {}  # of those whose requests bear no time
        self._asked: dict[IntentId, tuple[datetime, timedelta]] = {}  # when last, and for how long that is enough

    def keep(self, unknown: Collection[IntentId]) -> None:
        """Of all others nothing need be remembered any more."""
        for settled in [one for one in self.first_seen if one not in unknown]:
            del self.first_seen[settled]
        for settled in [one for one in self._asked if one not in unknown]:
            del self._asked[settled]

    def seen(self, intent_id: IntentId, now: datetime) -> datetime:
        """Since when it is looked for."""
        return self.first_seen.setdefault(intent_id, now)

    def is_due(self, intent_id: IntentId, now: datetime) -> bool:
        """Also where the exchange's clock was put back."""
        asked = self._asked.get(intent_id)
        return asked is None or not asked[0] <= now < asked[0] + asked[1]

    def asked(self, intent_id: IntentId, now: datetime) -> None:
        """It is asked for now."""
        before = self._asked.get(intent_id)
        pause = _FIRST_PAUSE if before is None else min(2 * before[1], _PAUSE_MAX)
        self._asked[intent_id] = (now, pause)

    def left_to_reading(self, intent_id: IntentId, now: datetime) -> None:
        """A whole reading is about to tell whether it happened."""
        self.seen(intent_id, now)
        self._asked[intent_id] = (now, _READING_PAUSE)
