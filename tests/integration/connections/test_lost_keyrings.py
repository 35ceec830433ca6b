"""A keyring that is missing, or another one: nothing is deleted or overwritten, and all is well once it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.connections.conftest import Desk, facts
from integration.connections.sessions import kept, until_session
from tradewright.app.ground import Ground
from tradewright.app.vault import worker_keyring
from tradewright.vault.opening import LiveKeyring, Opener, keyring_file, open_keyring

KEY = "key-one"


def _missing(folder: Path) -> LiveKeyring:
    return LiveKeyring(keyring_file(folder), folder)


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
    wrong: Opener = _missing(tmp_path / "other") if other == "missing" else open_keyring(tmp_path / "other")
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
    await worker_keyring(ground)
    assert vault.exists()
    vault.rename(away)
    await worker_keyring(ground)
    assert not vault.exists(), "the one that opens may come back, and must find its place free"
    assert "restore HOME/vault from a backup" in capsys.readouterr().out
    # Begun anew on purpose, as the decision record has it: everything is removed, then started again.
    await desk.remove(connection_id)
    await worker_keyring(ground)
    assert sorted(path.name for path in vault.iterdir()) == ["trading.private", "trading.public"]


async def test_the_session_of_a_key_that_does_not_open_is_closed_with_the_reason_and_runs_once_it_does(
    desk: Desk, ground: Ground, tmp_path: Path
) -> None:
    desk.exchange.answers[KEY] = [facts()]
    async with desk.checking():
        found = await desk.concluded(await desk.add())
    before = await desk.boxes(found.id)
    (tmp_path / "vault").rename(tmp_path / "away")
    async with kept(ground, await worker_keyring(ground)):
        state = await until_session(desk, lambda state: state.session_state == "closed")
        assert state.session_reason["params"] == {"cause": "vault.unopenable"}
        assert "restore it" in state.session_reason["detail"]
        assert await desk.boxes(found.id) == before
        (tmp_path / "away").rename(tmp_path / "vault")
        # Nobody is at demo's hosts: the session goes on to wait for them.
        await until_session(desk, lambda state: state.session_state != "closed")
    assert (await desk.boxes(found.id)) == before
