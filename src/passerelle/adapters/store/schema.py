"""Brings the tables to what this version expects; costs one query when they are."""

import sqlite3
from pathlib import Path

from passerelle.adapters.store.connection import open_writer
from passerelle.core.values.errors import Refusal

REVISION = "0004"
"""The newest of the migrations."""
MIGRATION_SECONDS = 30.0


class SchemaUnknown(Refusal):
    """The data folder was written by a newer version of Passerelle."""

    code = "schema_unknown"


def prepare(path: Path) -> None:
    """Creates or upgrades the tables; several processes may do so together.

    Raises `SchemaUnknown`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = open_writer(path, busy_seconds=MIGRATION_SECONDS)
    try:
        if revision_of(connection) != REVISION:
            _migrate(connection)
    finally:
        connection.close()


def revision_of(connection: sqlite3.Connection) -> str:
    """Empty when there are no tables yet."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
    if known.fetchone() is None:
        return ""
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def _migrate(connection: sqlite3.Connection) -> None:
    # Loaded only when there is something to do: both take a third of a second.
    import sqlalchemy as sa  # noqa: PLC0415
    from alembic import command, config, script, util  # noqa: PLC0415

    settings = config.Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=sa.StaticPool)
    # The write lock is the lock between processes, and makes the upgrade all or nothing.
    sa.event.listen(engine, "begin", lambda shared: shared.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as shared:
        try:
            known = script.ScriptDirectory.from_config(settings)
            known.get_revision(revision_of(connection) or "base")
        except util.CommandError as error:
            raise SchemaUnknown("Install the version that wrote it, or a newer one.") from error
        settings.attributes["connection"] = shared
        try:
            command.upgrade(settings, "head")
        except sa.exc.DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise error.orig from error
            raise
