"""Files and batches that callers leave, and the answers of their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text, primary_key=True),
        *map(_text, ("organisation", "principal", "filename", "purpose")),
        *map(_number, ("bytes", "created_at_ms")),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("files_by_principal", "files", ["organisation", "principal", "created_at_ms"])
    op.create_table(
        "batches",
        sa.Column("id", sa.Text, primary_key=True),
        *map(_text, ("organisation", "principal")),
        _number("created_at_ms"),
        *map(_text, ("state", "document", "worker")),
        _number("claimed_until_ms"),
    )
    op.create_index(
        "batches_by_principal", "batches", ["organisation", "principal", "created_at_ms"]
    )
    op.create_index("batches_by_state", "batches", ["state"])
    op.create_table(
        "batch_answers",
        sa.Column("batch", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        _text("custom_id"),
        _number("status"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _text("request_id"),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=False)
