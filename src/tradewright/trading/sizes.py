"""Whether the sizes of positions are what the booked fills add up to.

Lives here: the comparison, in one statement where every symbol's base is set, as nearly always, else inside the
caller's transaction, which sets it. Not here: positions and wallet themselves (`holdings`), what becomes of a
difference (`drifts`), which fills and positions are of one moment (`reconciliation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.money import plain
from tradewright.core.order import RemotePosition
from tradewright.storage.engine import encode_json
from tradewright.storage.lines import Row, Statement
from tradewright.trading.at_once import LOOK_OURS
from tradewright.trading.journal import REPORT_DUE, Drift, Listed
from tradewright.trading.model import AccountRef

# Whether a contract's order is on its way, nobody knows its outcome, or it was taken and not reported yet.
_MOVING = """EXISTS (SELECT 1 FROM intents i WHERE i.account_id = :account AND i.kind = 'place'
     AND i.category <> 'spot' AND (i.state IN ('sending', 'unknown') OR (i.state = 'acknowledged'
     AND i.updated_at > clock_timestamp() - CAST(:due AS interval)
     AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = :account AND o.intent_id = i.id))))"""
# Whether a contract's fill is booked since then that is not listed; or, of a symbol with legs, one whose order is not
# known yet, so that it counts for neither of them.
_UNSURE = """EXISTS (SELECT 1 FROM executions e WHERE e.account_id = :account
     AND e.executed_at >= CAST(:since AS timestamptz) AND e.category <> 'spot' AND e.exec_type <> 'Funding'
     AND (e.exec_id NOT IN (SELECT jsonb_array_elements_text(CAST(:listed AS jsonb)))
          OR (e.order_id IS NULL AND e.position_index = 0 AND EXISTS (SELECT 1 FROM positions p
              WHERE p.account_id = :account AND p.category = e.category AND p.symbol = e.symbol
                AND p.position_index <> 0))))"""
# Signed, base coin.
_BOOKED = """coalesce((SELECT sum(CASE WHEN e.exec_type = 'Funding' THEN 0 WHEN e.side = 'Buy' THEN e.quantity
     ELSE -e.quantity END) FROM executions e WHERE e.account_id = h.account_id AND e.category = h.category
     AND e.symbol = h.symbol AND e.position_index = h.position_index), 0)"""

_IS_UNSURE = f"SELECT {_MOVING} OR {_UNSURE}"
_SET_BASE = f"""
UPDATE positions h SET base_size = coalesce(h.base_size, :theirs - {_BOOKED}) WHERE h.account_id = :account
   AND h.category = :category AND h.symbol = :symbol AND h.position_index = :index
RETURNING h.base_size + {_BOOKED}"""  # noqa: S608
SIZES: Final = Statement.of(
    f"""
SELECT {LOOK_OURS} AS is_ours, :is_listed AND ({_MOVING} OR {_UNSURE}) AS is_unsure,
       p.category, p.symbol, p.position_index, p.base_size, p.booked
  FROM (SELECT 1) one LEFT JOIN (
       SELECT h.category, h.symbol, h.position_index, h.base_size, {_BOOKED} AS booked
         FROM positions h WHERE h.account_id = :account) p ON true
 ORDER BY p.category, p.symbol, p.position_index
""",  # noqa: S608
    {
        "account": "uuid",
        "epoch": "int8",
        "due": "interval",
        "since": "timestamptz",
        "listed": "jsonb",
        "is_listed": "bool",
    },
)

_Place = tuple[str, str, int]


def asked(listed: Listed | None) -> dict[str, Any]:
    """What `SIZES` is asked with, beside the account."""
    return {
        "due": REPORT_DUE,
        "since": None if listed is None else listed.since,
        "listed": encode_json([] if listed is None else sorted(listed.exec_ids)),
        "is_listed": listed is not None,
    }


def are_based(found: Sequence[Row]) -> bool:
    """Whether the rows of `SIZES` tell all: else a symbol is looked at for the first time."""
    return found[0]["is_unsure"] or all(row["base_size"] is not None for row in found if row["symbol"] is not None)


def breaks_of(found: Sequence[Row], positions: Sequence[RemotePosition]) -> list[Drift] | None:
    """As `position_breaks`, by the rows of `SIZES`, which have their bases."""
    if found[0]["is_unsure"]:
        return None
    theirs = _theirs(positions)
    places = [
        ((row["category"], row["symbol"], row["position_index"]), row["base_size"] + row["booked"])
        for row in found
        if row["symbol"] is not None
    ]
    return [_break(place, ours, theirs) for place, ours in places if ours != theirs.get(place, Decimal(0))]


async def position_breaks(
    connection: AsyncConnection, account: AccountRef, positions: Sequence[RemotePosition], listed: Listed | None
) -> list[Drift] | None:
    """Positions whose size is not what the booked fills add up to; a known one that the list does not name is flat.
    None where a fill is booked that was not read with them or whose leg is not known yet, or an order is under way.
    The first look at a symbol sets its base from what is there.

    In hedge mode each leg is one: a fill does not say to which it belongs, its order does.
    """
    key = {"account": account.id}
    if listed is not None:
        given = {name: value for name, value in asked(listed).items() if name != "is_listed"}
        if await connection.scalar(text(_IS_UNSURE), key | given):
            return None
    theirs = _theirs(positions)
    known = await connection.execute(
        text("SELECT category, symbol, position_index FROM positions WHERE account_id = :account ORDER BY 1, 2, 3"),
        key,
    )
    breaks: list[Drift] = []
    for category, symbol, index in known.all():
        place = (category, symbol, index)
        size = theirs.get(place, Decimal(0))
        given = {"category": category, "symbol": symbol, "index": index, "theirs": size}
        ours = await connection.scalar(text(_SET_BASE), key | given)
        assert ours is not None, "the position's row was just read"
        if ours != size:
            breaks.append(_break(place, ours, theirs))
    return breaks


def _theirs(positions: Sequence[RemotePosition]) -> dict[_Place, Decimal]:
    return {
        (held.instrument.category, held.instrument.symbol, held.position_index): (
            -held.size if held.side == "Sell" else held.size
        )
        for held in positions
    }


def _break(place: _Place, ours: Decimal, theirs: dict[_Place, Decimal]) -> Drift:
    return Drift("position.size", subject_of(*place), plain(ours), plain(theirs.get(place, Decimal(0))))


def subject_of(category: str, symbol: str, index: int) -> str:
    """How a difference names a position: in hedge mode with its leg."""
    return f"{category}:{symbol}" + ("", ":long", ":short")[index]
