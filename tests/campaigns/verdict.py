"""What is judged after faults: the exchange's own records against the tables, as a bijection.

Lives here: `Truth`, which reads the exchange's records as they come, and `Verdict`. Nothing of the client under test is
asked. Not here: whether open orders, positions and money are the same (`equal`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from campaigns.lean import Lean

_PAGE = 1000
_HAPPENED = "acknowledged"
# Without effect, for certain: an order that the exchange accepted must not be told as one of these.
_WITHOUT = frozenset({"refused", "rejected", "expired", "not_placed"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Link ids, or intents, that are wrong, by how they are."""

    duplicates: list[str]  # accepted more than once, or accepted and told as without effect
    lost: list[str]  # told as placed and never accepted, or accepted and not shown as an order
    orphans: list[str]  # arrived more often than requests were committed for it, or for no intent at all
    missing: list[str]  # intents that a command was told are taken, and that are not there


WRONGS: Final = ("duplicates", "lost", "orphans", "missing")


class Truth:
    """The exchange's records of orders that were asked for, read page by page, so that none is dropped from memory."""

    def __init__(self, lean: Lean) -> None:
        self._lean = lean
        self._after = 0
        self._asked: dict[int, str] = {}
        self.arrived: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()

    def read(self) -> None:
        """Blocks; for a thread."""
        while True:
            path = f"/sim/truth?after={self._after}&limit={_PAGE}"
            page = self._lean.exchange.control("GET", path)
            if not page["records"]:
                return
            self._after = page["next"]
            for record in page["records"]:
                self._take(record)

    def _take(self, record: dict[str, Any]) -> None:
        assert record["what"] != "dropped", "the records were read too seldom"
        if record["what"] == "request" and record["path"] == "/v5/order/create":
            (link_id,) = record["link_ids"]
            self._asked[record["seq"]] = link_id
            self.arrived[link_id] += 1
        elif record["what"] == "request" and record["path"].startswith("/v5/order/create"):
            raise AssertionError("orders are sent one by one here; a batch would not be counted")
        elif record["what"] == "reply" and record["to"] in self._asked and record["processed"] and record["code"] == 0:
            self.accepted[self._asked[record["to"]]] += 1


@dataclass(frozen=True, slots=True)
class Placed:
    """An intent to place an order, as the tables tell it."""

    state: str
    requests: int  # committed ones
    orders: int


async def judge(lean: Lean, truth: Truth, asked: Iterable[Any]) -> Verdict:
    """Of all that was ever asked. Every intent must have come to its end before."""
    rows = await lean.rows(
        "SELECT i.link_id, i.state, (SELECT count(*) FROM requests r WHERE r.intent_id = i.id) AS requests,"
        " (SELECT count(*) FROM orders o WHERE o.intent_id = i.id) AS orders FROM intents i WHERE i.kind = 'place'"
    )
    placed = {row.link_id: Placed(row.state, row.requests, row.orders) for row in rows}
    known = {row.id for row in await lean.rows("SELECT id FROM intents")}
    missing = [str(one) for one in asked if one not in known]
    return replace(judged(placed, truth.arrived, truth.accepted), missing=missing)


async def told_of(lean: Lean, truth: Truth, link_id: str) -> str:
    """All that the tables and the exchange know of an order, for whoever has to find out why it is wrong."""
    intents = await lean.rows("SELECT id, source, state, reason FROM intents WHERE link_id = :link", link=link_id)
    requests = await lean.rows(
        "SELECT r.attempt, r.epoch, r.outcome, r.ret_code, r.signed_at FROM requests r JOIN intents i"
        " ON i.id = r.intent_id WHERE i.link_id = :link ORDER BY r.attempt",
        link=link_id,
    )
    orders = await lean.rows("SELECT id, intent_id, state FROM orders WHERE link_id = :link", link=link_id)
    return (
        f"arrived {truth.arrived[link_id]}, accepted {truth.accepted[link_id]}; intent {intents}; requests {requests};"
        f" orders {orders}"
    )


def judged(placed: Mapping[str, Placed], arrived: Mapping[str, int], accepted: Mapping[str, int]) -> Verdict:
    """`placed` by link id; of the exchange's records how often each arrived, and was accepted."""
    duplicates = [link for link, times in accepted.items() if times > 1]
    duplicates += [link for link in accepted if link in placed and placed[link].state in _WITHOUT]
    lost = [link for link, one in placed.items() if one.state == _HAPPENED and not accepted.get(link)]
    lost += [link for link in accepted if link in placed and not placed[link].orders]
    orphans = [link for link, times in arrived.items() if link not in placed or placed[link].requests < times]
    return Verdict(duplicates, lost, orphans, [])
