"""What ingest writes: editions of passages with their search index."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from passerelle.adapters.store import text_search
from passerelle.adapters.store.editions import Editions, replace
from passerelle.adapters.store.passages_file import PassagesFile, PassagesWriter
from passerelle.core.values.errors import Unavailable
from passerelle.core.values.ids import Digest
from passerelle.domain.knowledge.documents import Extracted
from passerelle.domain.knowledge.library import Kept, NewDocument, Recipe

_STAMPS = "stamps.json"


class TextLibrary:
    """Implements `Library` in a folder. One run writes at a time; readers are never disturbed."""

    def __init__(self, folder: Path) -> None:
        self._editions = Editions(folder)
        self._edition = self._editions.current()
        self._file = _readable(self._edition)

    def recipe(self) -> Recipe | None:
        return self._file.recipe if self._file else None

    def version(self) -> Digest | None:
        return self._file.version if self._file else None

    def kept(self) -> Mapping[str, Kept]:
        if self._edition is None or self._file is None:
            return {}
        stamps = _read_stamps(self._edition)
        return {
            record.path: Kept(stamps.get(record.path, ""), record)
            for record in self._file.records()
        }

    def extracted(self, path: str) -> Extracted | None:
        return self._file.extracted(path) if self._file else None

    def restamp(self, stamps: Mapping[str, str]) -> None:
        if self._edition is None or not stamps:
            return
        try:
            with self._editions.lock():
                _write_stamps(self._edition, {**_read_stamps(self._edition), **stamps})
        except Unavailable:
            return  # another run is at work and notes them itself

    def begin(self, recipe: Recipe) -> "TextEdition":
        with ExitStack() as stack:
            stack.enter_context(self._editions.lock())
            self._refuse_stale()
            old = self._edition if self._file else None
            return TextEdition(self._editions, recipe, old, stack.pop_all())

    def _refuse_stale(self) -> None:
        if self._editions.current() != self._edition:
            raise Unavailable("Another ingest of this use case has just ended: run it again.")


class TextEdition:
    """Implements `Edition`: a folder that `current` does not name yet."""

    def __init__(
        self, editions: Editions, recipe: Recipe, old: Path | None, lock: ExitStack
    ) -> None:
        self._editions = editions
        self._recipe = recipe
        self._lock = lock
        self._folder: Path | None = editions.make()
        self._rows = PassagesWriter(self._folder, old)
        self._stamps: dict[str, str] = {}

    def keep(self, path: str, stamp: str) -> None:
        self._rows.keep(path)
        self._stamps[path] = stamp

    def add(self, document: NewDocument) -> None:
        self._rows.add(document)
        self._stamps[document.record.path] = document.stamp

    def finish(self) -> Digest:
        folder = self._unpublished()
        version = self._rows.finish(self._recipe, text_search.FORMAT)
        text_search.build(folder, self._rows.passages())
        self._rows.close()
        _write_stamps(folder, self._stamps)
        return version

    def publish(self) -> None:
        self._editions.put_in_force(self._unpublished())
        self._folder = None
        self.discard()

    def discard(self) -> None:
        self._rows.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._lock.close()

    def _unpublished(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the edition is published or discarded")
        return self._folder


def _readable(edition: Path | None) -> PassagesFile | None:
    """None for a damaged edition or one of another version: then everything is read anew."""
    try:
        if edition is None:
            return None
        text_search.TextSearch(edition)
        file = PassagesFile(edition)
    except (Unavailable, ValueError):
        return None
    return file if file.format == text_search.FORMAT else None


def _read_stamps(edition: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode((edition / _STAMPS).read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}  # everything is compared by content then


def _write_stamps(edition: Path, stamps: Mapping[str, str]) -> None:
    replace(edition / _STAMPS, msgspec.json.encode(stamps))
