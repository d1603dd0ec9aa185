"""Where the editions of a library lie: one folder each, one of them in force.

    current        the name of the edition in force; replaced by rename
    editions/NAME/ passages.db, text/ and stamps.json
    writing        locked by the run that builds the next edition

A crash at any point leaves `current` naming a whole edition.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from passerelle.core.values.errors import Unavailable

_CURRENT = "current"
_EDITIONS = "editions"
_LOCK = "writing"
_OLD_ONES_KEPT = 1
"""A reader may just be opening the edition that was in force a moment ago."""


class Editions:
    """The folder of one library."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Path | None:
        """The edition in force."""
        try:
            name = (self.folder / _CURRENT).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        return self.folder / _EDITIONS / name

    def mark(self) -> tuple[int, int]:
        """Changes whenever another edition comes into force; costs one look at the file system."""
        try:
            found = (self.folder / _CURRENT).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Raises `Unavailable` while another run holds it; the system frees that of a dead one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                message = "Another ingest of this use case is running: wait for it."
                raise Unavailable(message) from None
            yield

    def make(self) -> Path:
        """An empty folder for the next edition; call it under the lock."""
        within = self.folder / _EDITIONS
        within.mkdir(exist_ok=True)
        self._remove_others(keep=0)
        return Path(tempfile.mkdtemp(prefix="e-", dir=within))

    def put_in_force(self, edition: Path) -> None:
        """Everything in the edition reaches the disk before its name does."""
        for path in edition.rglob("*"):
            _sync(path)
        _sync(edition)
        _sync(edition.parent)
        replace(self.folder / _CURRENT, edition.name.encode("ascii"))
        self._remove_others(keep=_OLD_ONES_KEPT)

    def _remove_others(self, keep: int) -> None:
        current = self.current()
        others = [path for path in (self.folder / _EDITIONS).iterdir() if path != current]
        others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in others[keep:]:
            shutil.rmtree(path, ignore_errors=True)


def replace(file: Path, data: bytes) -> None:
    """The file has the old content or the new one at any moment, also after a power cut."""
    fresh = file.with_name(f"{file.name}.new")
    with fresh.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
