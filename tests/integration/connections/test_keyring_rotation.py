"""A new generation of the keyring: killed again and again on the way, every key opens; the old one goes when no row
needs it (promise K4). The kills are SIGKILLs of a process of its own, at every point that the rotation names."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from integration.connections.conftest import Desk, facts
from support.killed import Reach, killed_at
from tradewright.app.ground import Ground
from tradewright.app.vault import rotate, worker_keyring
from tradewright.cli.vault import RotationOptions, RotationReport
from tradewright.connections.model import Credentials
from tradewright.settings import Settings, load
from tradewright.storage.engine import create_engine
from tradewright.vault.generations import keyring_text, new_generation
from tradewright.vault.opening import LiveKeyring, generations_of, keyring_file, open_keyring
from tradewright.vault.sources import EnvironmentSource, KeySource
from tradewright.vault.wrapping import Unopenable

KILLS = int(os.environ.get("KILLS", "30"))  # `make rotation` has a hundred
ROWS = 6
POINTS = ("keyring.before_write", "keyring.written", "keyring.published", "row.opened", "row.written", "row.committed")
GO_ON = RotationOptions(only_rewrap=True)
RETIRE = RotationOptions(only_rewrap=True, retire=True)


async def stored(desk: Desk, count: int = ROWS) -> dict[UUID, str]:
    """Connections with their keys: half of them wrapped by the worker, the others still sealed."""
    keys = {f"key-{number:02}": [facts(uid=str(700 + number))] for number in range(count)}
    desk.exchange.answers = dict(keys)
    found = {}
    for number, key in enumerate(keys):
        if number == count // 2:
            async with desk.checking():
                for connection_id in found:
                    assert (await desk.concluded(connection_id)).state == "ok"
        found[await desk.add(key)] = key
    return found


async def all_open(desk: Desk, stored: dict[UUID, str]) -> None:
    keyring = open_keyring(Path(load().vault_home))
    for connection_id, key in stored.items():
        desk.keyring = keyring
        assert await desk.credentials(connection_id) == Credentials.of(key, f"secret-of-{key}", None)


@pytest.fixture
def settings(ground: Ground) -> Settings:
    return ground.settings


async def run(desk: Desk, settings: Settings, options: RotationOptions) -> RotationReport:
    return await rotate(desk.engine, keyring_file(settings.vault_home), settings, options)


def killed(database_url: str, settings: Settings, options: RotationOptions, point: str, count: int) -> bool:
    async def rotating(reach: Reach) -> None:
        engine = create_engine(database_url, application="rotation", pool_size=1)
        await rotate(engine, keyring_file(settings.vault_home), settings, options, reach)
        await engine.dispose()

    return killed_at(rotating, point, count)


async def test_killed_again_and_again_on_the_way_every_key_opens(
    desk: Desk, settings: Settings, database_url: str
) -> None:
    keys = await stored(desk)
    chance, kills, went_through = random.Random(4), Counter[str](), False
    while kills.total() < KILLS:
        # A generation is made in every sixth run; else it goes on with what was left, and now and then retires.
        options = RotationOptions() if kills.total() % 6 == 0 else chance.choice([GO_ON, RETIRE])
        point = POINTS[kills.total() % len(POINTS)]
        if point.startswith("keyring") or went_through or kills.total() % 6 == 3:
            options = RotationOptions(retire=chance.random() < 0.5)
        count = 1 if point.startswith("keyring") else chance.randint(1, len(keys))
        if await asyncio.to_thread(killed, database_url, settings, options, point, count):
            kills[point] += 1
            went_through = False
        else:
            went_through = True  # nothing is left to be killed at: a new generation makes work again
        await all_open(desk, keys)
        if len(generations_of(keyring_file(settings.vault_home))) > 40:
            assert (await run(desk, settings, RETIRE)).unopenable == []
    assert set(kills) == set(POINTS), kills
    report = await run(desk, settings, RETIRE)
    assert report.unopenable == []
    (only,) = report.generations.generations
    assert (only.is_active, only.rows, report.generations.foreign_rows) == (True, len(keys), 0)
    await all_open(desk, keys)


async def test_a_worker_that_runs_takes_the_new_generation_at_once(
    desk: Desk, ground: Ground, settings: Settings
) -> None:
    keys = await stored(desk, 4)
    live = LiveKeyring(keyring_file(settings.vault_home), settings.vault_home)
    desk.exchange.answers["key-late"] = [facts(uid="799")]
    async with desk.checking(live):
        for connection_id in keys:
            assert (await desk.concluded(connection_id)).state == "ok"
        await run(desk, settings, RotationOptions())
        desk.keyring = open_keyring(settings.vault_home)
        keys[await desk.add("key-late")] = "key-late"
        for connection_id in keys:
            await desk.concluded(connection_id)
            await desk.check_again(connection_id)
        desk.clock.ahead += 6
        for connection_id in keys:
            assert (await desk.concluded(connection_id)).state == "ok"
        report = await run(desk, settings, RETIRE)
        assert (report.retired, report.done) == (1, 0), "the worker stored under the new one"
        for connection_id in keys:
            await desk.check_again(connection_id)
        desk.clock.ahead += 6
        for connection_id in keys:
            assert (await desk.concluded(connection_id)).state == "ok"
    await all_open(desk, keys)


async def test_a_generation_that_a_row_needs_stays_and_an_unopenable_row_is_told_and_left(
    desk: Desk, settings: Settings
) -> None:
    keys = await stored(desk, 4)
    lost, *_ = keys
    before = await desk.boxes(lost)
    async with desk.engine.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE connection_keys SET data_key = set_byte(data_key, 30, get_byte(data_key, 30) # 1)"
            f" WHERE connection_id = '{lost}'"
        )
    damaged = await desk.boxes(lost)
    assert damaged != before
    report = await run(desk, settings, RotationOptions(retire=True))
    assert (report.unopenable, report.done, report.retired) == ([str(lost)], 3, 0)
    assert await desk.boxes(lost) == damaged
    old, new = report.generations.generations
    assert (old.rows, old.is_active, old.may_go) == (1, False, False)
    assert (new.rows, new.is_active) == (3, True)
    await desk.remove(lost)
    assert (await run(desk, settings, RETIRE)).retired == 1


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE connection_keys a SET data_key = b.data_key, secret = b.secret FROM connection_keys b"
        " WHERE a.id <> b.id",
        "UPDATE connection_keys SET data_key = secret, secret = data_key",
        "UPDATE connection_keys SET id = gen_random_uuid()",
    ],
    ids=["moved to the other row", "in the other column", "under another id"],
)
async def test_a_box_that_was_moved_in_the_database_opens_nowhere(desk: Desk, spoil: str) -> None:
    """Promise K1: the context of each box is its table, column, workspace and row."""
    desk.exchange.answers = {"key-aa": [facts()], "key-bb": [facts(uid="701")]}
    async with desk.checking():
        found = [(await desk.concluded(await desk.add(key))).id for key in ("key-aa", "key-bb")]
    async with desk.engine.begin() as connection:
        await connection.exec_driver_sql(spoil)
    for connection_id in found:
        with pytest.raises(Unopenable):
            await desk.credentials(connection_id)


async def test_a_keyring_in_a_variable_serves_and_is_rotated_by_hand(
    desk: Desk, ground: Ground, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept outside is never written here, and the file is not there at all."""
    generations = generations_of(keyring_file(settings.vault_home))
    (settings.vault_home / "trading.private").unlink()
    monkeypatch.setenv("TRADEWRIGHT_VAULT_KEYS", "env:OUR_KEYS")
    monkeypatch.setenv("OUR_KEYS", keyring_text(generations))
    outside = Ground(load(), desk.engine, desk.bus, ground.clock, ground.ids, ground.rng)
    keys = await stored(desk, 2)
    live = await worker_keyring(outside)
    async with desk.checking(live):
        for connection_id in keys:
            assert (await desk.concluded(connection_id)).state == "ok"
    source = variable(keyring_text([*generations, new_generation()]))
    report = await rotate(desk.engine, source, settings, GO_ON)
    assert (report.done, [each.rows for each in report.generations.generations]) == (2, [0, 2])
    assert not (settings.vault_home / "trading.private").exists()
    with pytest.raises(Exception, match="new-keys"):
        await rotate(desk.engine, source, settings, RotationOptions())


def variable(content: str) -> KeySource:
    return EnvironmentSource("OUR_KEYS", {"OUR_KEYS": content})
