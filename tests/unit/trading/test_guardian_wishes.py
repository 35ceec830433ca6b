"""What the guardian learns of what it asked for: by the number it noted down, or the one after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tradewright.core.ids import IntentId
from tradewright.trading.guardian.model import Guarded
from tradewright.trading.guardian.steps import Outcome
from tradewright.trading.guardian.watch import Watch
from tradewright.trading.guardian.wishes import Wishes, _id, episode
from unit.trading.test_guardian_steps import GUARDED

NAKED = replace(GUARDED, naked_since=datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
SESSION: Any = SimpleNamespace(account=SimpleNamespace(id="a"))
SENDING, REFUSED = Outcome("sending", is_open=True), Outcome("rejected", is_open=False)


class Stored:
    """What became of what was asked, by its id; and what time it is."""

    def __init__(self) -> None:
        self.outcomes: dict[IntentId, Outcome] = {}
        self.now_s = 100.0
        clock: Any = SimpleNamespace(monotonic=lambda: self.now_s)
        self.wishes = Wishes(self, clock)  # type: ignore[arg-type]

    async def outcome(self, intent_id: IntentId) -> Outcome | None:
        return self.outcomes.get(intent_id)

    def became(self, what: str, number: int, outcome: Outcome) -> IntentId:
        name = _id(SESSION, NAKED, what, episode(NAKED), number)
        self.outcomes[name] = outcome
        return name


def tried(watch: Watch, what: str) -> Outcome | None:
    found = watch.repair if what == "repair" else watch.close
    return None if found is None else found.outcome


def noted(guarded: Guarded, what: str) -> int:
    return guarded.repairs if what == "repair" else guarded.closes


@pytest.mark.parametrize("what", ["repair", "close"])
async def test_what_was_noted_down_and_what_was_not_yet_are_found_and_the_newer_one_counts(what: str) -> None:
    stored, watch = Stored(), Watch()
    assert await stored.wishes.learn(SESSION, watch, NAKED) == NAKED
    assert tried(watch, what) is None
    stored.became(what, 1, SENDING)  # the owner before asked and did not live to note it down
    found = await stored.wishes.learn(SESSION, watch, NAKED)
    assert (noted(found, what), tried(watch, what)) == (1, SENDING)
    stored.became(what, 1, REFUSED)
    found = await stored.wishes.learn(SESSION, watch, found)
    assert (noted(found, what), tried(watch, what)) == (1, REFUSED), "it would wait for it for ever"
    stored.became(what, 2, SENDING)
    found = await stored.wishes.learn(SESSION, watch, found)
    assert (noted(found, what), tried(watch, what)) == (2, SENDING)


@pytest.mark.parametrize("what", ["repair", "close"])
async def test_how_long_something_has_come_to_nothing_counts_from_when_it_was_first_seen(what: str) -> None:
    stored, watch = Stored(), Watch()
    stored.became(what, 1, REFUSED)
    found = await stored.wishes.learn(SESSION, watch, NAKED)
    stored.now_s += 3.0
    await stored.wishes.learn(SESSION, watch, found)
    rested = stored.wishes.rested(watch.repair if what == "repair" else watch.close)
    assert rested == replace(REFUSED, ended_for_s=3.0)


async def test_a_close_of_its_own_is_known_by_its_id_until_the_position_is_forgotten() -> None:
    stored = Stored()
    name = stored.became("close", 1, SENDING)
    assert stored.wishes.closes(name) is None
    await stored.wishes.learn(SESSION, Watch(), NAKED)
    assert stored.wishes.closes(name) == NAKED.key
    stored.wishes.forget(NAKED.key)
    assert stored.wishes.closes(name) is None
