"""Migrations on a real server: one head, the same schema as the tables in the code, a lock between starters."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import tradewright
from tradewright.core.errors import StartError
from tradewright.storage import migrate
from tradewright.storage.engine import driver_url
from tradewright.storage.schema import metadata


def import_all_tables() -> None:
    root = Path(tradewright.__file__).parent
    for tables in sorted(root.rglob("tables.py")):
        importlib.import_module(".".join(["tradewright", *tables.relative_to(root).with_suffix("").parts]))


@pytest.fixture
def empty_url(postgres):
    url = postgres.make_database(template="template0")
    yield url
    postgres.drop_database(url)


def test_there_is_one_head():
    assert ScriptDirectory.from_config(migrate.configuration()).get_heads() == [migrate.head()]


def test_a_start_with_nothing_to_upgrade_does_not_load_the_tool_for_it(database_url):
    code = (
        "import sys; from tradewright.storage import migrate; assert migrate.upgrade(sys.argv[1]) == migrate.head();"
        " print('alembic' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code, database_url], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_the_migrated_schema_is_the_schema_of_the_tables(database_url):
    import_all_tables()
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True, "compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []
    assert {"users", "accounts", "intents", "requests", "orders", "executions", "audit_entries"} <= set(metadata.tables)


def test_check_constraints_of_the_tables_are_in_the_database(database_url):
    """The comparison above does not see CHECK constraints."""
    import_all_tables()
    declared = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        ).fetchall()
    assert {(table, f"ck_{table}_{name}" if not name.startswith("ck_") else name) for table, name in declared} == set(
        rows
    )


def test_a_second_upgrade_changes_nothing_and_gives_the_same_revision(empty_url):
    assert migrate.upgrade(empty_url) == migrate.upgrade(empty_url) == migrate.head()


def test_two_starters_at_once_both_find_the_new_schema(empty_url):
    results: list[object] = []

    def start() -> None:
        try:
            results.append(migrate.upgrade(empty_url))
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [migrate.head()] * 3


def test_a_starter_waits_while_another_holds_the_lock(empty_url):
    done = threading.Event()

    def start() -> None:
        migrate.upgrade(empty_url)
        done.set()

    thread = threading.Thread(target=start)
    with psycopg.connect(empty_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [migrate._LOCK_KEY])
        thread.start()
        with psycopg.connect(empty_url, autocommit=True) as watcher:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while watcher.execute(waiting).fetchone() == (0,):
                assert thread.is_alive()
            tables = watcher.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)
        assert not done.is_set()
        holder.rollback()
    thread.join(30)
    assert done.is_set()


def test_a_database_of_a_newer_version_is_refused_naming_both_revisions_and_left_alone(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StartError) as refused:
            migrate.upgrade(database_url)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    assert refused.value.exit_code == 5
    assert "9999" in str(refused.value)
    assert migrate.head() in str(refused.value)


def test_a_step_that_fails_leaves_the_database_as_it_was(empty_url, monkeypatch):
    from alembic import op

    real = op.create_table

    def break_late(name: str, *columns: object, **options: object) -> object:
        if name == "requests":
            raise RuntimeError("power cut")
        return real(name, *columns, **options)

    monkeypatch.setattr(op, "create_table", break_late)
    with pytest.raises(RuntimeError, match="power cut"):
        migrate.upgrade(empty_url)
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_server_that_cannot_be_reached_is_one_sentence_without_the_password(tmp_path):
    with pytest.raises(StartError) as refused:
        migrate.upgrade(f"postgresql://somebody:topsecret@/nothing?host={tmp_path}")
    assert refused.value.exit_code == 9
    assert "topsecret" not in str(refused.value)
