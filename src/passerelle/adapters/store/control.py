"""All that the control plane keeps in SQLite, over one set of connections."""

from pathlib import Path

from passerelle.adapters.store.batches import SqliteBatchBox, SqliteFileBox
from passerelle.adapters.store.database import METADATA, Database
from passerelle.adapters.store.evaluation import SqliteCaseBox, SqliteRunBox
from passerelle.adapters.store.feedback import SqliteFlagBox, SqliteReviewBox
from passerelle.adapters.store.keys import SqliteKeyRing
from passerelle.adapters.store.moves import SqliteLabelBook, SqliteStageBook
from passerelle.adapters.store.readiness import SqliteEvidenceBox, SqliteSignoffBook
from passerelle.core.values.clock import Clock


class SqliteControl:
    """What a data folder keeps beside the ledger."""

    tables = METADATA

    def __init__(self, path: Path, clock: Clock) -> None:
        self._database = Database(path)
        self.keys = SqliteKeyRing(self._database, clock)
        self.flags = SqliteFlagBox(self._database)
        self.reviews = SqliteReviewBox(self._database)
        self.cases = SqliteCaseBox(self._database)
        self.runs = SqliteRunBox(self._database)
        self.labels = SqliteLabelBook(self._database, clock)
        self.stages = SqliteStageBook(self._database, clock)
        self.signoffs = SqliteSignoffBook(self._database)
        self.evidence = SqliteEvidenceBox(self._database)
        self.files = SqliteFileBox(self._database)
        self.batches = SqliteBatchBox(self._database)

    def close(self) -> None:
        self._database.close()
