"""Documents of a folder: what is listed, and what is never read."""

import os
from pathlib import Path

import pytest

from passerelle.adapters.sources.folders import FolderDocuments
from passerelle.core.values.errors import NotFound
from passerelle.domain.knowledge.documents import SourceItem, Unreadable


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path, encoding="utf-8")


def listed(source: FolderDocuments) -> dict[str, SourceItem]:
    return {item.path: item for item in source.items()}


def reason(item: SourceItem) -> str:
    with pytest.raises(Unreadable) as refused:
        item.read()
    return refused.value.detail


def test_documents_are_found_by_pattern_at_every_depth(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b/c.md", "b/d/e.md", "b/f.txt", "g.MD")
    assert set(listed(FolderDocuments(tmp_path, ["**/*.md"]))) == {"a.md", "b/c.md", "b/d/e.md"}
    assert set(listed(FolderDocuments(tmp_path, ["*.md"]))) == {"a.md"}
    assert set(listed(FolderDocuments(tmp_path, ["b/**"]))) == {"b/c.md", "b/d/e.md", "b/f.txt"}
    assert set(listed(FolderDocuments(tmp_path, ["b/?.*"]))) == {"b/c.md", "b/f.txt"}


def test_excluded_and_hidden_entries_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, "a.md", ".hidden.md", ".git/x.md", "drafts/b.md")
    assert set(listed(FolderDocuments(tmp_path, ["**/*"], ["drafts/**"]))) == {"a.md"}


def test_a_prefix_is_put_before_every_path(tmp_path: Path) -> None:
    write(tmp_path, "a/b.md")
    found = listed(FolderDocuments(tmp_path, ["**/*"], prefix="docs"))
    assert found["docs/a/b.md"].read() == b"a/b.md"


def test_a_stamp_changes_with_the_file_even_when_its_time_is_set_back(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    source = FolderDocuments(tmp_path, ["**/*"])
    before = listed(source)["a.md"].stamp
    assert listed(source)["a.md"].stamp == before
    times = (tmp_path / "a.md").stat()
    (tmp_path / "new").write_text("b.md", encoding="utf-8")
    (tmp_path / "new").replace(tmp_path / "a.md")
    os.utime(tmp_path / "a.md", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert listed(source)["a.md"].stamp != before


def test_links_that_leave_the_folder_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "secret.md", "docs/a.md", "elsewhere/b.md")
    docs = tmp_path / "docs"
    (docs / "out.md").symlink_to(tmp_path / "secret.md")
    (docs / "up.md").symlink_to("../secret.md")
    (docs / "folder").symlink_to(tmp_path / "elsewhere")
    (docs / "in.md").symlink_to(docs / "a.md")
    found = listed(FolderDocuments(docs, ["**/*"]))
    assert set(found) == {"a.md", "in.md", "out.md", "up.md", "folder"}
    assert found["in.md"].read() == b"docs/a.md"
    for path in ("out.md", "up.md", "folder"):
        assert "leaves the folder" in reason(found[path])


def test_a_neighbour_whose_name_begins_like_the_folder_is_outside(tmp_path: Path) -> None:
    write(tmp_path, "docs/a.md", "docs-secret/b.md")
    (tmp_path / "docs" / "b.md").symlink_to(tmp_path / "docs-secret" / "b.md")
    found = listed(FolderDocuments(tmp_path / "docs", ["**/*"]))
    assert "leaves the folder" in reason(found["b.md"])


def test_links_in_a_circle_and_into_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "b.md")
    (tmp_path / "b.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "c.md").symlink_to(tmp_path / "nothing.md")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = listed(FolderDocuments(tmp_path, ["**/*"]))
    assert set(found) == {"a.md", "b.md", "c.md", "loop"}
    assert all(reason(item) for item in found.values())


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    assert "no regular file" in reason(listed(FolderDocuments(tmp_path, ["**/*"]))["a.md"])


@pytest.mark.parametrize("name", ["..\\..\\up.md", "..\\up.md"])
def test_a_name_that_points_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x", encoding="utf-8")
    found = listed(FolderDocuments(tmp_path, ["**/*"]))
    assert [reason(item) for item in found.values()] == [
        "its name points out of the folder; rename the file"
    ]


def test_names_that_are_no_text_are_shown_harmlessly(tmp_path: Path) -> None:
    for name in (b"a\xff.md", b"b\n.md", b"c\x1b[2J.md"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    found = listed(FolderDocuments(tmp_path, ["**/*"]))
    assert set(found) == {"a?.md", "b?.md", "c?[2J.md"}
    assert all("no text" in reason(item) for item in found.values())


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    source = FolderDocuments(tmp_path, ["**/*"], largest_bytes=2 * 1024 * 1024)
    assert reason(listed(source)["a.md"]) == "larger than 2 MiB; split the document"


def test_a_file_that_vanishes_between_listing_and_reading_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    item = listed(FolderDocuments(tmp_path, ["**/*"]))["a.md"]
    (tmp_path / "a.md").unlink()
    assert "cannot be opened" in reason(item)


def test_a_missing_folder_is_an_error_not_an_empty_source(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="create it, or correct"):
        list(FolderDocuments(tmp_path / "nothing", ["**/*"]).items())
