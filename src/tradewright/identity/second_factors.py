"""What second factors a user has, and what is true of all of them.

Lives here: `FactorsOf`, `Way`, the named errors, `read_factors`, `drop_recovery_without_factors`. Not here: one-time
codes (`totp`), recovery codes (`recovery`), passkeys (`passkeys`), the second step of a login (`second_step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import AppError, Conflict, NotFound
from tradewright.core.ids import UserId
from tradewright.identity.tables import passkeys, recovery_codes, totp_factors

Way = Literal["password", "code", "recovery", "passkey"]
WRONG_CODES_IN_ROW_MAX = 100


class SecretBox(Protocol):
    """Keeps a user's secret at rest, bound to the row it is of. The service keyring; an in-memory one in tests."""

    def wrap(self, secret: bytes, *, user_id: UserId) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, user_id: UserId) -> bytes:
        """Raises `vault`'s own error when the box was changed, moved, or made for another keyring."""
        ...


class SecondStepFailed(AppError):
    """The code or the passkey of the second step is wrong, used, or too old. Which of these is not said."""

    code = "login.second_failed"


class HalfOpenEnded(AppError):
    """There is no login under way: it was too long ago, had too many wrong codes, or never was. Begin again."""

    code = "login.half_open_ended"


class PasskeyFailed(AppError):
    """No session comes of this passkey: it is not known here, or its answer does not fit what was asked."""

    code = "login.passkey_failed"


class FactorNeeded(AppError):
    """Who has a second factor proves themselves by it; the password alone is no proof."""

    code = "session.factor_needed"


class CodeWrong(Conflict):
    """The code that was to confirm a new authenticator does not fit its secret, or the clock is off."""

    code = "totp.code_wrong"


class TotpExists(Conflict):
    """One authenticator is set up already; remove it first."""

    code = "totp.exists"


class TotpMissing(NotFound):
    """No authenticator is set up, or its setting up was too long ago."""

    code = "totp.missing"


class NoFactors(Conflict):
    """Recovery codes stand in for a second factor, and there is none."""

    code = "recovery.no_factors"


@dataclass(frozen=True, slots=True)
class FactorsOf:
    """`totp_since`: when it was confirmed. `totp_locked`: too many wrong codes in a row; none is taken any more."""

    totp_since: datetime | None
    totp_locked: bool
    passkeys: int
    passkeys_here: int  # those that work on the host name that was asked about
    recovery_left: int

    @property
    def has_totp(self) -> bool:
        return self.totp_since is not None

    @property
    def has_any(self) -> bool:
        return self.has_totp or self.passkeys > 0

    def ways(self) -> list[Way]:
        """How this user proves themselves beside the password, on that host; empty without a second factor."""
        if not self.has_any:
            return []
        found: list[Way] = []
        if self.has_totp and not self.totp_locked:
            found.append("code")
        if self.passkeys_here:
            found.append("passkey")
        if self.recovery_left:
            found.append("recovery")
        return found


async def read_factors(connection: AsyncConnection, user_id: UserId, rp_id: str | None = None) -> FactorsOf:
    """`rp_id`: the host name that passkeys would be used on; None where none work."""
    totp = (
        select(totp_factors.c.wrong_in_row)
        .where(totp_factors.c.user_id == user_id, totp_factors.c.confirmed_at.is_not(None))
        .scalar_subquery()
    )
    since = select(totp_factors.c.confirmed_at).where(totp_factors.c.user_id == user_id).scalar_subquery()
    keys = select(func.count()).where(passkeys.c.user_id == user_id).scalar_subquery()
    here = (
        select(func.count())
        .where(passkeys.c.user_id == user_id, passkeys.c.rp_id == rp_id, passkeys.c.suspect_at.is_(None))
        .scalar_subquery()
    )
    codes = (
        select(func.count())
        .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        .scalar_subquery()
    )
    wanted = select(
        since.label("since"),
        totp.label("wrong"),
        keys.label("passkeys"),
        here.label("here"),
        codes.label("codes"),
    )
    row = (await connection.execute(wanted)).one()
    return FactorsOf(
        totp_since=row.since,
        totp_locked=row.wrong is not None and row.wrong >= WRONG_CODES_IN_ROW_MAX,
        passkeys=row.passkeys,
        passkeys_here=row.here,
        recovery_left=row.codes,
    )


async def drop_recovery_without_factors(connection: AsyncConnection, user_id: UserId) -> None:
    """With the last factor its recovery codes go: a password alone is asked for again, and they would lie about."""
    if not (await read_factors(connection, user_id)).has_any:
        await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
