"""A library on disk that tests fill by path and text."""

from pathlib import Path

from passerelle.adapters.store.text_library import TextEdition, TextLibrary
from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.knowledge.documents import DocumentRecord, Extracted
from passerelle.domain.knowledge.library import NewDocument, Recipe
from passerelle.domain.knowledge.splitting import Splitting, split

RECIPE = Recipe("engine 1", "cuts 1")


def document(path: str, text: str) -> NewDocument:
    extracted = Extracted(text, "", markdown=False)
    digest = digest_of(text.encode())
    passages = split(path, digest, extracted, Splitting())
    record = DocumentRecord(path, path, digest, len(text), len(passages), "indexed")
    return NewDocument(f"stamp of {text}", record, extracted, passages)


def begun(folder: Path, texts: dict[str, str], recipe: Recipe = RECIPE) -> TextEdition:
    """An edition that nobody has finished yet."""
    edition = TextLibrary(folder).begin(recipe)
    for path in sorted(texts):
        edition.add(document(path, texts[path]))
    return edition


def published(folder: Path, texts: dict[str, str], recipe: Recipe = RECIPE) -> Digest:
    edition = begun(folder, texts, recipe)
    version = edition.finish()
    edition.publish()
    return version
