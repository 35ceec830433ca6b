"""A keyring that is missing, or another one: nothing is deleted or overwritten, and all is well once it is back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from integration.connections.conftest import IDS, Desk, facts
from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.sessions import session_factory
from tradewright.app.worker import _keyring
from tradewright.market.instruments import InstrumentLists
from tradewright.settings import load
from tradewright.system import SystemClock, SystemRng
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper
from tradewright.vault.opening import MissingKeyring, Opener, TradingKeyring, open_keyring

KEY = "key-one"
WAIT_S = 10.0


@pytest.fixture
def ground(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """HOME is where the desk's keyring is."""
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path))
    return Ground(load(), desk.engine, desk.bus, SystemClock(), IDS, SystemRng())


@pytest.mark.parametrize("was_taken", [False, True], ids=["sealed", "wrapped"])
@pytest.mark.parametrize("other", ["missing", "another"])
async def test_a_box_that_does_not_open_is_kept_and_opens_when_home_is_right_again(
    desk: Desk, tmp_path: Path, was_taken: bool, other: str
) -> None:
    desk.exchange.answers[KEY] = [facts()]
    connection_id = await desk.add()
    if was_taken:
        async with desk.checking():
            assert (await desk.concluded(connection_id)).state == "ok"
        await desk.check_again(connection_id)
        desk.clock.ahead += 6
    before = await desk.boxes(connection_id)
    wrong: Opener = MissingKeyring(tmp_path / "other") if other == "missing" else open_keyring(tmp_path / "other")
    async with desk.checking(wrong):
        found = await desk.concluded(connection_id)
    assert found.reason is not None
    assert (found.state, found.reason.code) == ("refused", "vault.unopenable")
    assert "restore" in (found.reason.detail or ""), "what to do"
    assert await desk.boxes(connection_id) == before
    assert [account.resting for account in await desk.accounts()] == [True] * was_taken
    await desk.check_again(connection_id)
    desk.clock.ahead += 6
    async with desk.checking():
        assert (await desk.concluded(connection_id)).state == "ok"
    assert [account.resting for account in await desk.accounts()] == [False]


async def test_a_worker_makes_a_keyring_only_where_no_key_is_stored(
    desk: Desk, ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault, away = tmp_path / "vault", tmp_path / "away"
    connection_id = await desk.add()
    assert isinstance(await _keyring(ground), TradingKeyring)
    vault.rename(away)
    keyring = await _keyring(ground)
    assert isinstance(keyring, MissingKeyring)
    assert not vault.exists(), "the one that opens may come back, and must find its place free"
    assert "restore HOME/vault from a backup" in capsys.readouterr().out
    # Begun anew on purpose, as the decision record has it: everything is removed, then started again.
    await desk.remove(connection_id)
    assert isinstance(await _keyring(ground), TradingKeyring)
    assert sorted(path.name for path in vault.iterdir()) == ["trading.private", "trading.public"]


async def test_the_session_of_a_key_that_does_not_open_is_closed_with_the_reason_and_runs_once_it_does(
    desk: Desk, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.exchange.answers[KEY] = [facts()]
    async with desk.checking():
        found = await desk.concluded(await desk.add())
    before = await desk.boxes(found.id)
    # Nobody is there: a session that opens its key goes on to say that it cannot reach the exchange.
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__REST", "http://127.0.0.1:9")
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__PRIVATE_STREAM", "ws://127.0.0.1:9/v5/private")
    (tmp_path / "vault").rename(tmp_path / "away")
    async with kept(ground, await _keyring(ground)):
        state = await until(desk, lambda state: state.session_state == "closed")
        assert state.session_reason["params"] == {"cause": "vault.unopenable"}
        assert "restore it" in state.session_reason["detail"]
        assert await desk.boxes(found.id) == before
        (tmp_path / "away").rename(tmp_path / "vault")
        await until(desk, lambda state: state.session_state != "closed")
    assert (await desk.boxes(found.id)) == before


@contextlib.asynccontextmanager
async def kept(ground: Ground, keyring: Opener) -> AsyncIterator[None]:
    """The worker's sessions run with this keyring."""
    lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
    keeper = SessionKeeper(
        ground.engine,
        ground.bus,
        session_factory(ground, lists, ExchangePlaces(load()), keyring),
        lambda account: PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
        clock=ground.clock,
        rng=ground.rng,
    )
    task = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(desk: Desk, so: Any) -> Any:
    async with asyncio.timeout(WAIT_S):
        while True:
            (state,) = await desk.rows("SELECT session_state, session_reason FROM accounts WHERE environment = 'demo'")
            if so(state):
                return state
            await asyncio.sleep(0.01)
