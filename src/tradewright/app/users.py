"""What `tradewright user list|disable|enable|reset-…` are made of: the database, and identity's commands.

Whoever has a shell on the machine and may read HOME is above the page's operator, so nobody is asked for a password;
what is done stands in the audit trail as done by the system.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.app.ground import database_url
from tradewright.cli.user import ListedUser
from tradewright.core.errors import Conflict, NotFound, StartError
from tradewright.identity.audited import By
from tradewright.identity.factor_reset import reset_factors
from tradewright.identity.profile import make_password_link
from tradewright.identity.users import all_users, disable_user, enable_user, user_named
from tradewright.installation import page_address
from tradewright.settings import Settings, load
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds

_Result = TypeVar("_Result")


def everybody() -> Sequence[ListedUser]:
    """Who uses the installation, by name."""

    async def read(connection: AsyncConnection, settings: Settings, by: By) -> Sequence[ListedUser]:
        return [
            ListedUser(
                username=each.username,
                is_operator=each.is_operator,
                is_disabled=each.disabled_at is not None,
                created_at=each.created_at,
                last_seen_at=each.last_seen_at,
                workspaces=each.workspaces,
            )
            for each in await all_users(connection)
        ]

    return _done(read)


def set_enabled(username: str, *, enabled: bool) -> None:
    """Raises `StartError` where nobody has the name, and for the operator, who cannot be disabled."""

    async def change(connection: AsyncConnection, settings: Settings, by: By) -> None:
        user_id = await user_named(connection, username)
        await (enable_user if enabled else disable_user)(connection, user_id, by=by)

    _done(change)


def password_link(username: str) -> str:
    """A one-time link by which the user sets a new password. Raises `StartError` where nobody has the name."""

    async def make(connection: AsyncConnection, settings: Settings, by: By) -> str:
        page_url = page_address(settings.page_file) or settings.page_url
        return await make_password_link(connection, await user_named(connection, username), page_url, by=by)

    return _done(make)


def reset_user_factors(username: str) -> str:
    """What was removed, in a sentence. Raises `StartError` where nobody has the name."""

    async def reset(connection: AsyncConnection, settings: Settings, by: By) -> str:
        before = await reset_factors(connection, await user_named(connection, username), by=by)
        gone = f"an authenticator, {before.passkeys} passkeys" if before.has_totp else f"{before.passkeys} passkeys"
        return (
            f"{username} had {gone} and {before.recovery_left} recovery codes; all are removed, and every session of"
            " theirs has ended. Their password alone lets them in now: have them set up a second factor again"
        )

    return _done(reset)


def _done(act: Callable[[AsyncConnection, Settings, By], Awaitable[_Result]]) -> _Result:
    return asyncio.run(_in_transaction(load(), act))


async def _in_transaction(
    settings: Settings, act: Callable[[AsyncConnection, Settings, By], Awaitable[_Result]]
) -> _Result:
    engine = create_engine(database_url(settings), application="tradewright-cli", pool_size=1)
    try:
        async with engine.begin() as connection:
            return await act(connection, settings, By(user_id=None, ip=None, now=SystemClock().now(), ids=SystemIds()))
    except (NotFound, Conflict) as error:
        raise StartError(f"{error}", exit_code=2) from None
    finally:
        await engine.dispose()
