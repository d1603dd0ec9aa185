"""The ledger, API keys and flags."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite makes only a column of type INTEGER the row's own id.
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _ledger()
    _keys()
    _flags()


def _ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", Number, primary_key=True, autoincrement=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at_ms", Number, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("usecase", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("commitment", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("ledger_entries_by_event", "ledger_entries", ["organisation", "event"])
    op.create_index("ledger_entries_by_subject", "ledger_entries", ["subject"])
    op.create_index(
        "ledger_entries_by_commitment",
        "ledger_entries",
        ["commitment"],
        sqlite_where=sa.text("commitment <> ''"),
        postgresql_where=sa.text("commitment <> ''"),
    )
    op.create_table(
        "ledger_contents",
        sa.Column("sequence", Number, primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("place", Number, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("block", sa.LargeBinary, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("public_id", sa.Text, primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("principal_id", sa.Text, nullable=False),
        sa.Column("principal_kind", sa.Text, nullable=False),
        sa.Column("principal_name", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("env", sa.Text, nullable=False),
        sa.Column("created_at_ms", Number, nullable=False),
        sa.Column("expires_at_ms", Number),
        sa.Column("revoked_at_ms", Number),
        sa.Column("revision", Number, nullable=False),
    )
    op.create_index("api_keys_by_revision", "api_keys", ["revision"])


def _flags() -> None:
    op.create_table(
        "flags",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("exchange_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("at_ms", Number, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
    )
    op.create_index("flags_by_organisation", "flags", ["organisation", "at_ms"])
    op.create_index("flags_by_exchange", "flags", ["exchange_id"])
