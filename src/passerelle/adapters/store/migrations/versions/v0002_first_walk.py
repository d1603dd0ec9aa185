"""Reviews, cases, runs, prompt labels, stages, signatures and evidence; corrections by flaggers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# SQLite makes only a column of type INTEGER the row's own id.
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _feedback()
    _evaluation()
    _moves()
    _readiness()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=False)


def _sequence() -> sa.Column[int]:
    return sa.Column("sequence", Number, primary_key=True)


def _feedback() -> None:
    op.add_column("flags", sa.Column("correction", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "reviews",
        _sequence(),
        *map(_text, ("id", "flag_id", "exchange_id", "usecase", "cause", "correction")),
        *map(_text, ("documents", "reviewer")),
        _number("at_ms"),
        _text("organisation"),
    )
    op.create_index("reviews_by_usecase", "reviews", ["organisation", "usecase"])
    op.create_index("reviews_by_flag", "reviews", ["flag_id"])


def _evaluation() -> None:
    op.create_table(
        "cases",
        _sequence(),
        *map(_text, ("organisation", "usecase")),
        _number("at_ms"),
        *map(_text, ("id", "question", "reference", "documents")),
        sa.Column("answerable", sa.Boolean, nullable=False),
        *map(_text, ("slice", "provenance")),
    )
    op.create_index("cases_by_usecase", "cases", ["organisation", "usecase"])
    op.create_table(
        "eval_runs",
        _sequence(),
        *map(_text, ("id", "usecase", "organisation", "dataset", "release", "prompt")),
        _text("model_name"),
        _number("started_at_ms"),
        sa.Column("finished_at_ms", Number),
    )
    op.create_index("eval_runs_by_id", "eval_runs", ["id"], unique=True)
    by_release = ["organisation", "usecase", "dataset", "release"]
    op.create_index("eval_runs_by_release", "eval_runs", by_release)
    op.create_table(
        "eval_trials",
        _sequence(),
        *map(_text, ("run_id", "case_id", "answer", "cited_documents", "support")),
        sa.Column("grounding_score", sa.Float, nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("cost_nano_usd", Number),
        sa.Column("refused", sa.Boolean, nullable=False),
        _number("status"),
        _text("exchange_id"),
    )
    op.create_index("eval_trials_by_case", "eval_trials", ["run_id", "case_id"], unique=True)


def _moves() -> None:
    op.create_table(
        "prompt_labels",
        _sequence(),
        *map(_text, ("id", "usecase", "organisation", "stage", "version", "name", "ground")),
        _number("at_ms"),
        *map(_text, ("by", "reason")),
    )
    by_stage = ["organisation", "usecase", "stage"]
    op.create_index("prompt_labels_by_stage", "prompt_labels", by_stage)
    op.create_table(
        "stages",
        _sequence(),
        *map(_text, ("id", "usecase", "organisation", "before", "to", "reason", "by")),
        _number("at_ms"),
    )
    op.create_index("stages_by_usecase", "stages", ["organisation", "usecase"])


def _readiness() -> None:
    op.create_table(
        "signoffs",
        _sequence(),
        *map(_text, ("id", "usecase", "organisation", "role", "meaning", "reason", "stage")),
        _text("principal"),
        _number("at_ms"),
        _text("basis"),
    )
    op.create_index("signoffs_by_usecase", "signoffs", ["organisation", "usecase"])
    op.create_table(
        "evidence",
        _sequence(),
        *map(_text, ("id", "kind", "subject", "usecase", "organisation", "by")),
        _number("at_ms"),
        sa.Column("expires_at_ms", Number),
        *map(_text, ("grade", "facts")),
        sa.Column("estimate", sa.Text),
    )
    op.create_index("evidence_by_kind", "evidence", ["organisation", "usecase", "kind"])
