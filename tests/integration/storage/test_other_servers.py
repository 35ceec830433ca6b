"""A server elsewhere, named by its URL, from PostgreSQL 15 on: the schema, the engine and the bus work there too.

Every PostgreSQL that is found is used: the older one beside ours in the wheel, and the system's own.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from integration.storage.helpers import wait_until
from integration.storage.test_engine import entry
from integration.storage.test_migrations import import_all_tables
from tradewright.audit.store import record
from tradewright.audit.tables import audit_entries
from tradewright.core.errors import StartError
from tradewright.process.child import spawn
from tradewright.process.user import can_run, unprivileged_user
from tradewright.storage import migrate
from tradewright.storage.bus import Bus, notify
from tradewright.storage.embedded_place import copied_binaries, installed_binaries
from tradewright.storage.engine import create_engine
from tradewright.storage.schema import metadata
from tradewright.system import SystemRng

OTHERS = [
    *(path for path in [installed_binaries().parent.parent / "pginstall" / "bin"] if path.is_dir()),
    *sorted(path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15),
]


@pytest.fixture(params=OTHERS, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}")
def other_url(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[str]:
    binaries: Path = request.param
    user = unprivileged_user() if os.geteuid() == 0 else None
    if user is not None and not can_run(binaries / "postgres", user):
        (open_folder / "other-binaries").mkdir(exist_ok=True)
        binaries = copied_binaries(binaries, open_folder / "other-binaries")
    folder = open_folder / f"other-{request.param.parent.name}"
    folder.mkdir()
    folder.chmod(0o700)
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    as_user = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
    data = folder / "data"
    initdb = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "app",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)
    argv = [
        binaries / "postgres",
        "-D",
        data,
        "-c",
        f"unix_socket_directories={folder}",
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
    ]
    with (folder / "log").open("wb") as log:
        server = spawn(
            argv, env={"PATH": "/usr/bin:/bin"}, death_signal=signal.SIGINT, user=user, stdout=log, stderr=log
        )
    url = f"postgresql://app@/postgres?host={folder}"

    def serves() -> bool:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        wait_until(serves, what="it serves")
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)


async def test_schema_engine_audit_and_bus_work_on_it(other_url: str):
    migrate.upgrade(other_url)
    import_all_tables()
    engine = create_engine(other_url)
    bus = Bus(other_url, rng=SystemRng(), poll_s=600)
    await bus.start()
    try:
        hints = bus.subscribe("account_events")
        assert await hints.get(5) is None
        async with engine.begin() as connection:
            version = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
            await record(connection, entry())
            await notify(connection, "account_events", "an-account:1")
        assert await hints.get(5) == "an-account:1"
        async with engine.connect() as connection:
            found = (await connection.execute(select(audit_entries.c.after))).scalar_one()
            tables = set(
                (
                    await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
                ).scalars()
            )
    finally:
        await bus.close()
        await engine.dispose()
    assert version >= 150_000
    assert found == {"quantity": "0.01"}
    assert tables == {*metadata.tables, "alembic_version"}


def test_an_older_server_than_15_is_refused_and_left_alone(postgres, monkeypatch):
    monkeypatch.setattr(migrate, "_SERVER_VERSION_MIN", 990_000)  # as if ours were too old
    url = postgres.make_database(template="template0")
    with pytest.raises(StartError) as refused:
        migrate.upgrade(url)
    assert refused.value.exit_code == 9
    assert "15 or newer" in str(refused.value)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    postgres.drop_database(url)
