"""When all is right again after the faults: every intent final, every account ready, and told what the exchange says.

Lives here: `until_settled`. Not here: how an account's state is read (`equal`), what is judged then (`verdict`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.equal import State, read_said, read_told
from campaigns.lean import Held, Lean
from tradewright.trading.differences.model import BLOCKING

_GIVEN_UP_S = 120.0  # what takes longer than it may is still told in seconds
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Settled:
    took_s: float
    waited_s: Mapping[str, float]  # by what was waited for: until when
    wrong: Sequence[str]  # where it was given up


async def until_settled(lean: Lean, *, kills: bool = False) -> Settled:
    """`kills`: also until every kill is carried out, which goes on after all is right for as long as a request that was
    under way may still land. Raises `AssertionError` where the worker ends."""
    began_s = time.monotonic()
    waited_s: dict[str, float] = {}
    while True:
        await asyncio.sleep(_LOOK_S)
        wrong = await _not_right(lean, kills=kills)
        took_s = time.monotonic() - began_s
        waited_s |= dict.fromkeys(wrong, round(took_s, 1))
        if not wrong or took_s > _GIVEN_UP_S:
            return Settled(took_s, waited_s, [f"{kind}: {one}" for kind, found in wrong.items() for one in found])
        assert lean.worker is not None
        assert not lean.worker.has_ended, lean.worker.says()


async def _not_right(lean: Lean, *, kills: bool) -> dict[str, list[str]]:
    """What is not final yet, or not as the exchange says, by what is waited for; `states` once all else is right."""
    found: dict[str, list[str]] = {}
    if await lean.ready() < len(lean.accounts):
        found["ready"] = ["not every account is ready"]
    if kills:  # each is released as soon as it is carried out
        held = await lean.rows("SELECT scope_id FROM kill_latches WHERE released_at IS NULL")
        found["kills"] = [f"{row.scope_id}: its kill is not carried out" for row in held]
    found["outcomes"] = [
        f"{row.account_id}: {row.intents} intents without an outcome"
        for row in await lean.rows(
            "SELECT account_id, count(*) AS intents FROM intents"
            " WHERE state IN ('proposed', 'approved', 'sending', 'unknown') GROUP BY account_id"
        )
    ]
    found["reports"] = [
        f"{row.link_id}: acknowledged, and shown as no order"
        for row in await lean.rows(
            "SELECT link_id FROM intents i WHERE kind = 'place' AND state = 'acknowledged'"
            " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.intent_id = i.id)"
        )
    ]
    found["differences"] = [  # nobody else trades on these accounts: each would be a false one, and blocks its symbol
        f"{row.account_id}: {row.kind} {row.subject}"
        for row in await lean.rows(
            "SELECT account_id, kind, subject FROM differences WHERE state = 'open' AND kind = ANY(:kinds)",
            kinds=sorted(BLOCKING),
        )
    ]
    if not any(found.values()):
        found["states"] = []
        for account in lean.accounts:
            told, said = await _states(lean, account)
            if told != said:
                found["states"].append(f"{account.id}: told {told}, the exchange says {said}")
    return {kind: wrong for kind, wrong in found.items() if wrong}


async def _states(lean: Lean, account: Held) -> tuple[State, State]:
    said = await asyncio.to_thread(read_said, lean.exchange, account.pair)
    return await lean.within(lambda connection: read_told(connection, account.id)), said
