"""Tables come from migrations, once, and cheaply afterwards."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from passerelle.adapters.store import schema
from passerelle.adapters.store.connection import DATABASE
from passerelle.adapters.store.control import SqliteControl
from tests.campaigns.ledgers import open_folder


def test_expected_revision_is_the_newest_migration() -> None:
    settings = Config()
    folder = Path(schema.__file__).parent / "migrations"
    settings.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(settings).get_heads() == [schema.REVISION]


def test_tables_in_code_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    schema.prepare(tmp_path / DATABASE)
    engine = sa.create_engine(f"sqlite:///{tmp_path / DATABASE}")
    tables = SqliteControl.tables
    with engine.connect() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name in tables.tables}
        found = compare_metadata(MigrationContext.configure(connection, opts=ours), tables)
    engine.dispose()
    assert found == []


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_contents", "ledger_checkpoints"])
def test_ledger_rows_are_keyed_by_their_number(tmp_path: Path, table: str) -> None:
    schema.prepare(tmp_path / DATABASE)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
    assert not [index for index in indexes if index[3] == "pk"]


def test_data_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_folder(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(schema.SchemaUnknown, match="newer"):
        open_folder(tmp_path)


def test_new_folder_is_closed_to_others(tmp_path: Path) -> None:
    open_folder(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_second_start_loads_neither_alembic_nor_sqlalchemy(tmp_path: Path) -> None:
    open_folder(tmp_path).close()
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.campaigns.ledgers import open_folder\n"
        "open_folder(Path(sys.argv[1])).close()\n"
        "print('alembic' in sys.modules, 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.split() == ["False", "False"]
