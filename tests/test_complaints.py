"""The page of complaints points to tests that exist, and says so where nothing is built."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "complaints.md").read_text(encoding="utf-8")
CITED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| complaint")
]


def test_every_complaint_is_answered() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        assert len(row) == 4, row
        complaint, threads, ours, tests = row
        assert complaint
        assert re.search(r"#\d+|CVE-|GHSA-|\d{4}-\d\d-\d\d|our own rule", threads), complaint
        assert CITED.search(tests) or (tests == "–" and ours.startswith("not built yet")), complaint


@pytest.mark.parametrize(("file", "name"), sorted(set(CITED.findall(PAGE))))
def test_every_test_of_the_page_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert name in {each.name for each in tree.body if isinstance(each, kinds)}


def test_every_locked_dependency_has_its_hash() -> None:
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        whole = file.read_text(encoding="utf-8").replace("\\\n", " ")
        pinned = [line for line in whole.splitlines() if re.match(r"[\w.\[\]-]+ ?==", line)]
        assert pinned, file
        assert all("--hash=sha256:" in line for line in pinned), file


def test_nothing_in_the_product_asks_for_a_licence() -> None:
    asking = re.compile(
        r"licen[cs]e[ _]?key|enterprise[ _](edition|only|plan)|premium", re.IGNORECASE
    )
    found = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "src").rglob("*.py")
        if asking.search(file.read_text(encoding="utf-8"))
    ]
    assert found == []
