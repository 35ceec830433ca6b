"""One-time codes of an authenticator app (RFC 6238: SHA-1, six digits, thirty seconds), each good once.

Lives here: setting one up, confirming, taking a code, removing, with their SQL. A code fits the step of now and the one
before and after it. Which step was used last is in the row, and taking a code is one conditional UPDATE, so that of two
processes that are given the same code at the same moment one takes it. The secret lies wrapped (`SecretBox`).
Not here: how often one may try (`throttle`); after `WRONG_CODES_IN_ROW_MAX` wrong ones in a row none is taken any more,
so that who knows the password cannot guess for a year at the pace that the throttle allows.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId
from tradewright.identity.second_factors import (
    WRONG_CODES_IN_ROW_MAX,
    CodeWrong,
    SecretBox,
    TotpExists,
    TotpMissing,
    drop_recovery_without_factors,
)
from tradewright.identity.tables import totp_factors
from tradewright.storage.keyring_locks import hold_keyring

SECRET_BYTES = 20  # what RFC 4226 recommends, and what authenticator apps take
STEP_S = 30
DIGITS = 6
PENDING_FOR = timedelta(minutes=10)
ISSUER = "Tradewright"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs, shown once: the secret as text, and the same as an `otpauth` address."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment(***)"


def matched_step(secret: str, code: str, now: datetime) -> int | None:
    """The latest step among those around `now` whose code this is. All three are compared, in constant time."""
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    current = int(now.timestamp()) // STEP_S
    codes = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    fits = [step for step in (current - 1, current, current + 1) if hmac.compare_digest(codes.generate_otp(step), code)]
    return fits[-1] if fits else None


async def begin_totp(
    connection: AsyncConnection, user_id: UserId, username: str, *, box: SecretBox, now: datetime
) -> Enrolment:
    """A fresh secret that waits for its first code, for ten minutes; one that waited before is forgotten.

    Raises `TotpExists`.
    """
    await hold_keyring(connection, "service")
    found = await connection.execute(
        select(totp_factors.c.confirmed_at).where(totp_factors.c.user_id == user_id).with_for_update()
    )
    row = found.one_or_none()
    if row is not None and row.confirmed_at is not None:
        raise TotpExists("an authenticator is set up already; remove it first")
    await connection.execute(delete(totp_factors).where(totp_factors.c.user_id == user_id))
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    await connection.execute(
        insert(totp_factors).values(
            user_id=user_id, secret=box.wrap(secret.encode(), user_id=user_id), created_at=now, wrong_in_row=0
        )
    )
    uri = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(name=username, issuer_name=ISSUER)
    return Enrolment(secret, uri)


async def confirm_totp(
    connection: AsyncConnection, user_id: UserId, code: str, *, box: SecretBox, now: datetime
) -> None:
    """The first code of a fresh secret makes it a factor, and is used up by it. Raises `TotpMissing`, `CodeWrong`."""
    found = await connection.execute(
        select(totp_factors.c.secret)
        .where(
            totp_factors.c.user_id == user_id,
            totp_factors.c.confirmed_at.is_(None),
            totp_factors.c.created_at > now - PENDING_FOR,
        )
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise TotpMissing("no authenticator waits for its first code; begin again")
    step = matched_step(box.unwrap(row.secret, user_id=user_id).decode(), code, now)
    if step is None:
        raise CodeWrong("the code does not fit; check that the device's clock is right")
    await connection.execute(
        update(totp_factors).where(totp_factors.c.user_id == user_id).values(confirmed_at=now, last_step=step)
    )


async def take_code(connection: AsyncConnection, user_id: UserId, code: str, *, box: SecretBox, now: datetime) -> bool:
    """Whether the code is right and has not been used; if so it is used from now on. The caller commits either way: a
    wrong one is counted."""
    found = await connection.execute(
        select(totp_factors.c.secret).where(totp_factors.c.user_id == user_id, totp_factors.c.confirmed_at.is_not(None))
    )
    row = found.one_or_none()
    if row is None:
        return False
    step = matched_step(box.unwrap(row.secret, user_id=user_id).decode(), code, now)
    if step is not None:
        taken = await connection.execute(
            update(totp_factors)
            .where(
                totp_factors.c.user_id == user_id,
                totp_factors.c.wrong_in_row < WRONG_CODES_IN_ROW_MAX,
                or_(totp_factors.c.last_step.is_(None), totp_factors.c.last_step < step),
            )
            .values(last_step=step, wrong_in_row=0)
            .returning(totp_factors.c.user_id)
        )
        if taken.first() is not None:
            return True
    await connection.execute(
        update(totp_factors)
        .where(totp_factors.c.user_id == user_id)
        .values(wrong_in_row=totp_factors.c.wrong_in_row + 1)
    )
    return False


async def remove_totp(connection: AsyncConnection, user_id: UserId) -> None:
    """Raises `TotpMissing`."""
    gone = await connection.execute(
        delete(totp_factors)
        .where(totp_factors.c.user_id == user_id, totp_factors.c.confirmed_at.is_not(None))
        .returning(totp_factors.c.user_id)
    )
    if gone.first() is None:
        raise TotpMissing("no authenticator is set up")
    await drop_recovery_without_factors(connection, user_id)
