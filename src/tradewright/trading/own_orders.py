"""An order that the account's owner itself wants and that opens: judged in memory, written down as it leaves.

Lives here: `OwnOrder`. Not here: the commit it is born in (`birth`), who judges and sends it (`intake`), what takes
something off (`proposals`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import OwnSource, PlaceIntent, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """`reason` is why it is wanted, for the audit trail; after `validity` no byte of it leaves any more. `run_id`: the
    bot's run that wants it."""

    body: PlaceBody
    source: OwnSource
    reason: Reason
    validity: timedelta
    run_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.body.reduce_only:
            raise ValueError(
                f"the order {self.body.id} takes off a position of {self.body.symbol}; what opens is sent at once,"
                " propose it to the journal"
            )

    def intent(self, now: datetime) -> PlaceIntent:
        """As it is judged and sent; `now` is our clock's, the database's says later how long it may still leave."""
        return PlaceIntent(id=self.body.id, state="sending", order=self.body.order, valid_until=now + self.validity)


def told_by(source: OwnSource, run_id: UUID | None, reason: Reason) -> dict[str, Any]:
    """Who of the owner's own wanted it and why, as the audit trail keeps it."""
    told = {"source": source, "reason": reason.as_json()}
    return told if run_id is None else {**told, "run_id": str(run_id)}
