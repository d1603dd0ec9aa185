"""A new use case, commented and valid from the first minute."""

from collections.abc import Callable
from pathlib import Path

from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.usecases.profiles import why_not_a_name

_TEMPLATES = Path(__file__).with_name("templates")
_SETTINGS = "passerelle.toml"


class NameTaken(InvalidRequest):
    """A use case of this name already exists."""

    code = "name_taken"
    status = 409


class UnusableName(InvalidRequest):
    """This cannot be the name of a use case."""

    code = "unusable_name"


def scaffold(
    name: str, write: Callable[[str, str], None], exists: Callable[[str], bool]
) -> tuple[str, ...]:
    """Writes passerelle.toml, if absent, and usecases/NAME/; returns what it wrote.

    `write(path, text)` and `exists(path)` take paths with forward slashes below the
    configuration folder. Nothing is overwritten: raises `NameTaken` before the first
    write when the use case's folder exists, `UnusableName` for a name that clients
    could not use as a model.
    """
    if reason := why_not_a_name(name):
        raise UnusableName(f'"{name}" {reason}.')
    folder = f"usecases/{name}"
    if exists(folder):
        raise NameTaken(f"Choose another name, or delete the folder {folder} first.")
    texts = {f"{folder}/{path}": text for path, text in _usecase_texts(name).items()}
    if not exists(_SETTINGS):
        texts[_SETTINGS] = (_TEMPLATES / _SETTINGS).read_text("utf-8")
    for path, text in texts.items():
        write(path, text)
    return tuple(texts)


def _usecase_texts(name: str) -> dict[str, str]:
    title = name.replace("-", " ").capitalize()
    root = _TEMPLATES / "usecase"
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        .replace("__NAME__", name)
        .replace("__TITLE__", title)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
