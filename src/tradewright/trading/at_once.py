"""What an account's owner writes in one statement, a transaction by itself on a kept connection (`storage.lines`).

Lives here: `AtOnce`, and those of its statements that have no other home. Not here: what an order waits for (`opening`,
`answering`, `birth`), transactions of several statements (`store`).
Each statement gives one row with `is_ours`, whether the account is the asker's under its epoch. Where it is not,
nothing was written; where it is, the owner's row is locked until the commit, as in every other transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.storage.engine import lines_of
from tradewright.storage.lines import Row, Statement
from tradewright.trading.events import EVENTS_CHANNEL, IS_OURS, dispossessed
from tradewright.trading.model import AccountRef

_OWNED: Final = {"account": "uuid", "epoch": "int8"}
_OURS = f"WITH ours AS MATERIALIZED (SELECT {IS_OURS} AS is_ours)"
_IF_OURS = "(SELECT is_ours FROM ours)"
# Of what is only looked at the owner's row need not be locked.
LOOK_OURS: Final = IS_OURS.replace("FOR SHARE", "")

NOTE_READ = Statement.of(
    f"{_OURS}, done AS (UPDATE accounts SET executions_read_until = greatest(executions_read_until, :until)"  # noqa: S608
    f" WHERE id = :account AND {_IF_OURS}) SELECT is_ours FROM ours",
    {**_OWNED, "until": "timestamptz"},
)
# That everything was read, where the margin mode is what it was: whoever waits for it is told to look.
NOTE_RECONCILED = Statement.of(
    f"""
{_OURS}, done AS (
     UPDATE accounts SET reconciled_at = greatest(reconciled_at, :began)
      WHERE id = :account AND margin_mode IS NOT DISTINCT FROM :mode AND {_IF_OURS} RETURNING event_seq)
SELECT o.is_ours, t.seq IS NOT NULL AS is_done, t.told FROM ours o LEFT JOIN (
     SELECT d.event_seq AS seq, pg_notify('{EVENTS_CHANNEL}', CAST(:account AS text) || ':' || d.event_seq) AS told
       FROM done d) t ON true
""",  # noqa: S608
    {**_OWNED, "began": "timestamptz", "mode": "text"},
)
FORGET_EVENTS = Statement.of(
    f"{_OURS}, done AS (DELETE FROM account_events WHERE account_id = :account"  # noqa: S608
    " AND kind IN ('fill', 'position', 'balances', 'session')"
    f" AND seq <= (SELECT event_seq - :keep FROM accounts WHERE id = :account) AND {_IF_OURS})"
    " SELECT is_ours FROM ours",
    {**_OWNED, "keep": "int8"},
)
TELL_BUDGET = Statement.of(
    f"{_OURS}, done AS (UPDATE accounts SET budget = :budget, budget_at = clock_timestamp()"  # noqa: S608
    f" WHERE id = :account AND {_IF_OURS}) SELECT is_ours FROM ours",
    {**_OWNED, "budget": "jsonb"},
)
# Looks: whether there is anything to write at all. `named` and `kinds` are lists as JSON.
HAS_ABSENT = Statement.of(
    f"SELECT {LOOK_OURS} AS is_ours, EXISTS (SELECT 1 FROM positions WHERE account_id = :account AND size <> 0"  # noqa: S608
    " AND NOT category || ' ' || symbol || ' ' || position_index IN (SELECT jsonb_array_elements_text(:named)))"
    " AS has_work",
    {**_OWNED, "named": "jsonb"},
)
HAS_UNFOUND = Statement.of(
    f"SELECT {LOOK_OURS} AS is_ours, EXISTS (SELECT 1 FROM differences WHERE account_id = :account"  # noqa: S608
    " AND state IN ('open', 'ignored') AND kind IN (SELECT jsonb_array_elements_text(:kinds))) AS has_work",
    {**_OWNED, "kinds": "jsonb"},
)


class AtOnce:
    """Of one account."""

    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._lines = lines_of(engine)
        self._account = account

    async def ask(self, statement: Statement, **values: Any) -> Row:
        """The statement's row. Raises `Dispossessed`, and what an engine raises; of a statement that was cut off while
        it ran nobody knows whether it was committed."""
        (row,) = await self.rows(statement, **values)
        return row

    async def rows(self, statement: Statement, **values: Any) -> Sequence[Row]:
        """One or more, each with the same `is_ours`. Raises as `ask`."""
        given = {"account": self._account.id, "epoch": self._account.epoch, **values}
        found = await self._lines.fetch(statement, given)
        if not found[0]["is_ours"]:
            raise dispossessed(self._account)
        return found
