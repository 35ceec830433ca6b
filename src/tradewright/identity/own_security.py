"""What a signed-in person changes about their own ways in: authenticator, recovery codes, passkeys.

Lives here: one function each, with its audit entry in the same transaction. That the session proved itself lately is
asked before, by the routes (`web.step_up`). Not here: the password (`profile`), the factors' own rules
(`totp`, `recovery`, `passkeys`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.identity import passkey_list, passkeys, recovery, totp
from tradewright.identity.challenges import bound_to_session, new_challenge, take_challenge
from tradewright.identity.entering import Arriving
from tradewright.identity.half_open import end_halves_of
from tradewright.identity.model import Principal
from tradewright.identity.passkey_list import Passkey
from tradewright.identity.passkeys import Credential, PasskeyRefused, Site
from tradewright.identity.proofs import note_own
from tradewright.identity.second_factors import NoFactors, SecretBox, read_factors


async def begin_totp(
    engine: AsyncEngine, principal: Principal, *, box: SecretBox, arriving: Arriving
) -> totp.Enrolment:
    """Raises `TotpExists`."""
    async with engine.begin() as connection:
        now, user = arriving.clock.now(), principal.user
        made = await totp.begin_totp(connection, user.id, user.username, box=box, now=now)
        await _note(connection, "factor.totp_begun", principal, arriving)
        return made


async def confirm_totp(
    engine: AsyncEngine, principal: Principal, code: str, *, box: SecretBox, arriving: Arriving
) -> list[str] | None:
    """The recovery codes, when there were none yet. Raises `TotpMissing`, `CodeWrong`."""
    async with engine.begin() as connection:
        await totp.confirm_totp(connection, principal.user.id, code, box=box, now=arriving.clock.now())
        await _note(connection, "factor.totp_added", principal, arriving)
        return await _first_codes(connection, principal, arriving)


async def remove_totp(engine: AsyncEngine, principal: Principal, *, arriving: Arriving) -> None:
    """Raises `TotpMissing`."""
    async with engine.begin() as connection:
        await totp.remove_totp(connection, principal.user.id)
        await end_halves_of(connection, principal.user.id)
        await _note(connection, "factor.totp_removed", principal, arriving)


async def make_recovery_codes(engine: AsyncEngine, principal: Principal, *, arriving: Arriving) -> list[str]:
    """Ten new ones in the place of those of before. Raises `NoFactors`."""
    async with engine.begin() as connection:
        if not (await read_factors(connection, principal.user.id)).has_any:
            raise NoFactors("recovery codes stand in for a second factor; set one up first")
        return await _codes(connection, principal, arriving)


async def ask_new_passkey(engine: AsyncEngine, principal: Principal, site: Site, arriving: Arriving) -> dict[str, Any]:
    """What the browser asks the device that is to have a passkey. Raises `PasskeysFull`."""
    user = principal.user
    async with engine.begin() as connection:
        bound_to = bound_to_session(principal.session_id)
        challenge = await new_challenge(connection, bound_to, "register", arriving.clock.now())
        return await passkeys.registration_options(connection, user.id, user.username, site=site, challenge=challenge)


async def add_passkey(
    engine: AsyncEngine, principal: Principal, name: str, credential: Credential, *, site: Site, arriving: Arriving
) -> tuple[Passkey, list[str] | None]:
    """The passkey, and the recovery codes when there were none yet. Raises `PasskeyRefused`, `PasskeyExists`."""
    now = arriving.clock.now()
    challenge = await take_challenge(engine, bound_to_session(principal.session_id), "register", now)
    if challenge is None:
        raise PasskeyRefused("this was asked too long ago; try again")
    async with engine.begin() as connection:
        passkey = await passkeys.register(
            connection,
            principal.user.id,
            name,
            credential,
            site=site,
            challenge=challenge,
            now=now,
            ids=arriving.ids,
        )
        await _note(connection, "factor.passkey_added", principal, arriving, {"id": str(passkey.id), "name": name})
        return passkey, await _first_codes(connection, principal, arriving)


async def rename_passkey(
    engine: AsyncEngine, principal: Principal, passkey_id: UUID, name: str, *, arriving: Arriving
) -> None:
    """Raises `PasskeyUnknown`."""
    async with engine.begin() as connection:
        await passkey_list.rename(connection, principal.user.id, passkey_id, name)
        after = {"id": str(passkey_id), "name": name}
        await _note(connection, "factor.passkey_renamed", principal, arriving, after)


async def remove_passkey(engine: AsyncEngine, principal: Principal, passkey_id: UUID, *, arriving: Arriving) -> None:
    """Raises `PasskeyUnknown`."""
    async with engine.begin() as connection:
        await passkey_list.remove(connection, principal.user.id, passkey_id)
        await end_halves_of(connection, principal.user.id)
        await _note(connection, "factor.passkey_removed", principal, arriving, {"id": str(passkey_id)})


async def _first_codes(connection: AsyncConnection, principal: Principal, arriving: Arriving) -> list[str] | None:
    if await recovery.has_codes(connection, principal.user.id):
        return None
    return await _codes(connection, principal, arriving)


async def _codes(connection: AsyncConnection, principal: Principal, arriving: Arriving) -> list[str]:
    codes = await recovery.make_codes(connection, principal.user.id, now=arriving.clock.now(), ids=arriving.ids)
    await _note(connection, "factor.recovery_made", principal, arriving)
    return codes


async def _note(
    connection: AsyncConnection,
    action: str,
    principal: Principal,
    arriving: Arriving,
    after: Mapping[str, object] | None = None,
) -> None:
    await note_own(connection, action, principal.user.id, principal.membership.workspace_id, arriving, after=after)
