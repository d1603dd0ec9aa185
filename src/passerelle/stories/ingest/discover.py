"""What has changed since the edition in force?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from passerelle.core.values.ids import digest_of
from passerelle.domain.knowledge.documents import Source, SourceItem, Unreadable
from passerelle.domain.knowledge.library import Kept

TWIN = "another source has a document of the same path; give one of the sources a prefix"


class Change(Enum):
    """What is to be done about a document."""

    NONE = auto()
    STAMP = auto()
    """The content is the same under a new stamp."""
    CONTENT = auto()
    """New, or changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document as it stands now."""

    item: SourceItem
    change: Change


@dataclass(frozen=True, slots=True)
class Survey:
    """The sources compared with the library."""

    found: tuple[Found, ...]
    """By path."""
    removed: tuple[str, ...]
    """Paths that are in the library only."""
    twins: tuple[str, ...]
    """Paths that more than one source has; the first of them was taken."""

    def changed(self) -> list[SourceItem]:
        return [found.item for found in self.found if found.change is Change.CONTENT]

    def restamped(self) -> dict[str, str]:
        return {
            found.item.path: found.item.stamp
            for found in self.found
            if found.change is Change.STAMP
        }


@dataclass(frozen=True, slots=True)
class Doubt:
    """What may not be taken over, however unchanged it looks."""

    everything: bool
    """The extraction engine is another one."""
    quarantined: bool
    """The caller asks for another try."""

    def covers(self, kept: Kept) -> bool:
        return self.everything or (self.quarantined and kept.record.status == "quarantined")


def survey(sources: Sequence[Source], kept: Mapping[str, Kept], doubt: Doubt) -> Survey:
    """Reads only documents whose stamp has changed, to compare their content."""
    items, twins = _items(sources)
    found = tuple(
        Found(items[path], _change(items[path], kept.get(path), doubt)) for path in sorted(items)
    )
    removed = tuple(sorted(kept.keys() - items.keys()))
    return Survey(found, removed, tuple(sorted(twins)))


def _items(sources: Iterable[Source]) -> tuple[dict[str, SourceItem], set[str]]:
    items: dict[str, SourceItem] = {}
    twins = set()
    for source in sources:
        for item in source.items():
            if item.path in items:
                twins.add(item.path)
            else:
                items[item.path] = item
    return items, twins


def _change(item: SourceItem, kept: Kept | None, doubt: Doubt) -> Change:
    if kept is None or doubt.covers(kept):
        return Change.CONTENT
    if item.stamp and item.stamp == kept.stamp:
        return Change.NONE
    try:
        same = digest_of(item.read()) == kept.record.digest
    except Unreadable as error:
        same = kept.record.digest == "" and kept.record.reason == error.detail
    return Change.STAMP if same else Change.CONTENT
