"""Proofs of a second factor, as a login and a step-up ask for them alike.

Lives here: `prove_code` (one-time and recovery codes), `prove_passkey`. Each is tried in transactions of its own that
are over before the caller opens anything: what was wrong stays counted. Not here: what a proof opens (`second_step`,
`step_up`), how often one may try (`throttle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity import passkeys
from tradewright.identity.audited import By, note
from tradewright.identity.challenges import Purpose, take_challenge
from tradewright.identity.entering import Arriving, require_person
from tradewright.identity.passkeys import Assertion, Credential, PasskeySuspect, Site
from tradewright.identity.recovery import looks_like_recovery, take_recovery_code
from tradewright.identity.second_factors import SecretBox
from tradewright.identity.totp import take_code

CodeWay = Literal["code", "recovery"]


async def prove_code(
    engine: AsyncEngine, user_id: UserId, code: str, *, box: SecretBox, arriving: Arriving, action: str
) -> CodeWay | None:
    """Takes a one-time code or a recovery code, whichever it looks like; None when it is wrong, used or too old.

    A recovery code that was used is noted, and so is a wrong code: who tries one knew the password or has the session.
    """
    now = arriving.clock.now()
    way: CodeWay = "recovery" if looks_like_recovery(code) else "code"
    async with engine.begin() as connection:
        if way == "recovery":
            is_right = await take_recovery_code(connection, user_id, code, now)
        else:
            is_right = await take_code(connection, user_id, code.strip().replace(" ", ""), box=box, now=now)
        if is_right and way == "recovery":
            await _note(connection, "factor.recovery_used", user_id, arriving, after=None)
        if not is_right:
            await _note(connection, action, user_id, arriving, after={"by": way}, outcome="refused")
    return way if is_right else None


async def prove_passkey(
    engine: AsyncEngine, credential: Credential, *, bound_to: str, purpose: Purpose, site: Site, arriving: Arriving
) -> Assertion | None:
    """Whose passkey answered the challenge; None when it is nobody's, or not right. The challenge is used up.

    Raises `PasskeySuspect`, noted, when its counter went back.
    """
    now = arriving.clock.now()
    challenge = await take_challenge(engine, bound_to, purpose, now)
    if challenge is None:
        return None
    try:
        async with engine.begin() as connection:
            return await passkeys.verify(connection, credential, site=site, challenge=challenge, now=now)
    except PasskeySuspect:
        async with engine.begin() as connection:
            user_id = await passkeys.mark_suspect(connection, credential, site=site, now=now)
            await _note(connection, "factor.passkey_suspect", user_id, arriving, after=None, outcome="refused")
        raise


async def _note(
    connection: AsyncConnection,
    action: str,
    user_id: UserId,
    arriving: Arriving,
    *,
    after: Mapping[str, object] | None,
    outcome: str = "done",
) -> None:
    workspace_id = (await require_person(connection, user_id)).workspace_id
    await note_own(connection, action, user_id, workspace_id, arriving, after=after, outcome=outcome)


async def note_own(
    connection: AsyncConnection,
    action: str,
    user_id: UserId,
    workspace_id: WorkspaceId,
    arriving: Arriving,
    *,
    now: datetime | None = None,
    after: Mapping[str, object] | None = None,
    outcome: str = "done",
) -> None:
    """A deed about one's own ways in."""
    await note(
        connection,
        By(user_id=user_id, ip=arriving.caller.ip, now=now or arriving.clock.now(), ids=arriving.ids),
        action,
        workspace_id=workspace_id,
        object_kind="user",
        object_id=user_id,
        after=after,
        outcome=outcome,
    )
