"""Tables of identity: users, sessions, second factors, one-time links, workspaces, memberships, quotas, tries.

Secrets are never stored as they are: a password as its argon2id hash, a session or claim token as its SHA-256 (the
tokens are 256 random bits, so a fast hash is enough and lets the row be found by it).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from tradewright.storage.schema import metadata

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", Text, nullable=False),
    # Case-folded: two people cannot be told apart by the case of a letter.
    Column("username_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("is_operator", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Cannot sign in; what they did stays theirs.
    Column("disabled_at", DateTime(timezone=True), nullable=True),
    CheckConstraint("language IN ('en', 'ru')", name="language"),
)

# Whoever claimed the installation is its operator, and there is one: the last word on a race of two claims.
Index("ix_users_one_operator", users.c.is_operator, unique=True, postgresql_where=text("is_operator"))

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("user_agent", Text, nullable=False),
    # When it last proved who sits before it, by a password or a factor; see `step_up`.
    Column("proved_at", DateTime(timezone=True), nullable=True),
    # Where it was opened from, for the list that its user reads.
    Column("address", Text, nullable=True),
    # What its requests are about. Null only in sessions from before there was a choice: the oldest membership then.
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="SET NULL"), nullable=True),
    # The token that the last step-up replaced, and until when it is still known; see `sessions.rotate`.
    Column("replaced_hash", LargeBinary, nullable=True, unique=True),
    Column("replaced_until", DateTime(timezone=True), nullable=True),
    CheckConstraint("(replaced_hash IS NULL) = (replaced_until IS NULL)", name="replaced"),
)

claim_tokens = Table(
    "claim_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=True),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Whose number of workspaces it counts in; null for the first ones, which came with a claim.
    Column("created_by", Uuid, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
)

memberships = Table(
    "memberships",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
    CheckConstraint("role IN ('owner', 'trader', 'viewer')", name="role"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("note", Text, nullable=False),  # for whom it is, in the words of who invites
    Column("created_by", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=True),
    Column("used_by", Uuid, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("revoked_at", DateTime(timezone=True), nullable=True),
    CheckConstraint("role IN ('owner', 'trader', 'viewer')", name="role"),
    CheckConstraint("used_at IS NULL OR revoked_at IS NULL", name="one_end"),
)

# By which somebody who has forgotten the password sets another; made on the machine.
password_links = Table(
    "password_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=True),
)

# What the operator has set for a workspace in the place of the installation's default.
quotas = Table(
    "quotas",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", Text, primary_key=True),  # the workspace together, or each of its users
    Column("name", Text, primary_key=True),
    Column("value", Numeric, nullable=False),
    CheckConstraint("scope IN ('workspace', 'user')", name="scope"),
    CheckConstraint("value >= 0", name="value"),
)

# What was used of a quota since a minute or a day began: one row, which begins anew with the next.
quota_uses = Table(
    "quota_uses",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("scope_id", Uuid, primary_key=True),  # the workspace's id or a user's
    Column("name", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("used", Numeric, nullable=False),
    CheckConstraint("scope IN ('workspace', 'user')", name="scope"),
)

# Of a user in one workspace; it ends with the membership. `ending` is the last letters, by which its owner knows it.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("ending", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Column("last_used_ip", Text),
    CheckConstraint("expires_at > created_at", name="expires_at"),
    CheckConstraint("scopes <@ ARRAY['read', 'trade', 'manage'] AND cardinality(scopes) > 0", name="scopes"),
    ForeignKeyConstraint(
        ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"], ondelete="CASCADE"
    ),
    Index("ix_api_tokens_workspace_id_user_id", "workspace_id", "user_id"),
)

# One row for each password that was tried under a key (a name or an address) and was not right; older than the window
# they are swept. The key is a hash: people type passwords into the name's field.
login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("attempt_id", Uuid, nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_login_attempts_key_at", "key", "at"),
    Index("ix_login_attempts_at", "at"),
)

# The authenticator app of a user: one each. Without `confirmed_at` it waits for its first code and is no factor yet.
totp_factors = Table(
    "totp_factors",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),  # wrapped by the service keyring
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True), nullable=True),
    Column("last_step", BigInteger, nullable=True),  # the time step whose code was used last
    Column("wrong_in_row", Integer, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=True),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("rp_id", Text, nullable=False),  # the host name it belongs to, and works on
    Column("name", Text, nullable=False),
    Column("synced", Boolean, nullable=False),  # kept by a password manager rather than in one device
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True), nullable=True),
    Column("suspect_at", DateTime(timezone=True), nullable=True),  # its counter went back: there may be a copy
)

# A challenge of WebAuthn, taken out by the answer to it: one for each purpose of a session or of a login under way.
passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("bound_to", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("challenge", LargeBinary, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    CheckConstraint("purpose IN ('register', 'login', 'second', 'step_up')", name="purpose"),
)

# A login whose password was right and whose second step is awaited. Found by the hash of the token in its own cookie.
half_open_logins = Table(
    "half_open_logins",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    Column("tries_left", Integer, nullable=False),
)
