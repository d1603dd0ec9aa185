"""A run of ingest: what is read, what is left alone, what is recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import MemoryStore, memory_store
from passerelle.adapters.store.text_index import TextIndex
from passerelle.adapters.store.text_library import TextLibrary
from passerelle.core.values.clock import SetClock
from passerelle.core.values.ids import canonical_bytes
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.grants import Forbidden, Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Progress
from passerelle.domain.knowledge.documents import Extracted, SourceItem, Unreadable
from passerelle.domain.knowledge.splitting import Splitting
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.ingest.report import IngestReport, Quarantined
from passerelle.stories.ingest.run import IngestParts, ingest

ADMINISTRATOR = Principal(
    "per_1", "person", "Ada", Scope("acme", "bridges"), frozenset({"administrator"})
)


@dataclass
class Shelf:
    """A source in memory: path → text; counts what is read."""

    texts: dict[str, str]
    stamps: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def items(self) -> Iterator[SourceItem]:
        for path, text in self.texts.items():
            stamp = self.stamps.get(path, f"stamp of {text}")
            yield SourceItem(path, stamp, partial(self._read, path))

    def _read(self, path: str) -> bytes:
        self.reads.append(path)
        if self.texts[path] == "locked":
            raise Unreadable("it cannot be opened; check its permissions")
        return self.texts[path].encode()


@dataclass
class Reader:
    """An extractor that decodes, refuses what begins with `bad`, and counts."""

    engine: str = "reader 1"
    names: list[str] = field(default_factory=list)

    async def extract(self, name: str, data: bytes) -> Extracted:
        self.names.append(name)
        if data.startswith(b"bad"):
            raise Unreadable("damaged; save it again")
        return Extracted(data.decode(), "", markdown=False)


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    opened = memory_store(signer=SigningKey("passerelle/test", b"seed".ljust(32, b".")))
    yield opened
    opened.close()


@pytest.fixture
def granted() -> Granted:
    return authorise(ADMINISTRATOR, Permission.KNOWLEDGE_WRITE)


class Runs:
    """Ingest over and over into one folder."""

    def __init__(self, folder: Path, store: MemoryStore, clock: SetClock) -> None:
        self.folder = folder
        self.shelf = Shelf({"a.txt": "Text a.", "b.txt": "Text b.", "c.zip": "bad"})
        self.reader = Reader()
        self.splitting = Splitting()
        self.told: list[Progress] = []
        self.more: Sequence[Shelf] = ()
        self.retry = False
        self._store = store
        self._clock = clock

    async def run(self, granted: Granted) -> IngestReport:
        self.reader.names.clear()
        self.shelf.reads.clear()
        self.told.clear()
        parts = IngestParts(
            usecase="handbook",
            sources=[self.shelf, *self.more],
            extractor=self.reader,
            splitting=self.splitting,
            library=TextLibrary(self.folder),
            ledger=self._store.ledger,
            clock=self._clock,
            retry=self.retry,
        )
        return (await ingest(granted, parts, progress=self.told.append)).value

    def found(self, question: str) -> list[str]:
        hits = TextIndex.open(self.folder).search(question, limit=5)
        return sorted(hit.passage.document for hit in hits)


@pytest.fixture
def runs(tmp_path: Path, store: MemoryStore, clock: SetClock) -> Runs:
    return Runs(tmp_path, store, clock)


async def test_a_first_run_reads_everything_and_quarantines_with_a_reason(
    runs: Runs, granted: Granted
) -> None:
    report = await runs.run(granted)
    assert (report.read, report.unchanged, report.removed) == (3, 0, 0)
    assert (report.documents, report.passages, report.changed) == (2, 2, True)
    assert report.quarantined == (Quarantined("c.zip", "damaged; save it again"),)
    assert runs.found("text") == ["a.txt", "b.txt"]
    assert TextIndex.open(runs.folder).version == report.version


async def test_a_second_run_reads_nothing_at_all(runs: Runs, granted: Granted) -> None:
    first = await runs.run(granted)
    second = await runs.run(granted)
    assert runs.shelf.reads == []
    assert runs.told == []
    assert (second.read, second.unchanged, second.changed) == (0, 3, False)
    assert second.version == first.version
    assert second.quarantined == first.quarantined
    assert (second.documents, second.passages) == (2, 2)


async def test_only_changed_documents_are_parsed(runs: Runs, granted: Granted) -> None:
    first = await runs.run(granted)
    runs.shelf.texts["b.txt"] = "Other words."
    second = await runs.run(granted)
    assert runs.reader.names == ["b.txt"]
    assert (second.read, second.unchanged) == (1, 2)
    assert second.version != first.version
    assert runs.found("text") == ["a.txt"]
    assert runs.found("other words") == ["b.txt"]


async def test_deleted_documents_disappear(runs: Runs, granted: Granted) -> None:
    await runs.run(granted)
    del runs.shelf.texts["a.txt"]
    report = await runs.run(granted)
    assert (report.read, report.removed, report.documents) == (0, 1, 1)
    assert runs.reader.names == []
    assert runs.found("text") == ["b.txt"]
    assert TextIndex.open(runs.folder).document_text("a.txt") is None


async def test_a_touched_document_is_compared_once_and_not_parsed(
    runs: Runs, granted: Granted
) -> None:
    first = await runs.run(granted)
    runs.shelf.stamps["a.txt"] = "touched"
    second = await runs.run(granted)
    assert runs.shelf.reads == ["a.txt"]
    assert runs.reader.names == []
    assert (second.changed, second.version) == (False, first.version)
    await runs.run(granted)
    assert runs.shelf.reads == []


async def test_a_moved_text_is_found_under_its_new_name_only(runs: Runs, granted: Granted) -> None:
    await runs.run(granted)
    runs.shelf.texts["z.txt"] = runs.shelf.texts.pop("a.txt")
    await runs.run(granted)
    assert runs.found("text") == ["b.txt", "z.txt"]


async def test_the_same_documents_give_the_same_version_whatever_came_before(
    runs: Runs, granted: Granted
) -> None:
    first = await runs.run(granted)
    runs.shelf.texts["d.txt"] = "Text d."
    await runs.run(granted)
    del runs.shelf.texts["d.txt"]
    assert (await runs.run(granted)).version == first.version


async def test_other_sizes_cut_the_kept_texts_anew_without_reading(
    runs: Runs, granted: Granted
) -> None:
    runs.shelf.texts["a.txt"] = "This is a sentence. " * 20
    first = await runs.run(granted)
    runs.splitting = Splitting(target=100, longest=150)
    second = await runs.run(granted)
    assert runs.shelf.reads == []
    assert second.passages > first.passages
    assert second.version != first.version


async def test_another_engine_reads_everything_again(runs: Runs, granted: Granted) -> None:
    first = await runs.run(granted)
    runs.reader.engine = "reader 2"
    second = await runs.run(granted)
    assert runs.reader.names == ["a.txt", "b.txt", "c.zip"]
    assert second.version != first.version


async def test_quarantined_documents_are_tried_again_only_when_asked(
    runs: Runs, granted: Granted
) -> None:
    await runs.run(granted)
    runs.retry = True
    report = await runs.run(granted)
    assert runs.reader.names == ["c.zip"]
    assert report.read == 1


async def test_a_document_that_cannot_be_opened_is_quarantined_until_it_can(
    runs: Runs, granted: Granted
) -> None:
    runs.shelf.texts["a.txt"] = "locked"
    runs.shelf.stamps["a.txt"] = ""
    report = await runs.run(granted)
    assert Quarantined("a.txt", "it cannot be opened; check its permissions") in report.quarantined
    assert not (await runs.run(granted)).changed
    runs.shelf.texts["a.txt"] = "Text a."
    assert (await runs.run(granted)).changed
    assert runs.found("text") == ["a.txt", "b.txt"]


async def test_a_text_without_words_is_quarantined(runs: Runs, granted: Granted) -> None:
    runs.shelf.texts["d.txt"] = "*** ---"
    report = await runs.run(granted)
    assert Quarantined("d.txt", "holds no words; remove the file") in report.quarantined


async def test_the_second_of_two_documents_of_one_path_is_told_every_time(
    runs: Runs, granted: Granted
) -> None:
    runs.more = [Shelf({"a.txt": "Another text.", "d.txt": "Text d."})]
    for _ in range(2):
        report = await runs.run(granted)
        assert [each.path for each in report.quarantined] == ["a.txt", "c.zip"]
        assert "give one of the sources a prefix" in report.quarantined[0].reason
    assert TextIndex.open(runs.folder).document_text("a.txt") == "Text a."


async def test_no_document_at_all_is_an_empty_index(runs: Runs, granted: Granted) -> None:
    runs.shelf.texts.clear()
    report = await runs.run(granted)
    assert (report.documents, report.changed) == (0, True)
    assert runs.found("text") == []
    assert not (await runs.run(granted)).changed


async def test_progress_counts_the_documents_that_are_read(runs: Runs, granted: Granted) -> None:
    await runs.run(granted)
    assert [step.total for step in runs.told] == [3] * len(runs.told)
    assert [step.item for step in runs.told] == ["a.txt", "b.txt", "c.zip", ""]
    assert runs.told[-1].done == 3


async def test_a_run_is_announced_and_recorded_with_its_version(
    runs: Runs, granted: Granted, store: MemoryStore
) -> None:
    report = await runs.run(granted)
    done, intended = store.ledger.entries(organisation="acme")
    assert (intended.event, done.event) == ("knowledge.ingest.intended", "knowledge.ingest.done")
    assert (done.principal, done.subject, done.usecase) == ("per_1", "handbook", "handbook")
    for told in (
        {"version": report.version},
        {"version_before": None},
        {"read": 3, "removed": 0, "unchanged": 0},
    ):
        for name, value in told.items():
            assert canonical_bytes({name: value})[1:-1] in done.facts


async def test_nothing_is_put_in_force_that_cannot_be_recorded(
    runs: Runs, granted: Granted, store: MemoryStore
) -> None:
    await runs.run(granted)
    runs.shelf.texts["a.txt"] = "Unrecorded words."
    store.close()
    with pytest.raises(LedgerUnavailable):
        await runs.run(granted)
    assert runs.found("unrecorded") == []
    assert runs.found("text") == ["a.txt", "b.txt"]
    assert len(list((runs.folder / "editions").iterdir())) == 1


async def test_a_run_that_breaks_leaves_the_old_edition_and_frees_the_library(
    runs: Runs, granted: Granted
) -> None:
    class Broken(Reader):
        async def extract(self, name: str, data: bytes) -> Extracted:
            raise RuntimeError(f"{name} {len(data)}")

    await runs.run(granted)
    runs.shelf.texts["d.txt"] = "Text d."
    good, runs.reader = runs.reader, Broken()
    with pytest.raises(RuntimeError):
        await runs.run(granted)
    assert runs.found("text") == ["a.txt", "b.txt"]
    runs.reader = good
    assert (await runs.run(granted)).documents == 3


async def test_a_proof_for_something_else_is_refused(runs: Runs) -> None:
    other = authorise(ADMINISTRATOR, Permission.KNOWLEDGE_READ)
    with pytest.raises(Forbidden):
        await runs.run(other)
