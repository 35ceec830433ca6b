"""Passkeys (WebAuthn): registered to a host name, and what their answers prove.

Lives here: the checks of both ceremonies, and their SQL. User verification is always asked for, so that a passkey alone
is two factors: something one has, and a finger or a PIN. The library is imported when it is used, for it takes half a
second.
Not here: the list of a user's (`passkey_list`), challenges (`challenges`), where passkeys work (`Site`, made by
`web.passkey_site`), what an answer opens (`second_step`, `step_up`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.errors import AppError, Conflict
from tradewright.core.ids import UserId
from tradewright.identity.passkey_list import Passkey
from tradewright.identity.tables import passkeys

Credential = dict[str, Any]  # what a browser's `PublicKeyCredential.toJSON()` gives; read by the library alone
PASSKEYS_OF_USER_MAX = 20
NAME_LENGTH_MAX = 64
RP_NAME = "Tradewright"


class PasskeyRefused(Conflict):
    """What came is no passkey that can be taken here: another challenge or host, or a device that asks for no PIN."""

    code = "passkey.refused"


class PasskeysFull(Conflict):
    """As many passkeys as one person may have."""

    code = "passkey.too_many"


class PasskeyExists(Conflict):
    """This device has a passkey here already."""

    code = "passkey.exists"


class PasskeySuspect(AppError):
    """The passkey's counter went back: there may be a copy of it. It opens nothing any more; another way in does."""

    code = "passkey.suspect"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a ceremony takes place: the host name that passkeys are bound to, and the page's origin."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """An answer that was right: whose it is."""

    passkey_id: UUID
    user_id: UserId


async def registration_options(
    connection: AsyncConnection, user_id: UserId, username: str, *, site: Site, challenge: bytes
) -> dict[str, Any]:
    """What `navigator.credentials.create` is given. Raises `PasskeysFull`."""
    import webauthn
    from webauthn.helpers import structs

    known = await _credentials_of(connection, user_id, site)
    count = await connection.scalar(select(func.count()).where(passkeys.c.user_id == user_id))
    if (count or 0) >= PASSKEYS_OF_USER_MAX:
        raise PasskeysFull(f"one person may have {PASSKEYS_OF_USER_MAX} passkeys; remove one first")
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=RP_NAME,
        user_id=user_id.bytes,
        user_name=username,
        challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return _as_dict(webauthn.options_to_json(options))


async def assertion_options(
    connection: AsyncConnection, user_id: UserId | None, *, site: Site, challenge: bytes
) -> dict[str, Any]:
    """What `navigator.credentials.get` is given. Without a user the browser offers what it has for this host."""
    import webauthn
    from webauthn.helpers import structs

    known = [] if user_id is None else await _credentials_of(connection, user_id, site)
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in known],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return _as_dict(webauthn.options_to_json(options))


async def register(
    connection: AsyncConnection,
    user_id: UserId,
    name: str,
    credential: Credential,
    *,
    site: Site,
    challenge: bytes,
    now: datetime,
    ids: Ids,
) -> Passkey:
    """Keeps a new passkey. Raises `PasskeyRefused`, `PasskeyExists`."""
    import webauthn

    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # what the library raises for hostile bytes is not to be listed
        raise PasskeyRefused("the device's answer does not fit what it was asked; try again") from error
    passkey = Passkey(ids.new(), name, site.rp_id, found.credential_backed_up, now, None, is_suspect=False)
    made = await connection.execute(
        upsert(passkeys)
        .values(
            id=passkey.id,
            user_id=user_id,
            credential_id=found.credential_id,
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            rp_id=site.rp_id,
            name=name,
            synced=passkey.synced,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["credential_id"])
        .returning(passkeys.c.id)
    )
    if made.first() is None:
        raise PasskeyExists("this device has a passkey here already")
    return passkey


async def verify(
    connection: AsyncConnection, credential: Credential, *, site: Site, challenge: bytes, now: datetime
) -> Assertion | None:
    """Whose answer it is; None when it is nobody's, or not right. The caller commits either way.

    Raises `PasskeySuspect`, once what makes it suspect is written, when the counter did not go on.
    """
    import webauthn

    row = await _stored(connection, credential, site)
    if row is None:
        return None
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=0,  # compared below, where two at the same moment cannot both pass
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  # as above
        return None
    handle = credential["response"].get("userHandle")
    if handle is not None and _bytes_of(handle) != row.user_id.bytes:
        return None
    moved = await connection.execute(
        update(passkeys)
        .where(
            passkeys.c.id == row.id,
            passkeys.c.suspect_at.is_(None),
            or_(
                passkeys.c.sign_count < found.new_sign_count,
                and_(passkeys.c.sign_count == 0, literal(found.new_sign_count) == 0),  # a device that does not count
            ),
        )
        .values(sign_count=found.new_sign_count, last_used_at=now, synced=found.credential_backed_up)
        .returning(passkeys.c.id)
    )
    if moved.first() is None:
        raise PasskeySuspect("this passkey may have been copied, so it is not taken any more; log in another way")
    return Assertion(row.id, UserId(row.user_id))


async def mark_suspect(connection: AsyncConnection, credential: Credential, *, site: Site, now: datetime) -> UserId:
    """After `PasskeySuspect`: it is taken no more, until it is removed. Returns whose it is."""
    row = await _stored(connection, credential, site)
    assert row is not None, "it was found a moment ago"
    await connection.execute(
        update(passkeys).where(passkeys.c.id == row.id, passkeys.c.suspect_at.is_(None)).values(suspect_at=now)
    )
    return UserId(row.user_id)


async def _stored(connection: AsyncConnection, credential: Credential, site: Site) -> Any:
    found = await connection.execute(
        select(passkeys.c.id, passkeys.c.user_id, passkeys.c.public_key).where(
            passkeys.c.credential_id == _bytes_of(credential.get("id")), passkeys.c.rp_id == site.rp_id
        )
    )
    return found.one_or_none()


async def _credentials_of(connection: AsyncConnection, user_id: UserId, site: Site) -> list[bytes]:
    found = await connection.execute(
        select(passkeys.c.credential_id).where(
            passkeys.c.user_id == user_id, passkeys.c.rp_id == site.rp_id, passkeys.c.suspect_at.is_(None)
        )
    )
    return [bytes(row.credential_id) for row in found]


def _bytes_of(text: object) -> bytes:
    """Of base64url without padding; nothing for what is none."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return bytes(base64url_to_bytes(text)) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _as_dict(text: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text)
    return options
