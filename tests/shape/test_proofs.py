"""Proofs are types: each has one maker."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "passerelle"
MAKERS = {
    "Granted": "domain/identity/grants.py",
    "Recorded": "domain/ledger/acts.py",
    "Checked": "stories/serve/steps.py",
    "Warrant": "stories/improve/promote.py",
}


def makers_of(proof: str) -> set[str]:
    """Files that call the proof's constructor, under its name or an alias."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {proof} | {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == proof and alias.asname
        }
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Subscript):
                called = called.value
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", None)
            if name in names:
                found.add(file.relative_to(SOURCE).as_posix())
    return found


@pytest.mark.parametrize("proof", sorted(MAKERS))
def test_proof_is_made_in_one_place_only(proof: str) -> None:
    assert makers_of(proof) == {MAKERS[proof]}
