"""The audit trail in chains: a hash over each entry and the one before it, in tables that only grow.

The database itself links the entries, so that no statement can forget it (decision 0036). It is done when a transaction
commits: the head of a chain is locked as late and as shortly as it can be, and a transaction that writes several chains
and has noted them (`audit.store`) takes their heads in the order of their ids.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# `audit.chain` reckons the same in Python. What of an entry is hashed is its JSON with the columns that it has now: the
# cheapest text that says everything, and no two entries have the same. Times in it are in UTC whoever writes. A column
# that comes later needs another version, because older entries then have another JSON.
_FUNCTIONS = (
    """
    CREATE FUNCTION audit_chain_of(account_id uuid, workspace_id uuid) RETURNS uuid
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(account_id, workspace_id, '00000000-0000-0000-0000-000000000000')
    $$
    """,
    """
    CREATE FUNCTION audit_entries_linked() RETURNS trigger LANGUAGE plpgsql SET timezone = 'UTC' AS $$
    DECLARE
        noted text := current_setting('tradewright.audit_chains', true);
        its_chain uuid := coalesce(NEW.account_id, NEW.workspace_id, '00000000-0000-0000-0000-000000000000');
        said text := row_to_json(NEW);
        chains uuid[];
        place bigint;
        linked bytea;
    BEGIN
        IF length(noted) > 36 THEN
            chains := string_to_array(noted, ',');
            INSERT INTO audit_heads (chain, sequence, hash)
            SELECT c, 0, decode(repeat('00', 32), 'hex') FROM unnest(chains) c ORDER BY c
                ON CONFLICT (chain) DO NOTHING;
            PERFORM 1 FROM audit_heads WHERE chain = ANY(chains) ORDER BY chain FOR UPDATE;
            PERFORM set_config('tradewright.audit_chains', '', true);
        END IF;
        LOOP
            UPDATE audit_heads h SET sequence = h.sequence + 1,
                   hash = sha256(h.hash || convert_to(concat_ws(',', 1, h.chain, h.sequence + 1, said), 'UTF8'))
             WHERE h.chain = its_chain RETURNING h.sequence, h.hash INTO place, linked;
            EXIT WHEN FOUND;
            INSERT INTO audit_heads (chain, sequence, hash) VALUES (its_chain, 0, decode(repeat('00', 32), 'hex'))
                ON CONFLICT (chain) DO NOTHING;
        END LOOP;
        INSERT INTO audit_links (chain, sequence, version, entry_id, hash)
        VALUES (its_chain, place, 1, NEW.id, linked);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit trail only grows and links itself: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
)
# Those that were there before, in the order of their times. A chain's head is written once, at its end: written anew
# for each entry of a long trail, it would leave as many dead rows in this transaction, each in the way of the next.
_UPGRADE = """
    DO $$
    DECLARE
        entry audit_entries;
        its_chain uuid;
        current_chain uuid;
        place bigint := 0;
        linked bytea;
    BEGIN
        FOR entry IN SELECT * FROM audit_entries ORDER BY audit_chain_of(account_id, workspace_id), at, id LOOP
            its_chain := audit_chain_of(entry.account_id, entry.workspace_id);
            IF current_chain IS DISTINCT FROM its_chain THEN
                IF place > 0 THEN
                    INSERT INTO audit_heads (chain, sequence, hash) VALUES (current_chain, place, linked);
                END IF;
                current_chain := its_chain;
                place := 0;
                linked := decode(repeat('00', 32), 'hex');
            END IF;
            place := place + 1;
            linked := sha256(linked
                || convert_to(concat_ws(',', 1, its_chain, place, CAST(row_to_json(entry) AS text)), 'UTF8'));
            INSERT INTO audit_links (chain, sequence, version, entry_id, hash)
            VALUES (its_chain, place, 1, entry.id, linked);
        END LOOP;
        IF place > 0 THEN
            INSERT INTO audit_heads (chain, sequence, hash) VALUES (current_chain, place, linked);
        END IF;
    END $$
"""
# ALWAYS: also for a session that says it only replays what another server did.
_TRIGGERS = (
    """
    CREATE CONSTRAINT TRIGGER audit_entries_linked AFTER INSERT ON audit_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_entries_linked()
    """,
    """
    CREATE TRIGGER audit_entries_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()
    """,
    """
    CREATE TRIGGER audit_links_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
        FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()
    """,
    """
    CREATE TRIGGER audit_links_by_entries BEFORE INSERT ON audit_links
        FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION audit_only_grows()
    """,
    """
    CREATE TRIGGER audit_heads_only_grow BEFORE DELETE OR TRUNCATE ON audit_heads
        FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()
    """,
    """
    CREATE TRIGGER audit_heads_by_entries BEFORE INSERT OR UPDATE ON audit_heads
        FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION audit_only_grows()
    """,
    "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_linked",
    "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_only_grow",
    "ALTER TABLE audit_links ENABLE ALWAYS TRIGGER audit_links_only_grow",
    "ALTER TABLE audit_links ENABLE ALWAYS TRIGGER audit_links_by_entries",
    "ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER audit_heads_only_grow",
    "ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER audit_heads_by_entries",
)


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
        postgresql_with={"fillfactor": 50},  # a row is written anew with each entry, in its own page
    )
    op.create_table(
        "audit_links",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "sequence", name=op.f("pk_audit_links")),
    )
    op.create_table(
        "audit_exports",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.CheckConstraint("target IN ('file', 'webhook')", name=op.f("ck_audit_exports_target")),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_audit_exports")),
    )
    op.create_index(
        "ix_audit_entries_actor_id_at", "audit_entries", ["actor_id", "at"], postgresql_where="actor_id IS NOT NULL"
    )
    op.add_column("audit_entries", sa.Column("token_id", sa.Uuid(), nullable=True))  # before its JSON is hashed
    op.execute("SET LOCAL timezone = 'UTC'")
    for statement in (*_FUNCTIONS, _UPGRADE, *_TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
