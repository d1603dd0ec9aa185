"""Everything on one machine: one file, one ledger writer, any number of readers."""

from pathlib import Path

from passerelle.adapters.store.connection import DATABASE
from passerelle.adapters.store.ledger_reader import LedgerReader
from passerelle.adapters.store.ledger_writer import LedgerWriter
from passerelle.domain.ledger.chain import seal
from passerelle.domain.ledger.checkpoints import Signer, Verifier
from passerelle.domain.ledger.entries import Draft, Entry, LedgerUnreadable


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


def open_ledger(folder: Path, *, verifier: Verifier) -> LedgerReader:
    """The ledger of a data folder for reading only. Raises `LedgerUnreadable`."""
    path = (folder / DATABASE).resolve()
    if not path.is_file():
        raise LedgerUnreadable(f"There is no {DATABASE} in {folder}.")
    return LedgerReader(path, verifier)
