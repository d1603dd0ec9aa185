"""One run: what changed → text → passages → the next edition, in force at once."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.ids import Digest
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Report, Tally
from passerelle.domain.knowledge.documents import Extractor, Source
from passerelle.domain.knowledge.library import Edition, Kept, Library, NewDocument, Recipe
from passerelle.domain.knowledge.splitting import Splitting
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import KNOWLEDGE_INGEST
from passerelle.stories.ingest.discover import TWIN, Change, Doubt, Found, Survey, survey
from passerelle.stories.ingest.extract import Reading, cut, read_all
from passerelle.stories.ingest.report import IngestReport, Quarantined

READ_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class IngestParts:
    """Everything that a run reads or calls."""

    usecase: str
    sources: Sequence[Source]
    extractor: Extractor
    splitting: Splitting
    library: Library
    ledger: Ledger
    clock: Clock
    retry: bool = False
    """Reads quarantined documents again, though they have not changed."""


async def ingest(
    granted: Granted, parts: IngestParts, *, progress: Report
) -> Recorded[IngestReport]:
    """Brings the library up to date.

    Documents that cannot be read are quarantined and the run goes on. The next
    edition is built aside; putting it in force is the act that is recorded.
    Raises `NotFound` for a source that is not there, before anything changes.
    """
    granted.require(Permission.KNOWLEDGE_WRITE)
    started_ns = parts.clock.monotonic_ns()
    run = _Run(parts, progress)
    if run.up_to_date:
        parts.library.restamp(run.survey.restamped())
        return await _recorded(granted, parts, run.report(None, started_ns), None)
    edition = parts.library.begin(run.recipe)
    try:
        await run.fill(edition)
        report = run.report(edition.finish(), started_ns)
        return await _recorded(granted, parts, report, edition)
    finally:
        edition.discard()


class _Run:
    """The state of one run."""

    def __init__(self, parts: IngestParts, progress: Report) -> None:
        library = parts.library
        self._parts = parts
        self.recipe = Recipe(parts.extractor.engine, parts.splitting.name)
        self._old = library.recipe()
        self._kept: Mapping[str, Kept] = library.kept() if self._old else {}
        stale = self._old is not None and self._old.extraction != self.recipe.extraction
        self.survey: Survey = survey(
            parts.sources, self._kept, Doubt(everything=stale, quarantined=parts.retry)
        )
        self._changed = self.survey.changed()
        self._tally = Tally(len(self._changed), parts.clock, progress)
        self._records = (
            {}
            if self._old is None
            else {
                found.item.path: self._kept[found.item.path].record
                for found in self.survey.found
                if found.change is not Change.CONTENT
            }
        )

    @property
    def up_to_date(self) -> bool:
        same = self._old == self.recipe
        return same and not self._changed and not self.survey.removed

    async def fill(self, edition: Edition) -> None:
        """Every document by path: read anew, cut anew, or taken over."""
        reading = Reading(self._parts.extractor, self._parts.splitting, READ_AT_ONCE)
        async with aclosing(read_all(self._changed, reading, self._tally)) as documents:
            for found in self.survey.found:
                if found.change is Change.CONTENT:
                    self._add(edition, await anext(documents))
                elif self._old is not None and self._old.splitting != self.recipe.splitting:
                    self._cut_anew(edition, found)
                else:
                    edition.keep(found.item.path, found.item.stamp)

    def report(self, version: Digest | None, started_ns: int) -> IngestReport:
        """With the version of the edition just built, else that in force."""
        parts, records = self._parts, self._records.values()
        quarantined = [
            Quarantined(record.path, record.reason)
            for record in records
            if record.status == "quarantined"
        ]
        quarantined += [Quarantined(path, TWIN) for path in self.survey.twins]
        in_force = version or parts.library.version()
        if in_force is None:
            raise RuntimeError("a library without an edition cannot be up to date")
        return IngestReport(
            usecase=parts.usecase,
            read=len(self._changed),
            unchanged=len(self.survey.found) - len(self._changed),
            removed=len(self.survey.removed),
            quarantined=tuple(sorted(quarantined, key=lambda found: found.path)),
            documents=sum(record.status == "indexed" for record in records),
            passages=sum(record.passages for record in records),
            version=in_force,
            changed=version is not None,
            seconds=(parts.clock.monotonic_ns() - started_ns) / 1_000_000_000,
        )

    def _add(self, edition: Edition, document: NewDocument) -> None:
        edition.add(document)
        self._records[document.record.path] = document.record

    def _cut_anew(self, edition: Edition, found: Found) -> None:
        """From the kept text: no document is read for other sizes of passages."""
        record = self._kept[found.item.path].record
        extracted = self._parts.library.extracted(record.path)
        if extracted is None or record.digest == "":
            edition.keep(found.item.path, found.item.stamp)
        else:
            self._add(edition, cut(found.item, record.digest, extracted, self._parts.splitting))


async def _recorded(
    granted: Granted, parts: IngestParts, report: IngestReport, edition: Edition | None
) -> Recorded[IngestReport]:
    started_ns = parts.clock.monotonic_ns()

    async def publish() -> IngestReport:
        if edition is not None:
            edition.publish()
        spent = (parts.clock.monotonic_ns() - started_ns) / 1_000_000_000
        return replace(report, seconds=report.seconds + spent)

    facts: dict[str, JsonValue] = {
        "version": report.version,
        "version_before": parts.library.version(),
        "read": report.read,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "quarantined": len(report.quarantined),
        "documents": report.documents,
        "passages": report.passages,
    }
    draft = Draft(
        event=KNOWLEDGE_INGEST,
        at_ms=parts.clock.now_ms(),
        scope=granted.principal.scope,
        principal=granted.principal.id,
        subject=parts.usecase,
        usecase=parts.usecase,
        facts=facts,
    )
    return await record(parts.ledger, draft, publish)
