"""One edition's documents and passages: an SQLite file that never changes once written."""

import hashlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

from passerelle.core.values.errors import Unavailable
from passerelle.core.values.ids import Digest, PassageId, canonical_bytes
from passerelle.core.values.passages import Passage
from passerelle.domain.knowledge.documents import DocumentRecord, DocumentStatus, Extracted
from passerelle.domain.knowledge.library import NewDocument, Recipe

FILE_NAME = "passages.db"
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    digest TEXT NOT NULL, characters INTEGER NOT NULL, passages INTEGER NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, markdown INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE passages (
    ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document INTEGER NOT NULL,
    heading TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, text TEXT NOT NULL);
"""
_RECORD = "path, title, digest, characters, passages, status, reason"
_PASSAGE = """
SELECT p.id, d.path, d.title, p.heading, p.text, p.first, p.past, d.digest
FROM passages AS p JOIN documents AS d ON d.number = p.document
"""
_KEEP_DOCUMENT = f"""
INSERT INTO documents ({_RECORD}, markdown, text)
SELECT {_RECORD}, markdown, text FROM old.documents WHERE path = ?
"""  # noqa: S608 - constants only
_KEEP_PASSAGES = """
INSERT INTO passages (id, document, heading, first, past, text)
SELECT id, ?, heading, first, past, text FROM old.passages
WHERE document = (SELECT number FROM old.documents WHERE path = ?) ORDER BY ordinal
"""


class PassagesFile:
    """Reads an edition; may be used from several threads."""

    def __init__(self, edition: Path) -> None:
        address = f"{(edition / FILE_NAME).resolve().as_uri()}?mode=ro&immutable=1"
        try:
            self._rows = sqlite3.connect(address, uri=True, check_same_thread=False)
            about = dict(self._rows.execute("SELECT name, value FROM about").fetchall())
        except sqlite3.Error:
            raise Unavailable(f"Knowledge in {edition} is damaged: ingest again.") from None
        self._turn = threading.Lock()
        weakref.finalize(self, self._rows.close)
        self.version = Digest(about["version"])
        self.recipe = Recipe(about["extraction"], about["splitting"])
        self.format = about["format"]

    def by_ordinal(self, ordinal: int) -> Passage:
        with self._turn:
            row = self._rows.execute(f"{_PASSAGE} WHERE p.ordinal = ?", (ordinal,)).fetchone()
        return _passage(row)

    def by_id(self, passage_id: PassageId) -> Passage | None:
        with self._turn:
            row = self._rows.execute(f"{_PASSAGE} WHERE p.id = ?", (passage_id,)).fetchone()
        return _passage(row) if row else None

    def extracted(self, path: str) -> Extracted | None:
        """None for a document that is unknown or quarantined."""
        query = "SELECT text, title, markdown FROM documents WHERE path = ? AND status = 'indexed'"
        with self._turn:
            row = self._rows.execute(query, (path,)).fetchone()
        return Extracted(row[0], row[1], markdown=bool(row[2])) if row else None

    def records(self) -> tuple[DocumentRecord, ...]:
        query = f"SELECT {_RECORD} FROM documents ORDER BY path"  # noqa: S608 - constants only
        with self._turn:
            return tuple(_record(row) for row in self._rows.execute(query).fetchall())


class PassagesWriter:
    """Writes the file of an edition that nobody reads yet."""

    def __init__(self, edition: Path, old: Path | None) -> None:
        file = (edition / FILE_NAME).resolve()
        self._rows = sqlite3.connect(file.as_uri(), uri=True, isolation_level=None)
        # A crash leaves an edition that nobody ever opens: no journal is needed.
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.executescript(_SCHEMA)
        if old is not None:
            address = f"{(old / FILE_NAME).resolve().as_uri()}?mode=ro&immutable=1"
            self._rows.execute("ATTACH DATABASE ? AS old", (address,))
        self._rows.execute("BEGIN")

    def keep(self, path: str) -> None:
        number = self._rows.execute(_KEEP_DOCUMENT, (path,)).lastrowid
        self._rows.execute(_KEEP_PASSAGES, (number, path))

    def add(self, document: NewDocument) -> None:
        record, extracted = document.record, document.extracted
        values = (
            *(record.path, record.title, record.digest, record.characters, record.passages),
            *(record.status, record.reason, extracted.markdown, extracted.text),
        )
        marks = ", ".join("?" * len(values))
        query = f"INSERT INTO documents ({_RECORD}, markdown, text) VALUES ({marks})"  # noqa: S608 - constants only
        number = self._rows.execute(query, values).lastrowid
        self._rows.executemany(
            "INSERT INTO passages (id, document, heading, first, past, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (passage.id, number, passage.heading, passage.start, passage.end, passage.text)
                for passage in document.passages
            ],
        )

    def passages(self) -> Iterator[tuple[int, str, str, str]]:
        """Ordinal, title, heading and text, in order."""
        yield from self._rows.execute(
            "SELECT p.ordinal, d.title, p.heading, p.text FROM passages AS p"
            " JOIN documents AS d ON d.number = p.document ORDER BY p.ordinal"
        )

    def finish(self, recipe: Recipe, file_format: str) -> Digest:
        """Writes what the edition is; the version covers its documents and how they were read."""
        told = hashlib.sha256(canonical_bytes([file_format, recipe.extraction, recipe.splitting]))
        rows = self._rows.execute("SELECT path, digest, status FROM documents ORDER BY path")
        for row in rows:
            told.update(canonical_bytes(list(row)))
        version = Digest(told.hexdigest())
        about = {
            "format": file_format,
            "version": version,
            "extraction": recipe.extraction,
            "splitting": recipe.splitting,
        }
        self._rows.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        self._rows.execute("COMMIT")
        return version

    def close(self) -> None:
        self._rows.close()


def _record(row: tuple[str, str, str, int, int, str, str]) -> DocumentRecord:
    path, title, digest, characters, passages, status, reason = row
    return DocumentRecord(
        path=path,
        title=title,
        digest=cast('Digest | Literal[""]', digest),
        characters=characters,
        passages=passages,
        status=cast("DocumentStatus", status),
        reason=reason,
    )


def _passage(row: tuple[str, str, str, str, str, int, int, str]) -> Passage:
    name, document, title, heading, text, start, end, digest = row
    return Passage(
        id=PassageId(name),
        document=document,
        title=title,
        heading=heading,
        text=text,
        start=start,
        end=end,
        document_digest=Digest(digest),
    )
