"""Connections of the version before: plain digests go with the update, and what was known of keys that were wiped."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from alembic import command
from sqlalchemy import create_engine as create_sync_engine

from tradewright.storage import migrate
from tradewright.storage.engine import driver_url

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ROW = (
    "INSERT INTO connections (id, workspace_id, environment, name, region, state, body_digest, key_shown, proxy_shown,"
    " facts, created_at) VALUES (%(id)s, %(workspace)s, 'demo', %(name)s, 'global', %(state)s, %(digest)s, 'abcd',"
    " 'http://proxy:1', %(facts)s, %(now)s)"
)


def test_after_the_update_no_plain_digest_is_left_and_nothing_of_keys_that_were_wiped(postgres: Any) -> None:
    url = postgres.make_database(template="template0")
    engine = create_sync_engine(driver_url(url))
    with engine.begin() as connection:
        command.upgrade(migrate.configuration(connection), "0004")
    engine.dispose()
    workspace = uuid4()
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO workspaces (id, name, created_at) VALUES (%s, 'Home', %s)", (workspace, NOW))
        for state in ("ok", "refused", "removed"):
            row = {"id": uuid4(), "workspace": workspace, "name": state, "state": state, "now": NOW}
            connection.execute(ROW, row | {"digest": b"d" * 32, "facts": json.dumps({"uid": "700"})})
            if state == "ok":
                connection.execute(
                    "INSERT INTO connection_keys (id, connection_id, workspace_id, sealed, stored_at)"
                    " VALUES (%s, %s, %s, 'box', %s)",
                    (uuid4(), row["id"], workspace, NOW),
                )
    migrate.upgrade(url)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT name, body_digest, proxy_shown, facts FROM connections ORDER BY name")
        assert found.fetchall() == [
            ("ok", None, "http://proxy:1", {"uid": "700"}),
            ("refused", None, None, None),
            ("removed", None, None, None),
        ]
        assert connection.execute("SELECT count(*) FROM connection_keys").fetchone() == (1,)
    postgres.drop_database(url)
