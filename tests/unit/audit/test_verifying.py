"""Every kind of tampering with a chain is found, and where; and nothing is found where nothing was done."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from tradewright.audit.chain import FIRST_HASH, link_hash
from unit.audit.chains import (
    TAMPERED,
    Chain,
    deleted,
    edited,
    head_of,
    inserted,
    looked_at,
    made_chain,
    swapped,
    truncated,
)

CHAINS, LENGTH = 20, 50  # of a thousand rows each is tampered with in five ways


@pytest.mark.parametrize("way", TAMPERED)
def test_each_of_a_thousand_rows_tampered_with_is_found(way: str) -> None:
    found = 0
    for number in range(1, CHAINS + 1):
        chain = made_chain(number, LENGTH)
        assert looked_at(chain, head_of(chain)) == []  # the control
        for at in range(LENGTH):
            found += bool(looked_at(TAMPERED[way](chain, at), head_of(chain)))
    assert found == CHAINS * LENGTH


def test_with_exported_heads_untouched_chains_are_clean_too() -> None:
    chain = made_chain(1, LENGTH)
    exported = {link.sequence: link.hash for link in chain[::7]}
    assert looked_at(chain, head_of(chain), exported) == []
    assert looked_at([], None) == []


def codes(chain: Chain, original: Chain, exported: dict[int, bytes] | None = None) -> list[tuple[str, int]]:
    return [(each.code, each.sequence) for each in looked_at(chain, head_of(original), exported)]


def test_what_is_found_says_what_was_done_and_where() -> None:
    chain = made_chain(1, 10)
    assert codes(edited(chain, 4), chain) == [("entry.changed", 5)]
    assert codes(edited(chain, 9), chain) == [("entry.changed", 10)]
    assert codes(deleted(chain, 4), chain) == [("entry.missing", 5)]
    assert codes([*chain[:4], *chain[6:]], chain) == [("link.missing", 5)]
    assert codes([*chain[:4], replace(chain[4], hash=bytes(32)), *chain[5:]], chain) == [("link.changed", 5)]
    assert codes([*chain[:9], replace(chain[9], hash=bytes(32))], chain) == [("link.changed", 10)]
    assert codes([replace(chain[0], version=2), *chain[1:]], chain) == [("link.unknown", 1)]
    assert codes(truncated(chain, 6), chain) == [("tail.cut", 7)]
    assert codes(swapped(chain, 4), chain) == [("entry.changed", 5), ("entry.changed", 6)]
    assert codes(inserted(chain, 4), chain)[0] == ("entry.changed", 6)
    assert [each.code for each in looked_at(chain, None)] == ["head.missing"]
    assert [each.code for each in looked_at(chain, (10, bytes(32)))] == ["head.changed"]
    assert [each.code for each in looked_at(chain, (9, chain[8].hash))] == ["head.changed"]


def rewritten(chain: Chain, at: int) -> Chain:
    """An entry is changed and every hash from there on reckoned anew, as whoever owns the database can."""
    changed = edited(chain, at)
    previous = changed[at - 1].hash if at else FIRST_HASH
    for place in range(at, len(changed)):
        link = changed[place]
        assert link.said is not None
        previous = link_hash(previous, link.chain, link.sequence, link.said)
        changed[place] = replace(link, hash=previous)
    return changed


def test_a_chain_rewritten_whole_is_found_by_exported_heads_alone() -> None:
    chain = made_chain(1, LENGTH)
    for at in range(LENGTH):
        forged = rewritten(chain, at)
        assert looked_at(forged, head_of(forged)) == []
        found = looked_at(forged, head_of(forged), {LENGTH: chain[-1].hash})
        assert [(each.code, each.sequence) for each in found] == [("export.rewritten", LENGTH)]


def test_a_tail_cut_with_its_head_is_found_by_exported_heads() -> None:
    chain = made_chain(1, LENGTH)
    for at in range(1, LENGTH):
        cut = truncated(chain, at)
        assert looked_at(cut, head_of(cut)) == []
        found = looked_at(cut, head_of(cut), {LENGTH: chain[-1].hash})
        assert [(each.code, each.sequence) for each in found] == [("export.cut", at + 1)]
    assert [each.code for each in looked_at([], None, {LENGTH: chain[-1].hash})] == ["export.cut"]


def test_an_entry_has_one_chain() -> None:
    one, other = made_chain(1, 1)[0], UUID(int=9)
    assert one.said is not None
    assert link_hash(FIRST_HASH, one.chain, 1, one.said) != link_hash(FIRST_HASH, other, 1, one.said)
    assert link_hash(FIRST_HASH, one.chain, 1, one.said) != link_hash(FIRST_HASH, one.chain, 11, one.said[1:])
