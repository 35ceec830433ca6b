"""The second step of a login, and the login by a passkey alone.

Lives here: `by_code`, `by_passkey`, `by_passkey_alone`, and the questions that passkeys are asked before. A session
comes of a half-open login once: of two answers that are right at the same moment one is let in.
Not here: the password before it (`logins`), the proofs (`proofs`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.ids import UserId
from tradewright.identity.challenges import bound_to_login, new_challenge
from tradewright.identity.entering import Arriving, enter, require_person
from tradewright.identity.half_open import end_half, find_half, use_try
from tradewright.identity.model import OpenedSession
from tradewright.identity.passkeys import Credential, Site, assertion_options
from tradewright.identity.proofs import prove_code, prove_passkey
from tradewright.identity.second_factors import HalfOpenEnded, PasskeyFailed, SecondStepFailed, SecretBox
from tradewright.identity.throttle import admit, factor_keys_of, forgive, passkey_key_of
from tradewright.identity.tokens import new_token

_ENDED = "this login was too long ago or had too many wrong codes; begin again with the password"


async def by_code(
    engine: AsyncEngine, token: str | None, code: str, *, box: SecretBox, arriving: Arriving
) -> OpenedSession:
    """Raises `SecondStepFailed`, `HalfOpenEnded`, `TooManyTries`."""
    user_id, attempt = await _begin(engine, token, arriving)
    way = await prove_code(engine, user_id, code, box=box, arriving=arriving, action="session.login")
    if way is None:
        raise SecondStepFailed("the code is wrong, or it was used already")
    return await _finish(engine, token, user_id, f"password, {way}", attempt, arriving)


async def by_passkey(
    engine: AsyncEngine, token: str | None, credential: Credential, *, site: Site, arriving: Arriving
) -> OpenedSession:
    """Raises `SecondStepFailed`, `HalfOpenEnded`, `TooManyTries`, `PasskeySuspect`."""
    user_id, attempt = await _begin(engine, token, arriving)
    bound_to = bound_to_login(token or "")
    found = await prove_passkey(engine, credential, bound_to=bound_to, purpose="second", site=site, arriving=arriving)
    if found is None or found.user_id != user_id:
        raise SecondStepFailed("this passkey does not belong to this login, or its answer does not fit")
    return await _finish(engine, token, user_id, "password, passkey", attempt, arriving)


async def ask_second_passkey(engine: AsyncEngine, token: str | None, site: Site, arriving: Arriving) -> dict[str, Any]:
    """What the browser asks the user's passkeys. Raises `HalfOpenEnded`."""
    now = arriving.clock.now()
    async with engine.begin() as connection:
        half = await find_half(connection, token, now)
        if half is None or token is None:
            raise HalfOpenEnded(_ENDED)
        challenge = await new_challenge(connection, bound_to_login(token), "second", now)
        return await assertion_options(connection, half.user_id, site=site, challenge=challenge)


async def ask_any_passkey(engine: AsyncEngine, site: Site, arriving: Arriving) -> tuple[str, dict[str, Any]]:
    """What the browser asks any passkey of this host, and the token that the answer is bound to.

    Raises `TooManyTries`: from one address twenty in an hour that nothing came of.
    """
    now, token = arriving.clock.now(), new_token()
    async with engine.begin() as connection:
        await admit(connection, [passkey_key_of(arriving.caller.ip)], now=now, ids=arriving.ids)
        challenge = await new_challenge(connection, bound_to_login(token), "login", now)
        return token, await assertion_options(connection, None, site=site, challenge=challenge)


async def by_passkey_alone(
    engine: AsyncEngine, token: str | None, credential: Credential, *, site: Site, arriving: Arriving
) -> OpenedSession:
    """Raises `PasskeyFailed`, `PasskeySuspect`, `UserDisabled`."""
    bound_to = bound_to_login(token or "")
    found = await prove_passkey(engine, credential, bound_to=bound_to, purpose="login", site=site, arriving=arriving)
    if found is None:
        raise PasskeyFailed("this passkey is not known here, or the question it answered is too old; try again")
    async with engine.begin() as connection:
        await forgive(connection, arriving.ids.new(), passkey_key_of(arriving.caller.ip))
        return await enter(connection, found.user_id, "passkey", arriving)


async def _begin(engine: AsyncEngine, token: str | None, arriving: Arriving) -> tuple[UserId, UUID]:
    """Books the try, of the half-open login and of the user's factor, before anything is compared."""
    now = arriving.clock.now()
    async with engine.begin() as connection:
        half = await use_try(connection, token, now)
        await require_person(connection, half.user_id)
        keys = factor_keys_of(half.user_id, arriving.caller.ip)
        attempt = await admit(connection, keys, now=now, ids=arriving.ids)
    return half.user_id, attempt


async def _finish(
    engine: AsyncEngine, token: str | None, user_id: UserId, by: str, attempt: UUID, arriving: Arriving
) -> OpenedSession:
    async with engine.begin() as connection:
        if not await end_half(connection, token or ""):
            raise HalfOpenEnded(_ENDED)
        await forgive(connection, attempt, factor_keys_of(user_id, arriving.caller.ip)[0])
        return await enter(connection, user_id, by, arriving)
