import json
import re
from pathlib import Path

import pytest

from passerelle.core.values.scope import Stage
from passerelle.domain.guardrails.guards import Surface
from passerelle.domain.guardrails.screening import screen
from passerelle.stories.govern.publish import UseCase, read_usecase

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "usecases" / "handbook"
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def handbook() -> UseCase:
    text = (FOLDER / "usecase.toml").read_text("utf-8")
    return read_usecase(text, "usecase.toml", lambda path: (FOLDER / path).read_text("utf-8"))


def test_the_bundled_use_case_serves_without_a_key_or_a_network(handbook: UseCase) -> None:
    assert handbook.name == "handbook"
    assert {setup.plan.provider for setup in handbook.stages.values()} == {"extractive"}
    assert {Stage.POC, Stage.PILOT} <= set(handbook.stages)
    assert handbook.charter.roles.unnamed == ()


def test_its_documents_are_the_pages_of_the_documentation(handbook: UseCase) -> None:
    assert handbook.knowledge is not None
    folders = [(FOLDER / source.folder).resolve() for source in handbook.knowledge.sources]
    assert folders == [DOCS]


CASES = [json.loads(row) for row in (FOLDER / "cases.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_a_case_is_complete_and_its_answer_stands_in_its_documents(
    case: dict[str, str | bool | list[str]],
) -> None:
    assert set(case) == {"id", "question", "reference", "documents", "answerable", "slice"}
    documents = case["documents"]
    assert isinstance(documents, list)
    assert bool(case["answerable"]) == bool(case["reference"]) == bool(documents)
    wanted = set(re.findall(r"[a-z0-9_]{5,}", str(case["reference"]).casefold()))
    for document in documents:
        text = (DOCS / document).read_text("utf-8").casefold()
        present = {word for word in wanted if word in text}
        assert len(present) >= 0.75 * len(wanted), wanted - present


def test_cases_have_names_of_their_own_and_some_cannot_be_answered() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 12
    assert sum(not case["answerable"] for case in CASES) >= 2


PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_page_is_kept_from_answers_by_a_guard(handbook: UseCase, page: Path) -> None:
    for paragraph in page.read_text("utf-8").split("\n\n"):
        for surface in (Surface.DOCUMENT, Surface.OUTPUT):
            assert not screen(paragraph, handbook.guards, surface).blocked, paragraph


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_no_question_is_stopped_or_changed_by_a_guard(
    handbook: UseCase, case: dict[str, str]
) -> None:
    screened = screen(case["question"], handbook.guards, Surface.INPUT)
    assert not screened.blocked
    assert screened.text == case["question"]
