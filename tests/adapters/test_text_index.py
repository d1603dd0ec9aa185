"""The index on disk while it is served: new editions, wrong letters, damage."""

import threading
from pathlib import Path

import pytest

from passerelle.adapters.store.text_index import TextIndex
from passerelle.core.values.errors import Unavailable
from tests.adapters.shelf import published

BRIDGE = "The footbridge at Sargans is 120 metres long."


def documents(index: TextIndex, question: str) -> list[str]:
    return [hit.passage.document for hit in index.search(question, limit=3)]


def test_before_the_first_ingest_it_is_empty_and_then_fills(tmp_path: Path) -> None:
    index = TextIndex.open(tmp_path / "not there yet")
    assert index.search("footbridge", limit=3) == ()
    assert not index.refresh()
    version = published(tmp_path / "not there yet", {"a.txt": BRIDGE})
    assert index.refresh()
    assert index.version == version
    assert documents(index, "footbridge") == ["a.txt"]


def test_it_stays_on_its_edition_until_it_is_refreshed(tmp_path: Path) -> None:
    first = published(tmp_path, {"a.txt": BRIDGE})
    index = TextIndex.open(tmp_path)
    for number in range(3):
        published(tmp_path, {f"{number}.txt": f"Footbridge number {number}."})
    assert index.version == first
    assert documents(index, "footbridge") == ["a.txt"]
    assert index.document_text("a.txt") == BRIDGE
    assert index.refresh()
    assert documents(index, "footbridge") == ["2.txt"]
    assert not index.refresh()


def test_an_unreadable_edition_leaves_the_old_one_in_service(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": BRIDGE})
    index = TextIndex.open(tmp_path)
    (tmp_path / "current").write_text("e-gone", encoding="ascii")
    assert not index.refresh()
    assert documents(index, "footbridge") == ["a.txt"]
    with pytest.raises(Unavailable, match="run passerelle ingest"):
        TextIndex.open(tmp_path)


@pytest.mark.parametrize("lost", ["passages.db", "text/meta.json"])
def test_a_damaged_edition_is_named_not_served(tmp_path: Path, lost: str) -> None:
    published(tmp_path, {"a.txt": BRIDGE})
    edition = next((tmp_path / "editions").iterdir())
    (edition / lost).write_bytes(b"torn")
    with pytest.raises(Unavailable, match="damaged"):
        TextIndex.open(tmp_path)


@pytest.mark.parametrize("misspelt", ["footbrige", "footbrdige", "footbridgge", "fuotbridge"])
def test_a_wrong_letter_still_finds_the_word(tmp_path: Path, misspelt: str) -> None:
    texts = {f"{number}.txt": f"Nothing of that here, {number}." for number in range(5)}
    published(tmp_path, {**texts, "a.txt": BRIDGE})
    assert documents(TextIndex.open(tmp_path), misspelt) == ["a.txt"]


def test_short_words_are_not_stretched_to_others(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": "Take the bus."})
    assert documents(TextIndex.open(tmp_path), "bug") == []


def test_a_known_word_is_not_taken_for_its_neighbour(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": "The forms are here.", "b.txt": "The farms are there."})
    assert documents(TextIndex.open(tmp_path), "farms") == ["b.txt"]


def test_scripts_without_spaces_are_searched_by_sign(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": "東京の橋はとても長いです。", "b.txt": "京都には寺がある。"})
    assert documents(TextIndex.open(tmp_path), "橋の長さ")[0] == "a.txt"


def test_accents_and_case_do_not_matter(tmp_path: Path) -> None:
    published(tmp_path, {"a.txt": "The café is open."})
    assert documents(TextIndex.open(tmp_path), "CAFE") == ["a.txt"]


def test_the_rarest_words_of_a_long_question_are_searched(tmp_path: Path) -> None:
    common = " ".join(f"common{number}" for number in range(100))
    published(tmp_path, {"a.txt": BRIDGE, "b.txt": common, "c.txt": common})
    assert "a.txt" in documents(TextIndex.open(tmp_path), f"{common} Sargans")


def test_threads_may_search_and_open_passages_at_the_same_time(tmp_path: Path) -> None:
    published(tmp_path, {f"{n}.txt": f"Footbridge number {n} is long." for n in range(200)})
    index = TextIndex.open(tmp_path)
    faults: list[str] = []

    def ask() -> None:
        for number in range(100):
            hit = index.search(f"footbridge number {number}", limit=1)[0]
            if index.passage(hit.passage.id) != hit.passage:
                faults.append(hit.passage.id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
