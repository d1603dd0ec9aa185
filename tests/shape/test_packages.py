"""Every package says which question it answers, and nothing else."""

import ast
from pathlib import Path

import pytest

from tests.shape.map import SOURCE, questions


@pytest.mark.parametrize(("package", "sentence"), list(questions()))
def test_package_says_its_question_in_one_sentence(package: str, sentence: str) -> None:
    assert sentence, f"{package}/__init__.py has no sentence"
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "module", [file for file in SOURCE.rglob("__init__.py") if file.parent != SOURCE], ids=str
)
def test_package_init_holds_nothing_but_its_sentence(module: Path) -> None:
    assert len(ast.parse(module.read_text(encoding="utf-8")).body) == 1
