"""Whether a chain is as it was written: every edit, removal, insertion, swap and cut is found, and where.

Lives here: `ChainCheck`, which is given the links of one chain in order and says what is wrong; `Finding`. Not here:
reading them (`links`), the command (`cli.audit`). No I/O.

Without exported heads a chain that was rewritten whole, from the changed entry to its head, is a chain like any other:
what tells it apart is a head that was written down elsewhere before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from tradewright.audit.chain import FIRST_HASH, VERSION, Link, link_hash

FindingCode = Literal[
    "entry.changed",  # an entry does not say any more what was hashed
    "entry.missing",  # its place is there and it is not
    "entry.unlinked",  # it is in no place of any chain
    "link.changed",  # a stored hash is not that of its entry
    "link.missing",  # places of the chain are not there
    "link.unknown",  # of a version that this program does not know
    "head.changed",  # the head is not the end of the chain
    "head.missing",
    "tail.cut",  # the head says that the chain was longer
    "export.cut",  # an exported head says that it was longer
    "export.rewritten",  # an exported head had another hash at this place
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written. `sequence` is the first place it concerns, 0 where there is none."""

    code: FindingCode
    chain: UUID
    sequence: int
    entry_id: UUID | None = None


@dataclass(slots=True)
class ChainCheck:
    """One chain. `exported` are hashes by place that were written down elsewhere; give every link, then `end`."""

    chain: UUID
    exported: Mapping[int, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    length: int = 0
    _previous: bytes = FIRST_HASH
    _expected: int = 1
    _doubted: tuple[Link, bytes] | None = None  # a link whose hash is not its entry's, and what the hash would be

    def take(self, link: Link) -> None:
        """The next link, in the order of their places."""
        if link.sequence != self._expected:
            self._settle(None)
            self._find("link.missing", self._expected)
            self._previous = b""  # nothing follows from what is not there: the next link is believed for its own sake
        self._expected = link.sequence + 1
        self.length += 1
        self._compare_with_exported(link.sequence, link.hash)
        if link.version != VERSION:
            self._settle(None)
            self._find("link.unknown", link.sequence, link.entry_id)
        elif link.said is None:
            self._settle(None)
            self._find("entry.missing", link.sequence, link.entry_id)
        elif self._previous:
            self._check(link)
        self._previous = link.hash

    def _check(self, link: Link) -> None:
        assert link.said is not None, "an entry that is missing is told as that"
        doubted = self._doubted
        own = _own_hash(self._previous, link)
        if own == link.hash:
            self._settle(None)
            return
        if doubted is not None and _own_hash(doubted[1], link) == link.hash:
            self._settle(doubted[1])
            return
        self._settle(None)
        self._doubted = (link, own)

    def end(self, head: tuple[int, bytes] | None) -> list[Finding]:
        """After the last link; `head` is the stored head (place and hash), None where there is none. All that was
        found."""
        last = self._expected - 1
        doubted = self._doubted
        self._settle(head[1] if head is not None and head[0] == last else None)
        if head is None:
            if last:
                self._find("head.missing", last)
        elif head[0] > last:
            self._find("tail.cut", last + 1)
        elif head[0] < last or (head[1] != self._previous and (doubted is None or head[1] != doubted[1])):
            self._find("head.changed", last)
        if any(place > last for place in self.exported):
            self._find("export.cut", last + 1)
        return self.findings

    def _settle(self, follows: bytes | None) -> None:
        """What was wrong with the link in doubt: its stored hash, where what comes after it follows from the hash that
        its entry has; else the entry itself."""
        if self._doubted is None:
            return
        link, own = self._doubted
        self._doubted = None
        self._find("link.changed" if follows == own else "entry.changed", link.sequence, link.entry_id)

    def _compare_with_exported(self, sequence: int, its_hash: bytes) -> None:
        known = self.exported.get(sequence)
        if known is not None and known != its_hash:
            self._find("export.rewritten", sequence)

    def _find(self, code: FindingCode, sequence: int, entry_id: UUID | None = None) -> None:
        self.findings.append(Finding(code, self.chain, sequence, entry_id))


def _own_hash(previous: bytes, link: Link) -> bytes:
    assert link.said is not None, "asked of entries that are there"
    return link_hash(previous, link.chain, link.sequence, link.said)
