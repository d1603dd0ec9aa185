"""What keeps a process from serving."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from passerelle.wiring.views import store_faults
from tests.campaigns.ledgers import draft, open_folder


async def test_a_store_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(open_folder(folder)) as store:
        await store.ledger.append(draft(0))
        assert store_faults(folder, store.ledger) == ()
        shutil.rmtree(folder)
        (fault,) = store_faults(folder, store.ledger)
        assert "lost its file" in fault


async def test_a_ledger_that_cannot_be_read_is_not_ready(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        await store.ledger.append(draft(0))
        with closing(sqlite3.connect(tmp_path / "passerelle.db")) as other:
            other.execute("ALTER TABLE ledger_entries RENAME TO elsewhere")
        assert store_faults(tmp_path, store.ledger) != ()
