"""Editions: built aside, switched in one step, never half, never two at once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from passerelle.adapters.store import text_search
from passerelle.adapters.store.text_index import TextIndex
from passerelle.adapters.store.text_library import TextLibrary
from passerelle.core.values.errors import Unavailable
from passerelle.domain.knowledge.library import Recipe
from tests.adapters.shelf import RECIPE, begun, document, published

KILLED_WHILE_BUILDING = """
import os, signal, sys
from pathlib import Path
from tests.adapters.shelf import begun
edition = begun(Path(sys.argv[1]), {"b.txt": "New text."})
if sys.argv[2] == "finished":
    edition.finish()
os.kill(os.getpid(), signal.SIGKILL)
"""


def editions(folder: Path) -> list[str]:
    return [path.name for path in (folder / "editions").iterdir()]


def test_an_edition_that_is_not_published_is_not_seen_and_leaves_nothing(tmp_path: Path) -> None:
    version = published(tmp_path, {"a.txt": "Old text."})
    edition = begun(tmp_path, {"b.txt": "New text."})
    edition.finish()
    assert TextIndex.open(tmp_path).version == version
    edition.discard()
    assert len(editions(tmp_path)) == 1
    assert TextLibrary(tmp_path).version() == version


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["adding", "finished"])
def test_a_killed_run_leaves_the_old_edition_and_the_next_run_cleans_up(
    tmp_path: Path, moment: str
) -> None:
    version = published(tmp_path, {"a.txt": "Old text."})
    command = [sys.executable, "-c", KILLED_WHILE_BUILDING, str(tmp_path), moment]
    root = Path(__file__).parents[2]
    killed = subprocess.run(command, cwd=root, check=False)  # noqa: S603 - our own code
    assert killed.returncode == -signal.SIGKILL
    assert TextIndex.open(tmp_path).version == version
    assert len(editions(tmp_path)) == 2
    published(tmp_path, {"c.txt": "Newer text."})
    assert [hit.passage.document for hit in TextIndex.open(tmp_path).search("text", limit=3)] == [
        "c.txt"
    ]
    assert len(editions(tmp_path)) == 2  # the one in force and the one before it


def test_two_runs_cannot_build_at_the_same_time(tmp_path: Path) -> None:
    edition = begun(tmp_path, {"a.txt": "Text."})
    with pytest.raises(Unavailable, match="is running"):
        TextLibrary(tmp_path).begin(RECIPE)
    edition.discard()
    TextLibrary(tmp_path).begin(RECIPE).discard()


def test_a_run_that_was_overtaken_cannot_build_on_an_old_view(tmp_path: Path) -> None:
    library = TextLibrary(tmp_path)
    published(tmp_path, {"a.txt": "Text."})
    with pytest.raises(Unavailable, match="has just ended"):
        library.begin(RECIPE)


def test_documents_are_taken_over_with_text_and_passages(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": "First text.", "c.txt": "Third text."})
    before = TextIndex.open(tmp_path)
    edition = TextLibrary(tmp_path).begin(RECIPE)
    edition.keep("a.txt", "new stamp")
    edition.add(document("b.txt", "Second text."))
    edition.finish()
    edition.publish()
    after = TextIndex.open(tmp_path)
    first = before.search("first", limit=1)[0].passage
    assert after.search("first", limit=1)[0].passage == first
    assert after.document_text("a.txt") == "First text."
    assert after.document_text("c.txt") is None
    kept = TextLibrary(tmp_path).kept()
    assert set(kept) == {"a.txt", "b.txt"}
    assert kept["a.txt"].stamp == "new stamp"


def test_the_version_depends_on_documents_and_recipe_not_on_the_way_there(tmp_path: Path) -> None:
    at_once = published(tmp_path / "one", {"a.txt": "A.", "b.txt": "B."})
    published(tmp_path / "two", {"a.txt": "A."})
    edition = TextLibrary(tmp_path / "two").begin(RECIPE)
    edition.keep("a.txt", "")
    edition.add(document("b.txt", "B."))
    assert edition.finish() == at_once
    edition.discard()
    for recipe in (Recipe("engine 2", "cuts 1"), Recipe("engine 1", "cuts 2")):
        assert published(tmp_path / recipe.extraction, {"a.txt": "A."}, recipe) != at_once


def test_stamps_are_noted_without_a_new_edition(tmp_path: Path) -> None:
    version = published(tmp_path, {"a.txt": "A.", "b.txt": "B."})
    TextLibrary(tmp_path).restamp({"a.txt": "touched"})
    library = TextLibrary(tmp_path)
    assert library.version() == version
    assert library.kept()["a.txt"].stamp == "touched"
    assert library.kept()["b.txt"].stamp == "stamp of B."


@pytest.mark.parametrize("lost", ["passages.db", "text/meta.json"])
def test_a_damaged_edition_counts_as_none_so_that_everything_is_read_anew(
    tmp_path: Path, lost: str
) -> None:
    published(tmp_path, {"a.txt": "A."})
    (tmp_path / "editions" / editions(tmp_path)[0] / lost).write_bytes(b"torn")
    library = TextLibrary(tmp_path)
    assert library.recipe() is None
    assert library.kept() == {}
    published(tmp_path, {"a.txt": "A."})
    assert TextIndex.open(tmp_path).document_text("a.txt") == "A."


def test_an_edition_of_another_version_is_neither_served_nor_built_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path, {"a.txt": "A."})
    monkeypatch.setattr(text_search, "FORMAT", "a later one")
    assert TextLibrary(tmp_path).recipe() is None
    with pytest.raises(Unavailable, match="another version"):
        TextIndex.open(tmp_path)


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    library = TextLibrary(tmp_path / "not there")
    assert (library.version(), library.recipe(), library.kept()) == (None, None, {})
    assert library.extracted("a.txt") is None
    assert not (tmp_path / "not there").exists()
