"""A data folder of the first version becomes one of this version, with all that it held."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from passerelle.adapters.store import schema
from passerelle.adapters.store.connection import DATABASE
from passerelle.core.values.clock import SetClock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.domain.identity.keys import mint
from passerelle.domain.ledger.entries import Draft, LedgerUnavailable
from passerelle.stories.govern.audit import verify
from tests.campaigns.ledgers import open_folder

PERSON = Principal("per_1", "person", "Ada", Scope("acme", "it"), frozenset({"developer"}))


def prepare_first(path: Path) -> None:
    """The tables as version 0001 made them."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")
    engine.dispose()


async def fill(folder: Path) -> None:
    """Everything that the first version kept, by its own statements where they have changed."""
    prepare_first(folder / DATABASE)
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute(
            "INSERT INTO flags VALUES ('flg_1', 'exc_1', 'wrong', 'no, é', 'per_1', 5, 'acme')"
        )
        connection.execute(
            "INSERT INTO api_keys VALUES ('abcdefgh', x'00ff', 'per_1', 'person', 'Ada', 'acme',"
            " 'it', '[\"developer\"]', 'laptop', 'live', 3, NULL, NULL, 1)"
        )


async def test_first_version_is_upgraded_with_its_data_intact(
    tmp_path: Path, clock: SetClock
) -> None:
    await fill(tmp_path)
    flag = Flag("flg_1", "exc_1", FlagReason.WRONG, "no, é", "per_1", 5, "acme")
    review = Review("rev_1", "flg_1", "exc_1", "fees", Cause.OTHER, "", (), "per_2", 7, "acme")
    with closing(open_folder(tmp_path)) as store:
        assert store.flags.list(organisation="acme") == (flag,)
        key = store.keys.get("abcdefgh")
        assert key is not None
        assert (key.principal.name, key.secret_hash, key.label) == ("Ada", b"\x00\xff", "laptop")
        await store.reviews.add(review)
        await store.ledger.append(
            Draft("exchange.ended", clock.now_ms(), PERSON.scope, PERSON.id, "exc_1")
        )
    with closing(open_folder(tmp_path)) as store:
        assert store.reviews.of_flag("flg_1", organisation="acme") == review
        _, later = mint(PERSON, pepper=b"p", label="x", now_ms=1)
        await store.keys.add(later)
        assert store.keys.all("acme") == (key, later)
        assert verify(store.ledger).ok


async def test_ledger_of_the_first_version_still_proves_itself(tmp_path: Path) -> None:
    prepare_first(tmp_path / DATABASE)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        before = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name LIKE 'ledger%' ORDER BY name"
        ).fetchall()
    open_folder(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        after = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name LIKE 'ledger%' ORDER BY name"
        ).fetchall()
    assert after == before
    assert before


async def test_upgrade_that_fails_half_way_leaves_the_first_version(tmp_path: Path) -> None:
    await fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE evidence (stray TEXT)")
    with pytest.raises(LedgerUnavailable, match="evidence"):
        open_folder(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(flags)")]
        assert "correction" not in columns
        assert schema.revision_of(connection) == "0001"
