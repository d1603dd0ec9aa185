"""Ingest's parts: the sources, the library and the parsers of each use case."""

from collections.abc import Callable
from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Progress
from passerelle.domain.knowledge.documents import Extractor
from passerelle.domain.knowledge.sections import KnowledgeSection
from passerelle.stories.govern.publish import UseCase
from passerelle.stories.ingest.report import IngestReport
from passerelle.stories.ingest.run import IngestParts, ingest
from passerelle.wiring.installation import Installation

Report = Callable[[str, Progress], None]
"""Told the use case and how far its run is."""


async def ingest_usecases(
    installation: Installation,
    store: Store,
    progress: Report,
    *,
    retry: bool = False,
    missing_only: bool = False,
) -> tuple[IngestReport, ...]:
    """Brings the knowledge of every use case up to date.

    `retry` reads quarantined documents again; `missing_only` leaves alone what is there.
    """
    from passerelle.adapters.extractors.documents import DocumentExtractor

    granted = authorise(installation.operator, Permission.KNOWLEDGE_WRITE)
    reports = []
    async with DocumentExtractor() as extractor:
        for usecase in installation.usecases:
            if usecase.knowledge is None:
                continue
            parts = _parts(
                installation, store, usecase, knowledge=usecase.knowledge, extractor=extractor
            )
            parts = replace(parts, retry=retry)
            if missing_only and parts.library.version() is not None:
                continue
            tell = _teller(progress, usecase.name)
            reports.append((await ingest(granted, parts, progress=tell)).value)
    return tuple(reports)


def _teller(progress: Report, usecase: str) -> Callable[[Progress], None]:
    return lambda step: progress(usecase, step)


def _parts(
    installation: Installation,
    store: Store,
    usecase: UseCase,
    *,
    knowledge: KnowledgeSection,
    extractor: Extractor,
) -> IngestParts:
    from passerelle.adapters.sources.folders import FolderDocuments
    from passerelle.adapters.store.text_library import TextLibrary

    home = installation.folder / "usecases" / usecase.name
    return IngestParts(
        usecase=usecase.name,
        sources=[
            FolderDocuments(
                home / source.folder, source.include, source.exclude, prefix=source.prefix
            )
            for source in knowledge.sources
        ],
        extractor=extractor,
        splitting=knowledge.splitting,
        library=TextLibrary(installation.index_folder(usecase.name)),
        ledger=store.ledger,
        clock=installation.clock,
    )
