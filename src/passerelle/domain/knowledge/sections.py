"""The [knowledge] section of a use case file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.sections import Section
from passerelle.domain.knowledge.splitting import Splitting

EVERYTHING = "**/*"
_SHORTEST = 100
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder of documents."""

    folder: str
    """Relative to the folder of the use case file, or absolute."""
    include: tuple[str, ...] = (EVERYTHING,)
    """Patterns of paths below the folder, such as `**/*.md`."""
    exclude: tuple[str, ...] = ()
    prefix: str = ""
    """Put before every path, so that two folders may hold files of the same name."""


@dataclass(frozen=True, slots=True)
class KnowledgeSection:
    """Which documents a use case may quote, and how they are cut."""

    sources: tuple[FolderSource, ...]
    splitting: Splitting = field(default_factory=Splitting)


def parse_knowledge(
    table: Mapping[str, JsonValue],
) -> tuple[KnowledgeSection | None, tuple[Fault, ...]]:
    """Reads `sources` (folder, include, exclude, prefix) and `passages` (sizes)."""
    section = Section(table, "knowledge")
    tables = section.tables("sources")
    if not tables:
        section.fault("sources", 'needs at least one, such as {folder = "docs"}')
    sources = tuple(_source(inner) for inner in tables)
    splitting = _splitting(section.table("passages"))
    _refuse_twins(section, sources)
    faults = section.done()
    return (None, faults) if faults else (KnowledgeSection(sources, splitting), ())


def _source(section: Section) -> FolderSource:
    source = FolderSource(
        folder=section.text("folder"),
        include=section.strings("include", (EVERYTHING,), minimum=1),
        exclude=section.strings("exclude", ()),
        prefix=section.text("prefix", "", empty=True).strip("/"),
    )
    for key, patterns in (("include", source.include), ("exclude", source.exclude)):
        for pattern in patterns:
            if not _stays_below(pattern):
                section.fault(key, f'"{pattern}" must be relative and without ".."')
    if source.prefix and not _stays_below(source.prefix):
        section.fault("prefix", 'must be relative and without ".."')
    return source


def _splitting(section: Section) -> Splitting:
    usual = Splitting()
    longest = section.integer("longest", usual.longest, minimum=_SHORTEST, maximum=_LONGEST)
    target = section.integer("target", usual.target, minimum=_SHORTEST, maximum=_LONGEST)
    if target > longest:
        section.fault("target", "must not be above longest")
    return Splitting(target, longest, overlap=section.flag("overlap", usual.overlap))


def _stays_below(pattern: str) -> bool:
    return not pattern.startswith(("/", "\\")) and ".." not in pattern.replace("\\", "/").split("/")


def _refuse_twins(section: Section, sources: tuple[FolderSource, ...]) -> None:
    seen: set[tuple[str, str]] = set()
    for source in sources:
        if (source.folder, source.prefix) in seen:
            section.fault("sources", f'"{source.folder}" is named twice; give one a prefix')
        seen.add((source.folder, source.prefix))
