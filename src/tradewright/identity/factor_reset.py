"""Help for somebody who lost their second factors, from the machine: all of them go, and every session with them.

Lives here: `reset_factors`. Not here: who may (`app.users`: whoever may read HOME), the password, which stays.
"""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId
from tradewright.identity.audited import By, note
from tradewright.identity.half_open import end_halves_of
from tradewright.identity.second_factors import FactorsOf, read_factors
from tradewright.identity.tables import passkeys, recovery_codes, sessions, totp_factors


async def reset_factors(connection: AsyncConnection, user_id: UserId, *, by: By) -> FactorsOf:
    """In the caller's transaction; returns what there was. The password alone lets the user in from now on."""
    before = await read_factors(connection, user_id)
    for table in (totp_factors, recovery_codes, passkeys, sessions):
        await connection.execute(delete(table).where(table.c.user_id == user_id))
    await end_halves_of(connection, user_id)
    await note(
        connection,
        by,
        "factor.reset",
        workspace_id=None,
        object_kind="user",
        object_id=user_id,
        before={"totp": before.has_totp, "passkeys": before.passkeys, "recovery_codes": before.recovery_left},
        after={"totp": False, "passkeys": 0, "recovery_codes": 0},
    )
    return before
