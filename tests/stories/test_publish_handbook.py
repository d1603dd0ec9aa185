import json
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
