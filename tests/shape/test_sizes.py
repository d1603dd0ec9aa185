"""The maxima of style, without exemptions."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "measurements")
LONGEST_FILE = 500
LONGEST_BODY = 60
MOST_POSITIONAL = 4
EMPTY_WORDS = {"utils", "helpers", "common", "base", "manager", "service", "misc"}


def python_files() -> list[Path]:
    return [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


@pytest.mark.parametrize("file", python_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_file_keeps_the_maxima(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    faults = []
    if (lines := text.count("\n")) > LONGEST_FILE:
        faults.append(f"{lines} lines; the most is {LONGEST_FILE}: split by meaning")
    for function in functions(ast.parse(text)):
        if (lines := body_lines(function)) > LONGEST_BODY:
            faults.append(f"{function.name}: body of {lines} lines; the most is {LONGEST_BODY}")
        positional = [
            argument.arg
            for argument in (*function.args.posonlyargs, *function.args.args)
            if argument.arg not in {"self", "cls"}
        ]
        if len(positional) > MOST_POSITIONAL and "tests" not in file.parts:
            faults.append(f"{function.name}: {len(positional)} positional parameters")
    if file.stem in EMPTY_WORDS:
        faults.append("a name that says nothing")
    assert not faults, "\n".join(faults)


def test_core_values_stay_within_twelve_files() -> None:
    values = ROOT / "src" / "passerelle" / "core" / "values"
    assert len([file for file in values.glob("*.py") if file.stem != "__init__"]) <= 12


def test_core_has_at_most_fifteen_direct_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(project["dependencies"]) <= 15
