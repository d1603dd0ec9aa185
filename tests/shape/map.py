"""Prints each package with the question that it answers: `make map`."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "passerelle"


def questions() -> Iterator[tuple[str, str]]:
    """Dotted package name and its sentence, in the order of the tree."""
    for module in sorted(SOURCE.rglob("__init__.py")):
        name = ".".join(module.parent.relative_to(SOURCE.parent).parts)
        yield name, ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""


if __name__ == "__main__":
    for package, question in questions():
        print(f"{package:<46}{question}")  # noqa: T201 - this is what the command is for
