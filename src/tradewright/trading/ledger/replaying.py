"""Once a day: are the books what all their lines and all executions come to?

Lives here: `replay_breaks`. Not here: what an execution comes to (`core.ledger`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, localcontext

from tradewright.core.holding import WIDE
from tradewright.core.ledger import REALISED, position, replayed
from tradewright.core.money import ZERO, plain
from tradewright.core.tie_out import Break
from tradewright.trading.ledger.books import LedgerStore
from tradewright.trading.ledger.posting import CoinsOf


async def replay_breaks(store: LedgerStore, coins_of: CoinsOf) -> list[Break]:
    """Books whose kept balance is not the sum of their lines, and positions and profits that are not what the list of
    executions comes to. Reads everything since the books were opened."""
    balances, summed = await store.balances(), await store.summed()
    found = _differences(
        {f"{book}:{asset}": amount for (book, asset), amount in balances.items()},
        {f"{book}:{asset}": amount for (book, asset), amount in summed.items()},
    )
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for key, standing in (await store.standings()).items():
        coins = coins_of(key[0])
        if coins is None:
            continue
        sets, now = replayed(await store.posted(key), coins, standing.opening)
        if (now.size, now.cost) != (standing.now.size, standing.now.cost):
            ours, theirs = (f"{plain(each.size)} for {plain(each.cost)}" for each in (standing.now, now))
            found.append(Break("replay", f"{position(key[0])}:{key[1]}", ours, theirs))
        with localcontext(WIDE):
            for entries in sets.values():
                for line in entries.lines:
                    if line.book == REALISED:
                        expected[f"{REALISED}:{line.asset}"] += line.amount
    booked = await store.realised()
    return found + _differences({f"{REALISED}:{asset}": amount for asset, amount in booked.items()}, expected)


def _differences(ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> list[Break]:
    return [
        Break("replay", name, plain(ours.get(name, ZERO)), plain(theirs.get(name, ZERO)))
        for name in sorted({*ours, *theirs})
        if ours.get(name, ZERO) != theirs.get(name, ZERO)
    ]
