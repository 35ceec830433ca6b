"""A proxy that was stored and is none by the rules of now: said of its own connection, and nobody else's matter."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from integration.connections.conftest import Desk, facts
from integration.connections.sessions import kept, until_session
from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.key_checks import key_checker
from tradewright.connections.model import Connection, Credentials
from tradewright.settings import load
from tradewright.vault.binding import Binding

KEY = "key-one"
NO_PROXY = "gopher://canary-user:canary-password@proxy:70"


async def test_a_stored_proxy_that_is_none_ends_neither_the_sessions_nor_the_checks_of_the_worker(
    desk: Desk, ground: Ground
) -> None:
    desk.exchange.answers[KEY] = [facts()]
    async with desk.checking():
        found = await desk.concluded(await desk.add())
    await put_into_its_box(desk, found, Credentials.of(KEY, "secret-of-key-one", NO_PROXY))
    async with kept(ground, desk.keyring) as sessions:
        state = await until_session(desk, lambda state: state.session_state == "closed")
        assert state.session_reason["params"] == {"cause": "link.proxy"}
        assert not sessions.done()
    checks = asyncio.create_task(key_checker(ground, ExchangePlaces(load()), desk.keyring).run())
    async with desk.engine.begin() as connection:  # long ago, so that it is asked again at once
        await connection.execute(text("UPDATE connections SET checked_at = checked_at - interval '1 minute'"))
    await desk.check_again(found.id)
    waiting = await desk.until(found.id, lambda found: found.reason is not None)
    assert waiting.reason is not None
    assert (waiting.state, waiting.reason.code) == ("checking", "connection.proxy_failed")
    assert not checks.done()
    assert "canary" not in str(state.session_reason) + str(waiting.reason)
    checks.cancel()
    await asyncio.wait([checks])


async def put_into_its_box(desk: Desk, known: Connection, credentials: Credentials) -> None:
    """As another version, with other rules for proxies, would have stored it."""
    (box,) = await desk.boxes(known.id)
    binding = Binding(workspace_id=known.workspace_id, connection_id=known.id, row_id=box.id)
    wrapped = desk.keyring.wrap(credentials.as_bytes(), binding)
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE connection_keys SET data_key = :data_key, secret = :secret WHERE id = :id"),
            {"data_key": wrapped.data_key, "secret": wrapped.secret, "id": box.id},
        )
