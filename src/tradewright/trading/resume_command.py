"""A person says that an account that stopped may go on.

Lives here: `resume`. Not here: what stopped it (`stops`).
Whether the exchange takes orders again shows at the next one: if it does not, the account stops again.
"""

from __future__ import annotations

from sqlalchemy import text

from tradewright.trading.asking import Asker, audit
from tradewright.trading.queries import require_account


async def resume(asker: Asker) -> bool:
    """Lifts the stop, with its audit row; False when there was none. The account's owner hears of it within a second.

    Raises `NotFound` for an account of another workspace.
    """
    row = await require_account(asker.connection, asker.workspace_id, asker.account_id)
    if row["stopped"] is None:
        return False
    await asker.connection.execute(
        text("UPDATE accounts SET stopped = NULL WHERE id = :account"), {"account": asker.account_id}
    )
    await audit(asker, "account.resume", "account", str(asker.account_id), {"stopped": dict(row["stopped"])})
    return True
