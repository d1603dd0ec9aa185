"""Everything on one machine: one file, one ledger writer, any number of readers."""

import sqlite3
from functools import cached_property
from pathlib import Path

from passerelle.adapters.store.connection import DATABASE
from passerelle.adapters.store.ledger_reader import LedgerReader
from passerelle.adapters.store.ledger_writer import LedgerWriter
from passerelle.adapters.store.schema import prepare
from passerelle.adapters.store.stores import Control
from passerelle.core.values.clock import Clock
from passerelle.core.values.evidence import EvidenceBox
from passerelle.domain.evaluation.cases import CaseBox
from passerelle.domain.evaluation.runs import RunBox
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.feedback.reviews import ReviewBox
from passerelle.domain.identity.keys import KeyRing
from passerelle.domain.jobs.batches import BatchBox
from passerelle.domain.jobs.files import FileBox
from passerelle.domain.ledger.chain import seal
from passerelle.domain.ledger.checkpoints import Signer, Verifier
from passerelle.domain.ledger.entries import (
    Draft,
    Entry,
    LedgerUnavailable,
    LedgerUnreadable,
)
from passerelle.domain.prompts.labels import LabelBook
from passerelle.domain.readiness.signoffs import SignoffBook
from passerelle.domain.usecases.stages import StageBook


class SqliteLedger(LedgerReader):
    """The ledger of a data folder, for reading and adding."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self._writer = LedgerWriter(path, signer)
        super().__init__(path, signer)

    async def append(self, draft: Draft) -> Entry:
        return await self._writer.submit(seal(draft))

    async def erase(self, commitment: str, draft: Draft) -> Entry:
        return await self._writer.submit(seal(draft, erases=commitment))

    def close(self) -> None:
        super().close()
        self._writer.close()


class SqliteStore:
    """A data folder. All but the ledger is loaded when first asked for."""

    def __init__(self, path: Path, *, clock: Clock, signer: Signer) -> None:
        self._path = path
        self._clock = clock
        self.ledger = SqliteLedger(path, signer)

    @property
    def keys(self) -> KeyRing:
        return self._control.keys

    @property
    def flags(self) -> FlagBox:
        return self._control.flags

    @property
    def reviews(self) -> ReviewBox:
        return self._control.reviews

    @property
    def cases(self) -> CaseBox:
        return self._control.cases

    @property
    def runs(self) -> RunBox:
        return self._control.runs

    @property
    def labels(self) -> LabelBook:
        return self._control.labels

    @property
    def stages(self) -> StageBook:
        return self._control.stages

    @property
    def signoffs(self) -> SignoffBook:
        return self._control.signoffs

    @property
    def evidence(self) -> EvidenceBox:
        return self._control.evidence

    @property
    def files(self) -> FileBox:
        return self._control.files

    @property
    def batches(self) -> BatchBox:
        return self._control.batches

    def close(self) -> None:
        if "_control" in self.__dict__:
            self._control.close()
        self.ledger.close()

    @cached_property
    def _control(self) -> Control:
        # Loads SQLAlchemy, which commands that only read the ledger need not wait for.
        from passerelle.adapters.store.control import SqliteControl  # noqa: PLC0415

        return SqliteControl(self._path, self._clock)


def open_store(folder: Path, *, clock: Clock, signer: Signer) -> SqliteStore:
    """Opens a data folder and brings its tables up to date; several processes may.

    Raises `LedgerDamaged` when the end of the ledger is not what was signed,
    `LedgerUnavailable` when the file cannot be opened, `SchemaUnknown` when a
    newer version wrote it.
    """
    path = (folder / DATABASE).resolve()
    try:
        prepare(path)
        return SqliteStore(path, clock=clock, signer=signer)
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"SQLite says of {path}: {error}.") from error


def open_ledger(folder: Path, *, verifier: Verifier) -> LedgerReader:
    """The ledger of a data folder for reading only. Raises `LedgerUnreadable`."""
    path = (folder / DATABASE).resolve()
    if not path.is_file():
        raise LedgerUnreadable(f"There is no {DATABASE} in {folder}.")
    return LedgerReader(path, verifier)
