"""Alembic's environment: it runs the steps on the connection that `storage.migrate` holds, in that transaction.

It imports no tables: steps say what they do themselves, and storage stands below the slices that own the tables.
"""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
assert connection is not None, "run migrations through tradewright.storage.migrate, which holds the lock"
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    transaction_per_migration=False,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
