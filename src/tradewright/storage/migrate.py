"""Bringing a database to the schema of this code, before anything else reads it.

Lives here: `upgrade`, and the Alembic configuration it shares with tests and `scripts/new_migration.py`.
Not here: the steps (`migrations/versions`) and the tables (each slice's `tables.py`). Sync: it runs once, at start.
Alembic is a third of what a process has to load, so it is loaded only where there is something to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, MetaData, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tradewright.core.errors import StartError
from tradewright.storage.engine import driver_url

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

_LOCK_KEY = (
    7_283_016_455_921  # any number, the same in every version: starters of one database wait for each other on it
)
_SERVER_VERSION_MIN = 150_000
_SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(url: str) -> str:
    """Bring the database to this code's revision and give that revision.

    All steps are one transaction under an advisory lock: a second starter waits and then finds the work done, a killed
    one leaves nothing half-done, and the lock ends with the transaction, so it works behind a pooler too.
    Raises `StartError`: 5 when the database is of a newer version, 9 when it cannot be reached or its server is older
    than PostgreSQL 15.
    """
    target = driver_url(url)
    engine = create_engine(
        target, poolclass=NullPool, connect_args={"connect_timeout": 10, "application_name": "tradewright-migrate"}
    )
    try:
        with engine.begin() as connection:
            _require_server_version(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            return _upgrade_locked(connection)
    except OperationalError as error:
        where = target.render_as_string(hide_password=True)
        said = " ".join(str(error.orig).split())  # one line: whoever started us shows our last one
        raise StartError(f"PostgreSQL at {where} cannot be used: {said}", exit_code=9) from error
    finally:
        engine.dispose()


def head() -> str:
    """The revision of this code, by the numbers of its steps. There is exactly one (a test holds it)."""
    numbers = [path.name.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*_*.py")]
    assert numbers, "the package holds at least one migration"
    return max(numbers)


def configuration(connection: Connection | None = None, metadata: MetaData | None = None) -> Config:
    """Alembic's configuration without an ini file. `metadata` is needed only to compare or to write a new step."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def _upgrade_locked(connection: Connection) -> str:
    target, found = head(), _found(connection)
    if found == [target]:
        return target
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in found:
        if revision not in known:
            raise StartError(
                f"the database is at revision {revision}, which this version of Tradewright (revision {target}) "
                f"does not know; start the newer version that wrote it, or restore a backup from before",
                exit_code=5,
            )
    log.info("migrate.upgrading", found=found, target=target)
    command.upgrade(config, "head")
    return target


def _found(connection: Connection) -> list[str]:
    """The revisions that the database says it has; none where it is empty."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version ORDER BY 1")))


def _require_server_version(connection: Connection) -> None:
    number = int(connection.execute(text("SELECT current_setting('server_version_num')")).scalar_one())
    if number < _SERVER_VERSION_MIN:
        raise StartError(
            f"the PostgreSQL server is version {number // 10_000}; Tradewright needs 15 or newer; update it or leave "
            f"TRADEWRIGHT_DATABASE_URL empty to use the embedded one",
            exit_code=9,
        )
