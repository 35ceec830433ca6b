"""Ids for any intent: format, one link id for one intent, and the way back (promise A3)."""

from __future__ import annotations

import random
import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.ids import IntentId, intent_of, link_id_of, uuid7

_ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,36}")
_TIMES = st.integers(0, (1 << 48) - 1)
_CHANCE = st.integers(0, (1 << 74) - 1)


@given(st.uuids())
def test_a_link_id_has_the_exchanges_format_and_leads_back(intent: IntentId) -> None:
    link = link_id_of(intent)
    assert _ALLOWED.fullmatch(link)
    assert intent_of(link) == intent
    assert link_id_of(intent) == link


@given(st.text(max_size=40))
def test_a_text_leads_to_an_intent_only_if_it_is_exactly_its_link_id(text: str) -> None:
    intent = intent_of(text)
    assert intent is None or link_id_of(intent) == text


@given(st.text("0123456789abcdefABCDEF-{}_ ", min_size=32, max_size=32))
def test_a_text_of_the_right_length_leads_only_to_what_made_it(tail: str) -> None:
    intent = intent_of("tw" + tail)
    assert intent is None or link_id_of(intent) == "tw" + tail


def test_a_million_intents_have_a_million_link_ids() -> None:
    rng = random.Random(7)
    intents = {IntentId(UUID(int=rng.getrandbits(128))) for _ in range(10**6)}
    assert len({link_id_of(intent) for intent in intents}) == len(intents)


@given(_TIMES, _TIMES, _CHANCE, _CHANCE)
def test_ids_of_different_milliseconds_sort_by_time(early: int, late: int, one: int, other: int) -> None:
    if early != late:
        assert (uuid7(early, one) < uuid7(late, other)) == (early < late)


@given(_TIMES, _CHANCE, _CHANCE)
def test_different_chance_makes_different_ids(moment: int, one: int, other: int) -> None:
    assert (uuid7(moment, one) == uuid7(moment, other)) == (one == other)
