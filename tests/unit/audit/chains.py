"""Chains in memory, as the database would have written them, and five ways to tamper with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from tradewright.audit.chain import FIRST_HASH, VERSION, Link, link_hash
from tradewright.audit.verifying import ChainCheck, Finding

Chain = list[Link]
Head = tuple[int, bytes]


def made_chain(number: int, length: int) -> Chain:
    chain, previous = UUID(int=number << 64 | 1), FIRST_HASH
    links = []
    for sequence in range(1, length + 1):
        said = (
            f'{{"id":"{UUID(int=number << 64 | sequence << 8)}","action":"order.place","outcome":"asked {sequence}"}}'
        )
        previous = link_hash(previous, chain, sequence, said)
        links.append(Link(chain, sequence, VERSION, UUID(int=number << 64 | sequence << 8), previous, said))
    return links


def head_of(chain: Sequence[Link]) -> Head:
    return chain[-1].sequence, chain[-1].hash


def looked_at(chain: Sequence[Link], head: Head | None, exported: dict[int, bytes] | None = None) -> list[Finding]:
    check = ChainCheck(chain[0].chain if chain else UUID(int=1), exported or {})
    for link in chain:
        check.take(link)
    return check.end(head)


def edited(chain: Chain, at: int) -> Chain:
    """Another outcome, in the same place."""
    said = chain[at].said
    assert said is not None
    return [*chain[:at], replace(chain[at], said=said.replace("asked", "refused")), *chain[at + 1 :]]


def deleted(chain: Chain, at: int) -> Chain:
    """The entry goes, its place stays."""
    return [*chain[:at], replace(chain[at], said=None), *chain[at + 1 :]]


def inserted(chain: Chain, at: int) -> Chain:
    """Another entry before it, well linked to the one before; those after it move up one place."""
    said = '{"id":"made up","action":"order.place","outcome":"asked"}'
    previous = chain[at - 1].hash if at else FIRST_HASH
    sequence = chain[at].sequence
    new = Link(
        chain[at].chain,
        sequence,
        VERSION,
        UUID(int=7),
        link_hash(previous, chain[at].chain, sequence, said),
        said,
    )
    return [*chain[:at], new, *(replace(link, sequence=link.sequence + 1) for link in chain[at:])]


def swapped(chain: Chain, at: int) -> Chain:
    """It changes places with the next one (the last with the first)."""
    other = (at + 1) % len(chain)
    moved = list(chain)
    for here, there in ((at, other), (other, at)):
        moved[here] = replace(chain[there], sequence=chain[here].sequence, hash=chain[here].hash)
    return moved


def truncated(chain: Chain, at: int) -> Chain:
    """It and all after it go."""
    return chain[:at]


TAMPERED: dict[str, Callable[[Chain, int], Chain]] = {
    "edit": edited,
    "delete": deleted,
    "insert": inserted,
    "swap": swapped,
    "truncate": truncated,
}
